"""What a month of answers costs: tokens of an API, rented machines, machines of one's own.

An option is a price for each request and a price for each machine, which serves so many requests a
month: dollars = requests x per request + machines x per machine, machines = requests / capacity,
rounded up. Prices are those of ``data/catalog/prices.csv``; what hardware costs and draws, and how
evenly requests come, are assumptions that the caller states by name. Nobody's work is counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UnknownName
from workbench.monitoring.costs import HOURS_PER_MONTH, per_call, rental_per_month

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from workbench.catalog.needs import Need

MOST_REQUESTS = 10**8  # a month; where the search for break-even volumes ends
MOST_STEPS = 200_000  # machines that it counts


@dataclass(frozen=True)
class Speed:
    """Tokens a second that one machine reads and writes, measured on whole requests."""

    read: float
    written: float

    def seconds(self, need: Need) -> float:
        """Seconds that a request of this need keeps the machine busy."""
        return need.prompt_tokens / self.read + need.output_tokens / self.written


@dataclass(frozen=True)
class Hardware:
    """A machine of one's own: its price spread evenly over its months, and its electricity."""

    name: str
    purchase_usd: float
    months: float
    watts_busy: float
    watts_idle: float
    usd_per_kwh: float

    def __post_init__(self) -> None:
        for name in ("purchase_usd", "months", "watts_busy", "usd_per_kwh"):
            _positive(name, getattr(self, name))

    def energy(self, watts: float, hours: float) -> float:
        """Dollars for so many hours at so many watts."""
        return watts * hours / 1000 * self.usd_per_kwh


@dataclass(frozen=True)
class Option:
    """A way to have a month's requests answered; ``capacity`` is in requests a machine a month."""

    name: str
    kind: str  # API, rented or own
    usd_per_request: float
    usd_per_machine: float = 0.0
    capacity: float = math.inf

    def machines(self, requests: float) -> int:
        """Machines for so many requests: a step function, at least one where there are any."""
        if math.isinf(self.capacity):
            return 0
        return max(1, math.ceil(requests / self.capacity))

    def usd(self, requests: float) -> float:
        """Dollars a month."""
        machines = self.machines(requests)
        return requests * self.usd_per_request + machines * self.usd_per_machine


@dataclass(frozen=True)
class BreakEven:
    """From so many requests a month on, ``cheaper`` is the cheaper one."""

    requests: int
    cheaper: str


def speed(answers: Sequence[Any]) -> Speed:
    """The speed measured in answers of the ``ollama`` client, all tokens over all seconds.

    Raises BadInput where no tokens were read or written.
    """
    totals = [
        sum(getattr(a, name) or 0 for a in answers)
        for name in ("prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")
    ]
    if min(totals, default=0) <= 0:
        raise BadInput("no speed can be read off these answers", "ask with a new prompt")
    return Speed(totals[0] / totals[1] * 1e9, totals[2] / totals[3] * 1e9)


def capacity(seconds_per_request: float, utilisation: float) -> float:
    """Requests that one machine serves in a month, one after the other.

    ``utilisation`` is the share of the month that it may be busy: requests come in the daytime, and
    nobody wants to queue.
    """
    _positive("seconds_per_request", seconds_per_request)
    if not 0 < utilisation <= 1:
        raise BadInput(f"utilisation is {utilisation!r}", "give a share above 0, 1 at most")
    return HOURS_PER_MONTH * 3600 * utilisation / seconds_per_request


def api(item: str, need: Need) -> Option:
    """A hosted model paid by the token; raises UnknownName for one that has no price."""
    return Option(item, "API", per_call(item, need.prompt_tokens, need.output_tokens))


def rented(
    item: str, seconds_per_request: float, utilisation: float, provider: str | None = None
) -> Option:
    """Rented cards of the price list, day and night; the cheapest provider where none is named."""
    from workbench import catalog

    cards = catalog.prices().query("kind == 'gpu_hour'")
    found = cards[cards["item"] == item]
    if provider:
        found = found[found["provider"] == provider]
    if found.empty:
        known = [f"{i} ({p})" for i, p in zip(cards["item"], cards["provider"], strict=True)]
        raise UnknownName("rented card", f"{item} ({provider})" if provider else item, known)
    row = found.nsmallest(1, "usd_per_hour").iloc[0]
    name = f"rented {item}, {row['provider']}"
    month = rental_per_month(float(row["usd_per_hour"]))
    return Option(name, "rented", 0.0, month, capacity(seconds_per_request, utilisation))


def own(hardware: Hardware, seconds_per_request: float, utilisation: float) -> Option:
    """Machines of one's own: purchase and idling for each, and what a request draws on top."""
    more = hardware.watts_busy - hardware.watts_idle
    idle = hardware.energy(hardware.watts_idle, HOURS_PER_MONTH)
    return Option(
        f"own {hardware.name}",
        "own",
        hardware.energy(max(0.0, more), seconds_per_request / 3600),
        hardware.purchase_usd / hardware.months + idle,
        capacity(seconds_per_request, utilisation),
    )


def break_even(first: Option, second: Option, most: int = MOST_REQUESTS) -> list[BreakEven]:
    """Every volume up to ``most`` from which the other one of two options is cheaper.

    Several, because each further machine is a step up; none where one is cheaper throughout.
    """
    found, cheaper = [], _cheaper(first, second, 1)
    for low, high in pairwise(_edges((first, second), most)):
        now = _cheaper(first, second, high)
        if now != cheaper:
            found.append(BreakEven(_root(first, second, low, high), now))
            cheaper = now
    return found


def _edges(options: Sequence[Option], most: int) -> list[int]:
    """The last request of each machine and the first of the next: costs are straight between."""
    edges = {1, most}
    for option in options:
        if math.isinf(option.capacity):
            continue
        steps = min(MOST_STEPS, int(most // option.capacity))
        for step in range(1, steps + 1):
            edges |= {math.floor(step * option.capacity), math.floor(step * option.capacity) + 1}
    return sorted(edge for edge in edges if 1 <= edge <= most)


def _cheaper(first: Option, second: Option, requests: int) -> str:
    return first.name if first.usd(requests) <= second.usd(requests) else second.name


def _root(first: Option, second: Option, low: int, high: int) -> int:
    """The first whole volume above ``low`` where the order is that of ``high``."""
    there = _cheaper(first, second, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _cheaper(first, second, middle) == there else (middle, high)
    return high


def table(options: Sequence[Option], volumes: Sequence[int]) -> pandas.DataFrame:
    """Dollars a month and machines of each option at each volume."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for option in options:
        row: dict[str, Any] = {"option": option.name, "kind": option.kind}
        for volume in volumes:
            row[f"{volume:,}"] = option.usd(volume)
        row["machines"] = option.machines(max(volumes))
        row["a machine serves"] = None if math.isinf(option.capacity) else option.capacity
        rows.append(row)
    return pd.DataFrame(rows)


def priced_as(model_id: str) -> str | None:
    """The price list's name of a closed model of the catalog, that very version; None without."""
    from workbench import catalog

    version = re.fullmatch(r"(\S+) \((\S+)\)", model_id)
    name = model_id
    if version:
        name = version[2] if version[2].startswith(version[1]) else f"{version[1]}-{version[2]}"
    items = catalog.prices().query("kind == 'api_tokens'")["item"]
    return next((item for item in items if name in item), None)


def figure(
    options: Sequence[Option], requests_per_month: int, most: int = 10**7, least: int = 100
) -> Figure:
    """Dollars a month over requests a month, both logarithmic, with the need's volume marked."""
    import matplotlib.pyplot as plt
    import numpy as np

    lines = {"API": "-", "rented": "--", "own": "-."}
    volumes = np.unique(np.geomspace(least, most, 600).astype(int))
    fig, ax = plt.subplots(figsize=(8, 4.4))
    for option in options:
        usd = [option.usd(int(v)) for v in volumes]
        ax.plot(volumes, usd, lines.get(option.kind, "-"), label=option.name)
    ax.axvline(requests_per_month, color="#999999", linewidth=1)
    ax.text(requests_per_month * 1.1, 0.03, "this need", color="#666666",
            transform=ax.get_xaxis_transform())  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    ax.set_xlabel("requests a month")
    ax.set_ylabel("US dollars a month")
    ax.set_title("Tokens cost by the request, machines by the month")
    ax.legend(fontsize="small")
    return fig


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise BadInput(f"{name} is {value!r}", "give a number above zero")
