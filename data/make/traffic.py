"""Make ``data/traffic``: 6,000 simulated requests over six weeks, and the truth behind them.

What is drawn from is in ``traffic/plan.toml`` (shares, shifts, tokens, seconds, abuse) and in
``traffic/questions.toml`` (what is asked, in which words). ``truth.json`` is written from the same
plan. The same plan and questions give the same bytes again.

    python data/make/traffic.py [FOLDER]
"""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

from traffic.asked import abusive, ordinary
from traffic.measured import measure
from traffic.plan import load
from traffic.truth import truth
from traffic.wording import Wording

HERE = Path(__file__).resolve().parent
Row = dict
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
    told = json.dumps(truth(plan), ensure_ascii=False, indent=1, default=lambda x: x.isoformat())
    told = re.sub(r"\[\s+([^][{}]+?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", told)
    write(folder / "truth.json", told + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "traffic")
