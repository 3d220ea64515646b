"""uv, the installer: find it or fetch it with pip, and hand it what pip is configured with.

Standard library only, Python 3.9 or later: this runs before anything is installed. uv does not
read pip's configuration, so the indexes, links, certificates and proxy named there are handed on;
a CPU build of torch that a machine provides is found that way.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

OLDEST_UV = (0, 9)


class SetupError(Exception):
    """Something that a person can put right: what, and how."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what}\n  fix: {fix}" if fix else what)


def say(line: str) -> None:
    print(line, flush=True)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def succeeds(command: list[str], **more) -> bool:
    """Run a command quietly; whether it exited 0."""
    return subprocess.run(command, capture_output=True, check=False, **more).returncode == 0


# --- pip's configuration, in uv's words ---------------------------------------------------------


def pip_settings(listing: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Pip's settings from ``pip config list`` output; the environment's PIP_ variables win."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        match = re.match(r"(?:global|install)\.([a-z-]+)=(.+)$", line.strip())
        if match:
            with contextlib.suppress(ValueError, SyntaxError):
                found[match.group(1)] = str(ast.literal_eval(match.group(2)))
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


def uv_variables(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables that make uv look where pip looks; what the user set for uv stays.

    Hashes are pinned, so taking the best match over several indexes, as pip does, is safe.
    """
    index = " ".join(pip.get("extra-index-url", "").split())
    timeout = pip.get("timeout") or pip.get("default-timeout") or ""
    values = {
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "UV_INDEX": index,
        "UV_INDEX_STRATEGY": "unsafe-best-match" if index else "",
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_NO_INDEX": "1" if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else "",
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": str(max(120, int(timeout) if timeout.isdigit() else 0)),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "HTTPS_PROXY": pip.get("proxy", ""),
        "HTTP_PROXY": pip.get("proxy", ""),
    }
    taken = {name.upper() for name in environ}
    return {name: value for name, value in values.items() if value and name not in taken}


def environment() -> dict[str, str]:
    """The environment for uv: this one, pip's settings added, other environments forgotten."""
    listing = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(listing, capture_output=True, text=True, check=False)
    env = {**os.environ, **uv_variables(pip_settings(done.stdout, os.environ), os.environ)}
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_TORCH_BACKEND", "PYTHONHOME"):
        env.pop(name, None)
    return env


def torch_backend(uv: str, pin: Path, root: Path, env: Mapping[str, str]) -> list[str]:
    """uv's arguments for a CPU torch: none where pip's own sources have the file that ``pin``
    (a requirements file) names, else PyTorch's CPU index, whose address uv knows."""
    configured = {"UV_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX"} & set(env)
    probe = [uv, "pip", "compile", "--no-deps", "--python-version", "3.11"]
    if configured and succeeds([*probe, str(pin)], cwd=root, env=dict(env)):
        return []
    return ["--torch-backend", "cpu"]


# --- uv itself ----------------------------------------------------------------------------------


def uv_version(uv: str) -> tuple[int, ...]:
    done = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"uv (\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)


def find_uv(root: Path) -> str:
    """A usable uv: the one on the PATH, the one fetched before, or one fetched now."""
    on_path = shutil.which("uv")
    if on_path and uv_version(on_path) >= OLDEST_UV:
        return on_path
    pins = root / "nbconfig" / "locks" / "uv.txt"
    folder = root / ".cache" / "setup" / f"uv-{digest(pins)[:12]}"
    if not (folder / "bin" / "uv").exists():
        fetch_uv(pins, folder)
    return str(folder / "bin" / "uv")


def fetch_uv(pins: Path, folder: Path) -> None:
    """Install uv into a folder of its own with pip, by hash; no virtual environment is needed."""
    say("Fetching uv, the installer (18 MB).")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    command = [some_pip(part.parent), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    env = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    done = subprocess.run([*command, "--target", str(part), "-r", str(pins)], env=env, check=False)
    if done.returncode != 0 or not (part / "bin" / "uv").exists():
        fix = "check the network (behind a proxy: set HTTPS_PROXY), or install uv yourself"
        raise SetupError("pip could not fetch uv", fix + "; then run the same command again")
    part.replace(folder)


def some_pip(folder: Path) -> str:
    """A Python that has pip: this one, or a small virtual environment made with it."""
    if succeeds([sys.executable, "-m", "pip", "--version"]):
        return sys.executable
    venv = folder / "pip"
    if succeeds([sys.executable, "-m", "venv", "--clear", str(venv)]):
        return str(venv / "bin" / "python")
    fix = "on Debian or Ubuntu: apt install python3-pip (or python3-venv)"
    raise SetupError(f"{sys.executable} has neither pip nor a working venv module", fix)
