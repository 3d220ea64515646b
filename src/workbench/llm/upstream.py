"""Calls to a model's llama.cpp server: whole answers, streams of events, tokens, embeddings."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from workbench.llm.engine import ApiError, Engine, Runner
from workbench.llm.translate import engine_error, too_long

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@asynccontextmanager
async def post(engine: Engine, runner: Runner, path: str, payload: dict[str, Any]):
    """An open response of llama.cpp; leaving early closes it, which cancels the work there."""
    try:
        async with engine.session.post(runner.url + path, json=payload) as response:
            if response.status >= 400:
                raise engine_error(response.status, await _body(response))
            yield response
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
        raise ApiError(
            500, f"llama runner process has terminated while answering ({error}); ask again"
        ) from error


async def _body(response: aiohttp.ClientResponse) -> Any:
    text = await response.text()
    try:
        return json.loads(text)
    except ValueError:
        return text


async def ask(engine: Engine, runner: Runner, path: str, payload: dict[str, Any]) -> Any:
    """A whole answer as parsed JSON."""
    async with post(engine, runner, path, payload) as response:
        return json.loads(await response.read())


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Server-sent events as dicts, as they arrive; an error event becomes an ApiError."""
    async for line in response.content:
        if line.startswith(b"data: "):
            if line.startswith(b"data: [DONE]"):
                return
            event = json.loads(line[6:])
            if "error" in event:
                raise engine_error(500, event)
            yield event
        elif line.startswith(b"error: "):
            raise engine_error(500, {"error": json.loads(line[7:])})


async def template(engine: Engine, runner: Runner, messages: list[dict[str, Any]]) -> str:
    """The prompt text that the model's own chat template makes of messages."""
    return (await ask(engine, runner, "/apply-template", {"messages": messages}))["prompt"]


async def tokenize(engine: Engine, runner: Runner, text: str, special: bool = False) -> list[int]:
    payload = {"content": text, "add_special": special, "parse_special": not special}
    return (await ask(engine, runner, "/tokenize", payload))["tokens"]


async def check_length(
    engine: Engine, runner: Runner, prompt: list[int] | str, limit: int | None
) -> None:
    """Refuse a prompt longer than a context that the request itself made shorter than the slot."""
    if not limit or limit >= runner.context:
        return  # llama.cpp itself refuses what its slot cannot hold
    tokens = prompt if isinstance(prompt, list) else await tokenize(engine, runner, prompt)
    if len(tokens) > limit:
        raise too_long(len(tokens), limit)


async def embed(
    engine: Engine, runner: Runner, texts: list[str], truncate: bool = True
) -> tuple[list[list[float]], int]:
    """Unit-length vectors of texts and the tokens read; a longer text is cut at the model's limit.

    Raises ApiError 400 for a longer text where ``truncate`` is false.
    """
    limit = min(runner.model.context_length, runner.context)
    tokens = await _tokens_of(engine, runner, texts)
    longest = max(map(len, tokens))
    if longest > limit and not truncate:
        raise ApiError(
            400, f"the input length exceeds the context length: {longest} tokens, {limit} allowed"
        )
    inputs = [row if len(row) <= limit else [*row[: limit - 1], row[-1]] for row in tokens]
    answer = await ask(engine, runner, "/v1/embeddings", {"input": inputs})
    rows = sorted(answer["data"], key=lambda row: row["index"])
    return [row["embedding"] for row in rows], answer["usage"]["prompt_tokens"]


async def _tokens_of(engine: Engine, runner: Runner, texts: list[str]) -> list[list[int]]:
    """Token numbers with the special ones, by the model's own tokenizer where it came along.

    llama.cpp's WordPiece differs from it in Hangul and in words of over a hundred characters.
    """
    own = runner.model.folder / "st" / "tokenizer.json"
    if own.is_file():
        encoded = await asyncio.to_thread(_tokenizer(own).encode_batch, texts)
        return [row.ids for row in encoded]
    return await asyncio.gather(*(tokenize(engine, runner, t, special=True) for t in texts))


@functools.cache
def _tokenizer(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
