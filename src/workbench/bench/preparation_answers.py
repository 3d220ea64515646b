"""The same small model answers from uncleaned and from cleaned documents: are more answers right?

Both are cut into the same blind windows; the model gets the best three passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench import chunking
from workbench.bench.preparation import Cut, Say, row, uncleaned
from workbench.bench.ranker import Ranker, Vectors
from workbench.evals import retrieval_scores

if TYPE_CHECKING:
    from workbench.corpus import Document
    from workbench.golden import Question

MODEL, PASSAGES = "smollm2:135m", 3


def compare(
    documents: Sequence[Document],
    questions: Sequence[Question],
    cut: Cut,
    vectors: Vectors | None = None,
    say: Say | None = None,
) -> dict[str, Any]:
    """Right answers of both, paired by question; answers are kept as they come."""
    before = _right("uncleaned", uncleaned(documents), questions, cut, vectors, say)
    after = _right("cleaned", documents, questions, cut, vectors, say)
    found = row(retrieval_scores.compare(after, before))
    return {"model": MODEL, "passages": PASSAGES, "right": found}


def _right(
    name: str,
    documents: Sequence[Document],
    questions: Sequence[Question],
    cut: Cut,
    vectors: Vectors | None,
    say: Say | None,
) -> list[bool]:
    from workbench import rag
    from workbench.evals import runs

    ranker = Ranker(chunking.split(documents, cut.size, cut.overlap, "fixed"), vectors)
    assistant = rag.Assistant(ranker, model=MODEL, k=PASSAGES, cache=True)
    tell = (lambda done, total: say(f"answers, {name}", done, total)) if say else None
    return list(runs.ask_all(assistant, questions, tell)["correct"])
