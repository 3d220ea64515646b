"""How a model's queries are scored against the reference queries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench import golden
from workbench.bench import sql as bench
from workbench.database import Database, Rows
from workbench.database.question import SqlAnswer
from workbench.errors import BadInput, WorkbenchError


def rows(*found: tuple, cut: bool = False) -> Rows:
    return Rows(["c"] * len(found[0]) if found else [], list(found), cut)


@pytest.mark.parametrize(
    ("found", "wanted", "alike"),
    [
        (rows((29,)), rows((29,)), True),
        (rows((29.0,)), rows((29,)), True),
        (rows((49.400000001,)), rows((49.4,)), True),
        (rows((567.3,)), rows((567,)), False),
        (rows(("a",), ("b",)), rows(("b",), ("a",)), True),
        (rows(("a",), ("a",)), rows(("a",)), False),
        (rows(("Fulmar", 9)), rows(("Fulmar",)), False),
        (rows((None,)), rows((0,)), False),
        (rows(("29",)), rows((29,)), False),
        (rows((b"x", None)), rows((b"x", None)), True),
        (rows((29,), cut=True), rows((29,)), False),
        (rows(), rows(), True),
        (None, rows((29,)), False),
    ],
)
def test_results_are_compared_and_not_words(found, wanted, alike):
    assert bench.same(found, wanted) is alike


def ship() -> golden.Question:
    return next(q for q in golden.load(split="dev") if q.id == "ag-02")


def answer(found: Rows | None) -> SqlAnswer:
    return SqlAnswer("?", found.text if found else "No answer.", rows=found)


def test_a_right_value_among_others_is_seen_in_one_row_alone():
    right = ("MV Fulmar", 78_000)
    assert bench.says(answer(rows(right)), ship())
    assert not bench.says(answer(rows(right, ("MV Auk", 3))), ship())
    assert not bench.says(answer(rows(("MV Eider",))), ship())
    assert not bench.says(answer(None), ship())


class Writer:
    """Stands for a database asked in words: a fixed statement for each question."""

    def __init__(self, statements: dict[str, str]) -> None:
        self.real, self.statements = Database(), statements

    def query(self, text: str) -> Rows:
        return self.real.query(text)

    def ask(self, question: str, model: str, length: str, cache: bool) -> SqlAnswer:
        text = self.statements[question]
        try:
            found = self.query(text)
        except WorkbenchError as error:
            return SqlAnswer(question, f"No answer: {error.what}", text, why=error.what)
        return SqlAnswer(question, found.text, text, found, model_seconds=2.0, prompt_tokens=700)


def measured(monkeypatch, change) -> dict:
    asked = bench.questions()
    statements = {q.question: change(n, q.sql) for n, q in enumerate(asked)}
    monkeypatch.setattr(bench, "Database", lambda: Writer(statements))
    return bench.measure(["m"], lengths=["compact", "full"])


def test_the_reference_queries_score_one(monkeypatch):
    result = measured(monkeypatch, lambda _, text: text)
    assert result["n"] == 12 and result["split"] == "dev"
    for arm in result["arms"]:
        assert arm["valid"]["value"] == arm["right"]["value"] == arm["accepted"]["value"] == 1
        assert arm["right"]["low"] < 0.8 and arm["right"]["n"] == 12
    (change,) = result["changes"]
    assert change["right"] == 0 and change["verdict"] == "too few to conclude"


def test_wrong_queries_score_zero_and_broken_ones_are_not_valid(monkeypatch):
    result = measured(monkeypatch, lambda n, _: "SELECT -1" if n % 2 else "SELECT FROM WHERE")
    arm = result["arms"][0]
    assert arm["valid"]["value"] == 0.5 and arm["right"]["value"] == arm["accepted"]["value"] == 0


def test_a_query_with_one_column_too_many_is_accepted_and_not_right(monkeypatch):
    result = measured(monkeypatch, lambda _, text: text.replace("SELECT ", "SELECT 0, ", 1))
    arm = result["arms"][0]
    assert arm["right"]["value"] == 0 and arm["accepted"]["value"] == 1


def test_only_dev_is_kept():
    done = workbench("--split", "test", "--keep")
    assert done.returncode == 2 and "only results on dev are kept" in done.stderr


def test_a_split_or_a_schema_that_does_not_exist_is_told():
    done = workbench("--split", "train")
    assert done.returncode == 2 and "there are: dev, test" in done.stderr
    done = workbench("--models", " , ")
    assert done.returncode == 2 and "--models is empty" in done.stderr


def test_questions_have_reference_queries():
    assert {q.type for q in bench.questions()} == {"aggregate"}
    with pytest.raises(BadInput):
        bench.questions("train")


@pytest.mark.model
@pytest.mark.full
def test_the_command_measures_and_prints_one_object():
    done = workbench("--models", "smollm2:135m", "--schema", "compact", "--json")
    result = json.loads(done.stdout)
    (arm,) = result["arms"]
    assert arm["right"]["n"] == 12 and 0 <= arm["right"]["value"] <= arm["accepted"]["value"] <= 1
    assert arm["seconds"] > 0 and len(arm["cases"]) == 12


def workbench(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "workbench", "bench", "sql", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
