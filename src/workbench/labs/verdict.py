"""What a check, a hint or a solution looks like: HTML in a notebook, plain text elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

#: State of a task -> its mark, its word, its colour.
LOOKS = {
    "passed": ("✔", "passed", "#009E73"),
    "wrong": ("✘", "not yet", "#D55E00"),
    "todo": ("…", "open", "#0072B2"),
    "help": ("?", "hint", "#0072B2"),
    "solution": ("→", "one solution", "#CC79A7"),
}

#: Code and texts, whatever the page around them does to them.
PRE = (
    "font-family:ui-monospace,monospace;white-space:pre-wrap;word-break:normal;"
    "overflow-wrap:anywhere;background:transparent;color:inherit"
)


@dataclass(frozen=True)
class Verdict:
    """The answer to one try. ``state`` is passed, wrong or todo; ``say`` the sentence for it."""

    task: str
    title: str
    state: str
    say: str
    expected: str = ""
    got: str = ""
    given: str = ""
    note: str = ""
    picture: Any = None

    @property
    def passed(self) -> bool:
        return self.state == "passed"

    def facts(self) -> list[tuple[str, str]]:
        """Call, expected and got, those that there are."""
        named = (("called", self.given), ("expected", self.expected), ("got", self.got))
        return [(name, text) for name, text in named if text]

    def _repr_html_(self) -> str:
        mark, word, colour = LOOKS[self.state]
        facts = "".join(
            f'<div style="display:flex;margin-top:.15em"><span style="flex:0 0 5.5em;opacity:.75">'
            f'{name}</span><code style="{PRE};min-width:0">{escape(text)}</code></div>'
            for name, text in self.facts()
        )
        facts = f'<div style="margin-top:.5em">{facts}</div>' if facts else ""
        note = f'<div style="opacity:.75;margin-top:.4em">{escape(self.note)}</div>'
        return box(
            f"{_html(self.picture)}"
            f'<div><b style="color:{colour}">{mark} {escape(self.task)} {word}</b>'
            f' <span style="opacity:.75">· {escape(self.title)}</span></div>'
            f'<div style="margin-top:.3em">{coded(self.say)}</div>{facts}'
            f"{note if self.note else ''}",
            colour,
            f"task {self.task}: {word}",
        )

    def __repr__(self) -> str:
        mark, word, _ = LOOKS[self.state]
        lines = [repr(self.picture)] if self.picture is not None else []
        lines += [f"{mark} {self.task} {word}: {self.title}", f"  {self.say}"]
        lines += [f"  {name + ':':10}{text}" for name, text in self.facts()]
        return "\n".join(lines + ([f"  {self.note}"] if self.note else []))


@dataclass(frozen=True)
class Help:
    """Hints so far, or a solution."""

    task: str
    kind: str
    paragraphs: tuple[str, ...]
    code: str = ""

    def _repr_html_(self) -> str:
        mark, word, colour = LOOKS[self.kind]
        prose = "".join(f'<div style="margin-top:.3em">{coded(p)}</div>' for p in self.paragraphs)
        code = f'<pre style="{PRE};margin:.6em 0 0">{escape(self.code)}</pre>'
        head = f'<b style="color:{colour}">{mark} {escape(self.task)} {word}</b>'
        return box(f"{head}{prose}{code if self.code else ''}", colour, f"{word} for {self.task}")

    def __repr__(self) -> str:
        mark, word, _ = LOOKS[self.kind]
        lines = [f"{mark} {self.task} {word}", *(f"  {text}" for text in self.paragraphs)]
        return "\n".join(lines + (["", self.code] if self.code else []))


def box(inside: str, colour: str, label: str) -> str:
    """A frame that reads well in light and in dark themes; said aloud when it changes."""
    return (
        f'<div role="status" aria-label="{escape(label)}" style="border:1px solid '
        f"rgba(128,128,128,.35);border-left:5px solid {colour};border-radius:6px;"
        f'padding:.6em .9em;margin:.3em 0;max-width:52em;line-height:1.45">{inside}</div>'
    )


def coded(text: str) -> str:
    """Escaped text in which `this` is set as code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _html(picture: Any) -> str:
    if picture is None:
        return ""
    if hasattr(picture, "_repr_html_"):
        inside = picture._repr_html_()
    elif hasattr(picture, "_repr_mimebundle_"):
        inside = picture._repr_mimebundle_()[0]["text/html"]
    else:
        inside = f"<pre>{escape(repr(picture))}</pre>"
    return f'<div style="margin-bottom:.7em">{inside}</div>'
