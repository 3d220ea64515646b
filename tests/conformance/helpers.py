"""What the conformance tests share: short requests, timed streams, and an independent tokenizer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import httpx

CHAT = "smollm2:135m"
EMBED = "all-minilm"
GREEDY = {"temperature": 0, "seed": 7}
LONG = "Write a long story about a lighthouse keeper, his dog and the sea in winter."

#: A JSON schema whose every value is short, so that even a very small model finishes it.
SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "warm": {"type": "boolean"},
    },
    "required": ["colour", "warm"],
}


def options(**more: Any) -> dict[str, Any]:
    return {**GREEDY, "num_predict": 16, **more}


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def answer(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    """POST and return the JSON object of a 200 answer."""
    reply = http.post(path, json=body)
    assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text}"
    return reply.json()


def chat(http: httpx.Client, text: str, model: str = CHAT, **body: Any) -> dict[str, Any]:
    body.setdefault("options", options())
    return answer(http, "/api/chat", model=model, messages=user(text), stream=False, **body)


def generate(http: httpx.Client, prompt: str, model: str = CHAT, **body: Any) -> dict[str, Any]:
    body.setdefault("options", options())
    return answer(http, "/api/generate", model=model, prompt=prompt, stream=False, **body)


def embed(http: httpx.Client, text: str | list[str], **body: Any) -> dict[str, Any]:
    return answer(http, "/api/embed", model=EMBED, input=text, **body)


def lines(http: httpx.Client, path: str, **body: Any) -> list[tuple[float, dict[str, Any]]]:
    """Stream a request: (seconds since it was sent, object) for each line."""
    started = time.perf_counter()
    with http.stream("POST", path, json=body) as reply:
        assert reply.status_code == 200, reply.read()
        return [(time.perf_counter() - started, json.loads(line)) for line in reply.iter_lines()]


def text_of(piece: dict[str, Any]) -> str:
    return piece["message"]["content"] if "message" in piece else piece["response"]


def error_of(reply: httpx.Response, *status: int) -> str:
    """The message of an error in Ollama's shape, after checking its status."""
    assert reply.status_code in status, f"{reply.status_code} {reply.text}"
    body = reply.json()
    assert set(body) == {"error"} and isinstance(body["error"], str) and body["error"], body
    return body["error"]


def gather(host: str, bodies: Iterable[dict[str, Any]]) -> list[tuple[int, float, dict[str, Any]]]:
    """Stream several chats at once: (which, arrival, piece) of all of them in order of arrival."""
    arrivals: list[tuple[int, float, dict[str, Any]]] = []

    async def one(session: httpx.AsyncClient, which: int, body: dict[str, Any]) -> None:
        async with session.stream("POST", "/api/chat", json=body) as reply:
            assert reply.status_code == 200, await reply.aread()
            async for line in reply.aiter_lines():
                arrivals.append((which, time.perf_counter(), json.loads(line)))

    async def run() -> None:
        async with httpx.AsyncClient(base_url=host, timeout=120, trust_env=False) as session:
            await asyncio.gather(*(one(session, i, body) for i, body in enumerate(bodies)))

    asyncio.run(run())
    return arrivals


def loaded(http: httpx.Client) -> dict[str, dict[str, Any]]:
    """The running models by name, ``:latest`` left out."""
    models = http.get("/api/ps").json()["models"]
    return {model["name"].removesuffix(":latest"): model for model in models}


@lru_cache
def tokenizer():
    """SmolLM2's tokenizer, made by Hugging Face's library from what the model file says."""
    from gguf import GGUFReader
    from tokenizers import Tokenizer, models, pre_tokenizers

    fields = GGUFReader(gguf_of(CHAT)).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = fields["tokenizer.ggml.merges"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    pairs = [tuple(merge.split(" ")) for merge in merges]
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    digits = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.add_special_tokens([t for t, kind in zip(tokens, kinds, strict=True) if kind == 3])
    return made


def count(text: str) -> int:
    return len(tokenizer().encode(text).ids)


def templated(messages: list[dict[str, str]]) -> str:
    """SmolLM2's chat template, for messages that start with a system message."""
    turns = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages]
    return "".join(turns) + "<|im_start|>assistant\n"


def gguf_of(model: str):
    """The packaged model file of a model in the store."""
    from workbench import models

    return models.path(model).gguf


def cosine(a: Iterable[float], b: Iterable[float]) -> float:
    import numpy as np

    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))
