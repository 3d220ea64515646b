"""The span around one answer: everything that is done for it hangs below."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from workbench.prompts import Prompt

T = TypeVar("T")
#: OpenInference's names begin so: ``.template``, ``.version`` and ``.variables``.
TEMPLATE = "llm.prompt_template"


class Span:
    """An OpenInference CHAIN span that a generator can hold open.

    A generator runs in its caller's context, so the span is current only while ``run`` and
    ``each`` do their work, in a context of the span's own. Without a tracer it costs nothing.
    """

    def __init__(self, name: str, question: str, prompt: Prompt, model: str) -> None:
        from opentelemetry import trace

        self._trace, self._prompt = trace, prompt
        self._span = trace.get_tracer("workbench.rag").start_span(
            name,
            attributes={
                "openinference.span.kind": "CHAIN",
                "input.value": question,
                "metadata": json.dumps({"prompt": prompt.id, "model": model}),
                **_template(prompt),
            },
        )
        self._context = contextvars.copy_context()
        self._context.run(self._attach)

    def _attach(self) -> None:
        from opentelemetry import context

        context.attach(self._trace.set_span_in_context(self._span))

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, or empty when nothing is traced."""
        found = self._span.get_span_context()
        return f"{found.trace_id:032x}" if found.is_valid else ""

    def fill(self, values: dict[str, Any]) -> None:
        """Note the prompt's variables here, and prompt and variables on every model call below."""
        if self._span.is_recording():
            self._span.set_attribute(f"{TEMPLATE}.variables", json.dumps(values, default=str))
            self._context.run(self._pass_on, values)

    def _pass_on(self, values: dict[str, Any]) -> None:
        """Leave the prompt in this span's context, where OpenInference's tracers look for it."""
        from openinference.instrumentation import using_attributes

        using_attributes(
            metadata={"prompt": self._prompt.id, "prompt_digest": self._prompt.digest},
            prompt_template=self._prompt.template,
            prompt_template_version=f"v{self._prompt.version}",
            prompt_template_variables=values,
        ).__enter__()

    def run(self, work: Callable[..., T], *args: Any) -> T:
        """Call ``work`` below this span."""
        return self._context.run(work, *args)

    def each(self, pieces: Iterable[T]) -> Iterator[T]:
        """Iterate below this span; abandoning the iteration closes what is iterated."""
        iterator = iter(pieces)
        try:
            while True:
                try:
                    piece = self._context.run(next, iterator)
                except StopIteration:
                    return
                yield piece
        finally:
            close = getattr(iterator, "close", None)
            if close:
                self._context.run(close)

    def output(self, text: str) -> None:
        """What came out."""
        self._span.set_attribute("output.value", text)
        self._span.set_status(self._trace.Status(self._trace.StatusCode.OK))

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self._span.record_exception(error)
            self._span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, str(error)))
        self._span.end()


def _template(prompt: Prompt) -> dict[str, str]:
    """Which prompt it is, in OpenInference's attributes."""
    return {
        "prompt.vendor": "workbench",
        "prompt.id": prompt.id,
        f"{TEMPLATE}.template": prompt.template,
        f"{TEMPLATE}.version": f"v{prompt.version}",
    }
