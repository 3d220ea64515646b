"""HumanEval on models of our own: the grader is checked, then programs are written and run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from workbench.bench import kept
from workbench.errors import WorkbenchError
from workbench.evals import humaneval, intervals, mutants
from workbench.evals.humaneval import Grade, Sample, Task

NAME = "humaneval"
#: What is being done, how many are done, and of how many.
Say = Callable[[str, int, int], None]


def check(tasks: Sequence[Task], slips: int = 0, say: Say | None = None) -> dict[str, Any]:
    """Grade the grader: canonical solutions must all pass, programs that are wrong must all fail.

    Per kind ``{"n", "passed"}``; ``ok`` when right ones score 1.0 and wrong ones 0.0. With
    ``slips``, up to so many changed solutions a task are graded too: slower, as each is first
    compared with the canonical solution.
    """
    right = [("canonical", t, t.canonical) for t in tasks]
    right += [("wrapped", t, mutants.sound(t).answer) for t in tasks]
    wrong = [(m.kind, m.task, m.answer) for t in tasks for m in mutants.spoilt(t)]
    if slips:
        for done, t in enumerate(tasks, 1):
            wrong += [("slip: " + m.kind, t, m.answer) for m in mutants.changed(t, slips)]
            _say(say, "looking for slips", done, len(tasks))
    programs = right + wrong
    grades = humaneval.grade_all(
        [(task, answer) for _, task, answer in programs],
        on_grade=lambda done: _say(say, "checking the grader", done, len(programs)),
    )
    passed = [grade.passed for grade in grades]
    first, last = passed[: len(right)], passed[len(right) :]
    kinds: dict[str, dict[str, int]] = {}
    for (kind, _, _), good in zip(programs, passed, strict=True):
        row = kinds.setdefault(kind, {"n": 0, "passed": 0})
        row["n"] += 1
        row["passed"] += good
    return {
        "ok": all(first) and not any(last),
        "tasks": len(tasks),
        "right": {"n": len(first), "score": sum(first) / len(first)},
        "wrong": {"n": len(last), "score": sum(last) / len(last)},
        "kinds": kinds,
    }


def measure(
    models: Sequence[str],
    tasks: Sequence[Task],
    samples: int = 1,
    k: int = 1,
    temperature: float = 0.0,
    max_tokens: int = 256,
    say: Say | None = None,
    at_once: int = 1,
) -> dict[str, Any]:
    """pass@k of each model on the tasks, with its interval, and what became of each program.

    Answers are kept as they come; stopped and started again, it goes on. Raises BadInput for ``k``
    above ``samples``, and what :func:`humaneval.sample` and :func:`humaneval.grade` raise.
    """
    humaneval.pass_at_k(samples, 0, k)  # before anything is asked of a model
    rows = []
    for model in models:
        written, total = [], samples * len(tasks)
        _say(say, model, 0, total)
        options = {"temperature": temperature, "max_tokens": max_tokens, "at_once": at_once}
        for one in humaneval.sample(model, tasks, samples, **options):
            written.append(one)
            _say(say, model, len(written), total)
        grades = humaneval.grade_all((one.task, one.text) for one in written)
        rows.append({**_row(model, written, grades, samples, k), "at_once": at_once})
    return {
        "n": len(tasks),
        "k": k,
        "setting": setting(samples, temperature, max_tokens),
        "models": rows,
        "gains": gains(rows),
    }


def setting(samples: int, temperature: float, max_tokens: int) -> dict[str, Any]:
    """What the score depends on beside the model; scores of other settings are no neighbours."""
    return {
        "examples": 0,
        "form": "one chat turn; the answer is read up to the end of its first code block",
        "prompt": humaneval.ASK,
        "samples": samples,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "seconds": humaneval.SECONDS,
    }


def _row(
    model: str, written: list[Sample], grades: list[Grade], samples: int, k: int
) -> dict[str, Any]:
    import statistics

    groups = [grades[i : i + samples] for i in range(0, len(grades), samples)]
    score = humaneval.estimate([[g.passed for g in group] for group in groups], k)
    return {
        "model": model,
        "n": score.n,
        "pass_at_k": score.value,
        "low": score.low,
        "high": score.high,
        "ended": dict(Counter(g.status for g in grades)),
        "cut": sum(one.cut for one in written),
        "seconds": statistics.median(one.seconds for one in written),
        "output_tokens": statistics.median(one.output_tokens for one in written),
        "tasks": {
            group[0].task: {
                "right": sum(g.passed for g in group),
                "of": len(group),
                "reason": next((g.reason for g in group if not g.passed), ""),
            }
            for group in groups
        },
    }


def gains(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each later model against the first, task by task, on the tasks that both have done."""
    found = []
    for row in rows[1:]:
        both = [name for name in row["tasks"] if name in rows[0]["tasks"]]
        if not both:
            continue
        after, before = (
            [r["tasks"][name]["right"] / r["tasks"][name]["of"] for name in both]
            for r in (row, rows[0])
        )
        gain = intervals.paired(after, before)
        found.append(
            {
                "model": row["model"], "against": rows[0]["model"], "n": gain.n,
                "gain": gain.value, "low": gain.low, "high": gain.high, "verdict": gain.verdict,
            }
        )  # fmt: skip
    return found


def keep(command: str, result: dict[str, Any]) -> None:
    """Keep it as ``docs/results/humaneval.json``.

    Models measured earlier in the same setting stay in the file, and so does the grader's check:
    models take so different times that each is measured on as many tasks as it allows.
    """
    try:
        old = kept.load(NAME)
    except WorkbenchError:
        old = {}
    if "models" in result and old.get("setting") == result["setting"] and old["k"] == result["k"]:
        new = {row["model"] for row in result["models"]}
        rows = [row for row in old.get("models", []) if row["model"] not in new]
        rows = sorted(rows + result["models"], key=lambda row: -row["n"])
        result = {**result, "models": rows, "gains": gains(rows), "n": rows[0]["n"]}
    about = ("command", "commit", "date", "machine")
    stays = {key: value for key, value in old.items() if key not in about}
    commands = [*old.get("commands", []), command]
    kept.keep(NAME, command, {**stays, **result, "commands": list(dict.fromkeys(commands))})


def _say(say: Say | None, what: str, done: int, total: int) -> None:
    if say:
        say(what, done, total)
