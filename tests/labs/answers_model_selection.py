"""Learners' answers to the tasks of phase 1: other right ones, and typical wrong ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.evals import intervals

# --- 01.1 ---------------------------------------------------------------------------------------


def cache_by_loops(shape, tokens, batch=1):
    total = 0
    for _ in range(shape["layers"]):
        for _ in range(shape["kv_heads"]):
            total += (shape["head_dim"] + shape["head_dim"]) * shape["bytes_per_value"]
    return total * tokens * batch


def cache_by_numpy(shape, tokens, batch=1):
    keys = ["layers", "kv_heads", "head_dim", "bytes_per_value"]
    return np.prod([shape[key] for key in keys], dtype=float) * 2 * tokens * batch


def cache_by_catalog(shape, tokens, batch=1):
    from workbench.catalog import kv_cache_bytes

    return kv_cache_bytes(
        shape["layers"], shape["kv_heads"], shape["head_dim"], tokens, batch,
        shape["bytes_per_value"],
    )  # fmt: skip


def _cache(s, heads="kv_heads"):
    return s["layers"] * s[heads] * s["head_dim"]


# --- 01.2 ---------------------------------------------------------------------------------------


def shortlist_by_loop(models, memory_gb):
    out = set()
    for m in models:
        if m["open_weights"] != "yes":
            continue
        if m["commercial_use"] in ("no", "api-terms"):
            continue
        if m["memory_gb"] is None or not m["memory_gb"] <= memory_gb:
            continue
        out.add(m["model_id"])
    return out


def shortlist_by_pandas(models, memory_gb):
    frame = pd.DataFrame(
        models, columns=["model_id", "open_weights", "commercial_use", "memory_gb"]
    )
    allowed = frame[frame["commercial_use"].isin(["yes", "conditional"])]
    allowed = allowed[(allowed["open_weights"] == "yes") & (allowed["memory_gb"] <= memory_gb)]
    return allowed["model_id"]


def shortlist_by_generator(models, memory_gb):
    for m in sorted(models, key=lambda m: m["model_id"], reverse=True):
        fits = m["memory_gb"] is not None and m["memory_gb"] <= memory_gb
        if fits and m["open_weights"] == "yes" and m["commercial_use"] in {"yes", "conditional"}:
            yield m["model_id"]


def _fits(m, limit):
    return m["memory_gb"] is not None and m["memory_gb"] <= limit


def shortlist_no_conditions(models, limit):
    return [
        m["model_id"] for m in models
        if m["open_weights"] == "yes" and m["commercial_use"] == "yes" and _fits(m, limit)
    ]  # fmt: skip


def shortlist_closed(models, limit):
    allowed = ("yes", "conditional")
    return [m["model_id"] for m in models if m["commercial_use"] in allowed and _fits(m, limit)]


def shortlist_nan_fits(models, limit):
    return [
        m["model_id"] for m in models
        if m["open_weights"] == "yes" and m["commercial_use"] != "no"
        and not (m["memory_gb"] or 0) > limit
    ]  # fmt: skip


def shortlist_memory_only(models, limit):
    return [m["model_id"] for m in models if _fits(m, limit)]


def shortlist_below(models, limit):
    return [name for name in shortlist_by_loop(models, limit) if name != "puffin-9b" or limit > 6]


def shortlist_rows(models, limit):
    wanted = shortlist_by_loop(models, limit)
    return [m for m in models if m["model_id"] in wanted]


# --- 01.3 ---------------------------------------------------------------------------------------


def rankings_by_pandas(models):
    frame = pd.DataFrame(models).dropna(subset=["mmlu"]).sort_values("mmlu", ascending=False)
    return frame.groupby("mmlu_setting")["model_id"].agg(list).to_dict()


def rankings_by_groupby(models):
    from itertools import groupby

    known = [m for m in models if m["mmlu"] is not None and m["mmlu"] == m["mmlu"]]
    known.sort(key=lambda m: (m["mmlu_setting"], -m["mmlu"]))
    groups = groupby(known, key=lambda m: m["mmlu_setting"])
    return {key: tuple(m["model_id"] for m in group) for key, group in groups}


def rankings_by_settings(models):
    out = {}
    for setting in {m["mmlu_setting"] for m in models}:
        mine = [m for m in models if m["mmlu_setting"] == setting and m["mmlu"] == m["mmlu"]]
        mine = [(m["mmlu"], m["model_id"]) for m in mine if m["mmlu"] is not None]
        if mine:
            out[setting] = [name for _, name in sorted(mine, reverse=True)]
    return out


def rankings_as_text(models):
    known = [m for m in models if m["mmlu"] is not None and m["mmlu"] == m["mmlu"]]
    out = {}
    for m in sorted(known, key=lambda m: str(m["mmlu"]), reverse=True):
        out.setdefault(m["mmlu_setting"], []).append(m["model_id"])
    return out


def rankings_with_gaps(models):
    out = {}
    for m in sorted(models, key=lambda m: -(m["mmlu"] or 0)):
        out.setdefault(m["mmlu_setting"], []).append(m["model_id"])
    return out


def rankings_empty(models):
    return {m["mmlu_setting"]: [] for m in models} | rankings_by_settings(models)


def rankings_no_singles(models):
    return {k: v for k, v in rankings_by_settings(models).items() if len(v) > 1}


def rankings_upside_down(models):
    return {k: v[::-1] for k, v in rankings_by_settings(models).items()}


# --- 01.4 ---------------------------------------------------------------------------------------


def break_even_by_fractions(tokens_in, tokens_out, usd_in, usd_out, rent_per_hour, hours=730):
    from fractions import Fraction as F

    each = (tokens_in * F(str(usd_in)) + tokens_out * F(str(usd_out))) / 10**6
    return None if each == 0 else -(-(F(str(rent_per_hour)) * hours) // each)


def break_even_by_halving(tokens_in, tokens_out, usd_in, usd_out, rent_per_hour, hours=730):
    def service(n):
        return n * (tokens_in * usd_in + tokens_out * usd_out) / 1e6

    if service(1) == 0:
        return math.inf
    low, high = 0, 1
    while service(high) < rent_per_hour * hours:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if service(middle) >= rent_per_hour * hours else (middle, high)
    return high


def break_even_by_floor(tokens_in, tokens_out, usd_in, usd_out, rent_per_hour, hours=730):
    each = tokens_in / 1e6 * usd_in + tokens_out / 1e6 * usd_out
    if not each:
        return None
    rent = rent_per_hour * hours
    number = int(rent / each)
    return number if number * each >= rent else number + 1


def per_thousand(i, o, pi, po, rent, hours=730):
    return math.ceil(rent * hours / ((i * pi + o * po) / 1000))


def without_output(i, o, pi, po, rent, hours=730):
    return math.ceil(rent * hours / (i * pi / 1e6))


def swapped_prices(i, o, pi, po, rent, hours=730):
    return math.ceil(rent * hours / ((i * po + o * pi) / 1e6))


def one_hour(i, o, pi, po, rent, hours=730):
    return math.ceil(rent / ((i * pi + o * po) / 1e6))


def rounded_down(i, o, pi, po, rent, hours=730):
    return int(rent * hours / ((i * pi + o * po) / 1e6))


def with_fraction(i, o, pi, po, rent, hours=730):
    return rent * hours / ((i * pi + o * po) / 1e6)


def free_breaks(i, o, pi, po, rent, hours=730):
    return math.ceil(rent * hours / ((i * pi + o * po) / 1e6))


# --- 01.5 ---------------------------------------------------------------------------------------

UNSURE = "too few to conclude"


def compare_by_bootstrap(first, second):
    if not first:
        return UNSURE
    return intervals.paired(second, first).verdict


def compare_by_interval(first, second):
    differences = [int(b) - int(a) for a, b in zip(first, second, strict=True)]
    n = len(differences)
    if n < 2:
        return UNSURE
    mean = sum(differences) / n
    half = 1.96 * (sum((d - mean) ** 2 for d in differences) / (n - 1) / n) ** 0.5
    return "better" if mean - half > 0 else "worse" if mean + half < 0 else UNSURE


def compare_by_scipy(first, second):
    from scipy.stats import binomtest

    pairs = list(zip(first, second, strict=True))
    up, down = pairs.count((False, True)), pairs.count((True, False))
    if up + down == 0 or binomtest(up, up + down).pvalue >= 0.05:
        return UNSURE
    return "better" if up > down else "worse"


def compare_points(first, second):
    a, b = sum(first), sum(second)
    return "better" if b > a else "worse" if b < a else UNSURE


def compare_five_per_cent(first, second):
    if not first:
        return UNSURE
    gap = (sum(second) - sum(first)) / len(first)
    return "better" if gap > 0.05 else "worse" if gap < -0.05 else UNSURE


def compare_unpaired(first, second):
    a, b = intervals.share(first), intervals.share(second)
    return "better" if b.low > a.high else "worse" if b.high < a.low else UNSURE


def compare_turned(first, second):
    return compare_by_scipy(second, first)


def compare_never(first, second):
    return UNSURE


def compare_divides(first, second):
    gap = sum(b - a for a, b in zip(first, second, strict=True)) / len(first)
    return compare_by_scipy(first, second) if gap is not None else UNSURE


RIGHT = {
    "01.1": [cache_by_loops, cache_by_numpy, cache_by_catalog],
    "01.2": [shortlist_by_loop, shortlist_by_pandas, shortlist_by_generator],
    "01.3": [rankings_by_pandas, rankings_by_groupby, rankings_by_settings],
    "01.4": [break_even_by_fractions, break_even_by_halving, break_even_by_floor],
    "01.5": [compare_by_bootstrap, compare_by_interval, compare_by_scipy],
}
#: A wrong answer, and words of the message that it gets.
WRONG = {
    "01.1": [
        (lambda s, t, batch=1: _cache(s) * s["bytes_per_value"] * t * batch, "exactly half"),
        (lambda s, t, batch=1: 2 * _cache(s, "heads") * s["bytes_per_value"] * t * batch,
         "every attention head"),
        (lambda s, t, batch=1: 2 * _cache(s) * s["bytes_per_value"] * t, "one conversation"),
        (lambda s, t, batch=1: 2 * _cache(s) * t * batch, "values, not bytes"),
        (lambda s, t, batch=1: 2 * 2 * _cache(s) * t * batch, "another number of bytes"),
        (lambda s, t, batch=1: cache_by_loops(s, t, batch) / 1e9, "thousand millions"),
        (lambda s, t, batch=1: cache_by_loops(s, t, batch) // s["layers"], "one layer"),
        (lambda s, t, batch=1: s["kvheads"], "KeyError"),
    ],
    "01.2": [
        (shortlist_no_conditions, "with conditions"),
        (shortlist_closed, "weights are not open"),
        (shortlist_nan_fits, "unknown the same as small"),
        (shortlist_memory_only, "forbids commercial use"),
        (shortlist_below, "to the brim"),
        (shortlist_rows, "whole rows"),
    ],
    "01.3": [
        (lambda models: [m["model_id"] for m in models], "One list for all"),
        (rankings_with_gaps, "has no score"),
        (rankings_empty, "has no model with a score"),
        (rankings_no_singles, "single model"),
        (rankings_upside_down, "stands last"),
        (rankings_as_text, "sorting numbers"),
    ],
    "01.4": [
        (per_thousand, "by the thousand"),
        (without_output, "what the model writes"),
        (swapped_prices, "the right way round"),
        (one_hour, "for one hour"),
        (rounded_down, "One answer off"),
        (with_fraction, "no parts of an answer"),
        (free_breaks, "ZeroDivisionError"),
    ],
    "01.5": [
        (compare_points, "Would it with 30 others"),
        (compare_five_per_cent, "tossed 68 times"),
        (compare_unpaired, "same questions"),
        (compare_turned, "other way round"),
        (compare_never, "never decide"),
        (compare_divides, "ZeroDivisionError"),
    ],
}  # fmt: skip
