"""The prompts there are: the packaged ones, and a working copy's own versions and pins."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, BrokenFile, UnknownName
from workbench.prompts import file, pins
from workbench.prompts.prompt import VARIABLE, Prompt

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_ID = re.compile(r"(.+)/v(\d+)")
Messages = Iterable[tuple[str, str]] | Iterable[Mapping[str, str]]


def files() -> Path:
    """The folder of the packaged prompts."""
    return Path(str(resources.files("workbench.prompts"))) / "files"


class Registry:
    """Packaged prompts, and what a folder adds to them: own versions, and pins.

    A pin says which version ``get`` gives when none is named. Without a pin that is the latest
    packaged version, so that saving a version never changes what is in force. Without a folder:
    ``artifacts/prompts`` of the working copy.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        if folder is None:
            from workbench.settings import settings

            folder = settings().artifacts / "prompts"
        self.folder = Path(folder)
        self._pins = self.folder / "pins.json"

    def names(self) -> list[str]:
        """All prompts there are."""
        return sorted({path.parent.name for path in self._all()})

    def versions(self, name: str) -> list[int]:
        """The versions of a prompt, oldest first; raises UnknownName."""
        found = {int(path.stem[1:]) for path in self._all() if path.parent.name == name}
        if not found:
            raise UnknownName("prompt", name, self.names())
        return sorted(found)

    def get(self, name: str, version: int | None = None) -> Prompt:
        """A prompt by name, or by name and version as in ``answer/v2``.

        Without a version: the one in force. Raises UnknownName, BrokenFile for a damaged file, and
        BadInput when the pinned version is gone or is not what it was.
        """
        if version is None and (both := _ID.fullmatch(name)):
            name, version = both.group(1), int(both.group(2))
        known = self.versions(name)
        if version is None:
            return self._in_force(name, known)
        if version not in known:
            raise UnknownName(f"version of prompt {name!r}", str(version), map(str, known))
        return file.read(self._path(name, version), name)

    def pinned(self, name: str) -> pins.Event | None:
        """The pin that is in force, or None."""
        return next(reversed(pins.stack(pins.load(self._pins), name)), None)

    def pin(self, name: str, version: int, reason: str) -> Prompt:
        """Put a version in force, with the reason that the log will show; the same twice is one."""
        if not reason.strip():
            raise BadInput("a pin needs a reason", 'say why: reason="…"')
        with self._lock():
            prompt = self.get(name, version)
            current = self.pinned(name)
            if not current or (current.version, current.digest) != (version, prompt.digest):
                event = pins.now(name, "pin", version, prompt.digest, reason.strip())
                pins.append(self._pins, event)
        return prompt

    def rollback(self, name: str, reason: str = "") -> Prompt:
        """Undo the latest pin: what was in force before it is again, and is returned.

        Raises BadInput when nothing is pinned.
        """
        with self._lock():
            self.versions(name)
            have = pins.stack(pins.load(self._pins), name)
            if not have:
                raise BadInput(
                    f"there is nothing to roll back: {name!r} has no pin",
                    f"pin a version first; there are: {', '.join(map(str, self.versions(name)))}",
                )
            before = have[-2] if len(have) > 1 else None
            version, digest = (before.version, before.digest) if before else (None, "")
            why = reason.strip() or f"undo: {have[-1].reason}"
            pins.append(self._pins, pins.now(name, "rollback", version, digest, why))
        return self.get(name)

    def log(self, name: str) -> pins.Log:
        """What was pinned and rolled back, oldest first."""
        self.versions(name)
        return pins.Log(event for event in pins.load(self._pins) if event.name == name)

    def save(
        self,
        name: str,
        messages: Messages,
        changelog: str,
        variables: Mapping[str, str] | None = None,
        format: Mapping[str, Any] | None = None,
    ) -> Prompt:
        """Write the next version of a prompt, or the first of a new one, and return it.

        ``messages`` are pairs of role and text, or chat messages. Variables are of type text unless
        told. A version of the same content is returned instead of being written again.
        """
        draft = _draft(name, messages, changelog, variables, format)
        with self._lock():
            known = self.versions(name) if name in self.names() else []
            for version in known:
                with contextlib.suppress(BrokenFile, BadInput):
                    if (same := self.get(name, version)).digest == draft.digest:
                        return same
            path = self.folder / name / f"v{max(known, default=0) + 1}.md"
            return _write(draft, path)

    def _in_force(self, name: str, known: list[int]) -> Prompt:
        pin = self.pinned(name)
        if pin is None:
            packaged = [v for v in known if (files() / name / f"v{v}.md").exists()]
            return self.get(name, (packaged or known)[-1])
        undo = f"workbench prompts rollback {name}, or pin another: {', '.join(map(str, known))}"
        if pin.version not in known:
            raise BadInput(f"{name}/v{pin.version} is pinned and its file is gone", undo)
        prompt = self.get(name, pin.version)
        if prompt.digest != pin.digest:
            raise BadInput(f"{prompt.id} is pinned and its file was changed since", undo)
        return prompt

    def _all(self) -> Iterator[Path]:
        """Every version's file; what is half written has another name."""
        for root in (files(), self.folder):
            for path in root.glob("*/v*.md"):
                if re.fullmatch(r"v[1-9]\d*", path.stem) and _NAME.fullmatch(path.parent.name):
                    yield path

    def _path(self, name: str, version: int) -> Path:
        here = [root / name / f"v{version}.md" for root in (files(), self.folder)]
        there = [path for path in here if path.exists()]
        if len(there) > 1 and _differ(*there, name):
            raise BadInput(
                f"{name}/v{version} is there twice, with different words: {there[0]}, {there[1]}",
                "give the second the next free number",
            )
        return there[0]

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "registry.lock", timeout=30):
            yield


def _differ(first: Path, second: Path, name: str) -> bool:
    """Whether two files of a version have different words."""
    return file.read(first, name).digest != file.read(second, name).digest


def _draft(
    name: str,
    messages: Messages,
    changelog: str,
    variables: Mapping[str, str] | None,
    format: Mapping[str, Any] | None,
) -> Prompt:
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is no name for a prompt", "use lower case, digits and hyphens: my-prompt"
        )
    if not changelog.strip():
        raise BadInput("a version needs a changelog line", 'say what changed: changelog="…"')
    pairs = tuple(
        (m["role"], m["content"].strip()) if isinstance(m, Mapping) else (m[0], m[1].strip())
        for m in messages
    )
    if variables is None:
        used = (v for _, text in pairs for v in VARIABLE.findall(text))
        variables = dict.fromkeys(used, "text")
    return Prompt(name, 1, changelog.strip(), variables, pairs, Path("v1.md"), format)


def _write(draft: Prompt, path: Path) -> Prompt:
    """The draft as a file, if it can be read back as what it is."""
    import dataclasses

    prompt = dataclasses.replace(draft, version=int(path.stem[1:]), path=path)
    text = file.compose(prompt)
    try:
        again = file.parse(text, prompt.name, path)
        file.check(again)
    except (BrokenFile, ValueError, KeyError, TypeError, AttributeError) as error:
        what = error.what if isinstance(error, BrokenFile) else str(error)
        raise BadInput(f"{prompt.name} cannot be saved: {what}", "correct it and save") from None
    if again.digest != prompt.digest:
        raise BadInput(
            f"{prompt.name} cannot be saved: roles must be system, user or assistant, and no "
            "message may have such a heading in it",
            "correct the messages",
        )
    file.write(path, text)
    return prompt
