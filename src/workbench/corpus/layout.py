"""Lines of a page, with their places, made into Markdown: headings, tables, paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

PAGE_NUMBER = re.compile(r"^(page|p\.|-)?\s*\d+\s*((of|/)\s*\d+|-)?$", re.IGNORECASE)
CELL = " | "
BULLET = re.compile("^[•‣▪\uf0b7\x7f] ?")
ITEM = re.compile(BULLET.pattern + r"|^[–-] |^\d+[.)] ")


@dataclass
class Line:
    """One line of a page: its text, place (points from the lower left), size and weight."""

    text: str
    x: float
    y: float
    size: float
    bold: bool
    page: int


@dataclass
class Block:
    """A table, a paragraph or list item, or a heading (``kind`` is then its ``#`` marks)."""

    kind: str
    lines: list[str] = field(default_factory=list)


def rows(pieces: list[Line]) -> list[Line]:
    """The lines of one page: pieces that follow each other on one height become one line."""
    lines: list[Line] = []
    start = 0.0  # of the last cell
    for piece in _without_number(pieces):
        text = re.sub(r"\s+", " ", piece.text).strip()
        last = lines[-1] if lines else None
        if last and abs(last.y - piece.y) < 2 and piece.x > start:
            gap = piece.x - start - _width(last)
            last.text += (CELL if gap > last.size else " ") + text
        else:
            lines.append(Line(text, piece.x, piece.y, piece.size, piece.bold, piece.page))
        start = piece.x
    return lines


def _width(line: Line) -> float:
    """About how wide the last cell of a line is; generous for long ones, whose error would grow."""
    cell = line.text.rsplit(CELL, 1)[-1]
    return len(cell) * line.size * (0.5 if len(cell) < 30 else 0.58)


def _without_number(pieces: list[Line]) -> list[Line]:
    """Pieces of a page without its number, which stands at the upper or lower edge."""
    heights = [piece.y for piece in pieces] or [0.0]
    low, high = min(heights) + 20, max(heights) - 20

    def is_number(piece: Line) -> bool:
        return not low < piece.y < high and bool(PAGE_NUMBER.match(piece.text.strip()))

    return [piece for piece in pieces if not is_number(piece)]


def without_furniture(lines: list[Line]) -> list[Line]:
    """Lines without those that stand at the same height on at least half of several pages."""

    def key(line: Line) -> tuple[str, int]:
        return re.sub(r"\d+", "#", line.text), round(line.y / 3)

    often = Counter(key(line) for line in lines)
    least = max(2, len({line.page for line in lines}) / 2)
    return [line for line in lines if often[key(line)] < least]


def markdown(lines: list[Line]) -> str:
    """Lines as Markdown: headings by their size, table rows, paragraphs in one piece."""
    body = _commonest([line.size for line in lines])
    drops = [a.y - b.y for a, b in pairwise(lines) if a.page == b.page and a.x == b.x]
    leading = _commonest([drop for drop in drops if 0 < drop < 3 * body])
    sizes = sorted({round(x.size, 1) for x in lines if _is_heading(x, body)}, reverse=True)
    blocks: list[Block] = []
    last: Line | None = None
    for line in lines:
        kind = _kind(line, body, sizes)
        block = blocks[-1] if blocks else None
        if block and last and block.kind == kind and _goes_on(last, line, block, leading):
            block.lines.append(line.text)
        else:
            blocks.append(Block(kind, [line.text]))
        last = line
    hyphenated = set(re.findall(r"\w+-\w+", " ".join(line.text for line in lines)))
    return "\n\n".join(_shown(block, hyphenated) for block in blocks)


def _commonest(values: list[float]) -> float:
    counts = Counter(round(value, 1) for value in values)
    return counts.most_common(1)[0][0] if counts else 0.0


def _is_heading(line: Line, body: float) -> bool:
    return line.bold and line.size > body * 1.05 and len(line.text) < 120 and CELL not in line.text


def _kind(line: Line, body: float, sizes: list[float]) -> str:
    if CELL in line.text:
        return "table"
    if _is_heading(line, body):
        return "#" * min(sizes.index(round(line.size, 1)) + 1, 4)
    return "text"


def _goes_on(last: Line, line: Line, block: Block, leading: float) -> bool:
    """Whether a line belongs to the block before it; over a break only in mid-sentence."""
    if block.kind == "table":
        return True
    drop = last.y - line.y
    if last.page == line.page and drop > 0:
        near = max(leading, 1.1 * line.size) * 1.25
        return drop < near and not ITEM.match(line.text)
    return block.kind == "text" and block.lines[-1][-1:] not in ".!?:"


def _shown(block: Block, hyphenated: set[str]) -> str:
    if block.kind == "table" and len(block.lines) > 1:
        return _table(block.lines)
    text = block.lines[0]
    for line in block.lines[1:]:
        text = _joined(text, line, hyphenated)
    marks = f"{block.kind} " if block.kind.startswith("#") else ""
    return marks + BULLET.sub("- ", text)


def _table(lines: list[str]) -> str:
    """Rows as a Markdown table; the heading row that a page or column repeats comes once."""
    head, *body = lines
    rule = "|" + " --- |" * (head.count(CELL) + 1)
    return "\n".join([f"| {head} |", rule, *(f"| {row} |" for row in body if row != head)])


def _joined(before: str, after: str, hyphenated: set[str]) -> str:
    """Two lines as one; a hyphen goes unless the word has it elsewhere in the document."""
    if not (re.search(r"[^\W\d_]-$", before) and re.match(r"[a-zà-ÿ]", after)):
        return f"{before} {after}"
    whole = before.rsplit(" ", 1)[-1] + re.match(r"\w+", after).group()
    return before + after if whole in hyphenated else before[:-1] + after
