"""One JSON line per model call, for the run's report.

``WORKBENCH_RECORD`` names the file. A framework's span around a call is not a call: only the
spans of the Ollama client itself count, so that each call is counted once.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

#: Tracers whose spans are calls to the model server: OpenInference's (chat) and ours (the rest).
CLIENTS = ("openinference.instrumentation.ollama", "workbench.tracing.ollama")


class RecordCalls(SpanProcessor):
    """Span processor that appends ``{"call": …}`` or ``{"embed": …}`` to the record."""

    def on_end(self, span: ReadableSpan) -> None:
        """Append ``span`` if it is a model call and a record is asked for."""
        target = os.environ.get("WORKBENCH_RECORD")
        entry = entry_of(span) if target else None
        if entry:
            with Path(target).open("a", encoding="utf-8") as record:
                record.write(json.dumps(entry) + "\n")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back."""
        return True


def entry_of(span: ReadableSpan) -> dict | None:
    """What the record says of ``span``: None if it is not a model call; seconds are wall time."""
    scope = span.instrumentation_scope
    if scope is None or scope.name not in CLIENTS:
        return None
    attributes = span.attributes or {}
    embeds = attributes.get("openinference.span.kind") == "EMBEDDING"
    entry = {
        "model": attributes.get("embedding.model_name" if embeds else "llm.model_name", "unknown"),
        "prompt_tokens": int(attributes.get("llm.token_count.prompt", 0)),
        "seconds": round((span.end_time - span.start_time) / 1e9, 6),
    }
    if not span.status.is_ok:
        entry["failed"] = True
    if embeds:
        return {"embed": {**entry, "texts": int(attributes.get("workbench.texts", 1))}}
    return {
        "call": {**entry, "output_tokens": int(attributes.get("llm.token_count.completion", 0))}
    }
