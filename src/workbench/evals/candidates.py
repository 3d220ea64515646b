"""Several models on the same questions: quality, speed and memory side by side.

Every model gets the same passages with the same prompt, so that what differs is the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.evals import intervals, runs
from workbench.evals.intervals import Interval
from workbench.golden import Question

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """A model as measured: ``answers`` has a row a question, ``memory`` is in bytes or unknown."""

    model: str
    answers: pd.DataFrame = field(repr=False)
    memory: int | None = None

    @property
    def right(self) -> Interval:
        """The share of right answers."""
        return intervals.share(self.answers["correct"])

    @property
    def seconds(self) -> float:
        """Median seconds from question to whole answer."""
        return float(self.answers["seconds"].median())

    @property
    def first_token_seconds(self) -> float:
        """Median seconds from question to the first piece of the answer."""
        return float(self.answers["first_token_seconds"].median())

    @property
    def tokens_per_second(self) -> float:
        """Output tokens a second once the first is there, over all answers; NaN without any."""
        frame = self.answers[self.answers["output_tokens"] > 1]
        took = (frame["seconds"] - frame["first_token_seconds"]).sum()
        return float((frame["output_tokens"] - 1).sum() / took) if took else float("nan")

    @property
    def prompt_tokens_per_second(self) -> float:
        """Prompt tokens a second until the first piece, over all answers."""
        took = self.answers["first_token_seconds"].sum()
        return float(self.answers["prompt_tokens"].sum() / took) if took else float("nan")

    def row(self) -> dict[str, Any]:
        """The measurements as plain numbers: shares 0 to 1, seconds, tokens a second, bytes."""
        right = self.right
        return {
            "model": self.model,
            "right": right.value, "low": right.low, "high": right.high, "n": right.n,
            "first_token_seconds": self.first_token_seconds,
            "seconds": self.seconds,
            "prompt_tokens_per_second": self.prompt_tokens_per_second,
            "tokens_per_second": self.tokens_per_second,
            "memory": self.memory,
        }  # fmt: skip


@dataclass(frozen=True)
class Gain:
    """What a larger model buys over a smaller one on the same questions.

    ``right`` is the paired difference in the share of right answers. ``times_slower`` and
    ``times_memory`` are ratios of medians and of bytes (NaN where memory is unknown).
    """

    right: Interval
    times_slower: float
    times_memory: float
    seconds: float
    gigabytes: float

    @property
    def per_second(self) -> float:
        """Points of right answers bought by each further second an answer takes."""
        return 100 * self.right.value / self.seconds if self.seconds > 0 else float("nan")

    @property
    def per_gigabyte(self) -> float:
        """Points of right answers bought by each further gigabyte (10^9 bytes) of memory."""
        return 100 * self.right.value / self.gigabytes if self.gigabytes > 0 else float("nan")


def measure(
    model: str,
    questions: Sequence[Question],
    on_answer: Callable[[int, int], None] | None = None,
    max_tokens: int = 96,
) -> Candidate:
    """Ask a model every question with the right passage handed over, and read its memory.

    Answers are kept by content; those taken from there have the timings of when they were made.
    """
    from workbench import rag
    from workbench.llm import client as llm

    assistant = rag.Assistant(
        runs.OpenBook(questions), model=model, max_tokens=max_tokens, cache=True
    )
    answers = runs.ask_all(assistant, questions, on_answer)
    llm.client().generate(model, keep_alive="5m")  # loaded, also when every answer was kept
    return Candidate(model, answers, memory_of(model))


def memory_of(model: str) -> int | None:
    """Bytes that a loaded model takes, as its server says; None when it is not loaded."""
    from workbench.llm import client as llm

    for loaded in llm.client().ps().models:
        if loaded.model in (model, f"{model}:latest"):
            return loaded.size
    return None


def gain(larger: Candidate, smaller: Candidate) -> Gain:
    """The larger model against the smaller one; both must have been asked the same questions."""
    nan = float("nan")
    both = larger.memory and smaller.memory
    return Gain(
        right=intervals.paired(larger.answers["correct"], smaller.answers["correct"]),
        times_slower=larger.seconds / smaller.seconds if smaller.seconds else nan,
        times_memory=larger.memory / smaller.memory if both else nan,
        seconds=larger.seconds - smaller.seconds,
        gigabytes=(larger.memory - smaller.memory) / 1e9 if both else nan,
    )


def spread(questions: Sequence[Question], count: int) -> list[Question]:
    """The first ``count`` questions when the types take turns, so that each type is among them."""
    turns: dict[str, int] = {}
    order = []
    for place, question in enumerate(questions):
        turns[question.type] = turn = turns.get(question.type, 0) + 1
        order.append((turn, place))
    return [questions[place] for _, place in sorted(order)[: max(count, 0)]]
