"""Answers that must be JSON: parsed, held against their schema, and put into words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    """In what the data differs from the schema; empty if in nothing."""
    from jsonschema import ValidationError, validate

    try:
        validate(data, schema)
    except ValidationError as error:
        return error.message.splitlines()[0][:200]
    return ""


def _text(data: dict[str, Any]) -> str:
    source = data.get("source") or []
    named = [source] if isinstance(source, str) else source
    brackets = ", ".join(str(part).strip().strip("[]") for part in named)
    text = str(data.get("answer", "")).strip()
    return f"{text} [{brackets}]" if brackets else text
