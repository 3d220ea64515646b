"""Machines as steps, break-even volumes against a search by brute force."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from workbench.catalog import costs
from workbench.catalog.costs import Hardware, Option, Speed
from workbench.catalog.needs import Need
from workbench.errors import BadInput, UnknownName

NEED = Need(prompt_tokens=900, output_tokens=80)
PC = Hardware("PC", purchase_usd=720, months=36, watts_busy=65, watts_idle=10, usd_per_kwh=0.30)


def test_machines_are_steps():
    option = Option("a", "own", 0.0, 20.0, 100.0)
    assert [option.machines(n) for n in (1, 100, 101, 1000)] == [1, 1, 2, 10]
    assert option.usd(101) == 40
    assert Option("b", "API", 0.001).machines(10**6) == 0


def test_capacity_by_hand():
    # half of 730 hours, two seconds each
    assert costs.capacity(2.0, 0.5) == 730 * 3600 / 4
    with pytest.raises(BadInput, match="utilisation"):
        costs.capacity(2.0, 1.5)


def test_own_machine_by_hand():
    own = costs.own(PC, 3600.0, 1.0)
    assert own.usd_per_machine == pytest.approx(20 + 0.010 * 730 * 0.30)
    assert own.usd_per_request == pytest.approx(0.055 * 0.30)  # an hour at 55 W more
    assert own.capacity == 730


def test_api_and_rented_take_published_prices():
    api = costs.api("gpt-4o-mini-2024-07-18", NEED)
    assert api.usd_per_request == pytest.approx((900 * 0.15 + 80 * 0.60) / 1e6)
    card = costs.rented("T4 16GB", 1.0, 0.3)
    assert card.usd_per_machine == pytest.approx(0.5904 * 730)
    with pytest.raises(UnknownName, match="L4 24GB"):
        costs.rented("T5", 1.0, 0.3)


def brute_force(first, second, most):
    cheaper = [first.usd(n) <= second.usd(n) for n in range(1, most + 1)]
    return [n + 1 for n in range(1, most) if cheaper[n] != cheaper[n - 1]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Option("api", "API", 0.05), Option("own", "own", 0.001, 20.0, 1000.0)),
        (Option("api", "API", 0.05), Option("own", "own", 0.0, 40.0, 900.5)),
        (Option("api", "API", 0.001), Option("own", "own", 0.01, 20.0, 500.0)),
        (Option("a", "own", 0.002, 30.0, 700.0), Option("b", "rented", 0.0, 90.0, 5000.0)),
    ],
)
def test_break_even_finds_every_crossing(first, second):
    found = costs.break_even(first, second, 6000)
    assert [f.requests for f in found] == brute_force(first, second, 6000)
    for crossing in found:
        at = min((first, second), key=lambda option: option.usd(crossing.requests))
        assert crossing.cheaper == at.name


def test_speed_from_answers():
    answer = SimpleNamespace(
        prompt_eval_count=600, prompt_eval_duration=3e9, eval_count=50, eval_duration=5e9
    )
    speed = costs.speed([answer, answer])
    assert (speed.read, speed.written) == (200, 10)
    assert speed.seconds(NEED) == pytest.approx(900 / 200 + 80 / 10)
    with pytest.raises(BadInput):
        costs.speed([])


def test_prices_of_that_very_version():
    assert costs.priced_as("gpt-4 (gpt-4-0613)") == "gpt-4-0613"
    assert costs.priced_as("gpt-4o-mini (2024-07-18)") == "gpt-4o-mini-2024-07-18"
    assert costs.priced_as("claude-3-5-haiku-20241022").startswith("anthropic.")
    assert costs.priced_as("claude-3-5-sonnet-20240620") is None


def test_table_and_figure():
    options = [costs.api("gpt-4o-mini-2024-07-18", NEED), costs.own(PC, 5.0, 0.3)]
    table = costs.table(options, [1000, 1_000_000])
    assert table["machines"].tolist() == [0, math.ceil(1e6 / options[1].capacity)]
    fig = costs.figure(options, 30_000)
    ax = fig.axes[0]
    assert ax.get_xscale() == ax.get_yscale() == "log" and len(ax.lines) >= 3
    assert Speed(100, 10).seconds(NEED) == 17
