"""The search itself, as a LlamaIndex retriever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chromadb.errors import InvalidArgumentError
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from workbench.errors import BadInput
from workbench.retrieval.server import clear_errors

if TYPE_CHECKING:
    from workbench.retrieval import Retriever

#: How many passages each of the two searches hands to the fusion.
CANDIDATES = 50
#: The vectors' share of the fused score; the words have the rest. Equal parts: not tuned.
DENSE_WEIGHT = 0.5


class FusionRetriever(BaseRetriever):
    """Vectors and words, each scaled to 0 to 1 over the candidates, then added with weights."""

    def __init__(
        self,
        index: Retriever,
        k: int,
        where: dict[str, Any] | None,
        dense_weight: float | None = None,
    ) -> None:
        if k < 1:
            raise BadInput(f"k is {k}", "ask for at least one passage")
        super().__init__()
        self._index, self._k, self._where = index, k, _filter(where)
        self._dense_weight = DENSE_WEIGHT if dense_weight is None else dense_weight

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str.strip()
        if not query:
            raise BadInput("the question is empty", "ask something")
        dense = self._dense(query) if self._dense_weight > 0 else {}
        words = self._words(query) if self._dense_weight < 1 else {}
        scores = fuse(dense, words, self._dense_weight)
        best = sorted(scores, key=lambda i: (-scores[i], i))[: self._k]
        return self._nodes(best, scores)

    def _dense(self, query: str) -> dict[str, float]:
        """Chunk id -> cosine similarity, for the nearest chunks."""
        with clear_errors(self._index.embed_model):
            vector = self._index.embedding.get_query_embedding(query)
        size = max(CANDIDATES, self._k)
        try:
            found = self._index.collection.query(
                [vector], n_results=size, where=self._where, include=["distances"]
            )
        except (ValueError, InvalidArgumentError) as error:
            raise BadInput(
                f"the filter {self._where} cannot be used: {error}",
                'give metadata and its value, such as {"kind": "html"}',
            ) from error
        return {
            i: 1 - distance
            for i, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        }

    def _words(self, query: str) -> dict[str, float]:
        """Chunk id -> BM25 score, for the chunks that match best and pass the filter."""
        words = self._index.words
        scores = words.scores(query)
        order = scores.argsort(kind="stable")[::-1]
        allowed = self._allowed()
        best: dict[str, float] = {}
        for position in order:
            if scores[position] <= 0 or len(best) == max(CANDIDATES, self._k):
                break
            if allowed is None or words.ids[position] in allowed:
                best[words.ids[position]] = float(scores[position])
        return best

    def _allowed(self) -> set[str] | None:
        if self._where is None:
            return None
        return set(self._index.collection.get(where=self._where, include=[])["ids"])

    def _nodes(self, ids: list[str], scores: dict[str, float]) -> list[NodeWithScore]:
        if not ids:
            return []
        stored = self._index.collection.get(ids=ids, include=["documents", "metadatas"])
        rows = zip(stored["ids"], stored["documents"], stored["metadatas"], strict=True)
        nodes = {i: TextNode(id_=i, text=text, metadata=dict(meta)) for i, text, meta in rows}
        return [NodeWithScore(node=nodes[i], score=scores[i]) for i in ids]


def fuse(dense: dict[str, float], words: dict[str, float], dense_weight: float) -> dict[str, float]:
    """Both scores on one scale of 0 to 1, weighted and added; not found by a search counts 0."""
    vectors, matches = _scaled(dense, min(dense.values(), default=0.0)), _scaled(words, 0.0)
    return {
        i: dense_weight * vectors.get(i, 0.0) + (1 - dense_weight) * matches.get(i, 0.0)
        for i in vectors.keys() | matches.keys()
    }


def _scaled(scores: dict[str, float], floor: float) -> dict[str, float]:
    top = max(scores.values(), default=floor)
    if top <= floor:
        return dict.fromkeys(scores, 1.0)
    return {i: (score - floor) / (top - floor) for i, score in scores.items()}


def _filter(where: dict[str, Any] | None) -> dict[str, Any] | None:
    """Chroma takes one condition at the top: several are joined by ``$and``."""
    if not where:
        return None
    if len(where) > 1:
        return {"$and": [{key: value} for key, value in where.items()]}
    return dict(where)
