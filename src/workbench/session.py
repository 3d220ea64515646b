"""A notebook's set-up cell and what it records: metrics, the phase's row, shared artifacts."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.display.course import check_phase, course_file, recorded
from workbench.errors import BadInput, UnknownName, WorkbenchError
from workbench.settings import quiet, settings

if TYPE_CHECKING:
    import ollama

PROFILES = ("fast", "full", "gpu")
#: The file to which a run's metrics go, one JSON object a line; set by ``workbench run``.
RECORD = "WORKBENCH_RECORD"


@dataclass(frozen=True)
class Session:
    """What a notebook works with: its profile, the model server and the artifacts folder."""

    notebook: str
    profile: str
    host: str
    models: tuple[str, ...]
    artifacts: Path

    @property
    def client(self) -> ollama.Client:
        """The ``ollama`` client at the server in use, started again if it went away."""
        from workbench.llm import client as llm

        return llm.client()

    def artifact(self, name: str, build: Callable[[Path], Any]) -> Path:
        """See :func:`artifact`."""
        return artifact(name, build)


def start(
    notebook: str,
    profile: str = "fast",
    models: Sequence[str] = ("smollm2:135m",),
    tracing: bool = True,
) -> Session:
    """Set a notebook up: model server, models, traces, figure style; prints what it found.

    Raises UnknownName for a profile that does not exist, and ModelMissing, with the command to
    type, for a model that is not there.
    """
    if profile not in PROFILES:
        raise UnknownName("profile", profile, PROFILES)
    quiet()
    from workbench import display
    from workbench.llm import client as llm

    display.style()
    traces = _start_tracing() if tracing else "off"
    host = llm.host()
    kind = "embedded server" if llm.embedded(host) else "your Ollama"
    llm.ensure(*models)
    artifacts = settings().artifacts
    artifacts.mkdir(parents=True, exist_ok=True)
    print(f"notebook   {notebook}, profile {profile}")
    print(f"models     {', '.join(models)} at {host} ({kind})")
    print(f"traces     {traces}")
    return Session(notebook, profile, host, tuple(models), artifacts)


def _start_tracing() -> str:
    """Where the traces can be seen; a viewer that does not start is never a reason to stop."""
    from workbench import tracing

    tracing.start()
    try:
        return tracing.url()
    except (WorkbenchError, OSError):
        return "no viewer; answers are not affected"


def metric(name: str, value: float, unit: str = "", show: bool = True) -> float:
    """Record a measured number under a name that ``nbconfig/expectations.toml`` can bound.

    Appends one line to the file named by ``WORKBENCH_RECORD``, if that is set, and shows one.
    Raises BadInput for anything but a finite number.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.@-]*", name):
        raise BadInput(f"{name!r} is no name for a metric", "use letters, digits and _ . @ -")
    number = _finite(name, value)
    _append({"metric": name, "value": number, **({"unit": unit} if unit else {})})
    if show:
        shown = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
        print(f"{name} = {shown}{' ' if unit else ''}{unit}")
    return number


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise BadInput(f"{name} is {value!r}, which is not a number", "pass an int or a float")
    if not math.isfinite(value):
        raise BadInput(
            f"{name} is {float(value)}", "a mean of nothing? check that something was measured"
        )
    return float(value)


def _append(record: dict[str, Any]) -> None:
    """One line in one write: lines from several processes never mix."""
    target = os.environ.get(RECORD)
    if not target:
        return
    line = json.dumps(record, ensure_ascii=False) + "\n"
    handle = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode("utf-8"))
    finally:
        os.close(handle)


def record_phase(phase: int, what: str = "", **numbers: float) -> dict[str, Any]:
    """Write the phase's row of the course table, in place of an earlier one.

    The table shows ``quality`` (a share) with ``low``, ``high`` and ``n``, ``latency_s``,
    ``memory_mb`` and ``usd_per_1000``; ``what`` says in a few words what was measured.
    """
    row: dict[str, Any] = {name: _finite(name, value) for name, value in numbers.items()}
    row |= {"what": what, "recorded": datetime.now(UTC).isoformat(timespec="seconds")}
    path = course_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    from filelock import FileLock

    with FileLock(f"{path}.lock"):
        phases = recorded() | {str(check_phase(phase)): row}
        part = path.with_suffix(".json.part")
        part.write_text(json.dumps({"phases": dict(sorted(phases.items()))}, indent=1), "utf-8")
        part.replace(path)
    return row


def artifact(name: str, build: Callable[[Path], Any]) -> Path:
    """What an earlier phase left under ``artifacts/NAME``, else built now; says which.

    ``build`` writes a file or a folder at the path it is given, which is renamed into place when it
    returns: a build that was killed leaves nothing that could be taken for whole.
    """
    path = settings().artifacts / name
    path.parent.mkdir(parents=True, exist_ok=True)
    from filelock import FileLock

    with FileLock(path.with_name(path.name + ".lock")):
        if path.exists():
            print(f"{name}: taken from artifacts/")
            return path
        part = path.with_name(path.name + ".part")
        _remove(part)
        try:
            build(part)
            if not part.exists():
                raise BadInput(
                    f"the build of {name} wrote nothing", f"write to the path it is given: {part}"
                )
            part.replace(path)
        finally:
            _remove(part)
    print(f"{name}: built now")
    return path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
