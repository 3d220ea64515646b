"""Spans as the views and the notebooks read them, from Phoenix or from this process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import ServerError
from workbench.tracing import phoenix

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

PAGE = 1000  # the most that Phoenix returns at once


@dataclass(frozen=True)
class Span:
    """One step: times in epoch seconds, ``kind`` as OpenInference names it (LLM, RETRIEVER, …)."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    start: float
    end: float
    status: str
    message: str
    attributes: dict[str, Any]

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def prompt_tokens(self) -> int:
        return int(self.attributes.get("llm.token_count.prompt") or 0)

    @property
    def output_tokens(self) -> int:
        return int(self.attributes.get("llm.token_count.completion") or 0)

    def as_dict(self) -> dict[str, Any]:
        """All fields, with ``seconds``, ``prompt_tokens`` and ``output_tokens``."""
        counts = {"prompt_tokens": self.prompt_tokens, "output_tokens": self.output_tokens}
        return {**asdict(self), "seconds": self.seconds, **counts}


def from_otel(span: ReadableSpan) -> Span:
    """A span of this process."""
    attributes = dict(span.attributes or {})
    return Span(
        trace_id=f"{span.context.trace_id:032x}",
        span_id=f"{span.context.span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
        name=span.name,
        kind=str(attributes.pop("openinference.span.kind", "UNKNOWN")),
        start=span.start_time / 1e9,
        end=span.end_time / 1e9,
        status=span.status.status_code.name,
        message=span.status.description or "",
        attributes=attributes,
    )


def from_phoenix(fields: dict[str, Any]) -> Span:
    """A span as Phoenix's REST API gives it."""
    return Span(
        trace_id=fields["context"]["trace_id"],
        span_id=fields["context"]["span_id"],
        parent_id=fields["parent_id"],
        name=fields["name"],
        kind=fields["span_kind"],
        start=datetime.fromisoformat(fields["start_time"]).timestamp(),
        end=datetime.fromisoformat(fields["end_time"]).timestamp(),
        status=fields["status_code"],
        message=fields["status_message"],
        attributes=fields["attributes"],
    )


def fetch(viewer: phoenix.Viewer, project: str, most: int = 5000, **filters: Any) -> list[Span]:
    """The newest spans of ``project`` that pass Phoenix's ``filters``; none if it is unknown."""
    found: list[Span] = []
    cursor = None
    while len(found) < most:
        ask = {"limit": min(PAGE, most - len(found)), "sort": "start_time", **filters}
        if cursor:
            ask["cursor"] = cursor
        answer = _get(
            viewer, f"projects/{project}/spans", ask | ({"cursor": cursor} if cursor else {})
        )
        if answer is None:
            break
        found += [from_phoenix(fields) for fields in answer["data"]]
        cursor = answer["next_cursor"]
        if not cursor:
            break
    return found


def settle(viewer: phoenix.Viewer, project: str, ids: set[str], timeout: float = 10.0) -> bool:
    """Wait until Phoenix has stored the spans of these ``ids``: it does so a moment after it has
    taken them. False if ``timeout`` seconds are not enough.
    """
    deadline = time.monotonic() + timeout
    while ids:
        ids = ids - {span.span_id for span in fetch(viewer, project, span_id=sorted(ids))}
        if time.monotonic() > deadline:
            break
        time.sleep(0.1 if ids else 0)
    return not ids


def project_id(viewer: phoenix.Viewer, project: str) -> str | None:
    """Phoenix's own id of ``project``; None before it has its first span."""
    answer = _get(viewer, f"projects/{project}", {})
    return answer["data"]["id"] if answer else None


def newest_traces(spans: Iterable[Span], count: int) -> list[str]:
    """Ids of the ``count`` traces that started last, newest first, judged by their root spans."""
    roots = [span for span in spans if span.parent_id is None]
    roots.sort(key=lambda span: span.start, reverse=True)
    return list(dict.fromkeys(span.trace_id for span in roots))[:count]


def of_trace(spans: Iterable[Span], trace_id: str) -> list[Span]:
    """The spans of one trace, by start."""
    return sorted((s for s in spans if s.trace_id == trace_id), key=lambda s: (s.start, -s.end))


def tree(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """Spans of one trace with their depth, each after its parent; a lost parent makes a root."""
    ids = {span.span_id for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span.parent_id if span.parent_id in ids else None, []).append(span)
    ordered: list[tuple[int, Span]] = []
    stack = [(0, span) for span in reversed(below.get(None, []))]
    while stack:
        depth, span = stack.pop()
        ordered.append((depth, span))
        stack += [(depth + 1, child) for child in reversed(below.get(span.span_id, []))]
    return ordered


def _get(viewer: phoenix.Viewer, path: str, params: dict[str, Any]) -> dict | None:
    """A GET of Phoenix's REST API: None if there is no such project; ServerError if it fails."""
    import httpx

    try:
        answer = httpx.get(f"{viewer.url}/v1/{path}", params=params, timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        raise ServerError(f"Phoenix did not answer: {error}", "workbench phoenix start") from None
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise ServerError(
            f"Phoenix said {answer.status_code} to {path}", f"see {phoenix.log_path()}"
        )
    return answer.json()
