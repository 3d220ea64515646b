"""Content stems of a text, for checks that two texts share nothing."""

from __future__ import annotations

import re

from nltk.stem import SnowballStemmer

_STEMMER = SnowballStemmer("english")
#: Words that carry no content.
_STOP = """
a an and are as at be been by can did do does for from had has have how i if in is it its me may my
no not of on once or our that the there they this to up was we what when where which who with you
your s
"""
STOP = frozenset(_STOP.split())


def stems(text: str) -> set[str]:
    """Stems of the words of a text that carry content."""
    words = re.findall(r"[^\W_]+", text.lower())
    return {_STEMMER.stem(word) for word in words if word not in STOP}


def count(text: str) -> int:
    """How many words a text has; what holds no letter or digit, such as a table's bar, is none."""
    return sum(any(mark.isalnum() for mark in word) for word in text.split())
