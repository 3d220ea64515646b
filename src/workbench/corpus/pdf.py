"""PDF files: lines put back together from where the text stands on the page."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from workbench.corpus import layout
from workbench.corpus.layout import Line
from workbench.corpus.text import Clean, Unreadable, tidy

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
    """A page's text as it comes, and its lines with their places, in the order of writing."""
    pieces: list[Line] = []

    def visit(text: str, cm: list, tm: list, font: dict | None, size: float) -> None:
        if not text.strip():
            return
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        size = abs(size * (tm[3] or 1) * (cm[3] or 1))
        bold = "bold" in str((font or {}).get("/BaseFont", "")).lower()
        pieces.append(Line(text.strip("\n"), x, y, size, bold, number))

    text = page.extract_text(visitor_text=visit)
    return text, layout.rows(pieces)
