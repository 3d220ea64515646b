"""PDF files: lines put back together from where the text stands on the page."""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from workbench.corpus.text import Clean, Unreadable, tidy

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

PAGE_NUMBER = re.compile(r"^(page|p\.|-)?\s*\d+\s*((of|/)\s*\d+|-)?$", re.IGNORECASE)
PAIR = re.compile(r"(\w+)=([^;]+)")
CELL = " | "
BULLET = r"[•‣▪\uf0b7\x7f]"
#: What pypdf raises from files whose insides are broken.
BROKEN = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    zlib.error,
    struct.error,
)


@dataclass
class Line:
    """One line of a page: its text, place (points from the lower left), size and weight."""

    text: str
    x: float
    y: float
    size: float
    bold: bool
    page: int


def read(data: bytes) -> Clean:
    """A PDF as Markdown: running heads and page numbers go, hyphens at line ends are healed.

    Raises Unreadable for what is no PDF, is cut short, is locked, or is broken inside.
    """
    from pypdf.errors import PyPdfError

    _check(data)
    try:
        reader = _open(data)
        lines = [line for number, page in enumerate(reader.pages) for line in _lines(page, number)]
        raw = "\n".join(page.extract_text() for page in reader.pages)
        title = str((reader.metadata or {}).get("/Title") or "").strip()
        metadata = dict(PAIR.findall(str((reader.metadata or {}).get("/Keywords") or "")))
    except (PyPdfError, *BROKEN) as problem:
        raise Unreadable(f"a broken PDF ({type(problem).__name__}: {problem})") from problem
    lines = _without_furniture(lines)
    title = "" if title.lower() in ("untitled", "anonymous", "(unspecified)") else title
    return Clean(tidy(_blocks(lines)), raw, title or _first(lines), metadata)


def _check(data: bytes) -> None:
    if b"%PDF-" not in data[:1024]:
        kind = "a zip archive" if data.startswith(b"PK") else "something else"
        raise Unreadable(f"not a PDF, though its name says so (it is {kind})")
    if b"%%EOF" not in data[-2048:]:
        raise Unreadable("a PDF that is cut short (its end is missing)")


def _open(data: bytes) -> PdfReader:
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise Unreadable("locked with a password")
    return reader


def _lines(page: PageObject, number: int) -> list[Line]:
    """The lines of a page in the order in which they were written; cells of a row in one line."""
    lines: list[Line] = []

    def visit(text: str, cm: list, tm: list, font: dict | None, size: float) -> None:
        if not text.strip():
            return
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        size = abs(size * (tm[3] or 1) * (cm[3] or 1))
        bold = "bold" in str((font or {}).get("/BaseFont", "")).lower()
        lines.append(Line(text.strip("\n"), x, y, size, bold, number))

    page.extract_text(visitor_text=visit)
    return _joined(_without_number(lines))


def _without_number(pieces: list[Line]) -> list[Line]:
    """Pieces of a page without its number, which stands at the upper or lower edge."""
    heights = [piece.y for piece in pieces] or [0.0]
    low, high = min(heights) + 20, max(heights) - 20

    def is_number(piece: Line) -> bool:
        return not low < piece.y < high and bool(PAGE_NUMBER.match(piece.text.strip()))

    return [piece for piece in pieces if not is_number(piece)]


def _joined(pieces: list[Line]) -> list[Line]:
    """Pieces that follow each other on one height become one line."""
    lines: list[Line] = []
    for piece in pieces:
        last = lines[-1] if lines else None
        if last and abs(last.y - piece.y) < 2 and piece.x > last.x:
            gap = piece.x - last.x - len(last.text.rsplit(CELL, 1)[-1]) * last.size * 0.5
            last.text = (
                last.text.rstrip() + (CELL if gap > last.size else " ") + piece.text.lstrip()
            )
            last.x = piece.x
        else:
            lines.append(piece)
    for line in lines:
        line.text = re.sub(r"\s+", " ", line.text).strip()
    return lines


def _without_furniture(lines: list[Line]) -> list[Line]:
    """Lines without those that stand at the same height on at least half of several pages."""

    def key(line: Line) -> tuple[str, int]:
        return re.sub(r"\d+", "#", line.text), round(line.y / 3)

    often = Counter(key(line) for line in lines)
    least = max(2, len({line.page for line in lines}) / 2)
    return [line for line in lines if often[key(line)] < least]


def _first(lines: list[Line]) -> str:
    return lines[0].text[:100] if lines else ""


def _blocks(lines: list[Line]) -> str:
    """Lines as Markdown: headings, table rows, and paragraphs whose lines are joined."""
    usual = Counter(round(line.size, 1) for line in lines).most_common(1)
    body = usual[0][0] if usual else 0
    words = set(re.findall(r"\w+-\w+", " ".join(line.text for line in lines)))
    out: list[tuple[str, str]] = []
    last: Line | None = None
    for line in lines:
        kind = _kind(line, body)
        if not _repeats(out, kind, line.text):
            glue = bool(out) and out[-1][0] == kind and _goes_on(last, line, kind, out[-1][1])
            if glue:
                out[-1] = (kind, _glue(out[-1][1], line.text, kind, words))
            else:
                out.append((kind, line.text))
        last = line
    return "\n\n".join(_shown(kind, text) for kind, text in out)


def _kind(line: Line, body: float) -> str:
    if CELL in line.text:
        return "table"
    if line.bold and line.size > body * 1.05 and len(line.text) < 120:
        return "title" if line.size > body * 1.4 else "heading"
    return "text"


def _repeats(out: list[tuple[str, str]], kind: str, text: str) -> bool:
    """Whether a table row is the table's own heading again, after a break of column or page."""
    return (
        kind == "table" and bool(out) and out[-1][0] == kind and out[-1][1].split("\n")[0] == text
    )


def _goes_on(last: Line | None, line: Line, kind: str, text: str) -> bool:
    """Whether a line belongs to the block before it, across a break only in mid-sentence."""
    if last is None:
        return False
    if kind == "table":
        return True
    drop = last.y - line.y
    if last.page == line.page and drop > 0:
        return drop < 1.5 * max(line.size, last.size) and not re.match(
            BULLET + r"|[–-] |\d+[.)] ", line.text
        )
    return kind == "text" and text[-1:] not in ".!?:"


def _glue(before: str, after: str, kind: str, words: set[str]) -> str:
    if kind == "table":
        return f"{before}\n{after}"
    if re.search(r"[a-zà-ÿ]-$", before) and re.match(r"[a-zà-ÿ]", after):
        whole = before.rsplit(" ", 1)[-1] + re.match(r"\w+", after).group()
        return before + after if whole in words else before[:-1] + after
    return f"{before} {after}"


def _shown(kind: str, text: str) -> str:
    if kind == "table" and "\n" in text:
        rows = [f"| {row} |" for row in text.split("\n")]
        rows.insert(1, "|" + " --- |" * (rows[0].count("|") - 1))
        return "\n".join(rows)
    marks = {"title": "# ", "heading": "## "}
    return marks.get(kind, "") + re.sub(f"^{BULLET} ?", "- ", text)
