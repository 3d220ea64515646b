"""Make ``data/corpus/skerry.sqlite``: six weeks of Skerry Line, 1 June to 12 July 2026.

Ports, vessels, routes and fares come from ``data/world.toml``; sailings, passengers, bookings and
incidents from seeded generators (``data/make/skerry``). The same seed gives the same rows
(``digest``); the file's bytes may differ between versions of SQLite.

    python data/make/database.py [FILE]
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import tomllib
from pathlib import Path

from skerry import bookings, incidents, people, sailings
from skerry.schema import SCHEMA

DATA = Path(__file__).resolve().parents[1]
#: Rows of all tables together; bookings fill up.
ROWS = 20_000


def make(target: Path) -> None:
    """Write the database aside, then put it in its place."""
    world = tomllib.loads((DATA / "world.toml").read_text("utf-8"))
    aside = target.with_suffix(target.suffix + ".part")
    aside.unlink(missing_ok=True)
    database = sqlite3.connect(aside)
    database.executescript(SCHEMA)
    for table, rows in tables(world).items():
        marks = ",".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    database.commit()
    database.execute("VACUUM")
    database.close()
    aside.replace(target)


def tables(world: dict) -> dict[str, list[tuple]]:
    """Table name -> its rows."""
    found = _timetable(world)
    sailed = found["sailings"]
    households = people.households()
    found["passengers"] = people.rows(households)
    found["incidents"] = incidents.rows(sailed)
    wanted = ROWS - sum(len(rows) for rows in found.values())
    found["bookings"] = bookings.rows(world, sailed, households, wanted)
    return found


def _timetable(world: dict) -> dict[str, list[tuple]]:
    wind = sailings.weather()
    facts = ("built", "passengers", "cars", "height", "wheelchairs", "bicycles", "wind")
    return {
        "ports": [(code, *names) for code, names in world["ports"].items()],
        "vessels": [(n, *(v[f] for f in facts)) for n, v in world["vessels"].items()],
        "routes": [_route(route) for route in world["routes"]],
        "fares": list(sailings.fare_rows(world)),
        "weather": [(day.isoformat(), speed) for day, speed in wind.items()],
        "sailings": [(n, *row) for n, row in enumerate(sailings.sailing_rows(world, wind), 1)],
    }


def _route(route: dict) -> tuple:
    legs = route["legs"]
    via = legs[0][1] if len(legs) > 1 else ""
    return route["code"], legs[0][0], via, legs[-1][1], sum(x[2] for x in legs), route["vessel"]


def digest(file: Path, *only: str) -> str:
    """SHA-256 of all rows of all tables, or only of some, in a fixed order."""
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    found = hashlib.sha256()
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    for name in [name for (name,) in names if not only or name in only]:
        for row in database.execute(f"SELECT * FROM {name} ORDER BY rowid"):
            found.update(repr((name, *row)).encode())
    database.close()
    return found.hexdigest()


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "corpus" / "skerry.sqlite")
