"""Passages as the prompt shows them, and as many as the model's context has room for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.retrieval import Hit


def tokens(text: str) -> int:
    """A safe estimate of a text's tokens.

    The Ollama API counts tokens only by answering. English prose has four to five characters a
    token and tables of prices about three, so that three never promises room that is not there.
    """
    return len(text) // 3 + 1


def pack(hits: list[Hit], budget: int) -> list[Hit]:
    """The best hits that fit in ``budget`` tokens together; the first is cut to fit."""
    kept: list[Hit] = []
    for hit in hits:
        size = tokens(passages([hit])) + 1
        if size > budget and not kept:
            return [_cut(hit, max(budget, 0) * 3)]
        if size > budget:
            break
        kept.append(hit)
        budget -= size
    return kept


def passages(hits: list[Hit]) -> str:
    """Each passage under its document's id in brackets, which is what an answer cites."""
    return "\n\n".join(f"[{hit.chunk.document}]\n{hit.chunk.text.strip()}" for hit in hits)


def _cut(hit: Hit, characters: int) -> Hit:
    text = hit.chunk.text[:characters].rsplit(" ", 1)[0]
    return dataclasses.replace(hit, chunk=dataclasses.replace(hit.chunk, text=text))
