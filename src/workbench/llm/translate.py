"""Requests and answers between Ollama's words and llama.cpp's.

Ollama's: github.com/ollama/ollama, docs/api.md. llama.cpp's: tools/server/README.md.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from workbench.llm.engine import ApiError

#: Ollama's defaults (api/types.go, DefaultOptions), in llama.cpp's names.
DEFAULTS: dict[str, Any] = {
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.9,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_last_n": 64,
    "repeat_penalty": 1.1,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "n_predict": -1,
    "seed": -1,
}
#: Ollama option -> (llama.cpp parameter, types it may have)
OPTIONS: dict[str, tuple[str | None, type | tuple[type, ...]]] = {
    "temperature": ("temperature", (int, float)),
    "top_k": ("top_k", int),
    "top_p": ("top_p", (int, float)),
    "min_p": ("min_p", (int, float)),
    "typical_p": ("typical_p", (int, float)),
    "repeat_last_n": ("repeat_last_n", int),
    "repeat_penalty": ("repeat_penalty", (int, float)),
    "presence_penalty": ("presence_penalty", (int, float)),
    "frequency_penalty": ("frequency_penalty", (int, float)),
    "num_predict": ("n_predict", int),
    "seed": ("seed", int),
    "stop": ("stop", list),
    "num_keep": ("n_keep", int),
    "mirostat": ("mirostat", int),
    "mirostat_tau": ("mirostat_tau", (int, float)),
    "mirostat_eta": ("mirostat_eta", (int, float)),
    "num_ctx": (None, int),  # how the model is loaded, not how it answers
    "num_batch": (None, int),
    "num_gpu": (None, int),
    "main_gpu": (None, int),
    "num_thread": (None, int),
    "use_mmap": (None, bool),
    "draft_num_predict": (None, int),
}


def options(request: dict[str, Any], model_parameters: dict[str, Any]) -> dict[str, Any]:
    """llama.cpp's sampling parameters: Ollama's defaults, then the model's, then the request's."""
    out = dict(DEFAULTS)
    for source in (model_parameters, _given(request)):
        for name, value in source.items():
            if value is None or name not in OPTIONS:  # Ollama, too, only warns of unknown options
                continue
            target, kinds = OPTIONS[name]
            _check_type(name, value, kinds)
            if target:
                out[target] = value
    return out


def _given(request: dict[str, Any]) -> dict[str, Any]:
    given = request.get("options")
    if given is not None and not isinstance(given, dict):
        raise ApiError(400, "options must be an object")
    return given or {}


def _check_type(name: str, value: Any, kinds: type | tuple[type, ...]) -> None:
    whole = kinds is int and isinstance(value, float) and value.is_integer()
    wrong_bool = isinstance(value, bool) and kinds is not bool
    if wrong_bool or not (isinstance(value, kinds) or whole):
        names = {int: "integer", list: "array", bool: "boolean"}
        wanted = names.get(kinds, "number") if isinstance(kinds, type) else "number"
        raise ApiError(400, f'option "{name}" must be of type {wanted}')


def num_ctx(request: dict[str, Any]) -> int | None:
    value = _given(request).get("num_ctx")
    if value is not None:
        _check_type("num_ctx", value, int)
    return int(value) if value else None


def response_format(value: Any) -> dict[str, Any] | None:
    """Ollama's ``format`` ("json" or a JSON schema) as OpenAI's ``response_format``."""
    if value in (None, "", "null"):
        return None
    if value == "json":
        return {"type": "json_object"}
    if isinstance(value, dict):
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": value}}
    raise ApiError(
        400, f'invalid format: {json.dumps(value)}; expected "json" or a valid JSON Schema object'
    )


def completion_format(value: Any) -> dict[str, Any]:
    """Ollama's ``format`` for llama.cpp's ``/completion``."""
    wanted = response_format(value)
    if wanted is None:
        return {}
    if value == "json":
        return {"json_schema": {"type": "object"}}
    return {"json_schema": _closed(value) | {"x-guidance": {"whitespace_flexible": False}}}


def _closed(schema: Any) -> Any:
    """The schema with objects closed to properties that it does not name, as Ollama reads it.

    LLGuidance, which ``/completion`` uses, takes JSON Schema at its word and leaves them open.
    """
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in closed and isinstance(schema["properties"], dict):
        closed.setdefault("additionalProperties", False)
    return closed


def messages_in(messages: Any) -> list[dict[str, Any]]:
    """Ollama's messages as OpenAI's: tool-call arguments become text, images are refused."""
    if not isinstance(messages, list):
        raise ApiError(400, "messages must be a list")
    return [_message_in(m) for m in messages]


def _message_in(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise ApiError(400, "each message needs a role and content")
    if message["role"] not in ("system", "user", "assistant", "tool"):
        raise ApiError(400, f"invalid role: {message['role']!r}")
    if message.get("images"):
        raise ApiError(400, "this model is missing data required for image input")
    content = message.get("content") or ""
    if not isinstance(content, str):
        raise ApiError(400, "message content must be text")
    out = {"role": message["role"], "content": content}
    if message.get("tool_calls"):
        out["tool_calls"] = [_call_in(c) for c in message["tool_calls"]]
    if message.get("tool_name"):
        out["name"] = message["tool_name"]
    return out


def _call_in(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    return {
        "id": call.get("id") or f"call_{uuid.uuid4().hex[:8]}",
        "type": "function",
        "function": {
            "name": function.get("name"),
            "arguments": json.dumps(function.get("arguments") or {}),
        },
    }


def calls_out(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """OpenAI's tool calls as Ollama's: arguments as an object."""
    out = []
    for call in calls:
        function = call["function"]
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except ValueError:
            arguments = {}
        out.append({"function": {"name": function["name"], "arguments": arguments}})
    return out


def stats(timings: dict[str, Any], load_seconds: float, total_seconds: float) -> dict[str, int]:
    """Ollama's counts and durations (nanoseconds) from llama.cpp's own timings.

    ``prompt_eval_count`` counts the whole prompt, the part reused from a slot's cache included.
    """
    return {
        "total_duration": int(total_seconds * 1e9),
        "load_duration": int(load_seconds * 1e9),
        "prompt_eval_count": timings.get("cache_n", 0) + timings.get("prompt_n", 0),
        "prompt_eval_duration": int(timings.get("prompt_ms", 0) * 1e6),
        "eval_count": timings.get("predicted_n", 0),
        "eval_duration": int(timings.get("predicted_ms", 0) * 1e6),
    }


def now() -> str:
    """The time as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def engine_error(status: int, body: Any) -> ApiError:
    """llama.cpp's error as Ollama's shape."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ApiError(
            status if status >= 400 else 500, str(body)[:500] or "the model gave no answer"
        )
    if error.get("type") == "exceed_context_size_error":
        return too_long(error.get("n_prompt_tokens"), error.get("n_ctx"))
    if error.get("type") == "not_supported_error":  # a model without fill-in-the-middle tokens
        return ApiError(400, f"this model does not support insert: {error.get('message')}")
    return ApiError(int(error.get("code") or status), str(error.get("message")))


def too_long(tokens: int, context: int) -> ApiError:
    return ApiError(
        400, f"the prompt has {tokens} tokens, more than the context of {context} tokens: "
        "shorten it, or ask for a longer context with options.num_ctx",
    )  # fmt: skip
