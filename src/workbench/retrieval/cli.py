"""``workbench index``: any folder of documents, ready to be asked."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.errors import BadInput

if TYPE_CHECKING:
    from workbench.retrieval.ingest import Report

app = typer.Typer(add_completion=False)

#: Files with one reason that are named; of more, the number is said.
NAMED = 3


@app.command(epilog="Example: workbench index ~/Documents/handbook")
def index(
    folder: Annotated[Path, typer.Argument(help="A folder of documents, with its sub-folders.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes that read files.")] = 2,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="A file that takes longer to read is skipped.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Index a folder of Markdown, HTML, PDF, text, e-mail and CSV, or bring its index up to date.

    Only what is new or changed is read and embedded. It may be stopped at any moment: the next call
    goes on from there. Files that cannot be read are skipped, with the reason.
    """
    from workbench import retrieval
    from workbench.retrieval.ingest import ingest

    _check(folder)
    with bar() as progress:
        report = ingest(
            folder,
            retrieval.home(folder),
            progress=progress,
            workers=workers,
            seconds=seconds,
            retry=True,
        )
    if as_json:
        print(json.dumps(as_object(report), ensure_ascii=False))
    else:
        print("\n".join(lines(report, folder)))


def _check(folder: Path) -> None:
    from workbench import corpus

    if not folder.exists() and not folder.is_symlink():
        raise BadInput(f"there is no folder {shown(folder)}", "check the path, or make the folder")
    if folder.is_file() and folder.suffix.lower() in corpus.KINDS:
        raise BadInput(
            f"{shown(folder)} is a file and not a folder",
            f"workbench index {quoted(folder.parent)}",
        )


@contextmanager
def bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: None
        return
    parts = TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), TextColumn("files")
    with Progress(*parts, Remaining(), console=console, transient=True) as progress:
        task = progress.add_task("indexing", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def lines(report: Report, folder: Path) -> list[str]:
    """What was done, as a person reads it."""
    changes = report.changes
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.kinds.items())
    total = changes.added + changes.changed + changes.unchanged
    out = [
        f"{report.documents} documents in the index: {kinds}",
        f"{total} passages: {changes.added} new, {changes.changed} changed, "
        f"{changes.removed} gone, {changes.unchanged} as they were",
        *skipped_lines(report.skipped, report.folder),
        f"{report.seconds:.1f} s; {report.read} files read, {report.embedded} passages embedded",
        f"the index: {shown(report.path)}",
        f'next: workbench ask "…" --corpus {quoted(folder)}',
    ]
    return out


def skipped_lines(skipped: list[tuple[Path, str]], folder: Path) -> list[str]:
    """One line for each file left out and its reason; many with one reason are put together."""
    by_reason: dict[str, list[str]] = {}
    for path, reason in skipped:
        name = path.relative_to(folder) if path.is_relative_to(folder) else path
        by_reason.setdefault(reason, []).append(shown(name))
    out = [f"{len(skipped)} skipped:"] if skipped else []
    for reason, names in by_reason.items():
        if len(names) <= NAMED:
            out += [f"  {name}: {reason}" for name in names]
        else:
            out.append(f"  {len(names)} files: {reason} ({', '.join(names[:NAMED])}, …)")
    return out


def shown(path: Path | str) -> str:
    """A path on one line, whatever its characters."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path))


def quoted(path: Path | str) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path)) if sys.platform != "win32" else f'"{path}"'


def as_object(report: Report) -> dict[str, Any]:
    """A report as ``--json`` prints it."""
    changes = report.changes
    return {
        "folder": shown(report.folder),
        "index": shown(report.path),
        "documents": report.documents,
        "kinds": report.kinds,
        "passages": {
            "total": changes.added + changes.changed + changes.unchanged,
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
            "unchanged": changes.unchanged,
        },
        "read": report.read,
        "embedded": report.embedded,
        "skipped": [{"file": shown(path), "reason": why} for path, why in report.skipped],
        "seconds": round(report.seconds, 3),
    }
