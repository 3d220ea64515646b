"""Deterministic scores of one answer: the same answer always gets the same score."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable

from workbench.golden import REFUSED

_REFUSAL = re.compile(
    r"\b(do(es)? not say|don'?t say|does ?n[o']t say|not (stated|mentioned|specified|provided|"
    r"given|covered)|no information|cannot (answer|find|say)|can'?t (answer|find|say)|"
    r"(do not|don'?t) (know|have)|unable to (answer|find)|not able to (answer|find))\b",
    re.IGNORECASE,
)
_CITATION = re.compile(r"\[([A-Za-z0-9][\w./ -]*)\]")
_DROP = str.maketrans({c: " " for c in string.punctuation + "£€–—" if c not in ".:%"})


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (SQuAD's, Rajpurkar et al. 2016).

    Points and colons within numbers and times are kept: "3.50" and "14:05" stay what they are.
    """
    text = text.lower().replace("\u00a0", " ").replace("’", "'").translate(_DROP)
    text = re.sub(r"(?<!\d)[.:]|[.:](?!\d)", " ", text)
    words = [w for w in text.split() if w not in ("a", "an", "the")]
    return " ".join(words)


def accepted(answer: str, forms: Iterable[str]) -> bool:
    """Whether the answer holds one of the acceptable short forms as whole words."""
    padded = f" {normalise(answer)} "
    return any(f" {form} " in padded for form in map(normalise, forms) if form)


def refused(answer: str) -> bool:
    """Whether the answer says that the documents do not say."""
    return bool(_REFUSAL.search(answer))


def correct(answer: str, forms: Iterable[str], question_type: str) -> bool:
    """Right by rule: an accepted form, or, where there is no answer, a refusal."""
    if question_type in REFUSED:
        return refused(answer)
    return accepted(answer, forms) and not refused(answer)


def citations(answer: str) -> list[str]:
    """Document ids cited in square brackets, in order, each once."""
    return list(dict.fromkeys(m.strip() for m in _CITATION.findall(answer)))


def cites_evidence(answer: str, documents: Iterable[str]) -> bool:
    """Whether the answer cites a document that holds the evidence."""
    return bool(set(citations(answer)) & set(documents))


def token_f1(answer: str, reference: str) -> float:
    """Overlap of words with the reference, 0 to 1: precision and recall in one (SQuAD)."""
    got, want = normalise(answer).split(), normalise(reference).split()
    same = sum((Counter(got) & Counter(want)).values())
    return 2 * same / (len(got) + len(want)) if same else 0.0
