"""Exercises: solutions pass, stubs wait, honest answers pass, wrong ones are named, no leaks."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import time
from pathlib import Path

import answers_data_and_prompts as second
import answers_model_selection as first
import nbformat
import pytest

from workbench import labs
from workbench.labs import help as helping
from workbench.labs import record, solutions, task

ROOT = Path(__file__).resolve().parents[2]
TASKS = {one.id: one for one in task.every()}
RIGHT = first.RIGHT | second.RIGHT
WRONG = first.WRONG | second.WRONG
PASSING = [(name, answer) for name, answers in RIGHT.items() for answer in answers]
FAILING = [(name, *pair) for name, pairs in WRONG.items() for pair in pairs]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv(record.LOG, raising=False)
    helping._seen.clear()


def book(phase: str):
    return nbformat.read(ROOT / "labs" / task.PHASES[phase][0] / "exercise.ipynb", as_version=4)


def stub(one: task.Task):
    """The function as the notebook has it."""
    cells = [c.source for c in book(one.id[:2]).cells if c.cell_type == "code"]
    (cell,) = [text for text in cells if f"def {one.function}(" in text]
    tree = ast.parse(cell)
    (node,) = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    space: dict = {}
    exec(compile(ast.Module([node], []), "stub", "exec"), space)
    return space[one.function]


def test_there_are_enough_tasks_and_enough_answers_to_each():
    assert len(TASKS) >= 8 and set(RIGHT) == set(WRONG) == set(TASKS)
    assert all(len(answers) >= 3 for answers in RIGHT.values())
    assert all(len({words for _, words in pairs}) >= 4 for pairs in WRONG.values())
    for one in TASKS.values():
        assert 1 <= one.difficulty <= 3 and one.minutes >= 5 and len(one.hints) >= 3
    for phase in task.PHASES:
        levels = [one.difficulty for one in task.of_phase(phase)]
        assert levels == sorted(levels) and len(levels) >= 4


@pytest.mark.parametrize("name", TASKS)
def test_the_solution_passes(name):
    verdict = labs.check(name, solutions.load(name))
    assert verdict.passed, verdict
    assert record.tasks()[name]["state"] == "passed"


@pytest.mark.parametrize("name", TASKS)
def test_the_revealed_text_is_a_solution_by_itself(name):
    shown = labs.reveal(name)
    space: dict = {}
    exec(shown.code, space)
    assert labs.check(name, space[TASKS[name].function]).passed
    assert record.tasks()[name]["revealed"]


@pytest.mark.parametrize("name", TASKS)
def test_the_untouched_stub_is_not_done_yet(name):
    verdict = labs.check(name, stub(TASKS[name]))
    assert verdict.state == "todo"
    assert verdict.say.startswith(f"not done yet: {TASKS[name].todo}")
    assert name not in record.tasks()


@pytest.mark.parametrize(("name", "answer"), PASSING)
def test_other_right_answers_pass(name, answer):
    verdict = labs.check(name, answer)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("name", "answer", "words"), FAILING)
def test_wrong_answers_get_a_message_of_their_own(name, answer, words):
    verdict = labs.check(name, answer)
    assert verdict.state == "wrong" and re.search(words, verdict.say), verdict
    assert "?" in verdict.say or verdict.expected or verdict.got
    assert record.tasks()[name]["state"] == "tried"


def code_lines(name: str) -> set[str]:
    """Lines of a solution that say something."""
    lines = (line.strip() for line in solutions.text(name).splitlines()[1:])
    plain = ("def ", "import ", "from ")
    return {line for line in lines if len(line) > 24 and not line.startswith(plain)}


def test_no_solution_leaks_into_what_learners_get():
    files = [f for folder in ("labs", "notebooks") for f in (ROOT / folder).rglob("*")]
    texts = {f: f.read_text("utf-8") for f in files if f.suffix in (".py", ".ipynb", ".md")}
    books = {f: json.loads(t) for f, t in texts.items() if f.suffix == ".ipynb"}
    texts |= {
        f: "\n".join("".join(cell["source"]) for cell in content["cells"])
        for f, content in books.items()
    }
    leaks = [
        (name, f.name, line)
        for name in TASKS
        for line in code_lines(name)
        for f, text in texts.items()
        if line in text
    ]
    assert all(len(code_lines(name)) >= 1 for name in TASKS) and not leaks


@pytest.mark.parametrize("name", TASKS)
def test_messages_and_hints_do_not_hold_a_solution(name):
    one = TASKS[name]
    said = [one.todo, one.praise, *one.hints]
    said += [str(labs.check(name, answer)) for answer, _ in WRONG[name]]
    assert not [line for line in code_lines(name) if any(line in text for text in said)]


# --- rough handling -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"), [(None, "None where a function"), (5, "brackets too many")]
)
def test_what_is_no_function_is_said(given, words):
    verdict = labs.check("01.1", given)
    assert verdict.state == "wrong" and words in verdict.say and "kv_cache_bytes" in verdict.say


def test_a_forgotten_function_and_an_unknown_task_are_said():
    assert "nothing to check" in labs.check("01.1").say
    assert "01.1" in labs.check("01.9", len).say
    assert "01.1" in labs.hint("9").say and "01.1" in labs.reveal("nine").say


def test_an_exception_is_explained_with_its_line(tmp_path):
    source = "def kv_cache_bytes(shape, tokens, batch=1):\n    return shape['layer'] * tokens\n"
    file = tmp_path / "cell.py"
    file.write_text(source)
    space: dict = {}
    exec(compile(source, str(file), "exec"), space)
    verdict = labs.check("01.1", space["kv_cache_bytes"])
    assert "KeyError ('layer') on line 2, `return shape['layer'] * tokens`" in verdict.say
    assert verdict.given.startswith("kv_cache_bytes({'layers': 32")
    assert "Traceback" not in str(verdict)


def test_wrong_numbers_of_arguments_and_endless_recursion_are_explained():
    assert "TypeError" in labs.check("01.1", lambda: 1).say

    def again(*given, **named):
        return again(*given, **named)

    assert "RecursionError" in labs.check("01.1", again).say


def test_an_endless_loop_is_stopped():
    def endless(*_):
        while True:
            with contextlib.suppress(Exception):
                pass

    began = time.monotonic()
    verdict = labs.check("02.1", endless, limit=0.3)
    assert time.monotonic() - began < 3 and "come to an end" in verdict.say


class Odd:
    """Breaks whoever looks at it."""

    def __repr__(self):
        raise ValueError("no")

    def __eq__(self, other):
        raise ValueError("no")

    __hash__ = None


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [None], [[1]], {"a": 1}, Odd(), print])
def test_no_returned_value_makes_a_check_raise(name, value):
    verdict = labs.check(name, lambda *given, **named: value)
    assert verdict.state == "wrong" and verdict.say
    assert verdict._repr_html_() and str(verdict)


def test_a_learner_who_alters_the_arguments_spoils_nothing():
    def greedy(models, memory_gb):
        models.clear()
        return []

    assert labs.check("01.2", greedy).state == "wrong"
    assert labs.check("01.2", solutions.load("01.2")).passed


# --- hints, progress, looks ---------------------------------------------------------------------


def test_hints_come_one_by_one_and_are_counted():
    hints = TASKS["02.4"].hints
    shown = [str(labs.hint("02.4")) for _ in range(len(hints) + 1)]
    assert hints[0] in shown[0] and hints[1] not in shown[0] and hints[1] in shown[1]
    assert "reveal" not in shown[0] and 'labs.reveal("02.4")' in shown[-1]
    assert record.tasks()["02.4"]["hints"] == len(hints)


def test_progress_keeps_a_pass_and_counts_tries():
    labs.check("01.1", lambda *_: 0)
    labs.check("01.1", solutions.load("01.1"))
    labs.check("01.1", lambda *_: 0)
    entry = record.tasks()["01.1"]
    assert (entry["state"], entry["tries"]) == ("passed", 3) and entry["passed"]


def test_a_broken_progress_file_is_set_aside():
    record.tried("01.1", "passed")
    record.file().write_text("{ half", encoding="utf-8")
    assert record.tasks() == {}
    assert record.tried("01.2", "passed") == ""
    assert list(record.tasks()) == ["01.2"]
    assert record.file().with_suffix(".broken.json").read_text("utf-8") == "{ half"


def test_progress_that_cannot_be_kept_is_said_and_harms_no_check(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    verdict = labs.check("01.1", solutions.load("01.1"))
    assert verdict.passed and "could not be kept" in str(verdict)


def test_a_verdict_escapes_what_it_shows():
    verdict = labs.check("02.1", lambda page: "<script>alert(1)</script>")
    assert "<script>" not in verdict._repr_html_() and "&lt;script" in verdict._repr_html_()


def test_a_verdict_reads_well_as_text():
    text = str(labs.check("01.1", first.WRONG["01.1"][0][0]))
    assert "✘ 01.1" in text and "expected: 1073741824" in text and "got:      536870912" in text
