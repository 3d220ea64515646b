"""``workbench bench llm``: the embedded server beside raw llama.cpp."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


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
