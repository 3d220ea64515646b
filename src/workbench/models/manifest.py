"""The manifest: which models there are, where each comes from, and the hashes that it must have."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.errors import BadInput

HERE = Path(__file__).parent
_WORD = r"[A-Za-z0-9_][\w.-]*"
_NAME = re.compile(rf"{_WORD}(/{_WORD})*(:{_WORD})?")


@dataclass(frozen=True)
class Piece:
    """One file inside a source, and the target file that it is, or is the next part of."""

    member: str
    to: str
    bytes: int
    sha256: str
    start: int = 0

    @property
    def end(self) -> int:
        return self.start + self.bytes


@dataclass(frozen=True)
class Source:
    """Where bytes come from: exactly one of ``package`` (a wheel), ``hub`` or ``local``."""

    sha256: str
    bytes: int
    pieces: tuple[Piece, ...]
    package: str = ""
    hub: str = ""
    revision: str = ""
    local: str = ""

    @property
    def label(self) -> str:
        return self.package or self.hub or self.local


@dataclass(frozen=True)
class Target:
    """A file in the model's folder, with the size in bytes and the hash that it must have."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Made:
    """How the served GGUF file is made from the fetched ones: a maker of ``gguf_files``."""

    target: Target
    maker: str
    source: str
    kind: str


@dataclass(frozen=True)
class Spec:
    """One model of the manifest; ``name`` always has its tag."""

    name: str
    family: str
    parameter_size: str
    quantization: str
    license: str
    capability: str
    context_length: int
    origin: str
    sources: tuple[Source, ...]
    fetched: tuple[Target, ...]
    made: Made | None = None
    system: str | None = None
    template: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def gguf(self) -> Target:
        """The file that is served."""
        return self.made.target if self.made else self.fetched[0]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every file that an installed copy has."""
        return (*self.fetched, self.made.target) if self.made else self.fetched

    @property
    def download_bytes(self) -> int:
        return sum(source.bytes for source in self.sources)


def canonical(name: str) -> str:
    """The name with its tag, as Ollama has it: ``all-minilm`` is ``all-minilm:latest``."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is not a model name", "write it as in family:tag")
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def short(name: str) -> str:
    """The name as people type it: without ``:latest``."""
    return name.removesuffix(":latest")


def specs() -> dict[str, Spec]:
    """All models of the manifest, by full name.

    ``WORKBENCH_MODELS_MANIFEST`` names one more file in the same form; its models are added.
    """
    extra = os.environ.get("WORKBENCH_MODELS_MANIFEST")
    found = dict(_read(HERE / "manifest.toml", 0))
    if extra:
        found |= _read(Path(extra), _stamp(Path(extra)))
    return found


def _stamp(path: Path) -> int:
    if not path.is_file():
        raise BadInput(f"no manifest at {path}", "set WORKBENCH_MODELS_MANIFEST to a TOML file")
    return path.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _read(path: Path, stamp: int) -> dict[str, Spec]:
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["models"]
        return {
            canonical(name): _spec(canonical(name), dict(entry)) for name, entry in entries.items()
        }
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path.name} is not a model manifest: {error}", "see manifest.toml"
        ) from error


def _spec(name: str, entry: dict[str, Any]) -> Spec:
    sources, ends = [], {}
    for raw in entry.pop("sources"):
        sources.append(_source(dict(raw), ends))
    whole = entry.pop("joined", {})
    fetched = [
        Target(to, end, whole.get(to) or _only_hash(to, sources)) for to, end in ends.items()
    ]
    made = entry.pop("made", None)
    return Spec(name, sources=tuple(sources), fetched=tuple(fetched), made=_made(made), **entry)


def _source(raw: dict[str, Any], ends: dict[str, int]) -> Source:
    pieces = []
    for item in raw.pop("pieces"):
        start = ends.get(item["to"], 0)
        piece = Piece(**item, start=start)
        ends[piece.to] = piece.end
        pieces.append(piece)
    return Source(pieces=tuple(pieces), **raw)


def _only_hash(to: str, sources: list[Source]) -> str:
    (piece,) = (piece for source in sources for piece in source.pieces if piece.to == to)
    return piece.sha256


def _made(raw: dict[str, Any] | None) -> Made | None:
    if raw is None:
        return None
    target = Target(raw["path"], raw["bytes"], raw["sha256"])
    return Made(target, raw["maker"], raw["source"], raw["kind"])
