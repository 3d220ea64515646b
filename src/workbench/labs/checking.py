"""One check: within its time, around a learner's function; it ends in a verdict, never a raise."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from workbench.errors import UnknownName
from workbench.labs import record
from workbench.labs.asking import NOTHING, Learner, NotDone, TimeUp, Wrong, shown
from workbench.labs.task import Task, find
from workbench.labs.verdict import Verdict

#: Seconds that a check may take.
LIMIT = 20.0
ABSENT = object()


def check(task: str, learners: Any = ABSENT, limit: float = LIMIT) -> Verdict:
    """Try the learner's function on a task and say how it went; never raises at a learner.

    ``limit`` in seconds. Passes and tries are kept in the user's state folder.
    """
    try:
        found = find(task)
    except UnknownName as error:
        return Verdict(str(task), "no such task", "wrong", f"{error.what}; {error.fix}")
    verdict = _judge(found, learners, limit)
    if verdict.state != "todo":
        trouble = record.tried(found.id, verdict.state)
        if trouble:
            verdict = Verdict(**{**vars(verdict), "note": trouble})
    record.log({"task": found.id, "state": verdict.state, "say": verdict.say, "text": str(verdict)})
    return verdict


def _judge(task: Task, learners: Any, limit: float) -> Verdict:
    if not callable(learners):
        return Verdict(task.id, task.title, "wrong", _no_function(task, learners))
    learner = Learner(learners, task.function)
    try:
        with time_limit(limit):
            picture = task.check(learner)
    except NotDone:
        say = f'not done yet: {task.todo} A first hint: `labs.hint("{task.id}")`'
        return Verdict(task.id, task.title, "todo", say)
    except Wrong as wrong:
        return _wrong(task, wrong)
    except TimeUp:
        say = f"Your function ran for over {limit:g} seconds. Does a loop of yours come to an end?"
        return Verdict(task.id, task.title, "wrong", say)
    except Exception as error:
        say = (
            f"What your function returned could not be looked at ({type(error).__name__}: "
            f"{error}). Is it of the kind that the task asks for? If so, this check is at fault."
        )
        return Verdict(task.id, task.title, "wrong", say)
    return Verdict(task.id, task.title, "passed", task.praise, picture=picture)


def _no_function(task: Task, learners: Any) -> str:
    call = f'`labs.check("{task.id}", {task.function})`'
    if learners is ABSENT:
        return f"There is nothing to check. Give the function as well: {call}"
    if learners is None:
        return f"You gave None where a function belongs. Give its name without brackets: {call}"
    gave = shown(learners, 80)
    return f"You gave {gave}, not a function. Is there a pair of brackets too many? {call}"


def _wrong(task: Task, wrong: Wrong) -> Verdict:
    expected = "" if wrong.expected is NOTHING else shown(wrong.expected)
    got = "" if wrong.got is NOTHING else shown(wrong.got)
    return Verdict(
        task.id, task.title, "wrong", wrong.say, expected, got, wrong.given, picture=wrong.picture
    )


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp in what runs longer; where signals cannot be had, there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # again, in case it was swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
