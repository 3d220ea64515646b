"""Shares, means and differences with their intervals: how sure a small sample lets one be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
RESAMPLES = 5000


@dataclass(frozen=True)
class Interval:
    """An estimate, the bounds of its interval (95 %) and the sample size."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}], n = {self.n}"

    @property
    def decided(self) -> bool:
        """For a difference: whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        if not self.decided:
            return "too few to conclude"
        return "better" if self.low > 0 else "worse"


def share(outcomes: Sequence[bool]) -> Interval:
    """A share of successes with Wilson's interval (Wilson 1927), which holds for small samples."""
    from scipy.stats import binomtest

    n, k = len(outcomes), sum(map(bool, outcomes))
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0, 0)
    bounds = binomtest(k, n).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(k / n, float(bounds.low), float(bounds.high), n)


def mean(values: Sequence[float], seed: int = 0) -> Interval:
    """A mean with its bootstrap interval (bias-corrected and accelerated, Efron 1987)."""
    import numpy as np
    from scipy.stats import bootstrap

    data = np.asarray(values, dtype=float)
    value = float(data.mean()) if len(data) else float("nan")
    if len(data) < 2 or np.ptp(data) == 0:  # nothing to resample
        return Interval(value, value, value, len(data))
    bounds = bootstrap(
        (data,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE,
        rng=np.random.default_rng(seed), method="BCa",
    ).confidence_interval  # fmt: skip
    return Interval(value, float(bounds.low), float(bounds.high), len(data))


def paired(after: Sequence[float], before: Sequence[float], seed: int = 0) -> Interval:
    """Mean difference of two systems on the same questions, resampled by question.

    Raises ValueError where the two are not of the same length.
    """
    differences = [float(a) - float(b) for a, b in zip(after, before, strict=True)]
    return mean(differences, seed)
