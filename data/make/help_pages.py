"""Make the help-centre pages in ``data/corpus`` from the texts in ``data/make/help``.

Each page gets what a real one has around its text: cookie banner, navigation, breadcrumbs,
related pages, and the footer twice.

    python data/make/help_pages.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from string import Template

HERE = Path(__file__).resolve().parent


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


def main(folder: Path) -> None:
    """Make every page again."""
    frame = Template((HERE / "help_page.html").read_text("utf-8"))
    pages = {path.stem: read(path) for path in sorted((HERE / "help").glob("*.html"))}
    for name, page in pages.items():
        text = frame.substitute(page, related=related(pages, name))
        (folder / f"{name}.html").write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "corpus")
