"""The exercises: which tasks there are, and where each one's check is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import UnknownName

if TYPE_CHECKING:
    from workbench.labs.asking import Learner

#: Phase -> the folder of its exercise under ``labs/``, and the module with its tasks.
PHASES = {
    "01": ("01_model_selection", "workbench.labs.model_selection"),
    "02": ("02_data_and_prompts", "workbench.labs.data_and_prompts"),
}


@dataclass(frozen=True)
class Task:
    """One task: ``function`` is what the learner writes, ``check`` looks at how it behaves.

    ``check`` gets the :class:`~workbench.labs.asking.Learner`; it returns what may be shown above
    the verdict, or raises :class:`~workbench.labs.asking.Wrong`. ``difficulty`` runs from 1 to 3.
    """

    id: str
    title: str
    function: str
    minutes: int
    difficulty: int
    todo: str
    praise: str
    hints: tuple[str, ...]
    check: Callable[[Learner], Any]

    @property
    def stars(self) -> str:
        """The difficulty as a person sees it."""
        return "●" * self.difficulty + "○" * (3 - self.difficulty)


def of_phase(phase: str) -> list[Task]:
    """The tasks of a phase (``"01"``), in their order; raises UnknownName."""
    if phase not in PHASES:
        raise UnknownName("exercise", phase, PHASES)
    return list(importlib.import_module(PHASES[phase][1]).TASKS)


def every() -> list[Task]:
    """All tasks of all phases, in their order."""
    return [task for phase in PHASES for task in of_phase(phase)]


def find(name: object) -> Task:
    """A task by its id (``"01.2"``); raises UnknownName, which lists those that there are."""
    wanted = str(name).strip()
    for task in every():
        if task.id == wanted:
            return task
    raise UnknownName("task", wanted, [task.id for task in every()])
