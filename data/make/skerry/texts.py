"""Texts beside the modules: sections under ``# heads``."""

from __future__ import annotations

import re
from pathlib import Path


def sections(name: str) -> dict[str, list[str]]:
    """Head -> the lines below it, of a text file of this folder."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    found = re.findall(r"^# (.+)\n((?:[^#\n].*\n?)+)", text, re.MULTILINE)
    return {head: body.splitlines() for head, body in found}
