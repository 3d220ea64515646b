"""Tables in text files: found delimiters, headings, encodings, and what is no table."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import chunking, corpus
from workbench.corpus import csv_table
from workbench.corpus.text import Unreadable


def text(data: bytes | str) -> str:
    return csv_table.read(data.encode() if isinstance(data, str) else data).text


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(mark):
    rows = [["route", "price"], ["Alder", "120 kr"], ["Brant", "80 kr"]]
    assert "| Alder | 120 kr |" in text("\n".join(mark.join(row) for row in rows))


def test_a_decimal_comma_is_no_delimiter():
    assert "| Ale | 5,50 |" in text("drink;price\nAle;5,50\nTea;3,20\nMilk;2,10\n")


def test_the_delimiter_that_a_spreadsheet_declares_counts():
    assert text("sep=;\na;b\n1,5;2,5\n") == "| a | b |\n| --- | --- |\n| 1,5 | 2,5 |\n"


def test_a_first_row_of_values_is_no_heading():
    assert text("1,2\n3,4\n").startswith("| column 1 | column 2 |\n| --- | --- |\n| 1 | 2 |")


def test_quotes_line_breaks_and_bars_stay_in_their_cell():
    table = text('name,note\n"Reed, Ada","two\nlines, a | bar"\nBo,none\n')
    assert "| Reed, Ada | two lines, a / bar |" in table and "| Bo | none |" in table


def test_ragged_rows_lose_nothing():
    table = text("a,b,c\n1,2\n1,2,3,4\n")
    assert "| 1 | 2 |  |  |" in table and "| 1 | 2 | 3 | 4 |" in table and "column 4" in table


def test_empty_rows_and_columns_go():
    assert text("a,b,,\n\n,,,\n1,2,,\n") == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding):
    assert "| Café | 5 € |" in text("name,price\nCafé,5 €\nBar,6 €\n".encode(encoding))


def test_a_wide_table_is_written_row_by_row():
    head = [f"field {n}" for n in range(8)]
    rows = [[f"value {r}{n}" for n in range(8)] for r in range(3)]
    rows[1][2] = ""
    lines = text("\n".join(",".join(row) for row in [head, *rows])).split("\n\n")
    assert len(lines) == 3
    assert "field 3: value 13" in lines[1] and "field 2:" not in lines[1]


def test_a_list_in_one_column_is_read():
    assert "| Bergen |" in text("port\nBergen\nOslo\n")


@pytest.mark.parametrize(
    "prose",
    [
        "Just a sentence, here.\nAnd another one.\nAnd, more, of, it.\n",
        "One long line of words that goes on and on, past eighty characters, and is no table.",
    ],
)
def test_what_is_no_table_is_said_to_be_none(prose):
    with pytest.raises(Unreadable, match="not a table"):
        csv_table.read(prose.encode())


def test_nothing_is_empty():
    with pytest.raises(Unreadable, match="empty"):
        csv_table.read(b"\n\n")


def test_a_very_long_cell_is_no_error():
    assert "x" * 200_000 in text(f"a,b\n{'x' * 200_000},1\n")


def test_chunks_of_a_long_table_keep_its_heading_and_whole_rows(tmp_path: Path):
    rows = "\n".join(f"Route {n};{100 + n} kr" for n in range(400))
    (tmp_path / "fares-2026.csv").write_text(f"route;price\n{rows}\n", "utf-8")
    [document] = corpus.load(tmp_path)
    assert document.kind == "csv" and document.title == "Fares 2026"
    chunks = chunking.split([document])
    assert len(chunks) > 5
    assert all("| route | price |" in chunk.text for chunk in chunks)
    assert sum("| Route 399 | 499 kr |" in chunk.text for chunk in chunks) == 1
