"""The catalog's tables: types, ranges, known licences, a source for each figure, a full card."""

from __future__ import annotations

import csv
import hashlib
import re
from datetime import date

import pandas as pd
import pytest

from workbench import catalog
from workbench.catalog import benchmarks, leaderboard

#: Licence -> whether it allows commercial use; no other licence is known here.
LICENCES = {
    "Apache-2.0": "yes",
    "MIT": "yes",
    "Llama-3-Community": "conditional",
    "Llama-3.1-Community": "conditional",
    "Llama-3.2-Community": "conditional",
    "Gemma-Terms": "conditional",
    "Qwen-Research": "no",
    "proprietary": "api-terms",
}
SCORES = ["mmlu", "humaneval_pass1", "ifeval"]
SHAPE = ["layers", "hidden_size", "kv_heads", "head_dim"]
USD = ["input_usd_per_1m", "output_usd_per_1m", "usd_per_hour"]
TABLES = ("models", "prices", "leaderboard", "benchmarks")


@pytest.fixture(scope="module")
def models() -> pd.DataFrame:
    return catalog.models()


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return catalog.prices()


@pytest.fixture(scope="module")
def raw(data) -> dict[str, list[dict[str, str]]]:
    """Table -> its rows as they stand in the file."""
    found = {}
    for name in TABLES:
        with (data / "catalog" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file, strict=True))
    return found


@pytest.fixture(scope="module")
def card(data) -> str:
    return (data / "catalog" / "README.md").read_text("utf-8")


class TestFiles:
    def test_sizes(self, raw):
        sizes = {name: len(rows) for name, rows in raw.items()}
        assert sizes == {"models": 35, "prices": 27, "leaderboard": 57, "benchmarks": 69}

    @pytest.mark.parametrize("name", TABLES)
    def test_every_row_has_every_column(self, raw, name):
        for row in raw[name]:
            assert None not in row and None not in row.values(), row

    @pytest.mark.parametrize("name", TABLES)
    def test_empty_means_empty(self, raw, name):
        words = {"n/a", "na", "none", "null", "unknown", "-", "?", "tbd", "nan"}
        for row in raw[name]:
            assert not [v for v in row.values() if v.strip().lower() in words], row

    @pytest.mark.parametrize("name", TABLES)
    def test_they_are_as_checked(self, data, card, name):
        file = data / "catalog" / f"{name}.csv"
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert f"| `{name}.csv` | `{digest}` |" in card, "a change belongs into the card too"

    def test_figures_are_plain_numbers(self, raw):
        numbers = {
            "models": ["parameters_b", *SCORES],
            "prices": USD,
            "leaderboard": [leaderboard.PARAMETERS, leaderboard.AVERAGE, *leaderboard.SCORES],
            "benchmarks": ["score"],
        }
        whole = ["context_window_tokens", *SHAPE]
        for name, columns in numbers.items():
            for row in raw[name]:
                assert all(re.fullmatch(r"(\d+(\.\d+)?)?", row[c]) for c in columns), row
        for row in raw["models"]:
            assert all(re.fullmatch(r"\d*", row[c]) for c in whole), row

    def test_no_registry_is_addressed(self, data):
        text = "".join(path.read_text("utf-8") for path in (data / "catalog").glob("*.csv"))
        hosts = set(re.findall(r"https?://([^/\s;,)]+)", text.lower()))
        assert hosts
        assert not [host for host in hosts if re.search("pypi|hosted|registry|npm", host)]


class TestModels:
    def test_names(self, models):
        assert models["model_id"].is_unique and models["model_id"].str.len().min() > 3
        tags = models["ollama_tag"].dropna()
        assert tags.is_unique and tags.str.fullmatch(r"[a-z0-9.-]+(:[a-z0-9.]+)?").all()
        opened = models["open_weights"] == "yes"
        assert models.loc[opened, "model_id"].str.fullmatch(r"[\w-]+/[\w.-]+").all()
        assert models.loc[~opened, "ollama_tag"].isna().all()

    def test_types(self, models):
        for column in ["context_window_tokens", *SHAPE]:
            assert models[column].dtype == "Int64", column
        for column in ["parameters_b", *SCORES, "open_llm_leaderboard_v2_avg"]:
            assert models[column].dtype == "float64", column
        for column in ("license_id", "commercial_use", "open_weights"):
            assert models[column].dtype == "category", column

    def test_licences_are_known_and_agree_with_their_use(self, models):
        for row in models.to_dict("records"):
            use = LICENCES.get(row["license_id"])
            assert use is not None, f"{row['model_id']}: licence {row['license_id']} is not known"
            assert row["commercial_use"] == use, row["model_id"]
            assert (row["open_weights"] == "no") == (use == "api-terms"), row["model_id"]

    def test_a_family_may_hold_two_licences(self, models):
        qwen = models[models["family"] == "Qwen2.5"]
        assert set(qwen["license_id"]) == {"Apache-2.0", "Qwen-Research"}, "the trap is kept"

    def test_ranges(self, models):
        for column in SCORES:
            assert models[column].dropna().between(10, 100).all(), column
            assert models[column].notna().sum() >= 15, column
        assert models["parameters_b"].dropna().between(0.1, 500).all()
        assert models["context_window_tokens"].between(2048, 2_000_000).all()
        opened = models[models["open_weights"] == "yes"]
        assert (opened["context_window_tokens"] % 1024 == 0).all()
        assert models["open_llm_leaderboard_v2_avg"].isna().all(), "then document it in the card"

    def test_shapes_of_open_models(self, models):
        opened = models["open_weights"] == "yes"
        for column in ("parameters_b", *SHAPE):
            assert (models.loc[opened, column] > 0).all(), column
            assert models.loc[~opened, column].isna().all(), column
        shape = models[opened]
        assert shape["layers"].between(10, 200).all()
        assert shape["kv_heads"].between(1, 128).all()
        assert shape["head_dim"].isin([64, 96, 128, 256]).all()
        assert (shape["kv_heads"] * shape["head_dim"] <= shape["hidden_size"]).all()

    def test_parameters_agree_with_the_name(self, models):
        for row in models[models["open_weights"] == "yes"].to_dict("records"):
            found = re.search(r"-(\d+x)?(\d+(?:\.\d+)?)([BM])\b", row["model_id"], re.I)
            if found and not found[1]:
                named = float(found[2]) / (1000 if found[3].upper() == "M" else 1)
                assert abs(row["parameters_b"] / named - 1) < 0.31, row["model_id"]

    def test_larger_models_of_a_family_have_more_layers(self, models):
        opened = models[models["open_weights"] == "yes"]
        dense = opened[~opened["model_id"].str.contains("8x|Phi")].sort_values("parameters_b")
        size = dense["layers"].astype(int) * dense["hidden_size"].astype(int)
        for family, sizes in size.groupby(dense["family"].astype(str)):
            assert sizes.is_monotonic_increasing, family

    def test_no_figure_without_a_source(self, models):
        figures = models[["parameters_b", "context_window_tokens", *SCORES, *SHAPE]]
        assert figures.notna().any(axis=1).all()
        assert models["source"].str.len().min() > 20 and models["checked"].str.len().min() > 20
        address = r"https?://|@[0-9a-f]{8}|card|commit [0-9a-f]{8}"
        assert models["source"].str.contains(address).all()

    def test_no_score_without_a_setting(self, models):
        scored = models["mmlu"].notna()
        assert models.loc[scored, "mmlu_setting"].notna().all()
        said = models.loc[~scored, "mmlu_setting"].dropna()
        assert said.str.match("not ").all(), "an empty score says why, or nothing"

    def test_base_scores_are_told_apart(self, models):
        base = models["mmlu_setting"].fillna("").str.contains("BASE")
        assert base.sum() >= 5 and (models["mmlu"].notna() & ~base).sum() >= 5


class TestPrices:
    def test_each_item_once_for_each_seller(self, prices):
        assert not prices.duplicated(["item", "provider"]).any()
        tokens = prices[prices["kind"] == "api_tokens"]
        assert tokens["item"].is_unique, "costs are looked up by the item alone"

    def test_figures_belong_to_their_kind(self, prices):
        assert set(prices["kind"]) == {"api_tokens", "gpu_hour"}
        tokens = prices["kind"] == "api_tokens"
        for column in USD[:2]:
            assert (prices[column].notna() == tokens).all(), column
        assert (prices["usd_per_hour"].notna() == ~tokens).all()

    def test_ranges(self, prices):
        tokens, hours = (prices[prices["kind"] == kind] for kind in ("api_tokens", "gpu_hour"))
        assert (tokens["input_usd_per_1m"] <= tokens["output_usd_per_1m"]).all()
        assert tokens["input_usd_per_1m"].between(0.01, 100).all()
        assert tokens["output_usd_per_1m"].between(0.01, 300).all()
        assert hours["usd_per_hour"].between(0.1, 20).all()

    def test_cards_name_their_memory(self, prices):
        cards = prices.loc[prices["kind"] == "gpu_hour", "item"]
        memory = cards.str.extract(r"(\d+)GB")[0].astype(int)
        assert memory.isin([16, 24, 40, 48, 80, 141]).all()

    def test_more_memory_costs_more_at_one_seller(self, prices):
        modal = prices[prices["provider"] == "Modal (serverless)"]
        cost = modal.assign(gb=modal["item"].str.extract(r"(\d+)GB")[0].astype(int))
        assert cost.groupby("gb")["usd_per_hour"].min().is_monotonic_increasing

    def test_days(self, prices):
        for said in prices["as_of"]:
            found = re.match(r"(\d{4})-(\d\d)(?:-(\d\d))?\b", said)
            assert found, said
            day = date(int(found[1]), int(found[2]), int(found[3] or 1))
            assert date(2026, 1, 1) <= day <= date.today(), said

    def test_no_price_without_a_source(self, prices):
        assert prices["source"].str.len().min() > 20 and prices["checked"].str.len().min() > 20
        assert prices["provider"].notna().all()
        secondary = prices["checked"].str.contains("secondary")
        assert prices.loc[secondary, "source"].str.contains("https://").all()


class TestLeaderboard:
    def test_columns_are_the_published_ones_and_our_notes(self, raw):
        assert list(raw["leaderboard"][0]) == [*leaderboard.COLUMNS, "source", "checked"]

    def test_the_average_is_that_of_the_six(self, raw):
        for row in raw["leaderboard"]:
            mean = sum(float(row[name]) for name in leaderboard.SCORES) / 6
            assert abs(mean - float(row[leaderboard.AVERAGE])) < 0.0051, row["fullname"]

    def test_runs_differ(self, raw):
        runs = [(row["fullname"], row["Precision"]) for row in raw["leaderboard"]]
        assert len(set(runs)) == len(runs)

    def test_values(self, raw):
        for row in raw["leaderboard"]:
            assert row["Precision"] in {"", "bfloat16", "float16"}
            assert row["Chat Template"] in {"", "True", "False"}
            assert re.fullmatch(r"([0-9a-f]{40})?", row["Model sha"])
            assert re.fullmatch(r"(2025|202[234])-\d\d-\d\d|", row["Submission Date"])
            assert all(0 <= float(row[name]) <= 100 for name in leaderboard.SCORES)
            assert re.search(r"@[0-9a-f]{8} ", row["source"])

    def test_what_was_not_read_is_empty_together(self, raw):
        unread = ["Precision", "Hub License", "Chat Template", "Submission Date"]
        for row in raw["leaderboard"]:
            assert len({row[name] == "" for name in unread}) == 1, row["fullname"]
            assert ("not read" in row["checked"]) == (row["Hub License"] == "")

    def test_licences_agree_with_the_catalog(self, raw, models):
        from workbench.catalog.hub import LICENCES as named

        known = models.set_index("model_id")["license_id"]
        for row in raw["leaderboard"]:
            licence = named.get(row["Hub License"])
            if licence and row["fullname"] in known:
                assert licence == known[row["fullname"]], row["fullname"]


class TestBenchmarks:
    def test_each_score_once(self, raw):
        keys = [(row["model_id"], row["benchmark"], row["setting"]) for row in raw["benchmarks"]]
        assert len(set(keys)) == len(keys)
        assert {row["benchmark"] for row in raw["benchmarks"]} == set(benchmarks.BENCHMARKS)

    def test_scores_that_are_in_the_other_tables_too_agree(self, raw, models):
        columns = {"MMLU": "mmlu", "HumanEval": "humaneval_pass1", "IFEval": "ifeval"}
        known = models.set_index("model_id")
        agree = 0
        for row in raw["benchmarks"]:
            if row["checked"] == "as in models.csv":
                found = known.loc[row["model_id"], columns[row["benchmark"]]]
                assert float(row["score"]) == found, row
                agree += 1
        assert agree >= 6

    def test_leaderboard_scores_agree(self, raw):
        for row in raw["benchmarks"]:
            if "ollm_v2" in row["source"]:
                runs = [r for r in raw["leaderboard"] if r["fullname"] == row["model_id"]]
                assert row["score"] in {r[row["benchmark"]] for r in runs}, row

    def test_second_figures_are_told_in_the_catalog(self, raw, models):
        told = models.set_index("model_id")
        for row in raw["benchmarks"]:
            if row["checked"].startswith("as in models.csv, where"):
                one = told.loc[row["model_id"]]
                own = {str(one[name]) for name in SCORES}
                assert row["score"] in own or row["score"] in one["checked"], row


class TestCard:
    @pytest.mark.parametrize("name", TABLES)
    def test_columns_are_documented_in_their_order(self, raw, card, name):
        part = card.split(f"## {name}.csv\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| `(.+?)` \| ([\w ]+) \| (\d+) \| (.+) \|$", part, re.MULTILINE)
        assert [row[0] for row in rows] == list(raw[name][0])
        for column, kind, empty, meaning in rows:
            values = [row[column] for row in raw[name]]
            assert values.count("") == int(empty), column
            assert len(meaning) > 10, column
            numbers = all(re.fullmatch(r"[\d.]*", value) for value in values)
            assert (kind != "text") == numbers, column

    def test_licences_are_those_of_the_tests(self, card):
        part = card.split("## Licences\n")[1].split("\n## ")[0]
        told = {}
        for line in part.splitlines():
            if line.startswith("| `") and "license_id" not in line:
                names, use = line.split("|")[1:3]
                told |= dict.fromkeys(re.findall(r"`(.+?)`", names), use.strip(" `"))
        assert told == LICENCES

    def test_counts(self, card, models, prices, raw):
        assert f"({len(models)} models)" in card and f"({len(prices)} prices)" in card
        assert f"({len(raw['leaderboard'])} runs)" in card
        assert f"({len(raw['benchmarks'])}\nscores)" in card

    @pytest.mark.parametrize("name", TABLES)
    def test_loads_with_datasets(self, data, tmp_path, raw, name):
        from datasets import load_dataset

        folder = str(data / "catalog")
        found = load_dataset(folder, name, cache_dir=str(tmp_path), split="train")
        assert len(found) == len(raw[name]) and found.column_names == list(raw[name][0])
