"""``workbench bench``: measure the model server and the model files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Measure the model server and the model files.")


@app.callback(epilog="Example: workbench bench llm --clients 1,8")
def group() -> None:
    """Each measurement is a command of its own."""


@app.command(epilog="Example: workbench bench precision --rounds 7")
def precision(
    rounds: Annotated[int, typer.Option(min=1, help="Timed calls of each candidate.")] = 7,
    tokens: Annotated[int, typer.Option(min=1024, help="Tokens to measure the loss on.")] = 8192,
    out: Annotated[Path | None, typer.Option(help="Write the result here as JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Speed and loss of the small model in several precisions, and which one to serve."""
    from workbench.bench.precision import main

    result = main(rounds, tokens, out)
    if as_json:
        print(json.dumps(result))
        return
    for row in result["rows"]:
        print(
            f"{row['name']:9} {row['seconds_median']:6.2f} s a call"
            f"  loss {row['rise']:+.3%} [{row['rise_low']:+.3%}, {row['rise_high']:+.3%}]"
            f"  same top token {row['same_top']:.1%}"
        )
    print(f"to serve: {result['chosen']}")


@app.command(epilog="Example: workbench bench llm --clients 1,8 --prompt-tokens 50,600 --keep")
def llm(
    clients: Annotated[str, typer.Option(help="How many ask at once, by commas.")] = "1,8",
    prompt_tokens: Annotated[str, typer.Option(help="Lengths of prompts, by commas.")] = "50,600",
    runs: Annotated[int, typer.Option(min=1, help="Rounds; the median counts.")] = 5,
    output_tokens: Annotated[int, typer.Option(min=2, help="Tokens of each answer.")] = 64,
    keep: Annotated[bool, typer.Option(help="Keep it as docs/results/bench_llm.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """The embedded server against raw llama.cpp. Exits 1 below 95 % of raw throughput."""
    from workbench.bench import llm as bench
    from workbench.bench import report

    several = report.numbers("--clients", clients), report.numbers("--prompt-tokens", prompt_tokens)
    with report.progress() as say:
        result = bench.measure(*several, runs, output_tokens, say)
    if keep:
        bench.keep(result)
    if as_json:
        print(json.dumps(result))
    else:
        report.show(result)
    raise typer.Exit(0 if result["ok"] else 1)
