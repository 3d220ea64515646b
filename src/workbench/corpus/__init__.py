"""Any folder of documents, read and cleaned: Markdown, HTML, PDF, mails, tables and plain text.

documents = load("data/corpus")
documents[0].text, documents.skipped
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.corpus.text import Clean, Unreadable
from workbench.errors import BadInput

__all__ = ["KINDS", "Corpus", "Document", "Unreadable", "files", "load", "read", "superseded"]

#: File suffix -> kind of document.
KINDS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".txt": "text",
    ".eml": "mail",
    ".csv": "csv",
    ".tsv": "csv",
}
#: A larger text file is a log or a dump and not a document.
LARGEST_TEXT = 20 * 1024 * 1024
#: A larger PDF is a scan or a book of plates; its bytes alone would fill a small machine.
LARGEST_PDF = 200 * 1024 * 1024


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
    documents, skipped = [], []
    for path, name in files(root).items():
        try:
            documents.append(read(path, name))
        except Unreadable as problem:
            skipped.append((path, str(problem)))
            if on_skip:
                on_skip(path, str(problem))
    if not documents:
        raise nothing_to_read(root, skipped)
    documents.sort(key=lambda document: document.id)
    return Corpus(_superseded(documents), skipped)


def files(folder: str | Path | None = None) -> dict[Path, str]:
    """Every file below a folder and the id that its document has, in the order of the ids.

    An id is the path without its suffix, or the whole path where that is not unique, on one line.
    Nothing is opened. Raises BadInput if the folder is missing.
    """
    root = _root(folder)
    whole = {path: _one_line(path.relative_to(root).as_posix()) for path in _files(root)}
    short = {path: _one_line(path.relative_to(root).with_suffix("").as_posix()) for path in whole}
    names = dict(short)
    while twice := _twice({path: n for path, n in names.items() if path.suffix.lower() in KINDS}):
        again = {path: whole[path] for path in twice if names[path] != whole[path]}
        if not again:
            break
        names |= again
    return dict(sorted(names.items(), key=lambda pair: (pair[1], pair[0].name)))


def _one_line(name: str) -> str:
    """A name that can be printed and cited; a digest keeps those apart that had odd characters."""
    if name.isprintable():
        return name
    shown = "".join(letter if letter.isprintable() else "_" for letter in name)
    return f"{shown}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:6]}"


def _twice(names: dict[Path, str]) -> list[Path]:
    times = Counter(names.values())
    return [path for path, name in names.items() if times[name] > 1]


def read(path: Path, name: str, data: bytes | None = None) -> Document:
    """One file as a document with the id ``name``; ``data`` where its bytes are at hand.

    Raises Unreadable, whatever is wrong with the file: its text is the reason.
    """
    kind = kind_of(path)
    data = contents(path) if data is None else data
    try:
        clean = _reader(kind)(data)
    except (RecursionError, MemoryError) as problem:
        what = "nested too deeply" if isinstance(problem, RecursionError) else "too much in it"
        raise Unreadable(f"{what} to be read") from problem
    except Unreadable:
        raise
    except Exception as problem:  # a reader's own fault must not cost the other documents
        raise Unreadable(f"the reader failed ({type(problem).__name__}: {problem})") from problem
    if not clean.text.strip():
        raise Unreadable("no text in it (a scan?)" if kind == "pdf" else "empty")
    title = clean.title or path.stem.replace("-", " ").replace("_", " ").capitalize()
    return Document(name, title, kind, clean.text, path, clean.metadata, clean.raw)


def kind_of(path: Path) -> str:
    """The kind of a file; raises Unreadable for what is not a document, without opening it."""
    try:
        return _kind(path)
    except OSError as problem:
        raise Unreadable(f"cannot be opened ({problem.strerror})") from problem


def contents(path: Path) -> bytes:
    """The bytes of a file; raises Unreadable where they cannot be had."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"cannot be opened ({problem.strerror})") from problem


def nothing_to_read(root: Path, skipped: list[tuple[Path, str]]) -> BadInput:
    """The error for a folder without a document that can be read."""
    reasons = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:3])
    why = f" ({len(skipped)} skipped: {reasons})" if skipped else ""
    return BadInput(f"no document to read in {root}{why}", _fix())


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


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder; links to folders, and folders that stay shut, are given as they are."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = list(here.iterdir())
        except OSError:
            yield here
            continue
        for path in entries:
            if path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)
            else:
                yield path


def _kind(path: Path) -> str:
    if path.is_dir():
        if path.is_symlink():
            raise Unreadable("a link to a folder; links to folders are not followed")
        raise Unreadable("a folder that cannot be opened")
    if not path.is_file():
        raise Unreadable("a link that leads nowhere, or not a plain file")
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise Unreadable(f"not a kind that is read here ({path.suffix or 'no suffix'})")
    if any("\udc80" <= letter <= "\udcff" for letter in str(path)):
        raise Unreadable("its name is no valid UTF-8: give it another")
    size, largest = path.stat().st_size, LARGEST_PDF if kind == "pdf" else LARGEST_TEXT
    if size == 0:
        raise Unreadable("empty")
    if size > largest:
        raise Unreadable(f"larger than {largest // 1024**2} MB")
    return kind


def _reader(kind: str) -> Callable[[bytes], Clean]:
    from workbench.corpus import csv_table, html, mail, markdown, pdf, text

    readers = {"html": html, "mail": mail, "markdown": markdown, "pdf": pdf, "text": text}
    return {**readers, "csv": csv_table}[kind].read


def superseded(says: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Document -> the later one that supersedes it, from (id, what it says it supersedes) pairs."""
    return {old: new for new, old in sorted(says, key=lambda pair: pair[0]) if old}


def _superseded(documents: list[Document]) -> list[Document]:
    """Tell each document that a later one says it supersedes."""
    by = superseded((d.id, d.metadata.get("supersedes")) for d in documents)
    return [
        replace(d, metadata={**d.metadata, "superseded_by": by[d.id]}) if d.id in by else d
        for d in documents
    ]
