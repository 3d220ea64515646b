"""Models made from others and from files, copied and deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import httpx
import pytest

from conformance.helpers import (
    CHAT,
    EMBED,
    answer,
    chat,
    count,
    error_of,
    generate,
    gguf_of,
    options,
    templated,
    user,
)

NEW = "conformance-new"
COPY = "conformance-copy:v2"


def delete(http: httpx.Client, name: str) -> httpx.Response:
    return http.request("DELETE", "/api/delete", json={"model": name})


def names(http: httpx.Client) -> set[str]:
    return {m["name"] for m in http.get("/api/tags").json()["models"]}


@pytest.fixture(autouse=True)
def clean(http: httpx.Client) -> Iterator[None]:
    """No model of these tests before or after each."""
    for name in (NEW, COPY):
        delete(http, name)
    yield
    for name in (NEW, COPY):
        delete(http, name)


def create(http: httpx.Client, **body: object) -> list[dict]:
    reply = http.post("/api/create", json={"model": NEW, **body})
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


def test_a_model_with_its_own_system_prompt_and_parameters(http: httpx.Client) -> None:
    system = "You are the purser of a ferry."
    parameters = {"num_predict": 5, "temperature": 0, "stop": ["<|never|>"]}
    states = create(http, **{"from": CHAT}, system=system, parameters=parameters)
    assert states[-1] == {"status": "success"}
    assert f"{NEW}:latest" in names(http)
    shown = answer(http, "/api/show", model=NEW)
    assert shown["system"] == system and system in shown["modelfile"]
    assert "num_predict" in shown["parameters"] and "<|never|>" in shown["parameters"]
    body = chat(http, "Hi", model=NEW, options={"seed": 1})
    assert (body["eval_count"], body["done_reason"]) == (5, "length")
    messages = [{"role": "system", "content": system}, *user("Hi")]
    assert body["prompt_eval_count"] == count(templated(messages))
    assert generate(http, "Hi", model=NEW)["prompt_eval_count"] == body["prompt_eval_count"]


def test_a_request_overrides_what_the_model_brings(http: httpx.Client) -> None:
    create(http, **{"from": CHAT}, system="Long. " * 40, parameters={"num_predict": 5})
    messages = [{"role": "system", "content": "Brief."}, *user("Tell me of the sea.")]
    body = answer(
        http,
        "/api/chat",
        model=NEW,
        messages=messages,
        stream=False,
        options=options(num_predict=9),
    )
    assert body["eval_count"] == 9
    assert body["prompt_eval_count"] == count(templated(messages))


def test_a_made_model_remembers_its_messages(http: httpx.Client) -> None:
    turns = [*user("Hi"), {"role": "assistant", "content": "Hello, sailor."}]
    create(http, **{"from": CHAT}, system="Be brief.", messages=turns)
    told = [{"role": "system", "content": "Be brief."}, *turns, *user("Again?")]
    assert chat(http, "Again?", model=NEW)["prompt_eval_count"] == count(templated(told))


def test_creating_again_replaces(http: httpx.Client) -> None:
    create(http, **{"from": CHAT}, system="One.")
    create(http, **{"from": CHAT}, system="Two.")
    assert answer(http, "/api/show", model=NEW)["system"] == "Two."


def test_a_model_from_a_file(http: httpx.Client) -> None:
    """Q4_1 weights sent as a blob: the whole way that a fine-tuned model takes."""
    content = gguf_of(CHAT).read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    sent = http.post(f"/api/blobs/{digest}", content=content)
    assert sent.status_code in (200, 201), sent.text
    assert http.head(f"/api/blobs/{digest}").status_code == 200
    states = create(http, files={"model.gguf": digest}, system="Be brief.", license="Apache-2.0")
    assert states[-1] == {"status": "success"}
    shown = answer(http, "/api/show", model=NEW)
    assert shown["details"]["family"] == "llama" and "Apache-2.0" in shown["license"]
    assert chat(http, "Hi", model=NEW)["eval_count"] > 0
    answer(http, "/api/generate", model=NEW, keep_alive=0)


def test_a_blob_must_be_what_its_name_says(http: httpx.Client) -> None:
    digest = f"sha256:{hashlib.sha256(b'conformance').hexdigest()}"
    assert http.head(f"/api/blobs/{digest}").status_code == 404
    wrong = http.post(f"/api/blobs/{digest}", content=b"something else")
    assert "digest mismatch" in error_of(wrong, 400)
    assert http.head(f"/api/blobs/{digest}").status_code == 404
    error_of(http.post("/api/blobs/sha256:..%2F..%2Fx", content=b"x"), 400, 404)


def test_a_file_that_is_no_model_is_refused(http: httpx.Client) -> None:
    content = b"this is no GGUF file"
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert http.post(f"/api/blobs/{digest}", content=content).status_code in (200, 201)
    body = {"model": NEW, "files": {"model.gguf": digest}, "stream": False}
    error_of(http.post("/api/create", json=body), 400, 500)
    assert f"{NEW}:latest" not in names(http)


def test_what_cannot_be_created(http: httpx.Client) -> None:
    nothing = http.post("/api/create", json={"model": NEW, "stream": False})
    assert "neither 'from' or 'files' was specified" in error_of(nothing, 400)
    body = {"model": NEW, "from": "no-such-model-xyz", "stream": False}
    error_of(http.post("/api/create", json=body), 400, 404, 500)
    body = {"model": NEW, "files": {"m.gguf": "sha256:" + "0" * 64}, "stream": False}
    error_of(http.post("/api/create", json=body), 400, 404, 500)
    error_of(http.post("/api/create", json={"from": CHAT, "stream": False}), 400)
    assert f"{NEW}:latest" not in names(http)


def test_a_copy_is_a_model_of_its_own(http: httpx.Client) -> None:
    create(http, **{"from": CHAT}, system="Be brief.")
    copied = http.post("/api/copy", json={"source": NEW, "destination": COPY})
    assert (copied.status_code, copied.content) == (200, b"")
    assert delete(http, NEW).status_code == 200
    assert COPY in names(http) and f"{NEW}:latest" not in names(http)
    assert answer(http, "/api/show", model=COPY)["system"] == "Be brief."
    assert chat(http, "Hi", model=COPY)["model"] == COPY


def test_a_deleted_model_is_not_found(http: httpx.Client) -> None:
    create(http, **{"from": CHAT})
    gone = delete(http, NEW)
    assert (gone.status_code, gone.content) == (200, b"")
    body = {"model": NEW, "messages": user("Hi")}
    assert "not found" in error_of(http.post("/api/chat", json=body), 404)
    assert "not found" in error_of(http.post("/api/show", json={"model": NEW}), 404)
    assert "not found" in error_of(delete(http, NEW), 404)


def test_the_base_survives_what_was_made_of_it(http: httpx.Client) -> None:
    create(http, **{"from": CHAT})
    delete(http, NEW)
    assert {CHAT, f"{EMBED}:latest"} <= names(http)
    assert chat(http, "Hi")["done"] is True


def test_the_python_client_creates_copies_and_deletes(host: str, http: httpx.Client) -> None:
    import ollama

    client = ollama.Client(host=host)
    states = list(client.create(NEW, from_=CHAT, system="Be brief.", stream=True))
    assert states[-1].status == "success"
    assert client.copy(NEW, COPY).status == "success"
    assert client.delete(COPY).status == "success"
    with pytest.raises(ollama.ResponseError) as caught:
        client.show(COPY)
    assert caught.value.status_code == 404
