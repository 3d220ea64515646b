"""The figures in the data cards are those of the data."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from content_words import count

from workbench import estate

KINDS = {
    "markdown": "Staff handbook, Markdown",
    "html": "Help pages, HTML",
    "pdf": "Circulars, PDF",
    "mail": "Mails, `.eml`",
    "text": "Notes, plain text",
}


@pytest.fixture(scope="session")
def page(data) -> str:
    return (data / "README.md").read_text("utf-8")


@pytest.fixture(scope="session")
def card(data) -> str:
    return (data / "CORPUS.md").read_text("utf-8")


def test_documents_and_words(page, card, documents):
    words = sum(count(document.text) for document in documents.values())
    counts = f"{len(documents)} documents"
    assert counts in page and counts in card
    assert (
        f"about {round(words, -3):,} words" in page and f"about {round(words, -3):,} words" in card
    )


def test_kinds(card, documents):
    kinds, words = Counter(), Counter()
    for document in documents.values():
        kinds[document.kind] += 1
        words[document.kind] += count(document.text)
    for kind, label in KINDS.items():
        assert f"| {label} | {kinds[kind]} | {words[kind]:,} |" in card, kind


def test_tables_of_the_database(card):
    for table in estate.tables():
        assert f"| `{table}` | {estate.load('corpus', table).num_rows:,} |" in card, table


def test_pictures_are_there_and_described(page, data):
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page)
    assert len(pictures) >= 3
    for text, file in pictures:
        assert len(text) > 40 and (data / file).is_file()


def test_every_link_leads_somewhere(data):
    cards = [data / "README.md", data / "CORPUS.md", *data.glob("*/README.md")]
    assert len(cards) == 8
    for file in cards:
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_pictures_can_be_drawn_again(script, tmp_path):
    script("figures").main(tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == {
        "map",
        "papers",
        "questions",
        "traffic",
    }
