"""Task 02.3: evidence that reaches the prompt."""

from __future__ import annotations

from typing import Any

from workbench.labs.asking import Learner, Slip, Wrong, compare, flat
from workbench.labs.solutions import load

FOUND = [
    "Dogs pay 90 kr on the\nnight crossing.",
    "Small pets travel free in a carrier of at most 55 x 40 x 35 cm.",
    "Bicycles cost 40 kr.",
    "A refund needs the booking",
    "number. Vouchers are valid for twelve months.",
]
RECALLS = [
    (FOUND, ["90 kr on the night crossing", "cost 40 kr"], 100),
    (FOUND, ["90 kr on the night crossing", "cost 40 kr"], 12),
    (FOUND, ["90 kr on the night crossing", "Small pets travel free"], 12),
    (FOUND, ["90 kr on the night crossing", "Small pets travel free"], 22),
    (FOUND, ["needs the booking number", "twelve months"], 100),
    (FOUND, ["90 kr on the  night crossing"], 8),
    (FOUND, ["cost 40 kr"], 7),
    (FOUND, ["valid for twelve months", "Dogs", "trains", "Bicycles cost"], 100),
]


def _taken(
    passages: list[str], budget: float, length=lambda p: len(p.split()), stop=True
) -> list[str]:
    """Passages in the budget; ``stop`` ends at the first that does not fit."""
    taken, used = [], 0
    for passage in passages:
        if used + length(passage) <= budget:
            taken.append(passage)
            used += length(passage)
        elif stop:
            break
    return taken


def _share(texts: list[str], quotes: list[str]) -> float:
    return sum(any(flat(q) in flat(t) for t in texts) for q in quotes) / len(quotes)


def _cut(passages: list[str], budget: int) -> list[str]:
    """Passages with the last one cut to what is left of the budget."""
    out, left = [], budget
    for passage in passages:
        words = passage.split()[: max(0, left)]
        left -= len(words)
        out.append(" ".join(words))
    return out


RECALL_SLIPS = [
    Slip(
        "You looked through all passages. The model sees only those that fit in the budget.",
        lambda p, q, b: _share(p, q),
    ),
    Slip(
        "You left out a passage that did not fit and took a later one. Here the first that does "
        "not fit ends the prompt.",
        lambda p, q, b: _share(_taken(p, b, stop=False), q),
    ),
    Slip(
        "A quote was not found although it is there: a line ends where the quote has a blank.",
        lambda p, q, b: sum(any(x in t for t in _taken(p, b)) for x in q) / len(q),
    ),
    Slip(
        "All or nothing? Half of the evidence is better than none. Return the share.",
        lambda p, q, b: float(_share(_taken(p, b), q) > 0),
    ),
    Slip(
        "You ask for all quotes at once. Return the share of those that were found.",
        lambda p, q, b: float(_share(_taken(p, b), q) == 1),
    ),
    Slip(
        "That is how many were found. Which share of the quotes is it?",
        lambda p, q, b: _share(_taken(p, b), q) * len(q),
    ),
    Slip(
        "A quote that begins in one passage and ends in the next counts as found. Would a reader "
        "of either passage have it?",
        lambda p, q, b: _share([" ".join(_taken(p, b))], q),
    ),
    Slip(
        "You count the budget in characters. It is in words.",
        lambda p, q, b: _share(_taken(p, b, len), q),
    ),
    Slip(
        "You cut the last passage to fit. A passage goes in whole or not at all.",
        lambda p, q, b: _share(_cut(p, b), q),
    ),
    Slip(
        "A passage that fills the budget to its last word does fit.",
        lambda p, q, b: _share(_taken(p, b - 1), q),
    ),
    Slip(
        "You divide by the passages. The share is of the quotes.",
        lambda p, q, b: _share(_taken(p, b), q) * len(q) / len(p),
    ),
]


def check(learner: Learner) -> Any:
    """Quotes in reach, out of reach, split, and with other white space; and none at all."""
    say = "Which passages fit in the budget, and which quotes are in them?"
    look = compare(learner, RECALLS, load("02.3"), RECALL_SLIPS, say)
    if learner(FOUND, [], 100) is not None:
        given = learner.given(["…"], [], 100)
        say = "Where there is no evidence to find, there is no share of it either: return None."
        raise Wrong(say, None, learner(FOUND, [], 100), given)
    return look
