"""Hints, one more each time they are asked for, and a solution for those who decide to see one."""

from __future__ import annotations

from workbench.errors import UnknownName
from workbench.labs import record, solutions
from workbench.labs.task import Task, find
from workbench.labs.verdict import Help, Verdict

#: Hints shown so far in this session, by task.
_seen: dict[str, int] = {}


def hint(task: str) -> Help | Verdict:
    """The next hint for a task, below those that were shown before."""
    found = _found(task)
    if isinstance(found, Verdict):
        return found
    count = _seen[found.id] = min(_seen.get(found.id, 0) + 1, len(found.hints))
    record.helped(found.id, hints=count)
    steps = [f"{n} of {len(found.hints)}: {text}" for n, text in enumerate(found.hints[:count], 1)]
    if count == len(found.hints):
        steps.append(f'That was the last one. A solution: `labs.reveal("{found.id}")`')
    else:
        steps.append(f'Call `labs.hint("{found.id}")` again for the next one.')
    return Help(found.id, "help", tuple(steps))


def reveal(task: str) -> Help | Verdict:
    """A solution of a task. Yours may be another one and just as right."""
    found = _found(task)
    if isinstance(found, Verdict):
        return found
    record.helped(found.id, revealed=True)
    say = "One of several right answers. Type it rather than copy it, and change something."
    return Help(found.id, "solution", (say,), solution(found))


def solution(task: Task) -> str:
    """The source text of a task's solution, as a learner may put it into the notebook."""
    source = solutions.text(task.id)
    return source.split('"""', 2)[2].strip() + "\n" if source.startswith('"""') else source


def _found(task: str) -> Task | Verdict:
    try:
        return find(task)
    except UnknownName as error:
        return Verdict(str(task), "no such task", "wrong", f"{error.what}; {error.fix}")
