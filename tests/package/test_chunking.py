"""Chunks: their length, their borders, and what they know about where they come from."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from workbench import chunking, corpus
from workbench.corpus import Document
from workbench.errors import BadInput, UnknownName

TABLE = "\n".join(
    ["| Ship | Cars |", "| --- | --- |", *(f"| Ship {n} | {n * 3} |" for n in range(60))]
)
TEXT = f"""# Handbook

Opening words.

## Loading

{" ".join(f"Sentence number {n} says something." for n in range(60))}

### Ships

Before the table.

{TABLE}

## Empty

## Last

The end.
"""


@pytest.fixture
def document() -> Document:
    return Document("h", "Handbook", "markdown", TEXT, Path("h.md"), {"effective_from": "2026"})


def size(text: str) -> int:
    return len(chunking.words(text))


@pytest.mark.parametrize("how", chunking.WAYS)
def test_nothing_is_lost(document, how):
    chunks = chunking.split([document], size=80, overlap=10, how=how)
    together = " ".join(chunk.text for chunk in chunks)
    wanted = set(chunking.words(TEXT)) - {"#"}
    wanted -= {"Empty"} if how == "heading" else set()  # a heading without text has no chunk
    assert wanted <= set(chunking.words(together))


@pytest.mark.parametrize("how", ["fixed", "sentence"])
def test_no_chunk_is_too_long(document, how):
    assert max(size(c.text) for c in chunking.split([document], 80, 10, how)) <= 80


def test_heading_chunks_are_no_longer_than_size_and_path(document):
    for chunk in chunking.split([document], 80, 10):
        path, _, body = chunk.text.partition("\n\n")
        assert path == chunk.metadata["heading"]
        assert size(body) <= 80


def test_sections_do_not_mix(document):
    headings = [chunk.metadata["heading"] for chunk in chunking.split([document], 80, 10)]
    assert list(dict.fromkeys(headings)) == [
        "Handbook",
        "Handbook > Loading",
        "Handbook > Loading > Ships",
        "Handbook > Last",
    ]


def test_tables_are_cut_between_rows_and_keep_their_head(document):
    chunks = [
        c for c in chunking.split([document], 80, 10) if "| Ship 5 |" in c.text or "|" in c.text
    ]
    rows = []
    for chunk in chunks:
        lines = [line for line in chunk.text.splitlines() if line.startswith("|")]
        assert lines[:2] == ["| Ship | Cars |", "| --- | --- |"]
        assert all(re.fullmatch(r"\| Ship \d+ \| \d+ \|", line) for line in lines[2:])
        rows += lines[2:]
    assert len(chunks) > 1 and len(rows) == 60


def test_sentences_stay_whole(document):
    chunks = [
        c for c in chunking.split([document], 80, 10) if c.metadata["heading"].endswith("Loading")
    ]
    assert len(chunks) > 2
    assert all(chunk.text.endswith("something.") for chunk in chunks)


def test_neighbours_overlap(document):
    cut = [c.text for c in chunking.split([document], 80, 20, "fixed")]
    assert all(set(a.split()[-3:]) & set(b.split()[:20]) for a, b in pairwise(cut))
    none = chunking.split([document], 80, 0, "fixed")
    assert sum(size(c.text) for c in none) <= size(TEXT) + len(none)


def test_ids_and_metadata(document):
    chunks = chunking.split([document], 80, 10)
    assert [c.id for c in chunks] == [f"h#{n}" for n in range(1, len(chunks) + 1)]
    assert chunks[0].metadata == {
        "document": "h",
        "title": "Handbook",
        "kind": "markdown",
        "heading": "Handbook",
        "effective_from": "2026",
    }


def test_heading_inside_a_code_block_is_no_heading(document):
    text = "# A\n\n```\n# not a heading\n```\n"
    (chunk,) = chunking.split([Document("a", "A", "markdown", text, Path("a.md"))])
    assert chunk.metadata["heading"] == "A" and "# not a heading" in chunk.text


def test_one_endless_word_is_not_lost():
    text = "x" * 5000
    for how in chunking.WAYS:
        chunks = chunking.split([Document("x", "X", "text", text, Path("x.txt"))], how=how)
        assert "".join(c.text for c in chunks).count("x") >= 5000


def test_no_documents():
    assert chunking.split([]) == []


def test_bad_sizes_and_names(document):
    with pytest.raises(UnknownName) as problem:
        chunking.split([document], how="headings")
    assert "did you mean 'heading'" in problem.value.fix
    for length, overlap in ((0, 0), (10, 10), (10, -1)):
        with pytest.raises(BadInput, match="cannot overlap"):
            chunking.split([document], length, overlap)


def test_own_corpus_gives_the_same_chunks_again():
    documents = corpus.load()
    assert chunking.split(documents) == chunking.split(documents)


def split_of(text: str, title: str = "T", size: int = 40) -> list[chunking.Chunk]:
    return chunking.split([Document("a", title, "markdown", text, Path("a.md"))], size, 8)


def test_long_code_is_cut_between_lines_and_keeps_its_fences():
    lines = [f"x{n} = {n}" + ("\n" if n % 9 == 0 else "") for n in range(60)]
    code = "\n".join(lines)
    chunks = split_of(f"# A\n\nBefore.\n\n```python\n{code}\n```\n\nAfter.\n")
    pieces = [c.text for c in chunks if "```" in c.text]
    assert len(pieces) > 3
    for piece in pieces:
        assert piece.count("```python\n") == 1 and piece.count("```") == 2
    together = "\n".join(pieces)
    assert all(re.search(rf"^x{n} = {n}$", together, re.MULTILINE) for n in range(60))


def test_tilde_fences_hold_headings_back_and_open_ones_lose_nothing():
    (chunk,) = split_of("# A\n\n~~~\n# no heading\n~~~\n")
    assert chunk.metadata["heading"] == "T > A" and "# no heading" in chunk.text
    assert "more" in " ".join(c.text for c in split_of("# A\n\n```\nnever closed\n\n# x\n\nmore\n"))


@pytest.mark.parametrize(
    "before, after",
    [("Prices:\n", ""), ("", "\nA note."), ("", "")],
    ids=["words before", "words after", "alone"],
)
def test_a_long_table_keeps_its_head_whatever_stands_beside_it(before, after):
    rows = "\n".join(f"| route {n} | {n} kr |" for n in range(50))
    chunks = split_of(f"{before}| Route | Price |\n| :--- | ---: |\n{rows}{after}")
    with_rows = [c.text for c in chunks if "| route" in c.text]
    assert len(with_rows) > 3
    assert all("| Route | Price |\n| :--- | ---: |\n| route" in text for text in with_rows)
    assert sum(text.count("| route") for text in with_rows) == 50


def test_line_ends_of_windows_and_no_title():
    (chunk,) = split_of("# A\r\n\r\n## B\r\n\r\ntext\r\n", title="")
    assert chunk.metadata["heading"] == "A > B" and chunk.text == "A > B\n\ntext"
    (chunk,) = split_of("only text", title="")
    assert chunk.text == "only text" and chunk.metadata["heading"] == ""


def test_nothing_in_a_document_is_no_chunk():
    assert split_of("") == split_of(" \n\n ") == split_of("# A\n\n## B\n") == []
