"""Tracing: what a model call was asked, what it answered, and where the time went.

``start`` once; from then on LlamaIndex and Ollama calls become spans with OpenInference's
attributes and travel to Phoenix in the background. ``traces`` shows them in a notebook.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.tracing.provider import Tracing
    from workbench.tracing.view import Traces

__all__ = ["flush", "last_trace", "spans", "start", "stop", "traces", "url"]

PROJECT = "skerry-line"

_lock = threading.Lock()
_current: Tracing | None = None


def start(project: str | None = None) -> Tracing:
    """Trace this process and have Phoenix started; returns at once, and the same object each time.

    Phoenix answers some 20 seconds later; spans wait for it. If it cannot be started that is a
    warning: answers go on without it.
    """
    global _current
    from workbench.errors import WorkbenchError
    from workbench.tracing import phoenix
    from workbench.tracing.provider import begin

    with _lock:
        if _current is None:
            _current = begin(project or PROJECT)
    try:
        phoenix.start()
    except (WorkbenchError, OSError) as error:
        logging.getLogger(__name__).warning("no trace viewer: %s", error)
    return _current


def traces(last: int | None = None, trace_id: str | None = None, height: int = 480) -> Traces:
    """The newest traces, to be displayed: Phoenix live in a frame, and the same traces drawn.

    The frame is ``height`` pixels high; 0 leaves it out. ``last`` is how many (3 unless told);
    those of this process if it has any, else the project's. ``trace_id`` (32 hex digits) asks for
    a certain one.
    """
    from workbench.tracing.view import look

    return look(_current, last=last, trace_id=trace_id, height=height)


def url() -> str:
    """The viewer's address; it is started if it does not run."""
    from workbench.tracing import phoenix

    return phoenix.start().url


def flush(timeout: float = 10.0) -> bool:
    """Wait until the spans so far are with Phoenix; False if ``timeout`` seconds are not enough."""
    return _current.flush(timeout) if _current else True


def stop() -> bool:
    """Hand over the spans and end the viewer; True if it ran. Its data stays."""
    from workbench.tracing import phoenix

    flush(2.0)
    return phoenix.stop()


def last_trace() -> list[dict[str, Any]]:
    """The spans of this process's newest trace, by start, as dicts; Phoenix is not asked."""
    from workbench.tracing.span import newest_traces, of_trace

    recent = _current.recent() if _current else []
    ids = newest_traces(recent, 1)
    return [span.as_dict() for span in of_trace(recent, ids[0])] if ids else []


def spans(most: int = 1000, notebook: str | None = None, project: str | None = None) -> list[dict]:
    """The newest spans that Phoenix has, of one ``notebook`` or of all, as dicts, newest first."""
    from workbench.tracing import phoenix
    from workbench.tracing.span import fetch, settle

    viewer = phoenix.wait()
    if _current:
        flush()
        settle(viewer, _current.project, {span.span_id for span in _current.recent()[-50:]})
    wanted = project or (_current.project if _current else PROJECT)
    filters = {"attribute": f"workbench.notebook:{notebook}"} if notebook else {}
    return [span.as_dict() for span in fetch(viewer, wanted, most, **filters)]
