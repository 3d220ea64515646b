"""Task 01.5: two models on the same questions: a difference, or luck."""

from __future__ import annotations

from typing import Any

from workbench.labs.asking import Learner, Wrong
from workbench.labs.pictures import Outcomes


def outcomes(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Two models' results on the same questions, spread in a fixed order."""
    pairs = [(True, True)] * both + [(True, False)] * first
    pairs += [(False, True)] * second + [(False, False)] * neither
    pairs = [pairs[i * 7 % len(pairs)] for i in range(len(pairs))] if len(pairs) % 7 else pairs
    return [a for a, _ in pairs], [b for _, b in pairs]


UNSURE = "too few to conclude"
MATCHES = [
    (outcomes(14, 2, 3, 11), UNSURE,
     "Of 30 questions the second model got one more than the first. Would it with 30 others?"),
    (outcomes(20, 0, 0, 10), UNSURE,
     "The two models were right on the very same questions. What speaks for either?"),
    (outcomes(30, 30, 38, 2), UNSURE,
     "A difference of eight in a hundred looks like much, but the models disagree on 68 questions. "
     "How often would a coin, tossed 68 times, fall 38 times or more on one side?"),
    (outcomes(20, 1, 36, 3), "better", "The second got 35 more of 60 right. Do you never decide?"),
    (outcomes(20, 36, 1, 3), "worse",
     "Here the first model is far ahead. Which of the two is your answer about?"),
    (outcomes(111, 2, 18, 69), "better",
     "The second model repaired 18 answers and spoilt 2. Two separate intervals overlap here, yet "
     "both models had the same questions: which of them tell the two apart?"),
    (outcomes(111, 18, 2, 69), "worse",
     "The second model spoilt 18 answers and repaired 2, on the same questions. Which of the "
     "questions tell the two models apart?"),
]  # fmt: skip


def check(learner: Learner) -> Any:
    """Clear cases only, so that a sign test, a bootstrap and a paired interval all pass."""
    words = {UNSURE, "better", "worse"}
    for (first, second), right, say in MATCHES:
        got, look = learner(first, second), Outcomes(first, second)
        call = f"{learner.name}(first, second) with {look!r}"
        if got not in words:
            raise Wrong('Answer with "better", "worse" or "too few to conclude".', right, got, call)
        if got != right:
            raise Wrong(_turned(got, right) or say, right, got, call, look)
    if (got := learner([], [])) != UNSURE:
        raise Wrong(
            "What can be said after no question at all?", UNSURE, got, learner.given([], [])
        )
    return Outcomes(*MATCHES[-2][0])


def _turned(got: str, right: str) -> str:
    if {got, right} == {"better", "worse"}:
        return "It is the other way round: say how the second model is, compared with the first."
    return ""
