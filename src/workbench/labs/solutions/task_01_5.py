"""Task 01.5: is the second model better, or was it luck?"""

from math import comb


def compare(first, second):
    better = sum(b and not a for a, b in zip(first, second, strict=True))
    worse = sum(a and not b for a, b in zip(first, second, strict=True))
    decided = better + worse
    # if both were equally good, each decided question would be a toss of a coin
    tail = sum(comb(decided, k) for k in range(max(better, worse), decided + 1))
    if decided == 0 or min(1.0, 2 * tail / 2**decided) >= 0.05:
        return "too few to conclude"
    return "better" if better > worse else "worse"
