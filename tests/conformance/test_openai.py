"""The OpenAI-compatible side, through the unmodified ``openai`` client."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Iterator

import httpx
import openai
import pytest

from conformance.helpers import (
    CHAT,
    EMBED,
    LONG,
    SCHEMA,
    chat,
    cosine,
    count,
    embed,
    templated,
    user,
)

SAMPLING = {"temperature": 0, "seed": 7}


@pytest.fixture(scope="module")
def client(host: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{host}/v1", api_key="unused", max_retries=0) as made:
        yield made


def totals(usage: openai.types.CompletionUsage | None) -> tuple[int, int, int]:
    """The three counts; what of the prompt was cached may differ."""
    assert usage
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens


def test_models(client: openai.OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}
    assert CHAT in found and found[CHAT].object == "model" and found[CHAT].created > 0
    assert client.models.retrieve(CHAT).id == CHAT


def test_chat(client: openai.OpenAI) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *user(LONG)]
    made = client.chat.completions.create(model=CHAT, messages=messages, max_tokens=16, **SAMPLING)
    (choice,) = made.choices
    assert made.object == "chat.completion" and made.model == CHAT and made.id
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason == "length"
    assert made.usage.completion_tokens == 16
    assert made.usage.prompt_tokens == count(templated(messages))
    assert made.usage.total_tokens == 16 + made.usage.prompt_tokens


def test_chat_says_what_ollamas_own_api_says(client: openai.OpenAI, http: httpx.Client) -> None:
    made = client.chat.completions.create(
        model=CHAT, messages=user(LONG), max_tokens=16, **SAMPLING
    )
    assert made.choices[0].message.content == chat(http, LONG)["message"]["content"]


def test_chat_streams_with_usage(client: openai.OpenAI) -> None:
    request = {"model": CHAT, "messages": user(LONG), "max_tokens": 24, **SAMPLING}
    whole = client.chat.completions.create(**request)
    chunks = list(
        client.chat.completions.create(
            **request, stream=True, stream_options={"include_usage": True}
        )
    )
    parts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(parts) == whole.choices[0].message.content
    assert len([part for part in parts if part]) > 12
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({c.id for c in chunks}) == 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
    assert chunks[-1].choices == [] and totals(chunks[-1].usage) == totals(whole.usage)


def test_streams_without_usage_have_none(client: openai.OpenAI) -> None:
    request = {"model": CHAT, "messages": user("Hi"), "max_tokens": 4, **SAMPLING}
    chunks = list(client.chat.completions.create(**request, stream=True))
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_is_server_sent_events_and_ends_with_done(http: httpx.Client) -> None:
    body = {"model": CHAT, "messages": user("Hi"), "max_tokens": 4, "stream": True}
    with http.stream("POST", "/v1/chat/completions", json=body) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [line for line in reply.iter_lines() if line]
    assert all(line.startswith("data: ") for line in events)
    assert events[-1] == "data: [DONE]"
    assert json.loads(events[0].removeprefix("data: "))["choices"]


def test_stop_and_content_parts(client: openai.OpenAI) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": LONG}]}]
    plain = client.chat.completions.create(
        model=CHAT, messages=user(LONG), max_tokens=24, **SAMPLING
    )
    same = client.chat.completions.create(model=CHAT, messages=parts, max_tokens=24, **SAMPLING)
    text = plain.choices[0].message.content
    assert same.choices[0].message.content == text
    word = text.split()[6]
    cut = client.chat.completions.create(
        model=CHAT, messages=user(LONG), max_tokens=24, stop=word, **SAMPLING
    )
    assert cut.choices[0].message.content == text.split(word)[0]
    assert cut.choices[0].finish_reason == "stop"


def test_json_schema_and_json_mode(client: openai.OpenAI) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "paint", "schema": SCHEMA}}
    made = client.chat.completions.create(
        model=CHAT,
        messages=user("What colour is fire?"),
        response_format=schema,
        max_tokens=120,
        **SAMPLING,
    )
    assert set(json.loads(made.choices[0].message.content)) == {"colour", "warm"}
    text = 'Answer in JSON, like {"name": "Ann", "age": 3}. Describe Bob, who is 5.'
    made = client.chat.completions.create(
        model=CHAT,
        messages=user(text),
        response_format={"type": "json_object"},
        max_tokens=300,
        **SAMPLING,
    )
    assert isinstance(json.loads(made.choices[0].message.content), dict)


def test_completions(client: openai.OpenAI) -> None:
    request = {"model": CHAT, "prompt": LONG, "max_tokens": 16, **SAMPLING}
    whole = client.completions.create(**request)
    assert whole.object == "text_completion" and whole.choices[0].finish_reason == "length"
    assert whole.usage.completion_tokens == 16
    chunks = list(
        client.completions.create(**request, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(c.choices[0].text for c in chunks if c.choices) == whole.choices[0].text
    assert totals(chunks[-1].usage) == totals(whole.usage)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(client: openai.OpenAI, http: httpx.Client, encoding: str) -> None:
    many = ["a ferry", "a dog"]
    made = client.embeddings.create(model=EMBED, input=many, encoding_format=encoding)
    assert made.object == "list" and made.model == EMBED
    assert [one.index for one in made.data] == [0, 1]
    assert made.usage.prompt_tokens == embed(http, many)["prompt_eval_count"]
    for one, own in zip(made.data, embed(http, many)["embeddings"], strict=True):
        vector = one.embedding
        if isinstance(vector, str):
            raw = base64.b64decode(vector)
            vector = struct.unpack(f"<{len(raw) // 4}f", raw)
        assert len(vector) == 384 and cosine(vector, own) > 0.9999


def test_the_client_decodes_its_default_encoding(client: openai.OpenAI) -> None:
    """By default the client asks for base64 and decodes it by itself."""
    made = client.embeddings.create(model=EMBED, input="a ferry")
    assert len(made.data[0].embedding) == 384


def test_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="no-such-model", messages=user("Hi"))
    assert "not found" in missing.value.body["message"]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=CHAT, messages=[])
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model=EMBED, input=[])
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_error_shape(http: httpx.Client) -> None:
    for reply in (
        http.post("/v1/chat/completions", json={"model": "no-such-model", "messages": user("Hi")}),
        http.post("/v1/chat/completions", content=b"{"),
        http.post("/v1/embeddings", json={"model": "no-such-model", "input": "Hi"}),
    ):
        assert reply.status_code in (400, 404)
        error = reply.json()["error"]
        assert {"message", "type", "param", "code"} <= set(error) and error["message"]


def test_the_async_client_streams_several_at_once(host: str) -> None:
    async def one(client: openai.AsyncOpenAI, text: str) -> str:
        stream = await client.chat.completions.create(
            model=CHAT, messages=user(text), max_tokens=12, stream=True, **SAMPLING
        )
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    async def run() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{host}/v1", api_key="unused") as client:
            return await asyncio.gather(*(one(client, f"{i}. {LONG}") for i in range(4)))

    assert all(asyncio.run(run()))
