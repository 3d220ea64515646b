"""The golden questions keep what their card promises."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter

import pytest
from content_words import stems

from workbench import chunking, golden

DOCUMENTED = [t for t in golden.TYPES if t not in ("aggregate", *golden.REFUSED)]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_counts_and_splits(questions):
    assert Counter(q.type for q in questions) == dict.fromkeys(golden.TYPES, 3)
    assert Counter(q.split for q in questions) == {"dev": 15, "test": 15}
    for kind in golden.TYPES:
        splits = Counter(q.split for q in questions if q.type == kind)
        assert sorted(splits.values()) == [1, 2], kind


def test_every_quote_is_verbatim(questions, documents):
    pieces = [(q.id, piece) for q in questions for piece in [*q.evidence, q.nearest] if piece]
    assert len(pieces) >= 24
    for name, piece in pieces:
        assert flat(piece["quote"]) in flat(documents[piece["document"]].text), name


def test_every_quote_survives_chunking(questions, documents):
    chunks = [flat(chunk.text) for chunk in chunking.split(documents.values())]
    for question in questions:
        for piece in question.evidence:
            assert any(flat(piece["quote"]) in chunk for chunk in chunks), question.id


def test_evidence_is_there_where_it_must_be(questions):
    for question in questions:
        assert bool(question.evidence) == (question.type in DOCUMENTED), question.id
        assert bool(question.sql) == (question.type == "aggregate"), question.id
        assert bool(question.why_unanswerable) == (not question.answerable), question.id
        assert bool(question.nearest) == (question.type == "unanswerable"), question.id
    assert all(len(q.evidence) >= 2 for q in questions if q.type == "multi_hop")


def test_short_forms_are_in_the_reference_answer(questions):
    for question in questions:
        assert question.accept and question.accept[0] in question.answer, question.id


def test_short_forms_do_not_give_themselves_away(questions):
    for question in questions:
        given = [f for f in question.accept if re.search(rf"\b{re.escape(f)}\b", question.question)]
        assert not given, question.id


def test_sql_returns_the_accepted_answer(questions, data):
    database = sqlite3.connect(data / "corpus" / "timetable.sqlite")
    for question in (q for q in questions if q.type == "aggregate"):
        rows = database.execute(question.sql).fetchall()
        assert len(rows) == 1, question.id
        assert any(form in str(rows[0][0]) for form in question.accept), question.id
    database.close()


def test_paraphrases_share_no_stem_with_their_evidence(questions):
    for question in (q for q in questions if q.type == "paraphrase"):
        for piece in question.evidence:
            assert not stems(question.question) & stems(piece["quote"]), question.id


def test_in_force_answers_are_not_those_of_the_old_circular(questions, documents):
    for question in (q for q in questions if q.type == "in_force"):
        assert question.documents == ["circular-2026-03"]
        form = question.accept[0]
        assert form in documents["circular-2026-03"].text, question.id
        for stale in ("circular-2025-14", "draft-storm-hotels"):
            assert not re.search(rf"\b{re.escape(form)}\b", documents[stale].text), question.id


@pytest.mark.parametrize("how", ["heading", "sentence"])
def test_key_terms_of_unanswerable_questions_never_meet(questions, documents, how):
    chunks = chunking.split(documents.values(), how=how)
    for question in (q for q in questions if q.type == "unanswerable"):
        assert len(question.key_terms) >= 2
        meet = [
            chunk.id
            for chunk in chunks
            if all(re.search(rf"\b{t}\b", chunk.text, re.IGNORECASE) for t in question.key_terms)
        ]
        assert not meet, question.id
        for term in question.key_terms:  # each of them is somewhere, or the question is easy
            assert any(re.search(rf"\b{term}\b", c.text, re.IGNORECASE) for c in chunks), term


def test_dev_and_test_share_no_fact(questions):
    def facts(split: str) -> set[tuple[str, str]]:
        chosen = [q for q in questions if q.split == split]
        found = {(p["document"], flat(p["quote"])) for q in chosen for p in q.evidence}
        return found | {("sql", q.sql) for q in chosen if q.sql}

    assert not facts("dev") & facts("test")
