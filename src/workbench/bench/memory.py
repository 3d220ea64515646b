"""Estimated memory of a model beside what its process takes, for several contexts and slots.

Each measurement is a process of its own, the very one that the embedded server starts for a model
(:mod:`workbench.llm.runner`). What is measured is its resident size less that of the same process
just before the model was loaded: once after loading, and once after a prompt long enough to fill a
batch, for llama.cpp reserves its buffers at loading and the system hands them out at first use.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.catalog import memory
from workbench.errors import ServerError
from workbench.llm.runner import Job
from workbench.settings import settings

MODELS = ("smollm2:135m", "qwen2.5-coder:1.5b")
PROMPT_TOKENS = 600  # more than a batch of 512
#: A combination that would take more than this share of the free memory is left out, and named.
SHARE_OF_FREE = 0.7

Progress = Callable[[str], None]


def measure(
    models: Sequence[str] = MODELS,
    contexts: Sequence[int] = (512, 4096),
    slots: Sequence[int] = (1, 8),
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Every combination, as one JSON-able object; sizes in bytes, ``ok`` where all are within 10 %.

    Raises ModelMissing where a model is not in the store, ServerError where one does not load.
    """
    rows, left_out = [], []
    for name in models:
        for context in contexts:
            for count in slots:
                label = f"{name}, {count} x {context} tokens"
                progress(label)
                row = one(name, context, count)
                rows.append(row) if row else left_out.append(label)
    return {
        "ok": bool(rows) and all(abs(row["error"]) <= memory.TOLERANCE for row in rows),
        "tolerance": memory.TOLERANCE,
        "largest_error": max((abs(row["error"]) for row in rows), default=None),
        "n": len(rows),
        "rows": rows,
        "left_out": left_out,
        "measured": "resident bytes of the process less those before the model was loaded",
        "prompt_tokens": PROMPT_TOKENS,
        **_circumstances(),
    }


def one(name: str, context: int, slots: int) -> dict[str, Any] | None:
    """One model in a process of its own; None where it would not fit the memory that is free."""
    import psutil

    from workbench import models
    from workbench.llm import engine

    files = models.path(name)
    job = replace(engine.plan(files, context), slots=slots)
    guess = memory.from_file(files.gguf, job.context, slots, files.adapters)
    if guess.total > SHARE_OF_FREE * psutil.virtual_memory().available:
        return None
    with _runner(job, engine.RUNNER_ENVIRONMENT) as (process, told):
        loaded = process.memory_info().rss - told["empty"]
        _read(told["url"], min(PROMPT_TOKENS, job.context - 16))
        used = process.memory_info().rss - told["empty"]
    return {
        "model": name,
        "context": job.context,
        "slots": slots,
        "parts": guess.parts(),
        "estimate_at_load": guess.at_load,
        "measured_at_load": loaded,
        "estimate": guess.total,
        "measured": used,
        "empty": told["empty"],
        "error_at_load": round(guess.at_load / loaded - 1, 4),
        "error": round(guess.total / used - 1, 4),
    }


@contextmanager
def _runner(job: Job, environment: dict[str, str]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A model in a process of its own, gone at the end: it ends when its input closes."""
    import psutil

    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.llm.runner", job.dumps()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**environment, **os.environ, "WORKBENCH_DAEMON": "1"}, start_new_session=True,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        if not line:
            raise ServerError(f"{Path(job.gguf).name} could not be loaded", "workbench doctor")
        yield psutil.Process(process.pid), json.loads(line)
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read(url: str, tokens: int) -> None:
    """Have the model read a prompt of so many tokens, and write a few."""
    import httpx

    body = {"prompt": list(range(1000, 1000 + tokens)), "n_predict": 4, "cache_prompt": False}
    answer = httpx.post(f"{url}/completion", json=body, timeout=600, trust_env=False)
    if answer.is_error:
        raise ServerError(f"llama.cpp answered {answer.status_code}: {answer.text[:200]}")


def _circumstances() -> dict[str, Any]:
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=settings().root, capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": "two cores of an AMD EPYC",
        "system": f"{platform.system()} {platform.machine()}",
        "xllamacpp": version("xllamacpp"),
    }
