"""Task 01.3: rankings that never cross two ways of measuring."""

from __future__ import annotations

import math
from typing import Any

from workbench.labs.asking import Learner, Wrong, same
from workbench.labs.solutions import load

SCORES = [
    {"model_id": "a", "mmlu": 60.3, "mmlu_setting": "5-shot"},
    {"model_id": "b", "mmlu": 29.3, "mmlu_setting": "0-shot cloze"},
    {"model_id": "c", "mmlu": 74.2, "mmlu_setting": "5-shot"},
    {"model_id": "d", "mmlu": float("nan"), "mmlu_setting": "not reported"},
    {"model_id": "e", "mmlu": 32.8, "mmlu_setting": "0-shot cloze"},
    {"model_id": "f", "mmlu": None, "mmlu_setting": "5-shot"},
    {"model_id": "g", "mmlu": 9.5, "mmlu_setting": "5-shot"},
    {"model_id": "h", "mmlu": 88.7, "mmlu_setting": "chain of thought"},
]


def _known(models: list[dict]) -> list[dict]:
    return [m for m in models if m["mmlu"] is not None and not math.isnan(m["mmlu"])]


def check(learner: Learner) -> Any:
    """Groups, gaps and order, each with its own question."""
    got = learner(SCORES)
    right, call = load("01.3")(SCORES), f"{learner.name}(models)"
    if not hasattr(got, "items"):
        raise Wrong(
            "One list for all would set scores beside each other that were measured in different "
            "ways. How can you return one list for each setting?", right, got, call,
        )  # fmt: skip
    got = {key: [value] if isinstance(value, str) else list(value) for key, value in got.items()}
    listed = [one for ids in got.values() for one in ids]
    if not all(isinstance(one, str) for one in listed):
        raise Wrong("The lists should hold the models' ids alone.", right, got, call)
    for gap in ("d", "f"):
        if gap in listed:
            raise Wrong(
                f"Model `{gap}` has no score. Where does one without a score stand?",
                right,
                got,
                call,
            )
    empty = [key for key, ids in got.items() if not ids]
    if empty:
        raise Wrong(
            f"The setting {empty[0]!r} has no model with a score left: leave it out.",
            right,
            got,
            call,
        )
    if set(got) != set(right):
        missing = set(right) - set(got)
        say = "The keys should be the values of `mmlu_setting`, each one that has scores."
        if "chain of thought" in missing:
            say = "A setting with a single model is missing. It is a short ranking, and still one."
        raise Wrong(say, right, got, call)
    for setting, ids in got.items():
        if sorted(ids) == sorted(right[setting]) and ids != right[setting]:
            raise Wrong(_order(ids, right[setting]), right, got, call)
    if not same(got, right):
        raise Wrong("Which models belong into each setting?", right, got, call)
    _check_same_again(learner)
    return None


def _order(ids: list[str], right: list[str]) -> str:
    if ids == right[::-1]:
        return "Your best model stands last. Which end should a ranking begin with?"
    if "g" in ids:
        return "Is 9.5 more than 60.3? As text it is; are you sorting numbers?"
    return "Within a setting the best model comes first. What does your order go by?"


def _check_same_again(learner: Learner) -> None:
    """The order of the rows must not matter."""
    if not same(_as_dict(learner(SCORES[::-1])), _as_dict(load("01.3")(SCORES))):
        raise Wrong(
            "With the rows in another order your ranking is another one. What does it go by?"
        )


def _as_dict(value: Any) -> dict:
    return {key: list(ids) for key, ids in dict(value).items()}
