"""Make GGUF files from what the packages hold, and read what a GGUF file says about itself.

Both makers are deterministic: the same input gives the same bytes, so the result's hash is pinned.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BrokenFile

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader, GGUFWriter

#: Marks the start of a word in llama.cpp's form of a WordPiece vocabulary.
WORD_START = "\u2581"


@dataclass(frozen=True)
class Facts:
    """What a GGUF file says about itself; ``kind`` is "model" or "adapter"."""

    kind: str
    family: str
    parameter_size: str
    quantization: str
    context_length: int
    template: str | None
    capability: str


def make(maker: str, source: Path, target: Path, kind: str) -> None:
    """Run one maker of the manifest: ``requantize`` or ``bert``."""
    {"requantize": requantize, "bert": bert_to_gguf}[maker](source, target, kind)


def requantize(source: Path, target: Path, kind: str) -> None:
    """Write ``source`` again with its matrices in the type ``kind`` ("Q8_0", "F16"...).

    One-dimensional tensors (norms, biases) stay as they are.
    """
    import gguf

    reader = gguf.GGUFReader(source)
    wanted = gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    _copy_fields(reader, writer, file_type=int(gguf.LlamaFileType[f"MOSTLY_{kind}"]))
    for tensor in reader.tensors:
        data, dtype = tensor.data, tensor.tensor_type
        if len(tensor.shape) > 1 and dtype != wanted:
            data, dtype = gguf.quants.quantize(gguf.quants.dequantize(data, dtype), wanted), wanted
        writer.add_tensor(tensor.name, data, raw_dtype=dtype)
    _write(writer)


def _copy_fields(reader: GGUFReader, writer: GGUFWriter, file_type: int) -> None:
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = file_type if name == "general.file_type" else field.contents()
        sub_type = field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(name, value, field.types[0], sub_type=sub_type)


def bert_to_gguf(folder: Path, target: Path, kind: str) -> None:
    """Write a BERT sentence embedder (Hugging Face folder) as a GGUF file with mean pooling.

    ``kind`` is the type of the weight matrices: "F32" or "F16"; vectors stay F32.
    """
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    arch = gguf.MODEL_ARCH.BERT
    writer = gguf.GGUFWriter(target, gguf.MODEL_ARCH_NAMES[arch])
    _bert_fields(writer, config, kind)
    _bert_vocabulary(writer, folder)
    names = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    for name, data in sorted(load_file(folder / "model.safetensors").items()):
        if name.startswith("pooler.") or name == "embeddings.position_ids":
            continue
        renamed = names.get_name(name, try_suffixes=(".weight", ".bias"))
        writer.add_tensor(renamed, _as_kind(data, renamed, kind))
    _write(writer)


def _as_kind(data: np.ndarray, name: str, kind: str) -> np.ndarray:
    keep = data.ndim == 1 or name in ("position_embd.weight", "token_types.weight")
    return data.astype("float16" if kind == "F16" and not keep else "float32")


def _bert_fields(writer: GGUFWriter, config: dict[str, Any], kind: str) -> None:
    import gguf

    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_file_type(int(gguf.LlamaFileType.ALL_F32 if kind == "F32" else 1))
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(config["type_vocab_size"])


def _bert_vocabulary(writer: GGUFWriter, folder: Path) -> None:
    """WordPiece as llama.cpp wants it: words get a mark, continuations lose their ``##``."""
    import gguf

    words = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words = words[:-1] if words[-1] == "" else words
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    tokens = [w if w in special else w[2:] if w.startswith("##") else WORD_START + w for w in words]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([control if w in special else normal for w in words])
    writer.add_unk_token_id(words.index("[UNK]"))
    writer.add_sep_token_id(words.index("[SEP]"))
    writer.add_pad_token_id(words.index("[PAD]"))
    writer.add_bos_token_id(words.index("[CLS]"))
    writer.add_mask_token_id(words.index("[MASK]"))


def _write(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def facts(path: Path) -> Facts:
    """Read a GGUF file's own description; BrokenFile if it is not a whole GGUF file."""
    import gguf

    try:
        reader = gguf.GGUFReader(path)
        field = {
            name: reader.fields[name].contents() for name in reader.fields if "ggml" not in name
        }
    except (ValueError, IndexError, KeyError, OSError) as error:
        raise BrokenFile(
            f"{path.name} is not a readable GGUF file ({error})", "give a whole GGUF file"
        ) from error
    family = field.get("general.architecture", "unknown")
    pooled = f"{family}.pooling_type" in field
    return Facts(
        kind=field.get("general.type", "model"),
        family=family,
        parameter_size=_in_words(sum(int(t.n_elements) for t in reader.tensors)),
        quantization=_quantization(field.get("general.file_type")),
        context_length=int(field.get(f"{family}.context_length", 0)),
        template=field.get("tokenizer.chat_template"),
        capability="embedding" if pooled else "completion",
    )


def _quantization(file_type: int | None) -> str:
    import gguf

    if file_type is None:
        return "unknown"
    return gguf.LlamaFileType(file_type).name.removeprefix("MOSTLY_").removeprefix("ALL_")


def _in_words(count: int) -> str:
    """134515008 -> "134.52M", as Ollama shows it."""
    if count < 1000:
        return str(count)
    power = min(int(math.log10(count)) // 3, 3)
    return f"{count / 1000**power:.2f}".rstrip("0").rstrip(".") + ("", "K", "M", "B")[power]
