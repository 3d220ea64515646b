"""A map of texts by their vectors: dots that tell what they are when one points at them.

The drawing is SVG in the page itself, without scripts: it works in JupyterLab, in an exported page
and offline, takes the page's colours, and can be walked through with the tab key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from workbench.display.figures import PALETTE
from workbench.errors import BadInput

WIDTH, HEIGHT, MARGIN = 760, 460, 18
#: The colours of groups, in turn; black would not show in a dark theme.
COLOURS = [PALETTE[name] for name in ("blue", "orange", "green", "purple", "sky", "vermilion")]
#: Outlines around the origin, one a group, so that no one needs the colours.
SHAPES = (
    "M-4,0A4,4 0 1,0 4,0A4,4 0 1,0 -4,0Z",  # circle
    "M-3.6,-3.6H3.6V3.6H-3.6Z",  # square
    "M0,-4.8L4.4,3.2H-4.4Z",  # triangle
    "M0,-5L4.4,0L0,5L-4.4,0Z",  # diamond
    "M-1.6,-4.6H1.6V-1.6H4.6V1.6H1.6V4.6H-1.6V1.6H-4.6V-1.6H-1.6Z",  # cross
    "M0,4.8L4.4,-3.2H-4.4Z",  # triangle on its point
)
STAR = "M0,-11L2.6,-3.6L10.5,-3.4L4.2,1.4L6.5,8.9L0,4.4L-6.5,8.9L-4.2,1.4L-10.5,-3.4L-2.6,-3.6Z"


@dataclass(frozen=True)
class Map:
    """Dots in two dimensions with words to each, and perhaps a star with lines to some of them."""

    points: list[tuple[float, float]]
    labels: list[str]
    groups: list[str]
    title: str
    alt: str
    star: tuple[float, float] | None = None
    star_label: str = ""
    marked: list[int] = field(default_factory=list)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        lines = [f"{self.title}: {self.alt}"]
        lines += [f"{n}. {self.labels[i]}" for n, i in enumerate(self.marked, 1)]
        return "\n".join(lines)

    def html(self) -> str:
        """The map as a piece of HTML that needs nothing else."""
        spots = _placed([*self.points, *([self.star] if self.star else [])])
        looks = _looks(self.groups)
        dots = "".join(self._dot(i, spots[i], looks[self.groups[i]]) for i in self._order())
        lines = _lines(spots[-1], [spots[i] for i in self.marked]) if self.star else ""
        star = _star(spots[-1], self.star_label) if self.star else ""
        numbers = "".join(_number(n, spots[i]) for n, i in enumerate(self.marked, 1))
        return (
            f'<figure class="wb-map" style="margin:.4em 0;color:inherit;max-width:{WIDTH}px">{_CSS}'
            f'<figcaption style="font-weight:600;padding:.2em 0">{escape(self.title)}</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="group" '
            f'aria-label="{escape(self.alt)}" style="border:1px solid rgba(128,128,128,.35);'
            f'border-radius:6px;max-width:{WIDTH}px">{lines}{dots}{star}{numbers}</svg>'
            f"{_legend(looks)}{self._found()}</figure>"
        )

    def _order(self) -> list[int]:
        """Marked dots last: they lie on top, and come last to the tab key."""
        marked = set(self.marked)
        return [i for i in range(len(self.points)) if i not in marked] + self.marked

    def _dot(self, i: int, spot: tuple[float, float], look: tuple[str, str]) -> str:
        """One dot; only those found stop the tab key, of which hundreds of stops are no help."""
        colour, shape = look
        label = escape(self.labels[i])
        focus = f' tabindex="0" role="img" aria-label="{label}"' if i in self.marked else ""
        kind = "d m" if i in self.marked else "d"
        return (
            f'<g transform="translate({spot[0]:.1f},{spot[1]:.1f})"><path class="{kind}" '
            f'd="{shape}" fill="{colour}"{focus}><title>{label}</title></path></g>'
        )

    def _found(self) -> str:
        if not self.marked:
            return ""
        items = "".join(f"<li>{escape(self.labels[i])}</li>" for i in self.marked)
        return f'<ol style="margin:.3em 0 0 1.4em;padding:0;font-size:.92em">{items}</ol>'


_CSS = (
    "<style>.wb-map .d{stroke:rgba(128,128,128,.6);stroke-width:.6;fill-opacity:.75;"
    "transition:transform .1s}.wb-map .d:hover,.wb-map .d:focus{transform:scale(2.1);"
    "fill-opacity:1;stroke:currentColor;stroke-width:1.2;outline:none}"
    ".wb-map .m{fill-opacity:1;stroke:currentColor;stroke-width:1.4}"
    ".wb-map text{font:600 13px sans-serif;fill:currentColor;pointer-events:none}</style>"
)


def map(
    points: Any,
    labels: Sequence[str],
    groups: Sequence[str],
    title: str = "A map of the corpus",
    star: Any = None,
    star_label: str = "the question",
    marked: Sequence[int] = (),
    alt: str = "",
) -> Map:
    """A map of texts to point at: a dot a text, its group by colour and shape, its label on hover.

    ``points`` are pairs of numbers, ``labels`` and ``groups`` a text each. ``star`` is one more
    point, from which lines lead to the dots numbered in ``marked`` (best first). Raises BadInput
    for lists of different length, points that are no numbers, or marks that do not exist.
    """
    places, found = [_pair(point) for point in points], [int(i) for i in marked]
    if not places or not len(places) == len(labels) == len(groups):
        raise BadInput(
            f"{len(places)} points, {len(labels)} labels and {len(groups)} groups",
            "give at least one point, and a label and a group for each",
        )
    if wrong := [i for i in found if not 0 <= i < len(places)]:
        raise BadInput(
            f"there is no point {wrong[0]} to mark", f"points are 0 to {len(places) - 1}"
        )
    kinds = list(dict.fromkeys(one_line(group) for group in groups))
    said = alt or f"{len(places)} texts in two dimensions, in groups: {', '.join(kinds)}"
    if found:
        said += f"; {star_label} and the {len(found)} found for it"
    return Map(
        places,
        [one_line(label) for label in labels],
        [one_line(group) for group in groups],
        title,
        said,
        None if star is None else _pair(star),
        star_label,
        found,
    )


def one_line(text: Any) -> str:
    """One line of text."""
    return " ".join(str(text).split())


def _pair(point: Any) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in point)
    except (TypeError, ValueError):
        raise BadInput(f"{point!r} is no point", "give two numbers for each") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise BadInput(f"the point ({x}, {y}) cannot be drawn", "give finite numbers")
    return x, y


def _placed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points in the drawing's units; y grows upwards, as in any graph."""
    xs, ys = zip(*points, strict=True)
    return [
        (_scale(x, min(xs), max(xs), WIDTH), HEIGHT - _scale(y, min(ys), max(ys), HEIGHT))
        for x, y in points
    ]


def _scale(value: float, low: float, high: float, size: int) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return MARGIN + share * (size - 2 * MARGIN)


def _looks(groups: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Group -> colour and shape; the largest groups come first."""
    names = sorted(dict.fromkeys(groups), key=lambda name: (-groups.count(name), name))
    return {
        name: (COLOURS[i % len(COLOURS)], SHAPES[(i + i // len(COLOURS)) % len(SHAPES)])
        for i, name in enumerate(names)
    }


def _lines(start: tuple[float, float], ends: Sequence[tuple[float, float]]) -> str:
    return "".join(
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{x:.1f}" y2="{y:.1f}" '
        'stroke="currentColor" stroke-opacity=".55" stroke-dasharray="4 3"/>'
        for x, y in ends
    )


def _star(spot: tuple[float, float], label: str) -> str:
    said = escape(one_line(label))
    return (
        f'<g transform="translate({spot[0]:.1f},{spot[1]:.1f})"><path class="d m" d="{STAR}" '
        f'fill="{PALETTE["yellow"]}" tabindex="0" role="img" aria-label="{said}">'
        f"<title>{said}</title></path></g>"
    )


def _number(number: int, spot: tuple[float, float]) -> str:
    x = spot[0] - 14 if spot[0] > WIDTH - 30 else spot[0] + 7
    return f'<text x="{x:.1f}" y="{max(spot[1] - 6, 12):.1f}" aria-hidden="true">{number}</text>'


def _legend(looks: Mapping[str, tuple[str, str]]) -> str:
    entries = "".join(
        '<span style="white-space:nowrap;margin-right:1.2em"><svg width="14" height="14" '
        f'viewBox="-7 -7 14 14" aria-hidden="true"><path d="{shape}" fill="{colour}"/></svg> '
        f"{escape(name)}</span>"
        for name, (colour, shape) in looks.items()
    )
    return f'<div style="font-size:.92em;padding:.2em 0">{entries}</div>'
