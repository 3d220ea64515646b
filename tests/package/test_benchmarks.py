"""Published scores are ranked within a setting only, and the data shows why."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.catalog import benchmarks
from workbench.errors import BadInput, UnknownName

WITH, WITHOUT = "leaderboard, chat template", "leaderboard, no chat template"
OLD = "leaderboard, grader until February 2025"
NEW = "leaderboard, grader from February 2025"


def scores(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """A table of MMLU scores: model, setting, score."""
    table = pd.DataFrame(rows, columns=["model_id", "setting", "score"])
    return table.assign(benchmark="MMLU", source="a test")


class TestRank:
    def test_within_a_setting(self):
        table = scores(
            ("a", "5-shot", 60), ("b", "5-shot", 70), ("c", "5-shot", 60), ("d", "x", 99)
        )
        ranked = benchmarks.rank("MMLU", "5-shot", table=table)
        assert list(ranked["model_id"]) == ["b", "a", "c"] and list(ranked["place"]) == [1, 2, 2]

    def test_across_settings_is_refused_with_the_settings_named(self):
        with pytest.raises(BadInput, match="7 settings cannot be sorted together") as error:
            benchmarks.rank("MMLU")
        assert "5-shot, Meta" in str(error.value) and "fix: choose one" in str(error.value)

    def test_one_setting_alone_needs_no_choice(self):
        assert len(benchmarks.rank("MMLU", table=scores(("a", "5-shot", 60)))) == 1
        small = benchmarks.rank("MMLU", models=["meta-llama/Llama-3.2-1B-Instruct"])
        assert list(small["setting"]) == ["5-shot, Meta"]

    def test_chosen_models_do_not_open_a_way_around(self):
        pair = ["microsoft/Phi-3.5-mini-instruct", "microsoft/Phi-4-mini-instruct"]
        with pytest.raises(BadInput, match="2 settings"):
            benchmarks.rank("MMLU", models=pair)
        ranked = benchmarks.rank("MMLU", "5-shot, Microsoft (2025)", models=pair)
        assert ranked["place"].tolist() == [1, 2]

    def test_unknown_names(self):
        with pytest.raises(UnknownName, match="did you mean 'MMLU'"):
            benchmarks.rank("MMLUU")
        with pytest.raises(UnknownName, match="5-shot, Meta"):
            benchmarks.rank("MMLU", "5 shots")

    def test_settings_are_counted(self):
        found = benchmarks.settings_of("IFEval")
        assert found[WITH] == 7 and found[WITHOUT] == 5


class TestTwice:
    def test_the_widest_gap_comes_first(self):
        table = scores(
            ("a", "x", 60), ("a", "y", 65), ("b", "x", 50), ("b", "y", 70), ("c", "x", 1)
        )
        found = benchmarks.twice(table)
        assert list(found["model_id"]) == ["b", "a"] and list(found["gap"]) == [20, 5]
        assert (found.loc[0, "in setting"], found.loc[0, "in the other"]) == ("x", "y")

    def test_real_rows_show_it_for_each_benchmark(self):
        found = benchmarks.twice()
        assert set(found["benchmark"]) == set(benchmarks.BENCHMARKS) and len(found) >= 25
        assert found["gap"].max() == 50.0 and (found["in setting"] != found["in the other"]).all()


class TestSwaps:
    def test_pairs_that_change_order(self):
        table = scores(
            ("a", "x", 60), ("b", "x", 50), ("a", "y", 40), ("b", "y", 45), ("c", "x", 9)
        )
        assert benchmarks.swaps("MMLU", "x", "y", table) == [("a", "b")]
        assert benchmarks.swaps("MMLU", "y", "x", table) == [("b", "a")]
        equal = scores(("a", "x", 60), ("b", "x", 50), ("a", "y", 45), ("b", "y", 45))
        assert benchmarks.swaps("MMLU", "x", "y", equal) == []

    def test_real_rows_swap(self):
        swapped = benchmarks.swaps("IFEval", WITH, WITHOUT)
        phi = "microsoft/Phi-3-mini-4k-instruct"
        assert ("meta-llama/Meta-Llama-3-8B-Instruct", phi) in swapped and len(swapped) == 2
        assert len(benchmarks.swaps("MATH Lvl 5", OLD, NEW)) > 20

    def test_the_figure_says_how_many(self):
        import matplotlib.pyplot as plt

        fig = benchmarks.plot_swap("IFEval", WITH, WITHOUT)
        ax = fig.axes[0]
        title = ax.get_title() or ax.get_title("left")  # where the style puts it
        assert title.startswith("2 of 10 pairs") and len(ax.lines) == 5
        told = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "gains places" in told and "loses places" in told
        plt.close(fig)

    def test_no_model_in_both(self):
        with pytest.raises(BadInput, match="both"):
            benchmarks.plot_swap("MMLU", "x", "y", scores(("a", "x", 1), ("b", "y", 2)))


def test_the_words_cover_what_a_setting_decides():
    rows = benchmarks.about()
    assert [row["benchmark"] for row in rows] == list(benchmarks.BENCHMARKS)
    assert all(len(value) > 20 for row in rows for key, value in row.items() if key != "benchmark")
    assert all("arXiv:" in one.paper for one in benchmarks.BENCHMARKS.values())
