"""A model's own tokenizer, from its GGUF file: which pieces a text falls into.

The Ollama API counts tokens and does not show them. The vocabulary and the merges stand in the
model's file; the way in which a text is cut before they apply is only named there, and known for
the families below (llama.cpp, src/llama-vocab.cpp).
"""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, BrokenFile

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: GPT-2's way: letters, digits and other marks apart; a space goes with what follows it.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
#: Qwen's way: digits one by one, marks with the line ends after them.
_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: ``tokenizer.ggml.pre`` -> the patterns that cut a text, one after the other.
_PATTERNS = {"smollm": (r"\p{N}", _GPT2), "qwen2": (_QWEN,), "gpt-2": (_GPT2,)}


def pieces(text: str, model: str = "smollm2:135m") -> list[str]:
    """The tokens of a bare text as a person can read them; joined they are the text.

    A character of several tokens is shown as ``�`` in each. Raises ModelMissing for a model that is
    not in the store, BadInput for one whose tokenizer is not known here.
    """
    tokenizer = load(model)
    return [tokenizer.decode([i], skip_special_tokens=False) for i in tokenizer.encode(text).ids]


def count(text: str, model: str = "smollm2:135m") -> int:
    """How many tokens a bare text has; see :func:`pieces` for what it raises."""
    return len(load(model).encode(text).ids)


def load(model: str = "smollm2:135m") -> Tokenizer:
    """The tokenizer of a model of the store."""
    from workbench import models

    return _load(models.path(model).gguf)


@functools.lru_cache(maxsize=4)
def _load(gguf: Path) -> Tokenizer:
    """Made once from the model's file, which takes seconds, and kept beside it."""
    from tokenizers import Tokenizer

    stamp = gguf.stat()
    kept = gguf.with_name(f".{gguf.name}.{stamp.st_size}-{stamp.st_mtime_ns}.tokenizer.json")
    with contextlib.suppress(Exception):  # tokenizers raises no type of its own
        return Tokenizer.from_file(str(kept))
    tokenizer = _made(gguf)
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    with contextlib.suppress(Exception):  # a store that cannot be written is only slower
        tokenizer.save(str(part), pretty=False)
        part.replace(kept)
    return tokenizer


def _made(gguf: Path) -> Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    fields = _fields(gguf)
    vocabulary = {token: number for number, token in enumerate(fields["tokens"])}
    merges = [tuple(merge.split(" ", 1)) for merge in fields["merges"]]
    tokenizer = Tokenizer(BPE(vocabulary, merges, ignore_merges=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*map(_cut, fields["patterns"]), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [t for t, k in zip(fields["tokens"], fields["token_type"], strict=True) if k == 3]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in control])
    return tokenizer


def _cut(pattern: str) -> Any:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(pattern), "isolated")


def _fields(gguf: Path) -> dict[str, Any]:
    """Tokens, their types, merges and cutting patterns, as the file has them."""
    from gguf import GGUFReader

    try:
        fields = GGUFReader(gguf).fields.items()
        said = {k: f.contents() for k, f in fields if k.startswith("tokenizer.ggml.")}
    except (ValueError, OSError, IndexError, KeyError) as error:
        raise BrokenFile(
            f"{gguf.name} is not a readable GGUF file: {error}",
            "remove it and pull the model again",
        ) from error
    kind, way = said.get("tokenizer.ggml.model"), said.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or way not in _PATTERNS:
        raise BadInput(
            f"the tokenizer of {gguf.name} ({kind}, {way}) is not known here",
            "count its tokens with the server: prompt_eval_count of an answer",
        )
    names = ("tokens", "token_type", "merges")
    return {n: said[f"tokenizer.ggml.{n}"] for n in names} | {"patterns": _PATTERNS[way]}
