"""Prose that carries measured numbers, and texts set side by side."""

from __future__ import annotations

import string
from dataclasses import dataclass
from html import escape
from typing import Any

from workbench.display.tables import LINE, _markdown
from workbench.errors import BadInput


@dataclass(frozen=True)
class Note:
    """A few sentences of Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def note(text: str, **numbers: Any) -> Note:
    """Markdown with numbers filled in: ``note("Right in {share:.0%} of {n}.", share=s, n=27)``.

    A value that is text is escaped, so that it cannot become markup. Raises BadInput when the text
    asks for a number that was not given, or when a number does not fit its format.
    """
    values = {name: _markdown(v) if isinstance(v, str) else v for name, v in numbers.items()}
    try:
        return Note(string.Formatter().vformat(text, (), values))
    except KeyError as missing:
        raise BadInput(
            f"the note asks for {missing.args[0]!r}, which was not given",
            f"pass it by name; given were: {', '.join(numbers) or 'none'}",
        ) from None
    except (ValueError, TypeError, IndexError) as error:
        raise BadInput(
            f"the note cannot be filled in: {error}", "check its braces and formats"
        ) from None


def interval(value: float, low: float, high: float, n: int, spec: str = ".2f") -> str:
    """A measured value with its interval and sample size: ``0.63 [0.44, 0.79], n = 27``."""
    return f"{value:{spec}} [{low:{spec}}, {high:{spec}}], n = {n:,}"


@dataclass(frozen=True)
class SideBySide:
    """Two texts in two columns, as before and after."""

    left: str
    right: str
    titles: tuple[str, str]
    code: bool = False

    def _repr_html_(self) -> str:
        face = "font-family:ui-monospace,monospace;" if self.code else ""
        columns = "".join(
            f'<section style="flex:1 1 18em;min-width:0" aria-label="{escape(title)}">'
            f'<div style="font-weight:600;padding:.2em 0">{escape(title)}</div>'
            f'<pre style="white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;'
            f"border:{LINE};border-radius:6px;padding:.6em .8em;margin:0;"
            f"background:transparent;color:inherit;{face}"
            f'font-size:.92em">{escape(text)}</pre></section>'
            for title, text in zip(self.titles, (self.left, self.right), strict=True)
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:1em">{columns}</div>'

    def __repr__(self) -> str:
        parts = zip(self.titles, (self.left, self.right), strict=True)
        return "\n\n".join(f"--- {title} ---\n{text}" for title, text in parts)


def side_by_side(
    left: str,
    right: str,
    titles: tuple[str, str] = ("Before", "After"),
    limit: int = 4000,
    code: bool = False,
) -> SideBySide:
    """Two texts next to each other, or stacked on a narrow page; cut at ``limit`` characters.

    ``code`` sets them in a typewriter face.
    """
    return SideBySide(_cut(left, limit), _cut(right, limit), titles, code)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit:,} more characters"
