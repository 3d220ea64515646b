"""``labs check``: an exercise notebook, as the learner has saved it, executed and judged.

The notebook's own check cells may be gone, doubled or in the wrong place: after all cells have run,
each task that has not passed is checked once more with whatever bears its function's name.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, BrokenFile, MissingPiece
from workbench.labs import record, task
from workbench.labs.task import Task
from workbench.settings import settings

#: Seconds for one cell; a check has its own, shorter limit.
CELL_S = 60

#: Runs in the learner's kernel after the notebook.
FINALLY = """
def _labs_finally():
    from workbench.labs import check
    for task, name in {wanted!r}:
        if name in globals():
            check(task, globals()[name])
_labs_finally()
"""


def notebook(phase: str) -> Path:
    """The exercise notebook of a phase."""
    task.of_phase(phase)
    return settings().root / "labs" / task.PHASES[phase][0] / "exercise.ipynb"


def check(phase: str, path: Path | None = None) -> list[dict[str, Any]]:
    """A verdict for each task of the phase: ``task``, ``title``, ``state``, ``say``, ``text``.

    Cells that raise do not end the run; a task whose function is not there is told so, with the
    error that kept it away. Raises BadInput or BrokenFile for a file that is no notebook.
    """
    tasks, path = task.of_phase(phase), path or notebook(phase)
    book = _read(path)
    with tempfile.TemporaryDirectory(prefix="workbench-labs-") as folder:
        log = Path(folder, "log.jsonl")
        trouble = _execute(book, path, log, tasks)
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    said = [json.loads(line) for line in lines]
    return [_best(one, [s for s in said if s["task"] == one.id], trouble) for one in tasks]


def _read(path: Path):
    import nbformat

    if not path.is_file():
        raise BadInput(f"there is no notebook {path}", "name it with --notebook FILE")
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        fix = f"take a fresh one: git checkout -- {path.name}"
        raise BrokenFile(f"{path} is no readable notebook: {reason}", fix) from None


def _execute(book, path: Path, log: Path, tasks: list[Task]) -> list[str]:
    """Run the notebook in a kernel of its own; what its cells raised, in their order."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    _prepare(book, tasks)
    client = _client(book, path)
    env = os.environ | {record.LOG: str(log), "WORKBENCH_ROOT": str(settings().root)}
    try:
        client.execute(env=env, stderr=subprocess.DEVNULL)
    except (Exception, asyncio.CancelledError) as error:
        if client.cleanups > 1:  # once more than at the end: Ctrl-C
            raise KeyboardInterrupt from None
        if isinstance(error, DeadKernelError | CellTimeoutError):
            return [*_raised(book), f"the kernel ended: {str(error).splitlines()[0]}"]
        raise MissingPiece(f"the notebook's kernel did not run: {error}", "make setup") from None
    return _raised(book)


def _prepare(book, tasks: list[Task]) -> None:
    """Leave the code cells, without what they showed, and add the last check."""
    import nbformat

    book.cells = [cell for cell in book.cells if cell.get("cell_type") == "code"]
    for cell in book.cells:
        cell.outputs, cell.execution_count = [], None
        cell.setdefault("metadata", {})
    wanted = [(one.id, one.function) for one in tasks]
    book.cells.append(nbformat.v4.new_code_cell(FINALLY.format(wanted=wanted)))


def _client(book, path: Path):
    """A client that stops its kernel once: on Ctrl-C, which it takes for itself, or at the end."""
    from nbclient import NotebookClient

    class Client(NotebookClient):
        cleanups = 0

        async def _async_cleanup_kernel(self) -> None:
            self.cleanups += 1
            if self.km is not None:
                await super()._async_cleanup_kernel()

    return Client(
        book, timeout=CELL_S, kernel_name="python3", allow_errors=True,
        interrupt_on_timeout=True, resources={"metadata": {"path": str(path.resolve().parent)}},
    )  # fmt: skip


def _raised(book) -> list[str]:
    found = []
    for number, cell in enumerate(book.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                said = output.evalue.splitlines()[0][:200] if output.evalue else ""
                found.append(f"code cell {number}: {output.ename}: {said}".rstrip(": "))
    return found


def _best(one: Task, said: list[dict[str, Any]], trouble: list[str]) -> dict[str, Any]:
    """The best verdict that a task got while the notebook ran; the latest of equals."""
    order = ("absent", "todo", "wrong", "passed")
    found = max(reversed(said), key=lambda s: order.index(s["state"]), default=None)
    if found:
        return {**found, "title": one.title}
    say = f"The notebook defines no function `{one.function}`. Is its cell gone, or did it stop?"
    mine = [line for line in trouble if one.function in line] or trouble
    if mine:
        say += " What its cells raised: " + "; ".join(mine[:3])
    text = f"✘ {one.id} not found: {one.title}\n  {say}"
    return {"task": one.id, "title": one.title, "state": "absent", "say": say, "text": text}
