"""Errors: Ollama's statuses and its one shape, ``{"error": "…"}``."""

from __future__ import annotations

import base64
import json
import re

import httpx
import psutil
import pytest

from conformance.conftest import server_process
from conformance.helpers import CHAT, EMBED, LONG, chat, count, error_of, options, templated, user

NOT_FOUND = re.compile(r"model ['\"]no-such-model(:latest)?['\"] not found")
POSTS = {
    "/api/chat": {"messages": user("Hi")},
    "/api/generate": {"prompt": "Hi"},
    "/api/embed": {"input": "Hi"},
    "/api/embeddings": {"prompt": "Hi"},
    "/api/show": {},
}


@pytest.mark.parametrize("path", POSTS)
def test_an_unknown_model_is_not_found(http: httpx.Client, path: str) -> None:
    reply = http.post(path, json={"model": "no-such-model", **POSTS[path]})
    assert NOT_FOUND.search(error_of(reply, 404))


def test_an_unknown_model_cannot_be_copied_or_deleted(http: httpx.Client) -> None:
    copied = http.post("/api/copy", json={"source": "no-such-model", "destination": "x"})
    assert NOT_FOUND.search(error_of(copied, 404))
    deleted = http.request("DELETE", "/api/delete", json={"model": "no-such-model"})
    assert NOT_FOUND.search(error_of(deleted, 404))


def test_an_unknown_model_cannot_be_pulled(http: httpx.Client) -> None:
    whole = http.post("/api/pull", json={"model": "no-such-model-xyz", "stream": False})
    assert "pull model manifest: file does not exist" in error_of(whole, 500, 404, 400)
    streamed = http.post("/api/pull", json={"model": "no-such-model-xyz"})
    last = json.loads(streamed.text.strip().splitlines()[-1])
    assert "pull model manifest: file does not exist" in last["error"]


@pytest.mark.parametrize("path", [*POSTS, "/api/pull", "/api/create", "/api/copy"])
@pytest.mark.parametrize("content", [b"", b"{", b'{"model": "smollm2:135m"', b"[1]", b"hello"])
def test_malformed_json_is_a_bad_request(http: httpx.Client, path: str, content: bytes) -> None:
    reply = http.post(path, content=content, headers={"Content-Type": "application/json"})
    error_of(reply, 400)


def test_an_empty_body_says_so(http: httpx.Client) -> None:
    assert "missing request body" in error_of(http.post("/api/chat", content=b""), 400)


def test_json_is_read_whatever_the_content_type(http: httpx.Client) -> None:
    body = json.dumps(
        {"model": CHAT, "messages": user("Hi"), "stream": False, "options": options()}
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post("/api/chat", content=body, headers=form).status_code == 200


@pytest.mark.parametrize("path", POSTS)
def test_a_missing_model_name_is_a_bad_request(http: httpx.Client, path: str) -> None:
    error_of(http.post(path, json=POSTS[path]), 400, 404)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/api/chat", {"messages": "Hi"}),
        ("/api/chat", {"messages": [1]}),
        ("/api/chat", {"messages": [{"role": "user", "content": 5}]}),
        ("/api/chat", {"messages": user("Hi"), "stream": "yes"}),
        ("/api/chat", {"messages": user("Hi"), "options": [1]}),
        ("/api/chat", {"messages": user("Hi"), "keep_alive": "soon"}),
        ("/api/generate", {"prompt": 5}),
        ("/api/generate", {"prompt": ["Hi"]}),
        ("/api/generate", {"prompt": "Hi", "context": "abc"}),
        ("/api/embeddings", {"prompt": ["Hi"]}),
    ],
)
def test_wrong_types_are_bad_requests(http: httpx.Client, path: str, wrong: dict) -> None:
    error_of(http.post(path, json={"model": CHAT, **wrong}), 400)


@pytest.mark.parametrize("value", [5, {"a": 1}, [5], ["Hi", 5]])
def test_embed_takes_only_text(http: httpx.Client, value: object) -> None:
    reply = http.post("/api/embed", json={"model": EMBED, "input": value})
    assert "invalid input type" in error_of(reply, 400)


@pytest.mark.parametrize(
    ("option", "kind"),
    [({"num_predict": "ten"}, "integer"), ({"seed": [1]}, "integer"), ({"stop": "x"}, "array")],
)
def test_an_option_of_the_wrong_type_is_named(http: httpx.Client, option: dict, kind: str) -> None:
    body = {"model": CHAT, "messages": user("Hi"), "options": option, "stream": False}
    message = error_of(http.post("/api/chat", json=body), 400, 500)
    assert next(iter(option)) in message and kind in message


def test_a_bad_format_is_an_error(http: httpx.Client) -> None:
    for wrong in ("xml", {"type": "no-such-type"}):
        body = {"model": CHAT, "messages": user("Hi"), "format": wrong, "options": options()}
        error_of(http.post("/api/chat", json={**body, "stream": False}), 400, 500)


def test_an_unknown_role_is_an_error_or_taken_as_text(http: httpx.Client) -> None:
    body = {"model": CHAT, "messages": [{"role": "captain", "content": "Hi"}], "stream": False}
    reply = http.post("/api/chat", json={**body, "options": options()})
    assert reply.status_code in (200, 400)


def test_an_embedding_model_does_not_chat(http: httpx.Client) -> None:
    spoken = http.post("/api/chat", json={"model": EMBED, "messages": user("Hi")})
    assert "does not support chat" in error_of(spoken, 400)
    made = http.post("/api/generate", json={"model": EMBED, "prompt": "Hi"})
    assert "does not support generate" in error_of(made, 400)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_a_model_without_thinking_does_not_think(http: httpx.Client, path: str) -> None:
    reply = http.post(path, json={"model": CHAT, **POSTS[path], "think": True})
    assert "does not support thinking" in error_of(reply, 400)
    body = {"model": CHAT, **POSTS[path], "think": False, "stream": False, "options": options()}
    assert http.post(path, json=body).status_code == 200


def test_a_model_without_insertion_takes_no_suffix(http: httpx.Client) -> None:
    reply = http.post("/api/generate", json={"model": CHAT, "prompt": "a", "suffix": "b"})
    assert "does not support insert" in error_of(reply, 400)


def test_raw_and_system_exclude_each_other(http: httpx.Client) -> None:
    body = {"model": CHAT, "prompt": "a", "raw": True, "system": "Be brief."}
    assert "raw mode" in error_of(http.post("/api/generate", json=body), 400)


def test_paths_and_methods_that_are_not_there(http: httpx.Client) -> None:
    assert http.get("/api/nothing").status_code == 404
    assert http.post("/v1/nothing", json={}).status_code == 404
    assert http.get("/api/chat").status_code == 405
    assert http.post("/api/tags").status_code == 405


def test_an_error_leaves_the_server_well(http: httpx.Client) -> None:
    http.post("/api/chat", content=b"{")
    assert chat(http, "Hi")["done"] is True


@pytest.mark.embedded
def test_a_text_model_takes_no_images(http: httpx.Client) -> None:
    picture = base64.b64encode(b"not a picture").decode()
    message = {"role": "user", "content": "What is this?", "images": [picture]}
    spoken = http.post("/api/chat", json={"model": CHAT, "messages": [message]})
    assert "image" in error_of(spoken, 400)
    made = http.post("/api/generate", json={"model": CHAT, "prompt": "a", "images": [picture]})
    assert "image" in error_of(made, 400)


@pytest.mark.embedded
@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_longer_than_the_context_is_refused(http: httpx.Client, stream: bool) -> None:
    """Ollama cuts such a prompt silently; the embedded server says both numbers instead."""
    messages = [{"role": "system", "content": "Be brief."}, *user(LONG * 60)]
    body = {"model": CHAT, "messages": messages, "stream": stream, "options": {"num_ctx": 512}}
    message = error_of(http.post("/api/chat", json=body), 400)
    assert str(count(templated(messages))) in message and "512" in message
    messages[1]["content"] = LONG * 1000
    body = {"model": CHAT, "messages": messages, "stream": stream}
    message = error_of(http.post("/api/chat", json=body), 400)
    assert str(count(templated(messages))) in message


@pytest.mark.embedded
def test_an_engine_that_dies_in_mid_stream_is_an_error_line(private: httpx.Client) -> None:
    body = {"model": CHAT, "messages": user(LONG), "options": options(num_predict=2000)}
    with private.stream("POST", "/api/chat", json=body) as reply:
        stream = reply.iter_lines()
        assert json.loads(next(stream))["done"] is False
        for child in server_process(str(private.base_url)).children(recursive=True):
            child.kill()
        *_, last = stream
    assert list(json.loads(last)) == ["error"]
    assert chat(private, "Hi")["done"] is True, "the next request starts the engine again"


@pytest.mark.embedded
def test_it_listens_on_loopback_only(host: str) -> None:
    process = server_process(host)
    tree = [process, *process.children(recursive=True)]
    for connection in (c for p in tree for c in p.net_connections(kind="inet")):
        if connection.status == psutil.CONN_LISTEN:
            assert connection.laddr.ip in ("127.0.0.1", "::1")
