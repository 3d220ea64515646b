"""LoRA fine-tuning with Unsloth, on a CPU or on CUDA, in a process of its own."""

from __future__ import annotations

from workbench.tuning.data import load_examples, render
from workbench.tuning.preflight import Preflight, preflight
from workbench.tuning.result import Sample, Step, TuneResult
from workbench.tuning.train import train

__all__ = [
    "Preflight",
    "Sample",
    "Step",
    "TuneResult",
    "load_examples",
    "preflight",
    "render",
    "train",
]
