"""The curated tuning examples: house style, short, and no fact of the golden test split."""

from __future__ import annotations

import json

import pytest
from content_words import stems

from workbench import chunking

SILENT = "The documents do not say."


@pytest.fixture(scope="session")
def examples(data) -> list[dict]:
    lines = (data / "tuning" / "curated.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_counts(examples):
    assert len(examples) == len({e["id"] for e in examples}) == 160
    assert sum(not e["answerable"] for e in examples) == 32
    assert len({e["context"] for e in examples}) >= 60
    assert len({e["question"] for e in examples}) == 160


def test_schema(examples):
    names = {"id", "question", "context", "answer", "source", "answerable"}
    assert all(set(example) == names for example in examples)


def test_house_style(examples):
    for example in examples:
        if example["answerable"]:
            text, _, source = example["answer"].rpartition(" ")
            assert source == f"[{example['source']}]", example["id"]
            assert text.endswith(".") and text.count(". ") <= 1, example["id"]
        else:
            assert example["answer"] == SILENT


def test_contexts_are_short(examples):
    lengths = [len(chunking.words(example["context"])) for example in examples]
    assert min(lengths) >= 40 and max(lengths) <= 120


def test_answers_come_from_their_context(examples):
    for example in examples:
        if example["answerable"]:
            answer = stems(example["answer"].rpartition(" ")[0])
            common = answer & (stems(example["context"]) | stems(example["question"]))
            assert len(common) >= 0.6 * len(answer), example["id"]


def leaks(examples, questions) -> list[tuple[str, str]]:
    """Pairs of example and test question that share an accepted form and their subject."""
    return [
        (example["id"], question.id)
        for question in questions
        if question.split == "test" and question.answerable
        for example in examples
        if any(form.lower() in example["answer"].lower() for form in question.accept)
        and (
            example["source"] in question.documents
            or len(stems(question.question) & stems(example["context"])) >= 2
        )
    ]


def test_no_fact_of_the_test_split(examples, questions):
    assert leaks(examples, questions) == []


def test_a_leak_would_be_seen(examples, questions):
    question = next(q for q in questions if q.split == "test" and q.type == "single_fact")
    planted = {
        "id": "planted",
        "context": question.evidence[0]["quote"],
        "answer": f"{question.answer} [x]",
        "source": "x",
    }
    assert leaks([*examples, planted], questions) == [("planted", question.id)]


def test_made_again_the_same(data, script, tmp_path):
    script("tuning").main(tmp_path / "again.jsonl")
    kept = data / "tuning" / "curated.jsonl"
    assert (tmp_path / "again.jsonl").read_bytes() == kept.read_bytes()
