"""Task 01.1: bytes of a key-value cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from workbench.labs.asking import Learner, Slip, compare
from workbench.labs.pictures import Bars
from workbench.labs.solutions import load

LLAMA = {"layers": 32, "heads": 32, "kv_heads": 8, "head_dim": 128, "bytes_per_value": 2}
SMOL = {"layers": 30, "heads": 9, "kv_heads": 3, "head_dim": 64, "bytes_per_value": 2}
EIGHT_BIT = {**LLAMA, "bytes_per_value": 1}
CACHES = [(LLAMA, 8192, 1), (SMOL, 2048, 1), (LLAMA, 4096, 8), (EIGHT_BIT, 8192, 3), (SMOL, 0, 4)]
CACHE_LABELS = ["8B, 8,192 tokens", "135M, 2,048 tokens", "8B, 8 users", "8B, 8-bit, 3 users"]


def _cache(**changed: Any) -> Callable[..., float]:
    """The right formula with one thing changed."""

    def wrong(shape, tokens, batch=1):
        given = {**shape, "two": 2, "batch": batch}
        given |= {
            name: value(shape) if callable(value) else value for name, value in changed.items()
        }
        names = ("two", "layers", "kv_heads", "head_dim", "bytes_per_value", "batch")
        return math.prod(given[name] for name in names) * tokens

    return wrong


CACHE_SLIPS = [
    Slip(
        "This is exactly half. For each token the model keeps two vectors for every head, not one: "
        "which two does attention need?",
        _cache(two=1),
    ),
    Slip(
        "You counted every attention head. With grouped-query attention several heads share one "
        "pair of key and value: which entry of the shape counts those pairs?",
        _cache(kv_heads=lambda shape: shape["heads"]),
    ),
    Slip(
        "You counted values, not bytes. How many bytes does one value take in this shape?",
        _cache(bytes_per_value=1),
    ),
    Slip(
        "You took two bytes for every value. This cache is stored with another number of bytes: "
        "the shape says which.",
        _cache(bytes_per_value=2),
    ),
    Slip(
        "This is the cache of one conversation. What happens when several are answered at the same "
        "time: can they share their keys and values?",
        _cache(batch=1),
    ),
    Slip(
        "That is the cache of one layer. Every layer has its own keys and values.",
        _cache(layers=1),
    ),
    Slip(
        "This is the answer in thousand millions of bytes. The task asks for bytes.",
        lambda shape, tokens, batch=1: load("01.1")(shape, tokens, batch) / 1e9,
    ),
]


def _cache_bars(got: list[Any], expected: list[Any]) -> Bars:
    rows = zip(CACHE_LABELS, expected, got, strict=False)
    return Bars(
        "The cache in MB", [(name, right / 1e6, float(g) / 1e6) for name, right, g in rows], "MB"
    )


def check(learner: Learner) -> Any:
    """Cache sizes of several shapes, lengths and batches."""
    ask = "Multiply the sizes one by one for a single token first. Which of them is not in yours?"
    return compare(learner, CACHES, load("01.1"), CACHE_SLIPS, ask, _cache_bars)
