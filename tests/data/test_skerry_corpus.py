"""The Skerry Line documents: how many, what is in them, and that they are made the same again."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

import pytest
from content_words import count

#: Words of a page's frame and not of its text.
CLUTTER = (
    "cookie",
    "breadcrumb",
    "rsaquo",
    "›",
    "helpful",
    "Newsletter",
    "Island days",
    "On this page",
    "Back to top",
    "Search the help centre",
    "What was missing",
)
#: Kind of document -> how many of it there are at least.
LEAST = {"markdown": 15, "html": 20, "pdf": 10, "mail": 9, "text": 5}


def table_rows(text: str, heading: str) -> list[list[str]]:
    """The body rows of the first Markdown table after a heading."""
    after = text.split(heading, 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE).group().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_counts(documents):
    kinds = Counter(document.kind for document in documents.values())
    words = sum(count(document.text) for document in documents.values())
    assert len(documents) >= 45 and words >= 28_000
    assert {kind: kinds[kind] >= least for kind, least in LEAST.items()} == dict.fromkeys(
        LEAST, True
    )


@pytest.mark.parametrize("word", CLUTTER)
def test_clutter_is_gone(documents, word):
    pages = [document for document in documents.values() if document.kind == "html"]
    assert not [page.id for page in pages if word.lower() in page.text.lower()]


@pytest.mark.parametrize("word", ["cookies", "Share this page", "Newsletter", "dataLayer"])
def test_clutter_is_in_the_raw_text(documents, word):
    pages = [document for document in documents.values() if document.kind == "html"]
    assert all(word in page.raw for page in pages if word != "dataLayer")
    source = pages[0].path.read_text("utf-8")
    assert word in source


def test_pages_keep_what_they_say(documents):
    page = documents["fares"].text
    assert "| Marrowick | Storholm | 84 kr | 190 kr |" in page
    assert "### Ten-trip book" in page and "for the price of eight" in page  # an accordion
    assert page.count("Terminal Quay 4") == 0  # both footers


def test_circulars_lose_their_running_heads(documents):
    for name in ("circular-2025-14", "circular-2026-03", "circular-2026-05"):
        document = documents[name]
        assert "Page 1" in document.raw and "For staff and notice boards" in document.raw
        assert not re.search(r"Page \d", document.text)
        assert "For staff and notice boards" not in document.text


def test_hyphens_at_line_ends_are_healed(documents):
    circulars = [documents[name] for name in ("circular-2025-14", "circular-2026-03")]
    raw, clean = (
        "".join(texts) for texts in zip(*((c.raw, c.text) for c in circulars), strict=True)
    )
    broken = re.findall(r"([a-z]+)-\n([a-z]+)", raw)
    assert len(broken) >= 5
    assert all(first + second in clean for first, second in broken)
    assert not re.findall(r"[a-z]- ?\n", clean)


def test_columns_are_read_one_after_the_other(documents):
    text = documents["circular-2025-14"].text
    titles = ["Purpose", "Wind limits", "Rebooking", "Meals", "Claims", "Questions"]
    places = [text.index(f"## {title}") for title in titles]
    assert places == sorted(places)
    assert len(table_rows(text, "## Wind limits")) == 6  # the table goes over the column


def test_which_circular_wins(documents):
    old, new = documents["circular-2025-14"].metadata, documents["circular-2026-03"].metadata
    assert old["effective_from"] < new["effective_from"]
    assert old["superseded_by"] == "circular-2026-03" and new["supersedes"] == "circular-2025-14"
    draft = documents["draft-storm-hotels"].metadata
    assert draft == {"status": "draft"}


@pytest.mark.parametrize("name, suffix", [("circulars", "pdf"), ("help_pages", "html")])
def test_made_again_byte_for_byte(data, script, tmp_path, name, suffix):
    script(name).main(tmp_path)
    made = sorted(tmp_path.glob(f"*.{suffix}"))
    committed = sorted((data / "corpus").glob(f"*.{suffix}"))
    assert [path.name for path in made] == [path.name for path in committed]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(made, committed, strict=True))


def test_documents_agree_with_the_world_sheet(data, documents):
    world = tomllib.loads((data / "world.toml").read_text("utf-8"))
    names = {code: port[0] for code, port in world["ports"].items()}
    fares = [
        [names[f["from"]], names[f["to"]], f"{f['adult']} kr", f"{f['car']} kr"]
        for f in world["fares"]
    ]
    shown = table_rows(documents["fares"].text, "## Passengers")
    assert [[c.replace(" (reclining seat)", "") for c in row] for row in shown] == fares
    ships = [
        [name, str(v["built"]), str(v["passengers"]), str(v["cars"]), f"{v['height']} m"]
        for name, v in world["vessels"].items()
    ]
    assert table_rows(documents["handbook-terms"].text, "## 1.2") == ships
    limits = dict(table_rows(documents["circular-2026-03"].text, "## Wind limits"))
    assert limits == {name: f"{v['wind']} m/s" for name, v in world["vessels"].items()}
    places = table_rows(documents["accessibility"].text, "## The ships")
    assert {row[0]: int(row[1]) for row in places} == {
        name: v["wheelchairs"] for name, v in world["vessels"].items()
    }
