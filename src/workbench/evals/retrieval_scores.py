"""How well the right document, and the evidence in it, is found: apart from how well it is read.

Two questions are kept apart. Is the right *document* among the first k: ``hit_curve``, ``hit``,
``reciprocal_rank``, ``ndcg``. Is the *evidence* in what the model gets to read: ``evidence_recall``
within a budget of tokens. The first flatters big chunks, since five of them are half the library;
the second gives every way of cutting the same room.
"""

from __future__ import annotations

import functools
import math
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.evals.intervals import Interval
    from workbench.golden import Question
    from workbench.retrieval import Hit, Retriever

#: The room for passages in a prompt, in tokens of the small model.
BUDGET = 1000
#: A quote counts as given when this share of its words stands in one passage, in order.
ENOUGH = 0.9

#: A text -> where each of its tokens begins and ends, in characters.
Spans = Callable[[str], Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class HitCurve:
    """For each question the rank (from 1) of the first right document, 0 where it was not found."""

    ranks: list[int]
    milliseconds: list[float]

    def __len__(self) -> int:
        return len(self.ranks)

    def found_by(self, k: int) -> list[bool]:
        """For each question whether a right document is among the first ``k``: hit at k."""
        return [0 < rank <= k for rank in self.ranks]

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank of the first right document, 0 to 1 (Voorhees 1999)."""
        return statistics.fmean(1 / rank if rank else 0.0 for rank in self.ranks)

    @property
    def median_ms(self) -> float:
        return statistics.median(self.milliseconds)


def hit_curve(
    retriever: Retriever,
    questions: Sequence[Question],
    most: int = 5,
    dense_weight: float | None = None,
) -> HitCurve:
    """Search each question and look where the first document that holds its evidence stands.

    Ranks count passages, of which several may come from one document.
    """
    ranks, times = [], []
    for question in questions:
        began = time.perf_counter()
        hits = retriever.search(question.question, k=most, dense_weight=dense_weight)
        times.append(1000 * (time.perf_counter() - began))
        right = set(question.documents)
        ranks.append(next((h.rank for h in hits if h.chunk.document in right), 0))
    return HitCurve(ranks, times)


# Documents ranked: each counts once, at its best passage.


def documents(hits: Sequence[Hit]) -> list[str]:
    """Documents of ranked passages, best first, each once."""
    return list(dict.fromkeys(hit.chunk.document for hit in hits))


def hit(ranking: Sequence[str], right: Sequence[str], k: int) -> bool:
    """Whether any right document is among the first ``k``."""
    return not set(right).isdisjoint(ranking[:k])


def reciprocal_rank(ranking: Sequence[str], right: Sequence[str]) -> float:
    """1 divided by the rank of the first right document, 0 without one (Voorhees 1999)."""
    return next((1 / rank for rank, d in enumerate(ranking, 1) if d in right), 0.0)


def ndcg(ranking: Sequence[str], right: Sequence[str], k: int) -> float:
    """Normalised discounted cumulative gain of the first ``k``, right or not (Järvelin 2002)."""
    wanted, first = set(right), list(dict.fromkeys(ranking))[:k]
    gain = sum(1 / math.log2(rank + 1) for rank, d in enumerate(first, 1) if d in wanted)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
    return gain / best if best else 0.0


# Evidence within a budget of tokens.


def pack(hits: Sequence[Hit], budget: int, spans: Spans) -> list[tuple[str, str]]:
    """The first ``budget`` tokens of the ranked passages, each a document's id and a text.

    A passage counts as a prompt shows it, under its document's id. The last is cut to fit, so that
    big and small chunks get the same room to the token.
    """
    packed = []
    for found in hits:
        head, text = f"[{found.chunk.document}]\n", found.chunk.text.strip()
        whole = spans(f"{head}{text}\n\n")
        if len(whole) > budget:
            end = whole[budget - 1][1] - len(head) if budget else 0
            return [*packed, (found.chunk.document, text[:end])] if end > 0 else packed
        packed.append((found.chunk.document, text))
        budget -= len(whole)
    return packed


def evidence_recall(question: Question, packed: Sequence[tuple[str, str]]) -> float:
    """The share of a question's quotes that were given: ``covered`` by at least ``ENOUGH``.

    Only passages of the quote's own document count: another may say the same of other years.
    """
    given = [
        any(
            document == piece["document"] and covered(piece["quote"], text, ENOUGH) >= ENOUGH
            for document, text in packed
        )
        for piece in question.evidence
    ]
    return sum(given) / len(given) if given else 0.0


def contains(quote: str, text: str) -> bool:
    """Whether the text has the quote verbatim, up to white space."""
    return " ".join(quote.split()) in " ".join(text.split())


def covered(quote: str, text: str, least: float = 0.0) -> float:
    """The share of a quote's words that stand in the text in order, close together, 0 to 1.

    Words are runs of letters and digits in lower case; one hyphenated at a line's end is one word.
    Close together: within twice the quote's words and twenty, so that a page number or a cell's
    line break in between does no harm. So a table's row counts whether it came as Markdown or cell
    by cell. Below ``least`` the answer may be 0, which is quicker.
    """
    wanted, there = _words(quote), _words(text)
    if not wanted:
        return 0.0
    if f" {' '.join(wanted)} " in f" {' '.join(there)} ":
        return 1.0
    if (Counter(wanted) & Counter(there)).total() < least * len(wanted):
        return 0.0
    reach, step = 2 * len(wanted) + 20, max(1, len(wanted) // 2)
    starts = range(0, max(1, len(there) - reach + step), step)
    return max(_in_order(wanted, there[at : at + reach]) for at in starts) / len(wanted)


@functools.lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    whole = re.sub(r"(?<=[a-z])-\s*\n\s*(?=[a-z])", "", text)
    return tuple(re.findall(r"\w+", whole.casefold()))


def _in_order(wanted: Sequence[str], there: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(there) + 1)
    for word in wanted:
        before, row = row, [0]
        for at, other in enumerate(there):
            row.append(before[at] + 1 if word == other else max(before[at + 1], row[at]))
    return row[-1]


@functools.lru_cache(maxsize=1)
def token_spans() -> Spans:
    """Tokens of ``smollm2:135m``, exactly, by its own tokenizer; some seconds the first time.

    Raises ModelMissing where the model is not in the store.
    """
    from workbench.models import tokens

    tokenizer = tokens.load("smollm2:135m")

    @functools.lru_cache(maxsize=65536)
    def spans(text: str) -> list[tuple[int, int]]:
        return tokenizer.encode(text).offsets

    return spans


# Two systems on the same questions.


@dataclass(frozen=True)
class Comparison:
    """One score of two systems on the same questions: means, paired difference, who won."""

    after: float
    before: float
    difference: Interval
    better: int
    worse: int

    def __str__(self) -> str:
        d = self.difference
        return (
            f"{self.after:.3f} against {self.before:.3f}: {d.value:+.3f} [{d.low:+.3f}, "
            f"{d.high:+.3f}], n = {d.n}; better on {self.better}, worse on {self.worse}: "
            f"{d.verdict}"
        )


def compare(after: Sequence[float], before: Sequence[float]) -> Comparison:
    """Two systems' scores, question by question in the same order.

    Raises ValueError for two of different length, or for none.
    """
    from workbench.evals import intervals

    pairs = [(float(a), float(b)) for a, b in zip(after, before, strict=True)]
    return Comparison(
        statistics.fmean(a for a, _ in pairs),
        statistics.fmean(b for _, b in pairs),
        intervals.paired(after, before),
        sum(a > b for a, b in pairs),
        sum(a < b for a, b in pairs),
    )
