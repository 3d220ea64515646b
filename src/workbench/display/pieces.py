"""A text in its tokens, each in a box of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: Two grounds in turn, half transparent so that they show on white and on black.
GROUNDS = ("rgba(86,180,233,.35)", "rgba(230,159,0,.30)")


@dataclass(frozen=True)
class Pieces:
    """Pieces of a text in their order."""

    pieces: list[str]
    caption: str = ""

    def _repr_html_(self) -> str:
        boxes = "".join(
            f'<span title="token {n} of {len(self.pieces)}" style="background:{GROUNDS[n % 2]};'
            'border-radius:3px;padding:.15em 0;white-space:pre-wrap">'
            f"{escape(_visible(piece))}</span>"
            for n, piece in enumerate(self.pieces, 1)
        )
        caption = f'<div style="font-weight:600;padding:.3em 0">{escape(self.caption)}</div>'
        return (
            f'{caption if self.caption else ""}<div style="font-family:ui-monospace,monospace;'
            f'line-height:1.9" aria-label="{len(self.pieces)} tokens">{boxes}</div>'
        )

    def __repr__(self) -> str:
        text = "|".join(self.pieces)
        return f"{self.caption}\n{text}" if self.caption else text


def _visible(piece: str) -> str:
    """A line end is shown, and breaks the line too."""
    return piece.replace("\n", "⏎\n")


def pieces(parts: Sequence[str], caption: str = "") -> Pieces:
    """Tokens as boxes, so that one sees where a text was cut."""
    return Pieces(list(parts), caption)
