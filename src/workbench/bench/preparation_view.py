"""Pictures of what preparing documents does: clutter removed, ways of cutting, differences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench import display
from workbench.chunking import WAYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from workbench.corpus import Document

#: A comparison's name in results -> what a person reads.
ARMS = {
    "cleaned_against_uncleaned": "cleaned − uncleaned\n(both in fixed windows)",
    "chosen_against_fixed": "chosen cutting − fixed\n(both cleaned)",
    "pipeline_against_naive": "both − neither",
}


def clutter(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """For each kind: words that came in, words that cleaning took out, and words that it put in.

    A word joined again at a line's end is two taken out and one put in. Marks are no words.
    """
    rows = []
    for kind in dict.fromkeys(d.kind for d in documents):
        own = [d for d in documents if d.kind == kind]
        pairs = [(_words(d.raw), _words(d.text)) for d in own]
        rows.append({
            "kind": kind,
            "documents": len(own),
            "words in": sum(raw.total() for raw, _ in pairs),
            "taken out": sum((raw - text).total() for raw, text in pairs),
            "put in": sum((text - raw).total() for raw, text in pairs),
        })  # fmt: skip
    return sorted(rows, key=lambda row: -row["taken out"] / max(1, row["words in"]))


def clutter_figure(documents: Sequence[Document]) -> display.Figure:
    """The share of words taken out, a bar for each kind of document."""
    import matplotlib.pyplot as plt

    rows = clutter(documents)[::-1]
    shares = [row["taken out"] / max(1, row["words in"]) for row in rows]
    fig, ax = plt.subplots(figsize=(8, 0.5 * len(rows) + 1.2))
    bars = ax.barh([row["kind"] for row in rows], shares, color=display.PALETTE["vermilion"])
    labels = [
        f"{share:.1%}: {row['taken out']:,} of {row['words in']:,} words"
        for share, row in zip(shares, rows, strict=True)
    ]
    ax.bar_label(bars, labels, padding=4)
    ax.set_xlim(0, max(shares) * 1.6 or 1)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    ax.set_xlabel("share of the words that came in")
    ax.grid(visible=False)
    ax.set_title("Words taken out by cleaning, by kind of document")
    told = "; ".join(f"{r['kind']} {label}" for r, label in zip(rows, labels, strict=True))
    return display.figure(fig, f"Bars of the share of words taken out: {told}.")


def heat_map(panels: Mapping[str, Sequence[Mapping[str, Any]]]) -> display.Figure:
    """Evidence recall of each way, size and overlap; a panel for each sweep, on one scale.

    The best of a panel has a frame.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(
        1, len(panels), figsize=(1.5 + 4.3 * len(panels), 3.9), squeeze=False, sharey=True
    )
    values = [cell["recall"] for cells in panels.values() for cell in cells]
    scale = {"vmin": min(values), "vmax": max(values), "cmap": "cividis"}
    rows = sorted({_row(cell) for cells in panels.values() for cell in cells})
    for ax, (title, cells) in zip(axes[0], panels.items(), strict=True):
        image = _panel(ax, title, cells, rows, scale)
    fig.colorbar(image, ax=axes[0].tolist(), label="evidence recall within the budget")
    best = {title: max(cells, key=lambda c: c["recall"]) for title, cells in panels.items()}
    told = "; ".join(
        f"{title.splitlines()[0]}: best {c['recall']:.2f} with {c['how']}, {c['size']} words"
        for title, c in best.items()
    )
    return display.figure(fig, f"Heat map of evidence recall by way and size of chunks. {told}.")


def _row(cell: Mapping[str, Any]) -> tuple[int, bool]:
    """Where a cell stands: its way, as the package lists them, and whether chunks overlap."""
    return list(WAYS).index(cell["how"]), bool(cell["overlap"])


def _panel(
    ax: Axes,
    title: str,
    cells: Sequence[Mapping[str, Any]],
    rows: Sequence[tuple[int, bool]],
    scale: dict[str, Any],
) -> Any:
    import numpy as np
    from matplotlib.patches import Rectangle

    sizes = sorted({c["size"] for c in cells})
    grid = np.full((len(rows), len(sizes)), np.nan)
    for cell in cells:
        grid[rows.index(_row(cell)), sizes.index(cell["size"])] = cell["recall"]
    image = ax.imshow(grid, aspect="auto", **scale)
    middle = (scale["vmin"] + scale["vmax"]) / 2
    for (row, column), value in np.ndenumerate(grid):
        text = "" if np.isnan(value) else f"{value:.2f}"
        colour = "white" if value < middle else "black"
        ax.text(column, row, text, ha="center", va="center", color=colour)
    row, column = np.unravel_index(np.nanargmax(grid), grid.shape)
    frame = {"fill": False, "edgecolor": display.PALETTE["vermilion"], "linewidth": 3}
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **frame))
    names = [f"{list(WAYS)[way]}{', overlap' if overlap else ''}" for way, overlap in rows]
    ax.set_xticks(range(len(sizes)), sizes)
    ax.set_yticks(range(len(rows)), names)
    ax.set_xlabel("words in a chunk, at most")
    ax.set_title(title, fontsize="medium")
    ax.grid(visible=False)
    return image


def differences_figure(
    results: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]], score: str = "recall"
) -> display.Figure:
    """Paired differences with their intervals; a colour for each result, such as live and kept."""
    import matplotlib.pyplot as plt

    names = list(ARMS)
    fig, ax = plt.subplots(figsize=(8, 3.4))
    colours = [display.PALETTE[name] for name in ("sky", "blue", "vermilion")]
    told = []
    for number, (label, comparisons) in enumerate(results.items()):
        shift = (number - (len(results) - 1) / 2) * 0.26
        for row, name in enumerate(names):
            found = comparisons[name][score]
            y = row + shift
            ax.plot([found["low"], found["high"]], [y, y], lw=3, color=colours[number])
            text = f"{label}, n = {found['n']}" if row == 0 else None
            ax.plot(found["difference"], y, "o", ms=8, color=colours[number], label=text)
            told.append(
                f"{label}, {' '.join(ARMS[name].split())}: {found['difference']:+.2f} "
                f"({found['low']:+.2f} to {found['high']:+.2f})"
            )
    ax.axvline(0, color="grey", lw=1)
    ax.set_yticks(range(len(names)), [ARMS[name] for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel("difference in evidence recall, question by question (95 % interval)")
    ax.set_title("What cleaning and careful cutting are worth")
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=len(results))
    return display.figure(fig, "Intervals of paired differences. " + "; ".join(told) + ".")


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.casefold()))
