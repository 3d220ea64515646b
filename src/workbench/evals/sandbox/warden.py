"""Starts the sandbox's processes, waits for their word, and leaves nothing of them behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, MissingPiece, ServerError

INMATE = Path(__file__).with_name("inmate.py")
FILE_MB = 1  # the largest file, standard output included
TAIL = 2000  # characters of output that are kept
WORD = 1 << 16  # bytes that a process may report
MEMORY_MB = 512
REFUSED = (
    "programs are not run here, because the network cannot be switched off for them",
    "use Linux with seccomp or macOS, or, for code that you trust, unsafe=True",
)
#: macOS: everything but a network, other programs, and writing outside the folder.
PROFILE = """(version 1) (allow default) (deny network*) (deny process-fork) (deny process-exec)
(allow process-exec (literal "{python}")) (deny signal (target others)) (deny file-write*)
(allow file-write* (subpath "{folder}") (literal "/dev/null"))"""


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    ``status``: ``ok`` (to its end, or all tests passed), ``failed`` (an exception or a test),
    ``ended`` (left before its end), ``timeout``, ``memory``, or ``killed`` (by a signal).
    ``seconds`` by the clock; ``stdout`` and ``stderr`` are the last characters of each; ``calls``
    is how many calls the tests made.
    """

    status: str
    seconds: float
    stdout: str = ""
    stderr: str = ""
    reason: str = ""
    calls: int = 0

    @property
    def passed(self) -> bool:
        return self.status == "ok"


def run(code: str, seconds: float = 5, memory_mb: int = MEMORY_MB, unsafe: bool = False) -> Outcome:
    """Execute a program; ``seconds`` of processor time, three times that by the clock.

    Raises MissingPiece where the network cannot be switched off and ``unsafe`` is not given,
    BadInput for limits that are none, ServerError where the sandbox itself does not work.
    """
    with _Cell(seconds, memory_mb, unsafe) as cell:
        hear, say = cell.pipe()
        program = cell.start({"part": "run", "code": code}, report=say)
        return cell.outcome(cell.last_word(hear), program)


def check(
    code: str,
    entry: str,
    tests: str,
    before: str = "",
    seconds: float = 5,
    memory_mb: int = MEMORY_MB,
    unsafe: bool = False,
) -> Outcome:
    """Test the function ``entry`` of a program; limits and errors as of :func:`run`.

    ``tests`` defines ``check(candidate)``, which raises where the function is wrong; ``before`` is
    executed ahead of it. Arguments and results cross as plain data: numbers, texts, collections and
    iterators; a function changes only its own copy of an argument.
    """
    with _Cell(seconds, memory_mb, unsafe) as cell:
        hear, say = cell.pipe()
        questions, ask = cell.pipe()
        answers, answer = cell.pipe()
        under_test = {"part": "serve", "code": code, "entry": entry}
        program = cell.start(under_test, report=answer, questions=questions)
        tests_of = {"part": "check", "tests": tests, "before": before, "entry": entry}
        cell.start(tests_of, report=say, questions=ask, answers=answers)
        return cell.outcome(cell.last_word(hear), program)


class _Process:
    """One process of the sandbox with a folder of its own; its output goes to unnamed files."""

    def __init__(self, job: dict[str, Any], folder: Path, descriptors: list[int]) -> None:
        folder.mkdir()
        job["limits"]["folder"] = str(folder)
        self.output = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps(job).encode())
            given.seek(0)
            self.process = subprocess.Popen(
                _command(folder), stdin=given, stdout=self.output[0], stderr=self.output[1],
                cwd=folder, env=_environment(folder), pass_fds=descriptors, start_new_session=True,
            )  # fmt: skip

    def tails(self) -> list[str]:
        """The last characters of standard output and standard error."""
        texts = []
        for file in self.output:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4 * TAIL))
            texts.append(file.read().decode("utf-8", "replace")[-TAIL:])
        return texts

    def end(self) -> None:
        """Kill it with all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for file in self.output:
            file.close()


class _Cell:
    """The processes of one call, its deadline and its folder; gone when the block is left."""

    def __init__(self, seconds: float, memory_mb: int, unsafe: bool) -> None:
        if not 0 < seconds <= 3600 or memory_mb < 32:
            raise BadInput(
                f"{seconds} seconds and {memory_mb} MB are no limits for a program",
                "give 0 to 3600 seconds and at least 32 MB",
            )
        if not unsafe and not _isolation():
            raise MissingPiece(*REFUSED)
        self._limits = {"seconds": seconds, "memory_mb": memory_mb, "file_mb": FILE_MB}
        self._limits["unsafe"] = unsafe
        self._processes: list[_Process] = []
        self._open: set[int] = set()
        self._seconds = seconds

    def __enter__(self) -> _Cell:
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox-")).resolve()
        self._started = time.monotonic()
        self._deadline = self._started + 3 * self._seconds
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()
        for descriptor in self._open:
            os.close(descriptor)
        _remove(self._folder)

    def pipe(self) -> tuple[int, int]:
        """The reading and the writing end."""
        ends = os.pipe()
        self._open.update(ends)
        return ends

    def start(self, job: dict[str, Any], **descriptors: int) -> _Process:
        """Start a process that gets these ends of pipes, which this one then gives up."""
        job = {**job, **descriptors, "limits": dict(self._limits)}
        folder = self._folder / str(len(self._processes))
        process = _Process(job, folder, list(descriptors.values()))
        self._processes.append(process)
        for descriptor in descriptors.values():
            os.close(descriptor)
            self._open.discard(descriptor)
        return process

    def last_word(self, hear: int) -> dict[str, Any]:
        """What was said last before the pipe was closed; at the deadline, a timeout."""
        heard = b""
        while len(heard) < WORD:
            left = self._deadline - time.monotonic()
            if left <= 0 or not select.select([hear], [], [], left)[0]:
                return {"timeout": f"not done after {3 * self._seconds:g} s by the clock"}
            some = os.read(hear, WORD)
            if not some:
                break
            heard += some
        return self._believed(_last(heard))

    def _believed(self, word: dict[str, Any]) -> dict[str, Any]:
        """The word, if the sandbox is in order: no program fails before it has begun."""
        if "refused" in word:
            raise MissingPiece(f"{REFUSED[0]}: {word['refused']}", REFUSED[1])
        if not word or "broken" in word:
            told = "; ".join(tail.strip()[-300:] for p in self._processes for tail in p.tails())
            raise ServerError(
                f"the sandbox did not start: {told.strip('; ') or 'it said nothing'}",
                "give it more memory, or see what this Python says to -I -S -c pass",
            )
        return word

    def outcome(self, word: dict[str, Any], program: _Process) -> Outcome:
        """The word in terms of :class:`Outcome`, with how the program itself has ended."""
        status, reason = "", ""
        if "timeout" in word:
            status, reason = "timeout", word["timeout"]
        elif "failed" in word:
            status = "memory" if word.get("type") == "MemoryError" else "failed"
            reason = word["failed"]
        elif "ok" in word or "passed" in word:
            status = "ok"
        else:
            status, reason = self._end_of(program.process, str(word.get("ended", "")))
        seconds = time.monotonic() - self._started
        return Outcome(status, seconds, *program.tails(), str(reason), int(word.get("calls", 0)))

    def _end_of(self, process: subprocess.Popen, why: str) -> tuple[str, str]:
        """Status and reason of a program that is gone without its last word."""
        try:
            code = process.wait(max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "timeout", f"not done after {3 * self._seconds:g} s by the clock"
        if code == -signal.SIGXCPU:
            return "timeout", f"used up its {self._seconds:g} s of processor time"
        if code < 0:
            return "killed", f"killed by {signal.Signals(-code).name}"
        return "ended", why or f"left with exit code {code} before its end"


def _last(heard: bytes) -> dict[str, Any]:
    try:
        word = json.loads(heard.splitlines()[-1])
    except (IndexError, ValueError, RecursionError):
        return {}
    return word if isinstance(word, dict) else {}


def _isolation() -> bool:
    """Whether this system has a way to switch the network off; the process itself tries it."""
    if sys.platform == "darwin":
        return shutil.which("sandbox-exec") is not None
    return sys.platform == "linux"


def _command(folder: Path) -> list[str]:
    bare = [sys.executable, "-I", "-S", "-u", "-X", "utf8", str(INMATE)]
    if sys.platform != "darwin" or not _isolation():
        return bare
    python = Path(sys.executable).resolve()
    return ["sandbox-exec", "-p", PROFILE.format(python=python, folder=folder), *bare]


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the parent's: keys and addresses stay out."""
    home = str(folder)
    return {"HOME": home, "TMPDIR": home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders in folders, a thousand deep
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False)
