"""What a span says of an Ollama call that OpenInference leaves out: generate, embed, embeddings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN_TEXTS = 3  # how many of the embedded texts a span keeps


@dataclass(frozen=True)
class Call:
    """A method of the client, its span's name, and what to note when asked and when answered.

    ``answered`` takes all chunks of a streamed answer, or a whole answer as the only one.
    """

    method: str
    name: str
    asked: Callable[[dict], dict[str, Any]]
    answered: Callable[[Sequence[Any]], dict[str, Any]]


def text_of(chunk: Any) -> str:
    """The text that a chunk of a chat or generate answer brings; thinking counts."""
    message = getattr(chunk, "message", None)
    holder = message if message is not None else chunk
    said = getattr(holder, "content", None) or getattr(holder, "response", None)
    return said or getattr(holder, "thinking", None) or ""


def _generate_asked(asked: dict) -> dict[str, Any]:
    options = asked.get("options") or {}
    settings = options if isinstance(options, dict) else options.model_dump(exclude_none=True)
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": "ollama",
        "llm.model_name": str(asked.get("model", "")),
        "llm.invocation_parameters": json.dumps(settings, default=str),
        "input.value": str(asked.get("prompt", "")),
    }


def _generate_answered(chunks: Sequence[Any]) -> dict[str, Any]:
    text = "".join(getattr(chunk, "response", None) or "" for chunk in chunks)
    return {"output.value": text, **_tokens(chunks)}


def _embed_asked(asked: dict) -> dict[str, Any]:
    given = asked.get("input", asked.get("prompt", ""))
    texts = [given] if isinstance(given, str) else list(given) if given else []
    return {
        "openinference.span.kind": "EMBEDDING",
        "llm.provider": "ollama",
        "embedding.model_name": str(asked.get("model", "")),
        "workbench.texts": len(texts),
        "input.value": json.dumps(texts[:SHOWN_TEXTS], ensure_ascii=False, default=str),
    }


def _embed_answered(chunks: Sequence[Any]) -> dict[str, Any]:
    vectors = [getattr(chunk, "embeddings", None) or [chunk.embedding] for chunk in chunks]
    shape = f"{len(vectors[0])} vectors of {len(vectors[0][0])} numbers" if vectors else ""
    return {"output.value": shape, **_tokens(chunks)}


def _tokens(chunks: Sequence[Any]) -> dict[str, int]:
    """Token counts, which the last chunk brings; none if the stream was cut short."""
    if not chunks:
        return {}
    prompt = getattr(chunks[-1], "prompt_eval_count", None)
    output = getattr(chunks[-1], "eval_count", None)
    counts = {"llm.token_count.prompt": prompt, "llm.token_count.completion": output}
    if prompt is not None and output is not None:
        counts["llm.token_count.total"] = prompt + output
    return {name: count for name, count in counts.items() if count is not None}


GENERATE = Call("generate", "Generate", _generate_asked, _generate_answered)
EMBED = Call("embed", "Embed", _embed_asked, _embed_answered)
EMBEDDINGS = Call("embeddings", "Embed", _embed_asked, _embed_answered)
