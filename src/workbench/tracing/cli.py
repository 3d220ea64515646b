"""``workbench phoenix``: start, stop, find and open the trace viewer."""

from __future__ import annotations

import json
import webbrowser
from typing import Annotated

import typer

from workbench.tracing import phoenix

app = typer.Typer(
    no_args_is_help=True,
    help="The trace viewer: one Phoenix per working copy.",
    epilog="Example: workbench phoenix open",
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command(epilog="Example: workbench phoenix start")
def start(as_json: Json = False) -> None:
    """Start the viewer, or find it, and wait until it answers."""
    _say(phoenix.wait(), as_json)


@app.command(epilog="Example: workbench phoenix stop")
def stop(as_json: Json = False) -> None:
    """End the viewer; what it has stored stays."""
    ended = phoenix.stop()
    if as_json:
        print(json.dumps({"stopped": ended}))
    else:
        print("Phoenix stopped." if ended else "Phoenix was not running.")


@app.command(epilog="Example: workbench phoenix status --json")
def status(as_json: Json = False) -> None:
    """Say whether the viewer runs; exits 1 if it does not answer."""
    viewer = phoenix.find()
    answers = _say(viewer, as_json)
    raise typer.Exit(0 if answers else 1)


@app.command("open", epilog="Example: workbench phoenix open")
def open_(as_json: Json = False) -> None:
    """Start the viewer if need be and open it in the browser."""
    viewer = phoenix.wait()
    _say(viewer, as_json)
    webbrowser.open(viewer.url)


def _say(viewer: phoenix.Viewer | None, as_json: bool) -> bool:
    """Print where the viewer stands; returns whether it answers."""
    answers = viewer is not None and phoenix.healthy(viewer)
    facts = {
        "running": viewer is not None,
        "answers": answers,
        "url": viewer.url if viewer else None,
        "pid": viewer.pid if viewer else None,
        "data": str(phoenix.folder()),
    }
    if as_json:
        print(json.dumps(facts))
    elif viewer is None:
        print("Phoenix is not running. Start it: workbench phoenix start")
    else:
        state = "answers" if answers else "is starting"
        print(f"Phoenix {state} at {viewer.url} (process {viewer.pid}); data in {facts['data']}")
    return answers
