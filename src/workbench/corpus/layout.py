"""Lines of a page, with their places, made into Markdown: headings, tables, paragraphs."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest

PAGE_NUMBER = re.compile(r"^(page|p\.|-)?\s*\d+\s*((of|/)\s*\d+|-)?$", re.IGNORECASE)
CELL = " | "
BULLET = re.compile("^[•‣▪\uf0b7\x7f] ?")
#: Where something on a line begins, and about where it ends.
Place = tuple[float, float]
ITEM = re.compile(BULLET.pattern + r"|^[–-] |^\d+[.)] ")


@dataclass
class Line:
    """One line of a page: its text, place (points from the lower left), size and weight.

    ``cells`` and ``pieces`` have where each of them begins and about where it ends.
    """

    text: str
    x: float
    y: float
    size: float
    bold: bool
    page: int
    cells: list[Place] = field(default_factory=list)
    pieces: list[tuple[str, Place]] = field(default_factory=list)
    low: float = math.inf  # the height of its lowest line, where a cell has several


@dataclass
class Block:
    """A table, a paragraph or list item, or a heading (``kind`` is then its ``#`` marks)."""

    kind: str
    lines: list[Line] = field(default_factory=list)


def rows(pieces: list[Line]) -> list[Line]:
    """The lines of one page: pieces that follow each other on one height become one line.

    A row of a table whose cells have several lines is one line too, if the row above it shows
    where its columns begin.
    """
    lines: list[Line] = []
    start = end = above = 0.0  # of the last piece
    for piece in _without_number(pieces):
        text = re.sub(r"\s+", " ", piece.text).strip()
        last = lines[-1] if lines else None
        place = (piece.x, piece.x + _width(text, piece.size))
        if last and abs(last.y - piece.y) < 2 and piece.x > start:
            _append(last, piece, text, piece.x - end)
        elif last and _continues_cell(lines, piece, start, above):
            last.text, last.low = _joined(last.text, text, set()), min(last.low, piece.y)
        elif last and (first := _row_of(lines, piece, start)) is not None:
            row, lowest = lines[first], lines[-1]
            row.low = min(row.low, lowest.low, lowest.y)
            for line in lines[first + 1 :]:  # the rest of its first cell
                row.text = _joined(row.text, line.text, set())
            del lines[first + 1 :]
            row.text += CELL + text
            row.cells.append(place)
            row.pieces.append((text, place))
        else:
            lines.append(replace(piece, text=text, cells=[place], pieces=[(text, place)]))
        (start, end), above = place, piece.y
    return lines


def _row_of(lines: list[Line], piece: Line, start: float) -> int | None:
    """The first line of the row of a table in which a piece, no lower, is the next cell."""
    first = len(lines) - 1
    while first > 0 and 0 < lines[first - 1].y - lines[first].y < 1.35 * piece.size:
        first -= 1
    low = min(lines[-1].low, lines[-1].y)
    if first == 0 or piece.y < low - 2 or piece.x <= start:
        return None
    over, further = lines[first - 1], lines[first + 1 :]
    at_column = any(abs(piece.x - left) < 4 for left, _ in over.cells[1:])
    whole = all(CELL not in line.text and abs(line.x - over.x) < 4 for line in further)
    return first if over.y > piece.y and at_column and whole else None


def _continues_cell(lines: list[Line], piece: Line, start: float, above: float) -> bool:
    """Whether a piece is the next line of the last cell of a row, which has several."""
    if len(lines) < 2 or CELL not in lines[-1].text or CELL not in lines[-2].text:
        return False
    near = abs(piece.x - start) < 4 and 0 < above - piece.y < 1.35 * piece.size
    return near and start > lines[-1].x + 4 and lines[-2].y - lines[-1].y > 1.35 * piece.size


def _append(line: Line, piece: Line, text: str, gap: float) -> None:
    """Put a piece at the end of a line, as a new cell where the gap is wide."""
    end = piece.x + _width(text, piece.size)
    line.pieces.append((text, (piece.x, end)))
    if gap > line.size:
        line.text += CELL + text
        line.cells.append((piece.x, end))
        return
    close = text[0] in ",.;:!?)”’" or line.text[-1] in "(“‘"
    spaced = piece.text[0].isspace() or not close
    line.text += f"{' ' if spaced else ''}{text}"
    line.cells[-1] = (line.cells[-1][0], end)


def _width(text: str, size: float) -> float:
    """About how wide a piece is; generous for long ones, whose error would grow."""
    return len(text) * size * (0.5 if len(text) < 30 else 0.58)


def _without_number(pieces: list[Line]) -> list[Line]:
    """Pieces of a page without its number, which stands at the upper or lower edge.

    A bare number beside other text may be the cell of a table and stays.
    """
    heights = [piece.y for piece in pieces] or [0.0]
    low, high = min(heights) + 20, max(heights) - 20

    def is_number(piece: Line) -> bool:
        if low < piece.y < high or not PAGE_NUMBER.match(piece.text.strip()):
            return False
        return not piece.text.strip().isdigit() or sum(abs(piece.y - y) < 2 for y in heights) == 1

    return [piece for piece in pieces if not is_number(piece)]


def without_furniture(lines: list[Line]) -> list[Line]:
    """Lines without those that half of the pages repeat, at the same height or the same edge.

    A row that stands close above other rows is the heading of a table, and stays.
    """
    edges = {line.page: [line.y, line.y] for line in lines}
    for line in lines:
        low, high = edges[line.page]
        edges[line.page] = [min(low, line.y), max(high, line.y)]

    def keys(line: Line) -> list[tuple[str, object]]:
        text, (low, high) = re.sub(r"\d+", "#", line.text), edges[line.page]
        edge = [(text, name) for name, y in (("low", low), ("high", high)) if abs(line.y - y) < 12]
        return [(text, round(line.y / 3)), *edge]

    often = Counter(key for line in lines for key in set(keys(line)))
    least = max(2, len({line.page for line in lines}) / 2)

    def repeated(line: Line) -> bool:
        return any(often[key] >= least for key in keys(line))

    def is_head(line: Line, after: Line | None) -> bool:
        if after is None or CELL not in line.text or CELL not in after.text:
            return False
        near = line.page == after.page and 0 < line.y - after.y < 3 * line.size
        return near and not repeated(after)

    following = zip_longest(lines, lines[1:])
    return [line for line, after in following if not repeated(line) or is_head(line, after)]


def markdown(lines: list[Line]) -> str:
    """Lines as Markdown: headings by their size, table rows, paragraphs in one piece."""
    body = _commonest([line.size for line in lines])
    text = [line for line in lines if CELL not in line.text] or lines
    drops = [a.y - b.y for a, b in pairwise(text) if a.page == b.page and a.x == b.x]
    leading = _commonest([drop for drop in drops if 0 < drop < 3 * body])
    sizes = sorted({round(x.size, 1) for x in lines if _is_heading(x, body)}, reverse=True)
    blocks: list[Block] = []
    last: Line | None = None
    for line in lines:
        kind = _kind(line, body, sizes)
        block = blocks[-1] if blocks else None
        goes_on = block and last and block.kind == kind and _goes_on(last, line, block, leading)
        if goes_on or (block and last and _is_wrapped_cell(last, line, block)):
            block.lines.append(line)
        else:
            blocks.append(Block(kind, [line]))
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
        head = block.lines[0]
        other = line.bold and not last.bold and line.text != head.text
        return not other or not head.bold
    if not 1 / 1.5 < line.size / (last.size or 1) < 1.5:
        return False
    drop = last.y - line.y
    if last.page == line.page and drop > 0:
        near = max(leading, 1.1 * line.size) * 1.25
        return drop < near and not ITEM.match(line.text)
    return block.kind == "text" and block.lines[-1].text[-1:] not in ".!?:"


def _is_wrapped_cell(last: Line, line: Line, block: Block) -> bool:
    """Whether a line goes on in a cell of the row above it: rows stand further apart than that."""
    if block.kind != "table" or len(block.lines) < 2 or last.page != line.page:
        return False
    pitch = block.lines[0].y - block.lines[1].y
    drop = last.y - line.y
    inside = line.x > block.lines[0].x - 2 and line.size < 1.1 * last.size
    return inside and 0 < drop < min(1.35 * last.size, 0.9 * pitch)


def _shown(block: Block, hyphenated: set[str]) -> str:
    if block.kind == "table" and len(block.lines) > 1:
        return _table(block.lines, hyphenated)
    text = block.lines[0].text
    for line in block.lines[1:]:
        text = _joined(text, line.text, hyphenated)
    marks = f"{block.kind} " if block.kind.startswith("#") else ""
    return marks + BULLET.sub("- ", text)


def _table(lines: list[Line], hyphenated: set[str]) -> str:
    """Rows as a Markdown table; the heading row that a page or column repeats comes once."""
    width = Counter(len(line.cells) for line in lines).most_common(1)[0][0]
    full = [line.cells for line in lines if len(line.cells) == width]
    places = [
        (sum(start for start, _ in column) / len(full), sum(end for _, end in column) / len(full))
        for column in zip(*full, strict=True)
    ]
    head, *body = [_in_columns(line, places) for line in lines]
    rows = [head]
    for (before, line), row in zip(pairwise(lines), body, strict=True):
        if len(rows) > 1 and _is_wrapped_cell(before, line, Block("table", lines)):
            rows[-1] = [
                _joined(a, b, hyphenated) if a and b else a or b
                for a, b in zip_longest(rows[-1], row, fillvalue="")
            ]
        elif row != head:
            rows.append(row)
    shown = [re.sub(" {2,}", " ", f"| {CELL.join(row)} |") for row in rows]
    return "\n".join([shown[0], "|" + " --- |" * len(head), *shown[1:]])


def _in_columns(line: Line, places: list[Place]) -> list[str]:
    """The cells of a line; where some are empty, each goes to the column that is nearest."""
    texts, cells = line.text.split(CELL), line.cells
    if len(texts) < len(places) == len(line.pieces):  # headings that stand close together
        return [text for text, _ in line.pieces]
    if len(texts) >= len(places) or len(texts) != len(cells):
        return texts
    row, free = [""] * len(places), 0
    for i, (text, cell) in enumerate(zip(texts, cells, strict=True)):
        last = len(places) - (len(texts) - i)
        column = min(range(free, last + 1), key=lambda n: _apart(places[n], cell))
        row[column], free = text, column + 1
    return row


def _apart(a: Place, b: Place) -> float:
    """How far two places are apart, by their left ends, their right ends or their middles."""
    return min(abs(a[0] - b[0]), abs(a[1] - b[1]), abs(a[0] + a[1] - b[0] - b[1]) / 2)


def _joined(before: str, after: str, hyphenated: set[str]) -> str:
    """Two lines as one; a hyphen goes unless the word has it elsewhere in the document."""
    if not (re.search(r"[^\W\d_]-$", before) and re.match(r"[a-zà-ÿ]", after)):
        return f"{before} {after}"
    whole = before.rsplit(" ", 1)[-1] + re.match(r"\w+", after).group()
    return before + after if whole in hyphenated else before[:-1] + after
