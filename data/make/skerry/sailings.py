"""Timetable, fares, weather, and what became of each sailing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

SEED = 20260601
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 12)
#: Days whose strongest ten-minute mean wind is given; other days are drawn from 3 to 12 m/s.
STORMS = {date(2026, 6, 9): 18, date(2026, 6, 27): 21, date(2026, 6, 28): 16, date(2026, 7, 3): 15}
#: Eider is in dock, and Dunlin sails R2.
DOCK = (date(2026, 6, 15), date(2026, 6, 18))
CAUSES = ("technical", "technical", "waiting for connection", "traffic on the quay", "medical")
#: Per cent of a ship's places that are taken on an ordinary day, by route.
LOAD = {"R1": 52, "R2": 44, "R3": 31, "R4": 36, "R5": 61}
WHO = {"adult": 0, "child": 50, "youth": 25, "student": 20, "senior": 30, "islander": 40}


def fare_rows(world: dict) -> Iterator[tuple]:
    """Price in kr, rounded half up, for each leg, ticket and kind of passenger."""
    for leg in world["fares"]:
        for ticket, change in world["tickets"].items():
            for who, off in WHO.items():
                price = (leg["adult"] * (100 + change) * (100 - off) + 5000) // 10000
                yield leg["from"], leg["to"], ticket, who, price
            yield leg["from"], leg["to"], ticket, "car", (leg["car"] * (100 + change) + 50) // 100


def departures(route: dict, day: date, summer: date) -> Iterator[tuple[bool, datetime, int]]:
    """The day's departures of a route: outward or not, when, and minutes to the other end."""
    minutes = sum(leg[2] for leg in route["legs"])
    if "out" in route:
        if day.weekday() in route["weekdays_out"]:
            yield True, _at(day, route["out"]), minutes
        if (day - timedelta(days=1)).weekday() in route["weekdays_out"]:
            yield False, _at(day, route["back"]), minutes
        return
    start = _at(day, route["first"])
    for number in range(route["daily_summer" if day >= summer else "daily"]):
        out = start + timedelta(minutes=number * route["every"])
        yield True, out, minutes
        yield False, out + timedelta(minutes=minutes + 5), minutes


def _at(day: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}")


def sailing_rows(world: dict, wind: dict[date, int]) -> Iterator[tuple]:
    """All sailings in the order of their departure, without their number."""
    rng = random.Random(SEED)
    rows = []
    for day, speed in wind.items():
        for route in world["routes"]:
            for out, departs, minutes in departures(route, day, world["seasons"]["summer"]):
                rows.append(_sailing(rng, world, route, out, departs, minutes, speed))
    night = _at(date(2026, 7, 5), "01:30")  # after the Storholm music days
    rows.append(_sailing(rng, world, world["routes"][0], False, night, 55, wind[night.date()]))
    yield from sorted(rows, key=lambda row: (row[0], row[4], row[1], row[2]))


def _sailing(rng, world, route, out, departs, minutes, speed) -> tuple:
    """One sailing: whether it sailed, how late, and with how many on board."""
    day = departs.date()
    docked = route["code"] == "R2" and DOCK[0] <= day <= DOCK[1]
    vessel = "MV Dunlin" if docked else route["vessel"]
    ship = world["vessels"][vessel]
    ends = (route["legs"][0][0], route["legs"][-1][1])
    status, cause, delay = _fate(rng, speed, ship["wind"])
    busy = LOAD[route["code"]] + (14 if day.weekday() >= 4 else 0) + rng.randint(-22, 22)
    people = 0 if status == "cancelled" else ship["passengers"] * min(100, max(4, busy)) // 100
    cars = 0 if status == "cancelled" else ship["cars"] * min(100, max(0, busy + 8)) // 100
    arrives = departs + timedelta(minutes=minutes + delay)
    return (
        day.isoformat(),
        route["code"],
        *(ends if out else ends[::-1]),
        departs.strftime("%H:%M"),
        "" if status == "cancelled" else arrives.strftime("%H:%M"),
        vessel,
        status,
        cause,
        delay,
        people,
        cars,
    )


def _fate(rng: random.Random, speed: int, limit: int) -> tuple[str, str, int]:
    """Status, cause and minutes late."""
    draw = rng.randint(1, 1000)
    if speed >= limit:
        return "cancelled", "weather", 0
    if draw <= 5:
        return "cancelled", "technical", 0
    if draw <= 90:
        minutes = rng.randint(5, 40) if draw > 20 else rng.randint(41, 150)
        rough = speed >= limit - 3
        return "delayed", "weather" if rough else rng.choice(CAUSES), minutes
    return "sailed", "", 0


def weather() -> dict[date, int]:
    """Strongest mean wind over ten minutes, m/s, for each day."""
    rng = random.Random(SEED + 1)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    return {day: STORMS.get(day, rng.randint(3, 12)) for day in days}
