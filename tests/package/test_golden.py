"""The loader of golden questions, on good and on malformed files."""

from __future__ import annotations

import json

import pytest

from workbench import golden
from workbench.errors import BadInput, UnknownName

GOOD = {
    "id": "q1",
    "question": "How much?",
    "answer": "It is 5 kr.",
    "accept": ["5 kr"],
    "evidence": [{"document": "fares", "quote": "5 kr"}],
    "type": "single_fact",
    "split": "dev",
}


@pytest.fixture
def write(tmp_path):
    def lines(*values: object) -> str:
        file = tmp_path / "q.jsonl"
        texts = [v if isinstance(v, str) else json.dumps(v) for v in values]
        file.write_text("\n".join(texts) + "\n", "utf-8")
        return str(file)

    return lines


def test_load_and_split(write):
    file = write(GOOD, "", GOOD | {"id": "q2", "split": "test"})
    assert [q.id for q in golden.load(file)] == ["q1", "q2"]
    (question,) = golden.load(file, split="test")
    assert question.documents == ["fares"] and question.answerable


def test_own_questions_are_the_default():
    counts = {split: len(golden.load(split=split)) for split in golden.SPLITS}
    assert counts == {"dev": 120, "test": 240}


def test_a_folder_of_files(write, tmp_path):
    write(GOOD)
    (tmp_path / "more.jsonl").write_text(json.dumps(GOOD | {"id": "q2"}), "utf-8")
    (tmp_path / "notes.md").write_text("no questions", "utf-8")
    assert {q.id for q in golden.load(tmp_path)} == {"q1", "q2"}


@pytest.mark.parametrize(
    "line, words",
    [
        ("{not json", "not JSON"),
        ("[1]", "not a JSON object"),
        ({k: v for k, v in GOOD.items() if k != "answer"}, "'answer' is missing"),
        (GOOD | {"accept": "5 kr"}, "'accept' is not a list"),
        (GOOD | {"type": "guess"}, "'type' is 'guess'"),
        (GOOD | {"split": "train"}, "'split' is 'train'"),
        (GOOD | {"question": " "}, "'question' is empty"),
        (GOOD | {"evidence": ["fares"]}, "'evidence' has something other"),
        (GOOD | {"stale": {"document": "old"}}, "'stale' has something other"),
        (GOOD | {"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_malformed_lines_are_named(write, line, words):
    with pytest.raises(BadInput) as problem:
        golden.load(write(GOOD | {"id": "first"}, line))
    assert "q.jsonl, line 2" in problem.value.what and words in problem.value.what
    assert problem.value.fix


def test_same_id_twice(write):
    with pytest.raises(BadInput, match="line 2: id 'q1' comes twice"):
        golden.load(write(GOOD, GOOD))


def test_missing_empty_and_other_encoding(write, tmp_path):
    with pytest.raises(BadInput, match="there is no file"):
        golden.load(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="there is no file"):
        golden.load(tmp_path)
    with pytest.raises(BadInput, match="no questions"):
        golden.load(write(""))
    (tmp_path / "latin.jsonl").write_bytes("é".encode("cp1252"))
    with pytest.raises(BadInput, match="not UTF-8"):
        golden.load(tmp_path / "latin.jsonl")


def test_unknown_split():
    with pytest.raises(UnknownName, match="dev, test"):
        golden.load(split="train")
