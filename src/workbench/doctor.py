"""``workbench doctor``: looks at this machine, and each line says what was found and what to do."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from workbench.settings import settings

app = typer.Typer()
PORTS = {11434: "Ollama", 6006: "Phoenix", 8888: "JupyterLab"}
GB = 1e9


@dataclass(frozen=True)
class Check:
    """One line of the report; status is ``ok``, ``warn`` (works, with a limit) or ``fail``."""

    name: str
    status: str
    found: str
    fix: str = ""


# --- the machine --------------------------------------------------------------------------------


def python() -> Check:
    """The locks are resolved for 3.11; a later Python may work and is not what was tested."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] == (3, 11):
        return Check("python", "ok", found)
    return Check("python", "warn", found, f"the course is tested on Python 3.11: {_set_up()}")


def memory(total: float | None = None, available: float | None = None) -> Check:
    """Bytes of memory, as the machine or its container allows."""
    import psutil

    have = psutil.virtual_memory()
    total = min(have.total, _container_limit()) if total is None else total
    available = min(have.available, total) if available is None else available
    found = f"{total / GB:.1f} GB, {available / GB:.1f} GB of it free"
    if total < 6 * GB:
        fix = "run one notebook at a time (workbench run 01), with smollm2:135m alone"
        return Check("memory", "warn", found, f"8 GB is recommended; below 6 GB, {fix}")
    if available < 4 * GB:
        return Check("memory", "warn", found, "close other programs: a notebook takes up to 6 GB")
    return Check("memory", "ok", found)


def _container_limit() -> float:
    try:
        return float(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):
        return float("inf")


def cores() -> Check:
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        count = os.cpu_count() or 1
    fix = "the course is measured on two cores; here it takes about twice as long"
    return Check("cores", "ok", str(count)) if count > 1 else Check("cores", "warn", "1", fix)


def disk() -> Check:
    """Free space where running writes, and where the models are kept."""
    places = {settings().root, _there(settings().models)}
    free, place = min((shutil.disk_usage(place).free / GB, str(place)) for place in places)
    found = f"{free:.1f} GB free at {place}"
    if free >= 5:
        return Check("disk", "ok", found)
    fix = "free some space: set-up takes 5 GB, a run 1 GB; make clean removes earlier runs"
    return Check("disk", "warn" if free >= 1 else "fail", found, fix)


def _there(folder: Path) -> Path:
    """The nearest folder upwards that exists."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def gpu() -> Check:
    """An NVIDIA GPU, by the driver's own tool; torch is asked only for its version."""
    found = _nvidia()
    if not found:
        return Check("gpu", "ok", "none; everything runs on the CPU")
    if "+cpu" in _version("torch"):
        fix = "to use it: ACCEL=cuda make setup, then workbench run --profile gpu"
        return Check("gpu", "warn", f"{found}, and the CPU build of torch", fix)
    return Check("gpu", "ok", found)


def _nvidia() -> str:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "; ".join(done.stdout.split("\n")).strip("; ") if done.returncode == 0 else ""


# --- the network --------------------------------------------------------------------------------


def port(number: int, usual: str) -> Check:
    """Whether the port that a service usually has is free; nothing here needs that very one."""
    name = f"port {number}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            found = f"in use by {_owner(number)} ({usual} usually has it)"
            return Check(name, "ok", found, "nothing to do: another port is taken")
    return Check(name, "ok", "free")


def _owner(number: int) -> str:
    import psutil

    try:
        for entry in psutil.net_connections(kind="tcp"):
            if entry.laddr and entry.laddr.port == number and entry.status == "LISTEN":
                return f"{psutil.Process(entry.pid).name()} (process {entry.pid})"
    except (psutil.Error, TypeError):
        pass
    return "another program"


def ollama() -> Check:
    """Which server answers for the models."""
    from workbench.llm import client, daemon

    named, own = client.named_host(), daemon.recorded_url()
    if named and client.answers(named):
        return Check("ollama", "ok", f"OLLAMA_HOST={named} answers")
    if named:
        fix = "start Ollama there, or unset OLLAMA_HOST; until then the embedded server is used"
        return Check("ollama", "warn", f"OLLAMA_HOST={named} does not answer", fix)
    if own and client.answers(own):
        return Check("ollama", "ok", f"the embedded server runs at {own}")
    return Check("ollama", "ok", "OLLAMA_HOST is not set; the embedded server starts on demand")


def proxy() -> Check:
    """Proxies are used for downloads; loopback is kept out of them."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    found = [name for name in names if os.environ.get(name) or os.environ.get(name.lower())]
    if not found:
        return Check("proxy", "ok", "none")
    return Check("proxy", "ok", f"{', '.join(found)} set; used for downloads, never for loopback")


# --- the working copy and what is installed -----------------------------------------------------


def folders() -> Check:
    """The places that are written to can be written to."""
    have = settings()
    if not (have.nbconfig / "profiles").is_dir():
        fix = "run from a clone of the workbench, or set WORKBENCH_ROOT to one"
        return Check("folders", "fail", f"{have.root} is not a working copy", fix)
    for folder in (have.root, have.artifacts, have.runs, have.cache, have.state):
        try:
            with tempfile.TemporaryFile(dir=_there(folder)):
                pass
        except OSError as error:
            fix = f"give yourself write access (chown or chmod) to {_there(folder)}"
            return Check("folders", "fail", f"cannot write to {folder}: {error.strerror}", fix)
    return Check("folders", "ok", f"working copy at {have.root}, models under {have.cache}")


def packages() -> Check:
    """What is installed, against the lock that the environment was made from."""
    lock = settings().nbconfig / "locks" / f"{_lock_name()}.txt"
    if not lock.is_file():
        return Check("packages", "fail", f"{lock} is missing", "git checkout nbconfig/locks")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    have = {_plain(d.name): d.version for d in importlib.metadata.distributions() if d.name}
    missing = [name for name in pins if _plain(name) not in have]
    other = [f"{n} {have[_plain(n)]}" for n in pins if have.get(_plain(n), pins[n]) != pins[n]]
    if missing:
        found = f"{len(missing)} of {len(pins)} are missing: {_some(missing)}"
        return Check("packages", "fail", found, _set_up("--force"))
    if other:
        found = f"{len(other)} of {len(pins)} differ from {lock.name}: {_some(other)}"
        return Check("packages", "warn", found, _set_up("--force"))
    return Check("packages", "ok", f"all {len(pins)} as in {lock.name}")


def _set_up(option: str = "") -> str:
    """The command that makes this environment: .venv/ of the working copy, or an active one."""
    ours = Path(sys.prefix).resolve() == (settings().root / ".venv").resolve()
    return f"python3 nbconfig/setup.py {option if ours else '--here'}".rstrip()


def _lock_name() -> str:
    try:
        stamp = Path(sys.prefix, ".workbench-setup").read_text(encoding="utf-8")
        return str(json.loads(stamp)["lock"])
    except (OSError, ValueError, KeyError):
        return "macos" if sys.platform == "darwin" else "cpu-linux"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _some(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def models() -> Check:
    """The packaged models, and which of them are here."""
    from workbench import models as store

    here = {files.name for files in store.installed()}
    missing = [store.short(name) for name in store.specs() if name not in here]
    found = f"{', '.join(sorted(map(store.short, here))) or 'none'} in {settings().models}"
    if missing:
        return Check(
            "models", "warn", f"{found}; not {_some(missing)}", "workbench models pull --all"
        )
    return Check("models", "ok", found)


# --- the report ---------------------------------------------------------------------------------


def checks() -> list[Check]:
    """All checks, in the order of the report; one that breaks says so and hides no other."""
    order = [python, memory, cores, disk, gpu, folders, packages, models, ollama]
    named = [(check.__name__, check) for check in order]
    named += [(f"port {n}", functools.partial(port, n, usual)) for n, usual in PORTS.items()]
    return [_guarded(name, check) for name, check in [*named, ("proxy", proxy)]]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a doctor that crashes helps nobody
        found = f"could not be checked: {type(error).__name__}: {error}"
        return Check(name, "fail", found, f"{_set_up('--force')}, then workbench doctor again")


def show(report: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "check", "found"):
        table.add_column(title, overflow="fold")
    for check in report:
        found = Text(check.found)
        if check.fix:
            found.append(f"\n→ {check.fix}", style="cyan")
        table.add_row(Text(check.status, style=colours[check.status]), check.name, found)
    Console().print(table)


@app.command(epilog="Example: workbench doctor --json")
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")
    ] = False,
) -> None:
    """Check this machine: each line says what was found and what to do. Exit 2 if one fails."""
    report = checks()
    ok = all(check.status != "fail" for check in report)
    if as_json:
        print(json.dumps({"ok": ok, "checks": [asdict(check) for check in report]}))
    else:
        show(report)
    if not ok:
        raise typer.Exit(2)
