"""Shortlists and memory estimates, against figures worked out by hand."""

from __future__ import annotations

import pytest

from workbench import catalog
from workbench.catalog.needs import Need


def test_weights():
    assert catalog.weights_bytes(0.135, 16) == 270_000_000
    assert catalog.weights_bytes(8, 4.5) == 4_500_000_000


def test_cache():
    # SmolLM2-135M: 30 layers, 3 key-value heads of 64, at 2,048 tokens in 16 bits: 45 MiB
    assert catalog.kv_cache_bytes(30, 3, 64, 2048) == 45 * 1024**2
    # Llama 3.1 8B at its whole window of 131,072 tokens: 16 GiB
    assert catalog.kv_cache_bytes(32, 8, 128, 131_072) == 16 * 1024**3
    assert catalog.kv_cache_bytes(30, 3, 64, 2048, batch=8, bytes_per_value=1) == 180 * 1024**2


def test_shortlist_filters():
    everything = catalog.shortlist(commercial=False)
    assert everything["parameters_b"].is_monotonic_increasing
    assert set(everything["open_weights"]) == {"yes"}
    usable = catalog.shortlist()
    assert set(usable["commercial_use"]) == {"yes", "conditional"}
    assert len(usable) < len(everything)
    free = catalog.shortlist(licences=["Apache-2.0", "MIT"], max_parameters_b=2, min_context=32_000)
    assert len(free) >= 3
    assert set(free["license_id"]) <= {"Apache-2.0", "MIT"}
    assert free["parameters_b"].max() <= 2 and free["context_window_tokens"].min() >= 32_000


def test_memory_limit_counts_the_cache():
    short, long = (catalog.shortlist(memory_gb=1.5, context=c) for c in (2_048, 32_768))
    assert len(long) < len(short)
    assert short["memory_gb"].max() <= 1.5


@pytest.mark.parametrize("limit", [0, 0.01])
def test_nothing_fits(limit):
    assert len(catalog.shortlist(memory_gb=limit)) == 0


def test_ranked_is_the_needs_own_ranking():
    need = Need(memory_gb=1.0)
    ranked = catalog.ranked(need)
    assert ranked.equals(need.rank())
    few = catalog.models().head(3)
    assert set(catalog.ranked(need, few)["model_id"]) == set(few["model_id"])
