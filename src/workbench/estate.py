"""The sets in ``data/``, each through Hugging Face ``datasets``.

estate.load("golden", split="dev")
estate.load("redteam", "attacks")
estate.load("corpus")                # the documents, cleaned
estate.load("corpus", "sailings")    # a table of the database

A set's folder has a data card, ``README.md``, whose head names its parts and files, so that
``datasets.load_dataset("data/golden")`` does the same from a terminal without the workbench.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UnknownName
from workbench.settings import settings

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

#: Set -> what it is.
SETS = {
    "corpus": "documents and a database to answer from",
    "golden": "questions with reference answers and evidence",
    "judge": "answers of known worth, to test a judge",
    "redteam": "attacks, and harmless look-alikes",
    "tuning": "examples of the house style, good and noisy",
    "traffic": "six weeks of simulated requests",
    "catalog": "facts about models and prices",
}
DATABASE = "skerry.sqlite"


def parts(name: str) -> list[str]:
    """The parts of a set, its default first. Raises UnknownName for a set that does not exist."""
    if name == "corpus":
        return ["documents", *tables()]
    return [config["config_name"] for config in _configs(name)]


def load(name: str, part: str | None = None, split: str | None = None) -> Dataset | DatasetDict:
    """A set as a ``datasets.Dataset``, or a ``DatasetDict`` where it has several splits.

    Without a part: its first. Raises UnknownName for a set, part or split that does not exist.
    """
    known = parts(name)
    part = part or known[0]
    if part not in known:
        raise UnknownName(f"part of {name}", part, known)
    loaded = _corpus(part) if name == "corpus" else _files(name, part)
    if split is not None:
        if split not in loaded:
            raise UnknownName(f"split of {name}", split, loaded)
        return loaded[split]
    return loaded if len(loaded) > 1 else next(iter(loaded.values()))


def tables() -> list[str]:
    """Names of the database's tables."""
    with closing(_database()) as database:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
        return [name for (name,) in database.execute(asked)]


def _database() -> sqlite3.Connection:
    file = settings().data / "corpus" / DATABASE
    if not file.is_file():
        raise BadInput(f"there is no database {file}", "make it: python data/make/database.py")
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _configs(name: str) -> list[dict[str, Any]]:
    """What the head of a set's data card says of its parts."""
    import yaml

    if name not in SETS:
        raise UnknownName("set", name, SETS)
    card = settings().data / name / "README.md"
    head = card.read_text("utf-8").split("---\n")[1] if card.is_file() else ""
    configs = (yaml.safe_load(head) or {}).get("configs")
    if not configs:
        raise BadInput(f"{card} does not name its files", "add `configs:` to its head")
    return configs


def _files(name: str, part: str) -> DatasetDict:
    """The files that the card names for a part.

    They are named one by one, since ``load_dataset(folder)`` keeps giving its first copy of a
    folder whose files have changed (datasets 4.8).
    """
    from datasets import load_dataset

    config = next(config for config in _configs(name) if config["config_name"] == part)
    files = config["data_files"]
    if isinstance(files, str):
        files = [{"split": "train", "path": files}]
    folder = settings().data / name
    paths = {file["split"]: str(folder / file["path"]) for file in files}
    for path in paths.values():
        if not Path(path).is_file():
            raise BadInput(f"there is no file {path}", f"get it back: git checkout {path}")
    kind = "csv" if all(path.endswith(".csv") for path in paths.values()) else "json"
    return load_dataset(kind, data_files=paths, cache_dir=str(settings().artifacts / "datasets"))


def _corpus(part: str) -> DatasetDict:
    from datasets import Dataset, DatasetDict

    return DatasetDict(all=Dataset.from_list(_documents() if part == "documents" else _rows(part)))


def _documents() -> list[dict[str, Any]]:
    from workbench import corpus

    return [
        {
            "id": document.id,
            "title": document.title,
            "kind": document.kind,
            "file": Path(document.path).name,
            "text": document.text,
            "raw": document.raw,
            "metadata": json.dumps(document.metadata, ensure_ascii=False),
        }
        for document in corpus.load()
    ]


def _rows(table: str) -> list[dict[str, Any]]:
    with closing(_database()) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f'SELECT * FROM "{table}"')]
