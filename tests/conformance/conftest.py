"""The host under test, its models, and a private embedded server for tests that kill it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from conformance.helpers import CHAT, EMBED
from workbench.settings import quiet, settings

quiet()
HOST = "from workbench.llm import client; print(client.host())"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "embedded: a promise of the embedded server; left out against a real Ollama"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the suite's tests; against a real Ollama deselect (not skip) the embedded-only ones."""
    here = Path(__file__).parent
    mine = [item for item in items if here in item.path.parents]
    for item in mine:
        item.add_marker(pytest.mark.model)
    if not real_ollama():
        return
    left_out = [item for item in mine if item.get_closest_marker("embedded")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def real_ollama() -> bool:
    """Whether OLLAMA_HOST names an Ollama that answers and is not the embedded server."""
    from workbench.llm import client

    named = client.named_host()
    return bool(named and client.answers(named) and not client.embedded(named))


@pytest.fixture(scope="session")
def host() -> str:
    """The Ollama under test, with the suite's models in it."""
    from workbench.llm import client

    url = client.host()
    client.ensure(CHAT, EMBED)
    return url


@pytest.fixture(scope="session")
def http(host: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host, timeout=120, trust_env=False) as client:
        yield client


class Home:
    """A WORKBENCH_HOME of its own, sharing the model store: its server is nobody else's."""

    def __init__(self, folder: Path) -> None:
        (folder / "cache").mkdir(parents=True)
        store = settings().models
        store.mkdir(parents=True, exist_ok=True)
        (folder / "cache" / "models").symlink_to(store, target_is_directory=True)
        outer = {k: v for k, v in os.environ.items() if k != "OLLAMA_HOST"}
        self.env = {**outer, "WORKBENCH_HOME": str(folder)}

    def start(self, code: str = HOST, **env: str) -> subprocess.Popen:
        """A Python process in this home; by default it prints the host it was given."""
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def host(self, **env: str) -> tuple[str, str]:
        """(URL, what was said on stderr) of a ``host()`` call in a process of its own."""
        process = self.start(**env)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip(), err

    def close(self) -> None:
        for process in servers(self.env["WORKBENCH_HOME"]):
            with contextlib.suppress(psutil.Error):
                process.kill()


def servers(home: str) -> list[psutil.Process]:
    """Every process that runs with this WORKBENCH_HOME, this one left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("WORKBENCH_HOME") == home:
                found.append(process)
    return found


def server_process(url: str) -> psutil.Process:
    """The process that listens at a URL of this machine."""
    port = urlsplit(url).port
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(
                c.laddr.port == port and c.status == psutil.CONN_LISTEN
                for c in process.net_connections(kind="tcp")
            ):
                return process
    raise AssertionError(f"nothing listens at {url}")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def private(home: Home) -> Iterator[httpx.Client]:
    """A client of an embedded server that only this test uses."""
    url, _ = home.host()
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        yield client
