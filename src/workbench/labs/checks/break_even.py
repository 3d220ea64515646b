"""Task 01.4: the number of answers from which a rented machine pays."""

from __future__ import annotations

import math
from typing import Any

from workbench.labs.asking import Learner, Slip, Wrong
from workbench.labs.pictures import Bars
from workbench.labs.solutions import load

#: tokens in, tokens out, dollars a million in, dollars a million out, rent an hour, hours.
BILLS = [
    (600, 80, 0.15, 0.60, 0.50, 730),
    (600, 80, 2.50, 10.0, 0.50, 730),
    (1000, 1000, 1.00, 3.00, 0.40, 100),
    (3, 1, 1.00, 1.00, 0.40, 730),
]


def _ceil(value: float) -> int:
    return math.ceil(round(value, 6))


BILL_SLIPS = [
    Slip(
        "You bought every token for the price of a million, or of a thousand. What is the unit of "
        "the price?",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * h / (i * pi + o * po)),
    ),
    Slip(
        "You bought tokens by the thousand. These prices are for a million.",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * h / ((i * pi + o * po) / 1e3)),
    ),
    Slip(
        "You left out what the model writes. Which of the two prices is the higher one?",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * h * 1e6 / (i * pi)),
    ),
    Slip(
        "You left out what the model reads, and with documents in the prompt that is most of it.",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * h * 1e6 / (o * po)),
    ),
    Slip(
        "Are the two prices the right way round? One is for reading, one for writing.",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * h * 1e6 / (i * po + o * pi)),
    ),
    Slip(
        "You paid the machine for one hour. It is rented by the month, whether it is asked or not.",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * 1e6 / (i * pi + o * po)),
    ),
    Slip(
        "You took one price for all tokens.",
        lambda i, o, pi, po, rent, h=730: _ceil(rent * h * 1e6 / ((i + o) * (pi + po) / 2)),
    ),
]


def check(learner: Learner) -> Any:
    """The volume must pay, and one answer fewer must not; a free service never pays."""
    got = [learner(*bill) for bill in BILLS]
    right = [load("01.4")(*bill) for bill in BILLS]
    for bill, mine, theirs in zip(BILLS, got, right, strict=True):
        if not _pays(mine, bill):
            raise Wrong(_about_volume(mine, theirs, bill), theirs, mine, learner.given(*bill))
    free = learner(600, 80, 0, 0, 0.50)
    if free is not None and not (isinstance(free, float) and math.isinf(free)):
        raise Wrong(
            "Against a service that costs nothing a rented machine never pays. Say so with None.",
            None, free, learner.given(600, 80, 0, 0, 0.50),
        )  # fmt: skip
    labels = ["small model", "large model", "100 hours", "short answers"]
    thousands = [(n, r / 1e3, g / 1e3) for n, r, g in zip(labels, right, got, strict=True)]
    return Bars("Thousand answers a month from which the machine is cheaper", thousands[:3])


def _pays(volume: Any, bill: tuple) -> bool:
    """Whether this many answers cost at least the rent, and one fewer costs less."""
    if isinstance(volume, bool) or not isinstance(volume, int | float) or volume != int(volume):
        return False
    i, o, pi, po, rent, hours = bill
    each, month = (i * pi + o * po) / 1e6, rent * hours
    slack = 1e-9 * month
    return volume * each >= month - slack and (volume - 1) * each < month + slack


def _about_volume(mine: Any, theirs: int, bill: tuple) -> str:
    if mine is None or isinstance(mine, str | bool):
        return "Return a number of answers a month."
    if isinstance(mine, int | float) and math.isfinite(mine) and abs(mine - theirs) <= 1:
        if mine != int(mine):
            return "There are no parts of an answer. Which whole number is the first that pays?"
        return "One answer off: at your number, is the machine really the cheaper one?"
    for slip in BILL_SLIPS:
        if abs(mine - slip.like(*bill)) <= 1:
            return slip.say
    return "What does one answer cost at the service, in dollars? Compare that with a month's rent."
