"""``workbench data``: what is in the data estate, and a look into a set."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)
#: How much of a value a line shows.
WIDTH = 88


@app.command(epilog="Example: workbench data golden --split dev -n 2")
def data(
    name: Annotated[str | None, typer.Argument(help="A set; all are listed if left out.")] = None,
    part: Annotated[str | None, typer.Argument(help="A part of the set.")] = None,
    split: Annotated[str | None, typer.Option(help="A split, such as dev or test.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many rows to show.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """List the sets of the data estate with their sizes, or show the first rows of one."""
    import datasets

    datasets.disable_progress_bars()
    found = _sets() if name is None else _rows(name, part, split, n)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str))
    elif name is None:
        _show_sets(found["sets"])
    else:
        _show_rows(found)


def _sets() -> dict[str, Any]:
    """Every set with its parts, splits and numbers of rows."""
    from workbench import estate

    return {
        "sets": [
            {"set": name, "part": part, "split": split, "rows": rows.num_rows}
            for name in estate.SETS
            for part in estate.parts(name)
            for split, rows in _splits(estate.load(name, part)).items()
        ]
    }


def _splits(loaded: Any) -> dict[str, Any]:
    return loaded if isinstance(loaded, dict) else {"": loaded}


def _rows(name: str, part: str | None, split: str | None, n: int) -> dict[str, Any]:
    """The first rows of a set, of its first split where none is named."""
    from workbench import estate

    loaded = _splits(estate.load(name, part, split))
    rows = next(iter(loaded.values()))
    return {"set": name, "of": rows.num_rows, "rows": list(rows.select(range(min(n, len(rows)))))}


def _show_sets(sets: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from workbench.estate import SETS

    table = Table("set", "part", "split", box=None, header_style="bold", pad_edge=False)
    table.add_column("rows", justify="right")
    table.add_column("what", style="dim")
    before = ""
    for row in sets:
        first = row["set"] != before
        name, what = (row["set"], SETS[row["set"]]) if first else ("", "")
        table.add_row(name, row["part"], row["split"], f"{row['rows']:,}", what)
        before = row["set"]
    Console().print(table)
    print("look into one: workbench data golden --split dev   |   more: data/README.md")


def _show_rows(found: dict[str, Any]) -> None:
    for row in found["rows"]:
        for field, value in row.items():
            if value not in (None, "", [], {}):
                text = " ".join(str(value).split())
                print(f"{field:>16}  {text[:WIDTH]}{'…' if len(text) > WIDTH else ''}")
        print()
    print(f"{len(found['rows'])} of {found['of']:,} rows of {found['set']}")
