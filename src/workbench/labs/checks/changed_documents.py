"""Task 02.2: what an index has to do after its folder has changed."""

from __future__ import annotations

import hashlib
from typing import Any

from workbench.labs.asking import Learner, Slip, Wrong, compare
from workbench.labs.solutions import load


def digest(text: str) -> str:
    """The content hash that the index keeps."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _index(**documents: str) -> dict[str, str]:
    return {name: digest(text) for name, text in documents.items()}


FOLDERS = [
    (_index(pets="Dogs 30 kr", fares="Adults 90 kr", crew="On watch"),
     {"pets": "Dogs 30 kr", "fares": "Adults 95 kr", "storm": "No sailing"}),
    ({}, {"pets": "Dogs 30 kr", "café": "Blåbær"}),
    (_index(pets="Dogs 30 kr", fares="Adults 90 kr"), {}),
    (_index(pets="Dogs 30 kr"), {"pets": "Dogs 30 kr"}),
    (_index(pets="Dogs 30 kr"), {"pets": "Dogs 30 kr\n"}),
    (_index(pets="Dogs 30 kr"), {"animals": "Dogs 30 kr"}),
]  # fmt: skip


def _like(**changed: Any):
    """The right three sets with some of them made another way."""

    def wrong(index, documents):
        right = load("02.2")(index, documents)
        made = {key: how(right, index, documents) for key, how in changed.items()}
        return right | made

    return wrong


CHANGE_SLIPS = [
    Slip(
        "A document that was deleted is still in the index and would still be quoted. Which ids "
        "are in the index and not in the folder?",
        _like(remove=lambda *_: set()),
    ),
    Slip(
        "Each document that was there before counts as changed, touched or not. What do you "
        "compare the stored hash with?",
        _like(change=lambda r, index, docs: set(index) & set(docs)),
    ),
    Slip(
        "A changed document is not a new one: its old chunks have to go first. Which ids are in "
        "the folder and not in the index?",
        lambda index, docs: {
            **load("02.2")(index, docs),
            "add": load("02.2")(index, docs)["add"] | load("02.2")(index, docs)["change"],
            "change": set(),
        },
    ),
    Slip(
        "You index everything anew. What is the use of the hashes?",
        lambda index, docs: {"add": set(docs), "change": set(), "remove": set(index) - set(docs)},
    ),
    Slip(
        "What is new is under `remove`, and what is gone is under `add`.",
        _like(add=lambda r, *_: r["remove"], remove=lambda r, *_: r["add"]),
    ),
    Slip(
        "A document whose content changed was not noticed. What does its hash tell?",
        _like(change=lambda *_: set()),
    ),
    Slip(
        "A new document counts as changed too. Can something change that was not there?",
        _like(change=lambda r, *_: r["change"] | r["add"]),
    ),
    Slip(
        "A line end was added to the document and nothing noticed. Do you hash the text as it is?",
        lambda index, docs: load("02.2")(index, {k: v.strip() for k, v in docs.items()}),
    ),
]


def check(learner: Learner) -> Any:
    """Folders before and after: added, changed, deleted, renamed, untouched."""
    first = learner(*FOLDERS[0])
    keys = ["add", "change", "remove"]
    if not isinstance(first, dict) or sorted(map(str, first)) != keys:
        say = 'Return a dictionary with the keys "add", "change" and "remove".'
        raise Wrong(say, load("02.2")(*FOLDERS[0]), first)
    say = "Take one id after the other: is it in the index, in the folder, with which hash?"
    return compare(learner, FOLDERS, load("02.2"), CHANGE_SLIPS, say)
