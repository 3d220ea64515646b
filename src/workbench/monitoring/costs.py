"""Tokens and hours in US dollars, by the published prices in ``data/catalog/prices.csv``."""

from __future__ import annotations

from workbench import catalog
from workbench.errors import UnknownName

HOURS_PER_MONTH = 730  # 365 days x 24 hours / 12


def per_call(item: str, prompt_tokens: float, output_tokens: float) -> float:
    """Dollars that a hosted model charges for one call; raises UnknownName for one not priced."""
    prices = catalog.prices().query("kind == 'api_tokens'").set_index("item")
    if item not in prices.index:
        raise UnknownName("priced model", item, list(prices.index))
    row = prices.loc[item]
    read = prompt_tokens * row["input_usd_per_1m"]
    written = output_tokens * row["output_usd_per_1m"]
    return float(read + written) / 1e6


def rental_per_month(usd_per_hour: float) -> float:
    """Dollars for a machine that is rented day and night for an average month."""
    return HOURS_PER_MONTH * usd_per_hour
