"""One version of a prompt, and what is filled into it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BadInput

VARIABLE = re.compile(r"\{([a-z_]+)\}")
#: Type of a variable, as a prompt's file names it -> the Python types that a value may have.
TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "flag": (bool,),
}


@dataclass(frozen=True)
class Score:
    """What a prompt once scored: a value with its 95 % interval, and on what it was measured."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    split: str
    model: str
    date: str

    def __str__(self) -> str:
        return f"{self.metric} {self.value:.2f} [{self.low:.2f}, {self.high:.2f}], n = {self.n}"


@dataclass(frozen=True)
class Prompt:
    """One version of a prompt: messages with typed variables in them.

    ``variables`` maps each name to its type (see ``TYPES``). ``format`` is the JSON schema that an
    answer must keep to, or None for free text.
    """

    name: str
    version: int
    changelog: str
    variables: Mapping[str, str] = field(hash=False)
    messages: tuple[tuple[str, str], ...]
    path: Path
    format: Mapping[str, Any] | None = field(default=None, hash=False)
    scores: tuple[Score, ...] = ()

    @property
    def id(self) -> str:
        """Name and version, as they stand on traces: ``answer/v2``."""
        return f"{self.name}/v{self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the messages, and of the schema if there is one, whatever the version."""
        content = repr(self.messages)
        if self.format is not None:
            content += json.dumps(self.format, sort_keys=True)
        return hashlib.sha256(content.encode("utf-8")).hexdigest()

    @property
    def system(self) -> str:
        """The system message, or an empty string."""
        return next((text for role, text in self.messages if role == "system"), "")

    @property
    def text(self) -> str:
        """The last user message, variables unfilled."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")

    @property
    def template(self) -> str:
        """All messages with their roles as headings, variables unfilled."""
        return "\n\n".join(f"## {role}\n{text}" for role, text in self.messages)

    def score(self, metric: str = "right") -> Score | None:
        """The score of a metric with the largest sample, the latest of equals; None without any."""
        found = [score for score in self.scores if score.metric == metric]
        return max(found, key=lambda score: (score.n, score.date), default=None)

    def render(self, **values: object) -> list[dict[str, str]]:
        """The chat messages with every variable filled in; braces inside a value stay as they are.

        Raises BadInput naming the variable, and the file, when one is missing or of a wrong type.
        """
        for name, kind in self.variables.items():
            if name not in values:
                raise BadInput(
                    f"the prompt {self.id} lacks its variable {name!r}",
                    f"pass {name}=…; the prompt stands in {self.path}",
                )
            self._check(name, kind, values[name])
        return [{"role": role, "content": _fill(text, values)} for role, text in self.messages]

    def _check(self, name: str, kind: str, value: object) -> None:
        truth = isinstance(value, bool)  # True is an int to Python, but no number to a reader
        if not isinstance(value, TYPES[kind]) or truth != (kind == "flag"):
            raise BadInput(
                f"the variable {name!r} of the prompt {self.id} must be of type {kind}, "
                f"and got {type(value).__name__} ({str(value)[:40]!r})",
                f"pass {name} as {' or '.join(t.__name__ for t in TYPES[kind])}",
            )

    def __repr__(self) -> str:
        return f"<Prompt {self.id}: {self.changelog}>"


def _fill(text: str, values: dict[str, object]) -> str:
    """Each variable replaced once: what a value contains is never looked at again."""
    return VARIABLE.sub(lambda found: str(values[found.group(1)]), text)
