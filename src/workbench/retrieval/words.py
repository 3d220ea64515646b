"""BM25: how well a passage's words match the query's, rare words counting more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Words:
    """A BM25 index in memory, with English stemming and stop words."""

    def __init__(self, ids: list[str], texts: list[str]) -> None:
        import bm25s
        import Stemmer

        self.ids = ids
        self._stemmer = Stemmer.Stemmer("english")
        self._bm25 = bm25s.BM25()
        tokens = self._tokens(texts)
        self._empty = not any(tokens)
        if not self._empty:
            self._bm25.index(tokens, show_progress=False)

    def _tokens(self, texts: list[str]) -> list[list[str]]:
        """Words of one letter or digit stay: a berth 5 or a zone B is what a question is about."""
        import bm25s

        return bm25s.tokenize(
            texts,
            token_pattern=r"(?u)\b\w+\b",
            stopwords="en",
            stemmer=self._stemmer,
            return_ids=False,
            show_progress=False,
        )

    def scores(self, query: str) -> np.ndarray:
        """One score a passage, in the order of ``ids``; 0 where no word matches."""
        import numpy as np

        [tokens] = self._tokens([query])
        if self._empty or not tokens:
            return np.zeros(len(self.ids), dtype=np.float32)
        return self._bm25.get_scores(tokens)
