"""Published benchmarks: what each measures, in which settings, and no ranking across settings.

A setting is how a score came about: how many worked examples the model saw (shots), whether it
reasoned first, who ran it, with which template and which grader. Two settings are two scales.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import BadInput, UnknownName

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Benchmark:
    """A benchmark in words: what it measures and how, what moves its score, the paper."""

    name: str
    measures: str
    how: str
    settings: str
    paper: str


BENCHMARKS = {
    one.name: one
    for one in (
        Benchmark(
            "MMLU",
            "knowledge: school and university questions from 57 subjects",
            "choose one of four answers; guessing gets 25 %",
            "examples in the prompt (0 or 5 shots), reasoning before the answer, reading the "
            "letter or comparing probabilities, average over questions or over subjects",
            "Hendrycks and others 2020, arXiv:2009.03300",
        ),
        Benchmark(
            "HumanEval",
            "programming: 164 small Python functions from their description",
            "the function is run against hidden tests; pass@1 is the share solved at first try",
            "temperature and number of samples, prompt, how the code is cut out of the answer",
            "Chen and others 2021, arXiv:2107.03374",
        ),
        Benchmark(
            "IFEval",
            "obedience: some 500 prompts with instructions that a program can check",
            "share of prompts, or of single instructions, kept; strict or lenient reading",
            "by prompt, by instruction or the mean of both, strict or lenient, chat template",
            "Zhou and others 2023, arXiv:2311.07911",
        ),
        Benchmark(
            "MATH Lvl 5",
            "competition mathematics: the 1,324 hardest problems of the MATH data set",
            "the final answer must equal the reference",
            "the program that finds the answer in the text and compares it",
            "Hendrycks and others 2021, arXiv:2103.03874; "
            "https://huggingface.co/blog/math_verify_leaderboard",
        ),
    )
}


def published() -> pandas.DataFrame:
    """Scores (per cent), one a row, with model_id, benchmark, setting and source."""
    import pandas as pd

    from workbench.settings import settings

    path = settings().data / "catalog" / "benchmarks.csv"
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "run in a working copy, or set WORKBENCH_ROOT")
    return pd.read_csv(path)


def about() -> list[dict[str, str]]:
    """The benchmarks in words, one a row, for a table."""
    return [
        {
            "benchmark": one.name,
            "measures": one.measures,
            "how": one.how,
            "what a setting decides": one.settings,
        }
        for one in BENCHMARKS.values()
    ]


def settings_of(benchmark: str, table: pandas.DataFrame | None = None) -> dict[str, int]:
    """Setting -> how many models have a score in it, the fullest first."""
    rows = _of(benchmark, table)
    return {str(name): int(count) for name, count in rows["setting"].value_counts().items()}


def rank(
    benchmark: str,
    setting: str | None = None,
    models: Iterable[str] | None = None,
    table: pandas.DataFrame | None = None,
) -> pandas.DataFrame:
    """Models by score within one setting, best first, with their ``place``; equals share a place.

    ``models`` keeps those only. Raises BadInput when the scores come from several settings and
    none is chosen, and UnknownName for a benchmark or a setting that does not exist.
    """
    rows = _of(benchmark, table)
    if models is not None:
        rows = rows[rows["model_id"].isin(list(models))]
    if setting is not None:
        known = settings_of(benchmark, table)
        if setting not in known:
            raise UnknownName(f"setting of {benchmark}", setting, known)
        rows = rows[rows["setting"] == setting]
    _one_setting(benchmark, rows)
    ranked = rows.sort_values(["score", "model_id"], ascending=[False, True])
    ranked.insert(0, "place", ranked["score"].rank(method="min", ascending=False).astype(int))
    return ranked.reset_index(drop=True)


def _one_setting(benchmark: str, rows: pandas.DataFrame) -> None:
    found = sorted(set(rows["setting"]))
    if len(found) > 1:
        raise BadInput(
            f"{benchmark} scores from {len(found)} settings cannot be sorted together: "
            f"{'; '.join(found)}",
            "choose one: rank(benchmark, setting=…)",
        )


def _of(benchmark: str, table: pandas.DataFrame | None) -> pandas.DataFrame:
    if benchmark not in BENCHMARKS:
        raise UnknownName("benchmark", benchmark, BENCHMARKS)
    rows = published() if table is None else table
    return rows[rows["benchmark"] == benchmark]


def twice(table: pandas.DataFrame | None = None) -> pandas.DataFrame:
    """Models with a score in several settings of a benchmark: the lowest, the highest, the gap.

    Gap in percentage points; the widest first.
    """
    import pandas as pd

    rows = published() if table is None else table
    found = []
    for (name, benchmark), group in rows.groupby(["model_id", "benchmark"], sort=False):
        if group["setting"].nunique() > 1:
            ordered = group.sort_values("score", kind="stable")
            low, high = ordered.iloc[0], ordered.iloc[-1]
            found.append(
                {
                    "model_id": name,
                    "benchmark": benchmark,
                    "lowest": low["score"],
                    "in setting": low["setting"],
                    "highest": high["score"],
                    "in the other": high["setting"],
                    "gap": round(high["score"] - low["score"], 2),
                }
            )
    return pd.DataFrame(found).sort_values("gap", ascending=False).reset_index(drop=True)


def swaps(
    benchmark: str, first: str, second: str, table: pandas.DataFrame | None = None
) -> list[tuple[str, str]]:
    """Pairs of models (a, b) where a beats b in setting ``first`` and b beats a in ``second``."""
    both = _side_by_side(benchmark, first, second, table)
    names = list(both.index)
    pairs = [(a, b) for a in names for b in names if a != b]
    return [
        (a, b)
        for a, b in pairs
        if both.loc[a, first] > both.loc[b, first] and both.loc[a, second] < both.loc[b, second]
    ]


def _side_by_side(
    benchmark: str, first: str, second: str, table: pandas.DataFrame | None
) -> pandas.DataFrame:
    """Score by model in both settings, for the models that have both."""
    import pandas as pd

    sides = [
        rank(benchmark, setting, table=table).set_index("model_id")["score"].rename(setting)
        for setting in (first, second)
    ]
    return pd.concat(sides, axis=1, join="inner")


#: What a model's place does from one setting to the other -> colour.
_MOVES = {"keeps its place": "black", "gains places": "vermilion", "loses places": "blue"}


def plot_swap(
    benchmark: str, first: str, second: str, table: pandas.DataFrame | None = None
) -> Figure:
    """A slope figure: each model's score in two settings; crossing lines are swaps."""
    import matplotlib.pyplot as plt

    from workbench.display import PALETTE

    both = _side_by_side(benchmark, first, second, table)
    if both.empty:
        raise BadInput(f"no model has a {benchmark} score in both settings", "see settings_of()")
    gained = both[first].rank(ascending=False) - both[second].rank(ascending=False)
    fig, ax = plt.subplots(figsize=(7.2, 4.6))
    for name, (left, right) in zip(both.index, both.to_numpy(), strict=True):
        kind = list(_MOVES)[int(gained[name] > 0) - int(gained[name] < 0)]
        ax.plot([0, 1], [left, right], marker="o", color=PALETTE[_MOVES[kind]], label=kind)
    for name, height in _apart(both[second]).items():
        said = f"{name.split('/')[-1]}  {both.loc[name, second]:g}"
        ax.text(1.03, height, said, va="center", fontsize=9)
    ax.set_xlim(-0.1, 1.75)
    ax.set_xticks([0, 1], [_folded(first), _folded(second)])
    ax.set_ylabel(f"{benchmark} (%)")
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(handles.values(), handles.keys(), loc="upper left")
    pairs = len(both) * (len(both) - 1) // 2
    swapped = len(swaps(benchmark, first, second, table))
    ax.set_title(f"{swapped} of {pairs} pairs change order with the setting")
    return fig


def _apart(scores: pandas.Series) -> dict[str, float]:
    """Heights for labels near their scores that do not lie on one another."""
    step = max(scores.max() - scores.min(), 1.0) * 0.055
    heights: dict[str, float] = {}
    below = float("-inf")
    for name, score in scores.sort_values().items():
        below = max(float(score), below + step)
        heights[str(name)] = below
    return heights


def _folded(setting: str) -> str:
    return setting.replace(", ", ",\n", 1)
