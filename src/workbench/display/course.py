"""The course's map: the six phases of the lifecycle, and what each of them bought."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from workbench.display.tables import Format, Table, table
from workbench.errors import BadInput, BrokenFile
from workbench.settings import settings

#: The phases in their order: short name, and what it is about.
PHASES = (
    ("Select", "model selection"),
    ("Prepare", "data preparation and prompt engineering"),
    ("Customize", "retrieval and fine-tuning"),
    ("Evaluate", "evaluation and testing"),
    ("Deploy", "deployment and serving"),
    ("Observe", "monitoring and observability"),
)

#: What a phase records (see ``session.record_phase``) -> the column's title and format.
COLUMNS: dict[str, tuple[str, Format]] = {
    "quality": ("Quality", ".1%"),
    "latency_s": ("Latency", "{:.2f} s"),
    "memory_mb": ("Memory", "{:,.0f} MB"),
    "usd_per_1000": ("Per 1,000 answers", "${:.2f}"),
}


def check_phase(phase: int) -> int:
    """The phase's number, or BadInput naming the six."""
    if phase not in range(1, len(PHASES) + 1) or isinstance(phase, bool):
        names = ", ".join(f"{i} {name}" for i, (name, _) in enumerate(PHASES, 1))
        raise BadInput(f"there is no phase {phase!r}", f"the phases are: {names}")
    return phase


def course_file() -> Path:
    """Where the phases' rows are kept."""
    return settings().artifacts / "course.json"


def recorded() -> dict[str, dict[str, Any]]:
    """What the phases have recorded so far, by phase number as text; empty before the first."""
    path = course_file()
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text("utf-8"))["phases"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenFile(
            f"{path} cannot be read: {error}", "delete it and run the notebooks again"
        ) from None


def course_table() -> Table:
    """What each phase bought: quality, latency, memory and money, a row for each one recorded."""
    phases = recorded()
    rows = [_row(number, phases[str(number)]) for number in range(1, 7) if str(number) in phases]
    formats = {title: how for title, how in COLUMNS.values() if rows and title in rows[0]}
    caption = "What each phase bought" if rows else "No phase has recorded its row yet"
    return table(rows or [{"Phase": None}], caption, formats)


def _row(number: int, numbers: dict[str, Any]) -> dict[str, Any]:
    row = {"Phase": f"{number} {PHASES[number - 1][0]}", "What": numbers.get("what")}
    for key, (title, _) in COLUMNS.items():
        row[title] = numbers.get(key)
    row["95% interval"] = _range(numbers)
    row["n"] = numbers.get("n")
    return row


def _range(numbers: dict[str, Any]) -> str | None:
    if "low" not in numbers or "high" not in numbers:
        return None
    return f"{numbers['low']:.0%} to {numbers['high']:.0%}"


@dataclass(frozen=True)
class Lifecycle:
    """The six phases as a picture, one of them marked."""

    phase: int

    @property
    def title(self) -> str:
        name, about = PHASES[self.phase - 1]
        return f"The LLMOps lifecycle, phase {self.phase} of {len(PHASES)}: {name}, {about}"

    def _repr_html_(self) -> str:
        boxes = "".join(_box(i, i == self.phase) for i in range(1, len(PHASES) + 1))
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 104" width="100%" '
            f'style="max-width:860px;height:auto" role="img" aria-label="{escape(self.title)}">'
            f'<title>{escape(self.title)}</title><g font-family="system-ui, sans-serif" '
            'text-anchor="middle" fill="currentColor" stroke="currentColor">'
            f"{boxes}{_LOOP}</g></svg>"
        )

    def __repr__(self) -> str:
        names = (f"[{n}]" if i == self.phase else n for i, (n, _) in enumerate(PHASES, 1))
        return " → ".join(names)


#: The way back from the last phase to the first: a lifecycle, not a line.
_LOOP = (
    '<path d="M 664 58 V 82 Q 664 90 656 90 H 64 Q 56 90 56 82 V 64" fill="none" '
    'stroke-opacity=".45" stroke-width="1.5"/>'
    '<path d="M 51 68 L 56 59 L 61 68 Z" stroke="none" fill-opacity=".6"/>'
)


def _box(number: int, current: bool) -> str:
    """One phase, with the arrow to the next."""
    x = 4 + (number - 1) * 121
    look = 'fill="#0072B2" stroke="#0072B2"' if current else 'fill="none" stroke-opacity=".45"'
    ink = 'fill="#fff" stroke="none" font-weight="600"' if current else 'stroke="none"'
    arrow = f'<path d="M {x + 108} 34 l 9 4.5 l -9 4.5 Z" stroke="none" fill-opacity=".6"/>'
    return (
        f'<rect x="{x}" y="18" width="104" height="40" rx="8" stroke-width="1.5" {look}/>'
        f'<text x="{x + 52}" y="43" font-size="14" {ink}>{number} {PHASES[number - 1][0]}</text>'
        + (arrow if number < len(PHASES) else "")
    )


def lifecycle(phase: int) -> Lifecycle:
    """The six phases of the lifecycle as an inline picture, ``phase`` (1 to 6) being marked."""
    return Lifecycle(check_phase(phase))
