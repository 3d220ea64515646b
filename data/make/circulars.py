"""Make the PDF circulars in ``data/corpus`` from the texts in ``data/make/circulars``.

The same texts give the same bytes: ReportLab's invariant mode leaves out clock and random ids,
and pages are not compressed, so that no version of zlib can change them.

    python data/make/circulars.py [FOLDER]

A text begins with head lines (``title``, ``columns`` and so on; ``style: memo`` sets it as from
an old word processor). Blocks follow, parted by blank lines: ``## heading``, ``| table |``,
``- list``, ``1. list``, ``<<turn>>`` and ``<<back>>`` (pages between them are turned), and
``%% text``, which is printed white on white and is meant to trap careless readers.
"""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

HERE = Path(__file__).resolve().parent
BLUE = colors.HexColor("#12395b")
BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=10.5, leading=13.5, spaceAfter=6)
HEAD = ParagraphStyle(
    "head",
    fontName="Helvetica-Bold",
    fontSize=11.5,
    leading=14,
    spaceBefore=6,
    keepWithNext=1,
    textColor=BLUE,
)
TITLE = ParagraphStyle("title", parent=HEAD, fontSize=17, leading=21, spaceAfter=8)
WHITE = ParagraphStyle("white", parent=BODY, fontSize=5, leading=6, textColor=colors.white)
MEMO = ParagraphStyle(
    "memo", fontName="Vera", bulletFontName="Vera", fontSize=9.5, leading=13.5, spaceAfter=6
)
MEMO_HEAD = ParagraphStyle(
    "memohead", parent=MEMO, fontName="VeraBd", fontSize=11, spaceBefore=8, keepWithNext=1
)
MEMO_TITLE = ParagraphStyle("memotitle", parent=MEMO_HEAD, fontSize=15, leading=20, spaceAfter=8)
#: A word may break after a vowel that one consonant and a vowel follow, or between two consonants.
BREAK = re.compile(
    r"(?<=[a-z]{2}[aeiou])(?=[bcdfglmnprstv][aeiou][a-z])"
    r"|(?<=[a-z]{2}[lmnrs])(?=[bcdfgpt][aeiou][a-z])"
)
#: Characters of the word processor that no font has (most are private), and what they show.
PRIVATE = {0xF001: 0xFB01, 0xF002: 0xFB02, 0xF0B7: 0x2022, 0x2011: 0x2D}


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """The head lines of a circular's text as a dictionary, and its blocks."""
    head, _, body = path.read_text("utf-8").partition("\n\n")
    pairs = (line.split(":", 1) for line in head.splitlines())
    return {name: value.strip() for name, value in pairs}, body.strip().split("\n\n")


def hyphenate(text: str) -> str:
    """The text with soft hyphens in its long words, for narrow columns."""
    return re.sub(r"\b[a-z]{7,}\b", lambda word: BREAK.sub("\u00ad", word.group()), text)


def old_font(text: str) -> str:
    """The text with ligatures as the old word processor wrote them."""
    return text.replace("fi", "\uf001").replace("fl", "\uf002")


def flowables(blocks: list[str], width: float, head: dict[str, str]) -> list[Flowable]:
    """Blocks as things that can be laid out: headings, tables, lists, paragraphs."""
    memo, turned = "style" in head, False
    body, heading, bullet = (MEMO, MEMO_HEAD, "\uf0b7") if memo else (BODY, HEAD, "•")
    item = ParagraphStyle("item", parent=body, leftIndent=12, bulletIndent=2)
    out: list[Flowable] = []
    for block in blocks:
        shown = hyphenate(block) if head["columns"] == "2" or memo else block
        if memo:
            block, shown = old_font(block), old_font(shown)
        if block in ("<<turn>>", "<<back>>"):
            turned = block == "<<turn>>"
            out += [NextPageTemplate("turned" if turned else "page"), PageBreak()]
        elif block.startswith("## "):
            out.append(Paragraph(block[3:], heading))
        elif block.startswith("|"):
            out += [table(block, A4[1] - 40 * mm if turned else width, head), Spacer(1, 6)]
        elif block.startswith("%% "):
            out.append(Paragraph(block[3:], WHITE))
        elif block.startswith("- "):
            out += [Paragraph(line[2:], item, bulletText=bullet) for line in shown.splitlines()]
        elif block.startswith("1. "):
            lines = (line.split(" ", 1) for line in shown.splitlines())
            out += [Paragraph(text, item, bulletText=number) for number, text in lines]
        else:
            out.append(Paragraph(shown, body))
    return out


def table(block: str, width: float, head: dict[str, str]) -> Table:
    """A table whose first row is its heading, repeated when it goes over a page."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    first = width * (0.6 if len(rows[0]) == 2 else 0.48)
    widths = [first] + [(width - first) / (len(rows[0]) - 1)] * (len(rows[0]) - 1)
    plain, bold = ("Vera", "VeraBd") if "style" in head else ("Helvetica", "Helvetica-Bold")
    size, padding = (8.5, 3) if head.get("paper") else (9, 6)
    if len(rows[0]) > 4 or head.get("paper"):
        widths = [
            max(stringWidth(cell, bold, size) for cell in column) + 2 * padding
            for column in zip(*rows, strict=True)
        ]
    return Table(
        rows,
        colWidths=widths,
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("FONT", (0, 0), (-1, 0), bold, size),
            ("FONT", (0, 1), (-1, -1), plain, size),
            ("LEFTPADDING", (0, 0), (-1, -1), padding),
            ("RIGHTPADDING", (0, 0), (-1, -1), padding),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e3ecf4")),
        ],
    )


def furniture(canvas, doc, head: dict[str, str], turned: bool = False) -> None:
    """Running header and footer of one page; a turned page gets its new axes here."""
    width, height = doc.pagesize
    if turned:
        canvas.translate(width, 0)
        canvas.rotate(90)
        width, height = height, width
    canvas.saveState()
    if "style" in head:
        canvas.setFont("Vera", 8)
        canvas.drawString(20 * mm, height - 15 * mm, f"Operations, Marrowick, {head['number']}")
        canvas.drawCentredString(width / 2, 12 * mm, f"- {doc.page} -")
    else:
        canvas.setFillColor(BLUE)
        canvas.rect(20 * mm, height - 19 * mm, 6 * mm, 6 * mm, stroke=0, fill=1)
        canvas.setFont("Helvetica-Bold", 10)
        canvas.drawString(28 * mm, height - 17.5 * mm, f"Skerry Line   {head['number']}")
        canvas.setFont("Helvetica", 8)
        canvas.drawRightString(width - 20 * mm, height - 17.5 * mm, "For staff and notice boards")
        canvas.line(20 * mm, height - 21 * mm, width - 20 * mm, height - 21 * mm)
        canvas.drawString(20 * mm, 12 * mm, "Skerry Line, Terminal Quay 4, Marrowick")
        canvas.drawRightString(width - 20 * mm, 12 * mm, f"Page {doc.page}")
    canvas.restoreState()


def fonts() -> None:
    """Register the word processor's fonts, which show their ligatures under private numbers."""
    for name, face in (("Vera", b"OfficeSans"), ("VeraBd", b"OfficeSans-Bold")):
        font = TTFont(name, f"{name}.ttf")
        font.face.name = face  # else another font made from the same file would be taken
        glyphs, widths = dict(font.face.charToGlyph), dict(font.face.charWidths)
        for private, shown in PRIVATE.items():
            glyphs[private], widths[private] = glyphs[shown], widths[shown]
        font.face.charToGlyph, font.face.charWidths = glyphs, widths
        registerFont(font)


def make(source: Path, target: Path) -> None:
    """Lay one circular out as a PDF."""
    head, blocks = read(source)
    narrow, memo = head["columns"] == "2", "style" in head
    page = A5 if narrow and "paper" not in head else A4
    width, height = (page[0] - 44 * mm) / 2 if narrow else 170 * mm, page[1] - 46 * mm
    title, body = (MEMO_TITLE, MEMO) if memo else (TITLE, BODY)
    lead = [Paragraph(old_font(head["title"]) if memo else head["title"], title)]
    if "effective_from" in head:
        lead.append(Paragraph(f"Issued {head['issued']} by Operations, Marrowick.", body))
    lefts = (20 * mm, 24 * mm + width) if narrow else (20 * mm,)
    bare = {"leftPadding": 0, "rightPadding": 0}
    frames = [Frame(x, 20 * mm, width, height, **bare) for x in lefts]
    wide = Frame(20 * mm, 20 * mm, A4[1] - 40 * mm, A4[0] - 46 * mm, **bare)
    facts = ("effective_from", "effective_to", "supersedes", "status")
    doc = BaseDocTemplate(
        str(target),
        pagesize=page,
        title=head["title"],
        author="Skerry Line",
        keywords="; ".join(f"{name}={head[name]}" for name in facts if name in head),
        pageCompression=0,
    )
    upright = PageTemplate("page", frames, onPage=partial(furniture, head=head))
    turned = PageTemplate("turned", [wide], onPage=partial(furniture, head=head, turned=True))
    turned.rotation = 90  # a viewer turns the page clockwise
    doc.addPageTemplates([upright, turned])
    fonts()
    doc.build(lead + flowables(blocks, width, head))
    if memo:  # its fonts say that a hyphen is a soft one
        target.write_bytes(target.read_bytes().replace(b"<002D>", b"<00AD>"))


def main(folder: Path) -> None:
    """Make every circular again."""
    rl_config.invariant = 1
    for source in sorted((HERE / "circulars").glob("*.md")):
        make(source, folder / f"{source.stem}.pdf")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "corpus")
