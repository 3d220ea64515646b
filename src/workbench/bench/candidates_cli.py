"""``workbench bench candidates``: models side by side on the golden questions."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: workbench bench candidates --models smollm2:135m --questions 20")
def candidates(
    models: Annotated[
        str, typer.Option(help="Ollama's names, by commas; the first is compared with.")
    ] = "smollm2:135m,qwen2.5-coder:1.5b",
    questions: Annotated[int, typer.Option(min=2, help="How many, spread over all types.")] = 20,
    keep: Annotated[bool, typer.Option(help="Keep it as docs/results/candidates.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Quality, speed and memory of several models, the right passage handed over.

    Questions are those of the dev split. Answers are kept as they come: stopped, it goes on.
    """
    from workbench.bench import candidates as bench
    from workbench.bench import kept

    names = [name.strip() for name in models.split(",") if name.strip()]
    result = bench.measure(names, questions, _say if sys.stderr.isatty() else None)
    if keep:
        command = f"workbench bench candidates --models {','.join(names)} --questions {questions}"
        kept.keep("candidates", f"{command} --keep", result)
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _say(model: str, done: int, total: int) -> None:
    print(f"\r{model}: {done} of {total}", end="\n" * (done == total), file=sys.stderr)


def _show(result: dict[str, Any]) -> None:
    for row in result["models"]:
        memory = f"{row['memory'] / 1e6:,.0f} MB" if row["memory"] else "memory unknown"
        print(
            f"{row['model']:22} right {row['right']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
            f"  first token {row['first_token_seconds']:.2f} s  {row['seconds']:.2f} s an answer"
            f"  {row['tokens_per_second']:.0f} tokens/s  {memory}"
        )
    for row in result["gains"]:
        print(
            f"{row['larger']} against {row['smaller']}: {row['right']:+.2f} "
            f"[{row['low']:+.2f}, {row['high']:+.2f}] right ({row['verdict']}), "
            f"{row['times_slower']:.1f} times as slow; n = {result['n']}"
        )
