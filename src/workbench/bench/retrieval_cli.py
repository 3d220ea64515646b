"""``workbench bench retrieval``: is the right document found, on any documents and questions?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)

#: Values of the filter shown in the table, those with most questions.
ROWS = 20


@app.command(
    epilog="Example: workbench bench retrieval --documents documents.json "
    "--questions questions.csv --filter course -k 5"
)
def retrieval(
    documents: Annotated[
        Path,
        typer.Option(help="JSON or JSON Lines of objects with id and text; or a folder of files."),
    ],
    questions: Annotated[
        Path, typer.Option(help="CSV or JSON Lines with question and document (its id).")
    ],
    filter: Annotated[
        str | None,
        typer.Option(help="A field of both: search only documents with the question's value."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many documents may be looked at.")] = 5,
    dense_weight: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="0 searches by words alone, 1 by vectors alone."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Share of questions whose right document is among the first k, its rank, and the time.

    All strings of a document are searched. The index is kept: a second run is quick.
    """
    from workbench.bench import collection
    from workbench.bench import retrieval as bench

    read = collection.read(documents, questions, filter)
    for note in read.notes:
        print(note, file=sys.stderr)
    with _progress() as tell:
        result = bench.measure(read, k, dense_weight, tell)
    result["filter"] = filter
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _show(result)


@contextmanager
def _progress() -> Iterator[Any]:
    """Bars on standard error, where a person looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield tell


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{result['queries']:,} questions to {result['documents']:,} documents")
    for name in ("", "questions", f"hit rate at {result['k']}", "MRR"):
        table.add_column(name, justify="right" if name else "left")
    parts = sorted(result["by_filter"].items(), key=lambda part: -part[1]["queries"])
    for value, part in parts[:ROWS] if len(parts) > 1 else []:
        scores = (f"{part['hit_rate']:.3f}", f"{part['mrr']:.3f}")
        table.add_row(escape(value), f"{part['queries']:,}", *scores)
    if len(parts) > ROWS:
        table.add_row(f"and {len(parts) - ROWS} more", "", "", "")
    table.add_section()
    hit = _interval(result, "hit_rate")
    table.add_row("all", f"{result['queries']:,}", hit, _interval(result, "mrr"))
    console = Console()
    console.print(table)
    console.print(
        f"One search: {result['p50_ms']:.1f} ms in the middle, {result['p95_ms']:.1f} ms for 95 % "
        f"of them. {result['chunks']:,} passages, indexed after {result['index_seconds']:.1f} s."
    )
    for miss in result["misses"][:3]:
        console.print(f"not found: {miss['question']!r} ({miss['document']})", markup=False)


def _interval(result: dict[str, Any], name: str) -> str:
    low, high = result[f"{name}_low"], result[f"{name}_high"]
    return f"{result[name]:.3f} [{low:.3f}, {high:.3f}]"
