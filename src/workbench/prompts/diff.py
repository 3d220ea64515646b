"""What changed between two versions of a prompt, line by line and word by word."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from html import escape

from workbench.prompts.prompt import Prompt

_BORDER = "1px solid rgba(128,128,128,.35)"
#: Tag -> its look: orange and blue, told apart also without colour by a line through or below.
_LOOKS = {
    "del": "background:rgba(213,94,0,.25);text-decoration:line-through",
    "ins": "background:rgba(0,114,178,.25);text-decoration:underline",
}


@dataclass(frozen=True)
class Diff:
    """Two versions of a prompt; displays side by side with the changed words marked."""

    before: Prompt
    after: Prompt

    @property
    def unified(self) -> str:
        """The changed lines with their surroundings, as ``diff -u`` has them; empty if none."""
        lines = difflib.unified_diff(
            _source(self.before).splitlines(), _source(self.after).splitlines(),
            self.before.id, self.after.id, lineterm="", n=2,
        )  # fmt: skip
        return "\n".join(lines)

    @property
    def removed(self) -> list[str]:
        """The passages that only the earlier version has."""
        return [left for _, left, _ in self._pieces() if left.strip()]

    @property
    def added(self) -> list[str]:
        """The passages that only the later version has."""
        return [right for _, _, right in self._pieces() if right.strip()]

    def _pieces(self, equal: bool = False) -> list[tuple[bool, str, str]]:
        """Changed, words before, words after; with ``equal`` also what stayed."""
        left, right = (re.findall(r"\s+|\S+", _source(p)) for p in (self.before, self.after))
        matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
        return [
            (tag != "equal", "".join(left[a:b]), "".join(right[c:d]))
            for tag, a, b, c, d in matcher.get_opcodes()
            if equal or tag != "equal"
        ]

    def _repr_html_(self) -> str:
        pieces = self._pieces(equal=True)
        columns = (
            _column(self.before, "del", [(changed, left) for changed, left, _ in pieces]),
            _column(self.after, "ins", [(changed, right) for changed, _, right in pieces]),
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:1em">{"".join(columns)}</div>'

    def __repr__(self) -> str:
        return self.unified or f"{self.before.id} and {self.after.id} have the same words"


def diff(before: Prompt, after: Prompt) -> Diff:
    """What changed from one version of a prompt to another."""
    return Diff(before, after)


def _source(prompt: Prompt) -> str:
    """Everything of a prompt that reaches the model, as text."""
    types = ", ".join(f"{name} ({kind})" for name, kind in prompt.variables.items())
    parts = [f"variables: {types}"] if types else []
    if prompt.format is not None:
        parts.append("format: " + json.dumps(prompt.format, indent=2, ensure_ascii=False))
    return "\n\n".join([*parts, prompt.template]) + "\n"


def _column(prompt: Prompt, tag: str, pieces: list[tuple[bool, str]]) -> str:
    title = escape(f"{prompt.id}: {prompt.changelog}")
    text = "".join(_marked(tag, text) if changed else escape(text) for changed, text in pieces)
    return (
        f'<section style="flex:1 1 18em;min-width:0" aria-label="{title}">'
        f'<div style="font-weight:600;padding:.2em 0">{title}</div>'
        '<pre style="white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;'
        f"background:transparent;color:inherit;border:{_BORDER};border-radius:6px;"
        "padding:.6em .8em;margin:0;"
        f'font-size:.92em">{text}</pre></section>'
    )


def _marked(tag: str, text: str) -> str:
    return f'<{tag} style="{_LOOKS[tag]};color:inherit">{escape(text)}</{tag}>' if text else ""
