"""Answers of known worth: counts, labels that follow from the kind, and texts that fit them."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from golden_rules import has_term

from workbench import golden

COUNTS = {
    "good": 28,
    "good_refusal": 8,
    "wrong_number": 20,
    "stale_policy": 12,
    "unsupported_addition": 14,
    "partial": 12,
    "refusal": 12,
    "right_but_rude": 8,
    "made_up": 6,
}
HALVES = {"choose": "dev", "report": "test"}
SILENT = re.compile(
    "do not say|don[’']t say|does not say|not mentioned|no information|cannot find|can[’']t find"
    "|not in the documents|nothing about|don[’']t mention|doesn[’']t say",
    re.IGNORECASE,
)


def lines(file) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def answers(data) -> list[dict]:
    return [row for half in HALVES for row in lines(data / "judge" / f"answers-{half}.jsonl")]


@pytest.fixture(scope="session")
def pairs(data) -> list[dict]:
    return [row for half in HALVES for row in lines(data / "judge" / f"pairs-{half}.jsonl")]


@pytest.fixture(scope="session")
def known(questions) -> dict[str, golden.Question]:
    return {question.id: question for question in questions}


def accepted(row: dict, known: dict[str, golden.Question]) -> bool:
    """Whether an answer holds one of the short forms of its question."""
    forms = known[row["question_id"]].accept
    return any(has_term(form, row["answer"], re.IGNORECASE) for form in forms)


def test_counts(answers, pairs):
    for half in HALVES:
        assert Counter(r["kind"] for r in answers if r["split"] == half) == COUNTS, half
        better = Counter(r["better"] for r in pairs if r["split"] == half)
        assert sum(better.values()) == 40 and better["tie"] == 10
        assert min(better["a"], better["b"]) >= 10, "one place wins too often"


def test_halves_use_their_own_split(answers, pairs, known):
    for row in [*answers, *pairs]:
        assert known[row["question_id"]].split == HALVES[row["split"]], row["id"]


def test_every_type_is_there(answers):
    wanted = set(golden.TYPES) - {"aggregate", "out_of_scope"}
    for half in HALVES:
        assert {row["type"] for row in answers if row["split"] == half} == wanted


def test_labels_follow_from_the_kind(answers, script):
    judge = script("judge")
    for row in answers:
        assert tuple(row[name] for name in judge.NAMES) == judge.LABELS[row["kind"]], row["id"]


@pytest.mark.parametrize("kind", ["good", "unsupported_addition", "right_but_rude"])
def test_right_answers_hold_a_short_form(answers, known, kind):
    wrong = [row["id"] for row in answers if row["kind"] == kind and not accepted(row, known)]
    assert not wrong


@pytest.mark.parametrize("kind", ["wrong_number", "stale_policy", "refusal", "made_up"])
def test_wrong_answers_hold_none(answers, known, kind):
    assert not [row["id"] for row in answers if row["kind"] == kind and accepted(row, known)]


def test_kinds_fit_their_questions(answers, known):
    for row in answers:
        question = known[row["question_id"]]
        silent = row["kind"] in ("good_refusal", "made_up")
        assert silent == (question.type == "unanswerable"), row["id"]
        assert row["kind"] != "stale_policy" or question.type == "in_force", row["id"]
        assert bool(SILENT.search(row["answer"])) == (row["kind"] in ("good_refusal", "refusal")), (
            row["id"]
        )


def test_stale_figures_stand_in_the_context(answers, known):
    for row in (row for row in answers if row["kind"] == "stale_policy"):
        stale = known[row["question_id"]].stale["quote"]
        assert " ".join(stale.split()) in " ".join(row["context"].split()), row["id"]
        words = set(re.findall(r"\w+", stale.lower())) & set(
            re.findall(r"\w+", row["answer"].lower())
        )
        assert words, row["id"]


def test_evidence_stands_in_the_context(answers, pairs, known):
    for row in [*answers, *pairs]:
        context = " ".join(row["context"].split())
        for piece in known[row["question_id"]].evidence:
            assert " ".join(piece["quote"].split()) in context, row["id"]


def test_no_answer_comes_twice(answers, pairs):
    texts = [row["answer"] for row in answers]
    texts += [row[name] for row in pairs for name in ("answer_a", "answer_b")]
    assert not [text for text, times in Counter(texts).items() if times > 1]


def test_length_alone_does_not_tell_right_from_wrong(answers):
    """Median words of right and of wrong answers differ by less than half."""
    sizes = {True: [], False: []}
    for row in answers:
        sizes[row["correct"]].append(len(row["answer"].split()))
    middle = {key: sorted(found)[len(found) // 2] for key, found in sizes.items()}
    assert max(middle.values()) < 1.5 * min(middle.values()), middle


def test_made_again_byte_for_byte(data, script, tmp_path):
    script("judge").main(tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in (data / "judge").glob("*.jsonl"))
    for name in made:
        assert (tmp_path / name).read_bytes() == (data / "judge" / name).read_bytes(), name
