"""``workbench bench sql``: questions to the database, by models that write SQL."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: workbench bench sql --models qwen2.5-coder:1.5b --schema compact")
def sql(
    models: Annotated[
        str, typer.Option(help="Ollama's names, by commas; the first is compared with.")
    ] = "qwen2.5-coder:1.5b,smollm2:135m",
    split: Annotated[str, typer.Option(help="Golden questions: dev or test.")] = "dev",
    schema: Annotated[
        str, typer.Option(help="Lengths of the schema in the prompt, by commas: compact, full.")
    ] = "compact,full",
    anew: Annotated[bool, typer.Option(help="Ask again what was asked before.")] = False,
    keep: Annotated[bool, typer.Option(help="Keep it as docs/results/sql.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """How often a model's query runs, and finds what the reference query finds.

    What the models wrote is kept as it comes: stopped, it goes on.
    """
    from workbench.bench import kept
    from workbench.bench import sql as bench
    from workbench.errors import BadInput

    if keep and split != "dev":
        raise BadInput("only results on dev are kept", "leave out --keep, or use --split dev")
    names, lengths = _parts("--models", models), _parts("--schema", schema)
    result = bench.measure(names, split, lengths, _say if sys.stderr.isatty() else None, anew)
    if keep:
        command = f"workbench bench sql --models {','.join(names)} --schema {','.join(lengths)}"
        kept.keep("sql", f"{command} --split {split} --keep", result)
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _parts(option: str, text: str) -> list[str]:
    from workbench.errors import BadInput

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise BadInput(f"{option} is empty", "give at least one name")
    return parts


def _say(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{result['n']} questions of the {result['split']} split")
    for name in ("model", "schema", "runs", "right", "right value in it", "seconds", "tokens"):
        shown.add_column(name, justify="left" if name in ("model", "schema") else "right")
    for arm in result["arms"]:
        shares = (_interval(arm[name]) for name in ("valid", "right", "accepted"))
        tokens = f"{arm['prompt_tokens']:.0f} + {arm['output_tokens']:.0f}"
        shown.add_row(arm["model"], arm["schema"], *shares, f"{arm['seconds']:.1f}", tokens)
    console = Console()
    console.print(shown)
    for row in result["changes"]:
        console.print(
            f"{row['to']} against {row['from']}: {row['right']:+.2f} "
            f"[{row['low']:+.2f}, {row['high']:+.2f}] right: {row['verdict']}",
            markup=False,
        )


def _interval(share: dict[str, Any]) -> str:
    return f"{share['value']:.2f} ({share['low']:.2f} to {share['high']:.2f})"
