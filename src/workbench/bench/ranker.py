"""Chunks in memory, ranked as the retriever ranks them: for comparing many ways of cutting.

An index on disk for each of two dozen ways would embed the same passages again and again. Here the
vectors are kept by text, and the two searches and their fusion are the retriever's own, but that
the nearest vectors are found exactly.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.chunking import Chunk
from workbench.retrieval import Hit, searchable
from workbench.retrieval.store import BATCH

if TYPE_CHECKING:
    import numpy as np

EMBED_MODEL = "all-minilm"


class Ranker:
    """Ranks chunks by BM25 words, and by vectors as well where it is given a source of them."""

    def __init__(self, chunks: Sequence[Chunk], vectors: Vectors | None = None) -> None:
        from workbench.retrieval.words import Words

        texts = [searchable(chunk.text, chunk.metadata) for chunk in chunks]
        self.chunks = {chunk.id: chunk for chunk in chunks}
        self.vectors = vectors
        self._words = Words(list(self.chunks), texts)
        self._matrix = vectors.of(texts) if vectors else None

    def rank(self, question: str) -> list[Hit]:
        """Every passage that either search proposes, best first."""
        from workbench.retrieval.framework import DENSE_WEIGHT, fuse

        weight = 0.0 if self.vectors is None else DENSE_WEIGHT
        scores = fuse(self._near(question), self._matching(question), weight)
        best = sorted(scores, key=lambda i: (-scores[i], i))
        return [Hit(self.chunks[i], scores[i], rank) for rank, i in enumerate(best, 1)]

    def search(self, query: str, k: int = 5, where: None = None) -> list[Hit]:
        """The ``k`` best passages: stands where an assistant's retriever does."""
        return self.rank(query)[:k]

    def _matching(self, question: str) -> dict[str, float]:
        return {i: s for i, s in self._best(self._words.scores(question)) if s > 0}

    def _near(self, question: str) -> dict[str, float]:
        if self.vectors is None:
            return {}
        return dict(self._best(self._matrix @ self.vectors.of([question])[0]))

    def _best(self, scores: np.ndarray) -> Iterator[tuple[str, float]]:
        from workbench.retrieval.framework import CANDIDATES

        for position in scores.argsort(kind="stable")[::-1][:CANDIDATES]:
            yield self._words.ids[position], float(scores[position])


class Vectors:
    """Embeddings by text, kept in one file, so that a run that is stopped goes on where it was."""

    def __init__(
        self, file: Path | None = None, on_batch: Callable[[int, int], None] | None = None
    ) -> None:
        from workbench.settings import settings

        self.file = file or settings().artifacts / "embeddings" / f"{EMBED_MODEL}.sqlite"
        self.on_batch = on_batch
        self._known: dict[str, np.ndarray] = {}

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, one row a text; what is not kept is embedded, which needs the server."""
        import numpy as np

        keys = [hashlib.sha256(text.encode("utf-8")).hexdigest() for text in texts]
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._known}
        if missing:
            self._read(missing)
            self._embed({k: t for k, t in missing.items() if k not in self._known})
        return np.stack([self._known[key] for key in keys])

    def _open(self) -> sqlite3.Connection:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(self.file, timeout=60)
        store.execute("CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, value BLOB)")
        return store

    def _read(self, keys: Iterable[str]) -> None:
        import numpy as np

        with closing(self._open()) as store:
            for key in keys:
                row = store.execute("SELECT value FROM vectors WHERE key = ?", (key,)).fetchone()
                if row:
                    self._known[key] = np.frombuffer(row[0], dtype=np.float32)

    def _embed(self, texts: dict[str, str]) -> None:
        from workbench.llm import client
        from workbench.retrieval.server import clear_errors

        if not texts:
            return
        client.ensure(EMBED_MODEL)
        ollama, items = client.client(), list(texts.items())
        with closing(self._open()) as store:
            for start in range(0, len(items), BATCH):
                batch = items[start : start + BATCH]
                with clear_errors(EMBED_MODEL):
                    found = ollama.embed(EMBED_MODEL, [text.strip() for _, text in batch])
                self._keep(store, [key for key, _ in batch], found.embeddings)
                if self.on_batch:
                    self.on_batch(start + len(batch), len(items))

    def _keep(self, store: sqlite3.Connection, keys: list[str], found: Sequence) -> None:
        import numpy as np

        for key, vector in zip(keys, np.asarray(found, dtype=np.float32), strict=True):
            unit = vector / (np.linalg.norm(vector) or 1.0)
            self._known[key] = unit
            store.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", (key, unit.tobytes()))
        store.commit()
