"""Anybody's documents and questions, read from files as they come.

Documents: JSON (a list, or an object that holds one), JSON Lines, or a folder of files. Each object
has an ``id``, and ``text`` or other strings; all its strings are searched. Objects that share an id
are parts of one document, which is said. Questions: CSV, JSON Lines or JSON, with ``question`` and
``document``, or golden questions with their evidence.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import corpus
from workbench.corpus import Document
from workbench.errors import BadInput
from workbench.retrieval.store import ABOUT

#: The chunk metadata under which the value of the filter field is kept, whatever it is called.
FILTER = "filter"
#: Metadata of a document: its other short strings, one a line.
LINES = "lines"
#: A string of more words than this is text to cut, and not a line that stands above every chunk.
LINE = 50
EXAMPLES = 3


@dataclass(frozen=True)
class Asked:
    """A question, the ids of its right documents, and the value to filter by where one is named."""

    question: str
    right: tuple[str, ...]
    filter: str | None = None


@dataclass(frozen=True)
class Collection:
    """Documents to search, questions to them, and what the reader should be told."""

    documents: list[Document]
    questions: list[Asked]
    notes: list[str]


def read(documents: Path, questions: Path, field: str | None = None) -> Collection:
    """Both files, checked against each other; ``field`` names the filter field.

    Raises BadInput, with counts and examples, for what cannot be used: a file that cannot be read,
    a column that is missing, an object without id or text, a question to a document that is not
    there.
    """
    notes: list[str] = []
    found = read_documents(documents, field, notes)
    asked = read_questions(questions, field, notes)
    _check_right(found, asked, field, notes)
    return Collection(found, asked, notes)


# Documents


def read_documents(path: Path, field: str | None, notes: list[str]) -> list[Document]:
    """The documents of a file or folder; their metadata holds what is searched and filtered by."""
    if path.is_dir():
        documents = corpus.load(path, lambda file, why: notes.append(f"skipped {file.name}: {why}"))
        return [_from_file(d, field) for d in _having(documents, field, path)]
    records = _records(path, json_only=True)
    _check_ids(records, path, notes)
    _check_field(records, field, path, notes)
    documents = [_document(r, field) for r in records]
    empty = [d.id for d in documents if not d.text.strip()]
    if empty:
        notes.append(
            f"{_count(len(empty), 'document')} in {path.name} without text, which cannot be "
            f"found: {_some(empty)}"
        )
    return documents


def _having(documents: corpus.Corpus, field: str | None, path: Path) -> list[Document]:
    known = {"kind", "title"} | {key for d in documents for key in d.metadata}
    if field and field not in known:
        raise BadInput(
            f"no document in {path} has the field {field!r}", f"they have {_some(sorted(known))}"
        )
    return documents


def _from_file(document: Document, field: str | None) -> Document:
    about = {"kind": document.kind, "title": document.title, **document.metadata}
    kept = {key: value for key, value in document.metadata.items() if key in ABOUT}
    filtered = {FILTER: str(about.get(field, ""))} if field else {}
    return Document(
        document.id, document.title, document.kind, document.text, document.path, kept | filtered
    )


def _check_ids(records: Sequence[dict[str, Any]], path: Path, notes: list[str]) -> None:
    bad = [n for n, r in enumerate(records, 1) if not _is_id(r.get("id"))]
    if bad:
        have = _some(list(records[bad[0] - 1]))
        raise BadInput(
            f"{_count(len(bad), 'document')} in {path} without an id: number {_some(bad)}",
            f'give each object an "id", a text or a number; number {bad[0]} has {have}',
        )
    times = Counter(_text(r["id"]) for r in records)
    twice = [i for i, count in times.items() if count > 1]
    if twice:
        notes.append(
            f"{_count(len(twice), 'id')} in {path.name} more than once ({_some(twice)}): "
            "objects that share an id count as parts of one document"
        )


def _check_field(
    records: Sequence[dict[str, Any]], field: str | None, path: Path, notes: list[str]
) -> None:
    lacking = [_text(r["id"]) for r in records if field and not _is_id(r.get(field))]
    if lacking and len(lacking) == len(records):
        raise BadInput(
            f"no document in {path} has a {field!r} to filter by",
            f"name a field with a text or a number; there are {_some(_fields(records), 20)}",
        )
    if lacking:
        notes.append(
            f"{_count(len(lacking), 'document')} in {path.name} without {field!r}, which no "
            f"filtered question can find: {_some(lacking)}"
        )


def _document(record: dict[str, Any], field: str | None) -> Document:
    """Short strings stand above every chunk; long ones are text, and cut with it."""
    strings = {
        key: value.strip()
        for key, value in record.items()
        if isinstance(value, str) and value.strip() and key not in ("id", field)
    }
    text = [strings.pop("text")] if "text" in strings else []
    long = [key for key, value in strings.items() if len(value.split()) > LINE]
    text = [strings.pop(key) for key in long] + text
    title = strings.pop("title", "")
    about = {key: strings.pop(key) for key in ABOUT if key in strings and key != "heading"}
    if strings:
        about[LINES] = "\n".join(strings.values())
    if field and _is_id(record.get(field)):
        about[FILTER] = _text(record[field])
    if not text:  # short strings are all there is
        text = [value for key, value in about.items() if key != FILTER] or [title]
    identity = _text(record["id"])
    return Document(identity, title, "text", "\n\n".join(text), Path(identity), about)


# Questions


def read_questions(path: Path, field: str | None, notes: list[str]) -> list[Asked]:
    """The questions of a file; golden questions without evidence are left out, and counted."""
    records = _records(path)
    golden = all("evidence" in r and "document" not in r for r in records)
    needed = ["question", *([] if golden else ["document"]), *([field] if field else [])]
    lacking = [name for name in needed if not any(name in r for r in records)]
    if lacking:
        raise BadInput(
            f"{path} has no column {_some(lacking)}",
            f"it needs {_some(needed)}; it has {_some(_fields(records), 20)}",
        )
    if golden:
        kept = [r | {"document": _evidence(r)} for r in records if r["evidence"]]
        if len(kept) < len(records):
            gone = _count(len(records) - len(kept), "question")
            notes.append(f"{gone} in {path.name} left out: no document answers them")
        records = kept
    _check_filled(records, needed, path)
    return [_asked(r, field) for r in records]


def _evidence(record: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(piece["document"] for piece in record["evidence"]))


def _asked(record: dict[str, Any], field: str | None) -> Asked:
    right = record["document"]
    ids = tuple(_text(i) for i in (right if isinstance(right, list) else [right]))
    return Asked(record["question"].strip(), ids, _text(record[field]) if field else None)


def _check_filled(records: Sequence[dict[str, Any]], needed: Iterable[str], path: Path) -> None:
    if not records:
        raise BadInput(f"there are no questions in {path}", "write at least one")
    for name in needed:
        bad = [n for n, r in enumerate(records, 1) if not _filled(name, r.get(name))]
        if bad:
            raise BadInput(
                f"{_count(len(bad), 'question')} in {path} with no {name!r} that can be used: "
                f"number {_some(bad)}",
                "fill it in, or leave the question out",
            )


def _filled(name: str, value: Any) -> bool:
    if name == "question":
        return isinstance(value, str) and bool(value.strip())
    if name == "document" and isinstance(value, list):
        return bool(value) and all(_is_id(v) for v in value)
    return _is_id(value)


def _check_right(
    documents: Sequence[Document], asked: Sequence[Asked], field: str | None, notes: list[str]
) -> None:
    """Every right document is there; one that the filter shuts out is only said."""
    values: dict[str, set[str]] = {}
    for document in documents:
        values.setdefault(document.id, set()).add(document.metadata.get(FILTER, ""))
    lost = [i for question in asked for i in question.right if i not in values]
    if lost:
        names = list(dict.fromkeys(lost))
        raise BadInput(
            f"{_count(len(lost), 'question')} name {_count(len(names), 'document')} that "
            f"{'is' if len(names) == 1 else 'are'} not there: {_some(names)}",
            "correct the ids, or add the documents; the first document there is "
            f"{documents[0].id!r}",
        )
    out = [q for q in asked if field and not any(q.filter in values[i] for i in q.right)]
    if out:
        notes.append(
            f"{_count(len(out), 'question')} with another {field} than the right document, which "
            f"cannot be found: {_some([q.question for q in out])}"
        )


# Files


def _records(path: Path, json_only: bool = False) -> list[dict[str, Any]]:
    """The objects of a file; questions may be rows of a CSV file as well."""
    text = _read(path)
    if text.lstrip()[:1] in ("[", "{"):
        whole = _whole(text, path)
        records = _by_line(text, path) if whole is None else whole
    elif json_only:
        raise BadInput(f"{path} is not JSON", "give JSON or JSON Lines of objects with id and text")
    else:
        records = _rows(text, path)
    if not records:
        raise BadInput(f"there is nothing in {path}", "give at least one object with its fields")
    bad = [n for n, record in enumerate(records, 1) if not isinstance(record, dict)]
    if bad:
        raise BadInput(
            f"{path}: number {_some(bad)} is not an object", 'write {"id": …, "text": …}'
        )
    return records


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"there is no file {path}", "check the path") from None
    except UnicodeDecodeError as problem:
        raise BadInput(f"{path} is not UTF-8 text", "save it as UTF-8") from problem
    except OSError as problem:
        raise BadInput(f"{path} cannot be opened ({problem.strerror})", "name a file") from problem
    if not text.strip():
        raise BadInput(f"{path} is empty", "check the path")
    return text


def _whole(text: str, path: Path) -> list[Any] | None:
    """One JSON value: a list, an object that holds a list, or a single object; else None."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if isinstance(value, list):
        return value
    if "id" in value or "question" in value:
        return [value]
    lists = [v for v in value.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    if len(lists) != 1:
        raise BadInput(
            f"{path} is an object that holds {len(lists)} lists of objects",
            "give one list of objects",
        )
    return lists[0]


def _by_line(text: str, path: Path) -> list[Any]:
    records = []
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: texts may hold U+2028
        if line.strip():
            try:
                records.append(json.loads(line))
            except ValueError as problem:
                raise BadInput(
                    f"{path}, line {number}: not JSON ({problem})", "write one object a line"
                ) from problem
    return records


def _rows(text: str, path: Path) -> list[dict[str, Any]]:
    """Rows of a CSV file, split at commas, semicolons or tabs: what its first line has most."""
    first = text.lstrip().split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    csv.field_size_limit(2**31 - 1)
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=mark))
    except csv.Error as problem:
        raise BadInput(f"{path} cannot be read as CSV ({problem})", "save it again") from problem
    names = [name.strip() for name in rows[0]]
    return [
        dict(zip(names, row, strict=False)) for row in rows[1:] if any(cell.strip() for cell in row)
    ]


def _is_id(value: Any) -> bool:
    """Whether it can stand for something: a text that is not blank, or a number."""
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int | float) and value == value


def _text(value: Any) -> str:
    return str(value).strip()


def _fields(records: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _some(values: Sequence[Any], most: int = EXAMPLES) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(repr(v) if isinstance(v, str) else str(v) for v in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
