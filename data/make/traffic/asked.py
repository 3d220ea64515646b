"""Who asks what and when: ordinary requests in sessions, and those of the abusive users."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice

from traffic.plan import abusers, expected, german_of, mix, period, planted, users
from traffic.wording import Wording

Row = dict


def pick(rng: random.Random, weights: dict):
    """One key, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def sizes(plan: dict, rng: random.Random) -> dict[tuple[str, date], int]:
    """Ordinary requests of each group and day: as expected, but for the chance of a day."""
    cells = {cell: n * rng.lognormvariate(0, plan["noise"]) for cell, n in expected(plan).items()}
    wanted = plan["requests"] - sum(planted(plan).values())
    found, total, done = {}, 0.0, 0
    for cell, n in cells.items():
        total += n * wanted / sum(cells.values())
        found[cell] = round(total) - done
        done += found[cell]
    return found


def sessions(plan: dict, group: str, day: date, rng: random.Random, owed: Counter) -> Iterator[Row]:
    """A group's ordinary requests on a day without their texts, session by session, for ever.

    ``owed`` is how many German sessions each group is short of, so that chance evens out.
    """
    about, bad = plan["groups"][group], set(abusers(plan).values())
    people = [user for user in users(plan)[group] if user not in bad]
    heavy = {user: (rank + 1) ** -0.6 for rank, user in enumerate(people)}
    while True:
        hour = rng.choices(range(24), about["hours"])[0]
        moment = datetime.combine(day, time(hour)) + timedelta(seconds=rng.randrange(3600))
        row = {"user": pick(rng, heavy), "group": group}
        owed[group] += german_of(plan, group, day)
        row["language"] = "de" if rng.random() < owed[group] else "en"
        owed[group] -= row["language"] == "de"
        row["topic"] = pick(rng, mix(plan, group, period(plan, day)))
        yield from _talk(plan, rng, row, moment, 1 - 1 / about["session"])


def _talk(
    plan: dict, rng: random.Random, row: Row, moment: datetime, again: float
) -> Iterator[Row]:
    """The requests of one session; each is followed by another with the chance `again`."""
    midnight = datetime.combine(moment.date(), time(23, 59, 59))
    day, turn = moment.date(), 0
    while moment <= midnight:
        yield {**row, "time": moment, "turn": turn}
        if rng.random() >= again:
            return
        turn += 1
        moment += timedelta(seconds=15 + round(rng.lognormvariate(3.9, 0.7)))
        row = {**row, "follows": rng.random() < 0.45}
        if not row["follows"] and rng.random() < 0.3:
            row["topic"] = pick(rng, mix(plan, row["group"], period(plan, day)))


def ordinary(plan: dict, wording: Wording, rng: random.Random) -> Iterator[Row]:
    """All ordinary requests with their texts."""
    number, owed = 0, Counter()
    for (group, day), size in sizes(plan, rng).items():
        for row in islice(sessions(plan, group, day, rng, owed), size):
            number += not row["turn"]
            yield {**row, "session": f"s{number}", "question": wording.question(rng, row)}


def abusive(plan: dict, wording: Wording, rng: random.Random) -> Iterator[Row]:
    """The requests of the three abusive users."""
    who = abusers(plan)
    for case in plan["abuse"]:
        row = {"user": who[case["kind"]], "group": case["group"], "language": "en", "turn": 0}
        row["abuse"] = case["kind"]
        make = {"flooding": _flood, "injection": _inject}.get(case["kind"], _scrape)
        for number, (moment, topic, text) in enumerate(make(plan, case, wording, rng)):
            session = f"{case['kind']}{moment.date()}{number if make is _inject else ''}"
            yield {**row, "time": moment, "topic": topic, "question": text, "session": session}


def _flood(plan: dict, case: dict, wording: Wording, rng: random.Random):
    for burst in case["bursts"]:
        moment = burst["starts"]
        for _ in range(burst["requests"]):
            yield moment, "timetable", rng.choice(wording.abuse["flood"])
            moment += timedelta(seconds=1 + round(rng.expovariate(1 / (burst["gap_seconds"] - 1))))


def _inject(plan: dict, case: dict, wording: Wording, rng: random.Random):
    span = (case["last"] - case["first"]).days
    for number in range(case["attempts"] + case["cover"]):
        day = case["first"] + timedelta(rng.randint(0, span))
        moment = datetime.combine(day, time(rng.randint(18, 23), rng.randrange(60)))
        moment += timedelta(seconds=rng.randrange(60))
        if number < case["attempts"]:
            yield moment, "other", wording.injection(rng)
        else:
            yield moment, *rng.choice(list(wording.abuse["cover"].items()))


def _scrape(plan: dict, case: dict, wording: Wording, rng: random.Random):
    number = 0
    for night in case["nights"]:
        moment = datetime.combine(night, time.fromisoformat(case["starts"]))
        for _ in range(case["requests_each"]):
            number += 1
            yield moment, "other", wording.scraping(rng, number)
            moment += timedelta(seconds=case["gap_seconds"] + rng.randint(-12, 12))
