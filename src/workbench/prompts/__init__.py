"""Prompts are files with versions: one folder for a name, one file for a version.

A file starts with a front matter in TOML between two ``+++`` lines (``version``, ``changelog`` and
``variables``); then come the messages, each under a heading ``## system``, ``## user`` or
``## assistant``. ``{name}`` stands for a variable.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from workbench.errors import BadInput, BrokenFile, UnknownName

_VARIABLE = re.compile(r"\{([a-z_]+)\}")
_HEADING = re.compile(r"^## (system|user|assistant)$", re.MULTILINE)


@dataclass(frozen=True)
class Prompt:
    """One version of a prompt: messages with variables in them."""

    name: str
    version: int
    changelog: str
    variables: tuple[str, ...]
    messages: tuple[tuple[str, str], ...]
    path: Path

    @property
    def id(self) -> str:
        """Name and version, as they stand on traces: ``answer/v2``."""
        return f"{self.name}/v{self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the messages: the same words have the same digest, whatever their version."""
        return hashlib.sha256(repr(self.messages).encode("utf-8")).hexdigest()

    @property
    def system(self) -> str:
        """The system message, or an empty string."""
        return next((text for role, text in self.messages if role == "system"), "")

    @property
    def text(self) -> str:
        """The last user message, variables unfilled."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")

    def render(self, **values: object) -> list[dict[str, str]]:
        """The chat messages with every variable filled in; braces inside a value stay as they are.

        Raises BadInput naming the variable, and the file, when one is missing.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise BadInput(
                f"the prompt {self.id} lacks its variable {missing[0]!r}",
                f"pass {missing[0]}=…; the prompt stands in {self.path}",
            )
        return [{"role": role, "content": _fill(text, values)} for role, text in self.messages]


def _fill(text: str, values: dict[str, object]) -> str:
    """Each variable replaced once: what a value contains is never looked at again."""
    return _VARIABLE.sub(lambda found: str(values[found.group(1)]), text)


def files() -> Path:
    """The folder of the packaged prompts."""
    return Path(str(resources.files("workbench.prompts"))) / "files"


def names() -> list[str]:
    """All prompts there are."""
    return sorted(folder.name for folder in files().iterdir() if folder.is_dir())


def versions(name: str) -> list[int]:
    """The versions of a prompt, oldest first; raises UnknownName."""
    if name not in names():
        raise UnknownName("prompt", name, names())
    found = (re.fullmatch(r"v(\d+)\.md", path.name) for path in (files() / name).iterdir())
    return sorted(int(match.group(1)) for match in found if match)


def get(name: str, version: int | None = None) -> Prompt:
    """A prompt by name, the latest version unless one is named; raises UnknownName."""
    known = versions(name)
    if version is None:
        version = known[-1]
    if version not in known:
        raise UnknownName(f"version of prompt {name!r}", str(version), map(str, known))
    return read(files() / name / f"v{version}.md", name)


def read(path: Path, name: str) -> Prompt:
    """A prompt from its file; raises BrokenFile when the file does not keep to the format."""
    try:
        _, head, body = path.read_text("utf-8").split("+++\n", 2)
        meta = tomllib.loads(head)
        parts = _HEADING.split(body)[1:]
        messages = tuple(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
        prompt = Prompt(
            name, meta["version"], meta["changelog"], tuple(meta["variables"]), messages, path
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenFile(
            f"the prompt file {path} cannot be read: {error}",
            "keep to the format of its neighbours",
        ) from None
    _check(prompt)
    return prompt


def _check(prompt: Prompt) -> None:
    """The file's name, its declared variables and those in its text must agree."""
    used = {v for _, text in prompt.messages for v in _VARIABLE.findall(text)}
    if not prompt.messages or prompt.path.stem != f"v{prompt.version}":
        raise BrokenFile(
            f"{prompt.path} has no messages, or another version in its name",
            "correct its front matter",
        )
    if used != set(prompt.variables):
        odd = ", ".join(sorted(used ^ set(prompt.variables)))
        raise BrokenFile(
            f"{prompt.path} declares other variables than it uses: {odd}",
            "correct its front matter",
        )
