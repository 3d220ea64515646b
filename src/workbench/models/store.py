"""The model store: pull, find and verify models in ``settings().models``.

A model's folder has its files, and ``record.json`` once all of them are there and verified. The
record keeps each file's hash, size and time, so that looking a model up costs a few ``stat`` calls;
a file whose size or time differs is hashed again, and removed if it is not what it should be.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from workbench.errors import HashMismatch, ModelMissing, OutOfRoom, UnknownName
from workbench.models import fetch, gguf_files
from workbench.models.fetch import Progress
from workbench.models.manifest import HERE, Source, Spec, Target, canonical, short, specs
from workbench.settings import settings

#: Left free on the disk beyond what a pull needs.
SPARE = 200 << 20


@dataclass(frozen=True)
class ModelFiles:
    """An installed model: its files, and what Ollama's API says about a model."""

    name: str
    gguf: Path
    folder: Path
    digest: str
    size: int
    modified_at: datetime
    capability: str
    family: str
    parameter_size: str
    quantization: str
    context_length: int
    template: str | None
    system: str | None
    parameters: dict[str, Any]
    adapters: tuple[Path, ...]
    license: str
    parent: str = ""
    messages: tuple[dict[str, str], ...] = ()
    spec: Spec | None = None

    @property
    def license_text(self) -> str:
        """The licence's full text, or what the maker of a local model gave."""
        text = HERE / "licenses" / f"{self.license.strip()[:60]}.md"
        return text.read_text(encoding="utf-8") if text.is_file() else self.license


def folder_of(name: str) -> Path:
    """The folder of a packaged model: ``smollm2:135m`` lives in ``smollm2-135m``."""
    return settings().models / short(canonical(name)).replace(":", "-").replace("/", "-")


@contextmanager
def lock(key: str) -> Iterator[None]:
    """One writer at a time for this key; the second waits."""
    folder = settings().models / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{key}.lock"):
        yield


def packaged(name: str) -> ModelFiles:
    """A model of the manifest; ModelMissing if not pulled, HashMismatch if a file was altered."""
    full = canonical(name)
    spec = specs().get(full)
    if spec is None:
        raise UnknownName("model", name, map(short, specs()))
    record = _record(spec)
    if record is None:
        raise ModelMissing(
            f"model {short(full)!r} is not in the store", f"workbench models pull {short(full)}"
        )
    _check(spec, record, thorough=False)
    return _files(spec, record)


def is_complete(spec: Spec) -> bool:
    """Whether every file is there with its recorded size and time: no hashing."""
    record = _record(spec)
    return record is not None and all(_same(spec, t, record) for t in spec.targets)


def verify(name: str) -> ModelFiles:
    """Hash every file of a model; a wrong one is removed and HashMismatch says so."""
    files = packaged(name)
    assert files.spec is not None
    record = _record(files.spec)
    assert record is not None
    _check(files.spec, record, thorough=True)
    return files


def pull(name: str, progress: Progress | None = None) -> Path:
    """Fetch, verify and make whatever the model lacks; its folder. Goes on where it stopped.

    Raises UnknownName, OutOfRoom (before anything is fetched), HashMismatch, MissingPiece.
    """
    full = canonical(name)
    spec = specs().get(full)
    if spec is None:
        raise UnknownName("model", name, map(short, specs()))
    report = progress or _silent
    if not is_complete(spec):
        with lock(folder_of(full).name):
            if not is_complete(spec):
                _pull(spec, report)
    report("success", spec.download_bytes, spec.download_bytes)
    return folder_of(full)


def _silent(status: str, completed: int, total: int) -> None:
    pass


def _pull(spec: Spec, report: Progress) -> None:
    folder = folder_of(spec.name)
    folder.mkdir(parents=True, exist_ok=True)
    have = {t.path for t in spec.targets if _intact(spec, t)}
    (folder / "record.json").unlink(missing_ok=True)
    try:
        _check_room(spec, have)
        _gather(spec, have, report)
        for target in spec.fetched:
            if target.path not in have:
                report(f"verifying {target.path}", spec.download_bytes, spec.download_bytes)
                _finish(folder, target)
        if spec.made and spec.made.target.path not in have:
            report(f"making {spec.made.target.path}", spec.download_bytes, spec.download_bytes)
            _make(spec)
        _write_record(spec)
    finally:
        shutil.rmtree(folder / "fetched", ignore_errors=True)
        _remove_if_empty(folder)


def _gather(spec: Spec, have: set[str], report: Progress) -> None:
    """Append the missing pieces to the ``.part`` files, one source after another."""
    folder, done, total = folder_of(spec.name), 0, spec.download_bytes
    for source in spec.sources:
        wanted = _wanted(folder, source, have)
        if wanted:
            said = f"pulling {source.label}"
            path = fetch.obtain(
                source, folder / "fetched", lambda n, d=done, s=said: report(s, d + n, total)
            )
            for piece in wanted:
                part = folder / f"{piece.to}.part"
                part.parent.mkdir(parents=True, exist_ok=True)
                fetch.take(piece, source, path, part)
        shutil.rmtree(folder / "fetched", ignore_errors=True)
        done += source.bytes
        report(f"pulling {source.label}", done, total)


def _wanted(folder: Path, source: Source, have: set[str]) -> list:
    return [p for p in source.pieces if p.to not in have and _part_size(folder, p.to) < p.end]


def _part_size(folder: Path, to: str) -> int:
    part = folder / f"{to}.part"
    return part.stat().st_size if part.exists() else 0


def _check_room(spec: Spec, have: set[str]) -> None:
    """OutOfRoom unless the disk holds what is to come, the largest download twice."""
    folder = folder_of(spec.name)
    missing = [t for t in spec.targets if t.path not in have]
    need = sum(t.bytes - _part_size(folder, t.path) for t in missing)
    need += 2 * max((s.bytes for s in spec.sources if _wanted(folder, s, have)), default=0) + SPARE
    free = shutil.disk_usage(folder).free
    if missing and free < need:
        needed, there = f"{need / 1e6:,.0f} MB", f"{free / 1e6:,.0f} MB"
        raise OutOfRoom(
            f"{short(spec.name)} needs {needed} of free disk in {folder}; there are {there}",
            "free some space, or set WORKBENCH_HOME to a folder on a larger disk",
        )


def _finish(folder: Path, target: Target) -> None:
    part = folder / f"{target.path}.part"
    found = fetch.sha256(part)
    if found != target.sha256:
        part.unlink()
        raise _mismatch(target, found)
    part.replace(folder / target.path)


def _make(spec: Spec) -> None:
    assert spec.made is not None
    folder, made = folder_of(spec.name), spec.made
    part = folder / f"{made.target.path}.part"
    try:
        gguf_files.make(made.maker, folder / made.source, part, made.kind)
        _finish(folder, made.target)
    finally:
        part.unlink(missing_ok=True)


def _mismatch(target: Target, found: str) -> HashMismatch:
    return HashMismatch(
        f"{target.path} has SHA-256 {found}, not the pinned {target.sha256}; it was removed",
        "run it again: workbench models pull",
    )


def _remove_if_empty(folder: Path) -> None:
    for sub in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(sub.iterdir()):
            sub.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()


def _record(spec: Spec) -> dict[str, Any] | None:
    """The record, if it is one of this packaging of the model."""
    try:
        record = json.loads((folder_of(spec.name) / "record.json").read_text(encoding="utf-8"))
        pinned = {t.path: t.sha256 for t in spec.targets}
        return record if {p: f["sha256"] for p, f in record["files"].items()} == pinned else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_record(spec: Spec) -> None:
    folder = folder_of(spec.name)
    files = {t.path: {"sha256": t.sha256, **_stamp(folder / t.path)} for t in spec.targets}
    record = {"name": spec.name, "pulled_at": datetime.now(UTC).isoformat(), "files": files}
    write_json(folder / "record.json", record)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write aside, then rename."""
    part = path.with_suffix(f"{path.suffix}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    part.replace(path)


def _stamp(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _same(spec: Spec, target: Target, record: dict[str, Any]) -> bool:
    """Whether the file has the size and time that the record has."""
    try:
        return {"sha256": target.sha256, **_stamp(folder_of(spec.name) / target.path)} == record[
            "files"
        ].get(target.path)
    except FileNotFoundError:
        return False


def _intact(spec: Spec, target: Target) -> bool:
    """Whether a file that is there is the pinned one; a wrong one is removed."""
    path = folder_of(spec.name) / target.path
    if not path.is_file():
        return False
    if path.stat().st_size == target.bytes and fetch.sha256(path) == target.sha256:
        return True
    path.unlink()
    return False


def _check(spec: Spec, record: dict[str, Any], thorough: bool) -> None:
    """Remove files that are not what they should be, and say so; note new times of good ones."""
    doubted = [t for t in spec.targets if thorough or not _same(spec, t, record)]
    if not doubted:
        return
    with lock(folder_of(spec.name).name):
        bad = [t.path for t in doubted if not _intact(spec, t)]
        if not bad:
            _write_record(spec)
            return
        (folder_of(spec.name) / "record.json").unlink(missing_ok=True)
    raise HashMismatch(
        f"{short(spec.name)}: {', '.join(bad)} was missing, cut short or altered, and is removed",
        f"workbench models pull {short(spec.name)}",
    )


def _files(spec: Spec, record: dict[str, Any]) -> ModelFiles:
    folder = folder_of(spec.name)
    return ModelFiles(
        name=spec.name,
        gguf=folder / spec.gguf.path,
        folder=folder,
        digest=spec.gguf.sha256,
        size=spec.gguf.bytes,
        modified_at=datetime.fromisoformat(record["pulled_at"]),
        capability=spec.capability,
        family=spec.family,
        parameter_size=spec.parameter_size,
        quantization=spec.quantization,
        context_length=spec.context_length,
        template=spec.template,
        system=spec.system,
        parameters=dict(spec.parameters),
        adapters=(),
        license=spec.license,
        spec=spec,
    )
