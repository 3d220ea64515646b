"""``workbench bench ingest``: documents per second and memory, as they grow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.bench.ingest import Say

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: workbench bench ingest --documents 100,1000 --json")
def ingest(
    documents: Annotated[str, typer.Option(help="How many, by commas.")] = "100,1000,10000",
    workers: Annotated[int, typer.Option(min=1, help="Processes that read files.")] = 2,
    keep: Annotated[bool, typer.Option(help="Keep it as docs/results/ingest.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Index generated documents: first, again, with 1 % changed, and killed half way.

    Ten thousand take some ten minutes on two cores. Exits 1 where a killed run lost anything that
    was finished, or where a second run did work again.
    """
    from workbench.bench import ingest as bench
    from workbench.bench.report import numbers

    sizes, started = sorted(numbers("--documents", documents)), bench.clock()
    with _bars() as say:
        result = bench.measure(sizes, say, workers)
    idle = all(row["again"]["read"] == row["again"]["embedded"] == 0 for row in result["sizes"])
    result["ok"] = idle and result["killed"]["finished_passages_lost"] == 0
    if keep:
        command = f"workbench bench ingest --documents {documents} --keep"
        bench.keep(result, command, bench.clock() - started)
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)
    raise typer.Exit(0 if result["ok"] else 1)


@contextmanager
def _bars() -> Iterator[Callable[[str], Say]]:
    """A progress bar for each thing that is measured; without a terminal, a line."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:

        def line(what: str) -> Say:
            console.print(what)
            return lambda done, total: None

        yield line
        return
    with Progress(console=console) as progress:

        def bar(what: str) -> Say:
            task = progress.add_task(what, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield bar


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Ingestion of generated documents")
    heads = "documents", "seconds", "a second", "peak MB", "again, s", "1 % changed, s"
    for name in heads:
        table.add_column(name, justify="right")
    for row in result["sizes"]:
        seconds = (row["seconds"], row["documents_per_second"], row["peak_mb"])
        more = (row["again"]["seconds"], row["changed"]["seconds"])
        table.add_row(f"{row['documents']:,}", *(f"{value:,.1f}" for value in (*seconds, *more)))
    console, killed = Console(), result["killed"]
    console.print(table)
    console.print(
        f"Killed after {killed['killed_after_documents']} of {killed['documents']} documents: "
        f"{killed['passages_kept']} passages were kept, {killed['finished_passages_lost']} lost, "
        f"{killed['passages_embedded_after']} embedded by the next run."
    )
