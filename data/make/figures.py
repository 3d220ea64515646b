"""Draw the pictures of ``data/README.md`` into ``data/images``, from the data alone.

python data/make/figures.py [FOLDER]
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from workbench import corpus, golden

DATA = Path(__file__).resolve().parents[1]
#: Colours that colour-blind readers can tell apart (Okabe and Ito 2008), and two greys.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#a8578c", "#56b4e9"
INK, PALE = "#26323d", "#c9d1d8"
NOW = date(2026, 7, 12)
#: Where the map's words stand: miles from the port, or from the middle of the route's longest leg.
PORT_LABELS = {
    "MRW": (-1.2, 0.4, "right"),
    "STO": (-1.2, 0.9, "right"),
    "HES": (4.2, 0.3, "left"),
    "TRN": (-1.1, -1.6, "right"),
    "ULV": (4.2, -1.2, "left"),
    "LGN": (4.0, 0.3, "left"),
    "SKN": (0.5, -3.4, "center"),
}
ROUTE_LABELS = {
    "R1": (-4.6, 0.6),
    "R2": (-4.2, -2.6),
    "R3": (-4.3, 2.0),
    "R4": (-3.0, 2.2),
    "R5": (0, 2.2),
}
ROUTE_COLOURS = {"R1": BLUE, "R2": ORANGE, "R3": GREEN, "R4": PURPLE, "R5": INK}


def style() -> None:
    """Plain axes, one typeface."""
    plt.rcParams.update(
        {
            "font.size": 10.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "figure.facecolor": "white",
            "savefig.dpi": 150,
        }
    )


def island(ax: plt.Axes, x: float, y: float, size: float, seed: int) -> None:
    """A blob of land around a port."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 60)
    waves = sum(rng.uniform(0.05, 0.16) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3, 5))
    radius = size * (1 + waves)
    ax.fill(x + radius * np.cos(angle), y + 0.8 * radius * np.sin(angle), color="#dfe6d8", zorder=1)


def sea_map(world: dict) -> plt.Figure:
    """The ports, the routes with their minutes, and the ships that sail them."""
    place = world["map"]
    fig, ax = plt.subplots(figsize=(9.5, 4.7))
    ax.set_facecolor("#eef5fa")
    ax.fill([-14, -14, -3, 1.2, -1, -4, -2, -14], [20, -16, -16, -6, 1, 9, 20, 20], color="#dfe6d8")
    for seed, (code, (x, y)) in enumerate(place.items()):
        if code != "MRW":
            shift = 1.6 if code in ("HES", "SKN", "LGN") else 0.9
            island(ax, x + shift, y, 2.2 if code in ("STO", "ULV", "SKN") else 1.5, seed)
    for route in world["routes"]:
        _route(ax, route, place)
    for code, (name, land) in world["ports"].items():
        x, y = place[code]
        label = name if name.startswith(land) or land == "mainland" else f"{name}\n({land})"
        ax.plot(x, y, "o", color=INK, ms=6, zorder=4)
        dx, dy, ha = PORT_LABELS[code]
        ax.text(x + dx, y + dy, label, ha=ha, va="center", zorder=5, linespacing=1.1)
    ax.set(xlim=(-14, 66), ylim=(-16, 20), xticks=[], yticks=[], aspect="equal")
    for side in ax.spines.values():
        side.set_visible(False)
    ax.plot([52, 62], [-12, -12], color=INK, lw=2)
    ax.text(57, -13.7, "10 nautical miles", ha="center", va="center", fontsize=9)
    ax.set_title("Skerry Line: five routes, seven ports")
    fig.tight_layout()
    return fig


def _route(ax: plt.Axes, route: dict, place: dict) -> None:
    """One route's legs, with a label in the middle of its longest."""
    colour = ROUTE_COLOURS[route["code"]]
    for start, end, _ in route["legs"]:
        (x0, y0), (x1, y1) = place[start], place[end]
        ax.plot(
            [x0, x1], [y0, y1], color=colour, lw=2.2, zorder=2, ls="--" if "out" in route else "-"
        )
    start, end, _ = max(route["legs"], key=lambda leg: leg[2])
    (x0, y0), (x1, y1) = place[start], place[end]
    minutes = sum(leg[2] for leg in route["legs"])
    text = f"{route['code']}  {minutes} min\n{route['vessel']}"
    dx, dy = ROUTE_LABELS[route["code"]]
    ax.text(
        (x0 + x1) / 2 + dx,
        (y0 + y1) / 2 + dy,
        text,
        color=colour,
        fontsize=9,
        ha="center",
        va="center",
        zorder=6,
        linespacing=1.15,
    )


def papers(documents: list[corpus.Document]) -> plt.Figure:
    """When the papers that give way to others, or that are for a time, are in force."""
    known = {d.id: d.metadata for d in documents}
    pairs = [(d.metadata["supersedes"], d.id) for d in documents if "supersedes" in d.metadata]
    shown = [
        name for pair in sorted(pairs, key=lambda p: known[p[0]]["effective_from"]) for name in pair
    ]
    timed = [d.id for d in documents if d.id.startswith("circular") and d.id not in shown]
    rows = list(dict.fromkeys(shown + timed))
    fig, ax = plt.subplots(figsize=(9.5, 0.32 * len(rows) + 1.5))
    last = date(2026, 12, 31)
    for height, name in enumerate(reversed(rows)):
        start, end = _span(known[name], known, last)
        colour = PALE if end <= NOW else SKY if start > NOW else BLUE
        ax.barh(height, (end - start).days, left=mdates.date2num(start), height=0.62, color=colour)
    ax.set_yticks(range(len(rows)), list(reversed(rows)), fontsize=9)
    ax.axvline(mdates.date2num(NOW), color=ORANGE, lw=1.6)
    ax.text(
        mdates.date2num(NOW) + 4, len(rows) - 0.4, "now, 12 July 2026", color=ORANGE, fontsize=9
    )
    ax.set_xlim(mdates.date2num(date(2024, 12, 1)), mdates.date2num(last))
    ax.xaxis.set_major_locator(mdates.MonthLocator((1, 4, 7, 10)))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%b %Y"))
    ax.set_title("In force (blue), replaced or over (grey), not yet (pale blue)", pad=14)
    fig.tight_layout()
    return fig


def _span(metadata: dict, known: dict, last: date) -> tuple[date, date]:
    """First and last day of a paper; one that is replaced ends where its successor begins."""
    end = metadata.get("effective_to") or known.get(metadata.get("superseded_by"), {}).get(
        "effective_from"
    )
    start = date.fromisoformat(metadata.get("effective_from", "2024-12-01"))
    return start, date.fromisoformat(end) if end else last


def questions(items: list[golden.Question], documents: list[corpus.Document]) -> plt.Figure:
    """From which kind of document the evidence of each type of question comes."""
    kind = {d.id: d.id.split("-")[0] if d.kind == "markdown" else d.kind for d in documents}
    names = {
        "handbook": "staff handbook",
        "html": "help pages",
        "pdf": "circulars",
        "mail": "letters and notes",
        "text": "letters and notes",
    }
    colours = dict(zip(names.values(), (BLUE, SKY, ORANGE, GREEN, GREEN), strict=True))
    colours |= {"database": PURPLE, "nothing, on purpose": PALE}
    counts = {t: Counter() for t in golden.TYPES}
    for q in items:
        where = "database" if q.sql else "nothing, on purpose"
        found = names[kind[q.documents[0]]] if q.documents else where
        counts[q.type][found] += 1
    fig, ax = plt.subplots(figsize=(9.5, 3.9))
    left = np.zeros(len(counts))
    order = list(reversed(counts))
    for label, colour in colours.items():
        size = np.array([counts[t][label] for t in order])
        ax.barh([t.replace("_", " ") for t in order], size, left=left, color=colour, label=label)
        left += size
    ax.set_xlabel("questions")
    ax.set_title(f"{len(items)} golden questions: where the answer stands")
    ax.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.45, -0.17))
    fig.tight_layout()
    return fig


def traffic(rows: pd.DataFrame, truth: dict) -> plt.Figure:
    """Requests a day by group, the storm week marked, and the share of German by day."""
    day = pd.to_datetime(rows["time"]).dt.tz_localize(None).dt.normalize()
    table = rows.groupby([day, "group"]).size().unstack(fill_value=0)
    fig, (top, low) = plt.subplots(
        2, 1, figsize=(9.5, 5), sharex=True, height_ratios=[2.4, 1], layout="constrained"
    )
    top.stackplot(
        table.index,
        table.T.to_numpy(),
        labels=table.columns,
        colors=[BLUE, SKY, ORANGE, GREEN, PURPLE],
    )
    top.set_ylabel("requests a day")
    top.set_title(f"{len(rows):,} requests over six weeks")
    top.legend(frameon=False, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.04), fontsize=9)
    german = (
        (rows["language"] == "de").groupby(day).mean().rolling(5, center=True, min_periods=1).mean()
    )
    low.plot(german.index, 100 * german, color=INK, lw=2)
    low.set_ylabel("German, %\n(5-day mean)")
    low.set_ylim(0)
    start, end = (pd.Timestamp(truth["storm"][day]) for day in ("first", "last"))
    for ax in (top, low):
        for edge in (start, end):
            ax.axvline(edge, color=INK, lw=1, ls=":")
    totals = table.sum(axis=1)
    top.set_ylim(0, 1.2 * totals.max())
    top.text(start + (end - start) / 2, 1.15 * totals.max(), "storm week", ha="center", va="top")
    for abuse in truth["abuse"]:
        if abuse["kind"] != "injection":  # too few a day to be seen
            _mark(top, abuse, totals)
    low.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
    return fig


def _mark(ax: plt.Axes, abuse: dict, totals: pd.Series) -> None:
    """The name of an abuse over the day on which it begins."""
    starts = pd.Timestamp(abuse["bursts"][0]["starts"]) if "bursts" in abuse else None
    day = (starts or pd.Timestamp(abuse["nights"][0])).normalize()
    text = f"{abuse['user']}: {abuse['kind']}"
    ax.annotate(
        text,
        (day, totals[day]),
        xytext=(0, 10),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=ORANGE,
    )


def main(folder: Path) -> None:
    """Draw every picture again."""
    import json

    style()
    folder.mkdir(exist_ok=True)
    world = tomllib.loads((DATA / "world.toml").read_text("utf-8"))
    documents = list(corpus.load(DATA / "corpus"))
    requests = pd.read_json(DATA / "traffic" / "requests.jsonl", lines=True)
    truth = json.loads((DATA / "traffic" / "truth.json").read_text("utf-8"))
    pictures = {
        "map": sea_map(world),
        "papers": papers(documents),
        "questions": questions(golden.load(DATA / "golden"), documents),
        "traffic": traffic(requests, truth),
    }
    for name, fig in pictures.items():
        fig.savefig(folder / f"{name}.png", metadata={"Software": None})
        plt.close(fig)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "images")
