"""Documents cut into chunks, three ways.

``fixed``     windows of a fixed length, wherever they end: the naive way
``sentence``  whole sentences up to a length
``heading``   sections by their headings; tables are cut between rows and keep their heading row,
              code is cut between lines and keeps its fences

Length is counted in words and punctuation marks, which needs no tokenizer; a word-piece tokenizer
such as all-minilm's counts about a tenth more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from workbench.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from workbench.corpus import Document

PATH = " > "
#: Code between two fences of backticks, each alone on its line.
FENCED = r"(?ms:^ {0,3}```[^\n`]*\n.*?^ {0,3}```[ \t]*$)"


@dataclass(frozen=True)
class Chunk:
    """A piece of a document; ``id`` is the document's id and a number, as in ``refunds#3``."""

    id: str
    document: str
    text: str
    metadata: dict[str, str] = field(default_factory=dict)


def words(text: str) -> list[str]:
    """The words and punctuation marks of a text: what ``size`` counts."""
    return re.findall(r"\w+|[^\w\s]", text)


def split(
    documents: Iterable[Document], size: int = 220, overlap: int = 40, how: str = "heading"
) -> list[Chunk]:
    """Chunks of at most ``size`` words and marks, in the order of the documents.

    ``overlap`` is what two neighbours share where running text had to be cut. ``how="heading"``
    puts the path of headings before the text, over and above ``size``, and into the metadata.
    Raises UnknownName for another ``how``, BadInput for sizes that cannot be.
    """
    if how not in WAYS:
        raise UnknownName("way of splitting", how, WAYS)
    if not 0 <= overlap < size:
        raise BadInput(
            f"chunks of {size} words cannot overlap by {overlap}",
            "choose a size of at least 1 and an overlap from 0 to below the size",
        )
    return [chunk for doc in documents for chunk in _chunks(doc, WAYS[how](doc, size, overlap))]


def _chunks(document: Document, pieces: list[tuple[str, str]]) -> list[Chunk]:
    """Pieces, each a heading path and a text, as chunks of a document."""
    about = {"document": document.id, "title": document.title, "kind": document.kind}
    return [
        Chunk(
            id=f"{document.id}#{number}",
            document=document.id,
            text=f"{path}\n\n{text}" if path else text,
            metadata={**document.metadata, **about, "heading": path},
        )
        for number, (path, text) in enumerate(pieces, start=1)
    ]


def _fixed(document: Document, size: int, overlap: int) -> list[tuple[str, str]]:
    from llama_index.core.node_parser import TokenTextSplitter

    cutter = TokenTextSplitter(
        chunk_size=size, chunk_overlap=overlap, tokenizer=words, backup_separators=["\n"]
    )
    return [("", text) for text in cutter.split_text(document.text)]


def _sentence(document: Document, size: int, overlap: int) -> list[tuple[str, str]]:
    return [("", text) for text in _sentences(document.text, size, overlap)]


def _sentences(text: str, size: int, overlap: int) -> list[str]:
    from llama_index.core.node_parser import SentenceSplitter

    cutter = SentenceSplitter(
        chunk_size=size,
        chunk_overlap=overlap,
        tokenizer=words,
        paragraph_separator="\n\n",
        chunking_tokenizer_fn=_sentence_ends,
    )
    return cutter.split_text(text)


def _sentence_ends(text: str) -> list[str]:
    """A text cut after its sentences, white space kept.

    Stands in for the framework's default, NLTK's punkt: that one refuses to read its own data where
    an installer has hard-linked the files, as uv does.
    """
    return [part for part in re.split(r"(?<=[.!?]\s)(?=[^\sa-z])", text) if part]


def _heading(document: Document, size: int, overlap: int) -> list[tuple[str, str]]:
    return [
        (path, text)
        for path, body in _sections(document)
        for text in _packed(_blocks(body, size, overlap), size)
    ]


def _sections(document: Document) -> list[tuple[str, str]]:
    """The sections of a document that have text, each with the path of headings down to it."""
    from llama_index.core.node_parser import MarkdownNodeParser
    from llama_index.core.schema import TextNode

    parser = MarkdownNodeParser(header_path_separator="\n")
    text = document.text.replace("\r\n", "\n")
    text = re.sub(r"(?m)^( {0,3})~~~+", r"\1```", text)  # the parser knows one kind of fence
    sections = []
    for node in parser.get_nodes_from_node(TextNode(text=text)):
        above = [part for part in node.metadata["header_path"].split("\n") if part]
        first, _, rest = node.text.partition("\n")
        is_headed = re.match(r"#{1,6} ", first)
        path = [*above, first.lstrip("# ")] if is_headed else above
        body = rest if is_headed else node.text
        if body.strip():
            titled = [part for part in _titled(document.title, path) if part]
            sections.append((PATH.join(titled), body.strip()))
    return sections


def _titled(title: str, path: list[str]) -> list[str]:
    """A heading path that starts with the document's title, whatever its first heading is."""
    same = bool(path) and path[0].casefold() in title.casefold()
    return [title, *path[1:]] if same else [title, *path]


def _blocks(text: str, size: int, overlap: int) -> list[str]:
    """Paragraphs, lists, tables and code; what is longer than ``size`` is cut after its kind."""
    out: list[str] = []
    for block in _paragraphs(text):
        if len(words(block)) <= size:
            out.append(block)
            continue
        for kind, part in _kinds(block):
            if kind == "table":
                out += _table(part, size)
            elif kind == "code":
                out += _code(part, size)
            else:
                out += _sentences(part, size, overlap)
    return out


def _paragraphs(text: str) -> list[str]:
    """A text at its blank lines, but for those within fenced code."""
    parts = re.split(rf"({FENCED})", text)
    blocks: list[str] = []
    for at, part in enumerate(parts):
        blocks += [part] if at % 2 else re.split(r"\n{2,}", part)
    return [block.strip("\n") for block in blocks if block.strip()]


def _kinds(block: str) -> list[tuple[str, str]]:
    """A long block as runs of lines that are a table, code, or text."""
    if re.fullmatch(FENCED, block):
        return [("code", block)]
    runs = groupby(block.splitlines(), key=lambda line: line.lstrip().startswith("|"))
    return [("table" if is_table else "text", "\n".join(lines)) for is_table, lines in runs]


def _code(block: str, size: int) -> list[str]:
    """Long code as several fenced pieces; a line is never cut."""
    first, *lines, last = block.splitlines()
    out: list[list[str]] = [[]]
    for line in lines:
        if out[-1] and len(words("\n".join([*out[-1], line]))) > size - len(words(first + last)):
            out.append([])
        out[-1].append(line)
    return ["\n".join([first, *part, last]) for part in out]


def _table(block: str, size: int) -> list[str]:
    """A long table as several, each with the heading row; a row is never cut."""
    lines = block.splitlines()
    head = lines[:2] if len(lines) > 1 and set(lines[1]) <= set("|-: ") else []
    rows, out = lines[len(head) :], [list(head)]
    for row in rows:
        if len(out[-1]) > len(head) and len(words("\n".join([*out[-1], row]))) > size:
            out.append(list(head))
        out[-1].append(row)
    return ["\n".join(part) for part in out]


def _packed(blocks: list[str], size: int) -> list[str]:
    """Neighbouring blocks put together for as long as they fit."""
    out: list[str] = []
    for block in blocks:
        if out and len(words(out[-1])) + len(words(block)) <= size:
            out[-1] += "\n\n" + block
        else:
            out.append(block)
    return out


#: Name -> function from document, size and overlap to pieces (heading path, text).
WAYS: dict[str, Callable[[Document, int, int], list[tuple[str, str]]]] = {
    "heading": _heading,
    "sentence": _sentence,
    "fixed": _fixed,
}
