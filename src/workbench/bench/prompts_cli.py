"""``workbench bench prompts``: versions of a prompt, or techniques, on the golden questions."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: workbench bench prompts --prompts answer/v1,answer/v2 --questions 20")
def prompts(
    names: Annotated[
        str,
        typer.Option("--prompts", help="By commas; the first is compared with. All if left out."),
    ] = "",
    model: Annotated[str, typer.Option(help="Ollama's name of a model.")] = "smollm2:135m",
    split: Annotated[str, typer.Option(help="dev to choose by, test to report.")] = "dev",
    questions: Annotated[
        int | None, typer.Option(min=2, help="How many, spread over the types; all if left out.")
    ] = None,
    open_book: Annotated[
        bool, typer.Option(help="Hand over the right passage, or search for passages.")
    ] = True,
    keep: Annotated[
        bool, typer.Option(help="Keep it in docs/results, and the scores in the prompts' files.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """What each prompt gets right, cites and refuses, with intervals and paired differences.

    Answers are kept as they come: stopped, it goes on, and a second run is free.
    """
    from workbench.bench import prompts as bench

    ids = [name.strip() for name in names.split(",") if name.strip()] or list(bench.TECHNIQUES)
    say = _say if sys.stderr.isatty() else None
    result = bench.measure(ids, model, split, questions, open_book, say)
    if keep:
        _keep(result, ids, questions)
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _keep(result: dict[str, Any], ids: list[str], questions: int | None) -> None:
    """``docs/results/prompts.json`` for the small model, ``prompts-MODEL.json`` for another."""
    from workbench.bench import kept
    from workbench.bench import prompts as bench

    small = result["model"] == "smollm2:135m"
    name = "prompts" if small else f"prompts-{result['model'].replace(':', '-')}"
    count = f" --questions {questions}" if questions else ""
    book = "" if result["open_book"] else " --no-open-book"
    command = (
        f"workbench bench prompts --prompts {','.join(ids)} --model {result['model']}"
        f" --split {result['split']}{count}{book} --keep"
    )
    kept.keep(name, command, result)
    bench.record(result)


def _say(prompt: str, done: int, total: int) -> None:
    print(f"\r{prompt}: {done} of {total}", end="\n" * (done == total), file=sys.stderr, flush=True)


def _show(result: dict[str, Any]) -> None:
    print(f"{result['model']}, {result['n']} questions of {result['split']}")
    for row in result["prompts"]:
        valid = f"  valid JSON {_share(row['valid'])}" if "valid" in row else ""
        print(
            f"{row['prompt']:20} right {_share(row['right'])}  cites {_share(row['cites'])}"
            f"  refuses {_share(row['refuses'])}  refuses wrongly {_share(row['false_refusals'])}"
            f"{valid}  {row['words']['value']:.0f} words  {row['seconds']:.1f} s"
        )
    for row in result["changes"]:
        right, cites = (_change(row[metric]) for metric in ("right", "cites"))
        print(f"{row['prompt']} against {row['against']}: right {right}, cites {cites}")


def _share(found: dict[str, float]) -> str:
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _change(found: dict[str, float]) -> str:
    return f"{found['value']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]"
