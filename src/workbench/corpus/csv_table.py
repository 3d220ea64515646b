"""Tables in text files: comma, semicolon, tab or bar between the cells, in any encoding.

A narrow table becomes a Markdown table, which is cut between rows and keeps its heading row. A wide
one, or one with long cells, becomes a line of ``column: value`` for each row, so that a row that is
found makes sense by itself.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.corpus.text import Clean, Unreadable, decode, tidy

#: What may stand between two cells.
DELIMITERS = ",;\t|"
#: Rows that are looked at to learn how the table is written.
SAMPLE_ROWS = 200
#: A wider table, or one whose rows are longer, is written out row by row.
MOST_COLUMNS = 6
LONGEST_ROW = 160
#: Longer lines without columns are sentences and no list.
LONGEST_LINE = 80
#: A cell that holds a number, a sum of money, a date or a time: seldom the name of a column.
VALUE = re.compile(r"[-+(]?[€$£]?\s*\d[\d.,:/ %-]*(kr|€|\$|£|%|km|h|min)?\)?", re.IGNORECASE)


def read(data: bytes) -> Clean:
    """A CSV or TSV file as text; raises Unreadable for what is no table."""
    raw = decode(data)
    with _any_length(raw):
        rows = _rows(raw)
    head, body = (rows[0], rows[1:]) if _has_heading(rows) else (None, rows)
    width = max(map(len, rows))
    names = _names(head, width)
    rows = [row + [""] * (width - len(row)) for row in body]
    text = _as_table(names, rows) if _is_narrow(rows, width) else _as_lines(names, rows)
    return Clean(tidy(text), raw)


def _rows(raw: str) -> list[list[str]]:
    """The cells of each row that has any; raises Unreadable for what is no table."""
    raw = raw.lstrip("\ufeff")
    first, _, rest = raw.partition("\n")
    declared = re.fullmatch(r"sep=(.)", first.strip())
    if declared:
        return _parsed(rest, declared[1])
    return _parsed(raw, _delimiter(raw))


@contextmanager
def _any_length(raw: str) -> Iterator[None]:
    """Cells may be as long as the file; Python's own limit is 128 kB."""
    before = csv.field_size_limit(len(raw) + 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _parsed(raw: str, delimiter: str) -> list[list[str]]:
    cells = csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [[" ".join(cell.split()) for cell in row] for row in cells]
    except csv.Error as problem:
        raise Unreadable(f"a broken table ({problem})") from problem
    rows = [row[: _used(row)] for row in rows if any(row)]
    if not rows:
        raise Unreadable("empty")
    return rows


def _used(row: list[str]) -> int:
    """How many cells a row has up to its last that is filled."""
    return max(number for number, cell in enumerate(row, 1) if cell)


def _delimiter(raw: str) -> str:
    """What cuts most rows into the same number of cells; a list of short lines has one column.

    Raises Unreadable where nothing does: then it is text and no table.
    """
    sample = "\n".join(itertools.islice(raw.split("\n"), SAMPLE_ROWS))
    scores = {delimiter: _regularity(sample, delimiter) for delimiter in DELIMITERS}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if scores[best] > 0:
        return best
    is_list = not any(delimiter in sample for delimiter in DELIMITERS)
    if is_list and all(len(line) <= LONGEST_LINE for line in sample.split("\n")):
        return ","
    raise Unreadable("not a table, though its name says so (its rows have no columns)")


def _regularity(sample: str, delimiter: str) -> float:
    """The share of rows with the usual number of cells, a little more for many; 0 for no table."""
    try:
        rows = [len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row]
    except csv.Error:
        return 0.0
    several = [width for width in rows if width > 1]
    is_sentence = len(rows) == 1 and len(sample) > LONGEST_LINE
    if len(several) < 0.8 * len(rows) or not several or is_sentence:
        return 0.0
    width, times = Counter(several).most_common(1)[0]
    return times / len(rows) + width / 1000


def _has_heading(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: all different words, and no numbers or dates."""
    first = rows[0]
    if len(rows) < 2 or not all(first) or len({c.casefold() for c in first}) < len(first):
        return False
    if any(VALUE.fullmatch(cell) for cell in first):
        return False
    usual = Counter(map(len, rows[1:])).most_common(1)[0][0]
    return len(first) >= min(usual, 2) and all(len(cell) <= 80 for cell in first)


def _names(head: list[str] | None, width: int) -> list[str]:
    """A name for each column: the heading's where there is one."""
    head = head or []
    return [*head, *(f"column {number}" for number in range(len(head) + 1, width + 1))]


def _is_narrow(rows: list[list[str]], width: int) -> bool:
    sample = rows[:SAMPLE_ROWS]
    longest = max((sum(map(len, row)) for row in sample), default=0)
    return width <= MOST_COLUMNS and longest <= LONGEST_ROW


def _as_table(names: list[str], rows: list[list[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def _as_lines(names: list[str], rows: list[list[str]]) -> str:
    """A paragraph for each row, so that no row is cut where the next could be."""
    return "\n\n".join(
        "; ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True) if cell)
        for row in rows
    )
