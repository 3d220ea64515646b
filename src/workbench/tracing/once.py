"""Counts each token once, though LlamaIndex puts its own spans around the Ollama client's.

LlamaIndex repeats on its span what the client's span already says, and Phoenix adds up all that
it is told. A streamed call's two spans are not even nested, so LlamaIndex's Ollama spans give up
their counts; those of its other models are the only ones there are, and keep them.
"""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan

PREFIX = "llm.token_count."


def count_once(span: ReadableSpan) -> ReadableSpan:
    """``span`` itself, or a copy without token counts if another span has them."""
    scope = span.instrumentation_scope
    if scope is None or scope.name != "openinference.instrumentation.llama_index":
        return span
    repeats = any(name.startswith(PREFIX) for name in span.attributes or {})
    return _without_counts(span) if repeats and span.name.startswith("Ollama") else span


def _without_counts(span: ReadableSpan) -> ReadableSpan:
    kept = {k: v for k, v in (span.attributes or {}).items() if not k.startswith(PREFIX)}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=kept,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
