"""The golden questions: what the assistant is judged by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, UnknownName

#: The ten types, and what each asks of an assistant.
TYPES = {
    "single_fact": "one fact from one place",
    "table_lookup": "one cell of a table",
    "multi_hop": "facts from two places put together",
    "in_force": "the policy that is in force, not the one that was",
    "aggregate": "a count or sum over the database",
    "procedure": "several steps in their order",
    "paraphrase": "a question in words that the documents do not use",
    "misspelt": "a question with slips, or in mixed register",
    "unanswerable": "looks answerable, is not in the documents",
    "out_of_scope": "not about Skerry Line at all",
}
SPLITS = ("dev", "test")
#: Types that no document answers: the right answer is to say so.
REFUSED = ("unanswerable", "out_of_scope")


@dataclass(frozen=True)
class Question:
    """A question with its reference answer and the evidence for it.

    ``accept`` lists short forms of which a right answer has at least one. ``evidence`` lists
    ``{"document", "quote"}``, each quote verbatim in the cleaned document but for white space.
    An ``aggregate`` question has ``sql`` instead, for ``skerry.sqlite``. An ``in_force`` one also
    has ``stale``: a passage that says otherwise and is not in force. An unanswerable one has
    ``why_unanswerable``, ``nearest`` (evidence that only looks right) and ``key_terms``.
    """

    id: str
    question: str
    answer: str
    accept: list[str]
    evidence: list[dict[str, str]]
    type: str
    split: str
    sql: str = ""
    why_unanswerable: str = ""
    stale: dict[str, str] = field(default_factory=dict)
    nearest: dict[str, str] = field(default_factory=dict)
    key_terms: list[str] = field(default_factory=list)

    @property
    def documents(self) -> list[str]:
        """Ids of the documents that hold the evidence, each once."""
        return list(dict.fromkeys(piece["document"] for piece in self.evidence))

    @property
    def answerable(self) -> bool:
        """Whether the documents or the database hold an answer."""
        return self.type not in REFUSED


#: Field -> what it must be, for those that every question has.
_NEEDED: dict[str, type] = {
    "id": str,
    "question": str,
    "answer": str,
    "accept": list,
    "evidence": list,
    "type": str,
    "split": str,
}
_EXTRA: dict[str, type] = {
    "sql": str,
    "stale": dict,
    "why_unanswerable": str,
    "nearest": dict,
    "key_terms": list,
}


def load(path: str | Path | None = None, split: str | None = None) -> list[Question]:
    """Questions of one split or of all, from a JSON Lines file or from all those of a folder.

    Without a path: the course's own, ``data/golden``. Raises BadInput, naming line and field, for a
    line that is malformed or an id that comes twice; UnknownName for a split.
    """
    if split is not None and split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    questions: dict[str, Question] = {}
    for where, line in (pair for file in _files(path) for pair in _lines(file)):
        question = _question(line, where)
        if question.id in questions:
            raise BadInput(f"{where}: id {question.id!r} comes twice", "give each its own id")
        questions[question.id] = question
    if not questions:
        raise BadInput(f"no questions in {path or 'data/golden'}", "write one JSON object a line")
    return [q for q in questions.values() if split in (None, q.split)]


def _files(path: str | Path | None) -> list[Path]:
    if path is None:
        from workbench.settings import settings

        path = settings().data / "golden"
    found = sorted(Path(path).glob("*.jsonl")) if Path(path).is_dir() else [Path(path)]
    if not found or not found[0].is_file():
        raise BadInput(
            f"there is no file of questions {path}", "name a JSON Lines file, or a folder"
        )
    return found


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Where each line is that is not blank, and the line."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(f"{file} is not UTF-8 text", "save it as UTF-8") from problem
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{file.name}, line {number}", line


def _question(line: str, where: str) -> Question:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as problem:
        raise BadInput(f"{where}: not JSON ({problem.msg})", "write one object a line") from problem
    if not isinstance(values, dict):
        raise BadInput(f"{where}: not a JSON object", "write one object a line")
    _check_fields(values, where)
    for name in ("evidence", "stale", "nearest"):
        _check_passages(values.get(name) or [], name, where)
    return Question(**values)


def _check_fields(values: dict[str, Any], where: str) -> None:
    known = _NEEDED | _EXTRA
    for name in values:
        if name not in known:
            raise BadInput(f"{where}: unknown field {name!r}", f"the fields are {', '.join(known)}")
    for name, kind in known.items():
        if name not in values and name in _NEEDED:
            raise BadInput(f"{where}: field {name!r} is missing", f"add it as {kind.__name__}")
        if name in values and not isinstance(values[name], kind):
            raise BadInput(f"{where}: field {name!r} is not a {kind.__name__}", "correct its value")
    for name, allowed in (("type", tuple(TYPES)), ("split", SPLITS)):
        if values[name] not in allowed:
            raise BadInput(f"{where}: field {name!r} is {values[name]!r}", f"use one of {allowed}")
    for name in ("id", "question"):
        if not values[name].strip():
            raise BadInput(f"{where}: field {name!r} is empty", "fill it in")


def _check_passages(pieces: list[Any] | dict[str, Any], name: str, where: str) -> None:
    for piece in pieces if isinstance(pieces, list) else [pieces]:
        if not isinstance(piece, dict) or set(piece) != {"document", "quote"}:
            raise BadInput(
                f"{where}: field {name!r} has something other than document and quote",
                'write {"document": "its id", "quote": "words from it"}',
            )
