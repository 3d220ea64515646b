"""Task 02.1: the text of a page."""

import re

from bs4 import BeautifulSoup

CLUTTER = "script, style, nav, footer, .cookie-banner"
BLOCKS = ["p", "h1", "h2", "h3", "li", "td", "th", "tr", "br", "div", "summary", "details"]


def clean(html):
    page = BeautifulSoup(html, "html.parser")
    for part in page.select(CLUTTER):
        part.decompose()
    for block in page.find_all(BLOCKS):
        block.insert_before("\n")
        block.append(" ") if block.name in ("td", "th") else block.insert_after("\n")
    text = page.get_text().replace("\u00ad", "").replace("\u00a0", " ")
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line)
