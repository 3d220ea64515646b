"""Breaks one part of the workbench in every process that has this folder on its path.

``SABOTAGE`` names the part. The runs with it prove that an expectation can fail.
"""

from __future__ import annotations

import os

import wrapt


def shuffle_embeddings(retrieval) -> None:
    """Each question is searched with the vector of another text."""
    good = retrieval.Retriever.embedding.fget

    class Shuffled:
        def __init__(self, inner) -> None:
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def get_query_embedding(self, query):
            vector = self.inner.get_query_embedding(query)
            return vector[len(vector) // 2 :] + vector[: len(vector) // 2]

    retrieval.Retriever.embedding = property(lambda self: Shuffled(good(self)))


def empty_context(rag) -> None:
    """The model never sees what was found."""
    rag.Assistant.retrieve = lambda self, question: rag.Hits([])


def swap_metric(metrics) -> None:
    """Right is wrong."""
    good = metrics.correct
    metrics.correct = lambda *given: not good(*given)


PARTS = {
    "embeddings": ("workbench.retrieval", shuffle_embeddings),
    "context": ("workbench.rag", empty_context),
    "metric": ("workbench.evals.metrics", swap_metric),
}
if chosen := os.environ.get("SABOTAGE"):
    module, spoil = PARTS[chosen]
    wrapt.register_post_import_hook(spoil, module)
