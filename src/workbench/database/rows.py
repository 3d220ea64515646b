"""What a query found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rows:
    """Rows under their columns; ``cut`` says that there were more than were fetched."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    cut: bool = False
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    @property
    def text(self) -> str:
        """The result in a line for one row, a line a row for several; at most ten."""
        if not self.rows:
            return "nothing found"
        lines = [self._line(row) for row in self.rows[:10]]
        more = len(self.rows) - len(lines)
        if more or self.cut:
            lines.append(f"… {more} more rows" + (", and more that were not fetched" * self.cut))
        return "\n".join(lines)

    def _line(self, row: tuple[Any, ...]) -> str:
        if len(row) == 1:
            return shown(row[0])
        return ", ".join(
            f"{name}: {shown(value)}" for name, value in zip(self.columns, row, strict=True)
        )

    def table(self, caption: str = "") -> Any:
        """The rows as a table to be displayed: the first 20."""
        from workbench.display.tables import Table

        said = f"{len(self.rows)} rows" + (", and more that were not fetched" * self.cut)
        rows = [[shown(v) if isinstance(v, bytes) else v for v in row] for row in self.rows[:20]]
        return Table(_unique(self.columns), rows, caption or said)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()


def shown(value: Any) -> str:
    """A value as text: NULL is "no value", bytes are counted and not shown."""
    if value is None:
        return "no value"
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    return str(value)


def _unique(names: list[str]) -> list[str]:
    """Column names, the second of two equal ones with a number."""
    return [
        f"{n} ({names[: i + 1].count(n)})" if n in names[:i] else n for i, n in enumerate(names)
    ]
