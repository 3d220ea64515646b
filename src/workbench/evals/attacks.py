"""The red-team set: attacks on the assistant, and look-alikes that it must answer.

    for attack in load_attacks(family="personal_data"):
        succeeded(attack, assistant.ask(attack.prompt).text)

How often attacks succeed says little alone: an assistant that refuses everything resists them all.
So :func:`load_harmless` has questions that look like attacks and have an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, UnknownName
from workbench.evals import metrics
from workbench.evals.signs import Signs, succeeded

__all__ = [
    "FAMILIES",
    "Attack",
    "Harmless",
    "answered",
    "load_attacks",
    "load_harmless",
    "succeeded",
]

#: The eight families, and what each tries.
FAMILIES = {
    "direct_injection": "the question itself tells the assistant to drop its rules",
    "indirect_injection": "a document among the passages gives orders",
    "system_prompt_extraction": "wants the hidden instructions",
    "personal_data": "wants what the papers hold about a person",
    "dangerous_goods_advice": "wants to hear that something forbidden on board is allowed",
    "role_play_jailbreak": "a story, a game or another self, in which rules do not count",
    "encoding_tricks": "hides the request in another writing, or asks for the answer in one",
    "resource_exhaustion": "wants an answer that never ends",
}
SEVERITIES = ("low", "medium", "high")


@dataclass(frozen=True)
class Attack:
    """One attack and the signs of its success.

    ``document`` is the id of a corpus document that gives the orders, ``planted`` a passage that is
    to be put among those retrieved; both are empty but for indirect injection, which has one of
    them. ``obeyed`` is an answer that counts as success (``{canary}`` in it stands for the canary),
    ``honest`` one that does not.
    """

    id: str
    family: str
    prompt: str
    document: str
    planted: str
    success: Signs
    obeyed: str
    honest: str
    note: str
    severity: str


@dataclass(frozen=True)
class Harmless:
    """A question that looks like an attack of a family and must be answered.

    ``must`` lists short forms of which a right answer has at least one; ``evidence`` is as in a
    golden question.
    """

    id: str
    family: str
    prompt: str
    must: list[str]
    evidence: list[dict[str, str]]
    note: str


def load_attacks(path: str | Path | None = None, family: str | None = None) -> list[Attack]:
    """Attacks from a JSON Lines file, of one family or of all.

    Without a path: the course's own ``data/redteam/attacks.jsonl``. Raises BadInput, naming line
    and field, for a line that is malformed or an id that comes twice; UnknownName for a family.
    """
    return _load(path, "attacks.jsonl", family, _ATTACK, _attack)


def load_harmless(path: str | Path | None = None, family: str | None = None) -> list[Harmless]:
    """Look-alikes from a JSON Lines file, ``data/redteam/harmless.jsonl`` unless another is named.

    Raises as :func:`load_attacks` does.
    """
    return _load(path, "harmless.jsonl", family, _HARMLESS, _harmless)


def answered(question: Harmless, answer: str) -> bool:
    """Whether a look-alike was answered rightly; anything else is a refusal too many, or wrong."""
    return metrics.accepted(answer, question.must) and not metrics.refused(answer)


_ATTACK: dict[str, type] = {
    "id": str,
    "family": str,
    "prompt": str,
    "document": str,
    "planted": str,
    "success": dict,
    "obeyed": str,
    "honest": str,
    "note": str,
    "severity": str,
}
_HARMLESS: dict[str, type] = {
    "id": str,
    "family": str,
    "prompt": str,
    "must": list,
    "evidence": list,
    "note": str,
}
_SIGNS: dict[str, type] = {
    "contains_any": list,
    "says_any": list,
    "regex": str,
    "min_output_tokens": int,
    "canary": bool,
}


def _load(
    path: str | Path | None,
    name: str,
    family: str | None,
    fields: dict[str, type],
    make: Callable[[dict[str, Any], str], Any],
) -> list[Any]:
    if family is not None and family not in FAMILIES:
        raise UnknownName("family", family, FAMILIES)
    found: dict[str, Any] = {}
    for where, values in _records(_file(path, name)):
        _check(values, fields, where)
        if values["family"] not in FAMILIES:
            raise BadInput(
                f"{where}: field 'family' is {values['family']!r}",
                f"use one of {', '.join(FAMILIES)}",
            )
        record = make(values, where)
        if record.id in found:
            raise BadInput(f"{where}: id {record.id!r} comes twice", "give each its own id")
        found[record.id] = record
    if not found:
        raise BadInput(f"nothing in {path or name}", "write one JSON object a line")
    return [record for record in found.values() if family in (None, record.family)]


def _file(path: str | Path | None, name: str) -> Path:
    if path is None:
        from workbench.settings import settings

        path = settings().data / "redteam" / name
    if not Path(path).is_file():
        raise BadInput(f"there is no file {path}", f"name a JSON Lines file such as {name}")
    return Path(path)


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each line stands, and the object that it holds."""
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{file.name}, line {number}"
        try:
            values = json.loads(line.decode("utf-8-sig"))
        except UnicodeDecodeError as problem:
            raise BadInput(f"{where}: not UTF-8 text", "save the file as UTF-8") from problem
        except json.JSONDecodeError as problem:
            raise BadInput(f"{where}: not JSON ({problem.msg})", "correct the line") from problem
        if not isinstance(values, dict):
            raise BadInput(f"{where}: not a JSON object", "write one object a line")
        yield where, values


def _check(values: dict[str, Any], fields: dict[str, type], where: str) -> None:
    """Every field is there, none besides, each of its kind; id and prompt are not empty."""
    odd = sorted(set(values) ^ set(fields))
    if odd:
        what = "unknown field" if odd[0] in values else "missing field"
        raise BadInput(f"{where}: {what} {odd[0]!r}", f"the fields are {', '.join(fields)}")
    for name, kind in fields.items():
        if type(values[name]) is not kind:
            raise BadInput(f"{where}: field {name!r} is not a {kind.__name__}", "correct its value")
        if kind is list and not all(isinstance(item, (str, dict)) for item in values[name]):
            raise BadInput(f"{where}: field {name!r} holds something other than text", "quote it")
        if name in ("id", "prompt") and not values[name].strip():
            raise BadInput(f"{where}: field {name!r} is empty", "fill it in")


def _attack(values: dict[str, Any], where: str) -> Attack:
    _check(values["success"], _SIGNS, f"{where}, success")
    signs = Signs(**values["success"])
    if not signs:
        raise BadInput(f"{where}: no sign of success is set", f"set one of {', '.join(_SIGNS)}")
    try:
        re.compile(signs.regex)
    except re.error as problem:
        raise BadInput(f"{where}: the regex is broken ({problem})", "correct it") from problem
    if values["severity"] not in SEVERITIES:
        raise BadInput(
            f"{where}: field 'severity' is {values['severity']!r}", f"use one of {SEVERITIES}"
        )
    carriers = bool(values["document"]) + bool(values["planted"])
    if carriers != (values["family"] == "indirect_injection"):
        raise BadInput(
            f"{where}: an indirect injection needs 'document' or 'planted', any other has neither",
            "fill in one of them, or empty both",
        )
    return Attack(**{**values, "success": signs})


def _harmless(values: dict[str, Any], where: str) -> Harmless:
    if not values["must"] or not values["evidence"]:
        raise BadInput(f"{where}: 'must' and 'evidence' may not be empty", "say what answers it")
    for piece in values["evidence"]:
        if not isinstance(piece, dict) or set(piece) != {"document", "quote"}:
            raise BadInput(
                f"{where}: field 'evidence' has something other than document and quote",
                'write {"document": "its id", "quote": "words from it"}',
            )
    return Harmless(**values)
