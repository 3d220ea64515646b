"""Find the passages that answer a question: vectors in Chroma and BM25 words, fused.

``index`` puts chunks into a folder and keeps it in step with them: only what is new or changed is
embedded, what is gone is deleted, and a run that was killed is completed by the next. ``open``
takes an index that is there, ``of_folder`` makes one of any folder of documents. All give a
``Retriever``.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, MissingPiece
from workbench.retrieval.server import clear_errors, listening
from workbench.settings import settings

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.embeddings.ollama import OllamaEmbedding

    from workbench.chunking import Chunk

COLLECTION = "chunks"
#: Written last: an index without it was not finished.
MARK = "index.json"
#: Texts to a request: a killed run loses at most this many embeddings.
BATCH = 32
#: The index's own key in a chunk's metadata.
HASH = "content_hash"
#: Metadata that says what a passage is about, and is searched along with its text.
ABOUT = ("title", "section", "heading", "question")


@dataclass(frozen=True)
class Hit:
    """A passage that was found: its chunk, its fused score (0 to 1) and its rank from 1."""

    chunk: Chunk
    score: float
    rank: int


@dataclass(frozen=True)
class Changes:
    """What the last indexing did, in chunks."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


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
            self._embedding = _embedding(self.embed_model)
        return self._embedding

    @functools.cached_property
    def words(self) -> Any:
        """BM25 over the same chunks, held in memory."""
        from workbench.retrieval.words import Words

        stored = self.collection.get(include=["documents", "metadatas"])
        texts = map(searchable, stored["documents"], stored["metadatas"])
        return Words(stored["ids"], list(texts))


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
    from filelock import FileLock

    wanted = _by_id(chunks)
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        collection = _collection(path, embed_model)
        stored = collection.get(include=["metadatas"])
        have = {i: m[HASH] for i, m in zip(stored["ids"], stored["metadatas"], strict=True)}
        todo = [c for i, c in wanted.items() if have.get(i) != content_hash(c)]
        gone = [i for i in have if i not in wanted]
        if todo or gone:
            (path / MARK).unlink(missing_ok=True)
            _store(collection, todo, gone, embed_model, progress)
        _finish(path, embed_model, len(wanted))
    changed = sum(c.id in have for c in todo)
    changes = Changes(len(todo) - changed, changed, len(gone), len(wanted) - len(todo))
    return Retriever(path, collection, embed_model, changes)


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
    return Retriever(path, _collection(path, mark["embed_model"]), mark["embed_model"])


def of_folder(
    folder: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_skip: Callable[[Path, str], None] | None = None,
) -> Retriever:
    """An index of any folder of documents, brought up to date; the course's own without a folder.

    It is kept under ``artifacts/index``, one for each folder. ``on_skip`` gets the files left out,
    with the reason. Raises BadInput when the folder has nothing to read.
    """
    from workbench import chunking, corpus

    folder = Path(folder or settings().data / "corpus").resolve()
    chunks = chunking.split(corpus.load(folder, on_skip))
    name = f"{folder.name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    return index(chunks, settings().artifacts / "index" / name, progress=progress)


def searchable(text: str, metadata: dict[str, Any]) -> str:
    """What is embedded and searched: the text, after the title or heading that it stands under."""
    about = [str(metadata[key]) for key in ABOUT if metadata.get(key)]
    return "\n".join([*(line for line in about if line not in text), text])


def content_hash(chunk: Chunk) -> str:
    """Changes when the chunk's text or its metadata does."""
    content = json.dumps([chunk.document, chunk.text, _flat(chunk)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:32]


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


def _collection(path: Path, embed_model: str) -> Collection:
    """The Chroma collection in a folder; emptied when another model's vectors are in it."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(path), Settings(anonymized_telemetry=False))
    wanted = {"embed_model": embed_model}
    kinds = {"embedding_function": None, "configuration": {"hnsw": {"space": "cosine"}}}
    collection = client.get_or_create_collection(COLLECTION, metadata=wanted, **kinds)
    if collection.metadata != wanted:
        client.delete_collection(COLLECTION)
        collection = client.create_collection(COLLECTION, metadata=wanted, **kinds)
    return collection


def _embedding(model: str) -> OllamaEmbedding:
    from llama_index.embeddings.ollama import OllamaEmbedding

    from workbench.llm import client

    client.ensure(model)
    return OllamaEmbedding(
        model,
        client.host(),
        embed_batch_size=BATCH,
        client_kwargs={"timeout": 300, "trust_env": False},
    )


def _store(
    collection: Collection,
    todo: Sequence[Chunk],
    gone: list[str],
    embed_model: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Delete what is gone, then embed and keep the rest, batch by batch."""
    if gone:
        collection.delete(ids=gone)
    embedding = _embedding(embed_model) if todo else None
    done = 0
    for batch in _batches(todo):
        metadata = [_flat(chunk) for chunk in batch]
        texts = [searchable(c.text, m) for c, m in zip(batch, metadata, strict=True)]
        with clear_errors(embed_model):
            vectors = embedding.get_text_embedding_batch(texts)
        collection.upsert(
            ids=[chunk.id for chunk in batch],
            embeddings=vectors,
            documents=[chunk.text for chunk in batch],
            metadatas=[
                m | {"document": c.document, HASH: content_hash(c)}
                for c, m in zip(batch, metadata, strict=True)
            ],
        )
        done += len(batch)
        if progress:
            progress(done, len(todo))


def _batches(chunks: Sequence[Chunk]) -> Iterator[Sequence[Chunk]]:
    for start in range(0, len(chunks), BATCH):
        yield chunks[start : start + BATCH]


def _flat(chunk: Chunk) -> dict[str, str | int | float | bool]:
    """Metadata as Chroma takes it: plain values as they are, others as text, without gaps."""
    return {
        key: value if isinstance(value, str | int | float | bool) else str(value)
        for key, value in chunk.metadata.items()
        if value is not None and key != HASH
    }


def _finish(path: Path, embed_model: str, chunks: int) -> None:
    mark = path / MARK
    part = mark.with_suffix(".json.part")
    part.write_text(json.dumps({"embed_model": embed_model, "chunks": chunks}), "utf-8")
    part.replace(mark)


def _chunk(node: Any) -> Chunk:
    from workbench.chunking import Chunk

    metadata = {key: value for key, value in node.metadata.items() if key != HASH}
    return Chunk(node.node_id, node.metadata["document"], node.text, metadata)
