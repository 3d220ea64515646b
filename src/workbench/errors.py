"""What can go wrong, as a tree.

WorkbenchError
├── BadInput             something the user gave: a file, a parameter, a name
│   └── UnknownName      a name that does not exist; lists the ones that do
├── MissingPiece         something that must be installed, pulled or started first
│   └── ModelMissing
├── BrokenFile           a file cut short, altered or unreadable
│   └── HashMismatch
├── OutOfRoom            no disk space, no memory
├── ServerError          the model server, Phoenix or the gateway did not do its part
└── Interrupted          stopped by a time limit or by Ctrl-C
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WorkbenchError(Exception):
    """A problem that a person can act on: what happened, and the fix.

    ``exit_code`` is what the command line exits with: 2 for wrong usage or a missing piece.
    """

    exit_code = 2

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what}\n  fix: {fix}" if fix else what)
        self.what = what
        self.fix = fix


class BadInput(WorkbenchError):
    """The user gave something that cannot be used."""


class UnknownName(BadInput):
    """A name that does not exist; the message lists those that do, the nearest first."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        there = ", ".join(names) or "none"
        super().__init__(f"unknown {kind} {name!r}", f"{hint}there are: {there}")


class MissingPiece(WorkbenchError):
    """Something must be installed, pulled or started first."""


class ModelMissing(MissingPiece):
    """A model is not in the store."""


class BrokenFile(WorkbenchError):
    """A file is cut short, altered or unreadable."""


class HashMismatch(BrokenFile):
    """A file's SHA-256 is not the pinned one."""


class OutOfRoom(WorkbenchError):
    """Disk or memory is too small for what was asked."""


class ServerError(WorkbenchError):
    """A server that the workbench relies on did not do its part."""


class Interrupted(WorkbenchError):
    """Stopped by a time limit or by Ctrl-C."""

    exit_code = 130
