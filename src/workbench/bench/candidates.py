"""Candidate models on the golden questions of the ``dev`` split, kept for notebook 01."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workbench import golden
from workbench.evals import candidates


def readable() -> list[golden.Question]:
    """The ``dev`` questions that come with a passage: those that test reading."""
    return [q for q in golden.load(split="dev") if q.evidence or q.nearest]


def measure(
    models: Sequence[str], count: int, say: Callable[[str, int, int], None] | None = None
) -> dict[str, Any]:
    """Each model on the same questions, and each later model against the first."""
    questions = candidates.spread(readable(), count)
    measured = []
    for model in models:
        tell = (lambda done, total, model=model: say(model, done, total)) if say else None
        measured.append(candidates.measure(model, questions, tell))
    first, *others = measured
    return {
        "n": len(questions),
        "split": "dev",
        "models": [m.row() | {"by_type": _by_type(m)} for m in measured],
        "gains": [_gain(m, first) for m in others],
    }


def _by_type(candidate: candidates.Candidate) -> dict[str, list[int]]:
    """Type -> right answers and questions."""
    groups = candidate.answers.groupby("type", sort=False)["correct"]
    return {name: [int(group.sum()), len(group)] for name, group in groups}


def _gain(larger: candidates.Candidate, smaller: candidates.Candidate) -> dict[str, Any]:
    found = candidates.gain(larger, smaller)
    return {
        "larger": larger.model,
        "smaller": smaller.model,
        "right": found.right.value, "low": found.right.low, "high": found.right.high,
        "verdict": found.right.verdict,
        "times_slower": found.times_slower,
        "times_memory": found.times_memory,
        "points_per_second": found.per_second,
        "points_per_gigabyte": found.per_gigabyte,
    }  # fmt: skip
