"""What a notebook shows: tables, figures, prose with measured numbers, and the course's map.

Everything here escapes what it is given, reads well in light and in dark themes, and has a form
for plain text, Markdown and HTML, so that it survives papermill and every export.
"""

from __future__ import annotations

from workbench.display.course import course_table, lifecycle
from workbench.display.figures import PALETTE, Figure, figure, style
from workbench.display.maps import Map, map
from workbench.display.pieces import Pieces, pieces
from workbench.display.prose import Note, SideBySide, interval, note, side_by_side
from workbench.display.tables import Table, table

__all__ = [
    "PALETTE",
    "Figure",
    "Map",
    "Note",
    "Pieces",
    "SideBySide",
    "Table",
    "course_table",
    "figure",
    "interval",
    "lifecycle",
    "map",
    "note",
    "pieces",
    "side_by_side",
    "style",
    "table",
]
