"""What a GGUF file says of itself, read without its tensors and kept beside the model store."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from workbench.errors import BrokenFile

#: Values longer than this (vocabularies, merges) are kept as None, as Ollama shows them.
LONGEST_LIST = 64


def read(gguf: Path) -> dict[str, Any]:
    """Metadata of a GGUF file by key, with ``general.parameter_count`` counted from its tensors.

    Raises BrokenFile where the file is no readable GGUF.
    """
    stamp = gguf.stat()
    kept = gguf.with_name(f".{gguf.name}.info.json")
    key = [stamp.st_size, stamp.st_mtime_ns]
    try:
        saved = json.loads(kept.read_text())
        if saved["key"] == key:
            return saved["info"]
    except (OSError, ValueError, KeyError):
        pass
    info = _parse(gguf)
    _keep(kept, {"key": key, "info": info})
    return info


def _keep(path: Path, content: dict[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content))
        part.replace(path)
    except OSError:  # a store that cannot be written is only slower
        part.unlink(missing_ok=True)


def _parse(gguf: Path) -> dict[str, Any]:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(gguf)
        info = {name: _value(field) for name, field in reader.fields.items()}
        info["general.parameter_count"] = sum(int(t.n_elements) for t in reader.tensors)
    except (ValueError, OSError, IndexError, KeyError) as error:
        raise BrokenFile(
            f"{gguf.name} is not a readable GGUF file: {error}",
            "remove it and pull the model again",
        ) from error
    return {k: v for k, v in info.items() if not k.startswith("GGUF.")}


def _value(field) -> Any:
    if len(field.data) > LONGEST_LIST:
        return None
    value = field.contents()
    return value.item() if hasattr(value, "item") else value


def shape(info: dict[str, Any]) -> dict[str, int]:
    """Layers, key-value heads, head size and trained context of a model, from its metadata."""
    arch = info["general.architecture"]
    heads = info.get(f"{arch}.attention.head_count", 1)
    head = info.get(f"{arch}.attention.key_length") or info[f"{arch}.embedding_length"] // heads
    return {
        "layers": info[f"{arch}.block_count"],
        "kv_heads": info.get(f"{arch}.attention.head_count_kv", heads),
        "head_dim": head,
        "context": info[f"{arch}.context_length"],
    }


def kv_bytes_per_token(info: dict[str, Any]) -> int:
    """Bytes of key-value cache one token takes: 2 (key, value) x layers x heads x head size x 2."""
    s = shape(info)
    return 2 * s["layers"] * s["kv_heads"] * s["head_dim"] * 2
