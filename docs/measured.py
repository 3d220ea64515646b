"""Write the README's section "Measured" from the kept results in docs/results/.

python docs/measured.py           write it
python docs/measured.py --check   exit 1 when it is out of step
python docs/measured.py --keep RUN_FOLDER   keep a run's report as course.json, then write
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- measured:begin -->\n", "<!-- measured:end -->"
KEPT = ("name", "status", "seconds", "peak_rss_mb", "model_calls", "prompt_tokens", "output_tokens")


def read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def course() -> str:
    """The notebooks' times and memory, one run."""
    report = read("course")
    lines = [
        f"`make course` on {report['machine']}, no GPU; profile `fast`, one run:\n",
        "| notebook | time | peak memory, servers included | model calls |",
        "|---|---:|---:|---:|",
    ]
    for book in report["notebooks"]:
        minutes, seconds = divmod(round(book["seconds"]), 60)
        memory = f"{book['peak_rss_mb'] / 1000:.1f} GB"
        calls = book["model_calls"]
        lines.append(f"| {book['name']} | {minutes}:{seconds:02d} | {memory} | {calls} |")
    minutes, seconds = divmod(round(sum(b["seconds"] for b in report["notebooks"])), 60)
    peak = max(b["peak_rss_mb"] for b in report["notebooks"]) / 1000
    lines.append(f"| together | {minutes}:{seconds:02d} | {peak:.1f} GB | |")
    return "\n".join(lines)


def bench() -> str:
    """The embedded server against raw llama.cpp."""
    result = read("bench_llm")
    lines = [
        f"The embedded server beside raw llama.cpp (`workbench bench llm`, {result['model']}, "
        f"median of {result['runs']} interleaved runs, ratios paired):\n",
        "| clients | prompt tokens | raw, tokens/s | embedded `/api` | share of raw (range) "
        "| first token, raw / embedded |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for cell in result["cells"]:
        raw, ours = cell["arms"][cell["baseline"]], cell["arms"]["embedded /api"]
        ratio = cell["ratio"]["embedded /api"]
        spread = f"{ratio['median']:.0%} ({ratio['min']:.0%} to {ratio['max']:.0%})"
        first = f"{raw['first_token_ms']:.0f} / {ours['first_token_ms']:.0f} ms"
        lines.append(
            f"| {cell['clients']} | {ours['prompt_tokens']} | {raw['tokens_per_second']:.0f} "
            f"| {ours['tokens_per_second']:.0f} | {spread} | {first} |"
        )
    shares = ", ".join(f"{share:.0%}" for share in map(same_waits, result["cells"]))
    return "\n".join(lines) + (
        "\n\nllama.cpp's threads wait for each other by spinning; the embedded server's spin a "
        "tenth as long. Beside raw llama.cpp that waits in the same way the shares are "
        f"{shares}: that is what the API itself costs."
    )


def same_waits(cell: dict[str, Any]) -> float:
    """Median over the runs of the embedded server's speed by that of raw llama.cpp as tuned."""
    ours, raw = cell["arms"]["embedded /api"], cell["arms"]["raw, same waits"]
    runs = zip(
        ours["output_tokens"], ours["seconds"], raw["output_tokens"], raw["seconds"], strict=True
    )
    return median((o / s) / (ro / rs) for o, s, ro, rs in runs)


def precision() -> str:
    """Why the small model is served as it is."""
    result = read("precision")
    rows = {row["name"]: row for row in result["rows"]}
    chosen, packaged, smaller = (rows[n] for n in (result["chosen"], "packaged", "Q4_0"))
    return (
        f"The small model is served as {result['chosen']}: a call of 600 and 60 tokens takes "
        f"{chosen['seconds_median']:.1f} s instead of {packaged['seconds_median']:.1f} s as "
        f"packaged, and its loss rises by {chosen['rise']:.2%} ({chosen['rise_low']:+.2%} to "
        f"{chosen['rise_high']:+.2%}). Q4_0 is faster still ({smaller['seconds_median']:.1f} s) "
        f"and costs {smaller['rise']:.1%} of loss (`docs/results/precision.json`)."
    )


def section() -> str:
    parts = [make() for make, name in PARTS.items() if (RESULTS / f"{name}.json").exists()]
    return BEGIN + "\n\n".join(parts) + "\n" + END


PARTS = {course: "course", bench: "bench_llm", precision: "precision"}


def keep(folder: Path, machine: str) -> None:
    """A run's report without what changes from run to run for no reason."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    books = [{key: book[key] for key in KEPT} for book in report["notebooks"]]
    kept = {"machine": machine, "profile": report["profile"], "started": report["started"]}
    text = json.dumps({**kept, "notebooks": books}, indent=1)
    (RESULTS / "course.json").write_text(text + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("--machine", default="two cores")
    args = parser.parse_args()
    if args.keep:
        keep(args.keep, args.machine)
    text = README.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    wanted = before + section() + after
    if args.check:
        return int(text != wanted)
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
