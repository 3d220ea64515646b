"""Make the environment of this working copy, or leave it alone when it is already right.

Runs under any Python 3.9 or later with nothing but the standard library:

    python3 nbconfig/setup.py            make or update .venv/ from the lock
    python3 nbconfig/setup.py --here     install into the active environment (conda, Binder)
    python3 nbconfig/setup.py --dry-run  say what would be done
    python3 nbconfig/setup.py --force    build .venv/ anew

The lock is chosen by platform; ACCEL=cuda chooses the CUDA one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from installer import SetupError, digest, environment, find_uv, say, succeeds, torch_backend

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"  # the locks are resolved for this one
NEEDED_GB = 5.0
STAMP = ".workbench-setup"
AGAIN = "run the same command again: it goes on from here, and nothing is downloaded twice"
#: What a Python can be built without, and the course cannot do without.
MODULES = "bz2, ctypes, lzma, sqlite3, ssl"


# --- which lock, and is the environment the one that it describes? -----------------------------


def choose_lock(accel: str, system: str, machine: str) -> str:
    """Name of the lock for an accelerator choice ("cpu" or "cuda") and a platform."""
    if accel not in ("cpu", "cuda"):
        raise SetupError(f"ACCEL={accel} is not a choice", "use ACCEL=cpu (the default) or cuda")
    if system == "Linux" and machine == "x86_64":
        return f"{accel}-linux"
    if system == "Darwin" and machine == "arm64" and accel == "cpu":
        return "macos"
    fix = "use Linux on x86-64 (on Windows: in WSL2), or macOS 14 or later on Apple silicon"
    raise SetupError(f"there is no {accel} lock for {system} on {machine}", fix)


def wanted(root: Path, lock: str) -> dict[str, str]:
    """What the stamp of a finished set-up says. Scripts hold absolute paths, hence the place."""
    return {
        "lock": lock,
        "lock_sha256": digest(root / "nbconfig" / "locks" / f"{lock}.txt"),
        "project_sha256": digest(root / "pyproject.toml"),
        "python": PYTHON,
        "place": str(root),
    }


def read_stamp(env: Path) -> dict[str, str]:
    """The stamp of an environment; empty when its set-up never finished."""
    try:
        stamp = json.loads((env / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(env: Path, stamp: dict[str, str]) -> None:
    part = env / (STAMP + ".part")
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    part.replace(env / STAMP)


def state(env: Path, want: dict[str, str]) -> str:
    """``ready``, ``changed`` (to update in place) or ``broken`` (missing, unfinished or moved)."""
    have = read_stamp(env)
    if not (env / "bin" / "python").exists() or have.get("place") != want["place"]:
        return "broken"
    return "ready" if have == want else "changed"


# --- the steps ----------------------------------------------------------------------------------


def check_disk(folder: Path, needed_gb: float = NEEDED_GB) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed_gb:
        what = f"{folder} has {free:.1f} GB free; set-up needs about {needed_gb:.0f} GB"
        raise SetupError(what, f"free some space, or clone onto another disk; then {AGAIN}")


def torch_pin(lock: Path) -> str:
    """The lock's lines for a CPU build of torch, or nothing when the lock has a plain one."""
    lines = r"^torch==\S+\+cpu(?: \\\n    --hash=\S+)+"
    match = re.search(lines, lock.read_text(encoding="utf-8"), re.MULTILINE)
    return match.group(0) + "\n" if match else ""


class Build:
    """The steps of one set-up; each is a uv command in the same folder and environment."""

    def __init__(self, root: Path, lock: str, python: str, dry_run: bool) -> None:
        self.root, self.python, self.dry_run = root, python, dry_run
        self.lock = Path("nbconfig", "locks", f"{lock}.txt")
        self.uv = find_uv(root)
        self.env = environment()
        if not torch_pin(root / self.lock):
            self.env.pop("UV_FIND_LINKS", None)  # uv would prefer a CPU torch lying there

    def run(self, *arguments: str, failed: str) -> None:
        if self.dry_run:
            say("would run: uv " + " ".join(arguments))
            return
        done = subprocess.run([self.uv, *arguments], cwd=self.root, env=self.env, check=False)
        if done.returncode != 0:
            raise SetupError(failed, f"see the lines above; then {AGAIN}")

    def venv(self) -> None:
        fix = f"install one (Debian: apt install python{PYTHON}) and put it first on the PATH"
        failed = f"there is no Python {PYTHON} here, and uv could not fetch one; {fix}"
        self.run("venv", "--quiet", "--clear", "--python", PYTHON, ".venv", failed=failed)
        check = [self.python, "-c", f"import {MODULES}"]
        if not self.dry_run and not succeeds(check, cwd=self.root):
            raise SetupError(f"the Python {PYTHON} found here lacks one of {MODULES}", fix)

    def torch(self) -> None:
        """Install a CPU torch first, from where it is; the next step then finds it in place."""
        pin = torch_pin(self.root / self.lock)
        if not pin:
            return
        file = self.root / ".cache" / "setup" / "torch.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(pin, encoding="utf-8")
        install = ["pip", "install", "--python", self.python, "--no-deps", "--require-hashes"]
        backend = torch_backend(self.uv, file, self.root, self.env)
        failed = "the CPU build of torch could not be installed"
        self.run(*install, *backend, "-r", str(file.relative_to(self.root)), failed=failed)

    def packages(self, exact: bool) -> None:
        """Install the lock; exact also removes what the lock does not have."""
        verb = ["pip", "sync"] if exact else ["pip", "install", "--no-deps", "-r"]
        options = ["--python", self.python, "--require-hashes"]
        failed = f"the packages of {self.lock} could not be installed"
        self.run(*verb, str(self.lock), *options, failed=failed)

    def project(self) -> None:
        """Install the package itself, editable, with the setuptools that the lock has brought."""
        install = ["pip", "install", "--quiet", "--python", self.python, "--no-deps"]
        failed = "the workbench package itself could not be installed"
        self.run(*install, "--no-build-isolation", "--editable", ".", failed=failed)


def make_env(root: Path, lock: str, force: bool, dry_run: bool) -> None:
    """Bring .venv/ to what the lock says. The stamp goes first and comes back last."""
    env, want = root / ".venv", wanted(root, lock)
    now = "broken" if force else state(env, want)
    if now == "ready":
        return
    check_disk(root, NEEDED_GB if now == "broken" else 1.0)
    build = Build(root, lock, str(Path(".venv", "bin", "python")), dry_run)
    say(f"Setting up .venv from {build.lock} (Python {PYTHON}, about 4 GB on disk).")
    started = time.monotonic()
    if not dry_run:
        with contextlib.suppress(FileNotFoundError):
            (env / STAMP).unlink()
    if now == "broken":
        build.venv()
    build.torch()
    build.packages(exact=True)
    build.project()
    if not dry_run:
        write_stamp(env, want)
        say(f"The environment is ready ({time.monotonic() - started:.0f} s).")


def install_here(root: Path, lock: str, dry_run: bool) -> None:
    """Install the lock into the environment that runs this script, keeping what else it has."""
    if sys.prefix == sys.base_prefix and not Path(sys.prefix, "conda-meta").is_dir():
        raise SetupError("no environment is active", "conda activate llmops-workbench")
    if sys.version_info[:2] != tuple(map(int, PYTHON.split("."))):
        what = f"this environment has Python {platform.python_version()}"
        raise SetupError(what, f"make one with Python {PYTHON}")
    check_disk(Path(sys.prefix))
    build = Build(root, lock, sys.executable, dry_run)
    build.torch()
    build.packages(exact=False)
    build.project()
    say("Next: workbench doctor, then workbench models pull --all, then jupyter lab")


# --- one at a time ------------------------------------------------------------------------------


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Hold the working copy's set-up lock; the system lets go of it when a process dies."""
    import fcntl

    folder = root / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is running in this working copy; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def set_up(here: bool, force: bool, dry_run: bool) -> None:
    accel = os.environ.get("ACCEL") or "cpu"
    lock = choose_lock(accel, platform.system(), platform.machine())
    if not here and not force and state(ROOT / ".venv", wanted(ROOT, lock)) == "ready":
        return
    with one_at_a_time(ROOT):
        if here:
            install_here(ROOT, lock, dry_run)
        else:
            make_env(ROOT, lock, force, dry_run)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make this working copy's environment.")
    parser.add_argument("--here", action="store_true", help="install into the active environment")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--force", action="store_true", help="build .venv/ anew")
    options = parser.parse_args(argv)
    try:
        set_up(options.here, options.force, options.dry_run)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nset-up: stopped; {AGAIN}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    if sys.version_info < (3, 9):  # noqa: UP036
        sys.exit(f"set-up: Python 3.9 or later starts it; this is {platform.python_version()}")
    sys.exit(main())
