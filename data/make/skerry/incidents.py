"""Incidents: those that explain a delay or a cancelled sailing, and others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from skerry import reports
from skerry.sailings import LAST, SEED

#: Causes of delay that have a report; the others are in the log of the quay.
EXPLAINED = ("technical", "medical")
#: Kind -> how many without any delay, and on board rather than in a port (in a hundred).
OTHERS = {
    "fall": (34, 70),
    "deck": (26, 100),
    "animal": (20, 75),
    "conduct": (24, 65),
    "child": (14, 60),
    "alarm": (16, 70),
    "medical": (20, 80),
    "technical": (18, 40),
    "quay": (14, 0),
}
#: Kind -> share in which somebody was hurt.
HURT = {"fall": 0.6, "animal": 0.3, "deck": 0.15, "conduct": 0.1}
#: In a hundred, by how bad it was: still open on the last day.
OPEN = {"minor": 3, "moderate": 14, "serious": 35}


def rows(sailed: list[tuple]) -> list[tuple]:
    """All incidents in the order of their time."""
    rng = random.Random(SEED + 4)
    writer = reports.Writer(rng)
    found = [*_explaining(rng, writer, sailed), *_others(rng, writer, sailed)]
    found += _storms(rng, writer, sailed)
    found.sort(key=lambda row: (row[2], row[3], row[0] or 0, row[1] or ""))
    return [(number, *row) for number, row in enumerate(found, start=1)]


def _explaining(rng, writer, sailed: list[tuple]) -> Iterator[tuple]:
    """One incident for each sailing that was late or lost for a cause of its own."""
    for sailing in sailed:
        status, cause, delay = sailing[8:11]
        if cause not in EXPLAINED or status == "sailed":
            continue
        lost = None if status == "cancelled" else delay
        severity = (
            "serious" if lost is None or lost >= 60 else "moderate" if lost >= 15 else "minor"
        )
        kind = "cancelled" if lost is None else cause
        report = writer.write(kind, sailing[7])
        yield _row(rng, sailing, None, _moment(rng, sailing), cause, severity, lost, report, 0)


def _others(rng, writer, sailed: list[tuple]) -> Iterator[tuple]:
    """What cost no time: most of it is small."""
    on_time = [sailing for sailing in sailed if sailing[8] == "sailed"]
    for kind, (count, on_board) in OTHERS.items():
        for _ in range(count):
            sailing = rng.choice(on_time)
            moment = _moment(rng, sailing)
            aboard = rng.randint(1, 100) <= on_board
            port = None if aboard else rng.choice((sailing[3], sailing[4]))
            severity = rng.choice(("minor", "minor", "minor", "moderate"))
            hurt = int(rng.random() < HURT.get(kind, 0))
            severity = "moderate" if hurt else severity
            if kind == "fall" and hurt and rng.random() < 0.2:
                severity = "serious"
            place = "board" if aboard else "port"
            report = writer.write(kind, port or sailing[7], place, hurt)
            yield _row(rng, sailing, port, moment, kind, severity, 0, report, hurt)


def _storms(rng, writer, sailed: list[tuple]) -> Iterator[tuple]:
    """One for each port and day whose ships stayed in for weather."""
    lost = sorted({(s[1], s[3]) for s in sailed if s[8] == "cancelled" and s[9] == "weather"})
    for day, port in lost:
        moment = datetime.fromisoformat(f"{day}T04:10") + timedelta(minutes=rng.randint(0, 300))
        severity = rng.choice(("moderate", "moderate", "serious"))
        report = writer.write("weather", port)
        yield _row(rng, None, port, moment, "weather", severity, 0, report, 0)


def _moment(rng: random.Random, sailing: tuple) -> datetime:
    """Some time about the departure or during the crossing."""
    return datetime.fromisoformat(f"{sailing[1]}T{sailing[5]}") + timedelta(
        minutes=rng.randint(-12, 22)
    )


def _row(rng, sailing, port, moment, kind, severity, lost, report, hurt) -> tuple:
    closed = moment.date() + timedelta(days=rng.choice((0, 0, 1, 1, 2, 3, 5, 9)))
    is_open = rng.randint(1, 100) <= OPEN[severity] or closed > LAST
    return (
        None if port else sailing[0],
        port,
        f"{moment:%Y-%m-%d}",
        f"{moment:%H:%M}",
        kind,
        severity,
        lost,
        report,
        hurt,
        None if is_open else closed.isoformat(),
    )
