"""Ask golden questions and score the answers, one row a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.evals import metrics
from workbench.golden import Question

if TYPE_CHECKING:
    import pandas as pd

    from workbench.rag import Answer, Assistant
    from workbench.retrieval import Hit


class OpenBook:
    """Hands over the passages that hold the evidence: what is left to test is the reading.

    Stands where a retriever does. An unanswerable question gets its nearest passage, which does
    not answer it; a question without either gets nothing.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._passages = {q.question: _passages(q) for q in questions}

    def search(self, query: str, k: int = 5, where: dict | None = None) -> list[Hit]:
        return self._passages[query][:k]


def _passages(question: Question) -> list[Hit]:
    from workbench.chunking import Chunk
    from workbench.retrieval import Hit

    pieces = question.evidence or ([question.nearest] if question.nearest else [])
    return [
        Hit(Chunk(f"{p['document']}#{n}", p["document"], p["quote"], {}), 1.0, n)
        for n, p in enumerate(pieces, 1)
    ]


def ask_all(
    assistant: Assistant,
    questions: Sequence[Question],
    on_answer: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """One row a question: the answer, its scores, tokens and seconds.

    Columns: id, type, question, answer, correct, refused, cites, overlap, found (a passage of a
    right document was given), sources, prompt_tokens, output_tokens, seconds,
    first_token_seconds, cached.
    """
    import pandas as pd

    rows = []
    for number, question in enumerate(questions, 1):
        rows.append(scored(question, assistant.ask(question.question)))
        if on_answer:
            on_answer(number, len(questions))
    return pd.DataFrame(rows)


def scored(question: Question, answer: Answer) -> dict[str, object]:
    """A row of :func:`ask_all`."""
    return {
        "id": question.id,
        "type": question.type,
        "question": question.question,
        "answer": answer.text,
        "correct": metrics.correct(answer.text, question.accept, question.type),
        "refused": metrics.refused(answer.text),
        "cites": metrics.cites_evidence(answer.text, question.documents),
        "overlap": metrics.token_f1(answer.text, question.answer),
        "found": any(hit.chunk.document in question.documents for hit in answer.retrieved),
        "sources": list(answer.sources),
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "seconds": answer.seconds,
        "first_token_seconds": answer.first_token_seconds,
        "cached": answer.cached,
    }
