"""What is published about models and prices, and how much memory a model takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput

if TYPE_CHECKING:
    import pandas

    from workbench.catalog.needs import Need

#: Whole numbers that may be unknown, by table.
_WHOLE = {
    "models": ["context_window_tokens", "layers", "hidden_size", "kv_heads", "head_dim"],
    "prices": [],
}
#: Figures that may be unknown, by table.
_FIGURES = {
    "models": ["parameters_b", "mmlu", "humaneval_pass1", "ifeval", "open_llm_leaderboard_v2_avg"],
    "prices": ["input_usd_per_1m", "output_usd_per_1m", "usd_per_hour"],
}
#: Columns with a few values only.
_CHOICES = {"models": ["license_id", "commercial_use", "open_weights"], "prices": ["kind"]}


def models() -> pandas.DataFrame:
    """Published facts about language models, one a row; what is not published is missing.

    ``parameters_b`` in thousand millions, scores in per cent, ``source`` for each row. Mind
    ``mmlu_setting``: scores measured in different ways do not compare.
    """
    return _table("models")


def prices() -> pandas.DataFrame:
    """Prices in US dollars: ``api_tokens`` for a million tokens, ``gpu_hour`` for an hour."""
    return _table("prices")


def _table(name: str) -> pandas.DataFrame:
    import pandas as pd

    path = _file(name)
    frame = pd.read_csv(path, dtype=str)
    for column in _FIGURES[name]:
        frame[column] = pd.to_numeric(frame[column])
    for column in _WHOLE[name]:
        frame[column] = pd.to_numeric(frame[column]).astype("Int64")
    for column in _CHOICES[name]:
        frame[column] = frame[column].astype("category")
    return frame


def _file(name: str) -> Path:
    from workbench.settings import settings

    path = settings().data / "catalog" / f"{name}.csv"
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "run in a working copy, or set WORKBENCH_ROOT")
    return path


def shortlist(
    commercial: bool = True,
    licences: list[str] | None = None,
    max_parameters_b: float | None = None,
    min_context: int | None = None,
    memory_gb: float | None = None,
    bits_per_weight: float = 4.89,
    context: int = 2048,
) -> pandas.DataFrame:
    """Models with open weights that pass every condition, smallest first, with ``memory_gb``.

    ``commercial`` keeps licences that allow commercial use, those with conditions among them.
    ``memory_gb`` (10^9 bytes) is for weights and cache at ``bits_per_weight`` and ``context``
    tokens; 4.89 bits is what the GGUF type Q4_K_M comes to for a model of 8B.
    """
    frame = models().query("open_weights == 'yes'").copy()
    frame["memory_gb"] = [_memory(row, bits_per_weight, context) for row in _rows(frame)]
    if commercial:
        frame = frame[frame["commercial_use"].isin(["yes", "conditional"])]
    if licences is not None:
        frame = frame[frame["license_id"].isin(licences)]
    for column, limit in (("parameters_b", max_parameters_b), ("memory_gb", memory_gb)):
        if limit is not None:
            frame = frame[frame[column] <= limit]
    if min_context is not None:
        frame = frame[frame["context_window_tokens"] >= min_context]
    return frame.sort_values(["parameters_b", "model_id"]).reset_index(drop=True)


def ranked(need: Need, frame: pandas.DataFrame | None = None) -> pandas.DataFrame:
    """All models against a need: see :meth:`workbench.catalog.needs.Need.rank`."""
    return need.rank(frame)


def _rows(frame: pandas.DataFrame) -> list[dict]:
    return frame.to_dict("records")


def _memory(row: dict, bits: float, context: int) -> float:
    cache = kv_cache_bytes(row["layers"], row["kv_heads"], row["head_dim"], context)
    return round((weights_bytes(row["parameters_b"], bits) + cache) / 1e9, 3)


def weights_bytes(parameters_b: float, bits_per_weight: float) -> int:
    """Bytes that a model's weights take: parameters x bits / 8.

    ``parameters_b`` in thousand millions. Bits a weight: 32 or 16 unquantized; of GGUF types
    Q8_0 8.5 and Q4_0 4.5 by their block layout (32 weights share a 16-bit scale), Q4_K_M 4.89 for
    Llama 3.1 8B (llama.cpp, tools/quantize/README.md) and more for small models, whose embeddings
    weigh more. Activations and buffers come on top.
    """
    return round(parameters_b * 1e9 * bits_per_weight / 8)


def kv_cache_bytes(
    layers: int,
    kv_heads: int,
    head_dim: int,
    context: int,
    batch: int = 1,
    bytes_per_value: int = 2,
) -> int:
    """Bytes of the key-value cache: 2 x layers x kv_heads x head_dim x context x batch x bytes.

    The 2 is for keys and values. ``context`` in tokens; ``bytes_per_value`` 2 for 16 bits.
    With grouped-query attention ``kv_heads`` is below the number of attention heads (Ainslie and
    others 2023, arXiv:2305.13245). An upper bound for models with sliding windows (Gemma 2 and 3).
    """
    return int(2 * layers * kv_heads * head_dim * context * batch * bytes_per_value)
