"""The embedded server against raw llama.cpp: what the Ollama-compatible side costs.

Both run the same model file with the same parameters (those of :func:`workbench.llm.runner.
engine_params`), each in processes of its own, and are asked by the same client. The arms take turns
in each round, so that what else the machine does falls on all of them; a ratio is taken within a
round, and the median of the rounds is what counts. Each arm's prompts differ from the others' in
their first word only, so that all have the same work and none can reuse what was computed before.

Raw llama.cpp runs twice: as it comes, which is what counts, and with its threads waiting for each
other as the embedded server's do, which shows what the API alone costs. As it comes it may crawl
beside other work, its threads spinning; where it is ``HOPELESS`` times slower it is left out, and
the other one counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from workbench.bench import load
from workbench.bench.load import Arm, Batch
from workbench.errors import ServerError
from workbench.settings import settings

MODEL = "smollm2:135m"
RAW = ("raw llama.cpp", "raw, same waits")
EMBEDDED = ("embedded /v1", "embedded /api")
TARGET = 0.95
HOPELESS = 4
#: Each is one token of SmolLM2 with the space before it, so a prompt's length is set by counting.
WORDS = """
time people water day light night house side world life sea ship wind boat land rain morning
winter summer money paper story letter music table window garden river road city island village
bridge train field stone fire glass horse bird
""".split()  # noqa: SIM905

Rounds = list[dict[str, Batch]]
Progress = Callable[[str], None]


def measure(
    clients: Sequence[int] = (1, 8),
    prompt_tokens: Sequence[int] = (50, 600),
    runs: int = 5,
    output_tokens: int = 64,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Every combination of clients and prompt length; the result as one JSON-able object.

    Raises ModelMissing where the model is not in the store, ServerError where a server fails.
    """
    from workbench import models
    from workbench.llm import engine

    job = engine.plan(models.path(MODEL))
    busy = _busy()
    with (
        _child("workbench.llm.runner", job.dumps()) as raw,
        _child("workbench.llm.runner", job.dumps(), **engine.RUNNER_ENVIRONMENT) as same,
        _child("workbench.bench.child") as own,
    ):
        openai = zip((*RAW, EMBEDDED[0]), (raw, same, own), strict=True)
        arms = [Arm(name, url, load.OPENAI) for name, url in openai]
        arms.append(Arm(EMBEDDED[1], own, load.OLLAMA))
        cells = [
            _cell(arms, n, length, runs, output_tokens, progress)
            for length in prompt_tokens
            for n in clients
        ]
    return {
        "ok": all(ratio["median"] >= TARGET for cell in cells for ratio in cell["ratio"].values()),
        "target": TARGET,
        "model": MODEL,
        "runs": runs,
        "output_tokens": output_tokens,
        "slots": job.slots,
        "context": job.context,
        "cells": cells,
        **_circumstances(busy),
    }


def _cell(
    arms: list[Arm], clients: int, length: int, runs: int, output: int, progress: Progress
) -> dict[str, Any]:
    """All rounds of one combination, after one unmeasured round that also sets the length."""
    rng = random.Random(f"{clients} {length}")
    words, warm = length, {}
    for arm in arms:
        batch = asyncio.run(load.batch(arm, MODEL, _prompts(rng, words, 1)(), 4))
        words = max(4, words + length - batch.answers[0].prompt_tokens)
        warm[arm.name] = batch.seconds
    arms = [a for a in arms if a.name != RAW[0] or warm[RAW[0]] < HOPELESS * warm[RAW[1]]]
    rounds: Rounds = []
    for turn in range(runs):
        prompts = _prompts(rng, words, clients)
        taken: dict[str, Batch] = {}
        for arm in arms[turn % len(arms) :] + arms[: turn % len(arms)]:
            progress(f"{clients} clients, {length} tokens, run {turn + 1} of {runs}: {arm.name}")
            taken[arm.name] = asyncio.run(load.batch(arm, MODEL, prompts(), output))
        rounds.append(taken)
    return {"clients": clients, "prompt_tokens": length, **summary(rounds)}


def _prompts(rng: random.Random, words: int, n: int) -> Callable[[], list[str]]:
    """Makes n prompts of so many tokens: the same words each time, after numbers of their own."""
    fillers = [" ".join(rng.choices(WORDS, k=max(1, words - 6))) for _ in range(n)]
    return lambda: [f"{rng.randrange(100_000, 1_000_000)} {filler}" for filler in fillers]


def summary(rounds: Rounds) -> dict[str, Any]:
    """Medians of each arm, and of the ratios to raw llama.cpp as it comes, round by round."""
    speeds = {n: median(r[n].tokens_per_second for r in rounds) for n in rounds[0]}
    baseline = next(name for name in RAW if name in speeds)
    return {
        "baseline": baseline,
        "arms": {
            name: {
                "tokens_per_second": round(speeds[name], 2),
                "first_token_ms": round(1e3 * median(r[name].first_token for r in rounds), 1),
                "output_tokens": [sum(a.output_tokens for a in r[name].answers) for r in rounds],
                "prompt_tokens": rounds[0][name].answers[0].prompt_tokens,
                "seconds": [round(r[name].seconds, 3) for r in rounds],
            }
            for name in rounds[0]
        },
        "ratio": {name: _ratio(rounds, name, baseline) for name in EMBEDDED},
    }


def _ratio(rounds: Rounds, name: str, baseline: str) -> dict[str, float]:
    ratios = [r[name].tokens_per_second / r[baseline].tokens_per_second for r in rounds]
    return {
        "median": round(median(ratios), 4),
        "min": round(min(ratios), 4),
        "max": round(max(ratios), 4),
    }


@contextmanager
def _child(module: str, *args: str, **env: str) -> Iterator[str]:
    """A server in a process that prints its address and ends when this one does; its URL."""
    outer = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**outer, **env},
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ServerError(f"{module} did not start", "run: workbench doctor")
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _busy() -> float:
    """The share of all cores that other work uses now, over one second."""
    import psutil

    return psutil.cpu_percent(interval=1.0) / 100


def _circumstances(busy: float) -> dict[str, Any]:
    import psutil

    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=settings().root, capture_output=True, text=True, check=False)
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "xllamacpp": version("xllamacpp"),
        "machine": {
            "processor": _processor(),
            "cores": psutil.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "busy_before": round(busy, 3),
        },
        "units": "output tokens a second of all clients together; milliseconds to the first token",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", "").split()
    wide = [flag for flag in ("avx2", "avx512f", "amx_tile") if flag in flags]
    return f"{facts.get('model name', platform.machine())} ({', '.join(wide) or 'no AVX2'})"


def keep(result: dict[str, Any], path: Path | None = None) -> Path:
    """Write the result to ``docs/results/bench_llm.json``, aside and renamed."""
    path = path or settings().root / "docs" / "results" / "bench_llm.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    return path
