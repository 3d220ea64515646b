"""How a model's sizes become memory: an estimate by parts, and beside it what was measured.

The parts, all in bytes, for llama.cpp on a processor, with 16-bit keys and values, flash attention
and no memory mapping (as :mod:`workbench.llm.runner` sets it up):

weights    the tensors as they are stored; or parameters x bits / 8
cache      2 (key, value) x layers x kv heads x head size x tokens of context x slots x 2 bytes
compute    what a batch of n tokens leaves between two layers, in 32 bits, at the widest point of
           the graph, the feed-forward block: n x (3 x feed-forward + 5 x hidden) x 4, and the
           attention mask, n x context x 2. Derived from llama.cpp's log ("compute buffer size")
           for two models of different shape, with which it agrees to one part in a thousand
output     one row of 32-bit scores over the vocabulary for each slot
work       a batch on its way into the widest matrix, rounded to 8 bits and its scales
tokenizer  tables of pieces and merges, about ``PIECE`` and ``MERGE`` bytes each
program    llama.cpp's own code, threads and graph, ``PROGRAM`` bytes whatever the model

The three constants are no theory: they are fitted to SmolLM2 135M and Qwen2.5 1.5B just after
loading. A third model, with random weights, another shape and 20,000 pieces, came out 1.2 % off.

``compute`` and ``work`` are reserved at loading and become resident when the first batch is read.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog import gguf_layout, kv_cache_bytes, weights_bytes
from workbench.errors import BadInput, ModelMissing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH = 512  # tokens that llama.cpp reads at a time, its default (n_ubatch)
PIECE, MERGE = 240, 220  # bytes; strings, hash tables and what parsing leaves in the heap
PROGRAM = 11_000_000  # bytes
#: A value in 8 bits and its share of a scale: 32 values share 16 bits (GGML's Q8_0).
WORK_BYTES = 34 / 32
TOLERANCE = 0.10  # share of the measured bytes that an estimate may be off


@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer; 0 for what is not published, and the parts of it are left out."""

    layers: int
    hidden: int
    kv_heads: int
    head_dim: int
    feed_forward: int = 0
    vocabulary: int = 0
    merges: int = 0


@dataclass(frozen=True)
class Estimate:
    """Bytes that a loaded model takes, by parts."""

    weights: int
    cache: int
    compute: int = 0
    output: int = 0
    work: int = 0
    tokenizer: int = 0
    program: int = 0

    @property
    def total(self) -> int:
        """All parts: what the process takes once a whole batch has been read."""
        return sum(self.parts().values())

    @property
    def at_load(self) -> int:
        """What of it is resident before anything was read: all but ``compute`` and ``work``."""
        return self.total - self.compute - self.work

    def parts(self) -> dict[str, int]:
        return asdict(self)


def estimate(
    shape: Shape, weights: int, context: int, slots: int = 1, bytes_per_value: int = 2
) -> Estimate:
    """An estimate from a shape and the bytes of the weights; ``context`` in tokens per slot."""
    cache = kv_cache_bytes(
        shape.layers, shape.kv_heads, shape.head_dim, context, slots, bytes_per_value
    )
    batch = min(BATCH, context * slots)
    activations = batch * (3 * shape.feed_forward + 5 * shape.hidden) * 4
    return Estimate(
        weights=weights,
        cache=cache,
        compute=activations + 2 * batch * context if shape.feed_forward else 0,
        output=slots * shape.vocabulary * 4,
        work=round(batch * shape.feed_forward * WORK_BYTES),
        tokenizer=PIECE * shape.vocabulary + MERGE * shape.merges,
        program=PROGRAM,
    )


def from_published(model_id: str, bits_per_weight: float, context: int, slots: int = 1) -> Estimate:
    """An estimate from a row of the catalog: weights, cache and program, for the rest is not there.

    Raises BadInput for a model whose shape is not published, UnknownName for one not listed.
    """
    row = published(model_id)
    sizes = {name: row[name] for name in ("layers", "hidden_size", "kv_heads", "head_dim")}
    if any(value is None for value in (*sizes.values(), row["parameters_b"])):
        raise BadInput(f"the shape of {model_id} is not published", "choose one with open weights")
    return estimate(
        Shape(*sizes.values()), weights_bytes(row["parameters_b"], bits_per_weight), context, slots
    )


def published(model_id: str) -> dict[str, Any]:
    """The catalog's row of a model, by its id or its Ollama tag; None for what is not known."""
    import pandas as pd

    from workbench import catalog
    from workbench.errors import UnknownName

    for row in catalog.models().to_dict("records"):
        if model_id in (row["model_id"], row["ollama_tag"]):
            return {k: None if pd.isna(v) else v for k, v in row.items()}
    raise UnknownName("model", model_id, catalog.models()["model_id"])


def from_file(gguf: Path, context: int, slots: int = 1, adapters: Sequence[Path] = ()) -> Estimate:
    """An estimate from a GGUF file: the tensors it holds and the shape it states.

    Raises BadInput for a model that does not write text, BrokenFile for no readable GGUF.
    """
    weights, shape = _sizes(gguf, gguf.stat().st_mtime_ns)
    weights += sum(Path(a).stat().st_size for a in adapters)
    return estimate(shape, weights, context, slots)


@functools.cache
def _sizes(gguf: Path, stamp: int) -> tuple[int, Shape]:
    """Bytes of all tensors, and the shape; ``stamp`` is the file's time of change."""
    from workbench.models import gguf_info

    info = gguf_info.read(gguf)  # raises BrokenFile
    arch, sizes = info["general.architecture"], gguf_info.shape(info)
    if f"{arch}.pooling_type" in info:
        raise BadInput(f"{gguf.name} makes embeddings", "estimates are for models that write text")
    lengths, start = gguf_layout.read(gguf)
    shape = Shape(
        layers=sizes["layers"],
        hidden=info[f"{arch}.embedding_length"],
        kv_heads=sizes["kv_heads"],
        head_dim=sizes["head_dim"],
        feed_forward=info.get(f"{arch}.feed_forward_length", 0),
        vocabulary=lengths.get("tokenizer.ggml.tokens", 0),
        merges=lengths.get("tokenizer.ggml.merges", 0),
    )
    return gguf.stat().st_size - start, shape


@dataclass(frozen=True)
class Running:
    """A loaded model: the estimate beside what its server measured, in bytes.

    ``how`` says what ``measured`` is: resident memory above the empty server's, or Ollama's word.
    """

    model: str
    context: int
    slots: int
    estimate: Estimate
    measured: int
    how: str

    @property
    def error(self) -> float:
        """The estimate's error as a share of what was measured; negative where it is too low."""
        return self.estimate.total / self.measured - 1

    @property
    def ok(self) -> bool:
        """Whether the estimate is within a tenth of what was measured."""
        return abs(self.error) <= TOLERANCE

    def row(self) -> dict[str, Any]:
        """The estimate by parts and the measurement, in MB (10^6 bytes), as a row of a table."""
        parts = {name: value / 1e6 for name, value in self.estimate.parts().items()}
        return {
            "model": self.model, "context": self.context, "slots": self.slots, **parts,
            "estimate": self.estimate.total / 1e6, "measured": self.measured / 1e6,
            "error": self.error,
        }  # fmt: skip


def running(model: str) -> Running:
    """The memory of a loaded model, estimated and measured; load it with a call to ``generate``.

    On the embedded server measured is the resident size of the model's process less that of the
    same process before it loaded. A real Ollama says how much it takes, and that is shown.
    Raises ModelMissing where the model is not loaded.
    """
    import httpx

    from workbench.llm import client as llm

    host = llm.host()
    loaded = httpx.get(f"{host}/api/ps", timeout=30, trust_env=False).json()["models"]
    named = [row for row in loaded if row["name"] in (model, f"{model}:latest")]
    if not named:
        raise ModelMissing(f"{model} is not loaded", f"session.client.generate({model!r})")
    return _own(model, named[0]) if "resident" in named[0] else _ollama(model, named[0])


def _own(model: str, row: dict[str, Any]) -> Running:
    from workbench import models

    files = models.path(model)
    context, slots = row["context_length"], row["slots"]
    guess = from_file(files.gguf, context, slots, files.adapters)
    how = "resident memory of its process, less that of the process before the model was loaded"
    return Running(model, context, slots, guess, row["size"], how)


def _ollama(model: str, row: dict[str, Any]) -> Running:
    """From what Ollama tells: the file's size for the weights, the shape from its metadata."""
    from workbench.llm import client as llm
    from workbench.models import gguf_info

    client = llm.client()
    info = client.show(model).modelinfo or {}
    arch, sizes = info["general.architecture"], gguf_info.shape(info)
    names = (model, f"{model}:latest")
    weights = next(m.size for m in client.list().models if m.model in names)
    shape = Shape(
        sizes["layers"], info[f"{arch}.embedding_length"], sizes["kv_heads"], sizes["head_dim"],
        info.get(f"{arch}.feed_forward_length", 0), info.get(f"{arch}.vocab_size", 0),
    )  # fmt: skip
    context = row.get("context_length") or sizes["context"]
    guess = estimate(shape, int(weights), context)
    return Running(model, context, 1, guess, row["size"], "what Ollama says that it takes")


def figure(runs: Sequence[Running]) -> Figure:
    """Bars of the estimate by parts, each beside a bar of what was measured."""
    import matplotlib.pyplot as plt

    from workbench.display import PALETTE

    fig, ax = plt.subplots(figsize=(8, 1.3 + 0.95 * len(runs)))
    colours = dict(zip([f.name for f in fields(Estimate)], PALETTE.values(), strict=False))
    for place, run in enumerate(runs):
        left = 0.0
        for name, value in run.estimate.parts().items():
            label = name if place == 0 else None
            ax.barh(place - 0.2, value / 1e6, 0.36, left, color=colours[name], label=label)
            left += value / 1e6
        ax.barh(place + 0.2, run.measured / 1e6, 0.36, color="#999999",
                label="measured" if place == 0 else None)  # fmt: skip
        ax.text(max(left, run.measured / 1e6), place, f"  {run.error:+.1%}", va="center")
    names = [f"{r.model}\n{r.slots} × {r.context:,} tokens" for r in runs]
    ax.set_yticks(range(len(runs)), names)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.margins(x=0.12)
    ax.set_xlabel("MB")
    ax.set_title("Memory of a loaded model, estimated and measured")
    ax.legend(ncols=4, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return fig
