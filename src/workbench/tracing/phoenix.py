"""The trace viewer: one Phoenix per working copy, a detached process that every notebook shares.

``artifacts/phoenix/server.json`` names the process and its port. Whoever needs the viewer takes
the file lock beside it, then finds the process that is there or launches one, so that two
notebooks starting at once get the same one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.errors import ServerError
from workbench.settings import quiet, settings

HOST = "127.0.0.1"
PORT = 6006
#: Seconds that importing and starting Phoenix may take on a busy two-core machine.
PATIENCE = 180.0

#: What the daemon's Phoenix runs with: no usage reports, no look-ups outside this machine (the
#: documentation service, fonts, sandbox downloads), none of the parts that the course does not use.
ENVIRONMENT = {
    "WORKBENCH_DAEMON": "1",
    "PHOENIX_HOST": HOST,
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    "PHOENIX_ENABLE_MCP_SERVER": "false",
    "PHOENIX_ALLOWED_SANDBOX_PROVIDERS": "NONE",
    "PHOENIX_LOGGING_LEVEL": "warning",
    "PHOENIX_LOG_MIGRATIONS": "false",
    "PYTHONUNBUFFERED": "1",
}

_children: list[subprocess.Popen] = []


@dataclass(frozen=True)
class Viewer:
    """A Phoenix process: its id, when the system created it (epoch seconds) and its port."""

    pid: int
    created: float
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def folder() -> Path:
    """Where Phoenix keeps its data, its log and its address."""
    return settings().artifacts / "phoenix"


def record_path() -> Path:
    """The file that names the viewer's process and port."""
    return folder() / "server.json"


def log_path() -> Path:
    """What the viewer's process prints."""
    return folder() / "phoenix.log"


def recorded() -> Viewer | None:
    """The viewer that the record names, alive or not; a damaged record counts as none."""
    try:
        fields = json.loads(record_path().read_text("utf-8"))
        return Viewer(int(fields["pid"]), float(fields["created"]), int(fields["port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find() -> Viewer | None:
    """The viewer of this working copy if its process lives (it may still be starting)."""
    viewer = recorded()
    return viewer if viewer and alive(viewer) else None


def alive(viewer: Viewer) -> bool:
    """Whether the process is there, and is the one recorded and not a later one of the same id."""
    import psutil

    try:
        process = psutil.Process(viewer.pid)
        same = abs(process.create_time() - viewer.created) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def healthy(viewer: Viewer, timeout: float = 2.0) -> bool:
    """Whether Phoenix answers on the viewer's port."""
    import httpx

    try:
        answer = httpx.get(f"{viewer.url}/healthz", timeout=timeout, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and "x-phoenix-server-version" in answer.headers


def start() -> Viewer:
    """Find the viewer or launch one; returns at once, it answers some 20 seconds later."""
    folder().mkdir(parents=True, exist_ok=True)
    with _lock():
        return find() or _launch()


def wait(timeout: float = PATIENCE) -> Viewer:
    """Start the viewer if need be and wait until it answers; ServerError if it does not."""
    deadline = time.monotonic() + timeout
    viewer = start()
    while not healthy(viewer):
        if not alive(viewer):
            raise ServerError("Phoenix stopped while starting", f"see {log_path()}")
        if time.monotonic() > deadline:
            raise ServerError(
                f"Phoenix did not answer within {timeout:.0f} s",
                f"see {log_path()}; or: workbench phoenix stop, then workbench phoenix start",
            )
        time.sleep(0.25)
    return viewer


def stop(timeout: float = 8.0) -> bool:
    """End the viewer, by force after ``timeout`` seconds; True if there was one. Traces stay."""
    if not folder().is_dir():
        return False
    with _lock():
        viewer = find()
        record_path().unlink(missing_ok=True)
        if viewer:
            _end(viewer, timeout)
        return viewer is not None


def _lock():
    from filelock import FileLock

    return FileLock(folder() / "server.lock", timeout=60)


def _launch() -> Viewer:
    """Launch the daemon on a socket that is already bound, so that nobody can take its port."""
    import psutil

    door = _bind(recorded())
    command = [sys.executable, "-m", "workbench.tracing.daemon", str(door.fileno())]
    with door, log_path().open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=folder(),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[door.fileno()],
            start_new_session=True,
        )
        port = door.getsockname()[1]
    _children.append(child)
    viewer = Viewer(child.pid, psutil.Process(child.pid).create_time(), port)
    _write(viewer)
    return viewer


def _bind(last: Viewer | None) -> socket.socket:
    """A bound socket: on the last viewer's port if it is free, else Phoenix's own, else any."""
    for port in (last.port if last else PORT, PORT, 0):
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((HOST, port))
            return door
        except OSError:
            door.close()
    raise ServerError("no port is free for Phoenix", "close some programs and try again")


def _environment() -> dict[str, str]:
    env = {**os.environ, **ENVIRONMENT}
    for name in ("WORKBENCH_RECORD", "PHOENIX_PORT", "PHOENIX_HOST_ROOT_PATH"):
        env.pop(name, None)
    env["PHOENIX_WORKING_DIR"] = str(folder())
    env["WORKBENCH_ROOT"] = str(settings().root)
    quiet(env)
    return env


def _write(viewer: Viewer) -> None:
    part = record_path().with_suffix(".json.part")
    part.write_text(json.dumps({**asdict(viewer), "url": viewer.url}), "utf-8")
    part.replace(record_path())


def _end(viewer: Viewer, timeout: float) -> None:
    os.kill(viewer.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while alive(viewer) and time.monotonic() < deadline:
        time.sleep(0.1)
    if alive(viewer):
        os.killpg(viewer.pid, signal.SIGKILL)
