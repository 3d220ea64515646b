"""Reports of incidents: a story from ``reports.txt``, and how it ended."""

from __future__ import annotations

import random
from itertools import product

from skerry.texts import sections


class Writer:
    """Writes reports and repeats none."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.texts = sections("reports.txt")
        self.stacks: dict[tuple[str, str], list[str]] = {}

    def write(self, kind: str, place: str = "board", vessel: str = "", hurt: int = 0) -> str:
        """A report that has not been written yet."""
        stories = f"{kind} {place}" if f"{kind} {place}" in self.texts else kind
        key = stories, f"{kind} {'hurt' if hurt else 'ends'}"
        if key not in self.stacks:
            found = [" ".join(pair) for pair in product(*(self.texts[name] for name in key))]
            self.stacks[key] = self.rng.sample(found, len(found))
        return self.stacks[key].pop().format(vessel=vessel)
