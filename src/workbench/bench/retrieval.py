"""How well the right document is found, on anybody's documents and questions.

The retriever is the one that the assistant uses, with its default settings. Long texts are cut; a
document stands where its best chunk does. Questions are searched one by one, as a user would ask
them, and it is that time which is reported.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workbench import chunking, retrieval
from workbench.bench.collection import FILTER, LINES, Asked, Collection
from workbench.errors import BadInput
from workbench.evals import intervals, retrieval_scores
from workbench.settings import settings

if TYPE_CHECKING:
    from workbench.chunking import Chunk
    from workbench.retrieval import Retriever

#: Passages asked for at first, for each document wanted: documents have several.
PASSAGES = 4

Progress = Callable[[str, int, int], None]


def measure(
    collection: Collection,
    k: int = 5,
    dense_weight: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Index the documents, ask every question, score what is found.

    ``mrr`` is over the first ``k`` documents. ``p50_ms`` and ``p95_ms`` are of whole single
    searches, the embedding of the question included, after one that is not counted. Raises BadInput
    for a ``k`` below 1 or a weight outside 0 to 1.
    """
    if k < 1:
        raise BadInput(f"k is {k}", "ask for at least one document")
    if dense_weight is not None and not 0 <= dense_weight <= 1:
        raise BadInput(f"the dense weight is {dense_weight}", "0 is words alone, 1 vectors alone")
    began = time.perf_counter()
    retriever = index(collection, progress)
    indexed = time.perf_counter() - began
    rankings, times = _ask(retriever, collection.questions, k, dense_weight, progress)
    return {
        **scores(collection.questions, rankings, k),
        **_latency(times),
        "documents": len({d.id for d in collection.documents}),
        "chunks": len(retriever),
        "dense_weight": dense_weight,
        "index_seconds": round(indexed, 2),
        "seconds": round(time.perf_counter() - began, 2),
        "notes": collection.notes,
    }


def index(collection: Collection, progress: Progress | None = None) -> Retriever:
    """The collection's index, kept under ``artifacts/index`` by what is in it."""
    pieces = chunks(collection)
    content = "".join(f"{c.id} {retrieval.content_hash(c)}" for c in pieces)
    name = f"bench-{hashlib.sha256(content.encode('utf-8')).hexdigest()[:12]}"
    tell = (lambda done, total: progress("passages embedded", done, total)) if progress else None
    return retrieval.index(pieces, settings().artifacts / "index" / name, progress=tell)


def chunks(collection: Collection) -> list[Chunk]:
    """Chunks of all documents as the course cuts its own; other short strings stand above each."""
    out, numbers = [], Counter()
    for chunk in chunking.split(collection.documents):
        numbers[chunk.document] += 1
        metadata = dict(chunk.metadata)
        lines = metadata.pop(LINES, "")
        text = f"{lines}\n{chunk.text}" if lines and lines not in chunk.text else chunk.text
        name = f"{chunk.document}#{numbers[chunk.document]}"
        out.append(dataclasses.replace(chunk, id=name, text=text, metadata=metadata))
    return out


def best_documents(
    retriever: Retriever,
    question: str,
    k: int,
    where: dict[str, Any] | None = None,
    dense_weight: float | None = None,
) -> list[str]:
    """Ids of the ``k`` best documents, each once; fewer where there are no more."""
    passages = k * PASSAGES
    while True:
        hits = retriever.search(question, passages, where, dense_weight)
        found = retrieval_scores.documents(hits)
        if len(found) >= k or len(hits) < passages:
            return found[:k]
        passages *= 4


def _ask(
    retriever: Retriever,
    questions: Sequence[Asked],
    k: int,
    dense_weight: float | None,
    progress: Progress | None,
) -> tuple[list[list[str]], list[float]]:
    """For each question the documents found, and the milliseconds that took."""
    rankings, times = [], []
    for number, asked in enumerate([questions[0], *questions]):  # the first is to warm up
        where = None if asked.filter is None else {FILTER: asked.filter}
        began = time.perf_counter()
        ranking = best_documents(retriever, asked.question, k, where, dense_weight)
        times.append(1000 * (time.perf_counter() - began))
        rankings.append(ranking)
        if progress:
            progress("questions asked", number, len(questions))
    return rankings[1:], times[1:]


def scores(questions: Sequence[Asked], rankings: Sequence[list[str]], k: int) -> dict[str, Any]:
    """Hit rate and mean reciprocal rank within ``k``, with 95 % intervals; by filter; misses."""
    pairs = list(zip(questions, rankings, strict=True))
    hits = [retrieval_scores.hit(ranking, q.right, k) for q, ranking in pairs]
    ranks = [retrieval_scores.reciprocal_rank(ranking, q.right) for q, ranking in pairs]
    hit, mrr = intervals.share(hits), intervals.mean(ranks)
    return {
        "hit_rate": hit.value, "hit_rate_low": hit.low, "hit_rate_high": hit.high,
        "mrr": mrr.value, "mrr_low": mrr.low, "mrr_high": mrr.high,
        "queries": len(questions), "k": k,
        "by_filter": _by_filter(questions, hits, ranks),
        "misses": [
            {"question": q.question, "document": q.right[0], "found": ranking}
            for (q, ranking), found in zip(pairs, hits, strict=True)
            if not found
        ],
    }  # fmt: skip


def _by_filter(
    questions: Sequence[Asked], hits: Sequence[bool], ranks: Sequence[float]
) -> dict[str, dict[str, float]]:
    groups: dict[str, list[int]] = {}
    for at, question in enumerate(questions):
        if question.filter is not None:
            groups.setdefault(question.filter, []).append(at)
    return {
        value: {
            "queries": len(at),
            "hit_rate": sum(hits[i] for i in at) / len(at),
            "mrr": sum(ranks[i] for i in at) / len(at),
        }
        for value, at in groups.items()
    }


def _latency(times: Sequence[float]) -> dict[str, float]:
    import numpy as np

    p50, p95 = np.percentile(times, [50, 95])
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}
