"""Run folders under ``runs/``: a new one, the latest of a profile, and the lock on one."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from workbench.errors import BadInput
from workbench.settings import settings

REPORT = "report.json"


def new(profile: str) -> Path:
    """A fresh folder ``runs/<time>-<profile>``; two runs in one second get two folders."""
    stamp = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    number = 1
    while True:
        folder = settings().runs / f"{stamp}-{profile}{'' if number == 1 else f'-{number}'}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1


def latest(profile: str) -> Path | None:
    """The most recently started run of a profile that has a report, if any."""
    found = [(report(path.parent), path.parent) for path in settings().runs.glob(f"*/{REPORT}")]
    mine = [(r.get("started", ""), folder) for r, folder in found if r.get("profile") == profile]
    real = [pair for pair in mine if not pair[1].is_symlink()]
    return max(real)[1] if real else None


def report(folder: Path) -> dict[str, Any]:
    """The report of a run folder, empty if there is none that can be read."""
    try:
        content = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def point_latest(folder: Path) -> None:
    """Let ``runs/latest`` lead to a run: a link, or a text file where links cannot be made."""
    pointer = settings().runs / "latest"
    if folder.parent != pointer.parent:
        return
    aside = pointer.with_name(f"latest.{os.getpid()}.part")
    aside.unlink(missing_ok=True)
    try:
        aside.symlink_to(folder.name)
    except OSError:
        aside.write_text(folder.name + "\n", encoding="utf-8")
    aside.replace(pointer)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; raises BadInput while another run writes in it."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file", "name a folder with --out")
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / "logs" / ".lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BadInput(
            f"another run is writing in {folder}", "wait for it, or name another folder with --out"
        ) from None
    try:
        yield
    finally:
        lock.release()
