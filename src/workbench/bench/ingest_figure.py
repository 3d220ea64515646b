"""Ingestion drawn: what each run kept while it ran, and how speed and memory grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.display.figures import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def timeline(ax: Axes, runs: dict[str, list[tuple[float, int]]], total: int) -> None:
    """Each run's (seconds, documents kept) one after the other; gaps are between runs."""
    colours = [PALETTE[name] for name in ("vermilion", "blue", "green")]
    start = 0.0
    for (name, points), colour in zip(runs.items(), colours, strict=False):
        times = [start + seconds for seconds, _ in points]
        steps = {"drawstyle": "steps-post", "color": colour, "label": name}
        ax.plot(times, [kept for _, kept in points], **steps)
        ax.plot(times[-1:], [points[-1][1]], "X" if "killed" in name else "o", color=colour, ms=9)
        start = times[-1]
    ax.axhline(total, color="grey", lw=0.8, ls=":")
    ax.set(xlabel="seconds of work", ylabel="documents in the index", ylim=(0, total * 1.12))
    ax.set_title("Killed half way, gone on with")
    ax.legend(loc="lower right", fontsize=9)


def growth(speed: Axes, memory: Axes, sizes: list[dict[str, Any]]) -> None:
    """Documents a second, and resident memory, against the number of documents."""
    counts = [row["documents"] for row in sizes]
    rates = [row["documents_per_second"] for row in sizes]
    speed.plot(counts, rates, "o-", color=PALETTE["blue"])
    speed.set_title("Documents a second")
    peaks = [row["peak_mb"] for row in sizes]
    alone = [row["peak_without_readers_mb"] for row in sizes]
    memory.plot(counts, peaks, "o-", color=PALETTE["orange"], label="with its readers")
    memory.plot(counts, alone, "s--", color=PALETTE["purple"], label="without")
    memory.set_title("Peak memory, MB")
    memory.legend(fontsize=9)
    for ax in (speed, memory):
        ax.set(xscale="log", xlabel="documents", ylim=(0, None))
        ax.set_xticks(counts, [f"{count:,}" for count in counts])
        ax.minorticks_off()
