"""Models stay loaded as long as asked, several at once, and come back on demand."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from conformance.helpers import CHAT, EMBED, answer, chat, embed, error_of, loaded, options, user
from conformance.test_api_shapes import when


def gone(http: httpx.Client, model: str, within: float) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if model not in loaded(http):
            return True
        time.sleep(0.2)
    return False


@pytest.mark.parametrize("value", ["1s", 1, "1000ms", "0.5s"])
def test_a_model_is_unloaded_when_its_time_is_up(http: httpx.Client, value: object) -> None:
    chat(http, "Hi", keep_alive=value)
    assert gone(http, CHAT, within=8)
    again = chat(http, "Hi", keep_alive="5m")
    assert again["done"] is True and again["load_duration"] > 0
    assert CHAT in loaded(http)


def test_zero_unloads_after_the_answer(http: httpx.Client) -> None:
    assert chat(http, "Hi", keep_alive=0)["message"]["content"]
    assert gone(http, CHAT, within=5)


def test_a_load_takes_longer_the_first_time(http: httpx.Client) -> None:
    answer(http, "/api/generate", model=CHAT, keep_alive=0)
    assert gone(http, CHAT, within=5)
    first = chat(http, "Hi")["load_duration"]
    second = chat(http, "Hi")["load_duration"]
    assert first > 3 * second


@pytest.mark.parametrize(
    ("value", "expected"),
    [("10m", timedelta(minutes=10)), (90, timedelta(seconds=90)), ("1h30m", timedelta(hours=1.5))],
)
def test_the_time_left_is_shown(http: httpx.Client, value: object, expected: timedelta) -> None:
    chat(http, "Hi", keep_alive=value)
    left = when(loaded(http)[CHAT]["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=-15) < left - expected < timedelta(seconds=2)


@pytest.mark.parametrize("value", [-1, "-1m"])
def test_a_negative_time_keeps_it_for_good(http: httpx.Client, value: object) -> None:
    chat(http, "Hi", keep_alive=value)
    assert when(loaded(http)[CHAT]["expires_at"]) - datetime.now(UTC) > timedelta(days=365)
    chat(http, "Hi", keep_alive="5m")
    assert when(loaded(http)[CHAT]["expires_at"]) - datetime.now(UTC) < timedelta(hours=1)


def test_a_time_that_is_none_is_refused(http: httpx.Client) -> None:
    body = {"model": CHAT, "messages": user("Hi"), "keep_alive": "abc", "options": options()}
    error_of(http.post("/api/chat", json=body), 400)


def test_several_models_are_loaded_at_once(http: httpx.Client) -> None:
    chat(http, "Hi", keep_alive="5m")
    embed(http, "Hi", keep_alive="5m")
    assert {CHAT, EMBED} <= set(loaded(http))
    embed(http, "Hi", keep_alive=0)
    assert gone(http, EMBED, within=5) and CHAT in loaded(http)


def test_a_model_in_use_is_not_unloaded(http: httpx.Client) -> None:
    body = {"model": CHAT, "messages": user("Count to a hundred.")}
    body["options"] = options(num_predict=150)
    with http.stream("POST", "/api/chat", json={**body, "keep_alive": "100ms"}) as reply:
        last = list(reply.iter_lines())[-1]
    assert '"done":true' in last.replace(" ", "")
    assert gone(http, CHAT, within=5)
