"""The tasks of phase 1: memory, licence, published scores, price, and luck."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from workbench.labs.asking import Learner, Slip, Wrong, compare, same
from workbench.labs.pictures import Bars, Outcomes
from workbench.labs.solutions import load
from workbench.labs.task import Task

# --- 01.1 ---------------------------------------------------------------------------------------

LLAMA = {"layers": 32, "heads": 32, "kv_heads": 8, "head_dim": 128, "bytes_per_value": 2}
SMOL = {"layers": 30, "heads": 9, "kv_heads": 3, "head_dim": 64, "bytes_per_value": 2}
EIGHT_BIT = {**LLAMA, "bytes_per_value": 1}
CACHES = [(LLAMA, 8192, 1), (SMOL, 2048, 1), (LLAMA, 4096, 8), (EIGHT_BIT, 8192, 3), (SMOL, 0, 4)]
CACHE_LABELS = ["8B, 8,192 tokens", "135M, 2,048 tokens", "8B, 8 users", "8B, 8-bit, 3 users"]


def _cache(**changed: Any) -> Callable[..., float]:
    """The right formula with one thing changed."""

    def wrong(shape, tokens, batch=1):
        given = {**shape, "two": 2, "batch": batch}
        given |= {
            name: value(shape) if callable(value) else value for name, value in changed.items()
        }
        names = ("two", "layers", "kv_heads", "head_dim", "bytes_per_value", "batch")
        return math.prod(given[name] for name in names) * tokens

    return wrong


CACHE_SLIPS = [
    Slip(
        "This is exactly half. For each token the model keeps two vectors for every head, not one: "
        "which two does attention need?",
        _cache(two=1),
    ),
    Slip(
        "You counted every attention head. With grouped-query attention several heads share one "
        "pair of key and value: which entry of the shape counts those pairs?",
        _cache(kv_heads=lambda shape: shape["heads"]),
    ),
    Slip(
        "You counted values, not bytes. How many bytes does one value take in this shape?",
        _cache(bytes_per_value=1),
    ),
    Slip(
        "You took two bytes for every value. This cache is stored with another number of bytes: "
        "the shape says which.",
        _cache(bytes_per_value=2),
    ),
    Slip(
        "This is the cache of one conversation. What happens when several are answered at the same "
        "time: can they share their keys and values?",
        _cache(batch=1),
    ),
    Slip(
        "That is the cache of one layer. Every layer has its own keys and values.",
        _cache(layers=1),
    ),
    Slip(
        "This is the answer in thousand millions of bytes. The task asks for bytes.",
        lambda shape, tokens, batch=1: load("01.1")(shape, tokens, batch) / 1e9,
    ),
]


def _cache_bars(got: list[Any], expected: list[Any]) -> Bars:
    rows = zip(CACHE_LABELS, expected, got, strict=False)
    return Bars(
        "The cache in MB", [(name, right / 1e6, float(g) / 1e6) for name, right, g in rows], "MB"
    )


def check_cache(learner: Learner) -> Any:
    """Cache sizes of several shapes, lengths and batches."""
    ask = "Multiply the sizes one by one for a single token first. Which of them is not in yours?"
    return compare(learner, CACHES, load("01.1"), CACHE_SLIPS, ask, _cache_bars)


# --- 01.2 ---------------------------------------------------------------------------------------

FLEET = [
    {"model_id": "harbour-7b", "licence": "Apache-2.0", "commercial_use": "yes",
     "open_weights": "yes", "memory_gb": 4.7},
    {"model_id": "skua-3b", "licence": "Research", "commercial_use": "no",
     "open_weights": "yes", "memory_gb": 2.1},
    {"model_id": "tern-1b", "licence": "Tern-Community", "commercial_use": "conditional",
     "open_weights": "yes", "memory_gb": 0.9},
    {"model_id": "cloud-large", "licence": "proprietary", "commercial_use": "api-terms",
     "open_weights": "no", "memory_gb": None},
    {"model_id": "puffin-9b", "licence": "MIT", "commercial_use": "yes",
     "open_weights": "yes", "memory_gb": 6.0},
    {"model_id": "gull-2b", "licence": "MIT", "commercial_use": "yes",
     "open_weights": "yes", "memory_gb": float("nan")},
    {"model_id": "orca-70b", "licence": "Orca-Community", "commercial_use": "conditional",
     "open_weights": "yes", "memory_gb": 41.0},
    {"model_id": "leaked-4b", "licence": "proprietary", "commercial_use": "yes",
     "open_weights": "no", "memory_gb": 2.5},
]  # fmt: skip
WHY_KEPT = {
    "tern-1b": "Its licence allows commercial use with conditions. That is for a lawyer to read, "
    "and no veto: which values of `commercial_use` let a model through?",
    "puffin-9b": "It needs exactly the memory that there is. Does a model fit that fills it to "
    "the brim?",
}
WHY_LEFT_OUT = {
    "skua-3b": "Its licence forbids commercial use, however well it fits. Which condition comes "
    "first?",
    "cloud-large": "It can be called, not downloaded: are its weights open? Where would it run?",
    "leaked-4b": "Its weights are not open. Which column says so?",
    "gull-2b": "Nobody has published how much memory it takes. Is unknown the same as small? Mind "
    "that `not nan > 6` is True.",
    "orca-70b": "It needs more memory than there is.",
}


def check_shortlist(learner: Learner) -> Any:
    """A small fleet with one model for every way to go wrong; then the limit is moved."""
    for limit in (6.0, 1.0, 100.0, 0.1):
        for models in (FLEET, FLEET[::-1]):
            _check_ids(learner, models, limit)
    if same(learner([], 6.0), []) is False:
        raise Wrong("What is left when there are no models?", [], learner([], 6.0))
    return None


def _check_ids(learner: Learner, models: list[dict], limit: float) -> None:
    got, right = learner(models, limit), load("01.2")(models, limit)
    call = f"{learner.name}(models, memory_gb={limit:g})"
    if isinstance(got, str) or not hasattr(got, "__iter__"):
        raise Wrong("Return the ids of the models that pass, as a list.", right, got, call)
    ids = [one.get("model_id") if isinstance(one, dict) else one for one in got]
    if any(isinstance(one, dict) for one in got):
        raise Wrong("These are whole rows. The task asks for their ids.", right, ids, call)
    for name in [one for one in ids if one not in right]:
        raise Wrong(f"`{name}` should not be there. {WHY_LEFT_OUT.get(name, '')}", right, ids, call)
    for name in [one for one in right if one not in ids]:
        why = WHY_KEPT.get(name, "It is allowed, and it fits. What keeps it out?")
        raise Wrong(f"`{name}` is missing. {why}", right, ids, call)
    if len(ids) != len(set(ids)):
        raise Wrong("Some model is in your list twice.", right, ids, call)


# --- 01.3 ---------------------------------------------------------------------------------------

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


def check_rankings(learner: Learner) -> Any:
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


# --- 01.4 ---------------------------------------------------------------------------------------

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


def check_break_even(learner: Learner) -> Any:
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


# --- 01.5 ---------------------------------------------------------------------------------------


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


def check_compare(learner: Learner) -> Any:
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


TASKS = [
    Task(
        "01.1", "The memory of a conversation", "kv_cache_bytes", 6, 1,
        "work out from a model's shape how many bytes its key-value cache takes.",
        "The number of conversations at once multiplies it, and grouped heads divide it: that is "
        "why models have them.",
        (
            "Begin with one token in one layer: how many vectors are kept, and how long is each?",
            "For every layer and every key-value head there is one key and one value, each "
            "`head_dim` numbers long.",
            "Multiply that by the bytes a number takes, by the tokens, and by the conversations.",
        ),
        check_cache,
    ),
    Task(
        "01.2", "Licence first, then memory", "shortlist", 8, 1,
        "keep the models that Skerry Line may use and that fit its memory.",
        "A model that is not allowed stays out however good it is, and unknown is not small.",
        (
            "There are three conditions. Write each as a line of its own.",
            "Look at the values that `commercial_use` takes in the catalog. Two of them let a "
            "model through.",
            "A missing number can be `None` or `nan`. Compare `nan` with something and print what "
            "comes out.",
        ),
        check_shortlist,
    ),
    Task(
        "01.3", "Scores that do not compare", "rankings", 8, 2,
        "rank the models within each way of measuring, and never across.",
        "Several short lists say less than one long one, and what they say is true.",
        (
            "Group before you sort. What is the key of a group?",
            "Leave models without a score out before you begin.",
            "`sorted(..., key=..., reverse=True)` sorts by a number, the highest first.",
        ),
        check_rankings,
    ),
    Task(
        "01.4", "When does an own machine pay?", "break_even", 8, 2,
        "find the number of answers a month from which a rented machine is cheaper.",
        "Below that number the service is cheaper, above it the machine, if it can answer so many.",
        (
            "What does one answer cost at the service? Reading and writing have their own prices.",
            "The prices are for a million tokens, the rent is for an hour.",
            "Divide the rent of a month by the cost of an answer. Round to the number that pays.",
        ),
        check_break_even,
    ),
    Task(
        "01.5", "Better, or lucky?", "compare", 12, 3,
        'say "better", "worse" or "too few to conclude" about two models.',
        "You looked at the questions that tell the two apart: that is what makes a paired "
        "comparison so much sharper than two intervals.",
        (
            "On how many questions is one model right and the other wrong? The rest tell nothing "
            "about which is better.",
            "If the models were equally good, each of those questions would be the toss of a coin.",
            "How likely are that many heads, or more? Double it, as either model could have been "
            "ahead, and decide below 0.05. Or draw questions with replacement many times "
            "(`workbench.evals.intervals.paired` does) and see whether zero stays outside.",
        ),
        check_compare,
    ),
]  # fmt: skip
