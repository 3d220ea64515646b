"""Resolve pyproject.toml into the hash-pinned locks: ``make lock``, or ``make lock UPGRADE=1``.

Without UPGRADE the pins of the present locks are kept wherever they still fit. Everything is
resolved for one Python and to wheels only, so that installing compiles nothing. No lock names an
index: each machine takes the packages from wherever its pip is configured to. The versions that
environment.yml names follow.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from installer import SetupError, environment, find_uv, say, torch_backend
from setup import PYTHON, ROOT

TORCH = "2.13.0"
LINUX = "x86_64-unknown-linux-gnu"
LOCKS = ROOT / "nbconfig" / "locks"


@dataclass(frozen=True)
class Choice:
    """One lock: the platform it is for and what it holds torch to."""

    name: str
    platform: str
    torch: str
    variables: dict[str, str] = field(default_factory=dict)


MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # mlx, which unsloth uses there, needs macOS 14
CHOICES = (
    Choice("cpu-linux", LINUX, f"torch=={TORCH}+cpu"),
    Choice("cuda-linux", LINUX, f"torch=={TORCH}"),
    Choice("macos", "aarch64-apple-darwin", f"torch=={TORCH}", MACOS),
)
COMMON = ["--python-version", PYTHON, "--generate-hashes", "--no-annotate", "--quiet"]
COMMON += ["--only-binary", ":all:", "--custom-compile-command", "make lock"]


def compile_lock(uv: str, choice: Choice, upgrade: bool) -> None:
    """Resolve one lock beside the old one, then put it in its place."""
    target, part = LOCKS / f"{choice.name}.txt", LOCKS / f"{choice.name}.txt.part"
    if target.exists() and not upgrade:
        shutil.copyfile(target, part)
    env = environment() | choice.variables
    env.pop("UV_INDEX", None)  # a machine's partial mirrors would leave hashes out
    pin = ROOT / ".cache" / "setup" / "hold.txt"
    pin.parent.mkdir(parents=True, exist_ok=True)
    pin.write_text(choice.torch + "\n", encoding="utf-8")
    groups = ["--group", "dev", "--group", "labs"]
    command = [uv, "pip", "compile", "pyproject.toml", *groups, "-c", str(pin), *COMMON]
    command += ["--python-platform", choice.platform, "-o", str(part)]
    if choice.torch.endswith("+cpu"):
        command += torch_backend(uv, pin, ROOT, env)
    else:
        env.pop("UV_FIND_LINKS", None)  # a machine's CPU build is not what these are for
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        raise SetupError(f"{choice.name} did not resolve", "see above; the old lock is kept")
    part.replace(target)
    say(f"nbconfig/locks/{choice.name}.txt")


def pins(lock: Path) -> dict[str, str]:
    """Package -> version, as a lock has them."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def follow(environment_file: Path, versions: dict[str, str]) -> None:
    """Write a lock's versions into the lines of environment.yml that name packages."""
    text = environment_file.read_text(encoding="utf-8")
    line = re.compile(r"^(\s+- )([\w-]+)==\S+( ; extra == 'lock')$", re.MULTILINE)
    new = line.sub(lambda m: f"{m[1]}{m[2]}=={versions[m[2]]}{m[3]}", text)
    part = environment_file.with_suffix(".yml.part")
    part.write_text(new, encoding="utf-8")
    part.replace(environment_file)


def main() -> int:
    try:
        uv = find_uv(ROOT)
        for choice in CHOICES:
            compile_lock(uv, choice, upgrade="--upgrade" in sys.argv[1:])
        follow(ROOT / "environment.yml", pins(LOCKS / "cpu-linux.txt"))
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
