"""Resolve pyproject.toml into the hash-pinned locks: ``make lock``, or ``make lock UPGRADE=1``.

Without UPGRADE the pins of the present locks are kept wherever they still fit. Everything is
resolved for one Python and to wheels only, so that installing compiles nothing. No lock names an
index: each machine takes the packages from wherever its pip is configured to.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from setup import PYTHON, ROOT, SetupError, environment, find_uv, say

TORCH = "2.13.0"
LINUX = "x86_64-unknown-linux-gnu"


@dataclass(frozen=True)
class Choice:
    """One lock: the platform it is for and what it holds torch to."""

    name: str
    platform: str
    torch: str
    variables: dict[str, str] = field(default_factory=dict)


CHOICES = (
    Choice("cpu-linux", LINUX, f"torch=={TORCH}+cpu"),
    Choice("cuda-linux", LINUX, f"torch=={TORCH}"),
    # mlx, which unsloth uses on Apple silicon, needs macOS 14
    Choice("macos", "aarch64-apple-darwin", f"torch=={TORCH}", {"MACOSX_DEPLOYMENT_TARGET": "14.0"}),
)
COMMON = ["--python-version", PYTHON, "--generate-hashes", "--no-annotate", "--quiet"]
COMMON += ["--only-binary", ":all:", "--custom-compile-command", "make lock"]


def compile_lock(uv: str, choice: Choice, upgrade: bool) -> None:
    """Resolve one lock beside the old one, then put it in its place."""
    target = ROOT / "nbconfig" / "locks" / f"{choice.name}.txt"
    part = target.with_suffix(".txt.part")
    if target.exists() and not upgrade:
        shutil.copyfile(target, part)
    env = environment() | choice.variables
    env.pop("UV_INDEX", None)  # a machine's partial mirrors would leave hashes out
    command = [uv, "pip", "compile", "pyproject.toml", "--group", "dev", "-c", "-", *COMMON]
    command += ["--python-platform", choice.platform, "-o", str(part.relative_to(ROOT))]
    if choice.torch.endswith("+cpu"):
        command += [] if "UV_FIND_LINKS" in env else ["--torch-backend", "cpu"]
    else:
        env.pop("UV_FIND_LINKS", None)
    done = subprocess.run(command, cwd=ROOT, env=env, input=choice.torch, text=True, check=False)
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        raise SetupError(f"{choice.name} did not resolve", "read the lines above; the old lock is kept")
    part.replace(target)
    say(f"nbconfig/locks/{choice.name}.txt")


def main() -> int:
    try:
        uv = find_uv(ROOT)
        for choice in CHOICES:
            compile_lock(uv, choice, upgrade="--upgrade" in sys.argv[1:])
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
