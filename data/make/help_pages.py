"""Make the help-centre pages in ``data/corpus`` from the texts in ``data/make/help``.

Each page gets what a real one has around its text: cookie banner, navigation, breadcrumbs, a
list of contents, a promotional box in the middle, a form that asks whether it helped, related
pages, and the footer twice. A page with ``accordion: script`` in its head has its accordions made
of buttons.

    python data/make/help_pages.py [FOLDER]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from string import Template

HERE = Path(__file__).resolve().parent
#: Head lines of a text that its page carries as ``<meta>``.
META = ("updated", "effective_from", "effective_to", "supersedes", "status")
PROMO = (
    '<div class="promo-box"><h3>Island days</h3><p>Soup, sea and six islands. '
    '<a href="/offers">See this month\'s offers</a></p></div>\n'
)
DETAILS = re.compile(r"<details[^>]*><summary>(.*?)</summary>(.*?)</details>", re.DOTALL)


def read(path: Path) -> dict[str, str]:
    """The head lines of one page's text, and its ``body``."""
    head, _, body = path.read_text("utf-8").partition("\n\n")
    pairs = (line.split(":", 1) for line in head.splitlines())
    return {name: value.strip() for name, value in pairs} | {"body": body.strip()}


def related(pages: dict[str, dict[str, str]], name: str) -> str:
    """List items that link to the three pages after this one, round the alphabet."""
    names = sorted(pages)
    after = [names[(names.index(name) + step) % len(names)] for step in (1, 2, 3)]
    return "".join(f'<li><a href="{n}.html">{pages[n]["title"]}</a></li>' for n in after)


def meta(page: dict[str, str]) -> str:
    """The ``<meta>`` lines of a page."""
    return "".join(f'<meta name="{n}" content="{page[n]}">\n' for n in META if n in page)


def with_buttons(body: str) -> str:
    """A body whose accordions are buttons that a script opens, as older pages have them."""
    numbers = iter(range(1, 100))

    def item(found: re.Match[str]) -> str:
        name = f"panel-{next(numbers)}"
        return (
            f'<div class="accordion-item"><h3><button type="button" onclick="fold(this)" '
            f'aria-expanded="false" aria-controls="{name}">{found[1]}</button></h3>'
            f'<div id="{name}" aria-hidden="true" hidden>{found[2]}</div></div>'
        )

    return DETAILS.sub(item, body)


def dressed(page: dict[str, str], pages: dict[str, dict[str, str]], name: str) -> dict[str, str]:
    """What the frame needs for one page."""
    body = page["body"]
    titles = re.findall(r"<h2>(.*?)</h2>", body)
    if page.get("accordion") == "script":
        body = with_buttons(body)
    first, *rest = body.split("<h2>")
    if len(rest) > 1:
        rest[-1] = rest[-1].replace("</p>\n", f"</p>\n{PROMO}", 1)
    return page | {
        "body": "<h2>".join([first, *rest]),
        "contents": " &middot; ".join(f'<a href="#">{title}</a>' for title in titles),
        "meta": meta(page),
        "related": related(pages, name),
    }


def main(folder: Path) -> None:
    """Make every page again."""
    frame = Template((HERE / "help_page.html").read_text("utf-8"))
    pages = {path.stem: read(path) for path in sorted((HERE / "help").glob("*.html"))}
    for name, page in pages.items():
        text = frame.substitute(dressed(page, pages, name))
        (folder / f"{name}.html").write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "corpus")
