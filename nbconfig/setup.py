"""Make the environment of this working copy, or leave it alone when it is already right.

Runs under any Python 3.9 or later with nothing but the standard library, because nothing is
installed yet:

    python3 nbconfig/setup.py            make or update .venv/ from the lock
    python3 nbconfig/setup.py --here     install the lock into the active environment (conda, Binder)
    python3 nbconfig/setup.py --dry-run  say what would be done
    python3 nbconfig/setup.py --force    build .venv/ anew

The lock is chosen by platform; ACCEL=cuda chooses the CUDA one. The work is done by uv, found on
the PATH or fetched with pip by hash. uv does not read pip's configuration, so it is handed on.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional  # noqa: UP035

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"  # the locks are resolved for this one
OLDEST_UV = (0, 9)
NEEDED_GB = 5.0
STAMP = ".workbench-setup"
AGAIN = "Run the same command again: it goes on from here, and nothing is downloaded twice."
#: What a Python can be built without, and the course cannot do without.
MODULES = ("bz2", "ctypes", "lzma", "sqlite3", "ssl")


class SetupError(Exception):
    """Something that a person can put right: what, and how."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what}\n  fix: {fix}" if fix else what)


# --- which lock, and is the environment the one that it describes? -----------------------------


def choose_lock(accel: str, system: str, machine: str) -> str:
    """Name of the lock for an accelerator choice ("cpu" or "cuda") and a platform."""
    if accel not in ("cpu", "cuda"):
        raise SetupError(f"ACCEL={accel} is not a choice", "use ACCEL=cpu (the default) or ACCEL=cuda")
    if system == "Linux" and machine in ("x86_64", "AMD64"):
        return "cuda-linux" if accel == "cuda" else "cpu-linux"
    if system == "Darwin" and machine == "arm64":
        if accel == "cuda":
            raise SetupError("there is no CUDA on macOS", "leave ACCEL out")
        return "macos"
    fix = "use Linux on x86-64 (on Windows: inside WSL2) or macOS 14 or later on Apple silicon"
    raise SetupError(f"no lock for {system} on {machine}", fix)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wanted(root: Path, lock: str) -> Dict[str, str]:
    """What the stamp of a finished set-up says. Scripts hold absolute paths, hence the place."""
    return {
        "lock": lock,
        "lock_sha256": digest(root / "nbconfig" / "locks" / f"{lock}.txt"),
        "project_sha256": digest(root / "pyproject.toml"),
        "python": PYTHON,
        "place": str(root),
    }


def read_stamp(env: Path) -> Dict[str, str]:
    """The stamp of an environment; empty when its set-up never finished."""
    try:
        stamp = json.loads((env / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(env: Path, stamp: Dict[str, str]) -> None:
    part = env / (STAMP + ".part")
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    part.replace(env / STAMP)


def state(env: Path, want: Dict[str, str]) -> str:
    """"ready", "changed" (update in place) or "broken" (missing, unfinished, moved): build anew."""
    have = read_stamp(env)
    if not have or not (env / "bin" / "python").exists() or have.get("place") != want["place"]:
        return "broken"
    return "ready" if have == want else "changed"


# --- pip's configuration, in uv's words ---------------------------------------------------------


def pip_settings(listing: str, environ: Mapping[str, str]) -> Dict[str, str]:
    """Pip's settings from ``pip config list`` output; the environment's PIP_ variables win."""
    found: Dict[str, str] = {}
    for line in listing.splitlines():
        match = re.match(r"(?:global|install)\.([a-z-]+)=(.+)$", line.strip())
        if match:
            with contextlib.suppress(ValueError, SyntaxError):
                found[match.group(1)] = str(ast.literal_eval(match.group(2)))
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


def uv_variables(pip: Mapping[str, str], environ: Mapping[str, str]) -> Dict[str, str]:
    """Environment variables that make uv look where pip looks; what the user set for uv stays.

    Hashes are pinned, so taking the best match over several indexes, as pip does, is safe.
    """
    links = ",".join(pip.get("find-links", "").split())
    index = " ".join(pip.get("extra-index-url", "").split())
    timeout = max(120, int(pip.get("timeout") or pip.get("default-timeout") or 0))
    values = {
        "UV_FIND_LINKS": links,
        "UV_INDEX": index,
        "UV_INDEX_STRATEGY": "unsafe-best-match" if index else "",
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_NO_INDEX": "1" if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else "",
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": str(timeout),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "HTTPS_PROXY": pip.get("proxy", ""),
        "HTTP_PROXY": pip.get("proxy", ""),
    }
    taken = {name.upper() for name in environ}
    return {name: value for name, value in values.items() if value and name not in taken}


def pip_listing() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def environment() -> Dict[str, str]:
    """The environment for uv: this one, pip's settings added, other environments forgotten."""
    env = {**os.environ, **uv_variables(pip_settings(pip_listing(), os.environ), os.environ)}
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_TORCH_BACKEND", "PYTHONHOME"):
        env.pop(name, None)
    return env


# --- uv -----------------------------------------------------------------------------------------


def uv_version(uv: str) -> tuple:
    done = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"uv (\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)


def find_uv(root: Path, dry_run: bool = False) -> str:
    """A usable uv: the one on the PATH, the one fetched before, or one fetched now."""
    on_path = shutil.which("uv")
    if on_path and uv_version(on_path) >= OLDEST_UV:
        return on_path
    pins = root / "nbconfig" / "locks" / "uv.txt"
    folder = root / ".cache" / "setup" / f"uv-{digest(pins)[:12]}"
    uv = folder / "bin" / "uv"
    if not uv.exists() and not dry_run:
        fetch_uv(pins, folder)
    return str(uv)


def fetch_uv(pins: Path, folder: Path) -> None:
    """Install uv into a folder of its own with pip, by hash; no virtual environment is needed."""
    say("Fetching uv, the installer (18 MB).")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    command = [some_pip(part.parent), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check"]
    env = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    done = subprocess.run([*command, "--target", str(part), "-r", str(pins)], env=env, check=False)
    if done.returncode != 0 or not (part / "bin" / "uv").exists():
        fix = "check the network (behind a proxy set HTTPS_PROXY), or install uv yourself; then run this again"
        raise SetupError("pip could not fetch uv", fix)
    part.replace(folder)


def some_pip(folder: Path) -> str:
    """A Python that has pip: this one, or a small virtual environment made with it."""
    if quiet_run([sys.executable, "-m", "pip", "--version"]):
        return sys.executable
    venv = folder / "pip"
    if quiet_run([sys.executable, "-m", "venv", "--clear", str(venv)]):
        return str(venv / "bin" / "python")
    fix = "on Debian or Ubuntu: apt install python3-pip (or python3-venv); elsewhere: python3 -m ensurepip"
    raise SetupError(f"{sys.executable} has neither pip nor a working venv module", fix)


def quiet_run(command: List[str], **more) -> bool:
    return subprocess.run(command, capture_output=True, check=False, **more).returncode == 0


# --- building -----------------------------------------------------------------------------------


def check_disk(folder: Path, needed_gb: float = NEEDED_GB) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed_gb:
        fix = "free some space, or clone onto another disk; then run the same command again"
        raise SetupError(f"{folder} has {free:.1f} GB free; set-up needs about {needed_gb:.0f} GB", fix)


def torch_pin(lock: Path) -> str:
    """The lock's lines for a CPU build of torch, or nothing when the lock has a plain one."""
    match = re.search(r"^torch==\S+\+cpu(?: \\\n    --hash=\S+)+", lock.read_text(encoding="utf-8"), re.M)
    return match.group(0) + "\n" if match else ""


class Build:
    """The steps of one set-up; each is a uv command with the same environment and folder."""

    def __init__(self, root: Path, lock: str, python: str, dry_run: bool = False) -> None:
        self.root, self.python, self.dry_run = root, python, dry_run
        self.lock = Path("nbconfig", "locks", f"{lock}.txt")
        self.uv = find_uv(root, dry_run)
        self.env = environment()

    def run(self, *arguments: str, failed: str) -> None:
        if self.dry_run:
            say("would run: uv " + " ".join(arguments))
            return
        done = subprocess.run([self.uv, *arguments], cwd=self.root, env=self.env, check=False)
        if done.returncode != 0:
            raise SetupError(failed, f"read the lines above. {AGAIN}")

    def venv(self) -> None:
        failed = f"no Python {PYTHON} here, and uv could not fetch one: install it (Debian: apt install python3.11)"
        self.run("venv", "--quiet", "--clear", "--python", PYTHON, ".venv", failed=failed)
        code = f"import {', '.join(MODULES)}"
        if not self.dry_run and not quiet_run([self.python, "-c", code], cwd=self.root):
            fix = "install another Python 3.11 (Debian: apt install python3.11) and put it first on the PATH"
            raise SetupError(f"this machine's Python {PYTHON} was built without one of {', '.join(MODULES)}", fix)

    def torch(self) -> None:
        """Install a CPU torch first: from what pip is configured with if it is there, else from
        PyTorch's own index, whose address uv knows. Later steps then find it in place."""
        pin = torch_pin(self.root / self.lock)
        if not pin:
            return
        file = self.root / ".cache" / "setup" / "torch.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(pin, encoding="utf-8")
        install = ["pip", "install", "--python", self.python, "--no-deps", "--require-hashes"]
        install += ["-r", str(file.relative_to(self.root))]
        configured = "UV_FIND_LINKS" in self.env or "UV_INDEX" in self.env or "UV_DEFAULT_INDEX" in self.env
        probe = [self.uv, *install, "--dry-run"]
        if not (configured and quiet_run(probe, cwd=self.root, env=self.env)):
            install += ["--torch-backend", "cpu"]
        self.run(*install, failed="the CPU build of torch could not be installed")

    def packages(self, exact: bool) -> None:
        """Install the lock; exact also removes what the lock does not have."""
        verb = ["pip", "sync"] if exact else ["pip", "install", "--no-deps", "-r"]
        options = ["--python", self.python, "--require-hashes"]
        command = [*verb, str(self.lock), *options]
        self.run(*command, failed=f"the packages of {self.lock} could not be installed")

    def project(self) -> None:
        """Install the package itself, editable, with the setuptools that the lock has brought."""
        install = ["pip", "install", "--quiet", "--python", self.python, "--no-deps"]
        command = [*install, "--no-build-isolation", "--editable", "."]
        self.run(*command, failed="the workbench package itself could not be installed")


def make_env(root: Path, lock: str, force: bool, dry_run: bool) -> None:
    """Bring .venv/ to what the lock says. The stamp goes first and comes back last."""
    env, want = root / ".venv", wanted(root, lock)
    now = "broken" if force else state(env, want)
    if now == "ready":
        return
    check_disk(root, NEEDED_GB if now == "broken" else 1.0)
    build = Build(root, lock, str(Path(".venv", "bin", "python")), dry_run)
    say(f"Setting up .venv from nbconfig/locks/{lock}.txt (Python {PYTHON}; about 4 GB on disk).")
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
    inside = sys.prefix != sys.base_prefix or Path(sys.prefix, "conda-meta").is_dir()
    if not inside:
        raise SetupError("no environment is active", "activate one first (conda activate llmops-workbench)")
    if "%d.%d" % sys.version_info[:2] != PYTHON:
        raise SetupError(f"this environment has Python {platform.python_version()}", f"make one with Python {PYTHON}")
    check_disk(Path(sys.prefix), NEEDED_GB)
    build = Build(root, lock, sys.executable, dry_run)
    build.torch()
    build.packages(exact=False)
    build.project()
    say("Next: workbench doctor, then workbench models pull --all, then jupyter lab.")


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
        except OSError:
            say("Another set-up is running in this working copy; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    print(line, flush=True)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--here", action="store_true", help="install into the active environment")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--force", action="store_true", help="build .venv/ anew")
    options = parser.parse_args(argv)
    try:
        lock = choose_lock(os.environ.get("ACCEL") or "cpu", platform.system(), platform.machine())
        if not options.here and not options.force and state(ROOT / ".venv", wanted(ROOT, lock)) == "ready":
            return 0
        with one_at_a_time(ROOT):
            if options.here:
                install_here(ROOT, lock, options.dry_run)
            else:
                make_env(ROOT, lock, options.force, options.dry_run)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nset-up: stopped. {AGAIN}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    if sys.version_info < (3, 9):
        sys.exit("set-up: Python 3.9 or later is needed to start with; this is " + platform.python_version())
    sys.exit(main())
