"""Where chunks are kept: a Chroma collection in a folder, filled batch by batch.

Embedding is the slow part. ``IN_FLIGHT`` requests wait at the model server, so that it always has
one to go on with while the last one's vectors are written here.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ServerError, WorkbenchError
from workbench.retrieval.server import clear_errors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from llama_index.embeddings.ollama import OllamaEmbedding

    from workbench.chunking import Chunk

COLLECTION = "chunks"
#: Written last: an index without it was not finished.
MARK = "index.json"
#: What the index was made from, file by file.
MANIFEST = "manifest.sqlite"
#: Texts to a request: a killed run loses at most those in flight.
BATCH = 32
#: Requests under way at once.
IN_FLIGHT = 2
#: How long to wait before a server that failed is asked again, in seconds.
PATIENCE = (1.0, 5.0)
#: Ids to one call of Chroma, which takes some five thousand.
SLICE = 1000
#: The index's own key in a chunk's metadata.
HASH = "content_hash"
#: Metadata that says what a passage is about, and is searched along with its text.
ABOUT = ("title", "section", "heading", "question")


@dataclass(frozen=True)
class Changes:
    """What the last indexing did, in chunks."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


def collection(path: Path, embed_model: str) -> Collection:
    """The Chroma collection in a folder; emptied when another model's vectors are in it."""
    _import_json_schemas()
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(path), Settings(anonymized_telemetry=False))
    wanted = {"embed_model": embed_model}
    kinds = {"embedding_function": None, "configuration": {"hnsw": {"space": "cosine"}}}
    found = client.get_or_create_collection(COLLECTION, metadata=wanted, **kinds)
    if found.metadata != wanted:
        client.delete_collection(COLLECTION)
        found = client.create_collection(COLLECTION, metadata=wanted, **kinds)
    return found


def _import_json_schemas() -> None:
    """Import what Chroma imports, less a check of web addresses that costs over a second.

    Where ``rfc3987_syntax`` is installed, jsonschema builds 38 grammars with it at import.
    """
    if "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules:
        sys.modules["rfc3987_syntax"] = None  # "not there", for this import alone
        try:
            import jsonschema  # noqa: F401
        finally:
            del sys.modules["rfc3987_syntax"]


def embedding(model: str) -> OllamaEmbedding:
    """The embedding model through the Ollama API, pulled if need be."""
    from llama_index.embeddings.ollama import OllamaEmbedding

    from workbench.llm import client

    client.ensure(model)
    return OllamaEmbedding(
        model,
        client.host(),
        embed_batch_size=BATCH,
        client_kwargs={"timeout": 300, "trust_env": False},
    )


def searchable(text: str, metadata: dict[str, Any]) -> str:
    """What is embedded and searched: the text, after the title or heading that it stands under."""
    about = [str(metadata[key]) for key in ABOUT if metadata.get(key)]
    return "\n".join([*(line for line in about if line not in text), text])


def embedded_hash(chunk: Chunk) -> str:
    """Changes when what is embedded does: two chunks with the same one share a vector."""
    return _digest(searchable(chunk.text, flat(chunk)))


def content_hash(chunk: Chunk) -> str:
    """Changes when the chunk's text or its metadata does."""
    return _digest(
        json.dumps([chunk.document, chunk.text, flat(chunk)], sort_keys=True, default=str)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def flat(chunk: Chunk) -> dict[str, str | int | float | bool]:
    """Metadata as Chroma takes it: plain values as they are, others as text, without gaps."""
    return {
        key: value if isinstance(value, str | int | float | bool) else str(value)
        for key, value in chunk.metadata.items()
        if value is not None and key != HASH
    }


def stored_metadata(chunk: Chunk) -> dict[str, str | int | float | bool]:
    """What stands beside a chunk's vector: its metadata, its document and its content hash."""
    return flat(chunk) | {"document": chunk.document, HASH: content_hash(chunk)}


def put(kept: Collection, chunks: Sequence[Chunk], vectors: Sequence[Any]) -> None:
    """Keep chunks with their vectors, new or in place of what has their ids."""
    ids = [chunk.id for chunk in chunks]
    there = kept.get(ids=ids, include=["metadatas"])
    old = dict(zip(there["ids"], there["metadatas"], strict=True))
    new = [stored_metadata(chunk) for chunk in chunks]
    kept.upsert(
        ids=ids,
        embeddings=vectors,
        documents=[chunk.text for chunk in chunks],
        # Chroma lays new metadata over the old: what is no longer said must be taken out by name.
        metadatas=[dict.fromkeys(old.get(i, {})) | m for i, m in zip(ids, new, strict=True)],
    )


def vectors_of(kept: Collection, ids: Sequence[str]) -> list[Any]:
    """The vectors of chunks that are kept, in the order of ``ids``."""
    found = kept.get(ids=list(dict.fromkeys(ids)), include=["embeddings"])
    by_id = dict(zip(found["ids"], found["embeddings"], strict=True))
    return [by_id[i] for i in ids]


def delete(kept: Collection, ids: Sequence[str]) -> None:
    """Take chunks out of the collection, however many."""
    for some in slices(ids, SLICE):
        kept.delete(ids=list(some))


def hashes(kept: Collection) -> Iterator[tuple[str, str, str]]:
    """Id, document and content hash of every chunk that is kept; read a part at a time."""
    start = 0
    while True:
        part = kept.get(include=["metadatas"], limit=SLICE * 5, offset=start)
        if not part["ids"]:
            return
        for i, about in zip(part["ids"], part["metadatas"], strict=True):
            yield i, str(about["document"]), str(about[HASH])
        start += len(part["ids"])


def slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """A sequence in parts of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Embedder:
    """Embeds batches with several requests in flight and hands them back in their order.

    ``keep`` gets each batch with its vectors. As a context manager it waits for nothing when it is
    left by an error, and keeps what is done.
    """

    def __init__(self, model: str, keep: Callable[[list[Chunk], list[list[float]]], None]) -> None:
        self.model = model
        self.count = 0
        self._keep = keep
        self._embedding: OllamaEmbedding | None = None
        self._waiting: list[Chunk] = []
        self._flying: deque[tuple[list[Chunk], Future[list[list[float]]]]] = deque()

    def __enter__(self) -> Embedder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.flush()
        elif not issubclass(kind, WorkbenchError):
            self.settle()

    def add(self, chunks: Iterable[Chunk]) -> None:
        """Take chunks; each full batch is sent, and the oldest kept when enough are under way."""
        for chunk in chunks:
            self._waiting.append(chunk)
            if len(self._waiting) == BATCH:
                self._send()

    def settle(self) -> None:
        """Keep what has been embedded by now, without waiting for the rest."""
        while self._flying and self._flying[0][1].done():
            self._land()

    def flush(self) -> None:
        """Embed and keep all that was added."""
        if self._waiting:
            self._send()
        while self._flying:
            self._land()

    def _send(self) -> None:
        if self._embedding is None:
            self._embedding = embedding(self.model)
        while len(self._flying) >= IN_FLIGHT:
            self._land()
        batch, self._waiting = self._waiting, []
        texts = [searchable(chunk.text, flat(chunk)) for chunk in batch]
        self._flying.append((batch, _in_background(self._vectors, texts)))

    def _vectors(self, texts: list[str]) -> list[list[float]]:
        """Asks again, wherever the server is by then, when it has gone away under a long run."""
        for patience in PATIENCE:
            try:
                return self._asked(texts)
            except ServerError:
                time.sleep(patience)
                self._embedding = embedding(self.model)
        return self._asked(texts)

    def _asked(self, texts: list[str]) -> list[list[float]]:
        with clear_errors(self.model):
            return self._embedding.get_text_embedding_batch(texts)

    def _land(self) -> None:
        batch, future = self._flying[0]
        vectors = future.result()
        self._flying.popleft()
        self.count += len(batch)
        self._keep(batch, vectors)


def _in_background(work: Callable[[list[str]], Any], texts: list[str]) -> Future[Any]:
    """Work under way in a thread that holds up nobody's exit: after Ctrl-C nobody waits for it."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work(texts))
        except BaseException as problem:
            future.set_exception(problem)

    threading.Thread(target=run, daemon=True).start()
    return future


def finish(path: Path, embed_model: str, chunks: int) -> None:
    """Mark an index as finished."""
    mark = path / MARK
    part = mark.with_suffix(".json.part")
    part.write_text(json.dumps({"embed_model": embed_model, "chunks": chunks}), "utf-8")
    part.replace(mark)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one process at a time brings an index up to date; the next one says that it waits."""
    from filelock import FileLock, Timeout

    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"workbench: another run is at work on {path}; waiting for it", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
