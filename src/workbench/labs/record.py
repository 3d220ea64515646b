"""What a learner has done, kept in the user's state folder and sent nowhere.

``labs/progress.json``: ``{"tasks": {"01.1": {"state", "tries", "hints", "revealed", "passed"}}}``;
``state`` is ``passed`` or ``tried``, ``passed`` the time of the first pass.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.settings import settings

#: The file to which ``workbench labs check`` has each verdict written, one JSON object a line.
LOG = "WORKBENCH_LABS_LOG"
FRESH: dict[str, Any] = {"state": "", "tries": 0, "hints": 0, "revealed": False, "passed": ""}


def file() -> Path:
    """Where progress is kept."""
    return settings().state / "labs" / "progress.json"


def tasks() -> dict[str, dict[str, Any]]:
    """What is known of each task by its id; empty before the first try."""
    try:
        kept = json.loads(file().read_text(encoding="utf-8"))["tasks"]
        return {str(name): FRESH | dict(entry) for name, entry in kept.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def tried(task: str, state: str) -> str:
    """Count a try that was ``passed`` or ``wrong``; what went wrong with keeping it, or nothing."""

    def change(entry: dict[str, Any]) -> None:
        entry["tries"] += 1
        entry["state"] = "passed" if "passed" in (state, entry["state"]) else "tried"
        entry["passed"] = entry["passed"] or (_now() if state == "passed" else "")

    return _change(task, change)


def helped(task: str, hints: int = 0, revealed: bool = False) -> str:
    """Note how many hints were seen, or that a solution was."""

    def change(entry: dict[str, Any]) -> None:
        entry["hints"] = max(entry["hints"], hints)
        entry["revealed"] = entry["revealed"] or revealed

    return _change(task, change)


def _change(task: str, change) -> str:
    """Alter one task's entry; two notebooks that do so at once lose nothing."""
    from filelock import FileLock, Timeout

    path = file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=5):
            _set_aside_if_broken(path)
            kept = tasks()
            entry = dict(kept.get(task, FRESH))
            change(entry)
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            part.write_text(json.dumps({"tasks": kept | {task: entry}}, indent=1), "utf-8")
            part.replace(path)
    except (OSError, Timeout) as error:
        return f"Your progress could not be kept: {error}"
    return ""


def _set_aside_if_broken(path: Path) -> None:
    """A file that cannot be read is kept under another name, for a person to look at."""
    if not path.exists():
        return
    try:
        dict(json.loads(path.read_text(encoding="utf-8"))["tasks"])
    except (ValueError, KeyError, TypeError):
        path.replace(path.with_suffix(".broken.json"))


def log(line: dict[str, Any]) -> None:
    """One line in the log of ``workbench labs check``, where there is one."""
    target = os.environ.get(LOG)
    if target:
        with Path(target).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
