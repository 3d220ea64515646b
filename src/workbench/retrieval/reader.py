"""Files read and cut into chunks in processes of their own.

A file that hangs its reader, kills it or fills its memory costs that process and nothing else. The
processes are started as ``python -m workbench.retrieval.reader``: they import nothing of the
program that asks, a notebook or a script without a main guard. One job in, one answer out, each a
line of JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from workbench.errors import ServerError

#: A file that takes longer is given up, in seconds; a PDF of a thousand pages takes some thirty.
SECONDS = 60.0
#: Address space of a reading process, in bytes, where the system can bound it.
MEMORY = 4 * 2**30
#: Files under way or read and not yet taken, for each process.
AHEAD = 8


@dataclass(frozen=True)
class Job:
    """A file to read, the id of its document, and how it is cut."""

    path: str
    name: str
    cut: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """What came of a job: chunks as dictionaries, or the reason why there are none.

    ``passing``: the reason may not hold at the next try.
    """

    sha256: str = ""
    kind: str = ""
    chunks: tuple[dict[str, Any], ...] = ()
    supersedes: str | None = None
    reason: str = ""
    passing: bool = False


class Readers:
    """Processes that read files side by side; as a context manager it ends them all."""

    def __init__(self, workers: int = 2, seconds: float = SECONDS) -> None:
        self.workers = workers
        self._free = deque(_Process(seconds) for _ in range(workers))
        self._all = list(self._free)
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.end()

    def each(
        self, jobs: Iterable[Job], idle: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Job, Reading]]:
        """Each job with its reading, in the order of the jobs.

        Only some are read ahead, so memory does not grow with their number. ``idle`` is called
        while there is nothing to hand over.
        """
        waiting: deque[tuple[Job, Future[Reading]]] = deque()
        for job in jobs:
            waiting.append((job, self._pool.submit(self._read, job)))
            if len(waiting) >= AHEAD * self.workers:
                yield _when_done(*waiting.popleft(), idle)
        while waiting:
            yield _when_done(*waiting.popleft(), idle)

    def _read(self, job: Job) -> Reading:
        process = self._free.popleft()
        try:
            return process.read(job)
        finally:
            self._free.append(process)


def _when_done(job: Job, reading: Future[Reading], idle: Callable[[], None]) -> tuple[Job, Reading]:
    while not wait([reading], timeout=0.2).done:
        idle()
    return job, reading.result()


class _Process:
    """One reading process: started when it is needed, and again after it had to be killed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: subprocess.Popen[str] | None = None
        self._ended = threading.Event()

    def read(self, job: Job) -> Reading:
        if self._running is None:
            self._start()
        process, late = self._running, threading.Event()
        timer = threading.Timer(self.seconds, lambda: (late.set(), process.kill()))
        timer.start()
        try:
            answer = _asked(process, json.dumps(asdict(job)))
        finally:
            timer.cancel()
        if answer:
            found = json.loads(answer)
            return Reading(**{**found, "chunks": tuple(found.get("chunks", ()))})
        code, self._running = process.wait(), None
        if late.is_set():
            return Reading(reason=f"given up after {self.seconds:g} s", passing=True)
        return Reading(reason=f"its reader broke down (exit {code})", passing=True)

    def _start(self) -> None:
        if self._ended.is_set():
            raise RuntimeError("the readers have ended")
        try:
            self._running = self._process()
        except OSError as problem:
            what = f"the process that reads files cannot be started ({problem.strerror})"
            raise ServerError(what, "see workbench doctor") from problem
        _asked(self._running, "")  # a slow start is not the first file's fault

    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "workbench.retrieval.reader", str(self.seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
            encoding="ascii",
        )

    def end(self) -> None:
        self._ended.set()
        if self._running:
            self._running.kill()
            self._running.wait()


def _asked(process: subprocess.Popen[str], line: str) -> str:
    """The answer to a line; empty where the process has died."""
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline()
    except (OSError, ValueError):
        return ""


def reading(job: Job) -> Reading:
    """Read and cut one file, here and now."""
    from workbench import chunking, corpus
    from workbench.corpus import Unreadable

    path, sha256, kind = Path(job.path), "", ""
    try:
        kind = corpus.kind_of(path)
        data = corpus.contents(path)
        sha256 = hashlib.sha256(data).hexdigest()
        document = corpus.read(path, job.name, data)
    except Unreadable as problem:
        return Reading(sha256, kind, reason=str(problem), passing=not sha256)
    chunks = tuple(_clean(asdict(chunk)) for chunk in chunking.split([document], **job.cut))
    return Reading(sha256, kind, chunks, document.metadata.get("supersedes"))


def _clean(value: Any) -> Any:
    """Without half characters, which no database takes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    return value


def _bound_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _warm_up() -> None:
    """Import what reading needs before the first clock starts."""
    from workbench import chunking
    from workbench.corpus import Document

    chunking.split([Document("a", "A", "text", "# A\n\nWords.", Path("a"))])


def _end_with_the_file(seconds: float) -> None:
    """A process that hangs and has lost the one that asks ends by itself."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _answers() -> IO[str]:
    """Standard output for answers alone: what a library prints goes nowhere."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return out


def main() -> None:
    """Answer jobs until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that asks
    _bound_memory()
    out = _answers()
    _warm_up()
    for line in sys.stdin:
        _end_with_the_file(float(sys.argv[1]) + 5)
        answer = {}
        if line.strip():
            try:
                answer = asdict(reading(Job(**json.loads(line))))
            except MemoryError:
                answer = asdict(Reading(reason="too much in it to be read", passing=True))
            except Exception as problem:
                why = f"the reader failed ({type(problem).__name__}: {problem})"
                answer = asdict(Reading(reason=why))
        _end_with_the_file(0)
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
