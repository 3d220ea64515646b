"""The processes of one notebook: what memory they take, and stopping them.

A process is known by the environment that it was started with. ``WORKBENCH_RUN`` marks what a
notebook's run started, however deep and even when its parent is gone; ``WORKBENCH_DAEMON=1`` marks
the services that outlive a notebook (the model server, Phoenix): counted, and never stopped.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

MARK = "WORKBENCH_RUN"
DAEMON = "WORKBENCH_DAEMON"
#: A process this young may not yet have the environment that it will run with (fork, then exec).
SETTLED_S = 3.0
GRACE_S = 3.0
#: Shared pages are told apart when memory has grown by this factor, and else this often (seconds).
GROWN = 1.02
CLOSELY_S = 5.0


def kind(process: psutil.Process, mark: str) -> str:
    """``"notebook"``, ``"service"`` (a daemon of the same user's workbench) or ``""``."""
    try:
        environ = process.environ()
    except (psutil.Error, OSError):
        return ""
    if environ.get(DAEMON) == "1":
        same = environ.get("WORKBENCH_HOME") == os.environ.get("WORKBENCH_HOME")
        return "service" if same else ""
    return "notebook" if environ.get(MARK) == mark else ""


def processes(mark: str) -> Iterator[psutil.Process]:
    """The living processes that a notebook's run started, services and this process left out."""
    for process in psutil.process_iter():
        if process.pid != os.getpid() and kind(process, mark) == "notebook":
            yield process


@dataclass
class Memory:
    """Memory of a notebook and of the services, in bytes; call :meth:`sample` now and then.

    Pages shared between processes count once (PSS) where the system tells, as Linux does.
    ``peak`` is the greatest sum of both at one moment; ``tree`` and ``services`` are its parts.
    """

    mark: str
    peak: int = 0
    tree: int = 0
    services: int = 0
    _most_rss: int = 0
    _measured: float = 0.0
    _kinds: dict[psutil.Process, str] = field(default_factory=dict)

    def sample(self) -> None:
        """Look once: cheap, unless memory has grown past all before or it is time to look closely.

        To tell shared pages apart takes the system tens of milliseconds a gigabyte.
        """
        groups: dict[str, list[psutil.Process]] = {"notebook": [], "service": []}
        for process in psutil.process_iter():
            group = self._kind(process)
            if group:
                groups[group].append(process)
        rss = sum(_rss(process) for group in groups.values() for process in group)
        if rss <= self._most_rss * GROWN and time.monotonic() - self._measured < CLOSELY_S:
            return
        self._most_rss, self._measured = max(rss, self._most_rss), time.monotonic()
        tree, services = (sum(map(_pss, groups[name])) for name in ("notebook", "service"))
        if tree + services > self.peak:
            self.peak, self.tree, self.services = tree + services, tree, services

    def _kind(self, process: psutil.Process) -> str:
        if process in self._kinds:
            return self._kinds[process]
        found = kind(process, self.mark)
        with contextlib.suppress(psutil.Error):
            if time.time() - process.create_time() > SETTLED_S:
                self._kinds[process] = found
        return found


def _rss(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except (psutil.Error, OSError):
        return 0


def _pss(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except (psutil.Error, OSError):
        return _rss(process)
    return getattr(full, "pss", 0) or full.rss


def stop(mark: str, grace: float = GRACE_S) -> None:
    """Ask the notebook's processes to end, and kill those that have not after ``grace`` seconds."""
    for round_ in range(5):
        found = list(processes(mark))
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.terminate() if round_ == 0 else process.kill()
        psutil.wait_procs(found, timeout=grace)
