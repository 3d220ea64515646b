"""LLMOps Workbench: run language models in production, learned on a laptop.

Everything public is reached as ``workbench.X``. Importing defines names and does nothing else.
"""

from __future__ import annotations

import importlib

#: Public name -> the module that has it. Loaded at first use.
_HOMES = {
    "WorkbenchError": "workbench.errors",
    "settings": "workbench.settings",
    "start": "workbench.session",
    "metric": "workbench.session",
    "client": "workbench.llm.client",
    "host": "workbench.llm.client",
    "traces": "workbench.tracing",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    there = ", ".join(__all__)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}; it has {there}")


def __dir__() -> list[str]:
    return __all__
