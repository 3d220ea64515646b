"""In which precision to serve the small model: the fastest that loses nothing measurable.

Each candidate is made from the packaged file, and set beside it twice. Speed: the time for a prompt
of 600 tokens and 60 tokens of answer, the candidates taking turns. Loss: on the course's own
documents, the negative log-likelihood of each next token (nats), the Kullback-Leibler divergence
of its distribution, and how often the most likely token is the same. llama.cpp computes the last
hidden states with its own kernels; only the output projection is done here, in 32 bits.
"""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from workbench import models
from workbench.errors import MissingPiece
from workbench.models import gguf_files
from workbench.settings import settings

if TYPE_CHECKING:
    import numpy as np

MODEL = "smollm2:135m"
PACKAGED = "packaged"
CANDIDATES = (PACKAGED, "Q8_0", "Q4_0", "F16")
PROMPT_TOKENS, ANSWER_TOKENS, WINDOW, BLOCK = 600, 60, 512, 64
#: A rise of the loss below this share is none that matters.
TOLERATED = 0.005


def main(rounds: int = 7, tokens: int = 8192, out: Path | None = None) -> dict[str, Any]:
    """Measure every candidate and name the one to serve; writes JSON to ``out`` if it is given."""
    with tempfile.TemporaryDirectory() as folder:
        files = _candidates(Path(folder))
        windows = _windows(files[PACKAGED], tokens)
        losses = _losses(files, windows)
        seconds = _speeds(files, [*windows[0], *windows[1]][:PROMPT_TOKENS], rounds)
        rows = [_row(name, files[name], losses, seconds) for name in files]
    result = {"chosen": choose(rows), "rows": rows, **_circumstances(rounds, windows)}
    if out:
        part = out.with_suffix(".json.part")
        out.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        part.replace(out)
    return result


def choose(rows: list[dict[str, Any]]) -> str:
    """The fastest of those whose loss has surely risen by less than is tolerated."""
    lossless = [r for r in rows if r["rise_high"] < TOLERATED]
    return min(lossless, key=lambda row: row["seconds_median"])["name"]


def _candidates(folder: Path) -> dict[str, Path]:
    packaged = models.path(MODEL).folder / "packaged.gguf"
    files = {PACKAGED: packaged}
    for kind in CANDIDATES[1:]:
        files[kind] = folder / f"{kind}.gguf"
        gguf_files.requantize(packaged, files[kind], kind)
    return files


def _windows(path: Path, tokens: int) -> list[list[int]]:
    """The course's documents as windows of token ids."""
    corpus = settings().data / "corpus"
    texts = [p.read_text(encoding="utf-8") for p in sorted(corpus.glob("*.md"))]
    if not texts:
        raise MissingPiece(f"no Markdown documents in {corpus}", "run it in a working copy")
    server = _server(path)
    ids = _post(f"{server.listening_address}/tokenize", {"content": "\n\n".join(texts)})["tokens"][
        :tokens
    ]
    return [ids[i : i + WINDOW] for i in range(0, len(ids) - WINDOW + 1, WINDOW)]


def _server(path: Path, hidden: bool = False) -> Any:
    """llama.cpp's own server in this process; with ``hidden`` it answers with hidden states."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel, params.n_ctx, params.n_batch, params.n_ubatch = 1, 1024, 1024, 512
    params.verbosity = -1
    if hidden:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_NONE
    return xllamacpp.Server(params)


def _post(url: str, body: dict[str, Any]) -> Any:
    return httpx.post(url, json=body, timeout=300, trust_env=False).raise_for_status().json()


def _losses(files: dict[str, Path], windows: list[list[int]]) -> dict[str, dict[str, Any]]:
    """For each candidate, per-token figures of all windows, compared with the packaged file."""
    import numpy as np

    kept: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in files}
    readers = {name: _log_probabilities(path, windows) for name, path in files.items()}
    for ids in windows:
        reference = next(readers[PACKAGED])
        kept[PACKAGED].append(_figures(reference, reference, ids))
        for name in CANDIDATES[1:]:
            kept[name].append(_figures(reference, next(readers[name]), ids))
    return {
        name: {key: np.concatenate([f[key] for f in figures]) for key in figures[0]}
        for name, figures in kept.items()
    }


def _log_probabilities(path: Path, windows: list[list[int]]) -> Iterator[np.ndarray]:
    """Log-probabilities of every next token, (window - 1, vocabulary), window after window."""
    import gguf
    import numpy as np

    tensors = gguf.GGUFReader(path).tensors
    embedding = next(t for t in tensors if t.name == "token_embd.weight")  # tied: also the output
    output = gguf.quants.dequantize(embedding.data, embedding.tensor_type).T
    server = _server(path, hidden=True)
    for ids in windows:
        body = {"content": ids, "embd_normalize": -1}
        answer = _post(f"{server.listening_address}/embedding", body)
        logits = np.asarray(answer[0]["embedding"], dtype=np.float32)[:-1] @ output
        logits -= logits.max(axis=1, keepdims=True)
        yield logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _figures(reference: np.ndarray, other: np.ndarray, ids: list[int]) -> dict[str, np.ndarray]:
    import numpy as np

    at = np.arange(len(ids) - 1), np.asarray(ids[1:])
    return {
        "nll": -other[at],
        "rise": reference[at] - other[at],
        "kl": (np.exp(reference) * (reference - other)).sum(axis=1),
        "p_change": np.abs(np.exp(other[at]) - np.exp(reference[at])),
        "same_top": reference.argmax(axis=1) == other.argmax(axis=1),
    }


def _speeds(files: dict[str, Path], prompt: list[int], rounds: int) -> dict[str, list[dict]]:
    """Seconds for the prompt and the answer of each candidate, in turns; one unmeasured first."""
    servers = {name: _server(path) for name, path in files.items()}
    timings: dict[str, list[dict]] = {name: [] for name in files}
    body = {"prompt": prompt, "n_predict": ANSWER_TOKENS, "ignore_eos": True}
    body |= {"cache_prompt": False, "temperature": 0}
    for turn in range(rounds + 1):
        for name, server in servers.items():
            began = time.perf_counter()
            told = _post(f"{server.listening_address}/completion", body)["timings"]
            took = {"seconds": time.perf_counter() - began, "prefill": told["prompt_ms"] / 1e3}
            if turn:
                timings[name].append(took)
    return timings


def _row(name: str, path: Path, losses: dict, seconds: dict[str, list[dict]]) -> dict[str, Any]:
    import numpy as np

    figures, base = losses[name], float(losses[PACKAGED]["nll"].mean())
    low, high = _interval(figures["rise"])
    took = [t["seconds"] for t in seconds[name]]
    return {
        "name": name,
        "bytes": path.stat().st_size,
        "seconds_median": round(float(np.median(took)), 3),
        "seconds": [round(t, 3) for t in took],
        "prefill_seconds_median": round(float(np.median([t["prefill"] for t in seconds[name]])), 3),
        "nll": round(float(figures["nll"].mean()), 5),
        "rise": round(float(figures["rise"].mean()) / base, 6),
        "rise_low": round(low / base, 6),
        "rise_high": round(high / base, 6),
        "kl": round(float(figures["kl"].mean()), 6),
        "p_change": round(float(figures["p_change"].mean()), 6),
        "same_top": round(float(figures["same_top"].mean()), 5),
    }


def _interval(rise: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean rise, from the means of blocks of neighbouring tokens."""
    import numpy as np
    from scipy import stats

    if not rise.any():
        return 0.0, 0.0
    blocks = np.array([b.mean() for b in np.array_split(rise, max(2, len(rise) // BLOCK))])
    half = stats.t.ppf(0.975, len(blocks) - 1) * blocks.std(ddof=1) / len(blocks) ** 0.5
    return float(blocks.mean() - half), float(blocks.mean() + half)


def _circumstances(rounds: int, windows: list[list[int]]) -> dict[str, Any]:
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=settings().root, capture_output=True, text=True, check=False)
    return {
        "model": MODEL,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "rounds": rounds,
        "tokens": sum(len(w) - 1 for w in windows),
        "prompt_tokens": PROMPT_TOKENS,
        "answer_tokens": ANSWER_TOKENS,
        "machine": platform.machine(),
        "xllamacpp": version("xllamacpp"),
        "rule": "the fastest whose rise in loss is below 0.5 %, at the upper end of its interval",
        "units": "seconds a call; nll and kl in nats a token; rise as a share of the packaged nll",
    }
