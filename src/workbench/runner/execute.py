"""One notebook from start to its result: a process of its own, watched until it ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat

from workbench.runner import expectations, record, watch
from workbench.runner.expectations import Bound
from workbench.runner.plan import Job
from workbench.settings import quiet, settings

Look = Callable[["State"], None] | None
POLL_S = 0.2
SAMPLE_S = 0.5
MB = 1_000_000


@dataclass
class State:
    """Where a running notebook stands, for a person to look at."""

    cells: int = 0
    number: int = 0
    line: str = ""
    index: int | None = None
    seconds: float = 0.0
    cell_seconds: float = 0.0
    peak_rss_mb: float = 0.0
    end: dict[str, Any] = field(default_factory=dict)
    _read: int = 0
    _cell_began: float = 0.0

    def follow(self, events: Path) -> None:
        """Take in the events written since the last call."""
        text = events.read_bytes() if events.exists() else b""
        whole = text.rfind(b"\n") + 1
        for line in text[self._read : whole].splitlines():
            self._take(json.loads(line))
        self._read = whole
        self.cell_seconds = time.monotonic() - self._cell_began if self._cell_began else 0.0

    def _take(self, event: dict[str, Any]) -> None:
        name = event.pop("event")
        if name == "start":
            self.cells = event["cells"]
        elif name == "cell":
            self.number, self.index, self.line = event["number"], event["index"], event["line"]
            self._cell_began = time.monotonic()
        elif name == "done":
            self._cell_began = 0.0
        elif name == "end":
            self.end = event

    def place(self) -> str:
        """The cell that runs now, in words."""
        if not self.number:
            return "before its first cell"
        return f"in cell {self.number} of {self.cells}: {self.line}"


class Stop:
    """Turns Ctrl-C and SIGTERM into a flag while entered, so that nothing is left half-done."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Stop:
        self._before = {s: signal.signal(s, self._ask) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True


@dataclass(frozen=True)
class Files:
    """Where a notebook's run writes, in a run folder."""

    folder: Path
    name: str

    @property
    def notebook(self) -> Path:
        return self.folder / f"{self.name}.ipynb"

    @property
    def page(self) -> Path:
        return self.folder / f"{self.name}.html"

    @property
    def log(self) -> Path:
        return self.logs(".log")

    def logs(self, suffix: str) -> Path:
        """A file beside the results that only a person in doubt opens."""
        return self.folder / "logs" / f"{self.name}{suffix}"


def execute(
    job: Job, folder: Path, timeout: float, bounds: list[Bound], stop: Stop, look: Look = None
) -> dict[str, Any]:
    """Execute a notebook and return its entry for the report.

    ``timeout`` in seconds is for the whole notebook; ``look`` is called with the :class:`State`
    some times a second. Whatever happens, no process of the notebook is left.
    """
    files = Files(folder, job.name)
    started, began = datetime.now().astimezone(), time.monotonic()
    state, memory = State(), watch.Memory(uuid.uuid4().hex)
    with _child(job, files, memory.mark) as process:
        error = _watch(process, files, state, memory, timeout, stop, look or (lambda state: None))
    error = error or _how_it_ended(process.returncode, state, files)
    _keep_notebook(job, files, state, error)
    entry = {
        "name": job.name,
        "title": job.title,
        "status": "",
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - began, 2),
        "cells": state.cells,
        "peak_rss_mb": round(memory.peak / MB, 1),
        "tree_rss_mb": round(memory.tree / MB, 1),
        "services_rss_mb": round(memory.services / MB, 1),
    }
    measured = _measured(files, bounds, error)
    return entry | measured | {"parameters": job.parameters, "fingerprint": job.fingerprint}


def _measured(files: Files, bounds: list[Bound], error: str | None) -> dict[str, Any]:
    """What the notebook wrote down, held against its bounds."""
    read = record.read(files.logs(".record.jsonl"))
    checked = expectations.check(bounds, read.metrics)
    broken = [expectations.sentence(entry) for entry in checked if not entry["ok"]]
    ran = not error
    if broken and ran:
        error = "expectation broken: " + "; ".join(broken)
    return {
        "model_calls": read.total.calls,
        "prompt_tokens": read.total.prompt_tokens,
        "output_tokens": read.total.output_tokens,
        "model_seconds": read.total.seconds,
        "models": {name: asdict(calls) for name, calls in read.models.items()},
        "embed_calls": read.embeds,
        "embedded_texts": read.texts,
        "metrics": read.metrics,
        "units": {name: unit for name, unit in read.units.items() if unit},
        "expectations": checked,
        "ran": ran,
        "error": error,
        "status": "failed" if error else "ok",
    }


@contextlib.contextmanager
def _child(job: Job, files: Files, mark: str) -> Iterator[subprocess.Popen]:
    """The process that executes the notebook; it and all it started are stopped at the end."""
    files.log.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".events.jsonl", ".record.jsonl", ".ipynb"):
        files.logs(suffix).unlink(missing_ok=True)
    files.logs(".job.json").write_text(json.dumps(_spec(job, files)), encoding="utf-8")
    with files.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.runner.child", str(files.logs(".job.json"))],
            cwd=settings().root,
            env=_environment(job, files, mark),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        watch.stop(mark)
        process.stdin.close()
        process.wait()


def _spec(job: Job, files: Files) -> dict[str, Any]:
    return {
        "input": str(job.path),
        "output": str(files.logs(".ipynb")),
        "events": str(files.logs(".events.jsonl")),
        "parameters": job.parameters,
        "kernel": job.kernel,
        "cwd": str(settings().root),
    }


def _environment(job: Job, files: Files, mark: str) -> dict[str, str]:
    env = os.environ | {
        watch.MARK: mark,
        "WORKBENCH_RECORD": str(files.logs(".record.jsonl")),
        "WORKBENCH_ROOT": str(settings().root),
        "WORKBENCH_NOTEBOOK": job.name,
        "PYTHONHASHSEED": "0",
    }
    quiet(env)
    return env


def _watch(process, files: Files, state: State, memory, timeout, stop: Stop, look) -> str | None:
    """Wait for the end; return why it has to be stopped, or None if it ended by itself."""
    began, sampled = time.monotonic(), 0.0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
        now = time.monotonic()
        state.seconds = now - began
        state.follow(files.logs(".events.jsonl"))
        if process.returncode is not None:
            return None
        if now - sampled >= SAMPLE_S:
            memory.sample()
            sampled, state.peak_rss_mb = now, memory.peak / MB
        look(state)
        if stop.asked:
            return f"stopped by Ctrl-C {state.place()}"
        if state.seconds > timeout:
            return f"stopped at its time limit of {timeout:g} s {state.place()}"


def _how_it_ended(code: int, state: State, files: Files) -> str | None:
    """None for a notebook that ran to its end, else what went wrong and in which cell."""
    if state.end.get("ok"):
        return None
    if state.end:
        if state.end.get("line"):
            state.number, state.line = state.end.get("number") or 0, state.end["line"]
        return f"failed {state.place()}\n{state.end['error']}"
    how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
    hint = "; the machine may be out of memory" if code == -signal.SIGKILL else ""
    return f"its process {how} {state.place()}{hint}\nsee {files.log}"


def _keep_notebook(job: Job, files: Files, state: State, error: str | None) -> None:
    """Put the executed notebook in its place, with the error in it where it was cut short."""
    executed = files.logs(".ipynb")
    if not executed.exists():
        shutil.copyfile(job.path, executed)
    if error and not _shows_error(executed):
        book = nbformat.read(executed, as_version=4)
        _insert_error(book, state.index, error)
        nbformat.write(book, executed)
    executed.replace(files.notebook)


def _shows_error(notebook: Path) -> bool:
    book = nbformat.read(notebook, as_version=4)
    outputs = (o for cell in book.cells for o in cell.get("outputs", []))
    return any(output.output_type == "error" for output in outputs)


def _insert_error(book: nbformat.NotebookNode, index: int | None, error: str) -> None:
    name, _, rest = error.partition("\n")
    output = nbformat.v4.new_output("error", ename="Stopped", evalue=name, traceback=[name, rest])
    if index is None:
        cell = nbformat.v4.new_code_cell("# the notebook did not start", outputs=[output])
        book.cells.insert(0, cell)
    else:
        book.cells[index].outputs.append(output)
