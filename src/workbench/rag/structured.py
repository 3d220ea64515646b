"""Answers that must be JSON: parsed, held against their schema, and put into words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: JSON Schema's types -> Python's.
_KINDS: dict[str, Any] = {
    "string": str, "array": list, "object": dict, "boolean": bool,
    "integer": int, "number": (int, float),
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What the model said: the text for a reader, the data behind it, and why it failed if so."""

    text: str
    data: dict[str, Any] | None = None
    failed: str = ""


def said(raw: str, schema: Mapping[str, Any] | None) -> Said:
    """A model's words as an answer; without a schema they are the answer.

    With one, the text is the field ``answer``, and behind it ``source`` (text or a list) in
    brackets, so that it reads and is scored as any other answer. Words that are no JSON, or not of
    the schema, make a failed answer without text.
    """
    if schema is None:
        return Said(raw.strip())
    try:
        data = json.loads(raw)
    except ValueError:
        return Said(
            "", failed=f"not valid JSON (cut off after {len(raw)} characters, or other words)"
        )
    if why := _unlike(data, schema):
        return Said("", failed=f"valid JSON, but not of the schema: {why}")
    return Said(_text(data), data)


def _unlike(data: Any, schema: Mapping[str, Any]) -> str:
    """In what the data differs from the schema's fields and their types; empty if in nothing.

    The server lets a model write only what the schema allows: what is left to find is a server that
    does not. (The package jsonschema would do more, and takes seconds to import.)
    """
    if not isinstance(data, dict):
        return f"a {type(data).__name__} where an object was asked for"
    for name in schema.get("required", []):
        if name not in data:
            return f"{name!r} is missing"
    for name, field in schema.get("properties", {}).items():
        kinds = _KINDS.get(field.get("type"), object)
        if name in data and not isinstance(data[name], kinds):
            return f"{name!r} is not of type {field['type']}"
    return ""


def _text(data: dict[str, Any]) -> str:
    source = data.get("source") or []
    named = [source] if isinstance(source, str) else source
    brackets = ", ".join(str(part).strip().strip("[]") for part in named)
    text = str(data.get("answer", "")).strip()
    return f"{text} [{brackets}]" if brackets else text
