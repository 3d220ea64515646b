"""A need vetoes with a reason, guesses nothing, and filters later tables."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench import catalog
from workbench.catalog import licences
from workbench.catalog.needs import Need
from workbench.errors import BadInput, UnknownName

SKERRY = Need(
    requests_per_month=30_000, prompt_tokens=900, output_tokens=80, seconds_to_answer=10,
    private=True, memory_gb=6.0, usd_per_month=100, context_tokens=2048,
)  # fmt: skip


def row(ranked: pd.DataFrame, model: str) -> pd.Series:
    return ranked.set_index("model_id").loc[model]


def test_every_veto_says_why():
    ranked = catalog.ranked(SKERRY)
    assert len(ranked) == len(catalog.models())
    gone = ranked[~ranked["passes"]]
    assert gone["rank"].isna().all() and gone["why"].str.len().min() > 10
    passing = ranked[ranked["passes"]]
    assert passing["rank"].tolist() == list(range(1, len(passing) + 1))
    assert ranked["passes"].is_monotonic_decreasing


def test_the_research_licence_vetoes_one_of_four_sisters():
    ranked = SKERRY.rank()
    trap = row(ranked, "Qwen/Qwen2.5-3B-Instruct")
    assert not trap["passes"]
    assert trap["why"] == "licence Qwen-Research does not allow commercial use"
    assert row(ranked, "Qwen/Qwen2.5-1.5B-Instruct")["passes"]
    free = Need(commercial=False).rank()
    assert row(free, "Qwen/Qwen2.5-3B-Instruct")["licence"] == "–"


def test_a_conditional_licence_passes_with_its_condition_shown():
    llama = row(SKERRY.rank(), "meta-llama/Llama-3.2-1B-Instruct")
    assert llama["passes"] and "700 million" in llama["why"]


def test_closed_weights_and_too_much_memory_are_vetoed():
    ranked = SKERRY.rank()
    closed = row(ranked, "gpt-4o-mini (2024-07-18)")
    assert closed["why"] == "weights are not open and the data are private"
    assert row(ranked, "google/gemma-2-9b-it")["why"].startswith("needs ")
    assert row(ranked, "google/gemma-2-9b-it")["why"].endswith(" GB of 6.0")


def test_memory_agrees_with_the_shortlist():
    listed = catalog.shortlist(commercial=False, context=2048).set_index("model_id")["memory_gb"]
    ranked = SKERRY.rank().set_index("model_id")["memory_gb"]
    for name, gigabytes in listed.items():
        assert ranked[name] == pytest.approx(gigabytes, abs=0.001)


def test_what_is_not_known_is_unknown_until_measured():
    ranked = SKERRY.rank()
    assert set(ranked["languages"]) == {"unknown"} and set(ranked["time"]) == {"unknown"}
    told = SKERRY.rank(seconds={"smollm2:135m": 2.0, "qwen2.5:0.5b": 12.5})
    assert row(told, "HuggingFaceTB/SmolLM2-135M-Instruct")["time"] == "yes"
    slow = row(told, "Qwen/Qwen2.5-0.5B-Instruct")
    assert not slow["passes"] and slow["why"] == "answers in 12.5 s of 10.0"


def test_a_budget_vetoes_by_the_published_price():
    hosted = Need(requests_per_month=1_000_000, usd_per_month=500).rank()
    assert "USD a month of 500" in row(hosted, "gpt-4 (gpt-4-0613)")["why"]
    assert row(hosted, "gpt-4o-mini (2024-07-18)")["cost"] == "yes"
    assert (
        row(hosted, "claude-3-5-sonnet-20240620")["cost"] == "unknown"
    )  # no price of that version


def test_no_score_and_no_mmlu_decides_the_rank():
    ranked = SKERRY.rank()
    known = ranked[ranked["passes"] & ~ranked["why"].str.contains("not published")]
    assert known["rank"].tolist() == list(range(1, len(known) + 1))
    assert known["memory_gb"].is_monotonic_increasing
    assert not ranked["why"].str.contains("MMLU").any()


def test_later_tables_are_filtered_by_the_same_need():
    frame = pd.DataFrame({"model": ["qwen2.5:3b", "smollm2:135m", "my-own"], "score": [3, 1, 2]})
    assert SKERRY.keep(frame, "model")["model"].tolist() == ["smollm2:135m", "my-own"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"languages": "English"}, "no list of names"),
        ({"tasks": []}, "no list of names"),
        ({"memory_gb": -1}, "above zero"),
        ({"prompt_tokens": None}, "above zero"),
        ({"private": "yes"}, "True or False"),
        ({"context_tokens": 100}, "does not hold a prompt of 1000"),
    ],
)
def test_a_need_that_makes_no_sense_says_so(wrong, says):
    with pytest.raises(BadInput, match=says):
        Need(**wrong)


def test_an_unknown_task_lists_those_there_are():
    with pytest.raises(UnknownName, match="write SQL"):
        Need(tasks=["write sql"])


def test_open_weights_are_not_open_source():
    table = licences.table().set_index("licence")
    assert set(catalog.models()["license_id"]) == set(table.index)
    assert table.loc["Llama-3.2-Community", ["open weights", "open source"]].tolist() == [
        "yes",
        "no",
    ]
    assert table["models"].sum() == len(catalog.models())
    for name, group in catalog.models().groupby("license_id", observed=True):
        assert set(group["commercial_use"]) == {licences.get(name).commercial_use}
