"""The process's tracer: where spans come from and which processors they pass."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass, field

from openinference.instrumentation import OITracer, TraceConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as OpenSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from workbench.tracing.instrument import instrument
from workbench.tracing.record import RecordCalls
from workbench.tracing.sender import Sender
from workbench.tracing.span import Span, from_otel

NOTEBOOK = "workbench.notebook"
EXIT_SECONDS = 2.5  # how long the end of a process may wait for its last spans


@dataclass
class Tracing:
    """A running tracer; ``tracer`` is OpenInference's, whose ``chain`` and ``tool`` mark steps."""

    project: str
    notebook: str
    provider: TracerProvider
    sender: Sender
    tracer: OITracer = field(repr=False)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until the spans so far are with Phoenix; False if ``timeout`` seconds run out."""
        return self.sender.force_flush(int(timeout * 1000))

    def recent(self) -> list[Span]:
        """The last finished spans of this process, at most a thousand."""
        return [from_otel(span) for span in list(self.sender.recent)]


class Origin(SpanProcessor):
    """Writes on each span which notebook it is from."""

    def __init__(self, notebook: str) -> None:
        self.notebook = notebook

    def on_start(self, span: OpenSpan, parent_context: Context | None = None) -> None:
        """Note the notebook on ``span``."""
        span.set_attribute(NOTEBOOK, self.notebook)


def begin(project: str) -> Tracing:
    """Set up tracing for this process; to be called once."""
    notebook = os.environ.get("WORKBENCH_NOTEBOOK", "")
    resource = Resource.create(
        {
            "service.name": "workbench",
            "openinference.project.name": project,
            NOTEBOOK: notebook,
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    sender = Sender()
    if notebook:
        provider.add_span_processor(Origin(notebook))
    provider.add_span_processor(RecordCalls())
    provider.add_span_processor(sender)
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(provider)
    instrument(provider)
    tracer = OITracer(trace.get_tracer("workbench", tracer_provider=provider), config=TraceConfig())
    tracing = Tracing(project, notebook, provider, sender, tracer)
    atexit.register(finish, tracing)
    return tracing


def finish(tracing: Tracing) -> None:
    """At exit: send what can be sent within seconds, keep the rest for the viewer."""
    if tracing.sender.connected:
        tracing.flush(EXIT_SECONDS)
    tracing.sender.shutdown()
