"""The figures in the data card are those of the data."""

from __future__ import annotations

import json
import sqlite3

import pytest

from workbench import catalog


@pytest.fixture(scope="session")
def card(data) -> str:
    return (data / "README.md").read_text("utf-8")


def test_counts_in_the_card(card, data, documents, questions):
    words = sum(len(document.text.split()) for document in documents.values())
    assert f"{len(documents)} documents, about {round(words, -3):,} words" in card
    database = sqlite3.connect(data / "corpus" / "skerry.sqlite")
    (sailings,) = database.execute("SELECT COUNT(*) FROM sailings").fetchone()
    database.close()
    assert f"{sailings:,} sailings" in card
    assert f"| {len(questions)} | `workbench.golden.load`" in card
    lines = (data / "tuning" / "curated.jsonl").read_text("utf-8").splitlines()
    silent = sum(not json.loads(line)["answerable"] for line in lines)
    assert f"{len(lines)} examples" in card and f"({silent}, or 20 %)" in card
    assert f"({len(catalog.models())} models)" in card
    assert f"({len(catalog.prices())} prices)" in card


def test_every_column_is_documented(card):
    for column in [*catalog.models().columns, *catalog.prices().columns]:
        assert f"`{column}`" in card, column


def test_the_examples_load_with_datasets(data, tmp_path):
    from datasets import load_dataset

    file = str(data / "tuning" / "curated.jsonl")
    examples = load_dataset("json", data_files=file, cache_dir=str(tmp_path), split="train")
    assert len(examples) == 160 and "context" in examples.column_names
