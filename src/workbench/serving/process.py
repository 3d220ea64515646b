"""The service as a child process, for notebooks and tests."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from workbench.errors import ServerError

START_SECONDS = 90


@contextlib.contextmanager
def running(*arguments: str, log: Path) -> Iterator[str]:
    """``workbench serve`` on a free port, ready, as a child process; yields its address.

    ``arguments`` go to ``workbench serve``. Raises ServerError where it does not become ready.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "workbench", "serve", "--port", "0", *arguments]
    with log.open("w") as out:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, text=True)
        try:
            yield _ready(child, log)
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def _ready(child: subprocess.Popen, log: Path) -> str:
    url = ""
    for line in child.stdout:  # the address is the first line that names one
        if "http://" in line:
            url = "http://" + line.split("http://")[1].split()[0]
            break
    deadline = time.monotonic() + START_SECONDS
    while url and time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return url
        time.sleep(0.1)
    tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
    raise ServerError(f"the service did not become ready: {tail}", f"read {log}")
