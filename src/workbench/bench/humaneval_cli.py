"""``workbench bench humaneval``: programs that models write, run in a sandbox."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: workbench bench humaneval --models smollm2:135m --tasks 20")
def humaneval(
    models: Annotated[
        str, typer.Option(help="Ollama's names, by commas; the first is compared with.")
    ] = "smollm2:135m,qwen2.5-coder:1.5b",
    tasks: Annotated[int, typer.Option(min=1, help="How many of the 164, evenly.")] = 20,
    samples: Annotated[int, typer.Option(min=1, help="Programs of each model a task.")] = 1,
    k: Annotated[int, typer.Option("-k", min=1, help="pass@k: one of k programs passes.")] = 1,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="0 for one sample, else 0.8, if left out.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=16, help="The longest answer.")] = 256,
    at_once: Annotated[int, typer.Option(min=1, max=8, help="Answers written at a time.")] = 1,
    check: Annotated[bool, typer.Option(help="Check the grader only; no model.")] = False,
    slips: Annotated[int, typer.Option(min=0, help="With --check: slips a task, slower.")] = 0,
    keep: Annotated[bool, typer.Option(help="Keep it as docs/results/humaneval.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """HumanEval: pass@k with its interval, the programs run without a network or other files.

    With --check: right programs must score 1.0 and wrong ones 0.0, else it exits 1. Answers are
    kept as they come: stopped, it goes on where it was.
    """
    from workbench.bench import humaneval as bench
    from workbench.evals.humaneval import spread

    say = _say if sys.stderr.isatty() else None
    chosen = spread(tasks)
    if check:
        result = {"grader": bench.check(chosen, slips, say)}
        command = f"--check --tasks {tasks}" + (f" --slips {slips}" if slips else "")
    else:
        heat = temperature if temperature is not None else 0.8 * (samples > 1)
        names = [name.strip() for name in models.split(",") if name.strip()]
        result = bench.measure(names, chosen, samples, k, heat, max_tokens, say, at_once)
        command = f"--models {','.join(names)} --tasks {tasks} --samples {samples} -k {k}"
        command += f" --temperature {heat:g} --max-tokens {max_tokens} --at-once {at_once}"
    if keep:
        bench.keep(f"workbench bench humaneval {command} --keep", result)
    print(json.dumps(result)) if as_json else _show(result)
    raise typer.Exit(0 if result.get("grader", {"ok": True})["ok"] else 1)


def _say(what: str, done: int, total: int) -> None:
    print(f"\r{what}: {done} of {total}", end="\n" * (done == total), file=sys.stderr, flush=True)


def _show(result: dict[str, Any]) -> None:
    if "grader" in result:
        grader = result["grader"]
        for kind, row in grader["kinds"].items():
            print(f"{kind:22} {row['passed']:4} of {row['n']:4} pass")
        right, wrong = grader["right"], grader["wrong"]
        print(f"right programs {right['score']:.3f} (n = {right['n']}), ", end="")
        print(f"wrong programs {wrong['score']:.3f} (n = {wrong['n']})")
        return
    for row in result["models"]:
        ended = ", ".join(f"{count} {status}" for status, count in row["ended"].items())
        print(
            f"{row['model']:22} pass@{result['k']} {row['pass_at_k']:.3f} "
            f"[{row['low']:.3f}, {row['high']:.3f}], n = {row['n']}  {row['seconds']:.1f} s and "
            f"{row['output_tokens']:.0f} tokens an answer  ({ended}; {row['cut']} cut short)"
        )
    for gain in result["gains"]:
        print(
            f"{gain['model']} against {gain['against']}: {gain['gain']:+.3f} "
            f"[{gain['low']:+.3f}, {gain['high']:+.3f}], n = {gain['n']}: {gain['verdict']}"
        )
