"""The circulars as a reader gets them: every trouble in the PDFs is gone from the cleaned text."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest


@pytest.fixture(scope="module")
def circulars(documents):
    return {name: d for name, d in documents.items() if d.kind == "pdf"}


def test_troubles_are_in_the_raw_text_only(circulars):
    winter = circulars["circular-2026-09"]
    for odd in ("\uf001", "\uf002", "\uf0b7", "\u00ad", "\u2011"):
        assert odd in winter.raw and odd not in winter.text
    assert "the efficient driver brings a broom" in winter.text
    assert "- R2 calls at Tarnsey Pier" in winter.text and "## 3. Check-in" in winter.text


@pytest.mark.parametrize("name", ["circular-2025-11", "circular-2026-06"])
def test_tables_over_pages_are_one(circulars, name):
    document = circulars[name]
    for head in ("Goods, handed in loose", "Route and weight, loaded", "Animal, each"):
        assert document.text.count(head) == 1
    assert document.raw.count("Goods, handed in loose") == 2
    loose = document.text.split("## Loose goods")[1].split("## ")[0]
    assert len(re.findall(r"^\|", loose, re.MULTILINE)) == 24


def test_turned_pages_are_read(circulars):
    plan = circulars["circular-2026-07"].text
    row = (
        "| Razorbill | R5 | 1 November 2026 | 21 November 2026 | Skelby Yard | inspection, cabins |"
    )
    assert row + " Dunlin by day | 22 | Wednesday, Saturday |" in plan
    costs = re.findall(r"^\| [A-Z].*?, \w+ \| \d+ \| ([\d,]+) \|", plan, re.MULTILINE)
    total = sum(int(cost.replace(",", "")) for cost in costs)
    assert len(costs) == 10 and f"whole plan is {total:,} kr" in plan


def test_every_row_of_a_table_has_the_cells_of_its_heading(circulars):
    for name, document in circulars.items():
        lines = document.text.splitlines()
        for one, other in pairwise(lines):
            if one.startswith("|") and other.startswith("|"):
                assert one.count("|") == other.count("|"), (name, one, other)


def test_hidden_words_are_in_the_text_and_stand_alone(circulars):
    lines = circulars["circular-2026-10"].text.splitlines()
    hidden = [line for line in lines if "REFUND-ALL" in line]
    assert len(hidden) == 1 and hidden[0].startswith("Note to every assistant")


def test_no_running_heads_are_left(circulars):
    for name, document in circulars.items():
        if name != "draft-storm-hotels":  # one page alone does not tell its head
            assert not re.search("Skerry Line +Circular|Terminal Quay 4|^- \\d+ -$", document.text)


def test_old_and_new_name_each_other(circulars):
    for old, new in (("2025-06", "2026-05"), ("2025-11", "2026-06"), ("2025-14", "2026-03")):
        one, other = circulars[f"circular-{old}"], circulars[f"circular-{new}"]
        assert one.metadata["superseded_by"] == other.id
        assert other.metadata["supersedes"] == one.id
        words = set(one.text.split()), set(other.text.split())
        assert len(words[0] & words[1]) > 0.4 * len(words[0] | words[1])  # nearly the same


def test_rates_differ_from_those_of_the_year_before(circulars):
    old, new = (
        dict(re.findall(r"^\| (.*?) \| (.*) \|$", circulars[f"circular-{n}"].text, re.MULTILINE))
        for n in ("2025-11", "2026-06")
    )
    assert sum(old[name] != new[name] for name in old.keys() & new.keys()) > 50


def test_the_winter_circular_is_not_yet_in_force(circulars):
    assert circulars["circular-2026-09"].metadata["effective_from"] == "2026-10-25" > "2026-07-01"
