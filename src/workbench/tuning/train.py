"""Training in a child process: its memory goes when it ends, and the notebook's kernel stays clean.

Unsloth changes transformers for the whole process that imports it. The child gets its job as one
line of JSON on its standard input, answers in JSON lines, and ends when that input closes, which
happens however this process ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from workbench import errors, models
from workbench.errors import BadInput, OutOfRoom, WorkbenchError
from workbench.settings import quiet, settings
from workbench.tuning import data
from workbench.tuning.preflight import preflight, tokens_in
from workbench.tuning.result import Step, TuneResult

Render = Callable[[dict], list[data.Message]]


def train(
    examples: Sequence[dict],
    base: str = "smollm2:135m",
    *,
    steps: int = 24,
    rank: int = 8,
    learning_rate: float = 1e-3,
    batch: int = 2,
    max_length: int = 384,
    seed: int = 0,
    holdout: float = 0.1,
    samples: int = 3,
    name: str = "lora",
    device: str = "auto",
    render: Render = data.render,
    on_step: Callable[[Step], Any] | None = None,
) -> TuneResult:
    """Train a LoRA adapter on the answers of ``examples``; it is put in ``artifacts/tuning/NAME``.

    ``render`` makes the chat that comes before an answer. ``on_step`` is called after each step.
    The held-out loss is measured before and after on the same unseen examples, and ``samples`` of
    them are answered both times. Raises BadInput, ModelMissing, MissingPiece, OutOfRoom.
    """
    _check(steps, rank, batch, max_length, learning_rate, holdout, name)
    data.check(examples)
    models.path(base)  # ModelMissing now, and not after the import
    kept, held = data.split(examples, holdout)
    chats = [_chat(e, render) for e in (kept, held) for e in e]
    length = tokens_in([json.dumps(chat) for chat in chats])
    ready = preflight(int(steps * batch * length), device)
    job = {
        "base": base, "steps": steps, "rank": rank, "learning_rate": learning_rate, "batch": batch,
        "max_length": max_length, "seed": seed, "samples": samples, "device": ready.device,
        "threads": ready.threads, "out": str(settings().artifacts / "tuning" / name),
        "train": chats[: len(kept)], "held_out": chats[len(kept) :],
    }  # fmt: skip
    return _run(job, on_step)


def _check(
    steps: int, rank: int, batch: int, max_length: int, rate: float, holdout: float, name: str
) -> None:
    whole = {"steps": steps, "rank": rank, "batch": batch, "max_length": max_length}
    for label, value in whole.items():
        if not isinstance(value, int) or value < 1:
            raise BadInput(f"{label} is {value!r}", "give a whole number from 1 up")
    if not 0 <= rate <= 1:
        raise BadInput(f"learning_rate is {rate!r}", "give a number from 0 to 1, such as 0.001")
    if not 0 < holdout < 1:
        raise BadInput(f"holdout is {holdout!r}", "give the share to hold out, such as 0.1")
    if not re.fullmatch(r"[\w-]+", name):
        raise BadInput(f"{name!r} cannot name an adapter", "use letters, digits, - and _")


def _chat(example: dict, render: Render) -> dict[str, Any]:
    return {
        "messages": render(example),
        "question": example["question"],
        "answer": example["answer"],
    }


def _run(job: dict[str, Any], on_step: Callable[[Step], Any] | None) -> TuneResult:
    """The child's events, until its result; nothing of it is left when this is interrupted.

    Of two runs for one name, the second waits for the first.
    """
    out = Path(job["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(out.with_name(f"{out.name}.lock")):
        return _follow(job, out, on_step)


def _follow(job: dict[str, Any], out: Path, on_step: Callable[[Step], Any] | None) -> TuneResult:
    log, began = out.with_name(f"{out.name}.log"), time.perf_counter()
    try:
        with log.open("w", encoding="utf-8") as noise, _child(job, noise) as process:
            for event in _events(process):
                if event["event"] == "step" and on_step:
                    on_step(Step(**event["values"]))
                elif event["event"] == "error":
                    raise _error(**event["values"])
                elif event["event"] == "result":
                    total = time.perf_counter() - began
                    return TuneResult.from_json({**event["values"], "total_seconds": total})
        raise _ended(process.returncode, log)
    finally:
        shutil.rmtree(out.with_name(f"{out.name}.part"), ignore_errors=True)


@contextlib.contextmanager
def _child(job: dict[str, Any], noise: Any) -> Iterator[subprocess.Popen[str]]:
    """The worker with its job; closing its input ends it, and it is killed if it does not."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "workbench.tuning.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=noise,
        text=True, encoding="utf-8", cwd=Path(job["out"]).parent, env=_environment(),
    )  # fmt: skip
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
        yield process
        process.wait(timeout=20)
    finally:
        process.kill()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


def _environment() -> dict[str, str]:
    """No network, no usage reports, and Unsloth's compiled files under artifacts."""
    env = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "WANDB_DISABLED": "true",
    }
    env["WORKBENCH_ROOT"] = str(settings().root)
    env["UNSLOTH_COMPILE_LOCATION"] = str(
        settings().artifacts / "tuning" / "unsloth_compiled_cache"
    )
    env["TOKENIZERS_PARALLELISM"] = "false"
    env.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads starve a busy machine
    quiet(env)
    return env


def _events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def _error(kind: str, what: str, fix: str) -> WorkbenchError:
    return getattr(errors, kind, WorkbenchError)(what, fix)


def _ended(code: int, log: Path) -> WorkbenchError:
    """Why the child ended without a result."""
    if code == -9:
        return OutOfRoom(
            "the training process was killed, most likely for its memory",
            "close other programs, or train with a smaller batch or max_length",
        )
    last = "\n  ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
    return WorkbenchError(
        f"training stopped with code {code}\n  {last}", f"the whole of it is in {log}"
    )
