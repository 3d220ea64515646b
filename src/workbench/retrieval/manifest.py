"""What an index was made from: which file, which content, which chunks; in SQLite.

A row for a file is written when all its chunks are kept, a row for a chunk when the chunk is. So a
process that is killed at any moment leaves rows that are true, and the next run does the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from workbench.retrieval.store import MANIFEST

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, document TEXT, signature TEXT, sha256 TEXT, kind TEXT,
  reason TEXT, passing INTEGER, chunks INTEGER, supersedes TEXT, superseded_by TEXT);
CREATE INDEX IF NOT EXISTS by_name ON files (document);
CREATE TABLE IF NOT EXISTS chunks (
  id TEXT PRIMARY KEY, document TEXT, hash TEXT, embedded TEXT);
CREATE INDEX IF NOT EXISTS by_document ON chunks (document);
CREATE INDEX IF NOT EXISTS by_embedded ON chunks (embedded);
"""


@dataclass(frozen=True)
class File:
    """A file as it was read: its content, and what became of it (``reason``: why it was skipped).

    ``signature`` is size, times and number of the file on disk: where it is the same, so is the
    content. ``passing``: skipped for what another try may not meet, such as a time limit.
    """

    path: str
    document: str
    signature: str
    sha256: str
    kind: str = ""
    reason: str = ""
    passing: bool = False
    chunks: int = 0
    supersedes: str | None = None
    superseded_by: str | None = None


_PLACES = ", ".join("?" * len(fields(File)))


class Manifest:
    """The rows of one index; emptied when ``settings`` are others than it was made with."""

    def __init__(self, folder: Path, settings: str) -> None:
        self._db = sqlite3.connect(folder / MANIFEST, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        if self.about("settings") != settings:
            with self.together():
                self._db.execute("DELETE FROM files")
                self.note("settings", settings)

    @staticmethod
    def forget_in(folder: Path, documents: Iterable[str]) -> None:
        """The files of these documents are read again by the next run, their chunks compared."""
        with closing(sqlite3.connect(folder / MANIFEST)) as db, db, suppress(sqlite3.DatabaseError):
            names = [(name,) for name in documents]
            db.executemany("DELETE FROM files WHERE document = ?", names)
            db.executemany("DELETE FROM chunks WHERE document = ?", names)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written inside, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def about(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def note(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))

    def files(self) -> dict[str, File]:
        """Path below the folder -> what is known of the file."""
        rows = self._db.execute("SELECT * FROM files")
        return {row[0]: File(*row[:6], bool(row[6]), *row[7:]) for row in rows}

    def keep_file(self, file: File) -> None:
        self._db.execute(f"INSERT OR REPLACE INTO files VALUES ({_PLACES})", astuple(file))

    def drop_file(self, path: str) -> None:
        self._db.execute("DELETE FROM files WHERE path = ?", (path,))

    def chunks(self, document: str) -> dict[str, tuple[str, str]]:
        """Chunk id -> content hash and embedded hash, of one document."""
        rows = self._db.execute(
            "SELECT id, hash, embedded FROM chunks WHERE document = ?", (document,)
        )
        return {i: (content, embedded) for i, content, embedded in rows}

    def keep_chunks(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Rows of id, document, content hash and embedded hash."""
        self._db.executemany("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)", rows)

    def drop_chunks(self, ids: Iterable[str]) -> None:
        self._db.executemany("DELETE FROM chunks WHERE id = ?", ((i,) for i in ids))

    def chunk_with(self, embedded: str) -> str | None:
        """A chunk that has the vector of this text."""
        row = self._db.execute(
            "SELECT id FROM chunks WHERE embedded = ? LIMIT 1", (embedded,)
        ).fetchone()
        return row[0] if row and embedded else None

    def count(self) -> int:
        """How many chunks are known to be kept."""
        return self._db.execute("SELECT count(*) FROM chunks").fetchone()[0]

    def orphans(self) -> list[str]:
        """Chunks of documents that no file is known for."""
        rows = self._db.execute(
            "SELECT id FROM chunks WHERE document NOT IN "
            "(SELECT document FROM files WHERE reason = '')"
        )
        return [row[0] for row in rows]

    def documents(self) -> list[File]:
        """The files that are in the index."""
        return [file for file in self.files().values() if not file.reason]

    def learn(self, kept: Iterable[tuple[str, str, str]]) -> None:
        """Take the collection's word for what is kept: ids, documents and content hashes.

        Files that lack a chunk, or have one too many, are read again by the next run.
        """
        with self.together():
            self._db.execute("CREATE TEMP TABLE old AS SELECT id, hash, embedded FROM chunks")
            self._db.execute("DELETE FROM chunks")
            self._db.executemany("INSERT INTO chunks VALUES (?, ?, ?, '')", kept)
            self._db.execute(
                "UPDATE chunks SET embedded = coalesce((SELECT embedded FROM old WHERE "
                "old.id = chunks.id AND old.hash = chunks.hash), '')"
            )
            self._db.execute("DROP TABLE old")
            self._db.execute(
                "DELETE FROM files WHERE reason = '' AND chunks != "
                "(SELECT count(*) FROM chunks WHERE chunks.document = files.document)"
            )
