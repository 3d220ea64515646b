"""HumanEval: programs found in answers, a grader that is right about right and wrong programs."""

from __future__ import annotations

import itertools
import json

import pytest
from fake_ollama import FakeOllama
from typer.testing import CliRunner

from workbench.bench import humaneval as bench
from workbench.bench import humaneval_cli, kept
from workbench.errors import BadInput, UnknownName
from workbench.evals import humaneval, mutants, programs
from workbench.evals.sandbox import Outcome

PROMPT = 'import math\n\ndef half(x):\n    return x / 2\n\ndef twice(x):\n    """ 2 x """\n'
TESTS = "def check(candidate):\n    assert candidate(4) == 8\n"
TWICE = humaneval.Task("Toy/0", "twice", PROMPT, "    return 2 * x\n", TESTS)


def test_all_tasks_are_there():
    tasks = humaneval.load()
    assert len(tasks) == 164 == len({task.id for task in tasks})
    assert all(f"def {task.entry}(" in task.prompt for task in tasks)
    assert all("def check(" in task.tests for task in tasks)


def test_a_spread_is_even_and_the_same_each_time():
    few = humaneval.spread(4)
    assert [task.id for task in few] == [f"HumanEval/{n}" for n in (0, 41, 82, 123)]
    assert humaneval.spread(164) == list(humaneval.load())
    assert humaneval.task("41") == humaneval.task("HumanEval/41") == few[1]
    for n in (0, 165):
        with pytest.raises(BadInput, match="1 to 164"):
            humaneval.spread(n)
    with pytest.raises(UnknownName):
        humaneval.task("HumanEval/164")


@pytest.mark.parametrize(
    "answer",
    [
        "    return 2 * x\n",
        "return 2 * x",
        "if x:\n        return 2 * x\n    return 0",
        "def twice(x):\n    return 2 * x",
        "```python\ndef twice(x):\n    return 2 * x\n```",
        "```\n    return 2 * x\n```",
        "```py\ndef twice(x):\n    return 2 * x",  # cut at the longest length
        "Sure! Here it is:\n\n```python\ndef twice(x):\n    return 2 * x\n```\nIt doubles `x`.",
        "Sure! Here it is:\n\ndef twice(x):\n    return 2 * x\n\nIt doubles its argument.",
        "First:\n```\npip install x\n```\nthen\n```python\ndef twice(x):\n  return 2 * x\n```",
        "```python\nTWO = 2\n\ndef twice(x):\n    return TWO * x\n\nprint(twice(\n```",
        "```python\ndef twice(x):\n    return half(x) * 4\n```\n```python\ntwice(1) / 0\n```",
        "def more(y):\n    return y + y\nreturn more(x)",
        "1. So:\n   ```python\n   def twice(x):\n       return 2 * x\n   ```\n",
        "from math import prod\ndef twice(x):\n    return prod((2, x))\nThat is all.",
        "```python\r\ndef twice(x):\r\n    return math.floor(2 * x)\r\n```",
        "    return 2 * x\n\nThis returns twice the argument.",
    ],
)
def test_the_program_is_found_in_an_answer(answer):
    grade = humaneval.grade(TWICE, answer)
    assert grade.passed, grade


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "gave None"),
        ("I cannot help with that.", "SyntaxError"),
        ("```python\ndef other(x):\n    return 2 * x\n```", "defines no function twice"),
        ("def twice(x):\n    return x", "twice(4) gave 4"),
        ("import numpy\ndef twice(x):\n    return 2 * x", "No module named 'numpy'"),
        ("import sys\ndef twice(x):\n    return 2 * x\nsys.exit(0)", "left with exit code 0"),
    ],
)
def test_a_wrong_answer_fails_with_its_reason(answer, reason):
    grade = humaneval.grade(TWICE, answer)
    assert not grade.passed
    assert reason in grade.reason, grade


def test_closed_says_when_there_is_no_more_to_read():
    assert not programs.closed("Here:\n```python\ndef f():")
    assert not programs.closed("```python\ndef f(): return '```'")
    assert programs.closed("```python\ndef f(): pass\n```")


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_is_the_share_of_all_choices(n):
    for c in range(n + 1):
        for k in range(1, n + 1):
            choices = list(itertools.combinations([True] * c + [False] * (n - c), k))
            assert humaneval.pass_at_k(n, c, k) == pytest.approx(
                sum(map(any, choices)) / len(choices)
            )


@pytest.mark.parametrize("wrong", [(1, 2, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0), (0, 0, 1)])
def test_pass_at_k_of_impossible_counts(wrong):
    with pytest.raises(BadInput):
        humaneval.pass_at_k(*wrong)


def test_pass_at_k_has_no_bias():
    """Over many draws of n programs its mean is the true chance; one minus (1-c/n)^k is too low."""
    import random

    draw, chance, n, k = random.Random(3), 0.2, 6, 3
    counts = [sum(draw.random() < chance for _ in range(n)) for _ in range(20_000)]
    truth = 1 - (1 - chance) ** k
    assert sum(humaneval.pass_at_k(n, c, k) for c in counts) / len(counts) == pytest.approx(
        truth, abs=0.01
    )
    naive = sum(1 - (1 - c / n) ** k for c in counts) / len(counts)
    assert naive < truth - 0.02


def test_the_estimate_resamples_tasks():
    passed = [[True, False], [True, True], [False, False], [True, False], [False, False]]
    one, two = humaneval.estimate(passed, 1), humaneval.estimate(passed, 2)
    assert one.value == pytest.approx(0.4) and two.value == pytest.approx(0.6)
    assert one.n == 5 and one.low < one.value < one.high
    none = humaneval.estimate([[False]] * 20)
    assert none.value == 0 and none.low == 0 and 0.1 < none.high < 0.2  # not "surely nothing"


def graded_right(tasks, slips: int) -> dict:
    grader = bench.check(tasks, slips)
    assert grader["right"] == {"n": 2 * len(tasks), "score": 1.0}, grader
    assert grader["wrong"]["score"] == 0.0, grader
    assert grader["wrong"]["n"] >= 6 * len(tasks) and grader["ok"]
    return grader


def test_canonical_solutions_pass_and_planted_mutants_fail():
    grader = graded_right([humaneval.task(n) for n in ("0", "32", "33", "38", "72", "106")], 0)
    assert set(grader["kinds"]) == {"canonical", "wrapped", *mutants.SPOILS}


@pytest.mark.full
def test_canonical_solutions_pass_and_mutants_fail_on_all_tasks():
    grader = graded_right(humaneval.load(), 3)
    slips = sum(row["n"] for kind, row in grader["kinds"].items() if kind.startswith("slip"))
    assert slips > 300


def test_slips_are_wrong_whatever_the_tests_say():
    found = mutants.changed(humaneval.task("3"))
    assert found and len({m.code for m in found}) == len(found)
    assert not any(humaneval.grade(m.task, m.answer).passed for m in found)


def test_a_slip_that_changes_nothing_is_no_mutant():
    assert mutants.differs(TWICE, "def twice(x):\n    return 2 + x")
    assert not mutants.differs(TWICE, "def twice(x):\n    return x + x")
    # x ** 2 differs, but not on what the tests ask of a function whose tests ask only for 2
    lax = humaneval.Task("Toy/1", "twice", PROMPT, TWICE.canonical, TESTS.replace("4) == 8", "2)"))
    assert not mutants.differs(lax, "def twice(x):\n    return x ** 2")
    assert mutants.changed(humaneval.task("32")) == []


def test_a_grader_that_lets_something_through_is_noticed(monkeypatch):
    everything = Outcome("ok", 0.0)
    monkeypatch.setattr(humaneval.sandbox, "check", lambda *_, **__: everything)
    grader = bench.check([TWICE])
    assert not grader["ok"] and grader["wrong"]["score"] == 1.0


@pytest.fixture
def ollama(tmp_path, monkeypatch):
    """A double that answers with canonical solutions, and a working copy of its own."""
    for name in ("nbconfig", "notebooks"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path))
    solutions = {task.prompt.strip(): task for task in humaneval.load()}

    def reply(messages: list[dict]) -> str:
        prompt = messages[-1]["content"].split("```python\n")[1].removesuffix("\n```")
        task = solutions[prompt]
        return f"Sure:\n\n```python\n{task.prompt}{task.canonical}\n```\nI hope this helps you. "

    with FakeOllama(reply) as double:
        monkeypatch.setenv("OLLAMA_HOST", double.url)
        yield double


def test_answers_are_asked_for_once(ollama):
    tasks = humaneval.spread(3)
    first = list(humaneval.sample("smollm2:135m", tasks))
    assert [s.cached for s in first] == [False] * 3 and len(ollama.chats) == 3
    again = list(humaneval.sample("smollm2:135m", humaneval.spread(6)))
    assert [s.cached for s in again] == [True, False, True, False, True, False]
    assert len(ollama.chats) == 6
    assert again[0].text == first[0].text and again[0].seconds == first[0].seconds
    ollama.digest = "d2"  # another model under the same name
    assert not next(humaneval.sample("smollm2:135m", tasks)).cached


def test_several_at_once_come_in_order(ollama):
    made = list(humaneval.sample("smollm2:135m", humaneval.spread(6), at_once=3))
    assert [s.task for s in made] == humaneval.spread(6)
    assert all(s.task.entry in s.text for s in made)
    some = humaneval.sample("smollm2:135m", humaneval.spread(41), at_once=2)
    next(some)
    some.close()
    assert len(ollama.chats) < 41  # what was not begun is not asked


def test_reading_ends_with_the_code_block(ollama):
    (made,) = humaneval.sample("smollm2:135m", humaneval.spread(1))
    assert made.text.rstrip().endswith("```") and "I hope" not in made.text
    assert made.output_tokens > 10 and not made.cut
    (cut,) = humaneval.sample("smollm2:135m", humaneval.spread(1), max_tokens=16)
    assert cut.cut


def test_several_samples_need_a_temperature(ollama):
    with pytest.raises(BadInput, match="temperature"):
        next(humaneval.sample("smollm2:135m", humaneval.spread(1), n=2))
    several = list(humaneval.sample("smollm2:135m", humaneval.spread(1), 3, temperature=0.8))
    assert [s.number for s in several] == [0, 1, 2]
    assert len({chat["options"]["seed"] for chat in ollama.chats}) == 3


def test_a_model_is_measured_and_kept(ollama):
    out = CliRunner().invoke(
        humaneval_cli.app, ["--models", "smollm2:135m", "--tasks", "3", "--keep", "--json"]
    )
    assert out.exit_code == 0, out.output
    result = json.loads(out.stdout)
    (row,) = result["models"]
    assert row["pass_at_k"] == 1.0 and row["low"] < 0.6 and row["n"] == 3
    assert row["ended"] == {"ok": 3} and result["setting"]["temperature"] == 0
    file = kept.load("humaneval")
    assert file["n"] == 3 and "--tasks 3" in file["command"] and file["date"] and file["machine"]
    CliRunner().invoke(humaneval_cli.app, ["--check", "--tasks", "1", "--keep"])
    more = ["--models", "other-minilm:latest", "--tasks", "6", "--keep"]
    assert CliRunner().invoke(humaneval_cli.app, more).exit_code == 0
    file = kept.load("humaneval")
    assert [(r["model"], r["n"]) for r in file["models"]] == [
        ("other-minilm:latest", 6), ("smollm2:135m", 3)
    ]  # fmt: skip
    assert file["grader"]["ok"] and file["gains"][0]["n"] == 3
    assert file["gains"][0]["verdict"] == "too few to conclude" and len(file["commands"]) == 3


def test_samples_and_k_belong_together(ollama):
    wrong = CliRunner().invoke(humaneval_cli.app, ["--tasks", "1", "-k", "2"])
    assert isinstance(wrong.exception, BadInput) and wrong.exception.exit_code == 2
    assert not ollama.chats
    more = ["--models", "smollm2:135m", "--tasks", "2", "--samples", "2", "-k", "2", "--json"]
    result = json.loads(CliRunner().invoke(humaneval_cli.app, more).stdout)
    assert result["k"] == 2 and result["setting"]["temperature"] == 0.8


def test_the_check_of_the_command_line(monkeypatch):
    out = CliRunner().invoke(humaneval_cli.app, ["--check", "--tasks", "2"])
    assert out.exit_code == 0 and "wrong programs 0.000 (n = 12)" in out.stdout
    monkeypatch.setattr(humaneval.sandbox, "check", lambda *_, **__: Outcome("failed", 0.0))
    out = CliRunner().invoke(humaneval_cli.app, ["--check", "--tasks", "2", "--json"])
    assert out.exit_code == 1 and json.loads(out.stdout)["grader"]["right"]["score"] == 0.0


@pytest.mark.model
def test_a_real_model_writes_a_program(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "workbench.rag.cache.settings", lambda: type("S", (), {"artifacts": tmp_path})
    )
    (made,) = humaneval.sample("smollm2:135m", humaneval.spread(1), max_tokens=128)
    assert made.output_tokens > 5 and not made.cached
    grade = humaneval.grade(made.task, made.text)
    assert grade.status in ("ok", "failed", "ended") and "has_close_elements" in grade.program
    (again,) = humaneval.sample("smollm2:135m", humaneval.spread(1), max_tokens=128)
    assert again.cached and again.text == made.text
