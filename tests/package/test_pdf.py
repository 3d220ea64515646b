"""PDF files as they come: turned pages, wide tables, odd fonts, hidden text."""

from __future__ import annotations

import math
from io import BytesIO

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from workbench.corpus import layout, pdf, text

HEAD = ("Port", "Berths", "Depth", "Crane")
ROWS = (("Aber", "2", "6 m", "yes"), ("Brae", "1", "4 m", "no"), ("Cove", "3", "9 m", "yes"))
COLUMNS = (60, 160, 240, 320)


def draw(*pages, size=A4) -> str:
    """The cleaned text of a PDF whose pages are drawn by these functions."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=size)
    for page in pages:
        canvas.setFont("Helvetica", 10)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return pdf.read(buffer.getvalue()).text


def table(canvas, rows, top=700, columns=COLUMNS, head=HEAD):
    for line, row in enumerate((head, *rows)):
        canvas.setFont("Helvetica" if line else "Helvetica-Bold", 10)
        for x, cell in zip(columns, row, strict=True):
            if cell:
                canvas.drawString(x, top - 18 * line, cell)
    canvas.setFont("Helvetica", 10)


def in_markdown(rows=ROWS) -> str:
    lines = (HEAD, ("---",) * len(HEAD), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("told", [True, False])
def test_turned_pages_are_read_the_right_way_round(quarters, told):
    def page(canvas):
        canvas.drawString(60, 800, "An upright line that says what comes next.")

    def turned(canvas):
        if told:
            canvas.setPageRotation(90 * quarters)
        canvas.translate(300, 400)
        canvas.rotate(90 * quarters)
        canvas.translate(-300, -400)
        table(canvas, ROWS)

    found = draw(page, turned)
    assert found.endswith(in_markdown() + "\n")


def test_a_note_in_the_margin_does_not_tear_the_lines():
    def page(canvas):
        canvas.drawString(60, 700, "The first half of a sentence")
        canvas.saveState()
        canvas.translate(20, 300)
        canvas.rotate(90)
        canvas.drawString(0, 0, "Form 12 b")
        canvas.restoreState()
        canvas.drawString(60, 687, "and its second half.")

    assert draw(page) == "The first half of a sentence and its second half.\n\nForm 12 b\n"


def test_a_table_over_pages_has_its_heading_once():
    def furniture(canvas, number):
        canvas.drawString(60, 810, "House rules")
        canvas.drawString(400, 810, "For the wall")
        canvas.drawString(60, 30, f"Page {number}")

    def first(canvas):
        furniture(canvas, 1)
        table(canvas, ROWS[:1], top=780)

    def second(canvas):
        furniture(canvas, 2)
        table(canvas, ROWS[1:2], top=780)

    def third(canvas):
        furniture(canvas, 3)
        table(canvas, ROWS[2:], top=780)

    assert draw(first, second, third) == in_markdown() + "\n"


def test_running_heads_go_though_one_page_is_turned():
    def page(canvas, width, height, line):
        canvas.drawString(60, height - 30, "House rules")
        canvas.drawString(60, height - 90, line)
        canvas.drawString(60, 30, "Harbour Street 1")

    def turned(canvas):
        canvas.translate(A4[0], 0)
        canvas.rotate(90)
        page(canvas, A4[1], A4[0], "The second page.")

    found = draw(lambda canvas: page(canvas, *A4, "The first page."), turned)
    assert found == "The first page.\n\nThe second page.\n"


def test_empty_cells_stay_empty():
    rows = (ROWS[0], ("Brae", "", "4 m", "no"), ("", "3", "", "yes"))
    found = draw(lambda canvas: table(canvas, rows))
    assert found.endswith("| Brae | | 4 m | no |\n| | 3 | | yes |\n")


def test_a_cell_over_two_lines_is_one_cell():
    def page(canvas):
        table(canvas, ROWS[:1])
        for x, cell in zip(COLUMNS, ("Dunes by the", "5", "7 m", "from"), strict=True):
            canvas.drawString(x, 650, cell)
        canvas.drawString(60, 639, "old light")
        canvas.drawString(320, 639, "May")
        canvas.drawString(60, 610, "A paragraph of its own.")

    rows = (ROWS[0], ("Dunes by the old light", "5", "7 m", "from May"))
    assert draw(page) == in_markdown(rows) + "\n\nA paragraph of its own.\n"


@pytest.mark.parametrize("align", ["TOP", "MIDDLE"])
def test_cells_that_are_written_one_after_the_other(align):
    style = ParagraphStyle("cell", fontName="Helvetica", fontSize=10, leading=12)
    rows = [
        ("Day", "12 kr", "All rivers and lakes north of the road, from sunrise on", "1 day"),
        ("Week, for families with up to three children", "60 kr", "All rivers", "7 days"),
        ("Night", "5 kr", "Lakes", "until six"),
    ]
    shown = [[Paragraph(a, style), b, Paragraph(c, style), d] for a, b, c, d in rows]
    body = Table(
        [("Permit", "Price", "Where", "How long"), *shown],
        colWidths=[110, 60, 120, 80],
        style=[("VALIGN", (0, 0), (-1, -1), align)],
    )
    buffer = BytesIO()
    SimpleDocTemplate(buffer).build([Paragraph("Before.", style), body, Paragraph("After.", style)])
    found = pdf.read(buffer.getvalue()).text
    assert "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\nAfter." in found


def test_headings_that_nearly_touch_are_cells_of_their_own():
    head = ("Port", "Berths of all kinds", "Depth in metres", "Crane")
    found = draw(lambda canvas: table(canvas, ROWS, columns=(60, 160, 255, 335), head=head))
    assert found.startswith(f"| {' | '.join(head)} |\n")


def test_two_tables_without_a_word_between_them_stay_two():
    other = ("Ship", "Built", "Crew", "Beds")

    def page(canvas):
        table(canvas, ROWS)
        table(canvas, (("Gull", "1999", "12", "40"),), top=600, head=other)

    assert "\n\n| Ship | Built | Crew | Beds |\n" in draw(page)


def test_a_number_in_the_last_row_is_no_page_number():
    found = draw(lambda canvas: table(canvas, (*ROWS, ("Dell", "7", "8", "9"))))
    assert "| Dell | 7 | 8 | 9 |" in found


def test_odd_fonts_read_as_a_person_reads_them():
    font = TTFont("Odd", "Vera.ttf")
    font.face.name = b"Odd"
    glyphs, widths = dict(font.face.charToGlyph), dict(font.face.charWidths)
    for private, shown in ((0xF001, 0xFB01), (0xF002, 0xFB02), (0xF0B7, 0x2022), (0xAD, 0x2D)):
        glyphs[private], widths[private] = glyphs[shown], widths[shown]
    font.face.charToGlyph, font.face.charWidths = glyphs, widths
    registerFont(font)

    def page(canvas):
        canvas.setFont("Odd", 10)
        canvas.drawString(60, 700, "The of\uf001ce \uf002oor, a check\u00adin and a ca\u00ad")
        canvas.drawString(60, 687, "binet.")
        canvas.drawString(60, 660, "\uf0b7 \uf001rst")

    assert draw(page) == "The office floor, a check-in and a cabinet.\n\n- first\n"


@pytest.mark.parametrize(
    "odd, plain",
    [
        ("\uf06e one\n\uf0d8 two", "• one\n• two"),
        ("\uf041\uf062c", "Abc"),
        ("non\u2011stop", "non-stop"),
        ("C\u00ad2026", "C-2026"),
        ("e\ufb03cient", "efficient"),
        ("\ue123", "\ue123"),
    ],
)
def test_readable(odd, plain):
    assert text.readable(odd) == plain


def test_hidden_text_stays_and_stands_alone():
    def page(canvas):
        canvas.drawString(60, 700, "What everybody sees")
        canvas.setFillGray(1)
        canvas.setFont("Helvetica", 4)
        canvas.drawString(60, 690, "What nobody sees.")

    assert draw(page) == "What everybody sees\n\nWhat nobody sees.\n"


def test_pieces_of_one_line_join_at_brackets_without_a_gap():
    pieces = [("see (", 60.0), ("chapter", 86.0), (").", 124.0)]
    lines = [layout.Line(words, x, 700.0, 10.0, False, 0) for words, x in pieces]
    assert [line.text for line in layout.rows(lines)] == ["see (chapter)."]


def test_matrices_are_multiplied_in_the_order_of_pdf():
    quarter = [0.0, 1.0, -1.0, 0.0, 595.0, 0.0]
    a, b, *_, x, y = pdf._times([1.0, 0.0, 0.0, 1.0, 20.0, 30.0], quarter)
    assert math.atan2(b, a) == pytest.approx(math.pi / 2) and (x, y) == (565.0, 20.0)
    assert pdf._upright(x, y, 1) == (20.0, -565.0)
