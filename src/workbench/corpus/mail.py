"""Mails: what the writer says, without quoted replies, signatures and legal disclaimers.

A forwarded message is content and stays; attachments are named and not read. What is taken out is
still in ``raw``. Replies between quotes are kept, which rules out cutting at the first quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from workbench.corpus import html
from workbench.corpus.mail_text import FORWARD, PREFIX, REPLY, from_line, names, own_words
from workbench.corpus.text import CAPITALS, Clean, Unreadable, decode, tidy

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

#: Encodings whose bytes may look like UTF-8 and are not.
NOT_ASCII_BASED = re.compile(r"utf-?(7|16|32)|iso-2022|hz", re.IGNORECASE)
#: What mail programs say when they mean Windows-1252.
NARROW = {"us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "default", "ansi"}

#: What mail programs put round quotes and signatures.
QUOTED_ELEMENTS = (
    "blockquote[type=cite], blockquote.gmail_quote, .moz-cite-prefix, .yahoo_quoted, "
    "#appendonsend ~ *, #divRplyFwdMsg, #divRplyFwdMsg ~ *"
)
SIGNATURE_ELEMENTS = (
    ".gmail_signature, .moz-signature, #Signature, #signature, .signature, .disclaimer, "
    "[class*=disclaimer], [id*=disclaimer]"
)
BROKEN = (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def read(data: bytes) -> Clean:
    """A mail: its subject as heading and title, its own words, forwarded messages below.

    Raises Unreadable for what is no mail, holds no text, is locked, or is broken inside.
    """
    try:
        mail = message_from_bytes(data, policy=policy.default)
        return _mail(mail)
    except BROKEN as problem:
        raise Unreadable(f"a broken mail ({type(problem).__name__}: {problem})") from problem


def _mail(mail: EmailMessage) -> Clean:
    head = _Head(mail)
    if not {"from", "date", "subject", "message-id", "received"} & set(head.fields):
        raise Unreadable("not a mail, though its name says so (no From, Date or Subject)")
    if mail.get_content_type() in ("multipart/encrypted", "application/pkcs7-mime"):
        raise Unreadable("an encrypted mail")
    pieces, attached = list(_pieces(mail, head.is_forward)), list(_attached(mail))
    raw = "\n\n".join([head.lines, *(whole for _, whole in pieces)])
    body = "\n\n".join(
        filter(
            None,
            (own_words(text, head.senders, head.is_reply, head.is_forward) for text, _ in pieces),
        )
    )
    if not body.strip():
        names = f" (attached: {', '.join(attached)})" if attached else ""
        raise Unreadable(f"a mail without text{names}")
    parts = [f"# {head.title}" if head.title else "", head.line, body]
    if attached:
        parts.append(f"Attached, not read: {', '.join(attached)}.")
    return Clean(tidy("\n\n".join(filter(None, parts))), raw, head.title, head.metadata)


class _Head:
    """The head of a mail as readable text, however its lines are encoded."""

    def __init__(self, mail: EmailMessage) -> None:
        self.fields: dict[str, str] = {}
        for name, value in mail.raw_items():
            self.fields.setdefault(name.lower(), _unfolded(str(value)))
        self.subject = self.fields.get("subject", "")
        self.title = PREFIX.sub("", self.subject).strip()
        self.is_forward = bool(FORWARD.match(self.subject))
        threaded = "in-reply-to" in self.fields or "references" in self.fields
        self.is_reply = bool(REPLY.match(self.subject)) or (threaded and not self.is_forward)

    @property
    def date(self) -> datetime | None:
        return _date(self.fields.get("date", ""))

    @property
    def senders(self) -> list[str]:
        return names(self.fields.get("from", ""))

    @property
    def line(self) -> str:
        """From whom, to whom and when, as one line; without addresses where there are names."""
        return from_line(*(self.fields.get(n, "") for n in ("from", "to")), self.date)

    @property
    def lines(self) -> str:
        shown = [(n, self.fields[n]) for n in ("from", "to", "cc", "date") if n in self.fields]
        shown += [("subject", self.subject)] if self.subject else []
        return "\n".join(f"{name.capitalize()}: {value}" for name, value in shown)

    @property
    def metadata(self) -> dict[str, str]:
        found = {"from": ", ".join(self.senders)}
        found["date"] = self.date.date().isoformat() if self.date else ""
        return {name: value for name, value in found.items() if value}


def _unfolded(value: str) -> str:
    """A header's value: folded lines joined, encoded words and stray bytes decoded."""
    value = re.sub(r"\s*[\r\n]+\s*", " ", value).strip()
    if any("\udc80" <= letter <= "\udcff" for letter in value):
        value = decode(value.encode("utf-8", "surrogateescape"))
    try:
        return str(make_header(decode_header(value)))
    except (*BROKEN, AssertionError):
        return value


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, AttributeError):
        return None


def _pieces(part: EmailMessage, quotes: bool) -> Iterator[tuple[str, str]]:
    """The texts of a mail in their order: for cleaning, and as a careless reader takes them.

    ``quotes``: what the mail program has marked as a quote is kept.
    """
    kind = part.get_content_type()
    if kind == "message/rfc822":
        for inner in part.get_payload() if part.is_multipart() else ():
            yield from _inner(inner)
    elif kind == "multipart/alternative":
        yield from _alternative(part, quotes)
    elif part.is_multipart():
        for child in part.get_payload():
            yield from _pieces(child, quotes)
    elif not _is_attachment(part):
        text = _decoded(part)
        if kind == "text/html":
            yield _from_html(text, quotes)
        elif text.strip():
            yield CAPITALS.sub(r"## \1", _unflowed(text, part)), text


def _inner(mail: EmailMessage) -> Iterator[tuple[str, str]]:
    """A mail that is attached to another: passed on, so content."""
    head = _Head(mail)
    above = f"---------- Forwarded message ----------\n{head.lines}\n\n"
    pieces = list(_pieces(mail, quotes=True))
    text = "\n\n".join(text for text, _ in pieces)
    yield above + text, "\n\n".join([head.lines, *(whole for _, whole in pieces)])


def _alternative(part: EmailMessage, quotes: bool) -> Iterator[tuple[str, str]]:
    """The plain text if it says about what the others say, else the longest."""
    children = [child for child in part.get_payload() if not isinstance(child, str)]
    choices = [choice for child in children if (choice := list(_pieces(child, quotes)))]
    if not choices:
        return
    lengths = [sum(len(text.split()) for text, _ in choice) for choice in choices]
    longest = max(lengths)
    yield from next(c for c, n in zip(choices, lengths, strict=True) if 3 * n >= longest)


def _is_attachment(part: EmailMessage) -> bool:
    is_text = part.get_content_type() in ("text/plain", "text/html")
    named = part.get_filename() is not None
    return not is_text or part.get_content_disposition() == "attachment" or named


def _attached(mail: EmailMessage) -> Iterator[str]:
    for part in mail.walk():
        if part.is_multipart() or not _is_attachment(part):
            continue
        name = _unfolded(part.get_filename() or "")
        if name or part.get_content_disposition() == "attachment":
            yield name or f"a file without a name ({part.get_content_type()})"


def _decoded(part: EmailMessage) -> str:
    """A part's text, also where its encoding is unknown, undeclared or wrongly declared."""
    data = part.get_payload(decode=True) or b""
    charset = (part.get_content_charset() or "").strip("\"' \0")
    if NOT_ASCII_BASED.match(charset):
        try:
            return decode(data.decode(charset).encode())
        except (UnicodeDecodeError, LookupError):
            pass
    return decode(data, None if charset in NARROW or not charset.isprintable() else charset)


def _unflowed(text: str, part: EmailMessage) -> str:
    """Text whose lines end in a space because the paragraph goes on (RFC 3676), put together."""
    if part.get_param("format", "") != "flowed":
        return text
    gap = "" if str(part.get_param("delsp", "")).lower() == "yes" else " "
    lines: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        marks = re.match(r">*", line).group()
        words = line[len(marks) :].removeprefix(" ") if not marks else line[len(marks) :].lstrip()
        goes_on = line.endswith(" ") and words != "-- "
        words = words.rstrip(" ") + gap if goes_on else words
        if open_depth == len(marks):
            lines[-1] += words
        else:
            lines.append(f"{marks} {words}" if marks else words)
        open_depth = len(marks) if goes_on else -1
    return "\n".join(lines)


def _from_html(page: str, quotes: bool) -> tuple[str, str]:
    """A body in HTML as text, and all that stands in it."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "lxml")
    raw = soup.get_text("\n")
    for element in soup.select(SIGNATURE_ELEMENTS):
        element.decompose()
    marked = [] if quotes else soup.select(QUOTED_ELEMENTS)
    for element in marked:
        element.extract()
    if not soup.get_text(strip=True):  # nothing but quotes: then they are the text
        return _from_html(page, quotes=True)
    _unframe(soup)
    for title in soup.find_all("title"):
        title.decompose()
    return html.read(str(soup).encode()).text, raw


def _unframe(soup: BeautifulSoup) -> None:
    """Tables that only place things on the page are no tables."""
    for table in soup.find_all("table"):
        placing = table.get("role") == "presentation" or table.find("table")
        if placing or all(len(row.find_all(["td", "th"])) < 2 for row in table.find_all("tr")):
            for part in table.find_all(["tbody", "thead", "tr", "td", "th"], recursive=True):
                if part.find_parent("table") is table:
                    part.name = "div"
            table.name = "div"
