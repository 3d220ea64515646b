"""Which server ``host()`` finds or starts: one per machine, found again, restarted if killed."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from conformance.conftest import Home, server_process, servers
from conformance.helpers import CHAT, chat

pytestmark = pytest.mark.embedded
RUNNING = "Ollama is running"


def says(url: str) -> str:
    return httpx.get(url, trust_env=False).text


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_that_ask_at_once_get_one_server(home: Home) -> None:
    asking = [home.start() for _ in range(3)]
    answers = {process.communicate(timeout=120)[0].strip() for process in asking}
    assert len(answers) == 1
    (url,) = answers
    assert says(url) == RUNNING and urlsplit(url).hostname == "127.0.0.1"
    assert home.host()[0] == url, "found again by the next"


def test_a_killed_server_is_started_again(home: Home) -> None:
    first, _ = home.host()
    process = server_process(first)
    with httpx.Client(base_url=first, timeout=60, trust_env=False) as http:
        assert chat(http, "Hi")["done"]
    runners = process.children(recursive=True)
    assert runners
    process.kill()
    process.wait(timeout=10)
    second, _ = home.host()
    assert says(second) == RUNNING
    for _ in range(50):
        if not any(runner.is_running() and runner.status() != "zombie" for runner in runners):
            break
        time.sleep(0.1)
    assert not any(runner.is_running() and runner.status() != "zombie" for runner in runners), (
        "a runner outlived its server"
    )
    with httpx.Client(base_url=second, timeout=60, trust_env=False) as http:
        assert chat(http, "Hi")["done"]


def test_an_ollama_that_does_not_answer_is_named_and_replaced(home: Home) -> None:
    dead = f"http://127.0.0.1:{unused_port()}"
    url, said = home.host(OLLAMA_HOST=dead)
    assert url != dead and says(url) == RUNNING
    assert "OLLAMA_HOST" in said and dead.removeprefix("http://") in said


@pytest.mark.parametrize("form", ["{url}", "{place}", "{url}/"])
def test_a_live_ollama_is_used_and_none_is_started(home: Home, host: str, form: str) -> None:
    named = form.format(url=host, place=host.removeprefix("http://"))
    url, _ = home.host(OLLAMA_HOST=named)
    assert url.rstrip("/") == host.rstrip("/")
    assert servers(home.env["WORKBENCH_HOME"]) == []


def test_a_proxy_does_not_stand_in_the_way(home: Home) -> None:
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), nowhere
    )
    url, _ = home.host(**proxies, NO_PROXY="", no_proxy="")
    assert says(url) == RUNNING
    code = (
        "from workbench.llm import client\n"
        f"print(client.client().chat({CHAT!r}, messages=[{{'role': 'user', 'content': 'Hi'}}],"
        " options={'num_predict': 4}).done)"
    )
    process = home.start(code, **proxies, NO_PROXY="", no_proxy="")
    out, err = process.communicate(timeout=120)
    assert out.strip() == "True", err


def test_a_stale_address_is_not_believed(home: Home) -> None:
    """What answers at the noted address must be the server that noted it."""
    first, _ = home.host()
    server_process(first).kill()
    port = urlsplit(first).port
    time.sleep(0.5)
    with socket.create_server(("127.0.0.1", port)) as stranger:
        stranger.listen()
        second, _ = home.host()
    assert second != first and says(second) == RUNNING
