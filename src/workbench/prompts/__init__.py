"""Prompts are files with versions: one folder for a name, one file for a version.

``get`` gives the version in force: the pinned one, else the latest packaged. The functions here act
on the working copy's registry; ``Registry(folder)`` is one of its own, whose pins concern nobody
else.

>>> prompts.get("answer").render(passages="…", question="…")
>>> prompts.diff(prompts.get("answer", 1), prompts.get("answer", 2))
"""

from __future__ import annotations

from typing import Any

from workbench.prompts.diff import Diff, diff
from workbench.prompts.file import read
from workbench.prompts.pins import Event, Log
from workbench.prompts.prompt import Prompt, Score
from workbench.prompts.registry import Registry, files
from workbench.prompts.viewer import Published, to_phoenix

__all__ = [
    "Diff", "Event", "Log", "Prompt", "Published", "Registry", "Score", "diff", "files", "get",
    "log", "names", "pin", "read", "rollback", "save", "to_phoenix", "versions",
]  # fmt: skip


def names() -> list[str]:
    """All prompts there are."""
    return Registry().names()


def versions(name: str) -> list[int]:
    """The versions of a prompt, oldest first; raises UnknownName."""
    return Registry().versions(name)


def get(name: str, version: int | None = None) -> Prompt:
    """A prompt by name, the version in force unless one is named; see :meth:`Registry.get`."""
    return Registry().get(name, version)


def save(name: str, messages: Any, changelog: str, **more: Any) -> Prompt:
    """Write the next version of a prompt; see :meth:`Registry.save`."""
    return Registry().save(name, messages, changelog, **more)


def pin(name: str, version: int, reason: str) -> Prompt:
    """Put a version in force for this working copy; see :meth:`Registry.pin`."""
    return Registry().pin(name, version, reason)


def rollback(name: str, reason: str = "") -> Prompt:
    """Undo the latest pin; see :meth:`Registry.rollback`."""
    return Registry().rollback(name, reason)


def log(name: str) -> Log:
    """What was pinned and rolled back, oldest first."""
    return Registry().log(name)
