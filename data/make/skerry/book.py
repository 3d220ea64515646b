"""The room that is left on each sailing, and who is away when."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from skerry import known, prices
from skerry.people import Person
from skerry.prices import PET_CABINS
from skerry.records import Booking, Sailing
from skerry.sailings import SEED, fare_rows

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without 0, 1, I, L and O
#: With dangerous goods on board no more people are allowed (chapter 7).
DG_PLACES = 36
KENNELS = 6
LATER = timedelta(days=14)


@dataclass
class Room:
    """What is left on one sailing for people with a booking."""

    people: int
    cars: int
    bicycles: int
    kennels: int = KENNELS
    cabins: set[int] = field(default_factory=set)


class Book:
    """All sailings with the room that is left on them, and who is away when."""

    def __init__(self, world: dict, sailed: list[tuple]) -> None:
        self.rng = random.Random(SEED + 3)
        self.world = world
        minutes = {r["code"]: sum(leg[2] for leg in r["legs"]) for r in world["routes"]}
        self.sailings = {row[0]: _sailing(row, minutes[row[2]]) for row in sailed}
        self.rooms = {n: self._room(sailing) for n, sailing in self.sailings.items()}
        self.fares = prices.fares(fare_rows(world))
        self.away: set[tuple[int, date]] = set()
        self.references = {known.REFERENCE}
        self.vouchers: Counter[int] = Counter()

    def _room(self, sailing: Sailing) -> Room:
        ship = self.world["vessels"][sailing.vessel]
        if sailing.status == "cancelled":
            return Room(ship["passengers"] // 3, ship["cars"], ship["bicycles"])
        people = min(sailing.passengers, DG_PLACES) if _dangerous(sailing) else sailing.passengers
        return Room(people, sailing.cars, ship["bicycles"])

    def is_free(self, person: Person, sailing: Sailing) -> bool:
        return not any((person.id, day) in self.away for day in _days(sailing))

    def take(self, booking: Booking) -> None:
        """Note that somebody travels, and the room that it takes."""
        self.away |= {(booking.person.id, day) for day in _days(booking.sailing)}
        room = self.rooms[booking.sailing.id]
        room.people -= 1
        room.cars -= booking.cars
        room.bicycles -= booking.bicycles
        if booking.sailing.route == "R5":
            room.kennels -= booking.dogs if booking.cabin not in PET_CABINS else 0
            room.cabins |= {booking.cabin}

    def reference(self) -> str:
        """A new booking number; those of the group desk begin with SKG."""
        found = "SKG"
        while found.startswith("SKG") or found in self.references:
            found = "SK" + "".join(self.rng.choices(LETTERS, k=5))
        self.references.add(found)
        return found

    def later(self, booking: Booking) -> Sailing | None:
        """The next sailing the same way with room for a booking of a cancelled one."""
        old = booking.sailing
        for new in self.sailings.values():
            if not old.departs < new.departs <= old.departs + LATER or new.status != "sailed":
                continue
            room = self.rooms[new.id]
            same_way = (new.route, new.ends) == (old.route, old.ends)
            fits = room.people and room.cars >= booking.cars and room.bicycles >= booking.bicycles
            if same_way and fits and (new.day == old.day or self.is_free(booking.person, new)):
                return new
        return None


def _sailing(row: tuple, minutes: int) -> Sailing:
    number, day, route, origin, destination, departs, _, vessel, status, cause, delay, *load = row
    starts = datetime.fromisoformat(f"{day}T{departs}")
    ends = (origin, destination)
    return Sailing(number, route, ends, starts, minutes, vessel, status, cause, delay, *load)


def _dangerous(sailing: Sailing) -> bool:
    """The first ship to Storholm on Tuesday and Friday, and its return."""
    early = f"{sailing.departs:%H:%M}" in ("05:45", "06:45")
    return sailing.route == "R1" and early and sailing.day.weekday() in (1, 4)


def _days(sailing: Sailing) -> list[date]:
    return sorted({sailing.day, sailing.due.date()})
