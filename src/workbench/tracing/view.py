"""What ``traces()`` displays: Phoenix live in a frame, and the same traces drawn to stay."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput, ServerError
from workbench.tracing import phoenix, waterfall
from workbench.tracing.span import Span, fetch, newest_traces, of_trace, project_id, settle

if TYPE_CHECKING:
    from workbench.tracing.provider import Tracing

SHOWN = 3  # traces shown unless told
START_SECONDS = 30.0  # how long traces() waits for a Phoenix that is starting
STORE_SECONDS = 2.5  # and for a Phoenix that has many spans to store before these
SETTLED = 50  # how many of this process's last spans must have been stored by Phoenix


@dataclass(frozen=True)
class Traces:
    """Displays itself: ``traces`` are lists of spans, newest trace first; ``note`` says whence.

    ``viewer`` is None when Phoenix does not answer; ``path`` is its page for these traces.
    """

    traces: Sequence[Sequence[Span]]
    note: str
    viewer: phoenix.Viewer | None
    path: str
    height: int

    def _repr_html_(self) -> str:
        drawn = "".join(waterfall.html(spans, not i) for i, spans in enumerate(self.traces))
        empty = "" if drawn else "<p>No trace yet: call a model first.</p>"
        return (
            f'<div class="wb-traces"><style>{waterfall.style()}</style>{self._live()}{drawn}{empty}'
            f'<div class="wb-legend">{escape(self.note)}</div></div>'
        )

    def __repr__(self) -> str:
        drawn = [waterfall.text(spans) for spans in self.traces] or ["no trace yet"]
        return "\n\n".join([*drawn, self.note])

    def _live(self) -> str:
        """The frame's place: a line with the address, which a page with a kernel replaces."""
        if self.viewer is None or not self.height:
            return ""
        box = f"wb-{uuid.uuid4().hex}"
        url = escape(self.viewer.url)
        script = (Path(__file__).parent / "live.js").read_text("utf-8").replace("BOX", box)
        return (
            f'<div class="wb-live" id="{box}" data-url="{url}" data-port="{self.viewer.port}" '
            f'data-path="{escape(self.path)}" data-height="{int(self.height)}">'
            f'Live in Phoenix while it runs: <a href="{url}/{escape(self.path)}">{url}</a></div>'
            f"<script>{script}</script>"
        )


def look(tracing: Tracing | None, last: int | None, trace_id: str | None, height: int) -> Traces:
    """Gather the traces asked for, from Phoenix if it answers, else from this process."""
    from workbench.tracing import PROJECT

    count = SHOWN if last is None else last
    if count < 1:
        raise BadInput(f"last is {count}", "ask for one trace or more")
    recent = tracing.recent() if tracing else []
    own = [trace_id] if trace_id else newest_traces(recent, count)
    viewer = _viewer()
    project = tracing.project if tracing else PROJECT
    if viewer:
        try:
            return _from_phoenix(viewer, project, own, tracing, count, height)
        except ServerError:
            viewer = None
    note = "Phoenix does not answer: drawn from this process's own copy of its last spans."
    return Traces(_grouped(recent, own), note, None, "", height)


def _viewer() -> phoenix.Viewer | None:
    """The viewer, waited for if it is starting; None if it does not come."""
    try:
        viewer = phoenix.start()
        if phoenix.healthy(viewer):
            return viewer
        print("Phoenix is starting, which takes some 20 seconds …", file=sys.stderr)
        return phoenix.wait(START_SECONDS)
    except (ServerError, OSError):
        return None


def _from_phoenix(
    viewer: phoenix.Viewer,
    project: str,
    ids: list[str],
    tracing: Tracing | None,
    count: int,
    height: int,
) -> Traces:
    if not ids:
        roots = fetch(viewer, project, most=count, parent_id="null")
        ids = newest_traces(roots, count)
    own = [span for span in (tracing.recent() if tracing else []) if span.trace_id in ids]
    complete = True
    if tracing and own:
        tracing.flush()
        complete = settle(viewer, project, {span.span_id for span in own[-SETTLED:]}, STORE_SECONDS)
    found = fetch(viewer, project, trace_id=ids) if ids and complete else own
    source = "Phoenix" if complete else "this process; Phoenix has not stored all of it yet"
    note = f"Drawn from {source} · project {project} · {viewer.url}"
    return Traces(_grouped(found, ids), note, viewer, _page(viewer, project), height)


def _grouped(spans: list[Span], ids: list[str]) -> list[list[Span]]:
    groups = [of_trace(spans, trace_id) for trace_id in ids]
    return [group for group in groups if group]


def _page(viewer: phoenix.Viewer, project: str) -> str:
    """Phoenix's page of the project."""
    known = project_id(viewer, project)
    return f"projects/{known}/traces" if known else "projects"
