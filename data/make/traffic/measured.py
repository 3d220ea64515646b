"""What each request costs and how it ends: tokens, seconds, status and feedback."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

Row = dict


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
