"""``workbench models``: list, pull and verify."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from workbench import models
from workbench.errors import BrokenFile, MissingPiece
from workbench.models.store import folder_of

app = typer.Typer(
    no_args_is_help=True,
    help="The model store.",
    epilog="Example: workbench models pull smollm2:135m",
)
Names = Annotated[list[str] | None, typer.Argument(help="Ollama names, e.g. smollm2:135m")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
_err = Console(stderr=True)


def _state(name: str) -> str:
    try:
        models.path(name)
    except MissingPiece:
        partly = folder_of(name).is_dir()
        return "partly pulled" if partly else "not pulled"
    except BrokenFile:
        return "broken"
    return "ready"


def _rows() -> list[dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for spec in models.specs().values():
        rows[spec.name] = {
            "name": models.short(spec.name),
            "state": _state(spec.name),
            "capability": spec.capability,
            "parameters": spec.parameter_size,
            "quantization": spec.quantization,
            "context": spec.context_length,
            "license": spec.license,
            "bytes": spec.gguf.bytes,
            "download_bytes": spec.download_bytes,
        }
    for files in models.installed():
        if files.spec is None:
            rows[files.name] = {
                "name": models.short(files.name),
                "state": "ready",
                "capability": files.capability,
                "parameters": files.parameter_size,
                "quantization": files.quantization,
                "context": files.context_length,
                "license": files.license.splitlines()[0] if files.license else "",
                "bytes": files.size,
                "download_bytes": 0,
            }
    return list(rows.values())


@app.command("list", epilog="Example: workbench models list --json")
def list_models(as_json: AsJson = False) -> None:
    """The models there are, and which are here."""
    rows = _rows()
    if as_json:
        print(json.dumps({"models": rows}))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "state", "capability", "quantization", "license"):
        table.add_column(column, no_wrap=column in ("name", "state"))
    table.add_column("MB", justify="right")
    for row in rows:
        cells = [str(row[str(column.header)]) for column in table.columns[:-1]]
        table.add_row(*cells, f"{float(str(row['bytes'])) / 1e6:,.0f}")
    Console().print(table)


@app.command(epilog="Example: workbench models pull smollm2:135m all-minilm")
def pull(
    names: Names = None,
    all_models: Annotated[bool, typer.Option("--all", help="Every model of the manifest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch and verify models; goes on where an earlier pull stopped."""
    wanted = [models.short(name) for name in models.specs()] if all_models else list(names or [])
    if not wanted:
        raise typer.BadParameter("name a model, or use --all; workbench models list shows them")
    for name in wanted:  # a wrong name is found before anything is fetched
        _check_name(name)
    for name in wanted:
        _pull_with_bar(name)
    if as_json:
        print(json.dumps({"models": [_described(name) for name in wanted]}))


def _check_name(name: str) -> None:
    try:
        models.path(name)
    except (MissingPiece, BrokenFile):
        return


def _described(name: str) -> dict[str, object]:
    files = models.path(name)
    return {"name": models.short(files.name), "digest": files.digest, "path": str(files.gguf)}


def _pull_with_bar(name: str) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, transient=True) as bar:
        task = bar.add_task(name, total=None)

        def report(status: str, completed: int, total: int) -> None:
            bar.update(task, description=f"{name}: {status}", completed=completed, total=total)

        folder = models.pull(name, report)
    _err.print(f"{name} is ready in {folder}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: workbench models verify smollm2:135m")
def verify(names: Names = None, as_json: AsJson = False) -> None:
    """Hash every file of the named models, or of all that are here; wrong files are removed."""
    wanted = list(names or []) or [str(r["name"]) for r in _rows() if r["state"] == "ready"]
    results = [_verified(name) for name in wanted]
    if as_json:
        print(json.dumps({"models": results}))
    for result in results:
        mark = "ok" if result["ok"] else f"BROKEN: {result['error']}"
        _err.print(f"{result['name']}: {mark}", highlight=False, soft_wrap=True)
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _verified(name: str) -> dict[str, object]:
    try:
        files = models.verify(name)
    except BrokenFile as error:
        return {"name": name, "ok": False, "error": str(error)}
    return {"name": name, "ok": True, "digest": files.digest}
