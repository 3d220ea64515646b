"""Evidence within a budget, ranks of documents, and two systems on the same questions."""

from __future__ import annotations

import math
import re

import pytest

from workbench.chunking import Chunk
from workbench.evals import retrieval_scores as scores
from workbench.golden import Question
from workbench.retrieval import Hit


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def hits(*passages: tuple[str, str]) -> list[Hit]:
    return [
        Hit(Chunk(f"{document}#{n}", document, text), 1 / n, n)
        for n, (document, text) in enumerate(passages, 1)
    ]


def question(*evidence: tuple[str, str]) -> Question:
    pieces = [{"document": document, "quote": quote} for document, quote in evidence]
    return Question("q", "?", "a", ["a"], pieces, "single_fact", "dev")


def test_packing_stops_at_the_budget_to_the_token():
    found = hits(("a", "one two three"), ("b", "four five six"), ("c", "seven"))
    assert scores.pack(found, 100, spans) == [
        ("a", "one two three"),
        ("b", "four five six"),
        ("c", "seven"),
    ]
    assert scores.pack(found, 6, spans) == [("a", "one two three"), ("b", "four")]
    assert scores.pack(found, 4, spans) == [("a", "one two three")]
    assert scores.pack(found, 5, spans) == [("a", "one two three")], "a name without text is none"
    assert scores.pack(found, 0, spans) == scores.pack([], 9, spans) == []


def test_big_chunks_get_no_more_room_than_small_ones():
    big = scores.pack(hits(("a", "word " * 500), ("b", "word " * 500)), 200, spans)
    small = scores.pack(hits(*[("a", "word " * 9)] * 50), 200, spans)
    lengths = [sum(len(text.split()) + 1 for _, text in packed) for packed in (big, small)]
    assert lengths == [200, 200]


def test_plain_hit_rate_flatters_what_the_budget_does_not():
    """The right document is first, but its evidence stands beyond the room that a prompt has."""
    found = hits(("a", "filler " * 300 + "the fee is ten kroner"))
    asked = question(("a", "the fee is ten kroner"))
    assert scores.hit(scores.documents(found), asked.documents, 5)
    assert scores.evidence_recall(asked, scores.pack(found, 200, spans)) == 0.0
    assert scores.evidence_recall(asked, scores.pack(found, 400, spans)) == 1.0


def test_recall_is_the_share_of_quotes_from_their_own_documents():
    asked = question(("a", "first fact here"), ("b", "second fact here"))
    assert scores.evidence_recall(asked, [("a", "the first fact here")]) == 0.5
    assert scores.evidence_recall(asked, [("c", "first fact here second fact here")]) == 0.0
    assert scores.evidence_recall(question(), [("a", "x")]) == 0.0


def test_a_quote_cut_in_two_is_not_given():
    asked = question(("a", "one two three four five six seven eight nine ten"))
    halves = [("a", "one two three four five"), ("a", "six seven eight nine ten")]
    assert scores.evidence_recall(asked, halves) == 0.0


@pytest.mark.parametrize(
    "quote, text, share",
    [
        ("| Kayak up to 5.5 m | 60 kr |", "Kayak up to 5.5 m\n60 kr\n", 1.0),
        ("640 passengers spent the night", "and 640 passen-\ngers spent\nthe night away", 1.0),
        ("Posting costs 60 kr", "POSTING   costs 60 KR.", 1.0),
        ("one two three four", "one two Page 3 of 9 three four", 1.0),
        ("one two three four", "four three two one", 0.25),
        ("one two three four", "one two " + "x " * 60 + "three four", 0.5),
        ("one two three four", "", 0.0),
        ("—", "anything", 0.0),
    ],
)
def test_covered(quote, text, share):
    assert scores.covered(quote, text) == share


def test_another_figure_is_another_fact():
    """The rule that was changes one number of seven: nine words of ten would let it pass."""
    asked = question(("new", "We pay up to 950 kr a room"))
    assert scores.evidence_recall(asked, [("new", "We pay up to 800 kr a room")]) == 0.0


def test_least_only_saves_time():
    long = "alpha beta gamma delta " * 20
    for quote in ("alpha beta gamma", "alpha beta zeta", "omega psi chi"):
        exact = scores.covered(quote, long)
        quick = scores.covered(quote, long, 0.9)
        assert quick == exact or (quick < 0.9 and exact < 0.9)


def test_verbatim():
    assert scores.contains("a  b\nc", "x a b c y") and not scores.contains("a b", "ab")


def test_documents_count_once_at_their_best():
    ranking = scores.documents(hits(("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")))
    assert ranking == ["a", "b", "c"]
    assert scores.reciprocal_rank(ranking, ["c"]) == pytest.approx(1 / 3)
    assert scores.reciprocal_rank(ranking, ["z"]) == 0.0
    assert scores.hit(ranking, ["c", "z"], 3) and not scores.hit(ranking, ["c"], 2)


def test_ndcg_by_hand():
    assert scores.ndcg(["a", "b"], ["a"], 5) == 1.0
    assert scores.ndcg(["b", "a"], ["a"], 5) == pytest.approx(1 / math.log2(3))
    want = (1 / math.log2(2) + 1 / math.log2(4)) / (1 / math.log2(2) + 1 / math.log2(3))
    assert scores.ndcg(["a", "x", "b"], ["a", "b"], 5) == pytest.approx(want)
    assert scores.ndcg(["a"], ["a", "b", "c"], 1) == 1.0, "no more can be had in one place"
    assert scores.ndcg([], ["a"], 5) == scores.ndcg(["a"], [], 5) == 0.0


def test_compare_is_paired():
    found = scores.compare([1, 1, 0, 1] * 10, [1, 0, 0, 0] * 10)
    assert (found.after, found.before, found.better, found.worse) == (0.75, 0.25, 20, 0)
    assert found.difference.value == 0.5 and found.difference.low > 0
    assert "better" in str(found)
    assert scores.compare([1, 0], [0, 1]).difference.verdict == "too few to conclude"
    with pytest.raises(ValueError):
        scores.compare([1], [1, 0])


@pytest.mark.model
def test_tokens_are_those_of_the_small_model():
    count = scores.token_spans()
    assert len(count("Skerry Line sails at 08:45.")) > 6
    text = "The kettle boils."
    assert [text[a:b].strip() for a, b in count(text)] == ["The", "kettle", "boils", "."]
