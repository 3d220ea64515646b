"""A decision between measured candidates, by a stated rule, and its record in Markdown.

The record follows the habit of architecture decision records (Nygard 2011): context, what was
considered, the decision, its consequences, and what would change it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from workbench.catalog.needs import Need
    from workbench.evals.intervals import Interval

RULE = (
    "The best candidate is chosen where its interval (95 %) lies above that of every other. "
    "Where intervals overlap, nothing is claimed about who is better, and of those that overlap "
    "with the best one the one that takes least {size} is chosen."
)


@dataclass(frozen=True)
class Choice:
    """The chosen candidate, whether the measurement itself decided, and the reason in words."""

    model: str
    decided: bool
    rule: str
    reason: str
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """A decision with its Markdown, which a notebook displays and :meth:`write` keeps."""

    choice: Choice
    markdown: str

    def write(self, path: Path | str) -> Path:
        """Write the record, aside and renamed; its path."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_text(self.markdown, encoding="utf-8")
        part.replace(path)
        return path

    def _repr_markdown_(self) -> str:
        return self.markdown


def choose(rows: Sequence[Mapping[str, Any]], quality: str, size: str) -> Choice:
    """Choose by RULE among measured rows: each has ``model``, an Interval and a size.

    Raises BadInput where there is nothing to choose from, or a row lacks its measurement.
    """
    _check(rows, quality, size)
    best = max(rows, key=lambda row: (row[quality].value, -row[size]))
    rule = RULE.format(size=size)
    near = [row for row in rows if row is not best and row[quality].high >= best[quality].low]
    if not near:
        others = "no other was measured" if len(rows) == 1 else "its interval lies above the others"
        return Choice(best["model"], len(rows) > 1, rule, f"{best[quality]}; {others}")
    chosen = min([best, *near], key=lambda row: row[size])
    rivals = tuple(row["model"] for row in (best, *near) if row is not chosen)
    overlap = ", ".join(f"{row['model']} {row[quality]}" for row in (best, *near))
    reason = f"intervals overlap ({overlap}), so the measurement names no winner; least {size}"
    return Choice(chosen["model"], False, rule, reason, rivals)


def _check(rows: Sequence[Mapping[str, Any]], quality: str, size: str) -> None:
    if not rows:
        raise BadInput("there are no candidates to choose from", "loosen the need, or measure one")
    for row in rows:
        value = row.get(quality)
        if not hasattr(value, "low") or not value.n:
            raise BadInput(
                f"{row.get('model')!r} has no interval under {quality!r}",
                "measure it: workbench.evals.intervals.share(…)",
            )
        if not isinstance(row.get(size), int | float) or math.isnan(row[size]):
            raise BadInput(f"{row['model']!r} has no number under {size!r}", "measure it first")


def questions_needed(first: Interval, second: Interval) -> int | None:
    """Questions from which two intervals of shares as seen would no longer overlap, roughly.

    By the normal approximation: 1.96 (s1 + s2) / sqrt(n) = |p1 - p2|, s = sqrt(p (1 - p)). None
    where the two shares are the same.
    """
    gap = abs(first.value - second.value)
    if gap == 0:
        return None
    spread = sum(math.sqrt(max(0.0, i.value * (1 - i.value))) for i in (first, second))
    return max(first.n, second.n, math.ceil((1.96 * spread / gap) ** 2))


def pareto(
    rows: Sequence[Mapping[str, Any]] | pandas.DataFrame, quality: str, cost: str
) -> pandas.DataFrame:
    """The rows with ``front``: no other is at least as good and as cheap, and better in one.

    ``quality`` may hold numbers or Intervals, of which the value counts; lower ``cost`` is better.
    """
    import pandas as pd

    frame = pd.DataFrame(rows).copy()
    points = [(_value(q), float(c)) for q, c in zip(frame[quality], frame[cost], strict=True)]
    frame["front"] = [not any(_dominates(other, point) for other in points) for point in points]
    return frame


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] <= other[1] and one != other


def _value(quality: Any) -> float:
    return float(getattr(quality, "value", quality))


def figure(
    rows: Sequence[Mapping[str, Any]] | pandas.DataFrame,
    quality: str,
    cost: str,
    name: str = "model",
    quality_label: str = "share of right answers",
) -> Figure:
    """Quality with its interval against a cost; those that no other dominates are joined."""
    import matplotlib.pyplot as plt

    from workbench.display import PALETTE

    frame = pareto(rows, quality, cost).sort_values(cost)
    fig, ax = plt.subplots(figsize=(7, 3.8))
    front = frame[frame["front"]]
    ax.plot(front[cost], [_value(q) for q in front[quality]], ":", color="#999999", zorder=1)
    for _, row in frame.iterrows():
        value, colour = _value(row[quality]), PALETTE["blue" if row["front"] else "orange"]
        low, high = getattr(row[quality], "low", value), getattr(row[quality], "high", value)
        ax.errorbar(row[cost], value, yerr=[[value - low], [high - value]], fmt="o",
                    capsize=5, color=colour)  # fmt: skip
        ax.annotate(row[name], (row[cost], value), (8, -14), textcoords="offset points")
    ax.set_ylim(0, 1.05)
    ax.set_xlim(0, float(frame[cost].max()) * 1.45)
    ax.set_xlabel(cost)
    ax.set_ylabel(quality_label)
    ax.set_title("Blue: no other is as good and as cheap")
    return fig


def record(
    need: Need,
    ranking: pandas.DataFrame,
    rows: Sequence[Mapping[str, Any]],
    quality: str = "right",
    size: str = "memory in MB",
    seconds: str = "seconds",
    title: str = "Which model to start with",
    consequences: Sequence[str] = (),
    changes: Sequence[str] = (),
    sources: Sequence[str] = ("data/catalog/models.csv, with a source for each row",),
) -> Record:
    """The decision record from a need, its ranking and the measured rows.

    Each row has ``model`` (an Ollama tag or model id), an Interval under ``quality`` and a number
    under ``size``; whatever else it has is listed with it. Models that the ranking vetoes are not
    chosen, nor those whose measured ``seconds`` or memory (in MB) are more than the need allows.
    ``consequences`` and ``changes`` are added to what follows from the figures.
    """
    vetoed = _vetoes(ranking) | _measured_vetoes(need, rows, seconds)
    allowed = [row for row in rows if row["model"] not in vetoed]
    choice = choose(allowed, quality, size) if allowed else _none(size)
    day = datetime.now(UTC).date().isoformat()
    verdict = "the measurement decided" if choice.decided else "no winner by quality is claimed"
    parts = [
        f"# {title}", f"{day} · chosen: **{choice.model}** · {verdict}",
        "## Context: what is needed", _table(need.table()),
        "## Candidates", _candidates(ranking),
        "## Vetoes", _veto_table(ranking, vetoed, rows),
        "## Measurements", _table([_shown(row) for row in rows]),
        "## Decision", f"**{choice.model}.** {choice.reason[:1].upper()}{choice.reason[1:]}.",
        f"Rule, fixed before measuring: {choice.rule}",
        "## Consequences", _bullets([*_follows(allowed, choice, quality, size), *consequences]),
        "## What would change this decision",
        _bullets([*_would_change(allowed, choice, quality), *changes]),
        "## Sources", _bullets(sources),
    ]  # fmt: skip
    return Record(choice, "\n\n".join(parts) + "\n")


def _vetoes(ranking: pandas.DataFrame) -> dict[str, str]:
    """The reason of each vetoed model, by its id and by its Ollama tag."""
    gone = ranking[~ranking["passes"]]
    reasons: dict[str, str] = {}
    for model, tag, why in zip(gone["model_id"], gone["ollama_tag"], gone["why"], strict=True):
        reasons |= {model: why} | ({tag: why} if isinstance(tag, str) else {})
    return reasons


def _candidates(ranking: pandas.DataFrame, most: int = 8) -> str:
    passing = ranking[ranking["passes"]]
    shown = [
        {"rank": row["rank"], "model": row["model_id"], "why": row["why"]}
        for row in passing.head(most).to_dict("records")
    ]
    rest = len(passing) - len(shown)
    more = f"\n\nand {rest} more that pass." if rest > 0 else ""
    rule = ranking.attrs.get("rule", "")
    return f"{len(passing)} of {len(ranking)} models pass. {rule}\n\n{_table(shown)}{more}"


def _measured_vetoes(need: Need, rows: Sequence[Mapping[str, Any]], seconds: str) -> dict[str, str]:
    found = {
        row["model"]: "; ".join(need.too_much(row.get(seconds), _gigabytes(row))) for row in rows
    }
    return {name: why for name, why in found.items() if why}


def _gigabytes(row: Mapping[str, Any]) -> float | None:
    size = row.get("memory in MB")
    return None if size is None else size / 1000


def _none(size: str) -> Choice:
    reason = "no measured candidate meets the need; see the vetoes"
    return Choice("none", False, RULE.format(size=size), reason)


def _veto_table(
    ranking: pandas.DataFrame, vetoed: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> str:
    tags = set(ranking["ollama_tag"].dropna()) - {row["model"] for row in rows}
    shown = [
        {"model": model, "vetoed because": why}
        for model, why in vetoed.items()
        if model not in tags
    ]
    note = _unlisted(ranking, rows)
    return "\n\n".join(part for part in (_table(shown), note) if part)


def _unlisted(ranking: pandas.DataFrame, rows: Sequence[Mapping[str, Any]]) -> str:
    """A line on measured models that the catalog does not have, with their packaged licence."""
    from workbench import models

    listed = {*ranking["model_id"], *ranking["ollama_tag"].dropna()}
    packaged = models.specs()
    said = [
        f"{name} (licence: {packaged[name].license if name in packaged else 'unknown'})"
        for name in (row["model"] for row in rows)
        if name not in listed
    ]
    return f"Not in the catalog, so not ranked: {', '.join(said)}." if said else ""


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: f"{value:,.4g}" if isinstance(value, float) else str(value)
        for key, value in row.items()
    }


def _follows(
    rows: Sequence[Mapping[str, Any]], choice: Choice, quality: str, size: str
) -> list[str]:
    said = []
    for row in rows:
        if row["model"] == choice.model:
            said.append(
                f"It takes {row[size]:,.4g} ({size}). Of its answers to questions like these about "
                f"{1 - row[quality].value:.0%} are wrong (n = {row[quality].n}), which the next "
                "phases have to deal with."
            )
    return said or ["Nothing is put to use until a candidate meets the need."]


def _would_change(rows: Sequence[Mapping[str, Any]], choice: Choice, quality: str) -> list[str]:
    by_name = {row["model"]: row[quality] for row in rows}
    said = []
    for rival in choice.rivals:
        needed = questions_needed(by_name[choice.model], by_name[rival])
        many = f"about {needed:,} questions" if needed else "many more questions"
        said.append(
            f"{rival} measured clearly better: {many} would tell, if the shares stay as they are."
        )
    return [*said, "A licence, a price or a condition of the need that is no longer what it was."]


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "None."
    head = list(dict.fromkeys(key for row in rows for key in row))
    lines = [head, ["---"] * len(head), *[[row.get(key, "") for key in head] for row in rows]]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
