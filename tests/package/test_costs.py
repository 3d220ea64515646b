"""Money by the catalog's prices."""

from __future__ import annotations

import pytest

from workbench.errors import UnknownName
from workbench.evals.retrieval_scores import HitCurve
from workbench.monitoring import costs


def test_a_call_costs_its_tokens_at_their_prices():
    cost = costs.per_call("gpt-4o-mini-2024-07-18", 1_000_000, 1_000_000)
    assert cost == pytest.approx(0.15 + 0.60)
    assert costs.per_call("gpt-4o-mini-2024-07-18", 0, 0) == 0


def test_a_model_without_a_price_is_named_with_those_that_have_one():
    with pytest.raises(UnknownName, match="gpt-4o-mini-2024-07-18"):
        costs.per_call("gpt-4o-minni", 1, 1)


def test_hit_curve_counts_first_right_ranks():
    curve = HitCurve([1, 0, 3, 2], [1.0, 2.0, 3.0, 4.0])
    assert curve.found_by(1) == [True, False, False, False]
    assert curve.found_by(3) == [True, False, True, True]
    assert curve.mrr == pytest.approx((1 + 0 + 1 / 3 + 1 / 2) / 4)
