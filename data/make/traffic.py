"""Make ``data/traffic``: 6,000 simulated requests over six weeks, and the truth behind them.

What is drawn from is in ``traffic/plan.toml`` (shares, shifts, tokens, seconds, abuse) and in
``traffic/questions.toml`` (what is asked, in which words). ``truth.json`` is written from the same
plan. The same plan and questions give the same bytes again.

    python data/make/traffic.py [FOLDER]
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from collections import Counter, deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "traffic"))
from wording import Wording  # noqa: E402

Row = dict
PERIODS = ("before", "during", "after")


def load() -> dict:
    """The plan."""
    return tomllib.loads((HERE / "traffic" / "plan.toml").read_text("utf-8"))


def days(plan: dict) -> list[date]:
    """Every day of the six weeks."""
    return [plan["first"] + timedelta(n) for n in range((plan["last"] - plan["first"]).days + 1)]


def period(plan: dict, day: date) -> str:
    """Before, during or after the storm week."""
    storm = plan["storm"]
    if day < storm["first"]:
        return "before"
    return "during" if day <= storm["last"] else "after"


def mix(plan: dict, group: str, when: str) -> dict[str, float]:
    """Share of each topic in a group's requests of a period."""
    factors = plan["storm"].get(when, {})
    weights = {topic: w * factors.get(topic, 1) for topic, w in plan["mix"][group].items()}
    return {topic: weight / sum(weights.values()) for topic, weight in weights.items()}


def volume(plan: dict, group: str, day: date) -> float:
    """Ordinary requests of a group on a day, relative to all others."""
    about = plan["groups"][group]
    weekday = 7 * about["weekdays"][day.weekday()] / sum(about["weekdays"])
    growth = about["growth"] ** ((day - plan["first"]).days / 7)
    storm = plan["storm"]["volume"][group] if period(plan, day) == "during" else 1
    return about["share"] * weekday * growth * storm


def expected(plan: dict) -> dict[tuple[str, date], float]:
    """Expected ordinary requests by group and day."""
    weights = {(g, d): volume(plan, g, d) for g in plan["groups"] for d in days(plan)}
    ordinary = plan["requests"] - sum(planted(plan).values())
    return {cell: ordinary * w / sum(weights.values()) for cell, w in weights.items()}


def planted(plan: dict) -> dict[str, int]:
    """Requests of each abusive user, by kind."""
    counts = {}
    for case in plan["abuse"]:
        sizes = [case.get("attempts", 0), case.get("cover", 0)]
        sizes += [burst["requests"] for burst in case.get("bursts", [])]
        sizes += [case.get("requests_each", 0)] * len(case.get("nights", []))
        counts[case["kind"]] = sum(sizes)
    return counts


def german(plan: dict, day: date) -> float:
    """Share of German among all ordinary requests of a day."""
    about = plan["german"]
    run = (plan["last"] - about["rises_from"]).days
    done = min(1.0, max(0.0, (day - about["rises_from"]).days / run))
    return about["start_share"] + done * (about["end_share"] - about["start_share"])


def german_of(plan: dict, group: str, day: date) -> float:
    """Share of German in one group, so that all groups together have the day's share."""
    weight = plan["german"]["weight"]
    sizes = {name: volume(plan, name, day) for name in plan["groups"]}
    mean = sum(weight[name] * size for name, size in sizes.items()) / sum(sizes.values())
    return german(plan, day) * weight[group] / mean


def users(plan: dict) -> dict[str, list[str]]:
    """Group -> its users; those at the end of a group's list are the abusive ones."""
    names = (f"u{n:02d}" for n in range(1, 1 + sum(g["users"] for g in plan["groups"].values())))
    return {group: [next(names) for _ in range(g["users"])] for group, g in plan["groups"].items()}


def abusers(plan: dict) -> dict[str, str]:
    """Kind of abuse -> who does it."""
    left = users(plan)
    return {case["kind"]: left[case["group"]].pop() for case in plan["abuse"]}


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


def measure(plan: dict, rows: list[Row], rng: random.Random) -> Iterator[Row]:
    """Rows in the order of time with tokens, seconds, status and feedback."""
    recent: deque[datetime] = deque()
    for row in rows:
        while recent and row["time"] - recent[0] > timedelta(minutes=5):
            recent.popleft()
        changed = row["time"] >= plan["prompt"]["changes_at"]
        row["prompt_version"] = plan["prompt"]["after" if changed else "before"]
        status = _status(plan, row, rng)
        row["prompt_tokens"] = _read(plan, row, changed, rng)
        row["output_tokens"] = _written(plan, row, changed, status, rng)
        row["seconds"] = _seconds(plan, row, status, len(recent), rng)
        if row["seconds"] >= plan["latency"]["timeout"]:
            status, row["seconds"], row["output_tokens"] = "timeout", plan["latency"]["timeout"], 0
        row["status"] = status
        row["feedback"] = _feedback(plan, row, rng)
        recent.append(row["time"])
        yield row


def _status(plan: dict, row: Row, rng: random.Random) -> str:
    about, outage = plan["status"], plan["outage"]
    failing = outage["from"] <= row["time"] < outage["until"]
    errors = outage["error_share"] if failing else about["error_share"]
    refused = about["refused"].get(row["topic"], about["refused_otherwise"])
    refused *= about["refused_german"] if row["language"] == "de" else 1
    if "abuse" in row and row["topic"] in ("other", "timetable"):
        case = next(c for c in plan["abuse"] if c["kind"] == row["abuse"])
        refused = case["refused"]
    draw = rng.random()
    for status, share in (("error", errors), ("timeout", about["timeout_share"])):
        if draw < share:
            return status
        draw -= share
    return "refused" if draw < refused else "ok"


def _read(plan: dict, row: Row, changed: bool, rng: random.Random) -> int:
    about = plan["tokens"]
    count = about["prompt"][row["topic"]] * rng.lognormvariate(0, about["prompt_sigma"])
    count *= about["german_prompt"] if row["language"] == "de" else 1
    added = plan["prompt"]["added_tokens"] if changed else 0
    return round(count + added + about["per_turn"] * row["turn"])


def _written(plan: dict, row: Row, changed: bool, status: str, rng: random.Random) -> int:
    about = plan["tokens"]
    if status in ("error", "timeout"):
        return 0
    usual = about["refused_output"] if status == "refused" else about["output"][row["topic"]]
    count = usual * rng.lognormvariate(0, about["output_sigma"] / (3 if status == "refused" else 1))
    count *= about["german_output"] if row["language"] == "de" else 1
    return max(6, round(count * (plan["prompt"]["output_factor"] if changed else 1)))


def _seconds(plan: dict, row: Row, status: str, near: int, rng: random.Random) -> float:
    about = plan["latency"]
    if status == "timeout":
        return about["timeout"]
    if status == "error":
        return round(0.1 + rng.random(), 2)
    work = row["prompt_tokens"] / about["read_per_second"]
    work += row["output_tokens"] / about["written_per_second"]
    crowd = 1 + about["per_neighbour"] * near
    return round((about["fixed"] + work) * crowd * rng.lognormvariate(0, about["sigma"]), 2)


def _feedback(plan: dict, row: Row, rng: random.Random) -> int | None:
    about = plan["feedback"]
    trouble = row["status"] in ("error", "timeout")
    given, draw = rng.random(), rng.random()
    if given >= about["given_after_trouble" if trouble else "given"] or "abuse" in row:
        return None
    good = about["good"][row["status"]]
    if row["status"] == "ok":
        good += about["topic"].get(row["topic"], 0)
        good += about["slow"] if row["seconds"] > about["slow_seconds"] else 0
        good += about["german"] if row["language"] == "de" else 0
    return 1 if draw < good else -1


FIELDS = ("user", "group", "session", "language", "topic", "question", "model", "prompt_version")
MEASURED = ("prompt_tokens", "output_tokens", "seconds", "status", "feedback")


def requests(plan: dict) -> list[Row]:
    """All rows as they are written, in the order of time."""
    rng = random.Random(plan["seed"])
    wording = Wording.load(HERE / "traffic" / "questions.toml")
    rows = [*ordinary(plan, wording, rng), *abusive(plan, wording, rng)]
    rows.sort(key=lambda row: (row["time"], row["user"]))
    numbers: dict[str, str] = {}
    found = []
    for number, row in enumerate(measure(plan, rows, random.Random(plan["seed"] + 1)), start=1):
        row["session"] = numbers.setdefault(row["session"], f"s{len(numbers) + 1:04d}")
        row["model"] = plan["model"]
        when = row["time"].isoformat(timespec="seconds")
        kept = {name: row[name] for name in (*FIELDS, *MEASURED)}
        found.append({"id": f"r{number:04d}", "time": when, **kept})
    return found


def truth(plan: dict) -> dict:
    """What an analyst should find: the plan's figures, and what follows from them."""
    cells, who = expected(plan), abusers(plan)
    counts = planted(plan)
    return {
        "requests": {
            "all": plan["requests"],
            "ordinary": plan["requests"] - sum(counts.values()),
            "abusive": sum(counts.values()),
        },
        "first_day": plan["first"],
        "last_day": plan["last"],
        "model": plan["model"],
        "groups": _groups(plan, cells),
        "expected_by_week": _weeks(plan, cells),
        "storm": plan["storm"],
        "expected_topics": {when: _topics(plan, cells, when) for when in PERIODS},
        "topics_by_group": {
            g: {w: _rounded(mix(plan, g, w)) for w in PERIODS} for g in plan["groups"]
        },
        "german": plan["german"] | {"expected_by_week": _german_weeks(plan, cells)},
        "prompt": plan["prompt"],
        "outage": plan["outage"],
        "abuse": [
            {**case, "user": who[case["kind"]], "all_requests": counts[case["kind"]]}
            for case in plan["abuse"]
        ],
        "tokens": plan["tokens"],
        "latency": plan["latency"],
        "status": plan["status"],
        "feedback": plan["feedback"],
    }


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 4) for name, share in shares.items()}


def _groups(plan: dict, cells: dict) -> dict:
    """Label, users, growth, rhythm and expected ordinary requests of each group."""
    totals = Counter()
    for (group, _), count in cells.items():
        totals[group] += count
    return {
        group: {
            "label": about["label"],
            "users": users(plan)[group],
            "growth_a_week": about["growth"],
            "mean_session": about["session"],
            "hours": about["hours"],
            "weekdays": about["weekdays"],
            "expected_requests": round(totals[group], 1),
        }
        for group, about in plan["groups"].items()
    }


def _week(plan: dict, day: date) -> int:
    return (day - plan["first"]).days // 7 + 1


def _weeks(plan: dict, cells: dict) -> dict[str, dict[str, float]]:
    """Expected ordinary requests: group -> week 1 to 6."""
    found: dict[str, Counter] = {group: Counter() for group in plan["groups"]}
    for (group, day), count in cells.items():
        found[group][str(_week(plan, day))] += count
    return {group: {w: round(n, 1) for w, n in weeks.items()} for group, weeks in found.items()}


def _topics(plan: dict, cells: dict, when: str) -> dict[str, float]:
    """Expected share of each topic among the ordinary requests of a period."""
    total, found = 0.0, Counter()
    for (group, day), count in cells.items():
        if period(plan, day) == when:
            total += count
            found.update({t: count * share for t, share in mix(plan, group, when).items()})
    return _rounded({topic: count / total for topic, count in found.items()})


def _german_weeks(plan: dict, cells: dict) -> dict[str, float]:
    """Expected share of German among the ordinary requests of each week."""
    asked, total = Counter(), Counter()
    for (group, day), count in cells.items():
        total[str(_week(plan, day))] += count
        asked[str(_week(plan, day))] += count * german_of(plan, group, day)
    return _rounded({week: asked[week] / total[week] for week in total})


def write(target: Path, text: str) -> None:
    """Write aside, then put in place."""
    aside = target.with_suffix(target.suffix + ".part")
    aside.write_text(text, "utf-8", newline="\n")
    aside.replace(target)


def main(folder: Path) -> None:
    """Write the requests and the truth."""
    plan = load()
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in requests(plan)]
    write(folder / "requests.jsonl", "\n".join(lines) + "\n")
    told = json.dumps(
        truth(plan), ensure_ascii=False, indent=1, default=lambda day: day.isoformat()
    )
    write(folder / "truth.json", told + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "traffic")
