"""``workbench bench preparation``: what cleaning and careful cutting are worth."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)

NAMES = {
    "cleaned_against_uncleaned": "cleaned against uncleaned",
    "chosen_against_fixed": "chosen cutting against fixed windows",
    "pipeline_against_naive": "both against neither",
}


@app.command(epilog="Example: workbench bench preparation --split dev --words-only")
def preparation(
    split: Annotated[
        str, typer.Option(help="dev sweeps and chooses; test runs the comparisons, once.")
    ] = "dev",
    words_only: Annotated[
        bool, typer.Option(help="Search by words alone: seconds, and no model server.")
    ] = False,
    answers: Annotated[
        bool, typer.Option(help="dev only: the small model answers as well, some ten minutes.")
    ] = False,
    keep: Annotated[bool, typer.Option(help="Keep it in docs/results/preparation.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Evidence recall within 1,000 tokens: ways of cutting, and cleaned against uncleaned.

    What test uses was chosen on dev and is read from the kept result. Vectors are kept as they
    come: stopped, it goes on.
    """
    from workbench import golden
    from workbench.bench import preparation as bench
    from workbench.errors import BadInput, UnknownName

    if split not in golden.SPLITS:
        raise UnknownName("split", split, golden.SPLITS)
    if answers and split != "dev":
        raise BadInput("--answers is for --split dev", "leave it out")
    say = _say if sys.stderr.isatty() else None
    if split == "dev":
        result = bench.on_dev(words_only, say, answers)
    else:
        result = bench.on_test(words_only, say)
    if keep:
        options = " --words-only" * words_only + " --answers" * answers
        bench.keep(split, result, f"workbench bench preparation --split {split}{options} --keep")
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _say(what: str, done: int, total: int) -> None:
    print(f"\r\x1b[K{what}: {done} of {total}", end="\n" * (done == total), file=sys.stderr)


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if "cells" in result:
        table = Table(title=f"Evidence recall within {result['budget']:,} tokens, dev")
        for name in ("way", "words", "overlap", "chunks", "recall", "hit at 5", "MRR"):
            table.add_column(name, justify="left" if name == "way" else "right")
        for cell in result["cells"]:
            recall = f"{cell['recall']:.3f} [{cell['low']:.3f}, {cell['high']:.3f}]"
            numbers = (str(cell[key]) for key in ("size", "overlap", "chunks"))
            scores = (f"{cell[key]:.3f}" for key in ("hit_at_5", "mrr"))
            table.add_row(cell["how"], *numbers, recall, *scores)
        console.print(table)
        choice = {key: _cut(result[key]) for key in ("best", "chosen", "best_by_hit_rate")}
        console.print(f"best: {choice['best']}; chosen by the rule: {choice['chosen']}")
        console.print(f"a plain hit rate would have chosen: {choice['best_by_hit_rate']}")
        console.print(_line("best against the default", result["best_against_default"]))
    for name, rows in result["comparisons"].items():
        console.print(_line(NAMES[name], rows["recall"]))
    if "answers" in result:
        name = f"right answers of {result['answers']['model']}, cleaned against uncleaned"
        console.print(_line(name, result["answers"]["right"]))


def _cut(values: dict[str, Any]) -> str:
    return "{how}, {size} words, overlap {overlap}".format(**values)


def _line(name: str, row: dict[str, Any]) -> str:
    return (
        f"{name}: {row['after']:.3f} against {row['before']:.3f}, {row['difference']:+.3f} "
        f"\\[{row['low']:+.3f}, {row['high']:+.3f}], n = {row['n']}: {row['verdict']}"
    )
