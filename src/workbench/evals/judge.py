"""A language model as judge, through DeepEval; our deterministic metrics in DeepEval's form.

A judge's score means nothing before the judge itself is measured: see :func:`agreement`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.evals import metrics
from workbench.settings import quiet, settings

if TYPE_CHECKING:
    from deepeval.metrics import BaseMetric
    from deepeval.models import OllamaModel
    from deepeval.test_case import LLMTestCase

JUDGE_PROMPT = """Grade an answer of a ferry company's assistant.
Question: {question}
Reference answer: {reference}
Answer to grade: {answer}
Does the answer to grade state the same facts as the reference answer? Different words are fine; \
a wrong or missing number, date or name is not. Reply with JSON: {{"verdict": "yes"}} or \
{{"verdict": "no"}}."""


def _prepare() -> None:
    """No usage reports, and DeepEval's own files with the other things that runs make."""
    quiet()
    os.environ.setdefault("DEEPEVAL_CACHE_FOLDER", str(settings().artifacts / "deepeval"))


def model(name: str = "qwen2.5-coder:1.5b") -> OllamaModel:
    """DeepEval's own Ollama model, at the host in use, sampling off."""
    _prepare()
    from deepeval.models import OllamaModel

    from workbench.llm import client

    options = {"seed": 0, "num_predict": 24}
    return OllamaModel(
        model=name, base_url=client.host(), temperature=0.0, generation_kwargs=options
    )


def case(question: Any, answer: str, context: Sequence[str] = ()) -> LLMTestCase:
    """A golden question and an answer as DeepEval's test case; the question's facts ride along."""
    _prepare()
    from deepeval.test_case import LLMTestCase

    return LLMTestCase(
        input=question.question,
        actual_output=answer,
        expected_output=question.answer,
        retrieval_context=list(context),
        metadata={
            "id": question.id,
            "type": question.type,
            "accept": list(question.accept),
            "documents": question.documents,
        },
    )


@functools.cache
def _metric_classes() -> dict[str, type]:
    """The metric classes, made when DeepEval is first needed: importing it takes seconds."""
    _prepare()
    from deepeval.metrics import BaseMetric
    from pydantic import BaseModel

    class Verdict(BaseModel):
        verdict: Literal["yes", "no"]

    class Rule(BaseMetric):
        """A deterministic metric: 1 or 0, or a share, from the answer alone."""

        async_mode = False

        def __init__(self, name: str, score, threshold: float = 0.5) -> None:
            self.name, self._score, self.threshold = name, score, threshold
            self.error = self.score = self.success = self.reason = None
            self.evaluation_cost = self.verbose_logs = None
            self.include_reason = self.strict_mode = False

        def measure(self, test_case: LLMTestCase, *args, **kwargs) -> float:
            self.score = float(self._score(test_case))
            self.success = self.score >= self.threshold
            return self.score

        async def a_measure(self, test_case: LLMTestCase, *args, **kwargs) -> float:
            return self.measure(test_case)

        def is_successful(self) -> bool:
            return bool(self.success)

        @property
        def __name__(self) -> str:
            return self.name

    class Judged(Rule):
        """A language model's verdict: 1 for yes, 0 for no."""

        def __init__(self, judge: OllamaModel) -> None:
            super().__init__(f"judged correct ({judge.name})", None)
            self.model = judge
            self.evaluation_model = judge.get_model_name()
            self.using_native_model = True

        def measure(self, test_case: LLMTestCase, *args, **kwargs) -> float:
            prompt = JUDGE_PROMPT.format(
                question=test_case.input,
                reference=test_case.expected_output,
                answer=test_case.actual_output,
            )
            verdict, _ = self.model.generate(prompt, schema=Verdict)
            self.reason = f"the judge says {verdict.verdict}"
            self.score = float(verdict.verdict == "yes")
            self.success = self.score >= self.threshold
            return self.score

    return {"rule": Rule, "judged": Judged}


def _facts(test_case: LLMTestCase) -> dict[str, Any]:
    return test_case.metadata or {}


def rules() -> list[BaseMetric]:
    """Our deterministic metrics as DeepEval has them: correct by rule, cites evidence, overlap."""
    rule = _metric_classes()["rule"]

    def right(t: LLMTestCase) -> bool:
        return metrics.correct(t.actual_output, _facts(t)["accept"], _facts(t)["type"])

    def cites(t: LLMTestCase) -> bool:
        return metrics.cites_evidence(t.actual_output, _facts(t)["documents"])

    def overlap(t: LLMTestCase) -> float:
        return metrics.token_f1(t.actual_output, t.expected_output)

    return [rule("correct by rule", right), rule("cites evidence", cites), rule("overlap", overlap)]


def judged(judge: OllamaModel) -> BaseMetric:
    """The verdict of a judge model as a DeepEval metric."""
    return _metric_classes()["judged"](judge)


def run(cases: Sequence[LLMTestCase], using: Sequence[BaseMetric]) -> list[dict[str, Any]]:
    """Score cases with DeepEval's own runner, one row a case: its id, type and a column a metric.

    A case that a metric could not score has None there: never counted as passed.
    """
    _prepare()
    from deepeval import evaluate
    from deepeval.evaluate.configs import AsyncConfig, CacheConfig, DisplayConfig, ErrorConfig

    with contextlib.redirect_stdout(io.StringIO()):
        result = evaluate(
            test_cases=list(cases), metrics=list(using),
            async_config=AsyncConfig(run_async=False),
            cache_config=CacheConfig(write_cache=False, use_cache=False),
            display_config=DisplayConfig(show_indicator=False, print_results=False),
            error_config=ErrorConfig(ignore_errors=True),
        )  # fmt: skip
    rows = []
    for outcome in result.test_results:
        facts = outcome.metadata or {}
        row: dict[str, Any] = {"id": facts.get("id"), "type": facts.get("type")}
        for data in outcome.metrics_data or ():
            row[data.name] = None if data.error else data.score
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Agreement:
    """How a judge agrees with reference labels on n cases; kappa as Cohen (1960) has it."""

    n: int
    accuracy: float
    kappa: float
    says_yes: float
    really_yes: float


def agreement(judge: Sequence[bool], reference: Sequence[bool]) -> Agreement:
    """Accuracy and Cohen's kappa of verdicts against reference labels; kappa 0 is chance.

    Raises ValueError where the lengths differ or nothing was judged.
    """
    pairs = [(bool(j), bool(r)) for j, r in zip(judge, reference, strict=True)]
    if not pairs:
        raise ValueError("no case was judged")
    n = len(pairs)
    same = sum(j == r for j, r in pairs) / n
    yes_j, yes_r = sum(j for j, _ in pairs) / n, sum(r for _, r in pairs) / n
    chance = yes_j * yes_r + (1 - yes_j) * (1 - yes_r)
    kappa = (same - chance) / (1 - chance) if chance < 1 else 0.0
    return Agreement(n, same, kappa, yes_j, yes_r)
