"""Ollama's routes about models: list, show, loaded, pull, create, copy, delete, blobs."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from workbench import models
from workbench.errors import WorkbenchError
from workbench.llm import translate
from workbench.llm.engine import FOREVER, ApiError, find
from workbench.llm.http import ENGINE, answer, read_json, wants_stream
from workbench.models import gguf_info

#: The version whose API is spoken; clients switch features by it.
API_VERSION = "0.12.6"

routes = web.RouteTableDef()


@routes.get("/")
async def root(request: web.Request) -> web.Response:
    return web.Response(text="Ollama is running")


@routes.get("/api/version")
async def version(request: web.Request) -> web.Response:
    return web.json_response({"version": API_VERSION, "server": "llmops-workbench"})


@routes.get("/api/tags")
async def tags(request: web.Request) -> web.Response:
    found = await asyncio.to_thread(models.installed)
    return web.json_response({"models": [_tag(m) for m in found]})


def tagged(name: str) -> str:
    """A model's full name: Ollama adds ``:latest`` where no tag is given."""
    return name if ":" in name else f"{name}:latest"


def _tag(model: models.ModelFiles) -> dict[str, Any]:
    return {
        "name": tagged(model.name),
        "model": tagged(model.name),
        "modified_at": model.modified_at.isoformat(),
        "size": model.size,
        "digest": model.digest,
        "details": _details(model),
    }


def _details(model: models.ModelFiles) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }


@routes.get("/api/ps")
async def ps(request: web.Request) -> web.Response:
    rows = []
    for runner in request.app[ENGINE].runners.values():
        row = _tag(runner.model)
        del row["modified_at"]
        stays = runner.expires_in
        until = timedelta(days=36500) if stays == FOREVER else timedelta(seconds=stays)
        rows.append(
            row | {
                "size": runner.memory(), "size_vram": 0,
                "expires_at": (datetime.now(UTC) + until).isoformat(),
                "context_length": runner.context, "slots": runner.slots,
                "resident": runner.resident(),
            }
        )  # fmt: skip
    return web.json_response({"models": rows})


@routes.post("/api/show")
async def show(request: web.Request) -> web.Response:
    body = await read_json(request)
    model = find(body.get("model"))
    info = await asyncio.to_thread(gguf_info.read, model.gguf)
    template = model.template or info.get("tokenizer.chat_template") or ""
    shown = {k: v for k, v in info.items() if k != "tokenizer.chat_template"}
    return web.json_response(
        {
            "modelfile": modelfile(model),
            "parameters": "\n".join(_parameter_lines(model.parameters)),
            "template": template,
            "system": model.system or "",
            "license": model.license,
            "details": _details(model),
            "model_info": shown,
            "capabilities": capabilities(model, info),
            "modified_at": model.modified_at.isoformat(),
        }
    )


def capabilities(model: models.ModelFiles, info: dict[str, Any]) -> list[str]:
    """What a client may ask of a model, in Ollama's words."""
    if model.capability == "embedding":
        return ["embedding"]
    tools = "tools" in str(info.get("tokenizer.chat_template", ""))
    return ["completion", "tools"] if tools else ["completion"]


def _parameter_lines(parameters: dict[str, Any]) -> list[str]:
    pairs = [
        (name, value)
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return [f"{n:<30} " + (f'"{v}"' if isinstance(v, str) else str(v)) for n, v in pairs]


def modelfile(model: models.ModelFiles) -> str:
    """The model as a Modelfile that ``ollama create`` takes."""
    lines = [f"FROM {model.gguf}", *(f"ADAPTER {a}" for a in model.adapters)]
    if model.system:
        lines.append(f'SYSTEM """{model.system}"""')
    lines += [
        f"PARAMETER {' '.join(line.split(None, 1))}" for line in _parameter_lines(model.parameters)
    ]
    return "\n".join(lines) + "\n"


@routes.post("/api/pull")
async def pull(request: web.Request) -> web.StreamResponse:
    body = await read_json(request)
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise ApiError(400, "model is required")
    packaged = models.specs()
    if models.canonical(name) not in packaged:
        raise ApiError(
            404, f"pull model manifest: file does not exist: this server packages "
            f"{', '.join(packaged)}; for any other model set OLLAMA_HOST to an Ollama",
        )  # fmt: skip
    return await answer(request, _pull(name), wants_stream(body), lambda pieces: pieces[-1])


async def _pull(name: str):
    """Progress of a pull as Ollama reports it; the work goes on in a thread."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    def progress(status: str, completed: int = 0, total: int = 0) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, (status, completed, total))

    yield {"status": "pulling manifest"}
    work = asyncio.create_task(asyncio.to_thread(models.pull, name, progress))
    work.add_done_callback(lambda _: queue.put_nowait(None))
    while (item := await queue.get()) is not None:
        status, completed, total = item
        line: dict[str, Any] = {"status": status}
        if total:
            line |= {"digest": name, "total": total, "completed": completed}
        yield line
    try:
        work.result()
    except WorkbenchError as error:
        raise ApiError(500, str(error)) from error
    for status in ("verifying sha256 digest", "writing manifest", "success"):
        yield {"status": status}


@routes.post("/api/create")
async def create(request: web.Request) -> web.StreamResponse:
    body = await read_json(request)
    if not isinstance(body.get("model"), str):
        raise ApiError(400, "model is required")
    if body.get("quantize") or body.get("quantization"):
        raise ApiError(
            400, "quantize is not supported here: write the file in the precision wanted"
        )
    if not body.get("from") and not body.get("files"):
        raise ApiError(400, "neither 'from' or 'files' was specified")
    if "{{" in (body.get("template") or ""):
        raise ApiError(400, "a Go template is not supported: the file's own chat template is used")
    return await answer(request, _create(request, body), wants_stream(body), lambda p: p[-1])


async def _create(request: web.Request, body: dict[str, Any]):
    files, adapters = _blobs(body.get("files")), _blobs(body.get("adapters"))
    if body.get("from"):
        find(body["from"])
    yield {"status": "parsing GGUF" if files else "using existing layer"}
    for path in files:
        await asyncio.to_thread(_check_gguf, path)
    license_text = body.get("license") or None
    await asyncio.to_thread(
        models.register, body["model"],
        gguf=files[0] if files else None, base=body.get("from"), adapters=adapters,
        template=body.get("template"), system=body.get("system"),
        parameters=body.get("parameters") or {},
        license="\n".join(license_text) if isinstance(license_text, list) else license_text,
        messages=translate.messages_in(body["messages"]) if body.get("messages") else None,
    )  # fmt: skip
    await request.app[ENGINE].unload(models.path(body["model"]).name)
    yield {"status": "writing manifest"}
    yield {"status": "success"}


def _check_gguf(path: Path) -> None:
    try:
        gguf_info.read(path)
    except WorkbenchError as error:
        raise ApiError(400, str(error)) from error


def _blobs(files: Any) -> list[Path]:
    if not files:
        return []
    if not isinstance(files, dict):
        raise ApiError(400, "files must be an object of file name and digest")
    paths = [models.blob_path(_digest(d)) for d in files.values()]
    for path, digest in zip(paths, files.values(), strict=True):
        if not path.exists():
            raise ApiError(400, f"blob {digest} does not exist: send it to /api/blobs first")
    return paths


def _digest(text: str) -> str:
    hexes = text.removeprefix("sha256:")
    if len(hexes) != 64 or any(c not in "0123456789abcdef" for c in hexes):
        raise ApiError(400, "invalid digest format")
    return f"sha256:{hexes}"


@routes.head("/api/blobs/{digest}")
async def has_blob(request: web.Request) -> web.Response:
    there = models.blob_path(_digest(request.match_info["digest"])).exists()
    return web.Response(status=200 if there else 404)


@routes.post("/api/blobs/{digest}")
async def put_blob(request: web.Request) -> web.Response:
    """Write a blob aside, compare its hash, rename it: a cut or altered one leaves nothing."""
    digest = _digest(request.match_info["digest"])
    path = models.blob_path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{id(request)}.part")
    sha = hashlib.sha256()
    try:
        with part.open("wb") as out:
            async for chunk in request.content.iter_chunked(2**20):
                sha.update(chunk)
                out.write(chunk)
        if f"sha256:{sha.hexdigest()}" != digest:
            raise ApiError(400, f"digest mismatch, expected {digest}, got sha256:{sha.hexdigest()}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return web.Response(status=201)


@routes.post("/api/copy")
async def copy(request: web.Request) -> web.Response:
    body = await read_json(request)
    find(body.get("source"))
    if not body.get("destination"):
        raise ApiError(400, "destination is required")
    await _store(models.copy, body["source"], body["destination"])
    return web.Response(status=200)


@routes.delete("/api/delete")
async def delete(request: web.Request) -> web.Response:
    body = await read_json(request)
    model = find(body.get("model"))
    await request.app[ENGINE].unload(model.name)
    await _store(models.delete, body["model"])
    return web.Response(status=200)


async def _store(job, *args: Any) -> None:
    try:
        await asyncio.to_thread(job, *args)
    except WorkbenchError as error:
        raise ApiError(400, str(error)) from error


@routes.post("/api/push")
async def push(request: web.Request) -> web.Response:
    raise ApiError(400, "push is not supported: this server keeps models on this machine")
