"""What keeps a query from writing, from running on, and from filling the memory.

Four locks, each of which would do alone against a write: the file is opened for reading only,
SQLite is told to run queries only, every step of a statement is put to a list of what is allowed,
and a statement must begin as a query does. SQLite asks about each step when it prepares the
statement, so comments, spelling or nesting hide nothing from it.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from workbench.errors import BadInput, BrokenFile, Interrupted, MissingPiece

#: Seconds that a locked file is waited for.
PATIENCE = 1.0
#: Bytes of the longest single value, and characters of the longest statement.
LONGEST_VALUE, LONGEST_SQL = 1_000_000, 20_000
#: SQLite asks for the time after so many of its steps.
STEPS = 10_000

_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
#: Functions that reach outside of the database, where a build of SQLite has them.
_OUTSIDE = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "fsdir"}
_ACTIONS = {
    getattr(sqlite3, f"SQLITE_{name}"): name.replace("_", " ")
    for name in (
        "INSERT", "UPDATE", "DELETE", "ATTACH", "DETACH", "PRAGMA", "TRANSACTION", "SAVEPOINT",
        "ALTER_TABLE", "REINDEX", "ANALYZE", "CREATE_TABLE", "CREATE_TEMP_TABLE", "CREATE_INDEX",
        "CREATE_VIEW", "CREATE_TRIGGER", "DROP_TABLE", "DROP_INDEX", "DROP_VIEW",
    )
}  # fmt: skip
_QUERIES = {"SELECT", "WITH", "VALUES"}
_BLANK = re.compile(r"(?:\s|;|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))*", re.DOTALL)


class Refused(BadInput):
    """A statement, or a question, that would change the database or reach outside of it."""


def check(sql: str) -> str:
    """The statement as it will be run; raises Refused unless it begins as a query does."""
    if not isinstance(sql, str) or "\x00" in sql:
        raise BadInput("the query is not plain text", "give one SELECT")
    start = _BLANK.match(sql).end()
    word = re.match(r"[A-Za-z]+", sql[start:])
    first = word.group().upper() if word else ""
    if start == len(sql):
        raise BadInput("the query is empty", "give one SELECT")
    if len(sql) > LONGEST_SQL:
        raise BadInput(f"the query has {len(sql):,} characters", f"at most {LONGEST_SQL:,} are run")
    if sql[start] != "(" and first not in _QUERIES:
        raise _refusal(f"this is {_a(first)}" if first else f"this begins with {sql[start]!r}")
    return sql[start:]


def _a(action: str) -> str:
    return f"{'an' if action[0] in 'AEIOU' else 'a'} {action}"


def _refusal(what: str) -> Refused:
    return Refused(
        f"{what}; the database is read-only and only SELECT is run", "ask for what you want to read"
    )


@contextmanager
def reading(path: Path, seconds: float) -> Iterator[sqlite3.Connection]:
    """A connection that can do nothing but read, and is stopped after so many seconds.

    SQLite's own errors come out as the workbench's: Refused, BadInput for a statement that cannot
    be run, Interrupted for the time limit or a locked file, BrokenFile, MissingPiece.
    """
    guard = _Guard(time.monotonic() + seconds)
    try:
        with closing(_connect(path)) as connection:
            connection.set_authorizer(guard.allow)
            connection.set_progress_handler(guard.late, STEPS)
            yield connection
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _clear(error, path, guard, seconds) from None


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise MissingPiece(f"the database {path} {what}", "name a SQLite file")
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None
    )
    connection.execute("PRAGMA query_only = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


class _Guard:
    """What SQLite asks: may this step be taken, and is it time to stop."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.denied = ""
        self.stopped = False

    def allow(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        outside = action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _OUTSIDE
        if action in _ALLOWED and not outside:
            return sqlite3.SQLITE_OK
        if not self.denied:
            self.denied = f"call of {second}" if outside else _action(action, first)
        return sqlite3.SQLITE_DENY

    def late(self) -> int:
        self.stopped = time.monotonic() > self.deadline
        return int(self.stopped)


def _action(action: int, table: str | None) -> str:
    """What SQLite calls the step; tables that are functions (``pragma_…``) make one."""
    if table in ("sqlite_master", "sqlite_schema") and action == sqlite3.SQLITE_UPDATE:
        return "call of a table that is none of the database's"
    return _ACTIONS.get(action, "change of the database")


def _clear(error: Exception, path: Path, guard: _Guard, seconds: float) -> Exception:
    """SQLite's error as a sentence for a person."""
    said = str(error)
    if guard.denied:
        return _refusal(f"this is {_a(guard.denied)}")
    if guard.stopped:
        return Interrupted(
            f"the query ran longer than {seconds:g} s and was stopped",
            "join fewer tables, or ask for fewer rows",
        )
    if "one statement at a time" in said:
        return _refusal("these are several statements and only one is run")
    if "readonly" in said or "read-only" in said:
        return _refusal("this writes")
    if "locked" in said or "busy" in said:
        return Interrupted(
            f"the database {path.name} is locked by another program", "try again when it is done"
        )
    if "not a database" in said or "malformed" in said or "disk I/O" in said:
        return BrokenFile(
            f"{path} is not a SQLite database, or a damaged one ({said})", "restore it"
        )
    if "unable to open" in said:
        return MissingPiece(f"the database {path} cannot be opened", "check who may read it")
    if "too big" in said or "too large" in said:
        return BadInput(
            f"a value would be longer than {LONGEST_VALUE:,} bytes", "ask for less of it"
        )
    return BadInput(f"SQLite does not run this query: {said}", "look at the schema: schema()")
