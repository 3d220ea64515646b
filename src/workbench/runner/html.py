"""Executed notebooks and the run's overview as HTML pages that load nothing from anywhere."""

from __future__ import annotations

import base64
import math
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, PackageLoader

from workbench.runner import expectations, report
from workbench.runner.execute import Files
from workbench.runner.plan import Job
from workbench.runner.progress import duration, size

TEMPLATES = Path(__file__).parent / "templates"
#: What a page shows of an output, best first: no widgets or scripts, which would need a network.
SHOWN = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/latex",
    "text/plain",
]
FIGURES = ("image/png", "image/svg+xml", "image/jpeg")
#: Elements that fetch something when a page opens, and the attribute that says from where.
LOADERS = dict.fromkeys(("iframe", "script", "img", "embed", "source", "video", "audio"), "src")
LOADERS |= {"link": "href", "object": "data"}


def page(files: Files, job: Job) -> None:
    """Write an executed notebook as a self-contained page."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_file=str(TEMPLATES / "page.html"), embed_images=True, exclude_anchor_links=True
    )
    exporter.config.NbConvertBase.display_data_priority = SHOWN
    book = nbformat.read(files.notebook, as_version=4)
    book.metadata["title"] = job.title
    resources = {"metadata": {"name": files.name, "path": str(job.path.parent)}}
    text, _ = exporter.from_notebook_node(book, resources=resources)
    report.put(files.page, offline(text))


def offline(text: str) -> str:
    """A page without what it would fetch when opened; a frame becomes a link to what it showed."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "html.parser")
    for element in soup.find_all(list(LOADERS)):
        source = str(element.get(LOADERS[element.name], ""))
        if not source or source.startswith(("data:", "#")):
            continue
        if element.name in ("script", "link"):
            element.decompose()
            continue
        note = soup.new_tag("a", href=source, attrs={"class": "live"})
        note.string = f"live view: {source}"
        element.replace_with(note)
    return str(soup)


@cache
def _environment() -> Environment:
    loader = PackageLoader("workbench.runner", "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"duration": duration, "size": size, "count": _count, "number": _number}
    environment.globals |= {"sentence": expectations.sentence, "place": _place}
    return environment


def index(made: dict[str, Any], folder: Path) -> None:
    """Write ``index.html``: statuses, times, memory, tokens, metrics, expectations and figures."""
    cards = [
        entry | {"figures": figures(Files(folder, entry["name"]))} for entry in made["notebooks"]
    ]
    missing = [n for n in made["planned"] if n not in {entry["name"] for entry in cards}]
    text = (
        _environment().get_template("index.html").render(report=made, cards=cards, missing=missing)
    )
    report.put(folder / "index.html", text)


def figures(files: Files) -> list[dict[str, str]]:
    """The pictures of an executed notebook: data address, and the cell's place in its page."""
    if not files.notebook.exists():
        return []
    cells = nbformat.read(files.notebook, as_version=4).cells
    return [
        {"data": _data(output), "link": f"{files.page.name}#cell-id={cell.get('id', '')}"}
        for cell in cells
        for output in cell.get("outputs", [])
        if any(kind in output.get("data", {}) for kind in FIGURES)
    ]


def _data(output: nbformat.NotebookNode) -> str:
    kind = next(kind for kind in FIGURES if kind in output.data)
    content = output.data[kind]
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f"data:{kind};base64,{''.join(content.split())}"


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return _count(round(value)) if abs(value) >= 1000 else f"{value:.4g}"


def _place(bound: dict[str, Any]) -> float | None:
    """Where a value lies between its two bounds, 0 to 100; None where there are not two."""
    low, high, value = bound["min"], bound["max"], bound["value"]
    if None in (low, high, value) or high <= low:
        return None
    return min(100.0, max(0.0, 100 * (value - low) / (high - low)))
