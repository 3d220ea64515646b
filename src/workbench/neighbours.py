"""What vectors know of texts: which are near each other, and how much of that a map shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np


#: Up to so many vectors a map is worked out exactly.
EXACT = 1000


@dataclass(frozen=True)
class Pair:
    """Two texts by their places, their nearness (cosine, -1 to 1), and numbers only one has."""

    first: int
    second: int
    similarity: float
    numbers: tuple[str, ...] = ()


def similarity(first: Any, second: Any) -> float:
    """The cosine of the angle between two vectors: 1 for the same direction, 0 for none shared."""
    a, b = _unit([first, second])
    return float(a @ b)


def closest(
    vectors: Any, texts: Sequence[str], groups: Sequence[str], most: int = 10, least: float = 0.0
) -> list[Pair]:
    """The nearest pairs of texts of different groups (documents, say), nearest first.

    Two groups give one pair at most, so that a document and its copy do not fill the list. Each
    pair names the numbers that stand in one of its texts and not in the other. ``least`` is the
    smallest similarity of interest. Raises BadInput for lists of different length.
    """
    import numpy as np

    unit = _unit(vectors)
    if not len(unit) == len(texts) == len(groups):
        raise BadInput(
            f"{len(unit)} vectors, {len(texts)} texts and {len(groups)} groups",
            "give a text and a group for each vector",
        )
    upper = np.triu(unit @ unit.T, k=1)
    order = np.argsort(-upper, axis=None)
    found: dict[frozenset[str], Pair] = {}
    for place in order:
        i, j = (int(n) for n in divmod(int(place), len(unit)))
        if len(found) == most or i >= j or upper[i, j] < least:
            break
        between = frozenset((groups[i], groups[j]))
        if len(between) == 2 and between not in found:
            odd = numbers(texts[i]) ^ numbers(texts[j])
            found[between] = Pair(i, j, float(upper[i, j]), tuple(sorted(odd)))
    return list(found.values())


def numbers(text: str) -> set[str]:
    """The numbers, amounts and dates in a text, as written."""
    return set(re.findall(r"\d+(?:[.,:-]\d+)*", text))


def flat(vectors: Any, how: str = "neighbours", seed: int = 0) -> np.ndarray:
    """Vectors of many dimensions in two: an array of n by 2.

    ``neighbours`` keeps near ones near (t-SNE, van der Maaten and Hinton 2008; distances between
    far groups mean nothing, and a point cannot be added later). ``directions`` takes the two
    directions that differ most (principal components). Raises BadInput for fewer than 5 vectors.
    """
    import numpy as np

    unit = _unit(vectors)
    if len(unit) < 5:
        raise BadInput(f"{len(unit)} vectors make no map", "give at least five")
    if how == "directions":
        centred = unit - unit.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        return centred @ axes[:2].T
    if how != "neighbours":
        raise BadInput(f"no layout {how!r}", "use 'neighbours' or 'directions'")
    from sklearn.manifold import TSNE

    near = min(20.0, (len(unit) - 1) / 3)
    exact = len(unit) <= EXACT  # quicker than the approximation, for so few
    layout = TSNE(
        perplexity=near, init="pca", metric="cosine", max_iter=300, random_state=seed, n_jobs=1,
        method="exact" if exact else "barnes_hut",
    )  # fmt: skip
    return layout.fit_transform(unit.astype("float32"))


def kept(vectors: Any, points: Any, k: int = 10) -> float:
    """The share of each vector's ``k`` nearest (by cosine) that are among its nearest on a map."""
    import numpy as np

    unit, flat_points = _unit(vectors), np.asarray(points, dtype=float)
    k = min(k, len(unit) - 1)
    true = _nearest(-(unit @ unit.T), k)
    square = (flat_points**2).sum(axis=1)
    drawn = _nearest(square[:, None] + square[None] - 2 * flat_points @ flat_points.T, k)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(true, drawn, strict=True)]))


def _nearest(distances: np.ndarray, k: int) -> np.ndarray:
    import numpy as np

    np.fill_diagonal(distances, np.inf)
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def _unit(vectors: Any) -> np.ndarray:
    import numpy as np

    array = np.asarray(vectors, dtype=float)
    if array.ndim != 2:
        raise BadInput("the vectors do not make a table", "give a list of vectors of one length")
    return array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)
