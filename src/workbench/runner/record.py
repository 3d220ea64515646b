"""What a notebook wrote down while it ran: metrics and model calls, one JSON line each.

``{"metric": "hit_rate", "value": 0.9}``, with a ``unit`` or not, comes from
:func:`workbench.session.metric`. From :mod:`workbench.tracing` come
``{"call": {"model", "prompt_tokens", "output_tokens", "seconds"}}`` and
``{"embed": {"model", "prompt_tokens", "texts", "seconds"}}``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Calls:
    """Model calls: how many, their tokens, and their seconds added up."""

    calls: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    def add(self, call: dict[str, Any]) -> None:
        """Count one call; what it does not say counts as nothing."""
        self.calls += 1
        self.prompt_tokens += int(call.get("prompt_tokens") or 0)
        self.output_tokens += int(call.get("output_tokens") or 0)
        self.seconds = round(self.seconds + float(call.get("seconds") or 0.0), 3)


@dataclass
class Record:
    """A notebook's metrics (the last value of each), its calls in all and by model.

    Calls for embeddings are not model calls: ``embeds`` counts them, ``texts`` what they embed.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    total: Calls = field(default_factory=Calls)
    models: dict[str, Calls] = field(default_factory=dict)
    embeds: int = 0
    texts: int = 0

    def add(self, entry: dict[str, Any]) -> None:
        """Take in one line; what is neither a metric nor a call is passed over."""
        if "metric" in entry:
            self.metrics[str(entry["metric"])] = _number(entry.get("value"))
            self.units[str(entry["metric"])] = str(entry.get("unit", ""))
        elif isinstance(entry.get("call"), dict):
            self.total.add(entry["call"])
            self.models.setdefault(str(entry["call"].get("model")), Calls()).add(entry["call"])
        elif isinstance(entry.get("embed"), dict):
            self.embeds += 1
            self.texts += int(entry["embed"].get("texts") or 1)


def read(path: Path) -> Record:
    """A record file, empty if there is none; a line cut short by a kill is passed over."""
    record = Record()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    for line in lines:
        record.add(_entry(line))
    return record


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
