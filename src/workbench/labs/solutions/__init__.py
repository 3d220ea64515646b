"""One solution a task; shown by ``reveal`` alone, and the reference that checks compare with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any


def text(task: str) -> str:
    """The source of the solution of a task (``"01.2"``)."""
    name = f"task_{task.replace('.', '_')}.py"
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


@cache
def load(task: str) -> Callable[..., Any]:
    """The solution of a task as a function: the last one that its file defines."""
    import importlib
    import inspect

    module = importlib.import_module(f"{__name__}.task_{task.replace('.', '_')}")
    mine = [
        f
        for _, f in inspect.getmembers(module, inspect.isfunction)
        if f.__module__ == module.__name__
    ]
    return max(mine, key=lambda function: function.__code__.co_firstlineno)
