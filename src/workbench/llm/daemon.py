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


def record_path() -> Path:
    return settings().state / "llm-server.json"


def log_path() -> Path:
    return settings().state / "llm-server.log"


def running() -> str | None:
    """The address of the embedded server where it answers, else None."""
    record = _record()
    return record["url"] if record and _answers(record["url"]) else None


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


def ensure() -> str:
    """The address of the embedded server, started if it is not there; two callers get one."""
    if url := running():
        return url
    settings().state.mkdir(parents=True, exist_ok=True)
    with FileLock(settings().state / "llm-server.lock", timeout=START_SECONDS * 2):
        return running() or _start()


def _start() -> str:
    before = urlsplit(recorded_url() or "").port
    record_path().unlink(missing_ok=True)
    env = {**os.environ, "WORKBENCH_DAEMON": "1"}
    env.pop("WORKBENCH_RECORD", None)
    quiet(env)
    with log_path().open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.llm.daemon", "--port", str(before or 0)],
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
    record = _record()
    record_path().unlink(missing_ok=True)
    if not record or not _answers(record["url"]):
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(record["pid"])
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

    def ready() -> None:
        part = record_path().with_suffix(".part")
        part.write_text(json.dumps({"url": url, "pid": os.getpid(), "started": time.time()}))
        part.replace(record_path())
        logging.getLogger("workbench.llm").info("listening at %s", url)

    asyncio.run(server.serve(sock, idle_exit=args.idle_exit, ready=ready))
    if (_record() or {}).get("pid") == os.getpid():
        record_path().unlink(missing_ok=True)


if __name__ == "__main__":
    main()
