"""Any folder of documents, read and cleaned: Markdown, HTML, PDF, mails and plain text.

documents = load("data/corpus")
documents[0].text, documents.skipped
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.corpus.text import Clean, Unreadable
from workbench.errors import BadInput

__all__ = ["KINDS", "Corpus", "Document", "load"]

#: File suffix -> kind of document.
KINDS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".txt": "text",
    ".eml": "mail",
}
#: A larger text file is a log or a dump and not a document.
LARGEST_TEXT = 20 * 1024 * 1024


@dataclass(frozen=True)
class Document:
    """One document: ``text`` is cleaned, ``raw`` is what a careless reader would have taken.

    ``id`` is the path below the folder without its suffix (with it where two would be the same).
    ``metadata`` has what the file says about itself: ``effective_from``, ``superseded_by``,
    ``status``.
    """

    id: str
    title: str
    kind: str
    text: str
    path: Path
    metadata: dict[str, str] = field(default_factory=dict)
    raw: str = field(default="", repr=False)


class Corpus(list[Document]):
    """Documents in the order of their ids; ``skipped`` pairs each file left out with its reason."""

    def __init__(
        self, documents: Iterable[Document] = (), skipped: Iterable[tuple[Path, str]] = ()
    ) -> None:
        super().__init__(documents)
        self.skipped = list(skipped)


def load(
    folder: str | Path | None = None, on_skip: Callable[[Path, str], None] | None = None
) -> Corpus:
    """Read every document below a folder; a file that cannot be read is skipped with a reason.

    Without a folder: the course's own ``data/corpus``. Links to folders are not followed, hidden
    files are not looked at. ``on_skip(path, reason)`` is called for each file left out.
    Raises BadInput if the folder is missing or holds no document that can be read.
    """
    root = _root(folder)
    names, documents, skipped = _ids(root), [], []
    for path in _files(root):
        try:
            documents.append(_document(path, names[path]))
        except Unreadable as problem:
            skipped.append((path, str(problem)))
            if on_skip:
                on_skip(path, str(problem))
    if not documents:
        raise BadInput(f"no document to read in {root}{_why(skipped)}", _fix())
    documents.sort(key=lambda document: document.id)
    return Corpus(_superseded(documents), skipped)


def _root(folder: str | Path | None) -> Path:
    if folder is None:
        from workbench.settings import settings

        folder = settings().data / "corpus"
    root = Path(folder)
    if not root.exists():
        raise BadInput(
            f"there is no folder {root}", "check the path, or make the folder; " + _fix()
        )
    if not root.is_dir():
        raise BadInput(f"{root} is a file and not a folder", f"name its folder: {root.parent}")
    return root


def _fix() -> str:
    return f"put documents there that end in {', '.join(KINDS)}"


def _why(skipped: list[tuple[Path, str]]) -> str:
    reasons = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:3])
    return f" ({len(skipped)} skipped: {reasons})" if skipped else ""


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder in a fixed order; links to folders are given, not entered."""
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _ids(root: Path) -> dict[Path, str]:
    """A name for each file: its path without suffix, or the whole path where that is not unique."""
    short = {p: p.relative_to(root).with_suffix("").as_posix() for p in _files(root)}
    times = Counter(name for path, name in short.items() if path.suffix.lower() in KINDS)
    return {p: n if times[n] < 2 else p.relative_to(root).as_posix() for p, n in short.items()}


def _document(path: Path, name: str) -> Document:
    kind = _kind(path)
    clean = _read(path, kind)
    if not clean.text.strip():
        raise Unreadable("no text in it (a scan?)" if kind == "pdf" else "empty")
    title = clean.title or path.stem.replace("-", " ").replace("_", " ").capitalize()
    return Document(name, title, kind, clean.text, path, clean.metadata, clean.raw)


def _kind(path: Path) -> str:
    """The kind of a file; raises Unreadable for what is not a document."""
    if path.is_dir():
        raise Unreadable("a link to a folder; links to folders are not followed")
    if not path.is_file():
        raise Unreadable("a link that leads nowhere, or not a plain file")
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise Unreadable(f"not a kind that is read here ({path.suffix or 'no suffix'})")
    if path.stat().st_size == 0:
        raise Unreadable("empty")
    if kind != "pdf" and path.stat().st_size > LARGEST_TEXT:
        raise Unreadable(f"larger than {LARGEST_TEXT // 1024**2} MB")
    return kind


def _read(path: Path, kind: str) -> Clean:
    from workbench.corpus import html, mail, markdown, pdf, text

    try:
        data = path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"cannot be opened ({problem.strerror})") from problem
    readers = {"html": html, "mail": mail, "markdown": markdown, "pdf": pdf, "text": text}
    return readers[kind].read(data)


def _superseded(documents: list[Document]) -> list[Document]:
    """Tell each document that a later one says it supersedes."""
    by = {d.metadata["supersedes"]: d.id for d in documents if "supersedes" in d.metadata}
    return [
        replace(d, metadata={**d.metadata, "superseded_by": by[d.id]}) if d.id in by else d
        for d in documents
    ]
