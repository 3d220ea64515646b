"""Is it worth it to clean documents and to cut them with care? Ways of preparing them, compared.

The measure is evidence recall: the share of a question's quotes that stand in the first 1,000
tokens of passages found for it (``evals.retrieval_scores``). The questions are the golden ones that
have evidence.

**The rule of choice, written before the first look.** The sweep runs on ``dev`` over three ways of
cutting, four sizes and two overlaps, with the full retriever. The best is the setting with the
highest mean evidence recall; of equals, the one nearer the default size, then the one with less
overlap. The package's default (headings, 220 words, overlap 40) stays the choice unless the best
beats it on ``dev`` by a paired difference whose 95 % interval leaves zero out; then the best is
chosen. The best of two dozen is flattered by chance, which is why a bare lead does not count.

**On ``test``** two comparisons are run, once, with what was chosen: cleaned against uncleaned
documents, cut in the same blind way; and the chosen way of cutting against windows of a fixed
length of the same size and overlap. The whole pipeline against the naive one stands beside them.
Uncleaned documents keep their titles, so that it is the text alone that differs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench import chunking, corpus
from workbench.bench import kept
from workbench.bench.ranker import Ranker, Vectors
from workbench.errors import MissingPiece
from workbench.evals import retrieval_scores as scores
from workbench.golden import SPLITS

if TYPE_CHECKING:
    from workbench.corpus import Document
    from workbench.golden import Question

SIZES = (60, 120, 220, 400)
#: Overlap as a share of the size: none, and the default's 40 of 220, about a fifth.
SHARES = (0.0, 40 / 220)
NAME = "preparation"
MEASURE = (
    "evidence recall: the share of a question's quotes of which nine words in ten stand in order "
    "in one passage of their document, within the first 1,000 tokens (smollm2:135m) of passages"
)

#: Gets what is being done, how much is done, and of how much.
Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Cut:
    """A way of cutting, with its size and overlap in words and marks."""

    how: str
    size: int
    overlap: int

    def __str__(self) -> str:
        return f"{self.how}, {self.size} words, overlap {self.overlap}"


DEFAULT = Cut("heading", 220, 40)


@dataclass(frozen=True)
class Result:
    """Scores of one arm, each a list with a number for each question."""

    chunks: int
    recall: list[float]
    hit: list[float]
    reciprocal_rank: list[float]
    ndcg: list[float]

    def means(self) -> dict[str, float]:
        """Evidence recall with its interval, the plain hit rate of five passages, MRR and nDCG."""
        from workbench.evals import intervals

        recall = intervals.mean(self.recall)
        return {
            "chunks": self.chunks,
            "recall": recall.value, "low": recall.low, "high": recall.high,
            "hit_at_5": _mean(self.hit),
            "mrr": _mean(self.reciprocal_rank),
            "ndcg_at_5": _mean(self.ndcg),
        }  # fmt: skip


def with_evidence(split: str) -> list[Question]:
    """The golden questions of a split that documents answer."""
    from workbench import golden

    return [q for q in golden.load(split=split) if q.evidence]


def uncleaned(documents: Iterable[Document]) -> list[Document]:
    """The documents as they came; only the titles are kept."""
    return [dataclasses.replace(d, text=d.raw) for d in documents]


def cuts(
    ways: Iterable[str] = tuple(chunking.WAYS),
    sizes: Iterable[int] = SIZES,
    shares: Iterable[float] = SHARES,
) -> list[Cut]:
    """Every combination of way, size and overlap (a share of the size)."""
    sizes, shares = tuple(sizes), tuple(shares)
    return [Cut(how, s, round(s * share)) for how in ways for share in shares for s in sizes]


def measure(
    documents: Sequence[Document],
    questions: Sequence[Question],
    cut: Cut,
    vectors: Vectors | None = None,
    budget: int = scores.BUDGET,
) -> Result:
    """One arm: documents cut, ranked for each question, scored. Words alone without ``vectors``."""
    chunks = chunking.split(documents, cut.size, cut.overlap, cut.how)
    ranker, spans = Ranker(chunks, vectors), scores.token_spans()
    result = Result(len(chunks), [], [], [], [])
    for question in questions:
        hits = ranker.rank(question.question)
        ranking = scores.documents(hits)
        packed = scores.pack(hits, budget, spans)
        result.recall.append(scores.evidence_recall(question, packed))
        result.hit.append(float(scores.hit(scores.documents(hits[:5]), question.documents, 5)))
        result.reciprocal_rank.append(scores.reciprocal_rank(ranking, question.documents))
        result.ndcg.append(scores.ndcg(ranking, question.documents, 5))
    return result


def sweep(
    documents: Sequence[Document],
    questions: Sequence[Question],
    settings: Sequence[Cut],
    vectors: Vectors | None = None,
    on_cut: Callable[[Cut, int, int], None] | None = None,
) -> dict[Cut, Result]:
    """Every setting on the same questions."""
    results = {}
    for number, cut in enumerate(settings, 1):
        if on_cut:
            on_cut(cut, number, len(settings))
        results[cut] = measure(documents, questions, cut, vectors)
    return results


def choose(results: dict[Cut, Result]) -> dict[str, Any]:
    """The best setting of a sweep and the chosen one, by the rule at the top of this module."""
    best = max(results, key=lambda cut: (round(_mean(results[cut].recall), 9), *_plain(cut)))
    flattered = max(results, key=lambda cut: (round(_mean(results[cut].hit), 9), *_plain(cut)))
    lead = scores.compare(results[best].recall, results[DEFAULT].recall)
    return {
        "best": dataclasses.asdict(best),
        "chosen": dataclasses.asdict(best if lead.difference.low > 0 else DEFAULT),
        "best_against_default": row(lead),
        "best_by_hit_rate": dataclasses.asdict(flattered),
    }


def _plain(cut: Cut) -> tuple[int, int]:
    """Of equals: nearer the default's size, then less overlap."""
    return -abs(cut.size - DEFAULT.size), -cut.overlap


def compare(
    documents: Sequence[Document],
    questions: Sequence[Question],
    cut: Cut,
    vectors: Vectors | None = None,
) -> dict[str, dict[str, Any]]:
    """Cleaned against uncleaned, chosen cutting against fixed, and both together; paired."""
    blind = Cut("fixed", cut.size, cut.overlap)
    arm = functools.partial(measure, questions=questions, vectors=vectors)
    naive = arm(uncleaned(documents), cut=blind)
    cleaned, careful = arm(documents, cut=blind), arm(documents, cut=cut)
    return {
        "cleaned_against_uncleaned": _differences(cleaned, naive),
        "chosen_against_fixed": _differences(careful, cleaned),
        "pipeline_against_naive": _differences(careful, naive),
    }


def _differences(after: Result, before: Result) -> dict[str, Any]:
    """Each score of two arms, paired by question."""
    fields = {"recall": "recall", "hit_at_5": "hit", "mrr": "reciprocal_rank", "ndcg_at_5": "ndcg"}
    return {
        name: row(scores.compare(getattr(after, field), getattr(before, field)))
        for name, field in fields.items()
    }


def row(found: scores.Comparison) -> dict[str, Any]:
    """A comparison as JSON."""
    change = found.difference
    return {
        "after": found.after, "before": found.before,
        "difference": change.value, "low": change.low, "high": change.high, "n": change.n,
        "better": found.better, "worse": found.worse, "verdict": change.verdict,
    }  # fmt: skip


def cells(results: dict[Cut, Result]) -> list[dict[str, Any]]:
    """A sweep as rows, one a setting."""
    return [dataclasses.asdict(cut) | result.means() for cut, result in results.items()]


def on_dev(
    words_only: bool = False, say: Say | None = None, answers: bool = False
) -> dict[str, Any]:
    """The sweep on ``dev``, the choice by the rule, and the comparisons with what was chosen.

    With ``answers`` the small model also answers, from uncleaned and from cleaned documents.
    """
    documents, questions = corpus.load(), with_evidence("dev")
    vectors = None if words_only else _vectors(say)
    tell = (lambda cut, done, total: say(str(cut), done, total)) if say else None
    results = sweep(documents, questions, cuts(), vectors, tell)
    choice = choose(results)
    chosen = Cut(**choice["chosen"])
    result = _about("dev", questions, words_only) | {
        "cells": cells(results),
        **choice,
        "comparisons": compare(documents, questions, chosen, vectors),
    }
    if answers:
        from workbench.bench import preparation_answers

        found = preparation_answers.compare(documents, questions, chosen, vectors, say)
        result["answers"] = found
    return result


def on_test(words_only: bool = False, say: Say | None = None) -> dict[str, Any]:
    """The comparisons on ``test``, with the choice that was kept from ``dev``.

    Raises MissingPiece where nothing has been chosen on ``dev`` yet.
    """
    chosen = Cut(**chosen_on_dev())
    documents, questions = corpus.load(), with_evidence("test")
    vectors = None if words_only else _vectors(say)
    compared = compare(documents, questions, chosen, vectors)
    return _about("test", questions, words_only) | {
        "chosen": dataclasses.asdict(chosen),
        "comparisons": compared,
    }


def chosen_on_dev() -> dict[str, Any]:
    """The kept choice; raises MissingPiece, with the command that makes it."""
    try:
        return kept.load(NAME)["dev"]["chosen"]
    except (MissingPiece, KeyError):
        raise MissingPiece(
            "nothing has been chosen on dev yet", "workbench bench preparation --split dev --keep"
        ) from None


def keep(split: str, result: dict[str, Any], command: str) -> None:
    """Put a split's result into ``docs/results/preparation.json``, beside the other split's."""
    try:
        others = {s: kept.load(NAME)[s] for s in SPLITS if s != split and s in kept.load(NAME)}
    except MissingPiece:
        others = {}
    part = {"command": command, **result}
    about = {"n": result["n"], "measure": MEASURE}
    kept.keep(NAME, command, {**about, **others, split: part})


def _about(split: str, questions: Sequence[Question], words_only: bool) -> dict[str, Any]:
    search = "words" if words_only else "words and vectors"
    return {"split": split, "n": len(questions), "budget": scores.BUDGET, "search": search}


def _vectors(say: Say | None) -> Vectors:
    return Vectors(on_batch=(lambda done, total: say("embedding", done, total)) if say else None)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
