"""What an analyst should find in the traffic, written from the plan it is drawn from."""

from __future__ import annotations

from collections import Counter
from datetime import date

from traffic.plan import abusers, expected, german_of, mix, period, planted, users

PERIODS = ("before", "during", "after")


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
        "shifts": _shifts(plan),
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


def _shifts(plan: dict) -> list[dict]:
    """Each thing that changes, in the order of its beginning: what, from when, until when."""
    german, storm, outage = plan["german"], plan["storm"], plan["outage"]
    found = [
        {"what": f"{group} grow", "from": plan["first"], "until": plan["last"]}
        for group, about in plan["groups"].items()
        if about["growth"] != 1
    ]
    found += [
        {"what": "German rises", "from": german["rises_from"], "until": plan["last"]},
        {"what": "prompt changes", "from": plan["prompt"]["changes_at"], "until": plan["last"]},
        {"what": "storm week", "from": storm["first"], "until": storm["last"]},
        {"what": "errors", "from": outage["from"], "until": outage["until"]},
    ]
    for case in plan["abuse"]:
        days = [burst["starts"].date() for burst in case.get("bursts", [])]
        days += case.get("nights", []) + [case[n] for n in ("first", "last") if n in case]
        found.append({"what": case["kind"], "from": min(days), "until": max(days)})
    return sorted(found, key=lambda shift: shift["from"].isoformat())


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
