"""How a measurement is asked for and shown: lists of numbers, progress, a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from workbench.errors import BadInput


def numbers(option: str, text: str) -> list[int]:
    """Positive whole numbers by commas: "1,8". Raises BadInput naming the option."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise BadInput(f"{option} {text!r} is not a list of whole numbers", f"{option} 1,8")
    return found


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line on standard error that says what is being measured."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield console.print
        return
    with console.status("starting the servers") as status:
        yield status.update


def show(result: dict[str, Any]) -> None:
    """The result as a table: a row for each arm of each combination."""
    table = Table(title=f"{result['model']}, {result['runs']} runs, medians")
    for name in ("clients", "prompt", "server", "tokens/s", "of raw", "range", "first token"):
        table.add_column(name, justify="left" if name == "server" else "right")
    for cell in result["cells"]:
        for name, arm in cell["arms"].items():
            table.add_row(*_row(cell, name, arm))
        table.add_section()
    console = Console()
    console.print(table)
    word = "at least" if result["ok"] else "below"
    console.print(f"The embedded server is {word} {result['target']:.0%} of raw llama.cpp.")
    busy = result["machine"]["busy_before"]
    if busy > 0.1:
        console.print(f"Other work used {busy:.0%} of this machine: the figures are rough.")


def _row(cell: dict[str, Any], name: str, arm: dict[str, Any]) -> tuple[str, ...]:
    ratio = cell["ratio"].get(name)
    return (
        str(cell["clients"]),
        str(arm["prompt_tokens"]),
        name,
        f"{arm['tokens_per_second']:.1f}",
        f"{ratio['median']:.1%}" if ratio else "",
        f"{ratio['min']:.1%} to {ratio['max']:.1%}" if ratio else "",
        f"{arm['first_token_ms']:.0f} ms",
    )
