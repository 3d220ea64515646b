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
from workbench.corpus.text import CAPITALS, Clean, Unreadable, decode, tidy

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

#: Encodings whose bytes may look like UTF-8 and are not.
NOT_ASCII_BASED = re.compile(r"utf-?(7|16|32)|iso-2022|hz", re.IGNORECASE)
#: What mail programs say when they mean Windows-1252.
NARROW = {"us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "default", "ansi"}
REPLY = re.compile(r"^(re|aw|sv|vs|antw|odp)(\[\d+\])?:", re.IGNORECASE)
FORWARD = re.compile(r"^(fwd?|wg|vb|tr|enc|i)(\[\d+\])?:", re.IGNORECASE)
PREFIX = re.compile(rf"^(({REPLY.pattern[1:]}|{FORWARD.pattern[1:]})\s*)+", re.IGNORECASE)

#: The line above a message that is passed on, and the one above a message that is answered.
PASSED_ON = re.compile(
    r"^\W*(forwarded message|begin forwarded message|weitergeleitete nachricht)\b[^.]{0,60}$", re.I
)
ORIGINAL = re.compile(r"^-{2,} ?(original message|ursprüngliche nachricht)\s*-{2,}$", re.I)
FIELD = re.compile(
    r"^\W{0,2}(?P<name>from|sent|date|to|cc|subject|von|gesendet|datum|an|betreff)\W{0,2}: ?"
    r"(?P<value>.*)$",
    re.IGNORECASE,
)
SAME_AS = {"von": "from", "sent": "date", "gesendet": "date", "datum": "date", "betreff": "subject"}
#: "On 3 June 2026, Ann Wick wrote:" and its like, over up to three lines.
WROTE = re.compile(
    r"^(on|am|den|le|at|i|\d{1,2}[. /])\b.{5,200}\b(wrote|writes|schrieb|skrev|a écrit)\b.{0,80}:$"
    r"|^[^.!?]{3,80} (wrote|writes|schrieb|skrev|a écrit)( am .{6,40}| on .{6,40})?:$",
    re.IGNORECASE,
)
CLOSING = re.compile(
    r"^((with )?(kind|best|warm|many)( and \w+)? (regards|wishes|greetings|thanks)( from .{2,40})?|"
    r"regards|best|yours( \w+| very truly)?|sincerely( yours)?|cheers|"
    r"mit (freundlichen|besten) grüßen|viele grüße|med vänlig hälsning|cordialement)[,.]?$",
    re.IGNORECASE,
)
FROM_A_TELEPHONE = re.compile(
    r"^(sent from my [\w ]{2,30}|get outlook for \w+|von meinem \w+ gesendet)\.?$", re.I
)
POSTSCRIPT = re.compile(r"p\.? ?s\b|#", re.IGNORECASE)  # or a heading
CONTACT = re.compile(
    r"@|www\.|https?:|\b(tel|phone|fax|mobile|direct|telefon)\b|\d{3}[ -]\d{3}", re.I
)
#: A paragraph is a disclaimer if it begins and goes on like one.
DISCLAIMER_BEGINS = re.compile(
    r"^\W*(this|the (information|contents?|views)|if you|diese|please (consider|think)|"
    r"(legal |confidentiality )?(notice|disclaimer)|confidential|e-?mails?)\b",
    re.I,
)
DISCLAIMER_SAYS = re.compile(
    r"intended (recipient|only|solely|for the (use|person))|legally privileged|confidential and|"
    r"received (this|it) (e-?mail |message |mail )?(in error|by mistake)|vertraulich|"
    r"before (you )?print|no liability|not necessarily (those|represent)|free (of|from) viruses",
    re.I,
)
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
    body = "\n\n".join(filter(None, (_own_words(text, head) for text, _ in pieces)))
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
    def line(self) -> str:
        """From whom, to whom and when, as one line; without addresses where there are names."""
        return _from_line(*(self.fields.get(n, "") for n in ("from", "to")), self.date)

    @property
    def lines(self) -> str:
        shown = [(n, self.fields[n]) for n in ("from", "to", "cc", "date") if n in self.fields]
        shown += [("subject", self.subject)] if self.subject else []
        return "\n".join(f"{name.capitalize()}: {value}" for name, value in shown)

    @property
    def metadata(self) -> dict[str, str]:
        found = {"from": ", ".join(_names(self.fields.get("from", "")))}
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


def _names(value: str) -> list[str]:
    """Who stands in an address field: names, and addresses only where there is no name.

    Names are split by hand, since many hold a comma without the quotation marks that it needs.
    """
    found = []
    for one in re.split(r"(?<=>)\s*[,;]\s*", value):
        name, _, address = re.sub(r"\[mailto:[^]]*]", "", one).partition("<")
        pieces = re.split(r"\s*[,;]\s*", name) if "@" in name else [name]
        pieces = [piece.strip(" \t\"'") for piece in pieces]
        found += [piece for piece in pieces if piece] or [address.strip(" >")]
    return [name for name in found if name]


def _from_line(sender: str, to: str, date: datetime | None) -> str:
    names, others = _names(sender), _names(to)
    parts = [f"From {', '.join(names)}" if names else ""]
    if others:
        more = " and others" if len(others) > 3 else ""
        parts.append(f"{'to' if names else 'To'} {', '.join(others[:3])}{more}")
    if date:
        parts.append(f"{date.day} {date:%B %Y}, {date:%H:%M}")
    line = ", ".join(filter(None, parts))
    return f"{line}." if line else ""


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


def _own_words(text: str, head: _Head) -> str:
    """A text without what is quoted from earlier mails; what is passed on stays."""
    lines = [line.rstrip() for line in tidy(text).split("\n")]
    cut, passed_on = _passed_on(lines)
    above, below = lines[:cut], lines[cut:]
    own = _unsigned(_unquoted(above, head.is_reply), _names(head.fields.get("from", "")))
    if passed_on or head.is_forward or not (own or head.is_reply):
        return "\n\n".join(filter(None, [own, _forwarded(below)]))
    return own or _forwarded(lines)


def _passed_on(lines: list[str]) -> tuple[int, bool]:
    """Where another message begins, and whether it is said to be forwarded."""
    for number, line in enumerate(lines):
        if PASSED_ON.match(line):
            return number, True
        if ORIGINAL.match(line) or len(_fields(lines, number)) >= 3:
            return number, False
    return len(lines), False


def _fields(lines: list[str], start: int) -> dict[str, tuple[int, str]]:
    """The head of a message inside a text: name of the field -> line number and value."""
    found: dict[str, tuple[int, str]] = {}
    for number in range(start, len(lines)):
        match = FIELD.match(lines[number])
        if match:
            name = match["name"].lower()
            found[SAME_AS.get(name, name)] = (number, match["value"].strip("* "))
        elif lines[number].strip() or found:
            break
    return found if "from" in found else {}


def _unquoted(lines: list[str], is_reply: bool) -> list[str]:
    """Lines without those that an answer repeats, and without the line that announces them."""
    kept: list[str] = []
    number = 0
    while number < len(lines):
        length = _wrote(lines, number)
        after = next((n for n in range(number + length, len(lines)) if lines[n].strip()), None)
        if length and (after is None or lines[after].lstrip().startswith(">")):
            is_reply, number = True, number + length
        elif length and is_reply and any(line.strip() for line in kept):
            break  # quoted below without marks
        elif is_reply and lines[number].lstrip().startswith(">"):
            number += 1
        else:
            kept.append(lines[number])
            number += 1
    return kept


def _wrote(lines: list[str], number: int) -> int:
    """Over how many lines "On ... X wrote:" goes that begins here; 0 if none does."""
    if not lines[number].strip() or lines[number].lstrip().startswith(">"):
        return 0
    for length in (1, 2, 3):
        block = lines[number : number + length]
        if not all(line.strip() for line in block):
            return 0
        if WROTE.match(" ".join(line.strip() for line in block)):
            return length
    return 0


def _forwarded(lines: list[str]) -> str:
    """Messages that are passed on: each with a heading and a line that says from whom."""
    lines = [re.sub(r"^\s*(> ?)+", "", line) for line in lines]
    messages: list[tuple[list[str], list[str]]] = [([], [])]  # lines, and who has sent them
    number, announced = 0, False
    while number < len(lines):
        line = lines[number]
        fields = _fields(lines, number) if line.strip() else {}
        if PASSED_ON.match(line) or ORIGINAL.match(line):
            number, announced = number + 1, True
        elif len(fields) >= 3 or (announced and fields):
            announced = False
            subject, sender = (fields.get(name, (0, ""))[1] for name in ("subject", "from"))
            to, date = (fields.get(name, (0, ""))[1] for name in ("to", "date"))
            title = PREFIX.sub("", subject) or f"from {', '.join(_names(sender))}"
            when = f"{date}." if date else ""
            said = _from_line(sender, to, None)
            lead = [f"## Forwarded: {title}", "", f"{said} {when}".strip(), ""]
            messages.append((lead, _names(sender)))
            number = 1 + max(place for place, _ in fields.values())
        else:
            messages[-1][0].append(line)
            number, announced = number + 1, announced and not line.strip()
    return "\n\n".join(filter(None, (_unsigned(said, by) for said, by in messages)))


def _unsigned(lines: list[str], sender: list[str]) -> str:
    """Text without signatures and disclaimers."""
    text = tidy("\n".join(_without_signature(lines, sender)))
    paragraphs = [p for p in re.split(r"\n{2,}", text.strip()) if not _is_disclaimer(p)]
    return "\n\n".join(paragraphs).strip()


def _without_signature(lines: list[str], sender: list[str]) -> list[str]:
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        if FROM_A_TELEPHONE.match(line):
            number += 1
        elif line in ("--", "-- ", "—"):
            number = next(
                (n for n in range(number + 1, len(lines)) if _wrote(lines, n)), len(lines)
            )
        elif CLOSING.match(line):
            number = _after_closing(lines, number + 1)
        elif line in sender:
            number = _after_closing(lines, number)
        else:
            kept.append(lines[number])
            number += 1
    return kept


def _after_closing(lines: list[str], number: int) -> int:
    """Where the text goes on after "Kind regards": past the name and what looks like an address."""
    first = True
    while number < len(lines):
        while number < len(lines) and not lines[number].strip():
            number += 1
        end = number
        while end < len(lines) and lines[end].strip():
            end += 1
        block = [line.strip() for line in lines[number:end]]
        short = all(len(line) <= 64 for line in block)
        address = any(CONTACT.search(line) for line in block)
        if not block or not short or not (first or address) or POSTSCRIPT.match(block[0]):
            return number
        number, first = end, False
    return number


def _is_disclaimer(paragraph: str) -> bool:
    words = " ".join(paragraph.split()).strip("*_ ")
    rule = not re.search(r"\w", words)
    return rule or bool(DISCLAIMER_BEGINS.match(words) and DISCLAIMER_SAYS.search(words))
