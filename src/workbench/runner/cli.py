"""``workbench run``: executes notebooks and says where the results are."""

from __future__ import annotations

import errno
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand

from workbench.errors import BadInput, OutOfRoom

app = typer.Typer(add_completion=False)


class RunCommand(TyperCommand):
    """Lets ``-p`` take a name and a value, as papermill does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the two words after each ``-p`` before the usual parsing."""
        joined, rest = [], list(args)
        while rest:
            word = rest.pop(0)
            joined.append(word)
            if word in ("-p", "--parameter") and len(rest) >= 2 and "=" not in rest[0]:
                joined.append(f"{rest.pop(0)}={rest.pop(0)}")
        return super().parse_args(ctx, joined)


@app.command(
    cls=RunCommand,
    epilog="Example: workbench run 01 03 --profile fast -p top_k 3",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def run(
    notebooks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NN]...", help="Numbers, names or paths; all if none."),
    ] = None,
    profile: Annotated[str, typer.Option(help="fast, full or gpu.")] = "fast",
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="Set a parameter."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write; else a new folder in runs/."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the latest run (or --out)."),
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="Time limit for each notebook.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Execute notebooks; write them with pages, report.json, junit.xml and index.html."""
    try:
        report, folder = _run(notebooks or [], profile, parameter or [], out, resume, timeout)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutOfRoom(
                "the disk is full", "free some space, then run again with --resume"
            ) from error
        raise
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        show(report, folder)
    if report["status"] == "interrupted":
        again = _again(notebooks or [], profile, parameter or [], folder if out else None)
        print(f"stopped; go on with: {again}", file=sys.stderr)
        raise typer.Exit(130)
    raise typer.Exit(1 if report["status"] == "failed" else 0)


def _run(names, profile_name, parameters, out, resume, timeout) -> tuple[dict[str, Any], Path]:
    from workbench.runner import plan, runs
    from workbench.runner import run as running
    from workbench.runner.progress import progress

    profile = plan.profile(profile_name)
    jobs = plan.plan(plan.find(names), profile, [_pair(text) for text in parameters])
    latest = runs.latest(profile.name) if resume and not out else None
    folder = out.resolve() if out else latest or runs.new(profile.name)
    with progress([job.name for job in jobs]) as shown:
        return running.run(jobs, profile, folder, shown, timeout, resume), folder


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"-p {text} has no value", "give both: -p NAME VALUE")
    return name, value


def _again(names: list[str], profile: str, parameters: list[str], out: Path | None) -> str:
    """The command that goes on where this one was stopped."""
    words = ["workbench", "run", *names, "--profile", profile]
    for text in parameters:
        words += ["-p", *_pair(text)]
    words += ["--out", str(out)] if out else []
    return shlex.join([*words, "--resume"])


def show(report: dict[str, Any], folder: Path) -> None:
    """Print the summary table, what is broken, and where everything is."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(summary(report))
    for entry in report["notebooks"]:
        if entry["error"]:
            console.print(f"[red]✘[/] {entry['name']}: ", end="")
            console.print(entry["error"], markup=False)
    console.print(f"\npages:   {folder / 'index.html'}", markup=False, soft_wrap=True)
    console.print(f"report:  {folder / 'report.json'}", markup=False, soft_wrap=True)


def summary(report: dict[str, Any]) -> Table:
    """One row for each notebook: status, time, peak memory, calls, tokens, expectations."""
    from workbench.runner.progress import duration, size

    table = Table(
        title=f"profile {report['profile']}, {duration(report['seconds'])}", title_justify="left"
    )
    for name, justify in zip(
        ("notebook", "", "time", "peak memory", "calls", "tokens in/out", "expectations"),
        ("left", "left", "right", "right", "right", "right", "right"),
        strict=True,
    ):
        table.add_column(name, justify=justify, no_wrap=True)
    for entry in report["notebooks"]:
        held = sum(bound["ok"] for bound in entry["expectations"])
        table.add_row(
            entry["name"],
            "[green]ok[/]" if entry["status"] == "ok" else "[red]failed[/]",
            duration(entry["seconds"]),
            size(entry["peak_rss_mb"]),
            str(entry["model_calls"]),
            f"{entry['prompt_tokens']}/{entry['output_tokens']}",
            f"{held}/{len(entry['expectations'])}",
        )
    return table
