"""Questions that ask for a change: told from their words, before any model is asked.

A courtesy, not the protection: it saves a model call and answers plainly. A wish that is worded so
that no rule sees it still meets a database that cannot be written to.
"""

from __future__ import annotations

import re

#: Where a demand begins: a sentence, a quoted text, or after words of asking.
_START = (
    r"(?:^|[.;:!?\n]\s*|['\"`(]\s*|--\s*|\b(?:please|kindly|can you|could you|would you|will you|"
    r"want you to|need you to|like you to|go ahead and)\s+)(?:please\s+|kindly\s+|now\s+|just\s+)?"
)
#: Words of databases: they ask for a change in the middle of a sentence as well.
_STRONG = r"delete|drop|truncate|insert|alter|erase|wipe|overwrite|purge"
#: Words that passengers use of their own journeys: a demand only where a sentence begins with them.
_WEAK = (
    r"remove|rename|replace|modify|cancel|rebook|update(?!:)|"
    r"(?:set|change|move|raise|lower|reduce|increase)\b[^.?!]*\bto|"
    r"(?:add|create|make)\s+(?:an?|the|one|another|\d+)\s+(?:new\s+)?"
    r"(?:table|row|record|entry|booking|passenger|sailing|column|index|view|trigger|user)"
)
_WISH = re.compile(
    rf"(?:{_START}|\b(?:and|then|now|also|just|must|should)\s+)((?:{_STRONG})\b)|"
    rf"{_START}((?:{_WEAK})\b)",
    re.IGNORECASE,
)
_STATEMENT = re.compile(
    r"\b(drop\s+(?:table|index|view)|delete\s+from|insert\s+into|truncate\s+table|alter\s+table|"
    r"update\s+\w+\s+set|attach\s+database|vacuum\s+into|pragma\s+\w+\s*=)",
    re.IGNORECASE,
)


def change_asked(question: str) -> str:
    """The words with which a question asks for a change; empty where it asks for none."""
    found = _STATEMENT.search(question) or _WISH.search(question)
    words = next(filter(None, found.groups())) if found else ""
    return " ".join(words.split())
