"""A trace drawn as a waterfall: plain HTML and CSS, complete in itself, with a text twin.

Every step is a row with its bar on the trace's time axis; a row opens to show what went in and
came out. No script and no SVG: it survives export, papermill and Jupyter's sanitizer. Everything
that comes from a span is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from workbench.tracing.instrument import FIRST_TOKEN_SECONDS
from workbench.tracing.span import Span, tree

ROWS = 60  # steps drawn of one trace
PREVIEW = 600  # characters shown of an input or an output

#: Okabe and Ito's colours, told apart by the colour-blind and readable on light and dark.
COLOURS = {
    "LLM": "#0072b2",
    "RETRIEVER": "#e69f00",
    "EMBEDDING": "#009e73",
    "RERANKER": "#56b4e9",
    "TOOL": "#cc79a7",
    "AGENT": "#d55e00",
    "EVALUATOR": "#9a7fd1",
    "CHAIN": "#8c939e",
}
OTHER = "#8c939e"


def style() -> str:
    """The style sheet that :func:`html` needs, once per output."""
    return (Path(__file__).parent / "waterfall.css").read_text("utf-8")


def html(spans: Sequence[Span], opened: bool = True) -> str:
    """One trace as HTML, folded unless ``opened``; ``spans`` are those of one trace."""
    ordered = tree(spans)
    start, seconds = extent(spans)
    rows = "".join(_row(depth, span, start, seconds) for depth, span in ordered[:ROWS])
    left = len(ordered) - ROWS
    more = f'<div class="wb-more">{left} more steps: see them in Phoenix</div>' if left > 0 else ""
    return (
        f'<details class="wb-trace"{" open" if opened else ""}>'
        f"<summary>{_heading(spans, seconds)}</summary>"
        f'<div class="wb-fall">{_axis(seconds)}{rows}{more}</div>{_legend(spans)}</details>'
    )


def text(spans: Sequence[Span], width: int = 40) -> str:
    """The same as plain text, ``width`` characters for the time axis."""
    start, seconds = extent(spans)
    lines = [_title(spans, seconds)]
    for depth, span in tree(spans)[:ROWS]:
        left, share = _place(span, start, seconds)
        bar = " " * int(left * width) + "█" * max(1, round(share * width))
        name = ("  " * depth + span.name)[:34]
        lines.append(f"  {name:<34} {span.kind:<10} {duration(span.seconds):>8}  {bar}")
    return "\n".join(lines)


def extent(spans: Sequence[Span]) -> tuple[float, float]:
    """When a trace began (epoch seconds) and how many seconds it took."""
    start = min(span.start for span in spans)
    return start, max(max(span.end for span in spans) - start, 1e-6)


def duration(seconds: float) -> str:
    """A duration for reading: 412 ms, 3.14 s, 2 min 05 s."""
    if seconds < 0.00095:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def tokens(spans: Sequence[Span]) -> str:
    """Tokens in and out, summed; empty if nothing was counted."""
    prompt = sum(span.prompt_tokens for span in spans)
    output = sum(span.output_tokens for span in spans)
    if output:
        return f"{prompt:,} → {output:,}"
    return f"{prompt:,}" if prompt else ""


def _title(spans: Sequence[Span], seconds: float) -> str:
    root = tree(spans)[0][1]
    counted = tokens(spans)
    parts = [root.name, duration(seconds), f"{counted} tokens" if counted else ""]
    return " · ".join(part for part in parts if part)


def _heading(spans: Sequence[Span], seconds: float) -> str:
    root = tree(spans)[0][1]
    at = datetime.fromtimestamp(root.start).strftime("%H:%M:%S")
    counted = tokens(spans)
    facts = [f"<b>{duration(seconds)}</b>", f"{len(spans)} steps" if len(spans) > 1 else "1 step"]
    facts += [f"{counted} tokens"] if counted else []
    failed = sum(span.status == "ERROR" for span in spans)
    facts += [f'<span class="wb-failed">{failed} failed</span>'] if failed else []
    facts.append(at)
    said = f'<span class="wb-said">{escape(_input(root)[:90])}</span>' if _input(root) else ""
    return (
        f'<span class="wb-title">{escape(root.name)}</span>{said}'
        f'<span class="wb-facts">{" · ".join(facts)}</span>'
    )


def _axis(seconds: float) -> str:
    """The head of the table, with four ticks on the time axis."""
    ticks = "".join(
        f'<span style="left:{part * 25}%">{duration(seconds * part / 4) if part else "0"}</span>'
        for part in range(4)
    )
    return (
        '<div class="wb-line wb-head"><span>step</span><span class="wb-num">tokens</span>'
        f'<span class="wb-num">time</span><span class="wb-lane">{ticks}</span></div>'
    )


def _row(depth: int, span: Span, start: float, seconds: float) -> str:
    colour = COLOURS.get(span.kind, OTHER)
    mark = ' <span class="wb-failed">✕ failed</span>' if span.status == "ERROR" else ""
    model = span.attributes.get("llm.model_name") or span.attributes.get("embedding.model_name")
    what = span.kind if span.kind != "UNKNOWN" else ""
    kind = " ".join(part for part in (what, str(model or "")) if part)
    return (
        '<details class="wb-row"><summary class="wb-line">'
        f'<span class="wb-name" style="padding-left:{min(depth, 8) * 14}px">'
        f'<i style="background:{colour}"></i>{escape(span.name)}'
        f" <small>{escape(kind)}</small>{mark}</span>"
        f'<span class="wb-num">{tokens([span])}</span>'
        f'<span class="wb-num">{duration(span.seconds)}</span>'
        f'<span class="wb-lane">{_bar(span, start, seconds, colour)}</span>'
        f"</summary>{_inside(span)}</details>"
    )


def _place(span: Span, start: float, seconds: float) -> tuple[float, float]:
    """Where a bar begins and how long it is, as shares of the axis."""
    left = min(max((span.start - start) / seconds, 0.0), 1.0)
    return left, min(span.seconds / seconds, 1.0 - left)


def _bar(span: Span, start: float, seconds: float, colour: str) -> str:
    """The bar; of a streamed call the wait for the first token is striped."""
    left, share = _place(span, start, seconds)
    label = f"{span.name}: starts at {duration(span.start - start)}, takes {duration(span.seconds)}"
    wait = ""
    first = _first_token(span)
    if first is not None and span.seconds > 0:
        label += f", first token after {duration(first)}"
        share_waited = min(100, 100 * first / span.seconds)
        wait = f'<span class="wb-wait" style="width:{share_waited:.1f}%"></span>'
    return (
        f'<span class="wb-bar" role="img" aria-label="{escape(label)}" title="{escape(label)}" '
        f'style="margin-left:{left * 100:.2f}%;width:{share * 100:.2f}%;background:{colour}">'
        f"{wait}</span>"
    )


def _first_token(span: Span) -> float | None:
    """Seconds to the first token of a streamed call."""
    first = span.attributes.get(FIRST_TOKEN_SECONDS)
    return float(first) if isinstance(first, (int, float)) else None


def _inside(span: Span) -> str:
    """What opening a row shows: input, output, error, the first token's time."""
    first = _first_token(span)
    parts = [
        ("in", _input(span)),
        ("out", _output(span)),
        ("error", span.message if span.status == "ERROR" else ""),
        ("first token", "" if first is None else f"after {duration(first)}"),
    ]
    shown = [f"<dt>{name}</dt><dd>{escape(_short(value))}</dd>" for name, value in parts if value]
    return f"<dl>{''.join(shown) or '<dt></dt><dd>nothing recorded</dd>'}</dl>"


def _input(span: Span) -> str:
    """The last message of a chat, else the span's input."""
    messages = [
        (int(name.split(".")[2]), str(value))
        for name, value in span.attributes.items()
        if name.startswith("llm.input_messages.") and name.endswith(".message.content")
    ]
    return max(messages)[1] if messages else _plain(span.attributes.get("input.value"))


def _output(span: Span) -> str:
    said = span.attributes.get("llm.output_messages.0.message.content")
    documents = [
        f"{int(name.split('.')[2]) + 1}. {value}"
        for name, value in span.attributes.items()
        if name.startswith("retrieval.documents.") and name.endswith(".document.content")
    ]
    if documents:
        return "\n".join(sorted(_short(document, 200) for document in documents))
    return str(said) if said else _plain(span.attributes.get("output.value"))


def _plain(value: object) -> str:
    """A value for reading: a JSON object of one text entry is that text."""
    said = "" if value is None else str(value)
    try:
        parsed = json.loads(said)
    except ValueError:
        return said
    if isinstance(parsed, dict) and len(parsed) == 1:
        inner = next(iter(parsed.values()))
        return inner if isinstance(inner, str) else said
    return said


def _short(value: str, most: int = PREVIEW) -> str:
    return value if len(value) <= most else f"{value[:most]} … ({len(value):,} characters)"


def _legend(spans: Sequence[Span]) -> str:
    kinds = [kind for kind in COLOURS if any(span.kind == kind for span in spans)]
    keys = "".join(
        f'<span><i style="background:{COLOURS[k]}"></i>{k.lower()}</span>' for k in kinds
    )
    streamed = any(_first_token(span) is not None for span in spans)
    wait = "<span>striped: waiting for the first token</span>" if streamed else ""
    return f'<div class="wb-legend">{keys}{wait}<span>open a step to read it</span></div>'
