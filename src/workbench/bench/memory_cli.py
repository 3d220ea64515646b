"""``workbench bench memory``: what a model is estimated to take, beside what it takes."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: workbench bench memory --models smollm2:135m --contexts 512,4096")
def memory(
    models: Annotated[str, typer.Option(help="Models by commas.")] = (
        "smollm2:135m,qwen2.5-coder:1.5b"
    ),
    contexts: Annotated[str, typer.Option(help="Tokens of context for each slot.")] = "512,4096",
    slots: Annotated[str, typer.Option(help="Requests served side by side.")] = "1,8",
    keep: Annotated[bool, typer.Option(help="Write docs/results/memory.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Start each model in a process of its own, measure it, and compare with the estimate.

    Exits 1 where an estimate is off by more than a tenth of what was measured.
    """
    from workbench.bench import memory as bench
    from workbench.bench import report

    names = [name.strip() for name in models.split(",") if name.strip()]
    sizes = report.numbers("--contexts", contexts), report.numbers("--slots", slots)
    with report.progress() as progress:
        result = bench.measure(names, *sizes, progress=progress)
    command = f"workbench bench memory --models {models} --contexts {contexts} --slots {slots}"
    result = {"command": command, **result}
    if keep:
        _keep(result)
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)
    raise typer.Exit(0 if result["ok"] else 1)


def _keep(result: dict[str, Any]) -> None:
    from workbench.settings import settings

    target = settings().root / "docs" / "results" / "memory.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".json.part")
    part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    part.replace(target)


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Memory in MB: estimate and measured", caption=result["measured"])
    for name in ("model", "slots x context", "at load", "measured", "off"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name in ("after a prompt", "measured ", "off "):
        table.add_column(name, justify="right")
    for row in result["rows"]:
        table.add_row(
            row["model"], f"{row['slots']} x {row['context']:,}",
            *_pair(row, "_at_load"), *_pair(row, ""),
        )  # fmt: skip
    console = Console()
    console.print(table)
    if result["left_out"]:
        console.print(f"Left out, for they would not fit: {'; '.join(result['left_out'])}")
    word = "all" if result["ok"] else "not all"
    console.print(f"{word} estimates are within {result['tolerance']:.0%} of measured")


def _pair(row: dict[str, Any], when: str) -> tuple[str, str, str]:
    guess, measured = row[f"estimate{when}"] / 1e6, row[f"measured{when}"] / 1e6
    return f"{guess:,.0f}", f"{measured:,.0f}", f"{row[f'error{when}']:+.1%}"
