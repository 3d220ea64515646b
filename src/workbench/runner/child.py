"""The process that executes one notebook with papermill: ``python -m workbench.runner.child JOB``.

It reports as JSON lines in the job's ``events`` file: the start, each code cell's start and end,
and how it all ended. When the process that started it is gone, its end of stdin closes, and this
process and its kernel go too.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from workbench.runner import watch

# Papermill and jsonschema import these where they are installed. A notebook on this disk needs none
# of them, and without them this process starts two seconds sooner.
sys.modules.update(dict.fromkeys(("boto3", "pyarrow", "rfc3987_syntax")))

import papermill  # noqa: E402
from nbclient.exceptions import DeadKernelError  # noqa: E402
from papermill.engines import (  # noqa: E402
    NBClientEngine,
    NotebookExecutionManager,
    papermill_engines,
)
from papermill.exceptions import PapermillExecutionError  # noqa: E402
from papermill.iorw import LocalHandler, papermill_io  # noqa: E402

ENGINE = "workbench"
AUTOSAVE_S = 5


class Events:
    """Appends events to a file, each with the number and first line of its cell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers: dict[int, int] = {}

    def say(self, event: str, **facts: Any) -> None:
        """Write one event."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **facts}) + "\n")

    def start(self, cells: list) -> None:
        """Number the cells that will run, as ``In [n]`` numbers them."""
        code = [
            i for i, cell in enumerate(cells) if cell.cell_type == "code" and cell.source.strip()
        ]
        self.numbers = {index: number for number, index in enumerate(code, 1)}
        self.say("start", cells=len(code))

    def cell(self, event: str, cell, index: int) -> None:
        """Write a cell's start or end; prose has neither."""
        if index in self.numbers:
            self.say(event, number=self.numbers[index], index=index, line=first_line(cell.source))


class Manager(NotebookExecutionManager):
    """Papermill's book-keeping, which also tells :class:`Events`."""

    events: Events

    def notebook_start(self, **kwargs: Any) -> None:
        super().notebook_start(**kwargs)
        self.events.start(self.nb.cells)

    def cell_start(self, cell, cell_index: int, **kwargs: Any) -> None:
        super().cell_start(cell, cell_index, **kwargs)
        self.events.cell("cell", cell, cell_index)

    def cell_complete(self, cell, cell_index: int, **kwargs: Any) -> None:
        super().cell_complete(cell, cell_index=cell_index, **kwargs)
        self.events.cell("done", cell, cell_index)


class Engine(NBClientEngine):
    """Papermill's own engine with the :class:`Manager` above."""

    @classmethod
    def execute_notebook(cls, nb, kernel_name, output_path=None, events=None, **kwargs: Any):
        kwargs = {k: v for k, v in kwargs.items() if k not in ("progress_bar", "log_output")}
        manager = Manager(nb, output_path, progress_bar=False, autosave_cell_every=AUTOSAVE_S)
        manager.events = events
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, **kwargs)
        finally:
            manager.notebook_complete()
        return manager.nb


class WholeFiles(LocalHandler):
    """Writes a notebook aside and renames it, so that a kill leaves no half of one."""

    def write(self, buf: str, path: str) -> None:
        part = Path(f"{path}.part")
        part.write_text(buf, encoding="utf-8")
        part.replace(path)


def first_line(source: str) -> str:
    """The first line of a cell that says something, at most 100 characters of it."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    code = [line for line in lines if not line.startswith("#")]
    return (code or lines or [""])[0][:100]


def execute(job: dict[str, Any], events: Events) -> None:
    """Execute the job's notebook and report how it ended."""
    papermill_engines.register(ENGINE, Engine)
    papermill_io.register(str(Path(job["output"]).parent), WholeFiles())
    try:
        papermill.execute_notebook(
            _literal(job["input"]),
            _literal(job["output"]),
            parameters=job["parameters"],
            engine_name=ENGINE,
            kernel_name=job["kernel"],
            language="python",
            cwd=job["cwd"],
            start_timeout=120,
            iopub_timeout=60,
            progress_bar=False,
            events=events,
        )
    except PapermillExecutionError as error:
        events.say(
            "end",
            ok=False,
            number=events.numbers.get(error.cell_index),
            index=error.cell_index,
            line=first_line(error.source),
            error=f"{error.ename}: {error.evalue}".rstrip(": "),
        )
    except DeadKernelError:
        events.say("end", ok=False, error="the kernel died, as it does when memory runs out")
    except Exception as error:
        events.say("end", ok=False, error=f"{type(error).__name__}: {error}")
    else:
        events.say("end", ok=True)


def _literal(path: str) -> str:
    """A path as papermill wants it, which fills in braces."""
    return path.replace("{", "{{").replace("}", "}}")


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    watch.stop(os.environ[watch.MARK], grace=1.0)
    os._exit(1)


def main() -> None:
    """Execute the notebook of the job file named on the command line."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    execute(job, Events(Path(job["events"])))


if __name__ == "__main__":
    main()
