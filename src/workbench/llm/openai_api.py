"""OpenAI's routes: llama.cpp speaks them itself, so answers pass through untouched."""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any

from aiohttp import web

from workbench import models
from workbench.llm import translate, upstream
from workbench.llm.api_models import tagged
from workbench.llm.api_text import check_can_embed, shortened, texts_of, vectors_of
from workbench.llm.engine import ApiError, find
from workbench.llm.http import ENGINE, read_json

#: As Ollama's own OpenAI routes have them (openai/openai.go).
DEFAULTS = {**translate.DEFAULTS, "temperature": 1.0, "top_p": 1.0}

routes = web.RouteTableDef()


@routes.get("/v1/models")
async def list_models(request: web.Request) -> web.Response:
    found = await asyncio.to_thread(models.installed)
    return web.json_response({"object": "list", "data": [_model(m) for m in found]})


@routes.get("/v1/models/{name:.+}")
async def one_model(request: web.Request) -> web.Response:
    return web.json_response(_model(find(request.match_info["name"])))


def _model(model: models.ModelFiles) -> dict[str, Any]:
    created = int(model.modified_at.timestamp())
    return {"id": tagged(model.name), "object": "model", "created": created, "owned_by": "library"}


@routes.post("/v1/chat/completions")
async def chat(request: web.Request) -> web.StreamResponse:
    body = await read_json(request)
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise ApiError(400, "messages must be a list with at least one message")
    return await _pass_on(request, "/v1/chat/completions", body)


@routes.post("/v1/completions")
async def complete(request: web.Request) -> web.StreamResponse:
    """A prompt, put into the model's chat template as Ollama does."""
    body = await read_json(request)
    if not isinstance(body.get("prompt"), str):
        raise ApiError(400, "prompt must be text")
    engine = request.app[ENGINE]
    async with engine.use(body.get("model")) as runner:
        messages = [{"role": "user", "content": body["prompt"]}]
        body["prompt"] = await upstream.template(engine, runner, messages)
    return await _pass_on(request, "/v1/completions", body)


async def _pass_on(request: web.Request, path: str, body: dict[str, Any]) -> web.StreamResponse:
    engine = request.app[ENGINE]
    async with engine.use(body.get("model")) as runner:
        if runner.model.capability == "embedding":
            raise ApiError(400, f'"{body["model"]}" does not support chat')
        given = {k: v for k, v in body.items() if v is not None}
        payload = DEFAULTS | translate.options({}, runner.model.parameters) | DEFAULTS | given
        if "max_tokens" in payload or "max_completion_tokens" in payload:
            del payload["n_predict"]
        async with upstream.post(engine, runner, path, payload) as response:
            headers = {"Content-Type": response.headers["Content-Type"]}
            out = web.StreamResponse(headers=headers)
            await out.prepare(request)
            async for chunk in response.content.iter_any():
                await out.write(chunk)
            await out.write_eof()
            return out


@routes.post("/v1/embeddings")
async def embeddings(request: web.Request) -> web.Response:
    body = await read_json(request)
    texts = texts_of(body.get("input"))
    if not texts:
        raise ApiError(400, "invalid input: at least one text is wanted")
    engine = request.app[ENGINE]
    async with engine.use(body.get("model")) as runner:
        check_can_embed(runner, body)
        vectors, tokens = await vectors_of(engine, runner, texts, truncate=True)
        vectors = shortened(vectors, body.get("dimensions"))
    pack = _base64 if body.get("encoding_format") == "base64" else list
    rows = [
        {"object": "embedding", "index": i, "embedding": pack(v)} for i, v in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return web.json_response(
        {"object": "list", "data": rows, "model": body["model"], "usage": usage}
    )


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
