"""The text of a mail: what its writer says, apart from quotes, signatures and disclaimers.

Replies between quotes are kept, which rules out cutting at the first quote; a forwarded message is
content, and gets a heading of its own.
"""

from __future__ import annotations

import re
from datetime import datetime

from workbench.corpus.text import tidy

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


def names(value: str) -> list[str]:
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


def from_line(sender: str, to: str, date: datetime | None) -> str:
    """Who writes to whom, and when, as a sentence."""
    writers, others = names(sender), names(to)
    parts = [f"From {', '.join(writers)}" if writers else ""]
    if others:
        more = " and others" if len(others) > 3 else ""
        parts.append(f"{'to' if writers else 'To'} {', '.join(others[:3])}{more}")
    if date:
        parts.append(f"{date.day} {date:%B %Y}, {date:%H:%M}")
    line = ", ".join(filter(None, parts))
    return f"{line}." if line else ""


def own_words(text: str, sender: list[str], is_reply: bool, is_forward: bool) -> str:
    """A text without what is quoted from earlier mails; what is passed on stays.

    ``sender``: the names by which the writer may have signed.
    """
    lines = [line.rstrip() for line in tidy(text).split("\n")]
    cut, passed_on = _passed_on(lines)
    above, below = lines[:cut], lines[cut:]
    own = _unsigned(_unquoted(above, is_reply), sender)
    if passed_on or is_forward or not (own or is_reply):
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
            title = PREFIX.sub("", subject) or f"from {', '.join(names(sender))}"
            when = f"{date}." if date else ""
            said = from_line(sender, to, None)
            lead = [f"## Forwarded: {title}", "", f"{said} {when}".strip(), ""]
            messages.append((lead, names(sender)))
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
