"""HTML pages: what the page says, without what stands around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.corpus.text import Clean, Unreadable, decode, tidy

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

#: Elements that never hold what a page has to say.
NOISE = ("script", "style", "noscript", "template", "head", "iframe", "svg", "canvas")
CONTROLS = ("button", "input", "select", "textarea", "nav", "footer", "aside", "dialog")
ROLES = {"navigation", "banner", "contentinfo", "dialog", "complementary", "search", "alertdialog"}
#: Words in a class or id that mark clutter; ``share-buttons`` is the words share and buttons.
WORDS = re.compile(
    r"\b(cookies?|consent|breadcrumbs?|sidebar|newsletter|share|social|related|footer|nav|navbar|"
    r"navigation|skip|feedback|advert|ads|popup|pagination|banner|promo|promotion|teaser|toc|"
    r"table-of-contents|helpful|rating|chat|back-to-top)\b"
)
#: What a form holds when a whole page is wrapped in it, and not only fields and a question.
SUBSTANCE = ["main", "article", "p", "table", "h1", "h2", "h3"]
#: The page's main part as it stands in the source, and the tags that it must balance.
MAIN = re.compile(r"(<(main|article)\b[^>]*>)(.*?)(?=</\2\s*>)", re.DOTALL | re.IGNORECASE)
BLOCK = re.compile(r"<(/?)(div|section)\b[^>]*>", re.IGNORECASE)
#: More elements inside one another than any page needs, and than can be turned into Markdown.
DEEPEST = 200
#: Metadata that pages carry for machines and not for readers.
DULL = {"viewport", "description", "generator", "robots", "keywords", "author"}


def read(data: bytes) -> Clean:
    """An HTML page as Markdown: tables stay tables, accordions are opened, clutter goes.

    Raises Unreadable for a page that is nested too deeply.
    """
    from bs4 import BeautifulSoup

    page = decode(data, _declared(data))
    soup = BeautifulSoup(MAIN.sub(_balanced, page), "lxml")
    _check_depth(soup)
    raw, metadata = soup.get_text("\n"), _metadata(soup)
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    _strip(soup)
    main = soup.find("main") or soup.find(attrs={"role": "main"}) or soup.body or soup
    heading = main.find("h1")
    title = heading.get_text(" ", strip=True) if heading else re.split(r" [|–—] ", title)[0]
    return Clean(_markdown(main), raw, title, metadata)


def _check_depth(soup: BeautifulSoup) -> None:
    level, depth = [soup], 0
    while level := [tag for parent in level for tag in parent.find_all(True, recursive=False)]:
        depth += 1
        if depth > DEEPEST:
            raise Unreadable(f"nested too deeply to be read (over {DEEPEST} elements)")


def _declared(data: bytes) -> str | None:
    found = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", data[:2048], re.IGNORECASE)
    return found.group(1).decode("ascii") if found else None


def _balanced(part: re.Match[str]) -> str:
    """A main part without the end tags that close nothing in it and so would end it early."""
    opened: list[str] = []

    def kept(tag: re.Match[str]) -> str:
        name = tag[2].lower()
        if not tag[1]:
            opened.append(name)
        elif name in opened:
            opened.remove(name)
        else:
            return ""
        return tag[0]

    return part[1] + BLOCK.sub(kept, part[3])


def _metadata(soup: BeautifulSoup) -> dict[str, str]:
    tags = soup.find_all("meta", attrs={"name": True, "content": True})
    return {t["name"]: t["content"] for t in tags if t["content"] and t["name"].lower() not in DULL}


def _strip(soup: BeautifulSoup) -> None:
    """Take clutter out of a page, in place; nothing goes that holds the main part or the title."""
    from bs4 import Comment

    for comment in soup.find_all(string=lambda s: isinstance(s, Comment)):
        comment.extract()
    _open_accordions(soup)
    for tag in soup.find_all([*NOISE, *CONTROLS]):
        tag.decompose()
    for tag in soup.find_all(True):
        if not tag.decomposed and _is_clutter(tag):
            tag.decompose()
    for summary in soup.find_all("summary"):
        summary.name = "h3"


def _open_accordions(soup: BeautifulSoup) -> None:
    """Buttons that open a part of the page become its heading; the part is no longer hidden."""
    for button in soup.find_all("button", attrs={"aria-controls": True}):
        panel = soup.find(id=button["aria-controls"])
        if panel is None or panel.find_parent(CONTROLS) or panel.name in CONTROLS:
            continue
        del panel["aria-hidden"]
        if _is_clutter(panel):
            continue
        if button.find_parent(["h2", "h3", "h4", "h5", "h6"]):
            button.unwrap()
        else:
            button.name = "h3"


def _is_clutter(tag: Tag) -> bool:
    if tag.name in ("html", "body", "main", "article", "h1") or tag.find(["main", "article", "h1"]):
        return False
    if tag.name == "header" and not tag.find_parent(["main", "article"]):
        return True
    if tag.name == "form" and not tag.find(SUBSTANCE):
        return True
    if tag.get("role") in ROLES or tag.get("aria-hidden") == "true":
        return True
    names = " ".join([*tag.get("class", []), str(tag.get("id", ""))]).lower()
    return bool(WORDS.search(names.replace("_", "-")))


def _markdown(tag: Tag) -> str:
    from markdownify import MarkdownConverter

    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=["a", "img"],
        escape_asterisks=False,
        escape_underscores=False,
        table_infer_header=True,
    )
    return tidy(converter.convert_soup(tag))
