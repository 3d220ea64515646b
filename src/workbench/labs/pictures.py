"""Small pictures above a verdict: bars and dots as inline SVG, with a text form."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from workbench.labs.verdict import PRE

BLUE, ORANGE = "#0072B2", "#D55E00"
WIDTH, LABEL = 640, 190


@dataclass(frozen=True)
class Bars:
    """Expected and got beside each other, a pair of bars a case."""

    title: str
    rows: list[tuple[str, float, float]]
    unit: str = ""

    def _repr_html_(self) -> str:
        top = max((abs(v) for _, *pair in self.rows for v in pair), default=0) or 1
        scale = (WIDTH - LABEL - 150) / top
        rows = "".join(self._row(i, row, scale) for i, row in enumerate(self.rows))
        height = 44 * len(self.rows) + 8
        return (
            f'<div style="font-weight:600">{escape(self.title)}</div>'
            f'<svg viewBox="0 0 {WIDTH} {height}" width="100%" style="max-width:{WIDTH}px" '
            f'role="img" aria-label="{escape(repr(self))}" font-family="system-ui, sans-serif" '
            f'font-size="13" fill="currentColor">{rows}</svg>'
        )

    def _row(self, number: int, row: tuple[str, float, float], scale: float) -> str:
        label, *pair = row
        y = 44 * number + 6
        out = f'<text x="0" y="{y + 21}">{escape(label)}</text>'
        named = zip(("right", "yours"), pair, (BLUE, ORANGE), strict=True)
        for i, (who, value, colour) in enumerate(named):
            width, at = max(1.5, abs(value) * scale), y + 17 * i
            out += f'<rect x="{LABEL}" y="{at}" width="{width:.1f}" height="13" fill="{colour}"/>'
            out += (
                f'<text x="{LABEL + width + 6:.1f}" y="{at + 11}">{_text(value, self)} {who}</text>'
            )
        return out

    def __repr__(self) -> str:
        lines = [
            f"{label}: right {_text(right, self)}, yours {_text(yours, self)}"
            for label, right, yours in self.rows
        ]
        return "\n".join([self.title, *lines])


def _text(value: float, bars: Bars) -> str:
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number} {bars.unit}".rstrip()


@dataclass(frozen=True)
class Outcomes:
    """Two models on the same questions: who was right, a dot a question."""

    first: list[bool]
    second: list[bool]

    def _repr_html_(self) -> str:
        step = min(14.0, (WIDTH - 90) / max(1, len(self.first)))
        rows = ""
        for y, name, values in ((16, "first", self.first), (38, "second", self.second)):
            rows += f'<text x="0" y="{y + 4}">{name}</text>'
            rows += "".join(_dot(90 + step * (i + 0.5), y, step, ok) for i, ok in enumerate(values))
        return (
            f'<svg viewBox="0 0 {WIDTH} 50" width="100%" style="max-width:{WIDTH}px" role="img" '
            f'aria-label="{escape(repr(self))}" font-family="system-ui, sans-serif" '
            f'font-size="13" fill="currentColor">{rows}</svg>'
        )

    def __repr__(self) -> str:
        pairs = list(zip(self.first, self.second, strict=True))
        return (
            f"{len(pairs)} questions: both right {pairs.count((True, True))}, only the first "
            f"{pairs.count((True, False))}, only the second {pairs.count((False, True))}, "
            f"neither {pairs.count((False, False))}"
        )


def _dot(x: float, y: int, step: float, ok: bool) -> str:
    fill = f'fill="{BLUE}"' if ok else f'fill="none" stroke="{ORANGE}" stroke-width="1.5"'
    return f'<circle cx="{x:.1f}" cy="{y}" r="{max(1.2, step * 0.36):.1f}" {fill}/>'


@dataclass(frozen=True)
class Blocks:
    """Pieces of a text, each in a frame of its own, so that one sees where it was cut."""

    title: str
    pieces: list[str]

    def _repr_html_(self) -> str:
        frames = "".join(
            f'<pre style="{PRE};border:1px solid rgba(128,128,128,.45);border-radius:6px;'
            f'margin:.3em 0;padding:.4em .7em;font-size:.9em">{escape(piece)}</pre>'
            for piece in self.pieces
        )
        head = f'<div style="font-weight:600">{escape(self.title)}</div>'
        return f'{head}<div style="max-height:22em;overflow:auto">{frames}</div>'

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"--- {n}\n{p}" for n, p in enumerate(self.pieces, 1))])
