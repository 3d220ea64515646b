"""Local models: made from a base model or a GGUF file, with an adapter, a template, a prompt.

``registry/NAME.json`` describes one; its files are ``blobs/sha256-HEX``, shared by all that use
them, so that a copy outlives the model it was copied from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.errors import BadInput, BrokenFile, ModelMissing, UnknownName
from workbench.models import fetch, gguf_files, store
from workbench.models.manifest import canonical, short, specs
from workbench.models.store import ModelFiles
from workbench.settings import settings

_DIGEST = re.compile(r"(?:sha256[:-])?([0-9a-f]{64})")


def blob_path(digest: str) -> Path:
    """Where the blob with this digest (``sha256:HEX``) is, or is to be put."""
    match = _DIGEST.fullmatch(digest)
    if not match:
        raise BadInput(f"{digest!r} is not a digest", "give sha256: and 64 hexadecimal digits")
    return settings().models / "blobs" / f"sha256-{match[1]}"


def add_blob(path: Path) -> str:
    """Keep a file as a blob, linked where the disk can and else copied; its SHA-256 in hex."""
    digest = fetch.sha256(path)
    blob = blob_path(digest)
    if not blob.exists():
        blob.parent.mkdir(parents=True, exist_ok=True)
        part = blob.with_name(f"{blob.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)
        part.replace(blob)
    return digest


def path(name: str) -> ModelFiles:
    """An installed model, packaged or local.

    Raises UnknownName, ModelMissing (with the fix) or HashMismatch (a file was altered).
    """
    full = canonical(name)
    record = _record_path(full)
    if record.is_file():
        return _files(record)
    if full in specs():
        return store.packaged(full)
    raise UnknownName("model", name, _known())


def installed() -> list[ModelFiles]:
    """Every usable model, the newest first; models with a broken file are left out."""
    found = [path(spec.name) for spec in specs().values() if store.is_complete(spec)]
    for record in sorted(_folder().glob("*.json")):
        try:
            found.append(_files(record))
        except BrokenFile:
            continue
    by_name = {files.name: files for files in found}
    return sorted(by_name.values(), key=lambda files: files.modified_at, reverse=True)


def verify(name: str) -> ModelFiles:
    """Hash every file of a model; a wrong one is removed and HashMismatch says so."""
    files = path(name)
    if files.spec is not None:
        return store.verify(name)
    for blob in (files.gguf, *files.adapters):
        if fetch.sha256(blob) != blob.name.removeprefix("sha256-"):
            blob.unlink()
            raise _broken(files.name, blob)
    return files


def register(
    name: str,
    gguf: Path | None = None,
    base: str | None = None,
    adapters: list[Path] | tuple[Path, ...] = (),
    template: str | None = None,
    system: str | None = None,
    parameters: dict[str, Any] | None = None,
    license: str | None = None,
    messages: list[dict[str, str]] | None = None,
) -> ModelFiles:
    """Make a local model from a GGUF file or an installed base model, and what is changed.

    What is not given comes from the base. An existing local model of that name is replaced.
    """
    full = canonical(name)
    if (gguf is None) == (base is None):
        raise BadInput(f"{name}: a model needs a GGUF file or a base model", "give one of them")
    record = _from_base(path(base)) if base else _from_gguf(Path(str(gguf)))
    record["adapters"] = [_add_adapter(Path(a)) for a in adapters] or record["adapters"]
    changes = {"template": template, "system": system, "license": license, "messages": messages}
    record |= {key: value for key, value in changes.items() if value is not None}
    record["parameters"] = {**record["parameters"], **(parameters or {})}
    return _save(full, record)


def copy(src: str, dst: str) -> ModelFiles:
    """Give an installed model a second name; each then lives on its own."""
    files = path(src)
    record = _from_base(files) | {"parent": files.parent}
    return _save(canonical(dst), record)


def delete(name: str) -> None:
    """Remove a model, and the files that no other model uses."""
    full = canonical(name)
    record = _record_path(full)
    with store.lock("registry"):
        if record.is_file():
            used = _blobs(json.loads(record.read_text(encoding="utf-8")))
            record.unlink()
            others = [json.loads(p.read_text(encoding="utf-8")) for p in _folder().glob("*.json")]
            for digest in used - {d for other in others for d in _blobs(other)}:
                _remove_blob(blob_path(digest))
            return
    if full not in specs():
        raise UnknownName("model", name, _known())
    folder = store.folder_of(full)
    if not folder.is_dir():
        raise ModelMissing(
            f"model {short(full)!r} is not in the store", "there is nothing to remove"
        )
    with store.lock(folder.name):
        shutil.rmtree(folder)


def _remove_blob(blob: Path) -> None:
    """The blob, and what others have noted about it beside it (``.NAME.something``)."""
    for file in (blob, *blob.parent.glob(f".{blob.name}.*")):
        file.unlink(missing_ok=True)


def _known() -> list[str]:
    local = [json.loads(p.read_text(encoding="utf-8"))["name"] for p in _folder().glob("*.json")]
    return [short(name) for name in (*specs(), *local)]


def _folder() -> Path:
    return settings().models / "registry"


def _record_path(full: str) -> Path:
    return _folder() / f"{quote(full, safe='')}.json"


def _blobs(record: dict[str, Any]) -> set[str]:
    return {record["gguf"], *record["adapters"]}


def _add_adapter(file: Path) -> str:
    if not file.is_file():
        raise BadInput(f"no adapter file {file}", "give a GGUF LoRA adapter")
    kind = gguf_files.facts(file).kind
    if kind != "adapter":
        raise BadInput(f"{file.name} is no adapter but a {kind}", "give a GGUF LoRA adapter")
    return add_blob(file)


def _from_gguf(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BadInput(f"no model file {file}", "give a GGUF file")
    facts = gguf_files.facts(file)
    if facts.kind != "model":
        raise BadInput(
            f"{file.name} is no model but an {facts.kind}", "give it with its base model"
        )
    return {
        "gguf": add_blob(file),
        "adapters": [],
        "parent": "",
        "capability": facts.capability,
        "family": facts.family,
        "parameter_size": facts.parameter_size,
        "quantization": facts.quantization,
        "context_length": facts.context_length,
        "template": None,
        "system": None,
        "parameters": {},
        "license": "",
        "messages": [],
    }


def _from_base(base: ModelFiles) -> dict[str, Any]:
    same = ("capability", "family", "parameter_size", "quantization", "context_length")
    same += ("template", "system", "parameters", "license", "messages")
    record = {key: getattr(base, key) for key in same}
    adapters = [add_blob(adapter) for adapter in base.adapters]
    return record | {"gguf": add_blob(base.gguf), "adapters": adapters, "parent": short(base.name)}


def _save(full: str, record: dict[str, Any]) -> ModelFiles:
    record = {"name": full, "modified_at": datetime.now(UTC).isoformat(), **record}
    with store.lock("registry"):
        _folder().mkdir(parents=True, exist_ok=True)
        store.write_json(_record_path(full), record)
    return _files(_record_path(full))


def _files(record_path: Path) -> ModelFiles:
    try:
        record = json.loads(record_path.read_text(encoding="utf-8"))
        gguf, adapters = blob_path(record["gguf"]), tuple(map(blob_path, record["adapters"]))
        moment = datetime.fromisoformat(record["modified_at"])
        facts = {k: v for k, v in record.items() if k not in ("gguf", "adapters", "modified_at")}
        facts["messages"] = tuple(facts.get("messages", ()))
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenFile(f"{record_path} is not a model record", f"remove {record_path}") from error
    for blob in (gguf, *adapters):
        if not blob.is_file():
            raise _broken(record["name"], blob)
    size = sum(blob.stat().st_size for blob in (gguf, *adapters))
    return ModelFiles(
        gguf=gguf,
        folder=gguf.parent,
        digest=_digest_of(record),
        size=size,
        modified_at=moment,
        adapters=adapters,
        **facts,
    )


def _digest_of(record: dict[str, Any]) -> str:
    """Of all that decides how the model answers: two models of one file have different digests."""
    parts = ("gguf", "adapters", "template", "system", "parameters", "messages")
    text = json.dumps([record.get(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _broken(name: str, blob: Path) -> BrokenFile:
    return BrokenFile(f"{short(name)}: {blob.name} is gone or altered", f"make {short(name)} again")
