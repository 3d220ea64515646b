"""Tables that a screen reader can follow and a projector can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from numbers import Real
from typing import Any

from workbench.errors import BadInput

#: How a column is shown: a format spec (``".1%"``), a template (``"{:.2f} s"``) or a function.
Format = str | Callable[[Any], str]

MISSING = "–"
#: The lines between cells: half transparent, so that they show on white and on black.
LINE = "1px solid rgba(128,128,128,.35)"
CELL = "padding:.3em .8em;vertical-align:top;white-space:pre-line;"


@dataclass(frozen=True)
class Table:
    """Rows under named columns; displays as HTML, Markdown or plain text."""

    columns: list[str]
    rows: list[list[Any]]
    caption: str = ""
    formats: Mapping[str, Format] = field(default_factory=dict)

    def cells(self) -> list[list[str]]:
        """The table as shown: one string a cell, nothing escaped."""
        return [
            [
                _shown(value, self.formats.get(column))
                for column, value in zip(self.columns, row, strict=True)
            ]
            for row in self.rows
        ]

    def _numeric(self) -> list[bool]:
        """Which columns hold nothing but numbers (and gaps): those are set flush right."""
        columns = zip(*self.rows, strict=True) if self.rows else [[] for _ in self.columns]
        return [_is_numeric(values) for values in columns]

    def _repr_html_(self) -> str:
        numeric = self._numeric()
        head = "".join(
            _cell("th", name, number, 'scope="col"')
            for name, number in zip(self.columns, numeric, strict=True)
        )
        body = "".join(f"<tr>{_html_row(row, numeric)}</tr>" for row in self.cells())
        caption = (
            f'<caption style="caption-side:top;text-align:left;font-weight:600;padding:.3em 0;'
            f'color:inherit">{escape(self.caption)}</caption>'
            if self.caption
            else ""
        )
        return (
            '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:.4em 0;'
            f'color:inherit;font-size:1em">{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def _repr_markdown_(self) -> str:
        rules = ["---:" if number else ":---" for number in self._numeric()]
        lines = [self.columns, rules, *self.cells()]
        text = "\n".join(
            "| " + " | ".join(_markdown(cell) for cell in line) + " |" for line in lines
        )
        return f"**{_markdown(self.caption)}**\n\n{text}" if self.caption else text

    def __repr__(self) -> str:
        lines = [self.columns, *self.cells()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        numeric = self._numeric()
        text = "\n".join(_plain_row(line, widths, numeric) for line in lines)
        return f"{self.caption}\n{text}" if self.caption else text


def table(rows: Any, caption: str = "", formats: Mapping[str, Format] | None = None) -> Table:
    """A table from a DataFrame, a list of mappings, or a mapping of columns.

    ``formats`` maps a column to a format spec (``".2f"``, ``".1%"``), a template (``"{:.1f} s"``)
    or a function. A missing value is shown as a dash. Raises BadInput for an unknown column.
    """
    columns, values = _parts(rows)
    formats = dict(formats or {})
    unknown = [name for name in formats if name not in columns]
    if unknown and values:
        raise BadInput(
            f"the table has no column {unknown[0]!r}", f"its columns are: {', '.join(columns)}"
        )
    return Table(columns, values, caption, formats)


def _parts(rows: Any) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of whatever was given."""
    if hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        frame = rows if rows.index.name is None else rows.reset_index()
        return [str(c) for c in frame.columns], [list(r) for r in frame.itertuples(index=False)]
    if isinstance(rows, Mapping):
        lists = [list(column) for column in rows.values()]
        if len({len(column) for column in lists}) > 1:
            raise BadInput(
                "the columns differ in length", "give every column the same number of values"
            )
        return [str(c) for c in rows], [list(r) for r in zip(*lists, strict=True)]
    records: list[Mapping[str, Any]] = list(rows)
    columns = list(dict.fromkeys(str(key) for record in records for key in record))
    return columns, [[record.get(column) for column in columns] for record in records]


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN and NaT are the values that differ from themselves
    except (TypeError, ValueError):
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_numeric(values: Iterable[Any]) -> bool:
    present = [value for value in values if not _is_missing(value)]
    return bool(present) and all(_is_number(value) for value in present)


def _shown(value: Any, how: Format | None) -> str:
    """One value as text."""
    if _is_missing(value):
        return MISSING
    if callable(how):
        return how(value)
    if how is None:
        return _plain(value)
    return how.format(value) if "{" in how else format(value, how)


def _plain(value: Any) -> str:
    """A value without a format: whole numbers grouped, others to three significant digits."""
    if not _is_number(value):
        return str(value)
    number = float(value)
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number.is_integer():
        return f"{int(number):,}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _cell(tag: str, text: str, number: bool, extra: str = "") -> str:
    align = "right;font-variant-numeric:tabular-nums" if number else "left"
    weight = "font-weight:600;" if tag == "th" else ""
    look = f"border-bottom:{LINE};background:transparent;color:inherit"
    style = f"{CELL}text-align:{align};{weight}{look}"
    return f'<{tag} {extra} style="{style}">{escape(text)}</{tag}>'


def _html_row(cells: list[str], numeric: list[bool]) -> str:
    """The first cell names the row unless it is a number."""
    out = []
    for i, (cell, number) in enumerate(zip(cells, numeric, strict=True)):
        names_row = i == 0 and not number
        out.append(
            _cell("th", cell, number, 'scope="row"') if names_row else _cell("td", cell, number)
        )
    return "".join(out)


def _markdown(text: str) -> str:
    """Text that stays in its cell and stays text."""
    safe = escape(text, quote=False).replace("\\", "\\\\")
    for mark in "|*_`[]$":
        safe = safe.replace(mark, "\\" + mark)
    return safe.replace("\r", "").replace("\n", "<br>")


def _plain_row(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    parts = [
        cell.rjust(width) if number else cell.ljust(width)
        for cell, width, number in zip(cells, widths, numeric, strict=True)
    ]
    return "  ".join(parts).rstrip()
