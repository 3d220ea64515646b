"""``workbench bench precision``: speed and loss of the small model in several precisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


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
