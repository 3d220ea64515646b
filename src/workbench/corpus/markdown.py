"""Markdown: front matter becomes metadata, the rest is already clean."""

from __future__ import annotations

import re

from workbench.corpus.text import Clean, decode, plain, tidy

FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def read(data: bytes) -> Clean:
    """A Markdown file; front matter that is no valid YAML stays in the text."""
    raw = decode(data)
    metadata, body = front_matter(raw)
    text = tidy(COMMENT.sub("", body))
    heading = re.search(r"^# +(.+?)[ #]*$", text, re.MULTILINE)
    title = metadata.pop("title", "") or (heading.group(1) if heading else "")
    return Clean(text, raw, title, metadata)


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """The YAML front matter of a text as plain strings, and the text after it."""
    import yaml

    found = FRONT.match(text)
    if not found:
        return {}, text
    try:
        values = yaml.safe_load(found.group(1))
    except yaml.YAMLError:
        return {}, text
    if not isinstance(values, dict):
        return {}, text
    pairs = {str(name): plain(value) for name, value in values.items()}
    return {n: v for n, v in pairs.items() if v is not None}, text[found.end() :]
