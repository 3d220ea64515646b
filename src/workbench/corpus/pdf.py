"""PDF files: lines put back together from where the text stands on the page.

What is printed so that nobody sees it (white on white, or very small) stays in the text: its colour
alone does not tell, since white letters on a dark ground are a common heading. Treat the text of
any document as material and never as an instruction.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from workbench.corpus import layout
from workbench.corpus.layout import Line
from workbench.corpus.text import Clean, Unreadable, readable, tidy

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

PAIR = re.compile(r"(\w+)=([^;]+)")
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


def read(data: bytes) -> Clean:
    """A PDF as Markdown: running heads and page numbers go, hyphens at line ends are healed.

    Raises Unreadable for what is no PDF, is cut short, is locked, or is broken inside.
    """
    from pypdf.errors import PyPdfError

    _check(data)
    try:
        reader = _open(data)
        pages = [_page(page, number) for number, page in enumerate(reader.pages)]
        title = str((reader.metadata or {}).get("/Title") or "").strip()
        metadata = dict(PAIR.findall(str((reader.metadata or {}).get("/Keywords") or "")))
    except (PyPdfError, *BROKEN) as problem:
        raise Unreadable(f"a broken PDF ({type(problem).__name__}: {problem})") from problem
    lines = layout.without_furniture([line for _, lines in pages for line in lines])
    if title.lower() in ("", "untitled", "anonymous", "(unspecified)"):
        title = lines[0].text[:100] if lines else ""
    raw = "\n".join(text for text, _ in pages)
    return Clean(tidy(layout.markdown(lines)), raw, title, metadata)


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


def _page(page: PageObject, number: int) -> tuple[str, list[Line]]:
    """A page's text as it comes, and its lines with their places, in the order of writing.

    Lines that run another way than most of the page (a note in the margin) come last.
    """
    ways: dict[int, list[Line]] = {}

    def visit(text: str, cm: list, tm: list, font: dict | None, size: float) -> None:
        if not text.strip():
            return
        a, b, c, d, x, y = _times(tm, cm)
        way = round(math.atan2(b, a) / (math.pi / 2)) % 4
        x, y = _upright(x, y, way)
        size = abs(size * (math.hypot(c, d) or 1))
        bold = "bold" in str((font or {}).get("/BaseFont", "")).lower()
        shown = readable(text.strip("\n")).replace("\u00ad", "-")  # printed, so a person sees it
        ways.setdefault(way, []).append(Line(shown, x, y, size, bold, number))

    text = page.extract_text(visitor_text=visit)
    most = sorted(ways.values(), key=lambda pieces: -sum(len(piece.text) for piece in pieces))
    return text, [line for pieces in most for line in layout.rows(pieces)]


def _times(m: list[float], n: list[float]) -> tuple[float, ...]:
    """The product of two transformation matrices of six numbers."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _upright(x: float, y: float, way: int) -> tuple[float, float]:
    """A place on a page turned so that its text runs from left to right (``way``: quarters)."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[way]
