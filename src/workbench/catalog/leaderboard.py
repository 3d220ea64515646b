"""The Open LLM Leaderboard: its published results if they can be had, or a file of the same schema.

Scores are per cent, scaled so that guessing gives 0. See ``STORY`` for what the leaderboard was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import hub
from workbench.errors import BadInput, UnknownName

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

DATASET = "open-llm-leaderboard/contents"
SCORES = ["IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO"]
AVERAGE = "Average ⬆️"
PARAMETERS = "#Params (B)"
#: The published columns that are used here, under their published names.
COLUMNS = [
    "fullname",
    "Precision",
    "Type",
    "Architecture",
    "Model sha",
    AVERAGE,
    "Hub License",
    PARAMETERS,
    "Chat Template",
    *SCORES,
    "Upload To Hub Date",
    "Submission Date",
]
LIVE = "hub, live"
FILE = "catalog, checked November 2026"
#: What the leaderboard was and what came after it, each sentence with where it can be read.
STORY = [
    (
        "From April 2023 Hugging Face ran the Open LLM Leaderboard: whoever had open weights could "
        "have them measured, all in the same way.",
        "https://huggingface.co/spaces/open-llm-leaderboard/open_llm_leaderboard (first commits)",
    ),
    (
        "On 26 June 2024 a second version took harder tasks, since models had reached people's "
        "scores on the old ones, and some had seen the questions.",
        "https://huggingface.co/spaces/open-llm-leaderboard/blog",
    ),
    (
        "On 14 February 2025 the answers of all 3,751 models to its mathematics questions were "
        "graded anew: the grader had counted right answers as wrong.",
        "https://huggingface.co/blog/math_verify_leaderboard",
    ),
    (
        "In March 2025 it was closed; its results stay as they were then.",
        "https://plumbreviews.com/reviewers/hugging-face-open-llm-leaderboard, "
        "https://blog.ramalama.com/the-hitchhikers-guide-to-open-source-models-part-1",
    ),
    (
        "Nothing took its place as a whole. On the Hub, benchmark data sets now carry leaderboards "
        "of results that model repositories publish, and communities keep their own.",
        "https://huggingface.co/docs/leaderboards/index, "
        "https://huggingface.co/docs/hub/leaderboard-data-guide",
    ),
    (
        "Elsewhere models are ranked by people's votes between two anonymous answers (LMArena), by "
        "questions renewed so that no model has seen them (LiveBench), by broad suites (HELM).",
        "https://www.keywordsai.co/blog/llm-leaderboards-explained, arXiv:2406.19314, "
        "arXiv:2211.09110",
    ),
]
_KINDS = {
    "free": {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0"},
    "own terms": {"llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma"},
}
#: Licence kinds in the order of the legend, with the colour and the mark of each.
KINDS = {
    "free": ("blue", "o"),
    "own terms": ("orange", "s"),
    "other": ("purple", "^"),
    "not read": ("black", "x"),
}
_CHILD = """
import sys
from datasets import load_dataset
load_dataset(sys.argv[1], split="train", cache_dir=sys.argv[2]).to_parquet(sys.argv[3])
"""


@dataclass(frozen=True)
class Board:
    """Rows of the leaderboard, where they are from, and why not from the Hub (or "")."""

    table: pandas.DataFrame
    source: str
    why: str
    seconds: float


def read(seconds: float = 3.0, patience: float = 30.0, dataset: str | Path = DATASET) -> Board:
    """The published results through ``datasets``, or the catalog's file where they cannot be had.

    The Hub has ``seconds`` to answer at all, then ``patience`` seconds for the download, which
    runs in a process of its own so that it can be ended. ``dataset`` may be a local folder of the
    same schema. Raises BadInput if the folder or the time is no good.
    """
    if not (seconds > 0 and patience > 0):
        raise BadInput("the Hub was given no time", "give seconds above 0")
    begun = time.monotonic()
    why = "" if Path(dataset).is_dir() else _unreachable(str(dataset), seconds)
    table = None
    if not why:
        table, why = _through_datasets(dataset, patience)
    source = LIVE if table is not None else FILE
    rows = table if table is not None else _catalog()
    return Board(_tidy(rows), source, why, time.monotonic() - begun)


def _unreachable(dataset: str, seconds: float) -> str:
    """Why the data set cannot be had from the Hub, in a sentence; empty when it can."""
    if offline := hub.offline():
        return offline
    answers, why = hub.ask_all([dataset], seconds, _dataset_info)
    return why if why or dataset not in answers else ""


def _dataset_info(name: str, seconds: float) -> object:
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub.endpoint(), token=False).dataset_info(name, timeout=seconds)


def _through_datasets(dataset: str | Path, patience: float) -> tuple[pandas.DataFrame | None, str]:
    """The rows that ``datasets`` loads in a child process; or None, and a sentence why."""
    import pandas as pd

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "rows.parquet"
        command = [sys.executable, "-c", _CHILD, str(dataset), folder, str(out)]
        environment = os.environ | {
            "HF_ENDPOINT": hub.endpoint(),
            "HF_HOME": folder,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        }
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=patience, check=False
            )
        except subprocess.TimeoutExpired:
            return None, f"The leaderboard's data set was not there within {patience:g} s."
        if done.returncode or not out.is_file():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
            return None, f"The leaderboard's data set could not be loaded ({last[0][:120]})."
        table = pd.read_parquet(out)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        return None, f"The leaderboard's data set has another schema: no {', '.join(lacking)}."
    return table, ""


def _catalog() -> pandas.DataFrame:
    import pandas as pd

    from workbench.settings import settings

    path = settings().data / "catalog" / "leaderboard.csv"
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "run in a working copy, or set WORKBENCH_ROOT")
    return pd.read_csv(path)


def _tidy(table: pandas.DataFrame) -> pandas.DataFrame:
    """The used columns in their order, best average first; the file's own notes come last."""
    own = [name for name in ("source", "checked") if name in table]
    tidy = table[[*COLUMNS, *own]].sort_values([AVERAGE, "fullname"], ascending=[False, True])
    tidy.insert(1, "licence kind", [licence_kind(one) for one in tidy["Hub License"]])
    return tidy.reset_index(drop=True)


def licence_kind(licence: object) -> str:
    """``free``, ``own terms`` (the publisher's, read them), ``other`` or ``not read``."""
    if not isinstance(licence, str) or not licence:
        return "not read"
    return next((kind for kind, names in _KINDS.items() if licence.lower() in names), "other")


def select(
    table: pandas.DataFrame,
    max_parameters_b: float | None = None,
    kinds: Iterable[str] | None = None,
    names: Iterable[str] | None = None,
    chat: bool | None = None,
) -> pandas.DataFrame:
    """Rows that pass every condition, in their order.

    ``kinds`` of licence (see ``KINDS``), ``names`` parts of a model's name of which one must be in
    it, ``chat`` whether it was run with its chat template. Rows without a size (0 or less) go when
    one is asked for. Raises UnknownName for a kind that does not exist.
    """
    keep = table["fullname"].notna()
    if max_parameters_b is not None:
        keep &= table[PARAMETERS].between(0, max_parameters_b, inclusive="right")
    if kinds is not None:
        keep &= table["licence kind"].isin([_known_kind(kind) for kind in kinds])
    if names is not None:
        wanted = [name.lower() for name in names]
        keep &= table["fullname"].str.lower().map(lambda full: any(one in full for one in wanted))
    if chat is not None:
        keep &= table["Chat Template"].eq(chat).fillna(False)
    return table[keep].reset_index(drop=True)


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownName("kind of licence", kind, KINDS)
    return kind


def plot(table: pandas.DataFrame, score: str = AVERAGE, label: Iterable[str] = ()) -> Figure:
    """A figure of ``score`` against parameters by kind of licence; ``label`` names models."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    from workbench.display import PALETTE

    if score not in (AVERAGE, *SCORES):
        raise UnknownName("score", score, [AVERAGE, *SCORES])
    fig, ax = plt.subplots()
    sized = table[table[PARAMETERS] > 0]
    for kind, (colour, mark) in KINDS.items():
        rows = sized[sized["licence kind"] == kind]
        if len(rows):
            ax.scatter(rows[PARAMETERS], rows[score], c=PALETTE[colour], marker=mark, label=kind)
    named = sized[sized["fullname"].isin(list(label))].drop_duplicates("fullname")
    for row in named.to_dict("records"):
        short = row["fullname"].split("/")[-1]
        spot = (row[PARAMETERS], row[score])
        ax.annotate(short, spot, xytext=(5, 4), textcoords="offset points", fontsize=9)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("parameters (thousand millions, log scale)")
    ax.set_ylabel(f"{score.replace(' ⬆️', '')} (0 = guessing)")
    ax.set_title(f"{score.replace(' ⬆️', '')} on the leaderboard, by size and licence")
    ax.legend(title="licence")
    return fig
