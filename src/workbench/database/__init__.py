"""A SQLite database as a source: its schema for a prompt, read-only queries, questions in words.

>>> database = Database()
>>> database.query("SELECT COUNT(*) FROM sailings WHERE status = 'cancelled'")
>>> database.ask("How many sailings were cancelled in June 2026?").text
"""

from __future__ import annotations

import functools
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.database import guard
from workbench.database.guard import Refused
from workbench.database.rows import Rows
from workbench.errors import BadInput, UnknownName
from workbench.settings import settings

if TYPE_CHECKING:
    from workbench.database.question import SqlAnswer

__all__ = ["Database", "Refused", "Rows"]

LENGTHS = ("compact", "full")
#: Bytes that a result may have in all.
LARGEST_RESULT = 10_000_000


class Database:
    """A SQLite file that is only ever read; the course's own without a path.

    ``seconds`` limits each query's time, ``rows`` what is fetched of its result.
    """

    def __init__(
        self, path: Path | str | None = None, seconds: float = 5.0, rows: int = 1000
    ) -> None:
        self.path = Path(path) if path else settings().data / "corpus" / "skerry.sqlite"
        self.seconds = seconds
        self.rows = rows

    def __repr__(self) -> str:
        return f"Database({str(self.path)!r}, read-only)"

    def schema(self, length: str = "compact") -> str:
        """Tables and columns as text for a prompt.

        ``compact`` is a line a table, with the values of columns that have few; ``full`` the
        statements that made the tables, with their comments. Raises BadInput for a database
        without tables, UnknownName for another length.
        """
        if length not in LENGTHS:
            raise UnknownName("length of the schema", length, LENGTHS)
        return self._schemas[length]

    @functools.cached_property
    def _schemas(self) -> dict[str, str]:
        """Both lengths. No statement from outside is run here, so the tables may be described."""
        from workbench.database import schema

        with guard.reading(self.path, self.seconds) as connection:
            connection.set_authorizer(None)
            texts = {"compact": schema.compact(connection), "full": schema.full(connection)}
        if not texts["full"]:
            raise BadInput(f"the database {self.path} has no tables", "name another file")
        return texts

    def check(self, sql: str) -> None:
        """Have SQLite read the statement without running it; raises what ``query`` would."""
        with guard.reading(self.path, self.seconds) as connection:
            connection.execute(f"EXPLAIN {guard.check(sql)}")

    def query(self, sql: str) -> Rows:
        """What one SELECT finds.

        Raises Refused for whatever would write, read other files, or is more than one statement;
        BadInput for a statement that cannot be run; Interrupted at the time limit or when the file
        stays locked; MissingPiece for a file that is not there, BrokenFile for one that is no
        database. The file's bytes are the same before and after.
        """
        statement, started = guard.check(sql), time.perf_counter()
        with guard.reading(self.path, self.seconds) as connection:
            cursor = connection.execute(statement)
            rows, cut = _fetch(cursor, self.rows)
        columns = [column[0] for column in cursor.description or ()]
        return Rows(columns, rows, cut, time.perf_counter() - started)

    def ask(
        self,
        question: str,
        model: str = "qwen2.5-coder:1.5b",
        length: str = "compact",
        cache: bool = False,
    ) -> SqlAnswer:
        """A question in words, turned into a query by a model and answered by the database.

        A question that asks for a change is refused, and so is a statement that would make one:
        whatever a model writes, nothing is written. See :mod:`workbench.database.question`.
        """
        from workbench.database.question import ask

        return ask(self, question, model, length, cache)


def _fetch(cursor: sqlite3.Cursor, most: int) -> tuple[list[tuple[Any, ...]], bool]:
    """Rows until there are enough, by number or by size; and whether there were more."""
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in cursor:
        if len(rows) == most or size > LARGEST_RESULT:
            return rows, True
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
    return rows, False
