"""``workbench index`` and ``ask`` on somebody's own folder: what is said, and the exit codes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_ollama import FakeOllama
from pypdf import PdfWriter
from typer.testing import CliRunner

from workbench import rag_cli
from workbench.errors import BadInput
from workbench.retrieval import cli, ingest, reader
from workbench.retrieval.cli import app, skipped_lines
from workbench.retrieval.reader import Job


class Here:
    """Reads in this very process: what is said does not hang on who reads."""

    def __init__(self, workers: int, seconds: float) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def each(self, jobs, idle) -> Iterator[tuple[Job, reader.Reading]]:
        for job in jobs:
            yield job, reader.reading(job)


@pytest.fixture
def docs(monkeypatch, tmp_path) -> Iterator[Path]:
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    monkeypatch.setattr(ingest, "Readers", Here)
    folder = tmp_path / "my dócs"
    folder.mkdir()
    (folder / "opening.md").write_text("# Opening\n\nThe museum opens at ten.\n")
    (folder / "prices.csv").write_text("ticket;price\nadult;90 kr\nchild;40 kr\n")
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield folder


def index(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def evil(folder: Path) -> None:
    """Everything that people have in a folder and nobody can read."""
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret")
    writer.write(folder / "locked.pdf")
    with zipfile.ZipFile(folder / "zip.pdf", "w") as archive:
        archive.writestr("a.txt", "a")
    (folder / "big.txt").open("wb").truncate(200 * 2**20)
    (folder / "loop").symlink_to(folder)
    (folder / "two\nlines.txt").write_bytes(b"\0\1")
    (folder / "deep.html").write_text("<div>" * 5000 + "x" + "</div>" * 5000)
    for number in range(5):
        (folder / f"photo{number}.jpg").write_bytes(b"x")


def test_what_was_indexed_and_what_to_type_next(docs):
    done = index(str(docs))
    assert done.exit_code == 0
    for words in (
        "2 documents in the index: 1 markdown, 1 csv",
        "2 passages: 2 new",
        "2 files read, 2 passages embedded",
        f"workbench ask \"…\" --corpus '{docs}'",
        "artifacts/index/my-dócs-",
    ):
        assert words in done.stdout
    again = index(str(docs))
    assert "2 as they were" in again.stdout and "0 files read" in again.stdout


def test_what_was_skipped_and_why(docs):
    evil(docs)
    done = index(str(docs))
    assert done.exit_code == 0 and "2 documents" in done.stdout and "11 skipped:" in done.stdout
    for line in (
        "  locked.pdf: locked with a password",
        "  zip.pdf: not a PDF, though its name says so (it is a zip archive)",
        "  big.txt: larger than 20 MB",
        "  loop: a link to a folder; links to folders are not followed",
        "  two\\nlines.txt: not text (it holds zero bytes)",
        "  deep.html: nested too deeply to be read (over 200 elements)",
        "  5 files: not a kind that is read here (.jpg) (photo0.jpg, photo1.jpg, photo2.jpg, …)",
    ):
        assert line in done.stdout.splitlines()


def test_json_is_one_object_and_nothing_else(docs):
    evil(docs)
    done = index(str(docs), "--json")
    result = json.loads(done.stdout)
    assert result["documents"] == 2 and result["kinds"] == {"markdown": 1, "csv": 1}
    assert result["passages"] == {
        "total": 2,
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
    }
    assert len(result["skipped"]) == 11 and set(result["skipped"][0]) == {"file", "reason"}


@pytest.mark.parametrize(
    ("name", "says", "fix"),
    [
        ("none", "there is no folder", "make the folder"),
        ("opening.md", "is a file and not a folder", "workbench index"),
        ("empty", "no document to read", ".csv"),
        ("photos", "(.jpg)", ".pdf"),
    ],
)
def test_bad_folders_are_named_with_a_fix(docs, name, says, fix):
    (docs / "empty").mkdir()
    (docs / "photos").mkdir()
    (docs / "photos" / "a.jpg").write_bytes(b"x")
    done = index(str(docs / name))
    assert isinstance(done.exception, BadInput) and done.exception.exit_code == 2
    assert says in done.exception.what and fix in done.exception.fix and done.stdout == ""


def test_ask_uses_the_same_index(docs, capsys):
    index(str(docs))
    retriever = rag_cli.open_index(docs)
    assert retriever.changes.added == 0 and len(retriever) == 2
    assert capsys.readouterr().err == ""
    (docs / "opening.md").write_text("# Opening\n\nIt opens at nine.\n")
    rag_cli.open_index(docs)
    assert "0 new, 1 changed, 0 gone, 1 as they were" in capsys.readouterr().err


def test_many_files_with_one_reason_take_one_line():
    skipped = [(Path(f"/d/{n}.jpg"), "not read") for n in range(9)] + [(Path("/d/a.txt"), "empty")]
    assert skipped_lines(skipped, Path("/d")) == [
        "10 skipped:",
        "  9 files: not read (0.jpg, 1.jpg, 2.jpg, …)",
        "  a.txt: empty",
    ]
    assert skipped_lines([], Path("/d")) == []


def test_a_name_is_shown_on_one_line():
    assert cli.shown("a\nb\x1b[31m é 😀") == "a\\nb\\x1b[31m é 😀"


@pytest.mark.model
def test_own_documents_are_indexed_with_real_readers_and_found(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "root"))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "pets.txt").write_text("Dogs travel free on the open deck.")
    (tmp_path / "d" / "fares.csv").write_text("vehicle,price\ncar,90 kr\nbicycle,40 kr\n")
    done = index(str(tmp_path / "d"), "--json")
    assert json.loads(done.stdout)["embedded"] == 2
    [hit] = rag_cli.open_index(tmp_path / "d").search("May I bring my puppy?", k=1)
    assert hit.chunk.document == "pets"
