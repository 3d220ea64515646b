"""What training will run on and how long it will take, said before it starts."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workbench.errors import BadInput, MissingPiece, OutOfRoom

DEVICES = ("auto", "cpu", "cuda")
#: Core-seconds to train SmolLM2-135M on 1,000 tokens, with bfloat16 instructions and without.
CORE_SECONDS = {"bfloat16": 6.5, "float32": 10.0}
#: Starting the process: importing Unsloth and loading the weights, in seconds.
START_SECONDS = 25
NEED_MB = 3000


@dataclass(frozen=True)
class Preflight:
    """The device found, the time expected and what a person should know before training.

    ``seconds`` is None on CUDA, where nothing was measured to expect it from; the first step tells.
    """

    device: str
    dtype: str
    threads: int
    seconds: float | None
    memory_free_mb: float
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        took = (
            "unknown until the first step"
            if self.seconds is None
            else f"about {self.seconds:.0f} s"
        )
        found = f"training on {self.device} in {self.dtype}, {self.threads} threads: {took}"
        return "\n".join([found, *self.notes])


def preflight(tokens: int = 0, device: str = "auto") -> Preflight:
    """What training on ``tokens`` tokens in all (steps × batch × length) will run on.

    Raises BadInput for an unknown device, MissingPiece when CUDA is asked for and is not there,
    and OutOfRoom when memory is short. An ``auto`` that finds no GPU says so in its notes.
    """
    if device not in DEVICES:
        raise BadInput(f"unknown device {device!r}", f"there are: {', '.join(DEVICES)}")
    cuda, why = (False, "") if device == "cpu" else _cuda()
    if device == "cuda" and not cuda:
        raise MissingPiece(
            f"no CUDA device to train on: {why}", "use device='cpu', or ACCEL=cuda make course"
        )
    free = psutil.virtual_memory().available / 1e6
    if free < NEED_MB:
        raise OutOfRoom(
            f"training needs {NEED_MB:,} MB of memory; {free:,.0f} MB are free",
            "close other programs",
        )
    if cuda:
        return Preflight("cuda", "bfloat16 or float16", _threads(), None, free)
    dtype = "bfloat16" if native_bf16() else "float32"
    seconds = START_SECONDS + tokens / 1000 * CORE_SECONDS[dtype] / _threads()
    return Preflight(
        "cpu", dtype, _threads(), seconds, free, [f"no GPU used: {why}"] if why else []
    )


def native_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU has bfloat16 instructions; without them Unsloth trains in float32."""
    try:
        flags = cpuinfo.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags))


def _threads() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count(logical=False) or 1


def _cuda() -> tuple[bool, str]:
    """Whether torch can use a GPU, and if not, why. A CPU build of torch is not imported for it."""
    if importlib.metadata.version("torch").endswith("+cpu"):
        card = shutil.which("nvidia-smi")
        return False, "torch is the CPU build" + (", though this machine has a GPU" if card else "")
    import torch

    return torch.cuda.is_available(), "torch finds no CUDA device"


def tokens_in(texts: Sequence[str]) -> float:
    """A rough mean length in tokens: four characters each."""
    return sum(map(len, texts)) / 4 / max(1, len(texts))
