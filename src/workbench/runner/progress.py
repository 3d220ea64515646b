"""What a person sees while notebooks run: live bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from workbench.runner.execute import State

#: A cell that runs longer than this gets a line of its own, and another each time this doubles.
LONG_S = 10.0


class Progress(Protocol):
    """Told what happens; writes to stderr, so that stdout stays free for the result."""

    def start(self, name: str) -> Callable[[State], None]:
        """A notebook starts; the returned function is called with its state as it runs."""

    def finish(self, entry: dict[str, Any]) -> None:
        """A notebook has ended."""

    def keep(self, entry: dict[str, Any]) -> None:
        """A notebook need not run again."""


def progress(names: list[str]) -> LiveProgress | PlainProgress:
    """The right one for where stderr goes."""
    return LiveProgress(names) if sys.stderr.isatty() else PlainProgress(names)


def duration(seconds: float) -> str:
    """Seconds as people write them: 8.1 s, 1:24."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def size(megabytes: float) -> str:
    """Megabytes as people write them: 640 MB, 2.1 GB."""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


class PlainProgress:
    """One line for each start, end and long cell."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, name: str) -> Callable[[State], None]:
        self._say(f"{name}: started ({self.names.index(name) + 1} of {len(self.names)})")
        told = {"cell": 0, "next": LONG_S}

        def look(state: State) -> None:
            if state.number != told["cell"]:
                told.update(cell=state.number, next=LONG_S)
            elif state.cell_seconds >= told["next"]:
                place = f"cell {state.number} of {state.cells}: {state.line}"
                self._say(f"{name}: {duration(state.cell_seconds)} in {place}")
                told["next"] *= 2

        return look

    def finish(self, entry: dict[str, Any]) -> None:
        facts = [
            f"{entry['status']} in {duration(entry['seconds'])}",
            f"peak memory {size(entry['peak_rss_mb'])}",
            f"{entry['model_calls']} model calls",
        ]
        self._say(f"{entry['name']}: {', '.join(facts)}")
        if entry["error"]:
            self._say(f"{entry['name']}: {entry['error']}")

    def keep(self, entry: dict[str, Any]) -> None:
        self._say(f"{entry['name']}: ok already, kept")

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class LiveProgress:
    """A bar for each notebook: cells, time, peak memory, and the line that runs."""

    def __init__(self, names: list[str]) -> None:
        self.bars = Bars(
            TextColumn("{task.fields[mark]}"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:>2.0f}/{task.fields[cells]}"),
            TextColumn("{task.fields[time]:>7}"),
            TextColumn("{task.fields[memory]:>7}"),
            TextColumn("[dim]{task.fields[line]}"),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        fields = {"mark": " ", "cells": "–", "time": "", "memory": "", "line": ""}
        self.tasks = {n: self.bars.add_task(n, total=1, start=False, **fields) for n in names}

    def __enter__(self) -> LiveProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def start(self, name: str) -> Callable[[State], None]:
        task = self.tasks[name]
        self.bars.start_task(task)

        def look(state: State) -> None:
            self.bars.update(
                task,
                total=state.cells or 1,
                completed=max(0, state.number - 1),
                mark="[cyan]▸[/]",
                cells=state.cells or "–",
                time=duration(state.seconds),
                memory=size(state.peak_rss_mb),
                line=escape(state.line[:40]),
            )

        return look

    def finish(self, entry: dict[str, Any]) -> None:
        good = entry["status"] == "ok"
        done = {"completed": entry["cells"]} if entry["ran"] else {}
        self.bars.update(
            self.tasks[entry["name"]],
            total=entry["cells"] or 1,
            cells=entry["cells"],
            mark="[green]✔[/]" if good else "[red]✘[/]",
            time=duration(entry["seconds"]),
            memory=size(entry["peak_rss_mb"]),
            line=escape((entry["error"] or "").partition("\n")[0][:60]),
            **done,
        )
        self.bars.stop_task(self.tasks[entry["name"]])

    def keep(self, entry: dict[str, Any]) -> None:
        self.finish(entry | {"error": None})
        self.bars.update(self.tasks[entry["name"]], line="ok already, kept")
