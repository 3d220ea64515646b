"""Bounds on what notebooks measure, from ``nbconfig/expectations.toml``.

``[01_model_selection]`` holds for every profile; ``[01_model_selection.fast]`` overrides it, metric
by metric, for one. A line is ``metric = {min = 0.5, max = 1.0, why = "what breaks it"}``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.runner.plan import profiles, read_toml
from workbench.settings import settings

SHAPE = 'write it as  metric = {min = 0.5, max = 1.0, why = "what a broken bound means"}'


@dataclass(frozen=True)
class Bound:
    """A metric's least and greatest allowed value (None: no limit on that side), and why."""

    metric: str
    min: float | None = None
    max: float | None = None
    why: str = ""

    def holds(self, value: float | None) -> bool:
        """Whether the value was measured, is finite, and lies within."""
        if value is None or not math.isfinite(value):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        low = "" if self.min is None else f"at least {self.min:g}"
        high = "" if self.max is None else f"at most {self.max:g}"
        return " and ".join(part for part in (low, high) if part)


def path() -> Path:
    """The expectations file of this working copy."""
    return settings().nbconfig / "expectations.toml"


def load(profile: str) -> dict[str, list[Bound]]:
    """Notebook -> its bounds in a profile; raises BadInput for a file that is not right."""
    tables = read_toml(path()) if path().exists() else {}
    return {notebook: _bounds(notebook, table, profile) for notebook, table in tables.items()}


def _bounds(notebook: str, table: Any, profile: str) -> list[Bound]:
    if not isinstance(table, dict):
        raise BadInput(f"{path()}: {notebook!r} stands outside a notebook's table", SHAPE)
    own = {key: value for key, value in table.items() if key not in profiles()}
    named = table.get(profile, {})
    return [_bound(notebook, metric, spec) for metric, spec in (own | named).items()]


def _bound(notebook: str, metric: str, spec: Any) -> Bound:
    right = isinstance(spec, dict) and spec.keys() <= {"min", "max", "why"}
    limits = [spec[side] for side in ("min", "max") if side in spec] if right else []
    if not limits or not all(isinstance(limit, int | float) for limit in limits):
        raise BadInput(f"{path()}: [{notebook}] {metric} is not a bound or a profile", SHAPE)
    return Bound(metric, spec.get("min"), spec.get("max"), spec.get("why", ""))


def check(bounds: list[Bound], metrics: dict[str, float]) -> list[dict[str, Any]]:
    """The report's entry for each bound: metric, value, min, max, ok, why."""
    return [
        {
            "metric": bound.metric,
            "value": metrics.get(bound.metric),
            "min": bound.min,
            "max": bound.max,
            "ok": bound.holds(metrics.get(bound.metric)),
            "why": bound.why,
        }
        for bound in bounds
    ]


def sentence(entry: dict[str, Any]) -> str:
    """An expectation in words, such as ``hit_rate is 0.4, expected at least 0.9``."""
    value = entry["value"]
    if value is None:
        measured = "was not measured"
    else:
        measured = f"is {value:.6g}" if math.isfinite(value) else "is not a number"
    bound = Bound(entry["metric"], entry["min"], entry["max"])
    why = f" ({entry['why']})" if entry.get("why") else ""
    return f"{entry['metric']} {measured}, expected {bound}{why}"
