"""The base model's weights as a Hugging Face folder, made once from the packaged GGUF file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from filelock import FileLock

from workbench import models
from workbench.errors import BadInput, OutOfRoom
from workbench.models import ModelFiles
from workbench.settings import settings

#: Written last, so that a folder that has it is whole.
SOURCE = "source.json"
#: Names the way in which the folder is made; a new one is made when this changes.
RECIPE = 1


def hf_folder(base: str) -> Path:
    """The folder from which transformers and Unsloth load ``base``; made if it is not there.

    Raises ModelMissing, UnknownName, BadInput (no chat model) or OutOfRoom.
    """
    files = models.path(base)
    if files.capability != "completion":
        raise BadInput(f"{base} is no chat model", "train a chat model, such as smollm2:135m")
    source = original(files)
    folder = settings().models / "hf" / models.short(files.name).replace(":", "-").replace("/", "-")
    mark = {"recipe": RECIPE, "digest": files.digest, "file": source.name}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if _mark(folder) != mark:
            _make(source, folder, mark)
    return folder


def original(files: ModelFiles) -> Path:
    """The file as packaged: the served one may have been quantized again from it."""
    if files.spec and files.spec.made:
        return files.folder / files.spec.made.source
    return files.gguf


def _mark(folder: Path) -> dict | None:
    try:
        return json.loads((folder / SOURCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _make(source: Path, folder: Path, mark: dict) -> None:
    need, free = source.stat().st_size * 4, shutil.disk_usage(folder.parent).free
    if free < need:
        raise OutOfRoom(
            f"training weights need {need / 1e6:,.0f} MB of disk; there are {free / 1e6:,.0f} MB",
            "free some space, or set WORKBENCH_HOME to a folder on a larger disk",
        )
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _convert(source, part)
        (part / SOURCE).write_text(json.dumps(mark), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _convert(source: Path, folder: Path) -> None:
    """Dequantize a GGUF file and save it as 16-bit safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float16)
    # transformers still takes it for quantized, and would refuse to save it
    model.hf_quantizer, model.is_quantized = None, False
    del model.quantization_method, model.config.quantization_config
    # the GGUF reader takes the end of a turn wrong; the model's own settings have it right
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(model.config.eos_token_id)
    tokenizer.pad_token = tokenizer.unk_token
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
