"""How well the right document is found, apart from how well it is read."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.golden import Question
    from workbench.retrieval import Retriever


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
