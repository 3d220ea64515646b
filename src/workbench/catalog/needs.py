"""What a use case needs, and which models meet it: conditions that veto, then a rank.

Every condition answers ``yes``, ``no`` or ``unknown``, and gives its reason in words; ``–`` where
the need does not ask. A ``no`` vetoes whatever else a model has. ``unknown`` does not, and stays
visible, for nothing is guessed that the catalog does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UnknownName

if TYPE_CHECKING:
    import pandas

#: Task -> the published score that speaks for it, and its name. MMLU is not among them: the catalog
#: has it in settings that do not compare.
TASKS = {
    "answer questions": ("ifeval", "IFEval"),
    "summarise": ("ifeval", "IFEval"),
    "extract fields": ("ifeval", "IFEval"),
    "write code": ("humaneval_pass1", "HumanEval"),
    "write SQL": ("humaneval_pass1", "HumanEval"),
}
RULE = (
    "Among the models that pass, those come first for which a score of every task is published; "
    "then the one that takes least memory, for what is small is cheap to try. Scores themselves "
    "do not count here: their settings differ."
)
#: A field in words, where its name is none.
LABELS = {
    "requests_per_month": "requests a month",
    "prompt_tokens": "tokens of a prompt",
    "output_tokens": "tokens of an answer",
    "seconds_to_answer": "seconds to answer, at most",
    "private": "data stay in the house",
    "commercial": "commercial use",
    "memory_gb": "memory in GB, at most",
    "usd_per_month": "US dollars a month, at most",
    "context_tokens": "tokens of context",
    "slots": "requests at a time",
    "bits_per_weight": "bits for a weight",
}


@dataclass(frozen=True)
class Answer:
    """What a condition says of a model: ``yes``, ``no``, ``unknown`` or ``–``, and why."""

    holds: str
    reason: str = ""


NOT_ASKED = Answer("–")


@dataclass(frozen=True)
class Need:
    """A use case in numbers; None where something does not matter.

    Sizes in GB are 10^9 bytes; ``seconds_to_answer`` is for a whole answer. ``bits_per_weight`` is
    what the weights are stored in (4.89: GGUF's Q4_K_M for a model of 8B), ``slots`` how many
    requests are served side by side. Raises BadInput, in a sentence, for what makes no sense.
    """

    tasks: Sequence[str] = ("answer questions",)
    languages: Sequence[str] = ("English",)
    requests_per_month: int | None = None
    prompt_tokens: int = 1000
    output_tokens: int = 100
    seconds_to_answer: float | None = None
    private: bool = False
    commercial: bool = True
    memory_gb: float | None = None
    usd_per_month: float | None = None
    context_tokens: int | None = None
    slots: int = 1
    bits_per_weight: float = 4.89

    def __post_init__(self) -> None:
        for name in ("tasks", "languages"):
            _names(name, getattr(self, name))
        for task in self.tasks:
            if task not in TASKS:
                raise UnknownName("task", task, TASKS)
        for name in ("private", "commercial"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"{name} is {getattr(self, name)!r}", "say True or False")
        for field in fields(self)[2:]:
            if field.name not in ("private", "commercial"):
                _positive(field.name, getattr(self, field.name), "None" in str(field.type))
        if self.context_tokens and self.context_tokens < self.prompt_tokens + self.output_tokens:
            raise BadInput(
                f"a context of {self.context_tokens} tokens does not hold a prompt of "
                f"{self.prompt_tokens} and an answer of {self.output_tokens}",
                f"context_tokens={self.prompt_tokens + self.output_tokens} or more",
            )

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may fill together."""
        return self.context_tokens or self.prompt_tokens + self.output_tokens

    def check(
        self, model: Mapping[str, Any], seconds: float | None = None, usd: float | None = None
    ) -> dict[str, Answer]:
        """Each condition's answer for a row of the catalog.

        ``seconds`` were measured for an answer, ``usd`` a month were worked out: see ``costs``.
        """
        row = {key: None if _missing(value) else value for key, value in model.items()}
        return {
            "licence": self._licence(row),
            "privacy": self._privacy(row),
            "context": self._context(row),
            "memory": self._memory(row),
            "cost": self._cost(row, usd),
            "time": self._time(seconds),
            "languages": Answer("unknown", "the catalog does not say which languages it knows"),
        }

    def rank(
        self,
        frame: pandas.DataFrame | None = None,
        seconds: Mapping[str, float] | None = None,
        usd: Mapping[str, float] | None = None,
    ) -> pandas.DataFrame:
        """All models with each condition's answer, the reasons of vetoes, and a rank by RULE.

        ``frame`` has the catalog's columns (all its models where None). ``seconds`` gives measured
        seconds an answer, ``usd`` dollars a month, by model id or Ollama tag. ``memory_gb`` counts
        weights and cache. Vetoed models come last, without a rank.
        """
        import pandas as pd

        from workbench import catalog

        told = seconds or {}, usd or {}
        source = catalog.models() if frame is None else frame
        rows = [self._row(row, *told) for row in source.to_dict("records")]
        rows.sort(key=lambda row: row.pop("order"))
        places = range(1, 1 + sum(row["passes"] for row in rows))
        ranks = pd.array([*places, *[None] * (len(rows) - len(places))], dtype="Int64")
        table = pd.DataFrame(rows)
        table.insert(0, "rank", ranks)
        table.attrs["rule"] = RULE
        return table

    def keep(self, frame: pandas.DataFrame, column: str = "model_id") -> pandas.DataFrame:
        """The rows of another table whose model is not vetoed, by model id or Ollama tag.

        Models that are not in the catalog stay: nothing is known against them.
        """
        ranked = self.rank()
        vetoed = ranked[~ranked["passes"]]
        out = {*vetoed["model_id"], *vetoed["ollama_tag"].dropna()}
        return frame[~frame[column].isin(out)].reset_index(drop=True)

    def too_much(self, seconds: float | None, memory_gb: float | None) -> list[str]:
        """Reasons against a measured model, whether or not it is in the catalog."""
        answers = [self._time(seconds)] if seconds is not None else []
        if memory_gb is not None and self.memory_gb is not None and memory_gb > self.memory_gb:
            answers.append(Answer("no", f"took {memory_gb:.1f} GB of {self.memory_gb:.1f}"))
        return [answer.reason for answer in answers if answer.holds == "no"]

    def table(self) -> list[dict[str, str]]:
        """The need itself, as rows for a table."""
        return [
            {"need": LABELS.get(f.name, f.name), "wanted": _shown(getattr(self, f.name))}
            for f in fields(self)
        ]

    def _row(self, row: dict[str, Any], *told: Mapping[str, float]) -> dict[str, Any]:
        tag = None if _missing(row["ollama_tag"]) else row["ollama_tag"]
        answers = self.check(row, *[by.get(row["model_id"], by.get(tag)) for by in told])
        vetoes = [a.reason for a in answers.values() if a.holds == "no"]
        gigabytes, (known, scores) = self.memory(row), self._scores(row)
        size = float("inf") if gigabytes is None else gigabytes
        return {
            "model_id": row["model_id"],
            "ollama_tag": tag,
            "license_id": row["license_id"],
            "passes": not vetoes,
            **{name: answer.holds for name, answer in answers.items()},
            "memory_gb": gigabytes,
            "why": "; ".join(vetoes) if vetoes else self._why(answers, scores),
            "order": (bool(vetoes), not known, size, row["model_id"]),
        }

    def _why(self, answers: dict[str, Answer], scores: str) -> str:
        said = [answers[name] for name in ("memory", "licence", "cost", "time")]
        known = [answer.reason for answer in said if answer.reason and answer.holds == "yes"]
        return "; ".join([*known, scores])

    def _scores(self, row: dict[str, Any]) -> tuple[bool, str]:
        wanted = dict.fromkeys(TASKS[task] for task in self.tasks)
        said = [
            f"{name} not published" if _missing(row[column]) else f"{name} published"
            for column, name in wanted
        ]
        return not any(_missing(row[column]) for column, _ in wanted), ", ".join(said)

    def memory(self, model: Mapping[str, Any]) -> float | None:
        """GB for the weights and the cache of this need; None where sizes are not published."""
        from workbench import catalog

        sizes = [model[name] for name in ("parameters_b", "layers", "kv_heads", "head_dim")]
        if any(_missing(size) for size in sizes):
            return None
        cache = catalog.kv_cache_bytes(*map(int, sizes[1:]), self.context, self.slots)
        return (catalog.weights_bytes(sizes[0], self.bits_per_weight) + cache) / 1e9

    def _licence(self, row: dict[str, Any]) -> Answer:
        from workbench.catalog import licences

        use, name = row["commercial_use"], row["license_id"]
        if not self.commercial:
            return NOT_ASKED
        if use == "yes":
            return Answer("yes")
        if use == "no":
            return Answer("no", f"licence {name} does not allow commercial use")
        if use == "api-terms":
            return Answer("yes", "its provider's terms count")
        terms = licences.get(name).terms if name in licences.LICENCES else "read its terms"
        return Answer("yes", f"licence {name}: {terms}")

    def _privacy(self, row: dict[str, Any]) -> Answer:
        if not self.private:
            return NOT_ASKED
        if row["open_weights"] != "yes":
            return Answer("no", "weights are not open and the data are private")
        return Answer("yes")

    def _context(self, row: dict[str, Any]) -> Answer:
        window = row["context_window_tokens"]
        if window is None:
            return Answer("unknown", "its context window is not published")
        if window < self.context:
            return Answer("no", f"reads {window:,} tokens of {self.context:,}")
        return Answer("yes")

    def _memory(self, row: dict[str, Any]) -> Answer:
        if self.memory_gb is None:
            return NOT_ASKED
        if row["open_weights"] != "yes":
            return Answer("yes", "runs at its provider")
        gigabytes = self.memory(row)
        if gigabytes is None:
            return Answer("unknown", "its sizes are not published")
        words = f"needs {gigabytes:.1f} GB of {self.memory_gb:.1f}"
        return Answer("yes" if gigabytes <= self.memory_gb else "no", words)

    def _cost(self, row: dict[str, Any], month: float | None) -> Answer:
        from workbench.catalog import costs

        if self.usd_per_month is None or self.requests_per_month is None:
            return NOT_ASKED
        if month is None and row["open_weights"] == "yes":
            return Answer("unknown", "cost depends on the machine")
        if month is None:
            item = costs.priced_as(row["model_id"])
            if item is None:
                return Answer("unknown", "its price is not in the catalog")
            call = costs.per_call(item, self.prompt_tokens, self.output_tokens)
            month = call * self.requests_per_month
        words = f"costs {month:,.0f} USD a month of {self.usd_per_month:,.0f}"
        return Answer("yes" if month <= self.usd_per_month else "no", words)

    def _time(self, seconds: float | None) -> Answer:
        if self.seconds_to_answer is None:
            return NOT_ASKED
        if seconds is None:
            return Answer("unknown", "time not measured yet")
        words = f"answers in {seconds:.1f} s of {self.seconds_to_answer:.1f}"
        return Answer("yes" if seconds <= self.seconds_to_answer else "no", words)


def _missing(value: Any) -> bool:
    import pandas as pd

    return value is None or bool(pd.isna(value))


def _names(name: str, value: Any) -> None:
    if isinstance(value, str) or not isinstance(value, Iterable) or not list(value):
        raise BadInput(f"{name} is {value!r}, which is no list of names", f'{name}=["…"]')
    if not all(isinstance(part, str) and part.strip() for part in value):
        raise BadInput(f"{name} holds something that is no name: {value!r}", f'{name}=["…"]')


def _positive(name: str, value: Any, may_be_none: bool) -> None:
    if value is None and may_be_none:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < float("inf"):
        other = ", or None where it does not matter" if may_be_none else ""
        raise BadInput(f"{name} is {value!r}", f"give a number above zero{other}")


def _shown(value: Any) -> str:
    if value is None:
        return "any"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        return f"{value:,}"
    return ", ".join(value)
