"""Make the PDF circulars in ``data/corpus`` from the texts in ``data/make/circulars``.

The same texts give the same bytes: ReportLab's invariant mode leaves out clock and random ids,
and pages are not compressed, so that no version of zlib can change them.

    python data/make/circulars.py [FOLDER]
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
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
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
ITEM = ParagraphStyle("item", parent=BODY, leftIndent=12, bulletIndent=2)
#: A word may break after a vowel that one consonant and a vowel follow, or between two consonants.
BREAK = re.compile(
    r"(?<=[a-z]{2}[aeiou])(?=[bcdfglmnprstv][aeiou][a-z])"
    r"|(?<=[a-z]{2}[lmnrs])(?=[bcdfgpt][aeiou][a-z])"
)


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """The head lines of a circular's text as a dictionary, and its blocks."""
    head, _, body = path.read_text("utf-8").partition("\n\n")
    pairs = (line.split(":", 1) for line in head.splitlines())
    return {name: value.strip() for name, value in pairs}, body.strip().split("\n\n")


def hyphenate(text: str) -> str:
    """The text with soft hyphens in its long words, for narrow columns."""
    return re.sub(r"\b[a-z]{7,}\b", lambda word: BREAK.sub("\u00ad", word.group()), text)


def flowables(blocks: list[str], width: float, narrow: bool) -> list[Flowable]:
    """Blocks as things that can be laid out: headings, tables, lists, paragraphs."""
    out: list[Flowable] = []
    for block in blocks:
        if block.startswith("## "):
            out.append(Paragraph(block[3:], HEAD))
        elif block.startswith("|"):
            out += [table(block, width), Spacer(1, 6)]
        elif block.startswith("- "):
            out += [Paragraph(line[2:], ITEM, bulletText="•") for line in block.splitlines()]
        else:
            out.append(Paragraph(hyphenate(block) if narrow else block, BODY))
    return out


def table(block: str, width: float) -> Table:
    """A table whose first row is its heading, repeated when it goes over a page."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    first = width * (0.6 if len(rows[0]) == 2 else 0.48)
    rest = (width - first) / (len(rows[0]) - 1)
    return Table(
        rows,
        colWidths=[first] + [rest] * (len(rows[0]) - 1),
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 9),
            ("FONT", (0, 1), (-1, -1), "Helvetica", 9),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e3ecf4")),
        ],
    )


def furniture(canvas, doc, head: dict[str, str]) -> None:
    """Running header and footer of one page."""
    width, height = doc.pagesize
    canvas.saveState()
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


def make(source: Path, target: Path) -> None:
    """Lay one circular out as a PDF."""
    head, blocks = read(source)
    narrow = head["columns"] == "2"
    page = A5 if narrow else A4
    width, height = (52 * mm if narrow else 170 * mm), page[1] - 46 * mm
    lead = [Paragraph(head["title"], TITLE)]
    if "effective_from" in head:
        lead.append(Paragraph(f"Issued {head['issued']} by Operations, Marrowick.", BODY))
    lefts = (20 * mm, 76 * mm) if narrow else (20 * mm,)
    frames = [Frame(x, 20 * mm, width, height, leftPadding=0, rightPadding=0) for x in lefts]
    facts = ("effective_from", "effective_to", "supersedes", "status")
    doc = BaseDocTemplate(
        str(target),
        pagesize=page,
        title=head["title"],
        author="Skerry Line",
        keywords="; ".join(f"{name}={head[name]}" for name in facts if name in head),
        pageCompression=0,
    )
    doc.addPageTemplates(PageTemplate("page", frames, onPage=partial(furniture, head=head)))
    doc.build(lead + flowables(blocks, width, narrow))


def main(folder: Path) -> None:
    """Make every circular again."""
    rl_config.invariant = 1
    for source in sorted((HERE / "circulars").glob("*.md")):
        make(source, folder / f"{source.stem}.pdf")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "corpus")
