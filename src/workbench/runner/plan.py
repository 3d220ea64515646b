"""What to run: notebooks by name, a profile, and the parameters that each notebook gets."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from workbench.errors import BadInput, BrokenFile, UnknownName
from workbench.settings import settings

#: Seconds that a notebook may take where its profile names no limit.
TIMEOUT = 3600.0
TAG_FIX = (
    "tag the cell that holds them: in JupyterLab select it, open the property inspector "
    "(two gears, top right) and add the cell tag 'parameters'"
)


@dataclass(frozen=True)
class Profile:
    """A named set of parameters; ``timeout`` is the time limit of one notebook in seconds."""

    name: str
    timeout: float = TIMEOUT
    common: dict[str, Any] = field(default_factory=dict)
    notebooks: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One notebook and the parameters it will be given.

    ``fingerprint`` changes when the cells' sources, the parameters or the profile change.
    """

    name: str
    path: Path
    parameters: dict[str, Any]
    fingerprint: str
    title: str
    kernel: str


def course() -> list[Path]:
    """The numbered notebooks of the course, in order."""
    return sorted(settings().notebooks.glob("[0-9][0-9]_*.ipynb"))


def find(names: Iterable[str]) -> list[Path]:
    """Notebooks by number (``1``), name (``01_model_selection``) or path; all if none is given.

    Raises UnknownName, and BadInput where two of them would write the same files.
    """
    paths = list(dict.fromkeys(_find_one(name) for name in names)) or course()
    if not paths:
        raise BadInput(
            f"there are no notebooks in {settings().notebooks}",
            "run inside the working copy, or name a notebook by its path",
        )
    stems = [path.stem for path in paths]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice:
        raise BadInput(f"two notebooks are named {twice}", "run them separately")
    return paths


def _find_one(name: str) -> Path:
    for path in course():
        number = path.stem.split("_")[0]
        if name == path.stem or (name.isdecimal() and int(name) == int(number)):
            return path
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    raise UnknownName("notebook", name, [found.stem for found in course()])


def profiles() -> list[str]:
    """Names of the profiles in ``nbconfig/profiles``."""
    return sorted(path.stem for path in (settings().nbconfig / "profiles").glob("*.toml"))


def profile(name: str) -> Profile:
    """A profile by name; raises UnknownName, or BadInput for a file that is not right."""
    if name not in profiles():
        raise UnknownName("profile", name, profiles())
    path = settings().nbconfig / "profiles" / f"{name}.toml"
    content = read_toml(path)
    timeout = content.pop("timeout", TIMEOUT)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        raise BadInput(f"{path}: timeout is {timeout!r}", "give it in seconds, as in timeout = 600")
    loose = [key for key, value in content.items() if not isinstance(value, dict)]
    if loose:
        raise BadInput(
            f"{path}: {loose[0]!r} stands outside a table",
            "put it under [common] or under the name of a notebook",
        )
    return Profile(name, float(timeout), content.pop("common", {}), content)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's content; raises BadInput that names the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not valid TOML: {error}", "correct that line") from error


def plan(paths: list[Path], profile: Profile, given: list[tuple[str, str]] = ()) -> list[Job]:
    """A job for each notebook.

    ``[common]`` and ``given`` reach the notebooks that declare the parameter; at least one must
    declare a ``given`` one. A notebook's own table may hold only what the notebook declares.
    """
    books = {path: read_notebook(path) for path in paths}
    declared = {path: parameters_of(book, path) for path, book in books.items()}
    known = sorted({name for names in declared.values() for name in names})
    for name, _ in given:
        if name not in known:
            raise UnknownName("parameter", name, known)
    return [_job(path, books[path], declared[path], profile, given) for path in paths]


def _job(path, book, declared: dict[str, Any], profile: Profile, given) -> Job:
    values = {"profile": profile.name} | profile.common
    values = {name: value for name, value in values.items() if name in declared}
    for name, value in profile.notebooks.get(path.stem, {}).items():
        if name not in declared:
            raise UnknownName(
                f"parameter in profile {profile.name!r}, [{path.stem}]:", name, declared
            )
        values[name] = value
    values |= {n: typed(n, text, declared[n]) for n, text in given if n in declared}
    return Job(
        name=path.stem,
        path=path,
        parameters=values,
        fingerprint=_fingerprint(book, values, profile.name),
        title=_title(book) or path.stem,
        kernel=book.metadata.get("kernelspec", {}).get("name", "python3"),
    )


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook file; raises BrokenFile for one that is cut short or no notebook."""
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, KeyError, AttributeError, nbformat.reader.NotJSONError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BrokenFile(
            f"{path} is no readable notebook: {reason}", "restore it from git"
        ) from error


def parameters_of(book: nbformat.NotebookNode, path: Path) -> dict[str, Any]:
    """Names and default values in the cell tagged ``parameters``; raises BadInput without one."""
    cell = next((c for c in book.cells if "parameters" in c.metadata.get("tags", [])), None)
    if cell is None:
        raise BadInput(f"{path.name} has no cell tagged 'parameters'", TAG_FIX)
    try:
        lines = ast.parse(cell.source).body
    except SyntaxError as error:
        raise BadInput(
            f"the parameters cell of {path.name} is not Python: {error}", "correct it"
        ) from error
    return {name: _literal(line.value) for line in lines for name in _assigned(line)}


def _assigned(line: ast.stmt) -> list[str]:
    targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _literal(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def typed(name: str, text: str, default: Any) -> Any:
    """A parameter given as text, as the type of its default; raises BadInput where it cannot be."""
    if isinstance(default, str):
        return text
    value = _parse(text)
    if isinstance(default, bool):
        fits, kind = isinstance(value, bool), "True or False"
    elif isinstance(default, int | float):
        fits, kind = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    else:
        fits, kind = True, ""
    if not fits:
        raise BadInput(
            f"parameter {name!r} is {text!r}", f"give {kind}, as its default {default!r} is"
        )
    return value


def _parse(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _fingerprint(book: nbformat.NotebookNode, parameters: dict[str, Any], profile: str) -> str:
    """Changes with whatever a notebook's result hangs on: itself, its parameters, code and data."""
    cells = [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in book.cells]
    text = json.dumps([cells, parameters, profile, _beneath()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _beneath() -> str:
    """A digest of the package, the data and the locks, read once in a run."""
    here = settings()
    folders = (Path(__file__).resolve().parents[1], here.data, here.nbconfig / "locks")
    digest = hashlib.sha256()
    for file in sorted(f for folder in folders for f in folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _title(book: nbformat.NotebookNode) -> str:
    text = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    return next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), "")
