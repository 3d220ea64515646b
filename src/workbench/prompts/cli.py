"""``workbench prompts``: list, compare, pin and roll back prompts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Name = Annotated[str, typer.Argument(help="A prompt's name.")]


@app.callback(epilog='Example: workbench prompts pin answer 1 --reason "shorter answers"')
def group() -> None:
    """The prompts of this working copy; a pin holds for its notebooks, commands and service."""


@app.command("list", epilog="Example: workbench prompts list")
def list_prompts(as_json: AsJson = False) -> None:
    """All prompts: their versions, the one in force, and what it scored."""
    from workbench.prompts import Registry

    registry = Registry()
    rows = [_row(registry, name) for name in registry.names()]
    lines = (
        f"{r['name']:18} v{r['in_force']} of {len(r['versions'])}"
        f"{' (pinned)' if r['pinned'] else ''}  {r['score'] or 'not scored'}  {r['changelog']}"
        for r in rows
    )
    _out({"prompts": rows}, "\n".join(lines), as_json)


def _row(registry: Any, name: str) -> dict[str, Any]:
    prompt = registry.get(name)
    score = prompt.score()
    return {
        "name": name,
        "versions": registry.versions(name),
        "in_force": prompt.version,
        "pinned": registry.pinned(name) is not None,
        "changelog": prompt.changelog,
        "score": str(score) if score else None,
    }


@app.command(epilog="Example: workbench prompts show answer --version 1")
def show(
    name: Name,
    version: Annotated[int | None, typer.Option(help="The one in force if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """A prompt's words, its variables and its scores."""
    from workbench import prompts

    prompt = prompts.get(name, version)
    scores = "".join(f"score: {s}, {s.split}, {s.model}, {s.date}\n" for s in prompt.scores)
    about = {
        "id": prompt.id,
        "changelog": prompt.changelog,
        "variables": dict(prompt.variables),
        "messages": [{"role": role, "content": text} for role, text in prompt.messages],
        "format": prompt.format,
        "scores": [asdict(score) for score in prompt.scores],
        "digest": prompt.digest,
    }
    types = ", ".join(f"{name} ({kind})" for name, kind in prompt.variables.items())
    text = f"{prompt.id}: {prompt.changelog}\nvariables: {types}\n{scores}\n{prompt.template}"
    _out(about, text, as_json)


@app.command(epilog="Example: workbench prompts diff answer 1 2")
def diff(name: Name, before: int, after: int, as_json: AsJson = False) -> None:
    """What changed from one version to another."""
    from workbench import prompts

    found = prompts.diff(prompts.get(name, before), prompts.get(name, after))
    about = {"before": found.before.id, "after": found.after.id, "unified": found.unified}
    _out(about, repr(found), as_json)


@app.command(epilog='Example: workbench prompts pin answer 1 --reason "shorter answers"')
def pin(
    name: Name,
    version: int,
    reason: Annotated[str, typer.Option(help="Why; the log shows it.")],
    as_json: AsJson = False,
) -> None:
    """Put a version in force for this working copy."""
    from workbench import prompts

    _in_force(prompts.pin(name, version, reason).id, as_json)


@app.command(epilog="Example: workbench prompts rollback answer")
def rollback(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; the log shows it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Undo the latest pin: what was in force before it is again."""
    from workbench import prompts

    _in_force(prompts.rollback(name, reason).id, as_json)


@app.command(epilog="Example: workbench prompts log answer")
def log(name: Name, as_json: AsJson = False) -> None:
    """What was pinned and rolled back: when, by whom and why."""
    from workbench import prompts

    events = prompts.log(name)
    _out({"name": name, "events": [asdict(event) for event in events]}, repr(events), as_json)


def _in_force(prompt_id: str, as_json: bool) -> None:
    _out({"in_force": prompt_id}, f"{prompt_id} is in force", as_json)


def _out(about: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(about, ensure_ascii=False) if as_json else text)
