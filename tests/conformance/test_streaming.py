"""Streams: complete lines, tokens sent while later ones are made, and streams side by side."""

from __future__ import annotations

import itertools
import json

import httpx
import pytest

from conformance.helpers import (
    CHAT,
    LONG,
    SCHEMA,
    chat,
    count,
    gather,
    generate,
    lines,
    options,
    text_of,
    user,
)

BODIES = {
    "/api/chat": {"model": CHAT, "messages": user(LONG)},
    "/api/generate": {"model": CHAT, "prompt": LONG},
}


@pytest.mark.parametrize("path", BODIES)
def test_streaming_is_the_default_and_each_line_is_complete(http: httpx.Client, path: str) -> None:
    body = {**BODIES[path], "options": options()}
    with http.stream("POST", path, json=body) as reply:
        assert reply.headers["content-type"].startswith("application/x-ndjson")
        raw = reply.read()
    assert raw.endswith(b"\n")
    pieces = [json.loads(line) for line in raw.splitlines()]
    *parts, last = pieces
    assert len(parts) > 1
    for piece in pieces:
        assert piece["model"] == CHAT and piece["created_at"]
    for part in parts:
        assert part["done"] is False and "eval_count" not in part and "done_reason" not in part
        assert "message" not in part or part["message"]["role"] == "assistant"
    assert last["done"] is True and last["done_reason"] == "length"
    assert last["eval_count"] == 16 and last["total_duration"] > last["eval_duration"] > 0
    assert last["prompt_eval_count"] > 0 and last["prompt_eval_duration"] > 0


@pytest.mark.parametrize("path", BODIES)
def test_the_pieces_make_the_whole_answer(http: httpx.Client, path: str) -> None:
    streamed = lines(http, path, **BODIES[path], options=options(num_predict=40))
    make = chat if path == "/api/chat" else generate
    whole = make(http, LONG, options=options(num_predict=40))
    assert "".join(text_of(piece) for _, piece in streamed) == text_of(whole)
    assert streamed[-1][1]["prompt_eval_count"] == whole["prompt_eval_count"]
    assert streamed[-1][1].get("context") == whole.get("context")


def test_the_count_is_that_of_the_tokens_made(http: httpx.Client) -> None:
    streamed = lines(http, "/api/chat", **BODIES["/api/chat"], options=options(num_predict=40))
    pieces = [piece for _, piece in streamed if text_of(piece)]
    assert streamed[-1][1]["eval_count"] == 40
    assert 36 <= len(pieces) <= 41, "one piece a token, characters of several tokens kept whole"
    assert abs(count("".join(map(text_of, pieces))) - 40) <= 1


def test_characters_of_several_tokens_arrive_whole(http: httpx.Client) -> None:
    prompt = "Emoji: 🐧 🦭 🐋 🐧 🦭 🐋 🐧 🦭"
    body = {"model": CHAT, "prompt": prompt, "raw": True, "options": options(num_predict=24)}
    streamed = lines(http, "/api/generate", **body)
    text = "".join(piece["response"] for _, piece in streamed)
    assert text == generate(http, prompt, raw=True, options=options(num_predict=24))["response"]
    assert "\ufffd" not in text.rstrip("\ufffd"), "only a cut at the very end may be incomplete"


def test_the_first_token_arrives_while_later_ones_are_made(http: httpx.Client) -> None:
    chat(http, "Hi")  # loaded
    streamed = lines(http, "/api/chat", **BODIES["/api/chat"], options=options(num_predict=64))
    times = [at for at, piece in streamed if text_of(piece)]
    total = streamed[-1][0]
    assert times[0] < 0.5 * total
    assert len({round(at, 3) for at in times}) > 24, "pieces arrive one by one, not in a lump"
    assert times[len(times) // 2] - times[0] > 0.2 * (total - times[0])


def test_a_schema_is_kept_to_while_streaming(http: httpx.Client) -> None:
    body = {"model": CHAT, "messages": user("What colour is fire?"), "format": SCHEMA}
    streamed = lines(http, "/api/chat", **body, options=options(num_predict=120))
    made = json.loads("".join(text_of(piece) for _, piece in streamed))
    assert set(made) == {"colour", "warm"} and len(streamed) > 4


def test_stop_words_never_leak_into_a_stream(http: httpx.Client) -> None:
    body = {"model": CHAT, "prompt": "Count: 1, 2, 3, 4, 5, 6,", "raw": True}
    streamed = lines(http, "/api/generate", **body, options=options(num_predict=24, stop=[", 9"]))
    text = "".join(piece["response"] for _, piece in streamed)
    assert "8" in text and "9" not in text and not text.endswith(",")
    assert streamed[-1][1]["done_reason"] == "stop"


def test_eight_streams_run_side_by_side(host: str, http: httpx.Client) -> None:
    chat(http, "Hi")
    bodies = [
        {"model": CHAT, "messages": user(f"{i}. {LONG}"), "options": options(num_predict=32)}
        for i in range(8)
    ]
    arrivals = gather(host, bodies)
    done = [which for which, _, piece in arrivals if piece["done"]]
    assert sorted(done) == list(range(8))
    first_end = next(i for i, (_, _, piece) in enumerate(arrivals) if piece["done"])
    begun = {which for which, _, _ in arrivals[:first_end]}
    assert len(begun) >= 4, f"only streams {begun} had begun when the first one ended"
    switches = sum(a[0] != b[0] for a, b in itertools.pairwise(arrivals))
    assert switches > 5 * 8, "one after the other would be seven switches"


def test_side_by_side_answers_are_not_mixed_up(host: str, http: httpx.Client) -> None:
    prompts = [f"Repeat the number {n}." for n in range(11, 19)]
    alone = [text_of(chat(http, p, options=options(num_predict=8, top_k=1))) for p in prompts]
    bodies = [
        {"model": CHAT, "messages": user(p), "options": options(num_predict=8, top_k=1)}
        for p in prompts
    ]
    together = [""] * 8
    for which, _, piece in gather(host, bodies):
        together[which] += text_of(piece)
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    assert same >= 6, "batching may round a tie differently, no more"
