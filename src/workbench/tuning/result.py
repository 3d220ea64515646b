"""What training reports: steps as they happen, and the result."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BrokenFile

RESULT = "result.json"


@dataclass(frozen=True)
class Step:
    """One optimizer step: its number from 1, its batch's mean loss, seconds since the start."""

    step: int
    steps: int
    loss: float
    seconds: float

    @property
    def seconds_left(self) -> float:
        """What is left at the speed so far."""
        return self.seconds / self.step * (self.steps - self.step)


@dataclass(frozen=True)
class Sample:
    """A held-out question, its reference, and what the model says before and after training."""

    question: str
    reference: str
    before: str
    after: str


@dataclass(frozen=True)
class TuneResult:
    """A trained adapter and what it took.

    Losses are cross entropy in nats a token, over answer tokens only: ``losses`` has one a step,
    ``held_out_before`` and ``held_out_after`` are over the same unseen examples. ``seconds`` is
    training alone, ``total_seconds`` with the start of the process, loading and scoring;
    ``cpu_seconds`` is the whole process over all cores. ``tokens`` counts what was trained on,
    padding left out. ``left_out`` examples were longer than ``max_length`` tokens.
    """

    base: str
    adapter: Path
    device: str
    dtype: str
    rank: int
    steps: int
    batch: int
    learning_rate: float
    max_length: int
    seed: int
    losses: list[float] = field(repr=False)
    held_out_before: float
    held_out_after: float
    trained_on: int
    held_out: int
    left_out: int
    trainable_parameters: int
    total_parameters: int
    tokens: int
    seconds: float
    total_seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    samples: list[Sample] = field(repr=False)

    @property
    def trainable_share(self) -> float:
        """The part of all parameters that was trained, from 0 to 1."""
        return self.trainable_parameters / self.total_parameters

    @property
    def seconds_per_step(self) -> float:
        return self.seconds / self.steps

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; :meth:`from_json` reads them back."""
        return {**dataclasses.asdict(self), "adapter": str(self.adapter)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TuneResult:
        samples = [Sample(**sample) for sample in values["samples"]]
        return cls(**{**values, "adapter": Path(values["adapter"]), "samples": samples})

    @classmethod
    def load(cls, adapter: Path) -> TuneResult:
        """The result kept beside an adapter's weights; raises BrokenFile."""
        try:
            values = json.loads((adapter / RESULT).read_text(encoding="utf-8"))
            return cls.from_json({**values, "adapter": adapter})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokenFile(
                f"{adapter} has no readable {RESULT}: {error}", "train it again"
            ) from None

    def figure(self) -> Any:
        """The loss of each step, and the held-out loss before and after, as a display figure."""
        import matplotlib.pyplot as plt

        from workbench import display

        display.style()
        fig, ax = plt.subplots(figsize=(7, 3.2))
        ax.plot(
            range(1, self.steps + 1),
            self.losses,
            color=display.PALETTE["sky"],
            label="training batch",
        )
        ends, scores = [0, self.steps], [self.held_out_before, self.held_out_after]
        ax.plot(ends, scores, "o--", color=display.PALETTE["vermilion"], label="held-out examples")
        ax.set(xlabel="step", ylabel="loss (nats a token)", ylim=(0, None))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        alt = (
            f"Loss over {self.steps} training steps. On {self.held_out} held-out examples it went "
            f"from {scores[0]:.2f} to {scores[1]:.2f}."
        )
        return display.figure(fig, alt)
