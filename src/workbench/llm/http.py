"""What all routes share: reading JSON, streaming lines, errors in the caller's shape."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

from workbench.llm.engine import ApiError, Engine

ENGINE = web.AppKey("engine", Engine)
log = logging.getLogger("workbench.llm")
_LOCAL = ("localhost", "127.", "[::1]", "::1", "0.0.0.0")


async def read_json(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw:
        raise ApiError(400, "missing request body")
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ApiError(400, f"invalid JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "the request body must be a JSON object")
    if "model" not in body and "name" in body:
        body["model"] = body["name"]
    return body


def wants_stream(body: dict[str, Any]) -> bool:
    stream = body.get("stream", True)
    if stream is not None and not isinstance(stream, bool):
        raise ApiError(400, "stream must be true or false")
    return stream is not False


async def answer(
    request: web.Request,
    pieces: AsyncIterator[dict[str, Any]],
    stream: bool,
    join: Callable[[list[dict[str, Any]]], dict[str, Any]],
) -> web.StreamResponse:
    """Pieces as newline-delimited JSON while they are made, or joined into one object."""
    if not stream:
        return web.json_response(join([piece async for piece in pieces]))
    response: web.StreamResponse | None = None
    try:
        async for piece in pieces:
            if response is None:  # only now is it certain that the answer is no error
                response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
                await response.prepare(request)
            await response.write(_line(piece))
    except ApiError as error:
        if response is None:
            raise
        await response.write(_line({"error": error.message}))
    finally:
        await pieces.aclose()
    if response is None:
        raise ApiError(500, "the model gave no answer")
    await response.write_eof()
    return response


def _line(piece: dict[str, Any]) -> bytes:
    return json.dumps(piece, ensure_ascii=False).encode() + b"\n"


@web.middleware
async def errors(request: web.Request, handler) -> web.StreamResponse:
    """Each error as Ollama's ``{"error": …}``, or as OpenAI's object under ``/v1``."""
    try:
        _check_host(request)
        return await handler(request)
    except ApiError as error:
        return _error(request, error.status, error.message)
    except web.HTTPException as error:
        return _error(request, error.status, error.text or error.reason)
    except (ConnectionResetError, ConnectionError):
        raise  # the client went away: nobody to answer
    except Exception as error:  # a bug must not look like a broken connection
        log.exception("unexpected error on %s", request.path)
        return _error(request, 500, f"unexpected error: {error!r}")


def _error(request: web.Request, status: int, message: str) -> web.Response:
    if request.path.startswith("/v1/"):
        kind = "not_found_error" if status == 404 else "invalid_request_error"
        kind = "api_error" if status >= 500 else kind
        error: Any = {"message": message, "type": kind, "param": None, "code": None}
    else:
        error = message
    return web.json_response({"error": error}, status=status)


def _check_host(request: web.Request) -> None:
    """Refuse names that are not this machine's: a web page must not reach in by DNS rebinding."""
    if not (request.host or "localhost").startswith(_LOCAL):
        raise ApiError(
            403, f"host {request.host!r} is not allowed: this server is for this machine"
        )
