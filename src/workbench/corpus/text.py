"""Plain text: bytes to characters, and tidy white space."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass, field

#: A byte order mark and the encoding that it announces.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: A short line in capitals with a blank line before and after it.
CAPITALS = re.compile(r"(?<=\n\n)([A-Z][A-Z \d,:&'/-]{2,60})(?=\n\n)")


class Unreadable(Exception):
    """A file that is left out; the text is the reason."""


@dataclass(frozen=True)
class Clean:
    """What a reader makes of one file."""

    text: str
    raw: str
    title: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def decode(data: bytes, declared: str | None = None) -> str:
    """Bytes as text: by byte order mark, else UTF-8, else the declared encoding, else Windows-1252.

    Line ends become ``\\n``. Raises Unreadable for data that is no text.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _lines(data.decode(encoding, errors="replace"))
    if b"\0" in data[:8192]:
        raise Unreadable("not text (it holds zero bytes)")
    for encoding in ("utf-8", declared):
        try:
            return _lines(data.decode(encoding or "utf-8"))
        except (UnicodeDecodeError, LookupError):
            continue
    return _lines(data.decode("cp1252", errors="replace"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tidy(text: str) -> str:
    """Odd spaces, soft hyphens and ligatures go; blank lines come one at a time."""
    text = text.replace("\u00a0", " ").replace("\u00ad", "").replace("\u200b", "")
    text = re.sub("[\ufb00-\ufb06]", lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" if text.strip() else ""


def plain(value: object) -> str | None:
    """A metadata value as text (dates in ISO form), or None for lists and nested values."""
    if value is None or isinstance(value, (list, dict, set)):
        return None
    return str(value)


def read(data: bytes) -> Clean:
    """A text file; a short first line is its title, lines in capitals are its headings."""
    raw = decode(data)
    text = tidy(raw)
    first = text.split("\n", 1)[0].strip()
    return Clean(CAPITALS.sub(r"## \1", text), raw, first if len(first) <= 100 else "")
