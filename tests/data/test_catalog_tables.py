"""The catalog's tables: types, ranges, a source for each figure."""

from __future__ import annotations

import re

from workbench import catalog


def test_models():
    models = catalog.models()
    assert len(models) >= 30 and models["model_id"].is_unique
    assert models["source"].str.len().min() > 10
    assert models["license_id"].notna().all() and models["commercial_use"].notna().all()
    assert set(models["commercial_use"]) <= {"yes", "no", "conditional", "api-terms"}
    for column in ("mmlu", "humaneval_pass1", "ifeval"):
        assert models[column].dropna().between(0, 100).all()
        assert models[column].notna().any()
    scored = models["mmlu"].notna()
    assert models.loc[scored, "mmlu_setting"].notna().all()


def test_shapes_of_open_models():
    models = catalog.models().query("open_weights == 'yes'")
    for column in ("parameters_b", "layers", "kv_heads", "head_dim", "context_window_tokens"):
        assert (models[column] > 0).all(), column
    assert models["parameters_b"].between(0.1, 500).all()


def test_prices():
    prices = catalog.prices()
    assert set(prices["kind"]) == {"api_tokens", "gpu_hour"}
    assert prices["source"].notna().all() and prices["as_of"].notna().all()
    tokens, hours = (prices[prices["kind"] == kind] for kind in ("api_tokens", "gpu_hour"))
    assert (tokens["input_usd_per_1m"] <= tokens["output_usd_per_1m"]).all()
    assert hours["usd_per_hour"].between(0.1, 20).all()


def test_no_registry_is_addressed(data):
    text = "".join(path.read_text("utf-8") for path in (data / "catalog").glob("*.csv"))
    hosts = set(re.findall(r"https?://([^/\s;,)]+)", text.lower()))
    assert hosts
    assert not [host for host in hosts if re.search("pypi|hosted|registry|npm", host)]
