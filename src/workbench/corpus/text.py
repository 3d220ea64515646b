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

#: Characters that fonts keep in the private-use area, and what they stand for.
PRIVATE = {0xF001: "fi", 0xF002: "fl", 0xF0B7: "•", 0xF0A7: "•", 0xF0A8: "•", 0xF0D8: "•"}
PRIVATE |= {0xF0FC: "✓", 0xF0E0: "→", 0xF6D9: "©", 0xF6DA: "®", 0xF6DB: "™"}
PRIVATE |= {0xF000 + code: chr(code) for code in range(0x20, 0x7F)}  # symbol-encoded text
PRIVATE |= {0xF700 + code: chr(code) for code in range(0x30, 0x3A)}  # old-style digits
PRIVATE |= {0xF700 + code: chr(code) for code in range(0x61, 0x7B)}  # small capitals
#: A private character that stands alone before a line is a bullet, whatever its font draws.
PRIVATE_BULLET = re.compile("^[ \t]*[\ue000-\uf8ff](?=\\s)", re.MULTILINE)

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


def readable(text: str) -> str:
    """Text as a person reads it: private-use characters, ligatures and odd hyphens in plain form.

    Private characters that nobody knows are left as they are, so that nothing is lost unseen.
    """
    text = PRIVATE_BULLET.sub("•", text).translate(PRIVATE)
    text = re.sub("[\ufb00-\ufb06]", lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = re.sub("(?<=[A-Z\\d])\u00ad(?=[A-Z\\d])", "-", text)  # no word breaks there
    return text.replace("\u2011", "-").replace("\u2010", "-")


def tidy(text: str) -> str:
    """Odd spaces, soft hyphens and ligatures go; blank lines come one at a time."""
    text = readable(text).replace("\u00a0", " ").replace("\u00ad", "")
    text = re.sub("[\u200b\u2060\ufeff]", "", text)
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
