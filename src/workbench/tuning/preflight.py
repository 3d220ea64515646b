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
CORE_SECONDS = {"bfloat16": 6.0, "float32": 10.0}
#: Importing Unsloth, loading the weights, scoring before and after: seconds on two cores.
START_SECONDS = 40
NEED_MB = 3000


@dataclass(frozen=True, repr=False)
class Preflight:
    """The device found, the time expected and what a person should know before training.

    ``seconds`` are those of the start and of all tokens, ``seconds_per_1000_tokens`` of training
    alone; both are None on CUDA, where nothing was measured to expect them from.
    """

    device: str
    dtype: str
    threads: int
    tokens: int
    seconds: float | None
    seconds_per_1000_tokens: float | None
    memory_free_mb: float
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        found = f"training on {self.device} in {self.dtype}, {self.threads} threads: {self._took()}"
        return "\n".join([found, *self.notes])

    def _took(self) -> str:
        if self.seconds is None:
            return "how long is known after the first step"
        if self.tokens:
            return f"about {self.seconds:.0f} s for {self.tokens:,} tokens, the start included"
        each = f"{self.seconds_per_1000_tokens:.1f} s for each 1,000 tokens"
        return f"about {self.seconds:.0f} s to start, and {each}"


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
        return Preflight("cuda", "16 bits", _threads(), tokens, None, None, free)
    dtype = "bfloat16" if native_bf16() else "float32"
    each = CORE_SECONDS[dtype] / _threads()
    notes = [f"no GPU used: {why}"] if why else []
    seconds = START_SECONDS + tokens / 1000 * each
    return Preflight("cpu", dtype, _threads(), tokens, seconds, each, free, notes)


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
