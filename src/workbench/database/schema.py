"""What a database holds, in few words: tables, columns and what can stand in them."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

#: A column with at most so many different texts is shown with all of them.
FEW_VALUES = 8
#: ... unless they are longer than this together.
FEW_CHARACTERS = 110
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d")


def full(connection: sqlite3.Connection) -> str:
    """The statements that made the tables, comments and all, without spare blanks."""
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type IN ('table', 'view') AND sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    return "\n".join(re.sub(r"[ \t]+", " ", sql) for (sql,) in rows)


def compact(connection: sqlite3.Connection) -> str:
    """A line a table: its columns, what they refer to, and the values of those that have few.

    Values of columns with many different ones are left out, names and telephone numbers among
    them: what stands in a prompt is seen by whoever runs the model. Only the form of a date or a
    time is shown.
    """
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    return "\n".join(_table(connection, name) for (name,) in names.fetchall())


def _table(connection: sqlite3.Connection, table: str) -> str:
    info = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    keys = connection.execute(f"PRAGMA foreign_key_list({quoted(table)})").fetchall()
    refers = {row[3]: f"{row[2]}.{row[4]}" if row[4] else row[2] for row in keys}
    columns = (_column(connection, table, row[1], row[2], refers) for row in info)
    return f"{table}({', '.join(columns)})"


def _column(
    connection: sqlite3.Connection, table: str, column: str, kind: str, refers: dict[str, str]
) -> str:
    text = "CHAR" in kind.upper() or "TEXT" in kind.upper()
    hint = _hint(connection, table, column) if text else ""
    if column in refers:  # the values stand at the other column
        form = "" if hint.startswith("'") else hint
        hint = f"{form} -> {refers[column]}".strip()
    return f"{column} {hint}" if hint else column


def _hint(connection: sqlite3.Connection, table: str, column: str) -> str:
    """What can stand in a column of text: its few values, or the form of a date."""
    values: list[Any] = [
        value
        for (value,) in connection.execute(
            f"SELECT DISTINCT {quoted(column)} FROM {quoted(table)} "
            f"WHERE {quoted(column)} IS NOT NULL LIMIT {FEW_VALUES + 1}"
        )
    ]
    for form, name in ((_DATE, "YYYY-MM-DD"), (_TIME, "HH:MM")):
        if values and all(form.fullmatch(str(value)) for value in values if value != ""):
            return name
    shown = "|".join(f"'{value}'" for value in values)
    return shown if len(values) <= FEW_VALUES and len(shown) <= FEW_CHARACTERS else ""


def quoted(name: str) -> str:
    """A name as SQLite takes it, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'
