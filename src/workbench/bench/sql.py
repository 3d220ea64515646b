"""Questions to the database: how often a model's query finds what the reference query finds.

Execution accuracy, as in the text-to-SQL benchmarks Spider (Yu et al. 2018) and BIRD (Li et al.
2023): not the words of two queries are compared but their results.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from workbench import golden
from workbench.database import Database, Rows
from workbench.database.question import SqlAnswer
from workbench.errors import BadInput
from workbench.evals import intervals
from workbench.evals.metrics import accepted

MODELS = ("qwen2.5-coder:1.5b", "smollm2:135m")
LENGTHS = ("compact", "full")


def questions(split: str = "dev") -> list[golden.Question]:
    """The golden questions that have a reference query."""
    return [q for q in golden.load(split=split) if q.sql]


def same(found: Rows | None, wanted: Rows) -> bool:
    """Whether two results hold the same rows, in any order; names of columns do not count.

    Numbers are the same to six digits, so that 29 and 29.0 are.
    """
    if found is None or found.cut:
        return False
    return Counter(map(_plain, found.rows)) == Counter(map(_plain, wanted.rows))


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_rounded(value) for value in row)


def _rounded(value: Any) -> Any:
    """A number to six digits."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(f"{value:.6g}")
    return value


def says(answer: SqlAnswer, question: golden.Question) -> bool:
    """Whether a result of one row holds an accepted form: the right value with others beside it."""
    return answer.rows is not None and len(answer.rows) == 1 and accepted(
        answer.text, question.accept
    )  # fmt: skip


def measure(
    models: Sequence[str] = MODELS,
    split: str = "dev",
    lengths: Sequence[str] = LENGTHS,
    say: Callable[[str], None] | None = None,
    anew: bool = False,
) -> dict[str, Any]:
    """Each model with each length of the schema on the same questions.

    What a model wrote is kept by content, with the time that it took: a run that was stopped goes
    on where it was. ``anew`` asks again, for clean times. Raises BadInput where the
    split has no such question.
    """
    database, asked = Database(), questions(split)
    if not asked:
        raise BadInput(f"no question of the split {split} has a reference query", "name another")
    arms = [
        _arm(database, asked, model, length, say, not anew)
        for model in models
        for length in lengths
    ]
    return {"n": len(asked), "split": split, "arms": arms, "changes": _changes(arms)}


def _arm(
    database: Database,
    asked: Sequence[golden.Question],
    model: str,
    length: str,
    say: Callable[[str], None] | None,
    cache: bool,
) -> dict[str, Any]:
    cases = []
    for number, question in enumerate(asked, 1):
        answer = database.ask(question.question, model, length, cache)
        cases.append(_case(database, question, answer))
        if say:
            say(f"{model}, {length} schema: {number} of {len(asked)}")
    shares = {
        name: _share([case[name] for case in cases]) for name in ("valid", "right", "accepted")
    }
    return {
        "model": model,
        "schema": length,
        **shares,
        "repaired": sum(case["repaired"] for case in cases),
        "seconds": median(case["seconds"] for case in cases),
        "prompt_tokens": median(case["prompt_tokens"] for case in cases),
        "output_tokens": median(case["output_tokens"] for case in cases),
        "cases": cases,
    }


def _case(database: Database, question: golden.Question, answer: SqlAnswer) -> dict[str, Any]:
    return {
        "id": question.id,
        "sql": answer.sql,
        "text": answer.text[:200],
        "valid": answer.rows is not None,
        "right": same(answer.rows, database.query(question.sql)),
        "accepted": says(answer, question),
        "repaired": answer.repaired,
        "seconds": answer.model_seconds,
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
    }


def _share(outcomes: Sequence[bool]) -> dict[str, Any]:
    found = intervals.share(outcomes)
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def _changes(arms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each later arm against the first, question by question."""
    first, *others = arms
    return [_change(first, arm) for arm in others]


def _change(first: dict[str, Any], arm: dict[str, Any]) -> dict[str, Any]:
    found = intervals.paired(*([case["right"] for case in a["cases"]] for a in (arm, first)))
    return {
        "from": f"{first['model']}, {first['schema']}",
        "to": f"{arm['model']}, {arm['schema']}",
        "right": found.value, "low": found.low, "high": found.high,
        "verdict": found.verdict,
    }  # fmt: skip
