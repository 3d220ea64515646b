"""Reports of incidents: a story from ``reports.txt``, and how it ended."""

from __future__ import annotations

import random
import re
from itertools import product

from skerry.texts import sections

#: Ship or port -> words for what it has not.
ABSENT = {
    "MV Little Auk": re.compile(r"\b(purser|galley|deck 4|deck 5|lift)\b", re.IGNORECASE),
    "LGN": re.compile(r"\b(hall|desk|rest room|lift|kiosk)\b", re.IGNORECASE),
    "HES": re.compile(r"\b(slip)\b", re.IGNORECASE),
}


class Writer:
    """Writes reports and repeats none."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.texts = sections("reports.txt")
        self.stacks: dict[tuple[str, str], list[str]] = {}

    def write(self, kind: str, where: str, place: str = "board", hurt: int = 0) -> str:
        """A report that has not been written yet, and that fits the ship or port ``where``."""
        stories = f"{kind} {place}" if f"{kind} {place}" in self.texts else kind
        key = stories, f"{kind} {'hurt' if hurt else 'ends'}"
        if key not in self.stacks:
            found = [" ".join(pair) for pair in product(*(self.texts[name] for name in key))]
            self.stacks[key] = self.rng.sample(found, len(found))
        stack, absent = self.stacks[key], ABSENT.get(where)
        fits = (n for n in reversed(range(len(stack))) if not (absent and absent.search(stack[n])))
        return stack.pop(next(fits)).format(vessel=where)
