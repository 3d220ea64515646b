"""``workbench labs``: exercises listed, checked and revealed; tool labs set up and run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.errors import BadInput

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Exercises and tool labs: list, check, reveal, set up, run.",
    epilog="Example: workbench labs check 01",
)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command("list", epilog="Example: workbench labs list --json")
def list_(as_json: AsJson = False) -> None:
    """Exercises with their tasks, minutes and your progress; tool labs with their environment."""
    found = {"exercises": [_exercise(phase) for phase in _phases()], "tool_labs": _tool_labs()}
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _show(found)


def _phases() -> list[str]:
    from workbench.labs import task

    return list(task.PHASES)


def _exercise(phase: str) -> dict[str, Any]:
    from workbench.labs import books, record, task

    done = record.tasks()
    tasks = [
        {
            "id": one.id,
            "title": one.title,
            "minutes": one.minutes,
            "difficulty": one.difficulty,
            **done.get(one.id, record.FRESH),
        }
        for one in task.of_phase(phase)
    ]
    return {
        "phase": phase,
        "notebook": str(books.notebook(phase)),
        "minutes": sum(one["minutes"] for one in tasks),
        "passed": sum(one["state"] == "passed" for one in tasks),
        "tasks": tasks,
    }


def _tool_labs() -> list[dict[str, Any]]:
    from workbench.labs import tools

    return [
        {
            "name": lab.name,
            "phase": lab.phase,
            "title": lab.title,
            "notebook": str(lab.notebook),
            "environment": "own" if lab.lock else "course",
            "kernel": lab.kernel,
            "ready": tools.ready(lab),
        }
        for lab in tools.every()
    ]


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    tasks = Table("task", "", "what", "minutes", "state", title="Exercises", title_justify="left")
    for exercise in found["exercises"]:
        for one in exercise["tasks"]:
            stars = "●" * one["difficulty"] + "○" * (3 - one["difficulty"])
            tasks.add_row(one["id"], stars, one["title"], str(one["minutes"]), _state(one))
    console.print(tasks)
    labs = Table("lab", "what", "environment", title="Tool labs", title_justify="left")
    for lab in found["tool_labs"]:
        environment = {"course": "the course's"}.get(lab["environment"], "its own")
        if not lab["ready"]:
            environment += f": workbench labs setup {lab['name']}"
        labs.add_row(lab["name"], lab["title"], environment)
    if found["tool_labs"]:
        console.print(labs)
    console.print("Open one with: make lab, then labs/ in the file browser")


def _state(one: dict[str, Any]) -> str:
    words = {"passed": "[green]✔ passed[/]", "tried": "tried"}.get(one["state"], "")
    more = [f"{one['tries']} tries"] if one["tries"] > 1 else []
    more += [f"{one['hints']} hints"] if one["hints"] else []
    more += ["solution seen"] if one["revealed"] else []
    return ", ".join(filter(None, [words, *more]))


@app.command(epilog="Example: workbench labs check 01")
def check(
    phase: Annotated[str, typer.Argument(metavar="NN", help="The exercise, 01 to 06.")],
    notebook: Annotated[
        Path | None, typer.Option(help="Your copy of the notebook, if it lies elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Execute an exercise notebook as you saved it and check each task. Exits 1 if one fails."""
    from workbench.labs import books

    phase = phase.zfill(2) if phase.isdecimal() else phase
    verdicts = books.check(phase, notebook)
    passed = sum(one["state"] == "passed" for one in verdicts)
    if as_json:
        plain = [{k: v for k, v in one.items() if k != "text"} for one in verdicts]
        print(json.dumps({"phase": phase, "passed": passed, "tasks": plain}, ensure_ascii=False))
    else:
        for one in verdicts:
            print(one["text"] + "\n")
        print(f"{passed} of {len(verdicts)} passed")
    raise typer.Exit(0 if passed == len(verdicts) else 1)


@app.command(epilog="Example: workbench labs hint 01.2")
def hint(task: Annotated[str, typer.Argument(metavar="NN.N", help="The task.")]) -> None:
    """All hints for a task, one after the other as you press Enter."""
    from workbench.labs import record
    from workbench.labs import task as tasks

    found = tasks.find(task)
    for number, text in enumerate(found.hints, start=1):
        print(f"{number} of {len(found.hints)}: {text}")
        record.helped(found.id, hints=number)
        more = number < len(found.hints) and sys.stdin.isatty()
        if not more or not typer.confirm("The next one?", default=True):
            break


@app.command(epilog="Example: workbench labs reveal 01.2 --yes")
def reveal(
    task: Annotated[str, typer.Argument(metavar="NN.N", help="The task.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show a solution of a task. It is noted in your progress that you have seen it."""
    from workbench.labs import reveal as show
    from workbench.labs import task as tasks

    found = tasks.find(task)
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("a solution is shown on purpose only", f"labs reveal {found.id} --yes")
        typer.confirm(f"Show a solution of {found.id}, {found.title}?", abort=True)
    print(show(found.id))


@app.command(epilog="Example: workbench labs setup unstructured")
def setup(
    name: Annotated[str, typer.Argument(help="The tool lab, as labs list names it.")],
    force: Annotated[bool, typer.Option("--force", help="Build it anew.")] = False,
) -> None:
    """Make a tool lab's own environment and kernel from its lock; does nothing when it is right."""
    from workbench.labs import setup as making
    from workbench.labs import tools

    lab = tools.find(name)
    if not making.make(lab, force):
        print(f"The environment of {name} is as its lock says. Next: workbench labs run {name}")


@app.command(epilog="Example: workbench labs run qdrant -p questions=20")
def run(
    name: Annotated[str, typer.Argument(help="The tool lab, as labs list names it.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to write; else a folder in runs/.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Set a parameter."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Execute a tool lab's notebook in its kernel; writes notebook, page and report."""
    from workbench.labs import tools
    from workbench.runner.cli import show

    pairs = [_pair(text) for text in parameter or []]
    report = tools.run(name, out, pairs)
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        show(report, Path(report["folder"]))
    if report["status"] == "interrupted":
        raise typer.Exit(130)
    raise typer.Exit(0 if report["status"] == "ok" else 1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"-p {text} has no value", "give both: -p NAME=VALUE")
    return name, value
