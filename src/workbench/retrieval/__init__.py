"""Find the passages that answer a question: vectors in Chroma and BM25 words, fused.

``index`` puts chunks into a folder and keeps it in step with them: only what is new or changed is
embedded, what is gone is deleted, and a run that was killed is completed by the next. ``of_folder``
does the same for any folder of documents, ``open`` takes an index that is there. All give a
``Retriever``, which finds, and takes single documents in and out.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, MissingPiece
from workbench.retrieval import store
from workbench.retrieval.server import listening
from workbench.retrieval.store import HASH, MANIFEST, MARK, Changes, content_hash, searchable
from workbench.settings import settings

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.embeddings.ollama import OllamaEmbedding

    from workbench.chunking import Chunk

__all__ = [
    "Changes",
    "Hit",
    "Retriever",
    "content_hash",
    "home",
    "index",
    "of_folder",
    "open",
    "searchable",
]


@dataclass(frozen=True)
class Hit:
    """A passage that was found: its chunk, its fused score (0 to 1) and its rank from 1."""

    chunk: Chunk
    score: float
    rank: int


class Retriever:
    """Searches one index."""

    def __init__(
        self, path: Path, collection: Collection, embed_model: str, changes: Changes | None = None
    ) -> None:
        self.path = path
        self.collection = collection
        self.embed_model = embed_model
        self.changes = changes or Changes()
        self._embedding: OllamaEmbedding | None = None

    def __len__(self) -> int:
        """How many chunks there are."""
        return self.collection.count()

    def __repr__(self) -> str:
        return f"Retriever({len(self)} chunks in {self.path}, embedded with {self.embed_model})"

    def search(
        self,
        query: str,
        k: int = 5,
        where: dict[str, Any] | None = None,
        dense_weight: float | None = None,
    ) -> list[Hit]:
        """The ``k`` best passages, best first; ``where`` keeps to chunks with such metadata.

        ``where`` is a mapping of metadata to values, or a filter in Chroma's own words.
        ``dense_weight`` is the vectors' share of the score: 0 searches by words alone, 1 by vectors
        alone. Raises BadInput for an empty query, a ``k`` below 1 or a filter that cannot be read.
        """
        nodes = self.as_llamaindex(k, where, dense_weight).retrieve(query)
        return [Hit(_chunk(n.node), n.score, rank) for rank, n in enumerate(nodes, 1)]

    def as_llamaindex(
        self, k: int = 5, where: dict[str, Any] | None = None, dense_weight: float | None = None
    ) -> BaseRetriever:
        """The same search as a LlamaIndex retriever, so that each one is a span on a trace."""
        from workbench.retrieval.framework import FusionRetriever

        return FusionRetriever(self, k, where, dense_weight)

    @property
    def embedding(self) -> OllamaEmbedding:
        """The embedding model, through the Ollama API; found again when its server has moved."""
        if self._embedding is None or not listening(self._embedding.base_url):
            self._embedding = store.embedding(self.embed_model)
        return self._embedding

    @functools.cached_property
    def words(self) -> Any:
        """BM25 over the same chunks, held in memory."""
        from workbench.retrieval.words import Words

        stored = self.collection.get(include=["documents", "metadatas"])
        texts = map(searchable, stored["documents"], stored["metadatas"])
        return Words(stored["ids"], list(texts))

    def upsert(self, chunks: Iterable[Chunk]) -> Changes:
        """Put the chunks of one document or several in place of what is kept of them.

        Only new and changed chunks are embedded; what a document no longer has is deleted. Raises
        BadInput for no chunks, or for two with one id.
        """
        wanted = _by_id(chunks)
        names = sorted({chunk.document for chunk in wanted.values()})
        with store.alone(self.path):
            changes = self._bring(wanted, self._hashes(names))
        self._altered(names)
        return changes

    def delete(self, document: str) -> int:
        """Take a document out; gives the number of its chunks, 0 where it was not there.

        ``of_folder`` brings it back for as long as its file is in the folder.
        """
        with store.alone(self.path):
            ids = list(self._hashes([document]))
            store.delete(self.collection, ids)
            store.finish(self.path, self.embed_model, len(self))
        self._altered([document])
        return len(ids)

    def _hashes(self, documents: list[str]) -> dict[str, str]:
        """Chunk id -> content hash, of these documents."""
        there = self.collection.get(where={"document": {"$in": documents}}, include=["metadatas"])
        return {i: m[HASH] for i, m in zip(there["ids"], there["metadatas"], strict=True)}

    def _bring(
        self,
        wanted: dict[str, Chunk],
        have: dict[str, str],
        progress: Callable[[int, int], None] | None = None,
    ) -> Changes:
        """Make of the chunks that are there (id -> hash) those that are wanted."""
        todo = [c for i, c in wanted.items() if have.get(i) != content_hash(c)]
        gone = [i for i in have if i not in wanted]
        if todo or gone:
            (self.path / MARK).unlink(missing_ok=True)
            store.delete(self.collection, gone)
            _embed(self.collection, todo, self.embed_model, progress)
        store.finish(self.path, self.embed_model, len(self))
        changed = sum(c.id in have for c in todo)
        return Changes(len(todo) - changed, changed, len(gone), len(wanted) - len(todo))

    def _altered(self, documents: list[str]) -> None:
        """Index the words anew; the next ingestion reads the files of these documents."""
        from workbench.retrieval.manifest import Manifest

        self.__dict__.pop("words", None)
        if (self.path / MANIFEST).is_file():
            Manifest.forget_in(self.path, documents)


def index(
    chunks: Iterable[Chunk],
    path: Path | str,
    embed_model: str = "all-minilm",
    progress: Callable[[int, int], None] | None = None,
) -> Retriever:
    """Bring the index at ``path`` in step with ``chunks``; ``progress`` gets chunks done and to do.

    Safe to repeat and to kill: each batch is kept as soon as it is embedded. An index made with
    another embedding model is made anew. Raises BadInput for no chunks, or for two with one id.
    """
    wanted, path = _by_id(chunks), Path(path)
    with store.alone(path):
        retriever = Retriever(path, store.collection(path, embed_model), embed_model)
        have = {i: content for i, _, content in store.hashes(retriever.collection)}
        for file in path.glob(f"{MANIFEST}*"):
            file.unlink()  # it tells of files, and these chunks may be of others
        retriever.changes = retriever._bring(wanted, have, progress)
    return retriever


def open(path: Path | str) -> Retriever:
    """The index at ``path``; raises MissingPiece when it is not there or not finished."""
    path = Path(path)
    try:
        mark = json.loads((path / MARK).read_text("utf-8"))
    except FileNotFoundError:
        unfinished = "is not finished" if (path / "chroma.sqlite3").is_file() else "does not exist"
        raise MissingPiece(
            f"the index {path} {unfinished}", "make it with retrieval.index(chunks, path)"
        ) from None
    return Retriever(path, store.collection(path, mark["embed_model"]), mark["embed_model"])


def of_folder(
    folder: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_skip: Callable[[Path, str], None] | None = None,
) -> Retriever:
    """An index of any folder of documents, brought up to date; the course's own without a folder.

    It is kept under ``artifacts/index``, one for each folder. Files that have not changed are not
    opened. ``progress`` gets files done and to do, ``on_skip`` the files left out, with the reason.
    Raises BadInput when the folder has nothing to read.
    """
    from workbench.retrieval.ingest import ingest

    folder = Path(folder or settings().data / "corpus").resolve()
    path, model = home(folder), "all-minilm"
    report = ingest(folder, path, model, progress=progress, on_skip=on_skip)
    return Retriever(path, store.collection(path, model), model, report.changes)


def home(folder: Path | str) -> Path:
    """Where the index of a folder is kept."""
    folder = Path(folder).resolve()
    name = re.sub(r"[^\w.-]+", "-", folder.name)[:40]
    own = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return settings().artifacts / "index" / f"{name}-{own}"


def _by_id(chunks: Iterable[Chunk]) -> dict[str, Chunk]:
    chunks = list(chunks)
    wanted = {chunk.id: chunk for chunk in chunks}
    if not wanted:
        raise BadInput("there is nothing to index", "give at least one chunk that has text")
    if len(wanted) < len(chunks):
        ids = [chunk.id for chunk in chunks]
        twice = next(i for i in ids if ids.count(i) > 1)
        raise BadInput(f"two chunks have the id {twice!r}", "give each chunk its own id")
    return wanted


def _embed(
    collection: Collection,
    chunks: list[Chunk],
    embed_model: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Embed chunks and keep them, batch by batch."""
    done = 0

    def keep(batch: list[Chunk], vectors: list[list[float]]) -> None:
        nonlocal done
        store.put(collection, batch, vectors)
        done += len(batch)
        if progress:
            progress(done, len(chunks))

    with store.Embedder(embed_model, keep) as embedder:
        embedder.add(chunks)


def _chunk(node: Any) -> Chunk:
    from workbench.chunking import Chunk

    metadata = {key: value for key, value in node.metadata.items() if key != HASH}
    return Chunk(node.node_id, node.metadata["document"], node.text, metadata)
