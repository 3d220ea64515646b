"""HumanEval scores as a figure: what was kept beside what was measured just now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.display import Figure


def scores(kept: Sequence[dict[str, Any]], live: Sequence[dict[str, Any]], k: int = 1) -> Figure:
    """pass@k of models with 95 % intervals; filled points are kept results, open ones live.

    Each row has ``model``, ``pass_at_k``, ``low``, ``high`` and ``n``, as of ``measure``.
    """
    import matplotlib.pyplot as plt

    from workbench import display

    rows = [(row, False) for row in kept] + [(row, True) for row in live]
    names = list(dict.fromkeys(row["model"] for row, _ in rows))
    colours = dict(zip(names, display.PALETTE.values(), strict=False))
    rows.sort(key=lambda pair: (names.index(pair[0]["model"]), pair[1]))
    fig, ax = plt.subplots(figsize=(7.5, 1.0 + 0.55 * len(rows)))
    for at, (row, now) in enumerate(rows):
        error = [[row["pass_at_k"] - row["low"]], [row["high"] - row["pass_at_k"]]]
        ax.errorbar(
            row["pass_at_k"], at, xerr=error, fmt="o", capsize=4, markersize=8,
            color=colours[row["model"]], markerfacecolor="white" if now else None,
        )  # fmt: skip
    labels = [f"{row['model']}\n{'now' if now else 'kept'}, n = {row['n']}" for row, now in rows]
    ax.set_yticks(range(len(rows)), labels)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel(f"pass@{k} with its 95 % interval")
    ax.set_title("HumanEval: a few tasks say little")
    return display.figure(fig, _told(rows, k))


def _told(rows: Sequence[tuple[dict[str, Any], bool]], k: int) -> str:
    parts = [
        f"{row['model']} {'now' if now else 'kept'} {row['pass_at_k']:.2f} from {row['low']:.2f} "
        f"to {row['high']:.2f} on {row['n']} tasks"
        for row, now in rows
    ]
    return f"Points with intervals, pass@{k} on HumanEval: {'; '.join(parts)}."
