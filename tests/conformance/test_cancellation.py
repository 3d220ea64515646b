"""A client that goes away frees its place at once."""

from __future__ import annotations

import contextlib
import json
import time

import httpx
import pytest

from conformance.conftest import server_process
from conformance.helpers import CHAT, LONG, chat, gather, loaded, options, user

ENDLESS = {"model": CHAT, "messages": user(LONG), "options": options(num_predict=4000)}


def leave_early(http: httpx.Client, pieces: int = 3) -> None:
    """Start a very long answer and hang up after a few pieces."""
    with http.stream("POST", "/api/chat", json=ENDLESS) as reply:
        stream = reply.iter_lines()
        for _ in range(pieces):
            assert json.loads(next(stream))["done"] is False


def busy_share(url: str, seconds: float = 1.0) -> float:
    """The share of one core that a server and its engines use."""
    server = server_process(url)
    tree = [server, *server.children(recursive=True)]

    def used() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in tree)

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds


def test_a_closed_stream_frees_its_place(http: httpx.Client) -> None:
    chat(http, "Hi")
    started = time.perf_counter()
    chat(http, "Hi")
    idle = time.perf_counter() - started
    for _ in range(9):
        leave_early(http)
    assert CHAT in loaded(http)
    started = time.perf_counter()
    chat(http, "Hi")
    assert time.perf_counter() - started < 4 * idle + 2


def test_after_many_left_early_many_are_served(host: str, http: httpx.Client) -> None:
    for _ in range(8):
        leave_early(http, pieces=1)
    body = {"model": CHAT, "messages": user("Hi"), "options": options(num_predict=8)}
    arrivals = gather(host, [body] * 8)
    assert sum(piece["done"] for _, _, piece in arrivals) == 8


@pytest.mark.embedded
@pytest.mark.parametrize("how", ["stream", "whole", "openai"])
def test_the_engine_stops_working_for_who_left(private: httpx.Client, how: str) -> None:
    chat(private, "Hi")
    if how == "stream":
        leave_early(private)
    else:
        path = "/api/chat" if how == "whole" else "/v1/chat/completions"
        body = {**ENDLESS, "stream": False, "max_tokens": 4000}
        with contextlib.suppress(httpx.ReadTimeout):
            private.post(path, json=body, timeout=1)
    time.sleep(2)
    assert busy_share(str(private.base_url)) < 0.2
    assert chat(private, "Hi")["done"] is True


@pytest.mark.embedded
def test_a_prompt_that_nobody_waits_for_is_given_up(private: httpx.Client) -> None:
    """Prefill is the long part of a RAG call: leaving during it counts too."""
    chat(private, "Hi")
    body = {**ENDLESS, "messages": user(LONG * 200)}
    with contextlib.suppress(httpx.ReadTimeout):
        private.post("/api/chat", json=body, timeout=1)
    time.sleep(4)
    assert busy_share(str(private.base_url)) < 0.2
