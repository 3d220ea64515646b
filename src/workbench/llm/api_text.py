"""Ollama's ``/api/chat``, ``/api/generate``, ``/api/embed`` and ``/api/embeddings``."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from workbench.llm import translate, upstream
from workbench.llm.api_models import capabilities
from workbench.llm.engine import ApiError, Runner, seconds
from workbench.llm.http import ENGINE, answer, read_json, wants_stream
from workbench.models import gguf_info

routes = web.RouteTableDef()


@routes.post("/api/chat")
async def chat(request: web.Request) -> web.StreamResponse:
    body = await read_json(request)
    messages = translate.messages_in(body.get("messages") or [])
    if not messages:
        return await _load_only(request, body, {"message": {"role": "assistant", "content": ""}})
    return await answer(request, _chat(request, body, messages), wants_stream(body), _join_chat)


@routes.post("/api/generate")
async def generate(request: web.Request) -> web.StreamResponse:
    body = await read_json(request)
    if not isinstance(body.get("prompt") or "", str):
        raise ApiError(400, "prompt must be text")
    if body.get("images"):
        raise ApiError(400, "this model is missing data required for image input")
    if body.get("raw") and (body.get("system") or body.get("template") or body.get("context")):
        raise ApiError(400, "raw mode does not support template, system, or context")
    if not body.get("prompt") and not body.get("suffix"):
        return await _load_only(request, body, {"response": ""})
    return await answer(request, _generate(request, body), wants_stream(body), _join_generate)


async def _load_only(
    request: web.Request, body: dict[str, Any], empty: dict[str, Any]
) -> web.Response:
    """An empty prompt loads the model, or unloads it with ``keep_alive`` 0."""
    engine = request.app[ENGINE]
    stay = body.get("keep_alive")
    async with engine.use(body.get("model"), stay, translate.num_ctx(body)):
        pass
    reason = "unload" if stay is not None and seconds(stay) == 0 else "load"
    return web.json_response(
        {"model": body["model"], "created_at": translate.now(), **empty,
         "done": True, "done_reason": reason}
    )  # fmt: skip


def _check_can_complete(runner: Runner, body: dict[str, Any], what: str) -> None:
    name = body["model"]
    if runner.model.capability == "embedding":
        raise ApiError(400, f'"{name}" does not support {what}')
    if body.get("think"):
        raise ApiError(400, f'"{name}" does not support thinking')


def _abilities(runner: Runner) -> list[str]:
    return capabilities(runner.model, gguf_info.read(runner.model.gguf))


async def _chat(
    request: web.Request, body: dict[str, Any], messages: list[dict[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    """Ollama's chat pieces, the last one with ``done`` and the counts."""
    engine, began = request.app[ENGINE], time.monotonic()
    limit = translate.num_ctx(body)
    payload = _chat_payload(body, messages)
    async with engine.use(body.get("model"), body.get("keep_alive"), limit) as runner:
        _check_can_complete(runner, body, "chat")
        if body.get("tools") and "tools" not in await asyncio.to_thread(_abilities, runner):
            raise ApiError(400, f'"{body["model"]}" does not support tools')
        payload |= translate.options(body, runner.model.parameters)
        payload["messages"] = _before(runner, messages) + messages
        if limit and limit < runner.context:
            prompt = await upstream.template(engine, runner, payload["messages"])
            await upstream.check_length(engine, runner, prompt, limit)
        loaded = time.monotonic() - began
        async with upstream.post(engine, runner, "/v1/chat/completions", payload) as response:
            async for piece in _chat_pieces(response, body["model"], began, loaded):
                yield piece


def _before(runner: Runner, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The model's own system prompt, unless the request has one, and its own first messages."""
    system = [{"role": "system", "content": runner.model.system}] if runner.model.system else []
    if messages[0]["role"] == "system":
        system = []
    return [*system, *map(dict, runner.model.messages)]


def _chat_payload(body: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if fmt := translate.response_format(body.get("format")):
        payload["response_format"] = fmt
    if body.get("tools"):
        payload["tools"] = body["tools"]
    if body.get("logprobs"):
        payload["logprobs"] = True
        payload["top_logprobs"] = body.get("top_logprobs", 0)
    return payload


async def _chat_pieces(response, model: str, began: float, loaded: float):
    reason, calls, timings = "stop", {}, {}
    async for event in upstream.events(response):
        timings = event.get("timings", timings)
        for choice in event.get("choices", ()):
            reason = choice.get("finish_reason") or reason
            delta = choice.get("delta", {})
            _gather_calls(calls, delta.get("tool_calls", ()))
            if delta.get("content"):
                piece = {"role": "assistant", "content": delta["content"]}
                line = {"model": model, "created_at": translate.now(), "message": piece}
                if choice.get("logprobs"):
                    line["logprobs"] = choice["logprobs"].get("content")
                yield line | {"done": False}
    if calls:
        message = {"role": "assistant", "content": ""}
        message["tool_calls"] = translate.calls_out(list(calls.values()))
        yield {"model": model, "created_at": translate.now(), "message": message, "done": False}
    yield {
        "model": model, "created_at": translate.now(),
        "message": {"role": "assistant", "content": ""},
        "done": True, "done_reason": "length" if reason == "length" else "stop",
        **translate.stats(timings, loaded, time.monotonic() - began),
    }  # fmt: skip


def _gather_calls(calls: dict[int, dict[str, Any]], deltas) -> None:
    for delta in deltas:
        call = calls.setdefault(delta["index"], {"function": {"name": "", "arguments": ""}})
        function = delta.get("function", {})
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""


def _join_chat(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """All pieces as Ollama's whole answer."""
    last = pieces[-1]
    message = {"role": "assistant", "content": "".join(p["message"]["content"] for p in pieces)}
    calls = [c for p in pieces for c in p["message"].get("tool_calls", ())]
    probs = [x for p in pieces for x in p.get("logprobs") or ()]
    if calls:
        message["tool_calls"] = calls
    return last | {"message": message} | ({"logprobs": probs} if probs else {})


async def _generate(request: web.Request, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Ollama's generate pieces, the last one with ``done``, the counts and the context."""
    engine, began = request.app[ENGINE], time.monotonic()
    limit = translate.num_ctx(body)
    formatted = translate.completion_format(body.get("format"))
    async with engine.use(body.get("model"), body.get("keep_alive"), limit) as runner:
        _check_can_complete(runner, body, "generate")
        path, payload = await _generate_payload(engine, runner, body)
        payload |= translate.options(body, runner.model.parameters) | formatted
        if "prompt" in payload:
            await upstream.check_length(engine, runner, payload["prompt"], limit)
        loaded = time.monotonic() - began
        async with upstream.post(engine, runner, path, payload) as response:
            async for piece in _generate_pieces(response, body, payload, began, loaded):
                yield piece


async def _generate_payload(
    engine, runner: Runner, body: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    base = {"stream": True, "return_tokens": True}
    prompt = body.get("prompt") or ""
    if body.get("template"):
        raise ApiError(400, "a template of your own is not supported: use raw and write it out")
    if body.get("suffix"):
        return "/infill", base | {"input_prefix": prompt, "input_suffix": body["suffix"]}
    if not body.get("raw"):
        system = body.get("system") or runner.model.system
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": prompt})
        prompt = await upstream.template(engine, runner, messages)
    tokens = await upstream.tokenize(engine, runner, prompt)
    return "/completion", base | {"prompt": [*_context(body), *tokens]}


def _context(body: dict[str, Any]) -> list[int]:
    context = body.get("context") or []
    if not isinstance(context, list) or not all(isinstance(t, int) for t in context):
        raise ApiError(400, "context must be a list of token numbers")
    return context


async def _generate_pieces(response, body, payload, began: float, loaded: float):
    model, tokens, last = body["model"], [], {}
    async for event in upstream.events(response):
        last = event
        tokens += event.get("tokens", ())
        if event.get("content"):
            yield {"model": model, "created_at": translate.now(),
                   "response": event["content"], "done": False}  # fmt: skip
    done = {"model": model, "created_at": translate.now(), "response": "", "done": True,
            "done_reason": "length" if last.get("stop_type") == "limit" else "stop"}  # fmt: skip
    if not body.get("raw") and "prompt" in payload:
        done["context"] = [*payload["prompt"], *tokens]
    yield done | translate.stats(last.get("timings", {}), loaded, time.monotonic() - began)


def _join_generate(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    return pieces[-1] | {"response": "".join(p["response"] for p in pieces)}


@routes.post("/api/embed")
async def embed(request: web.Request) -> web.Response:
    body, began = await read_json(request), time.monotonic()
    texts = texts_of(body.get("input"))
    engine = request.app[ENGINE]
    async with engine.use(body.get("model"), body.get("keep_alive")) as runner:
        loaded = time.monotonic() - began
        check_can_embed(runner, body)
        vectors, tokens = await vectors_of(engine, runner, texts, body.get("truncate", True))
        vectors = shortened(vectors, body.get("dimensions"))
    return web.json_response(
        {"model": body["model"], "embeddings": vectors,
         "total_duration": int((time.monotonic() - began) * 1e9),
         "load_duration": int(loaded * 1e9), "prompt_eval_count": tokens}
    )  # fmt: skip


@routes.post("/api/embeddings")
async def embeddings(request: web.Request) -> web.Response:
    """The older form: one prompt, one vector."""
    body = await read_json(request)
    engine = request.app[ENGINE]
    async with engine.use(body.get("model"), body.get("keep_alive")) as runner:
        check_can_embed(runner, body)
        vectors, _ = await vectors_of(engine, runner, texts_of(body.get("prompt") or []), True)
    return web.json_response({"embedding": vectors[0] if vectors else []})


def texts_of(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not value:
        return []
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        raise ApiError(400, "invalid input type: a text or a list of texts is wanted")
    return texts


def check_can_embed(runner: Runner, body: dict[str, Any]) -> None:
    if runner.model.capability != "embedding":
        raise ApiError(400, f'"{body["model"]}" does not support embeddings')


async def vectors_of(
    engine, runner: Runner, texts: list[str], truncate: bool
) -> tuple[list[list[float]], int]:
    if not texts:
        return [], 0
    return await upstream.embed(engine, runner, texts, truncate)


def shortened(vectors: list[list[float]], dimensions: Any) -> list[list[float]]:
    """The first ``dimensions`` numbers of each vector, at unit length again."""
    if not dimensions:
        return vectors
    if not isinstance(dimensions, int) or isinstance(dimensions, bool) or dimensions < 1:
        raise ApiError(400, "dimensions must be a whole number from 1 up")
    cut = [vector[:dimensions] for vector in vectors]
    return [[x / (math.hypot(*v) or 1.0) for x in v] for v in cut]
