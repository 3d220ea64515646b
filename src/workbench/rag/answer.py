"""What an assistant gives back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.display.tables import _markdown

if TYPE_CHECKING:
    from workbench.retrieval import Hit

#: What the house style says when the passages have no answer.
REFUSAL = "The documents do not say."


class Hits(list["Hit"]):
    """Retrieved passages, best first; displays as a table."""

    def _repr_html_(self) -> str:
        from workbench.display import table

        rows = [
            {
                "Rank": h.rank,
                "Document": h.chunk.document,
                "Score": h.score,
                "Passage": h.chunk.text[:160],
            }
            for h in self
        ]
        return table(rows, "Retrieved passages", {"Score": ".2f"} if rows else {})._repr_html_()


@dataclass(frozen=True)
class Answer:
    """A text, where it comes from and what it took.

    ``sources`` are document ids: those the text cites, or, where it cites none, those it was given.
    ``seconds`` and ``first_token_seconds`` count from the question, search included. ``trace_id``
    is 32 hexadecimal digits, empty when nothing is traced. ``raw`` is what the model wrote. Where
    the prompt asks for JSON, ``data`` is the answer as parsed; one that does not keep to the
    schema, as when it is cut at the token limit, has no text and no data, and ``failed`` says why.
    """

    question: str
    text: str
    sources: list[str]
    retrieved: Hits = field(repr=False)
    prompt_tokens: int
    output_tokens: int
    seconds: float
    first_token_seconds: float
    trace_id: str
    model: str
    prompt: str
    cached: bool = False
    data: dict[str, Any] | None = None
    failed: str = ""
    raw: str = field(default="", repr=False)

    @property
    def refused(self) -> bool:
        """Whether it says that the documents do not say."""
        return REFUSAL.lower().rstrip(".") in self.text.lower()

    def quote(self, document: str) -> str:
        """The sentence of a retrieved document that shares most words with the answer, or ""."""
        text = " ".join(h.chunk.text for h in self.retrieved if h.chunk.document == document)
        sentences = re.split(r"(?<=[.!?])\s+|\n+", text)
        return max(sentences, key=lambda s: len(_words(s) & _words(self.text)), default="").strip()

    def _repr_markdown_(self) -> str:
        sources = ", ".join(self.sources) or "none"
        again = ", from the cache" if self.cached else ""
        tokens = f"{self.prompt_tokens} prompt and {self.output_tokens} output tokens"
        times = f"first token after {self.first_token_seconds:.2f} s, {self.seconds:.2f} s in all"
        text = (
            f"No answer: {self.failed}. The model wrote: {self.raw}" if self.failed else self.text
        )
        return f"> {_markdown(text)}\n\nSources: {_markdown(sources)}. {tokens}, {times}{again}."


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{2,}", text.lower()))
