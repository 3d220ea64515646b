"""The plan of the traffic, and what follows from it: shares, sizes, languages, users."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent


def load() -> dict:
    """The plan."""
    return tomllib.loads((HERE / "plan.toml").read_text("utf-8"))


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
