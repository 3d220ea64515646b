"""A prompt's file: a front matter in TOML between two ``+++`` lines, then the messages.

The front matter has ``version``, ``changelog``, ``variables`` (name = type), and may have
``format`` (a JSON schema, as text) and ``scores`` (written by ``workbench bench prompts``). Each
message stands under a heading ``## system``, ``## user`` or ``## assistant``; ``{name}`` is a
variable.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.errors import BrokenFile
from workbench.prompts.prompt import TYPES, VARIABLE, Prompt, Score

_HEADING = re.compile(r"^## (system|user|assistant)$", re.MULTILINE)


def read(path: Path, name: str) -> Prompt:
    """A prompt from its file; raises BrokenFile when the file does not keep to the format."""
    try:
        prompt = parse(path.read_text("utf-8"), name, path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenFile(
            f"the prompt file {path} cannot be read: {error}",
            "keep to the format of its neighbours",
        ) from None
    check(prompt)
    return prompt


def parse(text: str, name: str, path: Path) -> Prompt:
    """The prompt that a file's text holds; raises ValueError, KeyError or TypeError."""
    _, head, body = text.split("+++\n", 2)
    meta = tomllib.loads(head)
    parts = _HEADING.split(body)[1:]
    return Prompt(
        name=name,
        version=meta["version"],
        changelog=meta["changelog"],
        variables=_types(meta["variables"]),
        messages=tuple(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True)),
        path=path,
        format=_schema(meta.get("format")),
        scores=tuple(Score(**score) for score in meta.get("scores", [])),
    )


def _types(variables: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(variables, dict):
        raise ValueError('variables need types, as in variables = {question = "text"}')
    for name, kind in variables.items():
        if kind not in TYPES:
            raise ValueError(f"variable {name!r} has the type {kind!r}; use {', '.join(TYPES)}")
    return variables


def _schema(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    schema = json.loads(text)
    if not isinstance(schema, dict) or "answer" not in schema.get("properties", {}):
        raise ValueError("format must be the JSON schema of an object with a property 'answer'")
    return schema


def check(prompt: Prompt) -> None:
    """The file's name, its declared variables and those in its text must agree; BrokenFile."""
    used = {v for _, text in prompt.messages for v in VARIABLE.findall(text)}
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


def compose(prompt: Prompt) -> str:
    """The text of a prompt's file."""
    import tomlkit

    head = tomlkit.document()
    head.add("version", prompt.version)
    head.add("changelog", prompt.changelog)
    variables = tomlkit.inline_table()
    variables.update(prompt.variables)
    head.add("variables", variables)
    if prompt.format is not None:
        text = json.dumps(prompt.format, indent=2, ensure_ascii=False)
        head.add("format", tomlkit.string(f"\n{text}\n", multiline=True))
    return f"+++\n{tomlkit.dumps(head)}+++\n{prompt.template}\n"


def record(prompt: Prompt, scores: Iterable[Score]) -> None:
    """Write scores into a prompt's file; every other line of it stays as it is.

    A score replaces an earlier one of the same metric, split and model.
    """
    import tomlkit

    key = lambda s: (s.metric, s.split, s.model)  # noqa: E731
    merged = {key(s): s for s in (*read(prompt.path, prompt.name).scores, *scores)}
    before, head, body = prompt.path.read_text("utf-8").split("+++\n", 2)
    document, lines = tomlkit.parse(head), tomlkit.array().multiline(True)
    for score in merged.values():
        row = tomlkit.inline_table()
        row.update(asdict(score))
        lines.append(row)
    document["scores"] = lines
    write(prompt.path, f"{before}+++\n{tomlkit.dumps(document)}+++\n{body}")


def write(path: Path, text: str) -> None:
    """Write a file aside and rename it: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, "utf-8")
    part.replace(path)
