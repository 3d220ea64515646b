"""The program inside the sandbox: reads its job, confines itself, then plays one of three parts.

``run`` executes a program. ``serve`` executes a program and answers calls of one of its functions.
``check`` executes tests whose calls are answered by the ``serve`` of another process, so that the
program under test has neither the tests nor the verdict in its memory. Started by its path with
``python -I -S``; standard library only.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120
import confine
import plain

sys.path.pop(0)

LINE = 4 << 20  # bytes of an answer


def main() -> None:
    """The job is the whole of standard input: a JSON object."""
    job = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    report = Pipe(job["report"])
    try:
        confine.confine(**job["limits"])
    except OSError as error:
        report.send({"refused": error.strerror or str(error)})
        return
    report.send({"ready": True})
    code = {"run": run, "serve": serve, "check": check}[job["part"]](job, report)
    os._exit(code)  # without waiting for threads


class Pipe:
    """Lines of JSON to one descriptor."""

    def __init__(self, number: int, write=os.write, dumps=json.dumps) -> None:
        self._number, self._write, self._dumps = number, write, dumps

    def send(self, message: dict[str, Any]) -> None:
        self.line(self._dumps(message))

    def line(self, text: str) -> None:
        rest = text.encode() + b"\n"
        while rest:
            rest = rest[self._write(self._number, rest) :]


def run(job: dict[str, Any], report: Pipe) -> int:
    """Execute the program; say how it ended."""
    report.send(executed(job["code"], {"__name__": "__main__"}) or {"ok": True})
    return 0


def executed(code: str, space: dict[str, Any]) -> dict[str, str]:
    """What went wrong in executing the code, or nothing."""
    try:
        exec(compile(code, "<program>", "exec"), space)
    except SystemExit as left:
        return {"ended": f"left with exit code {left.code}"}
    except BaseException as error:
        return {"failed": said(error), "type": type(error).__name__}
    return {}


def said(error: BaseException) -> str:
    """An exception in one line, without letting it do anything."""
    try:
        text = str(error)
    except BaseException:
        text = "?"
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def serve(job: dict[str, Any], report: Pipe) -> int:
    """Execute the program, then call its function for each line asked, until there is no more."""
    space: dict[str, Any] = {"__name__": "program"}
    broken = executed(job["code"], space)
    function = space.get(job["entry"])
    if not broken and not callable(function):
        broken = {"failed": f"the program defines no function {job['entry']}"}
    report.send(broken or {"ok": True})
    with open(job["questions"], encoding="utf-8") as questions:  # noqa: PTH123
        for line in questions:
            args, kwargs = plain.loads(line)
            try:
                answer = {"value": plain.dumps(function(*args, **kwargs))}
            except SystemExit:
                return 0
            except BaseException as error:
                answer = {"raised": type(error).__name__, "said": said(error)}
            report.send(answer)
    return 0


class Ended(BaseException):
    """The program under test is not there to answer; no test may catch this."""

    def __init__(self, verdict: dict[str, Any]) -> None:
        self.verdict = verdict


class Remote:
    """Stands in the tests for the function under test; keeps its last call for the reason."""

    def __init__(self, entry: str, questions: int, answers: int) -> None:
        self.entry, self.last, self.calls = entry, "", 0
        self.raised: BaseException | None = None
        self._questions = Pipe(questions)
        self._answers = open(answers, "rb")  # noqa: SIM115

    def listen(self) -> dict[str, Any]:
        line = self._answers.readline(LINE)
        if not line.endswith(b"\n"):
            why = "an answer of several megabytes" if line else "ended before the tests were done"
            raise Ended({"failed" if line else "ended": why})
        try:
            message = json.loads(line)
            return {str(key): value for key, value in message.items()}
        except (ValueError, AttributeError, RecursionError):
            raise Ended({"failed": "an answer that is none"}) from None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        asked = ", ".join([repr(a) for a in args] + [f"{k}={v!r}" for k, v in kwargs.items()])
        self.last = f"{self.entry}({asked[:200]})"
        packed = plain.dumps([list(args), kwargs])
        with contextlib.suppress(OSError):  # it has ended: listening says so
            self._questions.line(packed)
        answer = self.listen()
        if "value" not in answer:
            self.last += f" raised {str(answer.get('said', '?'))[:200]}"
            self.raised = exception(str(answer.get("raised")), str(answer.get("said")))
            raise self.raised
        try:
            value = plain.loads(answer["value"])
        except (ValueError, TypeError):
            raise Ended({"failed": "an answer that is none"}) from None
        self.last += f" gave {value!r:.200}"
        return value


def exception(name: str, text: str) -> BaseException:
    """The exception of this name, as the tests would have seen it."""
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(text)
        except TypeError:
            pass
    return RuntimeError(text)


def begin(remote: Remote) -> None:
    """Hear that the other process is confined, then that its program has been executed.

    The first is the sandbox's word, as nothing of the program has been executed by then. The second
    may be anything: no more than its reason for having failed is taken from it.
    """
    try:
        heard = remote.listen()
    except Ended:
        heard = {"broken": True}
    if "ready" not in heard:
        raise Ended(heard)
    loaded = remote.listen()
    if "ok" not in loaded:
        how = "ended" if "ended" in loaded else "failed"
        why = str(loaded.get(how, "an answer that is none"))[:300]
        raise Ended({how: why, "type": str(loaded.get("type", ""))})


def check(job: dict[str, Any], report: Pipe) -> int:
    """Execute the tests against the other process and give the verdict."""
    remote = Remote(job["entry"], job["questions"], job["answers"])
    try:
        begin(remote)
        space: dict[str, Any] = {"__name__": "tests"}
        exec(compile(job["before"], "<prompt>", "exec"), space)
        space[job["entry"]] = remote
        exec(compile(job["tests"], "<tests>", "exec"), space)
        space["check"](remote)
    except Ended as ended:
        report.send(ended.verdict)
    except MemoryError:
        report.send({"failed": remote.last, "type": "MemoryError"})
    except BaseException as error:
        kind = type(error).__name__
        told = isinstance(error, AssertionError) or error is remote.raised
        why = remote.last if told else f"{remote.last} ({said(error)})"
        report.send({"failed": why or said(error), "type": kind})
    else:
        report.send({"passed": True, "calls": remote.calls})
    return 0


if __name__ == "__main__":
    main()
