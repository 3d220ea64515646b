"""One embedded server per user and machine: started on demand, found again, stopped.

Its address stands in ``llm-server.json`` in the user's state folder. It runs in a session of its
own, outlives the notebook that started it, and ends by itself after half an hour without requests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from filelock import FileLock

from workbench.errors import ServerError
from workbench.settings import quiet, settings

IDLE_EXIT = float(os.environ.get("WORKBENCH_LLM_IDLE") or 1800)  # seconds
START_SECONDS = 60
PATIENCE_SECONDS = 20
PACKAGE = Path(__file__).resolve().parents[1]


def record_path() -> Path:
    return settings().state / "llm-server.json"


def log_path() -> Path:
    return settings().state / "llm-server.log"


def running() -> str | None:
    """The address of the embedded server where it answers, else None.

    One that this very package started with other code than it has now does not count.
    """
    record = _record()
    if not record or not _answers(record["url"]):
        return None
    ours = record.get("package") == str(PACKAGE)
    return None if ours and record.get("code") != code_stamp() else record["url"]


def code_stamp() -> int:
    """Changes when the code that serves models does (the newest time of change, nanoseconds)."""
    files = (f for room in ("llm", "models") for f in (PACKAGE / room).glob("*.[pt]*"))
    return max(file.stat().st_mtime_ns for file in files)


def recorded_url() -> str | None:
    """The address that the embedded server had last, running or not."""
    record = _record()
    return record["url"] if record else None


def _record() -> dict[str, Any] | None:
    try:
        return json.loads(record_path().read_text())
    except (OSError, ValueError):
        return None


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/api/version", timeout=5, trust_env=False)
        return answer.json().get("server") == "llmops-workbench"
    except (httpx.HTTPError, ValueError):
        return False


def _process(record: dict[str, Any] | None) -> psutil.Process | None:
    """The server's process where it is alive, and no other that has got its number since."""
    with contextlib.suppress(psutil.Error, TypeError, KeyError):
        process = psutil.Process(record["pid"])
        if "workbench.llm.daemon" in process.cmdline():
            return process
    return None


def ensure() -> str:
    """The address of the embedded server, started if it is not there; two callers get one."""
    if url := running():
        return url
    settings().state.mkdir(parents=True, exist_ok=True)
    with FileLock(settings().state / "llm-server.lock", timeout=START_SECONDS * 2):
        if url := running() or _slow_to_answer():
            return url
        port = urlsplit(recorded_url() or "").port or 0
        stop()  # one that hangs, or was started with older code
        return _start(port)


def _slow_to_answer() -> str | None:
    """Patience with a server that is alive on a busy machine: a second one would help nobody."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    record = _record()
    while _process(record) and not _answers(record["url"]) and time.monotonic() < deadline:
        time.sleep(0.5)
    return running()


def _start(port: int) -> str:
    env = {**os.environ, "WORKBENCH_DAEMON": "1"}
    env.pop("WORKBENCH_RECORD", None)
    quiet(env)
    with log_path().open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.llm.daemon", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if url := running():
            return url
        if process.poll() is not None:
            break
        time.sleep(0.05)
    tail = log_path().read_text(errors="replace").strip().splitlines()[-3:]
    raise ServerError(
        f"the embedded model server did not start: {' / '.join(tail)}",
        f"read {log_path()}, or set OLLAMA_HOST to a running Ollama",
    )


def stop(timeout: float = 10) -> bool:
    """End the embedded server; True where one was running."""
    process = _process(_record())
    record_path().unlink(missing_ok=True)
    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        process.terminate()
        try:
            process.wait(timeout)
        except psutil.TimeoutExpired:
            process.kill()
    return True


def main() -> None:
    """The detached process: listen, write the address down, serve."""
    from workbench.llm import server

    parser = argparse.ArgumentParser(description="The embedded server, detached.")
    parser.add_argument("--idle-exit", type=float, default=IDLE_EXIT)
    parser.add_argument("--port", type=int, default=0, help="tried first: the one it had before")
    args = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, force=True)
    sock = server.listen(args.port, otherwise_any=True)
    url = f"http://{server.HOST}:{sock.getsockname()[1]}"

    stamp = code_stamp()

    def ready() -> None:
        record = {"url": url, "pid": os.getpid(), "package": str(PACKAGE), "code": stamp}
        part = record_path().with_suffix(".part")
        part.write_text(json.dumps(record))
        part.replace(record_path())
        logging.getLogger("workbench.llm").info("listening at %s", url)

    asyncio.run(server.serve(sock, idle_exit=args.idle_exit, ready=ready))
    if (_record() or {}).get("pid") == os.getpid():
        record_path().unlink(missing_ok=True)


if __name__ == "__main__":
    main()
