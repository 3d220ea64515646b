"""Measured prompts as a table and as a figure, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.display import Figure, Table

#: Metric -> the title of its panel.
PANELS = {
    "right": "right answers",
    "cites": "cites the right source",
    "refuses": "refuses where it should",
    "false_refusals": "refuses where it should not",
}


def table(result: dict[str, Any], caption: str = "") -> Table:
    """A row a prompt: shares with their intervals, and what an answer takes on average."""
    from workbench.display import interval
    from workbench.display import table as show

    rows = [
        {
            "prompt": row["prompt"],
            **{title: interval(**row[metric]) for metric, title in PANELS.items()},
            "valid JSON": interval(**row["valid"]) if "valid" in row else None,
            "words": row["words"]["value"],
            "tokens read": row["prompt_tokens"],
            "tokens written": row["output_tokens"],
        }
        for row in result["prompts"]
    ]
    formats = {"words": ".0f", "tokens read": ",.0f", "tokens written": ".0f"}
    return show(rows, caption or f"{result['model']}, {result['n']} questions", formats)


def figure(results: dict[str, dict[str, Any]], metrics: Sequence[str] = tuple(PANELS)) -> Figure:
    """A panel a metric, a row a prompt; each of ``results`` (label -> result) has its own mark."""
    import matplotlib.pyplot as plt

    from workbench import display

    names = list(dict.fromkeys(r["prompt"] for one in results.values() for r in one["prompts"]))
    fig, axes = plt.subplots(
        1, len(metrics), figsize=(11, 0.5 * len(names) + 1.7), sharey=True, layout="constrained"
    )
    for metric, ax in zip(metrics, axes, strict=True):
        for place, (label, result) in enumerate(results.items()):
            _draw(ax, result, metric, names, place, f"{label} ({result['n']} questions)")
        ax.set_title(PANELS[metric], fontsize=11)
        ax.set_xlim(-0.03, 1.03)
        ax.xaxis.set_major_formatter("{x:.0%}")
        ax.xaxis.set_major_locator(plt.MultipleLocator(0.5))
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    alt = "Shares with 95 % intervals for each prompt: " + ", ".join(PANELS[m] for m in metrics)
    return display.figure(fig, f"{alt}.")


def _draw(
    ax: Any, result: dict[str, Any], metric: str, names: list[str], place: int, label: str
) -> None:
    from workbench.display import PALETTE

    rows = [row for row in result["prompts"] if row[metric]["n"]]
    spots = [names.index(row["prompt"]) + 0.22 * place for row in rows]
    values = [row[metric]["value"] for row in rows]
    below = [row[metric]["value"] - row[metric]["low"] for row in rows]
    above = [row[metric]["high"] - row[metric]["value"] for row in rows]
    ax.errorbar(
        values, spots, xerr=[below, above], fmt="os^D"[place], color=list(PALETTE.values())[place],
        markerfacecolor="white" if place else None, capsize=3, lw=2, label=label,
    )  # fmt: skip
