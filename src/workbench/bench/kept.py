"""Results that were measured at length and are kept in ``docs/results`` for the notebooks."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import BrokenFile, MissingPiece
from workbench.settings import settings


def path(name: str) -> Path:
    """The file of a kept result: ``docs/results/NAME.json``."""
    return settings().root / "docs" / "results" / f"{name}.json"


def keep(name: str, command: str, result: dict[str, Any]) -> Path:
    """Write a result with the command that made it, the commit, the day and the machine."""
    about = {
        "command": command,
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
    }
    target = path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".json.part")
    text = json.dumps(about | result, indent=1, ensure_ascii=False) + "\n"
    part.write_text(text, encoding="utf-8")
    part.replace(target)
    return target


def load(name: str) -> dict[str, Any]:
    """A kept result. Raises MissingPiece where there is none, BrokenFile for a damaged one."""
    try:
        return json.loads(path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingPiece(
            f"there is no kept result {path(name)}", "measure it: workbench bench --help"
        ) from None
    except ValueError as error:
        raise BrokenFile(
            f"the kept result {path(name)} cannot be read: {error}", "restore it, or measure again"
        ) from None


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=settings().root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _machine() -> str:
    """Cores and processor, as "2 cores, AMD EPYC"; no name of the machine itself."""
    import psutil

    return f"{psutil.cpu_count()} cores, {_processor()}"


def _processor() -> str:
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
