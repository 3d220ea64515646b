"""Reading any folder: good documents, clutter, odd encodings, and files that cannot be read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from workbench import corpus
from workbench.corpus import Corpus
from workbench.errors import BadInput


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that already has one good document."""
    (tmp_path / "good.md").write_text("# Good\n\nA short text.\n", "utf-8")
    return tmp_path


def pdf(path: Path, *pages: list[str], head: str = "") -> Path:
    """A plain PDF: each page a list of lines, with a running head and a page number."""
    canvas = Canvas(str(path), pagesize=A4)
    for number, lines in enumerate(pages, start=1):
        canvas.setFont("Helvetica", 10)
        canvas.drawString(60, 800, head)
        for row, line in enumerate(lines):
            canvas.drawString(60, 760 - 13 * row, line)
        canvas.drawString(500, 30, f"Page {number} of {len(pages)}")
        canvas.showPage()
    canvas.save()
    return path


def one(documents: Corpus, name: str) -> corpus.Document:
    return next(document for document in documents if document.id == name)


def reason(documents: Corpus, name: str) -> str:
    return next(why for path, why in documents.skipped if path.name == name)


def test_markdown_front_matter_becomes_metadata(folder):
    text = "---\ntitle: Rules\neffective_from: 2026-03-01\ntags: [a, b]\n---\n# Other\n\nText.\n"
    (folder / "rules.md").write_text(text, "utf-8")
    document = one(corpus.load(folder), "rules")
    assert document.title == "Rules" and document.kind == "markdown"
    assert document.metadata == {"effective_from": "2026-03-01"}
    assert document.text == "# Other\n\nText.\n" and "title: Rules" in document.raw


def test_front_matter_that_is_no_yaml_stays(folder):
    (folder / "odd.md").write_text("---\na: [b\n---\nText.\n", "utf-8")
    assert "a: [b" in one(corpus.load(folder), "odd").text


def test_html_loses_its_clutter_and_keeps_its_tables(folder):
    page = """<html><head><title>Menu | Inn</title><meta name="status" content="draft"></head>
    <body class="no-sidebar"><nav>Start</nav><div id="cookie_banner">We use cookies</div>
    <ol class="breadcrumb"><li>Home</li></ol><main><header><h1>The menu</h1></header>
    <p>Soup&nbsp;and bread.</p><table><tr><td>Soup</td><td>75 kr</td></tr>
    <tr><td>Bread</td><td>5 kr</td></tr></table>
    <details><summary>Without milk?</summary><p>Ask the cook.</p></details>
    <script>alert("x")</script></main><aside>Buy!</aside><footer>Address</footer></body></html>"""
    (folder / "menu.html").write_text(page, "utf-8")
    document = one(corpus.load(folder), "menu")
    assert document.title == "The menu" and document.metadata == {"status": "draft"}
    for word in ("cookies", "Home", "Start", "Buy!", "Address", "alert"):
        assert word not in document.text
    assert "Soup and bread." in document.text and "### Without milk?" in document.text
    assert "| Bread | 5 kr |" in document.text
    assert "We use cookies" in document.raw


def test_html_without_main_part(folder):
    (folder / "bare.htm").write_text("<p>Only a <b>line</b></p>", "utf-8")
    document = one(corpus.load(folder), "bare")
    assert document.text == "Only a **line**\n" and document.title == "Bare"


def test_pdf_loses_running_heads_and_heals_hyphens(folder):
    first = ["The ferry carries passen-", "gers and a twenty-", "one metre boat", "over the sound."]
    pdf(
        folder / "two.pdf", first, ["It also carries sheep", "and a twenty-one."], head="House news"
    )
    document = one(corpus.load(folder), "two")
    assert "House news" not in document.text and "Page 1" not in document.text
    assert "passengers" in document.text and "twenty-one metre" in document.text
    assert "House news" in document.raw


def test_pdf_columns_come_one_after_the_other(folder):
    canvas = Canvas(str(folder / "columns.pdf"), pagesize=A4)
    for x, side in ((60, "left"), (320, "right")):
        for row in range(4):
            canvas.drawString(x, 700 - 13 * row, f"{side} line {row}")
    canvas.save()
    text = one(corpus.load(folder), "columns").text
    assert text.index("left line 3") < text.index("right line 0")


def test_encodings(folder):
    words = "Café – 5 € “quoted”"
    (folder / "utf8.txt").write_text(words, "utf-8")
    (folder / "bom.txt").write_text(words, "utf-8-sig")
    (folder / "wide.txt").write_text(words, "utf-16")
    (folder / "windows.txt").write_bytes(words.encode("cp1252"))
    page = "<meta charset='iso-8859-2'><p>Łódź</p>"
    (folder / "polish.html").write_bytes(page.encode("iso-8859-2"))
    documents = corpus.load(folder)
    for name in ("utf8", "bom", "wide", "windows"):
        assert one(documents, name).text == words + "\n", name
    assert one(documents, "polish").text == "Łódź\n"


def test_mixed_line_ends(folder):
    (folder / "ends.txt").write_bytes(b"one\r\ntwo\rthree\n")
    assert one(corpus.load(folder), "ends").text == "one\ntwo\nthree\n"


def test_files_that_cannot_be_read_are_skipped_with_a_reason(folder):
    good = pdf(folder / "whole.pdf", ["Some text"])
    (folder / "short.pdf").write_bytes(good.read_bytes()[:-700])
    writer = PdfWriter(PdfReader(good))
    writer.encrypt("secret")
    writer.write(folder / "locked.pdf")
    with zipfile.ZipFile(folder / "archive.pdf", "w") as archive:
        archive.writestr("a.txt", "a")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing of use\n%%EOF\n")
    pdf(folder / "scan.pdf", [])
    (folder / "nothing.txt").write_bytes(b"")
    (folder / "blank.md").write_text(" \n\n", "utf-8")
    (folder / "bytes.txt").write_bytes(b"\x00\x01\x02" * 50)
    (folder / "data.sqlite").write_bytes(b"SQLite")
    told = []
    documents = corpus.load(folder, on_skip=lambda path, why: told.append((path, why)))
    assert [d.id for d in documents] == ["good", "whole"]
    assert documents.skipped == told
    expected = {
        "short.pdf": "cut short",
        "locked.pdf": "locked with a password",
        "archive.pdf": "zip archive",
        "broken.pdf": "a broken PDF",
        "scan.pdf": "a scan?",
        "nothing.txt": "empty",
        "blank.md": "empty",
        "bytes.txt": "not text",
        "data.sqlite": "not a kind that is read here (.sqlite)",
    }
    assert {path.name for path, _ in documents.skipped} == set(expected)
    for name, words in expected.items():
        assert words in reason(documents, name), name


def test_pdf_locked_against_printing_only_is_read(folder):
    writer = PdfWriter(PdfReader(pdf(folder / "open.pdf", ["Readable text"])))
    writer.encrypt(user_password="", owner_password="owner")
    writer.write(folder / "owner.pdf")
    assert "Readable text" in one(corpus.load(folder), "owner").text


def test_links_do_not_lead_in_circles(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "deep.txt").write_text("Deep.", "utf-8")
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "itself.txt").symlink_to(folder / "itself.txt")
    (folder / "alias.md").symlink_to(folder / "good.md")
    documents = corpus.load(folder)
    assert [d.id for d in documents] == ["alias", "good", "sub/deep"]
    assert "link to a folder" in reason(documents, "loop")
    assert "leads nowhere" in reason(documents, "itself.txt")


def test_very_large_text_is_skipped(folder):
    with (folder / "dump.txt").open("wb") as file:
        file.truncate(corpus.LARGEST_TEXT + 1)
    assert "larger than 20 MB" in reason(corpus.load(folder), "dump.txt")


def test_same_name_in_two_kinds(folder):
    (folder / "good.txt").write_text("Other.", "utf-8")
    assert [d.id for d in corpus.load(folder)] == ["good.md", "good.txt"]


def test_a_name_that_looks_like_another_with_its_suffix(folder):
    for name in ("good.txt", "good.md.txt"):
        (folder / name).write_text("Other.", "utf-8")
    assert [d.id for d in corpus.load(folder)] == ["good.md", "good.md.txt", "good.txt"]


def test_names_are_on_one_line(folder):
    for name in ("two\nlines.txt", "two_lines.txt"):
        (folder / name).write_text("Text.", "utf-8")
    ids = [d.id for d in corpus.load(folder)]
    assert len(set(ids)) == 3 and all(i.isprintable() for i in ids) and "two_lines" in ids


def test_order_is_that_of_the_ids(folder):
    for name in ("b", "a", "c"):
        (folder / f"{name}.txt").write_text(name, "utf-8")
    assert [d.id for d in corpus.load(folder)] == ["a", "b", "c", "good"]


def test_superseded_documents_are_told(folder):
    (folder / "new.md").write_text("---\nsupersedes: good\n---\nNew.\n", "utf-8")
    assert one(corpus.load(folder), "good").metadata == {"superseded_by": "new"}


def test_hidden_files_are_not_looked_at(folder):
    (folder / ".hidden.md").write_text("x", "utf-8")
    documents = corpus.load(folder)
    assert len(documents) == 1 and documents.skipped == []


@pytest.mark.parametrize("inside", [[], ["empty.txt"]])
def test_empty_folder(tmp_path, inside):
    for name in inside:
        (tmp_path / name).touch()
    with pytest.raises(BadInput) as problem:
        corpus.load(tmp_path)
    assert ".md" in problem.value.fix and all(name in problem.value.what for name in inside)


def test_missing_folder_and_file_in_its_place(folder):
    with pytest.raises(BadInput, match="there is no folder"):
        corpus.load(folder / "nowhere")
    with pytest.raises(BadInput, match="is a file"):
        corpus.load(folder / "good.md")


def test_own_corpus_is_the_default():
    assert len(corpus.load()) >= 20
