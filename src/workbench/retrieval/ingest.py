"""A folder of documents brought into an index: only what is new or changed, and ready to be killed.

Files that look as they did are not opened; files with the same content are not parsed; chunks with
the same text are not embedded. Reading runs in processes of its own, embedding in the model's
server, and what is done is kept at once, so memory does not grow with the folder and a run that was
killed is gone on with.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import corpus
from workbench.chunking import Chunk
from workbench.corpus import Unreadable
from workbench.retrieval import store
from workbench.retrieval.manifest import File, Manifest
from workbench.retrieval.reader import SECONDS, Job, Readers, Reading
from workbench.retrieval.store import MANIFEST, MARK, Changes
from workbench.settings import settings

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

#: Reading processes; more than there are cores to spare beside the model server gain nothing.
WORKERS = 2
#: So many files are read by one process alone.
FEW = 20
#: So many files are read by one process alone.
FEW = 20
#: So many files are read by one process alone.
FEW = 20
#: So many files are read by one process alone.
FEW = 20
#: How documents are cut, unless told otherwise.
CUT = {"size": 220, "overlap": 40, "how": "heading"}


@dataclass(frozen=True)
class Report:
    """What an ingestion did.

    ``kinds`` counts the documents now in the index; ``read`` counts files opened and parsed,
    ``embedded`` chunks sent to the model; ``skipped`` pairs each file left out with its reason.
    """

    folder: Path
    path: Path
    kinds: dict[str, int]
    skipped: list[tuple[Path, str]]
    changes: Changes
    read: int
    embedded: int
    seconds: float

    @property
    def documents(self) -> int:
        return sum(self.kinds.values())


def ingest(
    folder: Path | str,
    path: Path | str,
    embed_model: str = "all-minilm",
    cut: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_skip: Callable[[Path, str], None] | None = None,
    workers: int = WORKERS,
    seconds: float = SECONDS,
    retry: bool = False,
) -> Report:
    """Bring the index at ``path`` in step with the documents below ``folder``.

    ``progress`` gets files done and to do, ``on_skip`` the files left out and why. ``cut`` is what
    ``chunking.split`` is told. A file that takes longer than ``seconds`` is skipped, and tried
    again by the next run only if it has changed or with ``retry``. Raises BadInput for a missing
    folder, or one in which nothing can be read; the index is then left as it was.
    """
    started = time.monotonic()
    root, path = Path(folder).resolve(), Path(path).resolve()
    found = _candidates(root, path, on_skip)
    if not found.names:
        raise corpus.nothing_to_read(root, found.skipped)
    with store.alone(path):
        kept = store.collection(path, embed_model)
        with closing(_manifest(path, embed_model, CUT | (cut or {}))) as manifest:
            run = _Run(root, path, kept, manifest, embed_model, found, progress, on_skip)
            run.bring_up_to_date(CUT | (cut or {}), workers, seconds, retry)
            return run.report(time.monotonic() - started)


@dataclass
class _Found:
    """What is in a folder: documents to be (path -> id), and files left out unopened."""

    names: dict[Path, str]
    skipped: list[tuple[Path, str]]


def _candidates(root: Path, path: Path, on_skip: Callable[[Path, str], None] | None) -> _Found:
    """Sorts out what is no document; what the workbench itself has made is not looked at."""
    own = [place for place in (path, settings().artifacts) if not root.is_relative_to(place)]
    found = _Found({}, [])
    for file, name in corpus.files(root).items():
        if any(file.is_relative_to(place) for place in own):
            continue
        try:
            corpus.kind_of(file)
            found.names[file] = name
        except Unreadable as problem:
            found.skipped.append((file, str(problem)))
            if on_skip:
                on_skip(file, str(problem))
    return found


def _manifest(path: Path, embed_model: str, cut: dict[str, Any]) -> Manifest:
    """The index's manifest, made anew if it is broken; the collection itself says what is kept."""
    made_with = json.dumps([embed_model, cut, _code()], sort_keys=True)
    try:
        return Manifest(path, made_with)
    except sqlite3.DatabaseError:
        for file in path.glob(f"{MANIFEST}*"):
            file.unlink()
        return Manifest(path, made_with)


def _code() -> str:
    """Changes when the code that reads and cuts documents does: then all are read again."""
    package = Path(corpus.__file__).parent
    files = [*sorted(package.glob("*.py")), package.with_name("chunking.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


class _Run:
    """One ingestion."""

    def __init__(
        self,
        root: Path,
        path: Path,
        kept: Collection,
        manifest: Manifest,
        embed_model: str,
        found: _Found,
        progress: Callable[[int, int], None] | None,
        on_skip: Callable[[Path, str], None] | None,
    ) -> None:
        self.root, self.path, self.kept, self.manifest = root, path, kept, manifest
        self.found, self.progress, self.on_skip = found, progress, on_skip
        self.embedder = store.Embedder(embed_model, self._keep)
        self.added = self.changed = self.removed = self.read = self.done = self.todo = 0
        self._signatures: dict[str, str] = {}
        self._later: dict[str, str] = {}
        self._open: dict[str, _Open] = {}
        self._fresh: set[str] = set()

    def bring_up_to_date(
        self, cut: dict[str, Any], workers: int, seconds: float, retry: bool
    ) -> None:
        """Read, cut, embed and keep what is new; then take out what is gone."""
        manifest = self.manifest
        if not (self.path / MARK).is_file() or manifest.count() != self.kept.count():
            manifest.learn(store.hashes(self.kept))
        known = manifest.files()
        self._later = _later(known.values())
        todo = [file for file in self.found.names if not self._is_known(file, known, retry)]
        self.todo = len(todo)
        workers = min(workers, 1 + len(todo) // FEW)  # each takes seconds to start
        with self.embedder, Readers(workers, seconds) as readers:
            self._take_all(todo, cut, readers)
            gone = set(known) - {self._relative(file) for file in self.found.names}
            self._forget(gone)
            now = manifest.documents()
            if not now:
                raise corpus.nothing_to_read(self.root, self.found.skipped)
            self._later = _later(now)
            told = [f for f in now if f.superseded_by != self._later.get(f.document)]
            self.progress = None
            self._take_all([self.root / file.path for file in told], cut, readers)
        self._remove(manifest.orphans())
        if not (self.path / MARK).is_file():
            store.finish(self.path, self.embedder.model, self.kept.count())

    def _take_all(self, files: list[Path], cut: dict[str, Any], readers: Readers) -> None:
        jobs = self._jobs(files, cut)
        for job, reading in readers.each(jobs, self.embedder.settle):
            self._take(job, reading)
        self.embedder.flush()

    def _is_known(self, file: Path, known: dict[str, File], retry: bool) -> bool:
        """Whether a file is as it was when it was read; its content decides where it looks new."""
        row = known.get(self._relative(file))
        if row is None or row.document != self.found.names[file] or (retry and row.passing):
            return False
        seen = signature(file)
        if seen != row.signature:
            if not row.sha256 or sha256(file) != row.sha256:
                return False
            self.manifest.keep_file(replace(row, signature=seen))
        if row.reason:
            self._skip(file, row.reason)
        return True

    def _jobs(self, files: Iterable[Path], cut: dict[str, Any]) -> Iterator[Job]:
        for file in files:
            self._signatures[str(file)] = signature(file)  # before it is read
            yield Job(str(file), self.found.names[file], cut)

    def _take(self, job: Job, reading: Reading) -> None:
        """Keep what is new in a document; its file is written down when all of that is kept."""
        self.read += 1
        file = Path(job.path)
        later = self._later.get(job.name)
        row = File(
            path=self._relative(file),
            document=job.name,
            signature=self._signatures.pop(job.path),
            sha256=reading.sha256,
            kind=reading.kind,
            reason=reading.reason,
            passing=reading.passing,
            chunks=len(reading.chunks),
            supersedes=reading.supersedes,
            superseded_by=later,
        )
        if reading.reason:
            self._skip(file, reading.reason)
        chunks = [_chunk(fields, later) for fields in reading.chunks]
        have = self.manifest.chunks(job.name)
        new = [c for c in chunks if have.get(c.id, ("", ""))[0] != store.content_hash(c)]
        gone = set(have) - {chunk.id for chunk in chunks} if chunks else set()
        self._open[job.name] = _Open(row, {c.id for c in new}, sorted(gone))
        self._count(job.name, sum(c.id in have for c in new), len(new))
        self._put(new)
        if not new:
            self._close([job.name])

    def _count(self, document: str, changed: int, new: int) -> None:
        if document not in self._fresh:  # else it is told of its successor, in the same run
            self.changed += changed
            self.added += new - changed
            self._fresh.add(document)

    def _put(self, chunks: list[Chunk]) -> None:
        """Keep chunks: with the vector of a chunk that has the same text, or to be embedded."""
        again = [(c, self.manifest.chunk_with(store.embedded_hash(c))) for c in chunks]
        same = [(chunk, twin) for chunk, twin in again if twin]
        if same:
            vectors = store.vectors_of(self.kept, [twin for _, twin in same])
            self._keep([chunk for chunk, _ in same], vectors)
        self.embedder.add(chunk for chunk, twin in again if not twin)

    def _keep(self, chunks: list[Chunk], vectors: list[Any]) -> None:
        """A batch is kept and written down; so are the files that are complete with it."""
        self._unfinished()
        store.put(self.kept, chunks, vectors)
        rows = [(c.id, c.document, store.content_hash(c), store.embedded_hash(c)) for c in chunks]
        with self.manifest.together():
            self.manifest.keep_chunks(rows)
        for chunk in chunks:
            self._open[chunk.document].waiting.discard(chunk.id)
        names = dict.fromkeys(chunk.document for chunk in chunks)
        self._close([name for name in names if not self._open[name].waiting])

    def _close(self, documents: list[str]) -> None:
        """Files of which all is kept."""
        for document in documents:
            done = self._open.pop(document)
            self._remove(done.gone)
            self.manifest.keep_file(done.file)
            self.done += 1
            if self.progress:
                self.progress(self.done, self.todo)

    def _remove(self, ids: list[str]) -> None:
        if ids:
            self._unfinished()
            store.delete(self.kept, ids)
            with self.manifest.together():
                self.manifest.drop_chunks(ids)
            self.removed += len(ids)

    def _forget(self, gone: Iterable[str]) -> None:
        with self.manifest.together():
            for path in gone:
                self.manifest.drop_file(path)

    def _unfinished(self) -> None:
        (self.path / MARK).unlink(missing_ok=True)

    def _skip(self, file: Path, reason: str) -> None:
        self.found.skipped.append((file, reason))
        if self.on_skip:
            self.on_skip(file, reason)

    def _relative(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def report(self, seconds: float) -> Report:
        total = self.kept.count()
        unchanged = total - self.added - self.changed
        return Report(
            self.root,
            self.path,
            dict(Counter(file.kind for file in self.manifest.documents()).most_common()),
            sorted(self.found.skipped),
            Changes(self.added, self.changed, self.removed, unchanged),
            self.read,
            self.embedder.count,
            seconds,
        )


@dataclass
class _Open:
    """A file that is being kept: what has yet to be embedded, and what is then to go."""

    file: File
    waiting: set[str]
    gone: list[str]


def _later(files: Iterable[File]) -> dict[str, str]:
    return corpus.superseded((file.document, file.supersedes) for file in files if not file.reason)


def _chunk(fields: dict[str, Any], superseded_by: str | None) -> Chunk:
    chunk = Chunk(**fields)
    if superseded_by is None:
        return chunk
    return replace(chunk, metadata={**chunk.metadata, "superseded_by": superseded_by})


def signature(file: Path) -> str:
    """Size, times and number of a file: where they are the same, nobody has written to it."""
    try:
        stat = file.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def sha256(file: Path) -> str:
    """The hash of a file's content, read a part at a time; empty where it cannot be read."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""
