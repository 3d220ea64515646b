"""What the Hugging Face Hub says about models now, or the catalog where the Hub is silent.

The Hub is asked for every model at once and has a few seconds for all of them together. Each row
says where it comes from, and ``Look.why`` says in a sentence why the Hub was not used.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    import pandas
    from huggingface_hub import ModelInfo

HUB = "hub, live"
CATALOG = "catalog, checked November 2026"
NOWHERE = "nowhere"
#: Licence as a model card names it -> as the catalog does.
LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "llama3": "Llama-3-Community",
    "llama3.1": "Llama-3.1-Community",
    "llama3.2": "Llama-3.2-Community",
    "gemma": "Gemma-Terms",
    "qwen-research": "Qwen-Research",
}
COLUMNS = [
    "model_id",
    "licence",
    "licence_in_catalog",
    "licence_differs",
    "parameters_b",
    "weights_gb",
    "downloads",
    "gated",
    "last_modified",
    "source",
    "note",
]
_AT_ONCE = 8


@dataclass(frozen=True)
class Look:
    """One look at the Hub: a row for each model, why it was not used (or ""), and the time."""

    table: pandas.DataFrame
    why: str
    seconds: float
    endpoint: str

    @property
    def live(self) -> int:
        """How many rows come from the Hub."""
        return int((self.table["source"] == HUB).sum())


@dataclass(frozen=True)
class Card:
    """A model card: what its header declares, its text (empty from the catalog), its source."""

    model_id: str
    licence: str | None
    base_model: tuple[str, ...]
    languages: tuple[str, ...]
    text: str
    source: str
    why: str


class _HubIsOut(Exception):
    """No model can be had from this Hub, so that asking for the others is no use."""


def endpoint() -> str:
    """Address of the Hub: the environment's ``HF_ENDPOINT`` now, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def look(model_ids: Iterable[str], seconds: float = 3.0) -> Look:
    """Licence, size, downloads and more for each model: the Hub's if it answers, or the catalog's.

    ``seconds`` is the budget for all models together. ``weights_gb`` (10^9 bytes) and
    ``parameters_b`` are missing where nothing is known. No token is sent or asked for. Raises
    BadInput without models or without time.
    """
    import pandas as pd

    names = list(dict.fromkeys(model_ids))
    _check(names, seconds)
    begun = time.monotonic()
    answers, why = ({}, offline()) if offline() else ask_all(names, seconds, _info)
    known = _catalog_rows(names)
    rows = [_row(name, answers.get(name), known.get(name)) for name in names]
    table = pd.DataFrame(rows, columns=COLUMNS).convert_dtypes()
    return Look(table, why, time.monotonic() - begun, endpoint())


def card(model_id: str, seconds: float = 3.0) -> Card:
    """A model's card from the Hub, or what the catalog has in its stead; see ``look``."""
    _check([model_id], seconds)
    answers, why = ({}, offline()) if offline() else ask_all([model_id], seconds, _text)
    found = answers.get(model_id)
    if isinstance(found, str):
        return _parsed(model_id, found)
    row = _catalog_rows([model_id]).get(model_id, {})
    source = CATALOG if row else NOWHERE
    reason = why or (found.args[0] if found else "")
    return Card(model_id, row.get("license_id"), (), (), "", source, reason)


def _check(names: list[str], seconds: float) -> None:
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise BadInput("no models to look up", "give names as owner/model, as Qwen/Qwen3-0.6B")
    if not seconds > 0:
        raise BadInput(f"seconds is {seconds}, which leaves the Hub no time", "give some, as 3.0")


def offline() -> str:
    """Why the Hub is not even asked; empty when it may be."""
    said = os.environ.get("HF_HUB_OFFLINE", "").strip().lower()
    return "HF_HUB_OFFLINE is set, so the Hub was not asked." if said in _YES else ""


_YES = {"1", "on", "yes", "true"}


def ask_all(
    names: list[str], seconds: float, ask: Callable[[str, float], Any]
) -> tuple[dict[str, Any], str]:
    """Name -> answer, or the exception it ended in; and why answers are lacking (or "").

    Daemon threads, since looking up a host's name cannot be cut short: what still hangs at the
    deadline is left alone, and does not keep the program from ending.
    """
    from huggingface_hub import HfApi, hf_hub_url  # noqa: F401  Before the clock: takes a second.

    end = time.monotonic() + seconds
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    for name in names:
        todo.put(name)
    for _ in range(min(_AT_ONCE, len(names))):
        threading.Thread(target=_work, args=(todo, done, end, ask), daemon=True).start()
    return _collect(names, done, end, seconds)


def _collect(
    names: list[str], done: queue.SimpleQueue, end: float, seconds: float
) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = {}
    while len(found) < len(names):
        try:
            name, answer = done.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            left = len(names) - len(found)
            return found, (
                f"The Hub at {endpoint()} left {left} of {len(names)} models unanswered "
                f"within {seconds:g} s."
            )
        if isinstance(answer, _HubIsOut):
            return found, f"The Hub at {endpoint()} cannot be reached: {answer}."
        found[name] = answer
    return found, _refusals(found)


def _refusals(found: dict[str, Any]) -> str:
    """A sentence on models for which the Hub had no usable answer; empty when it had."""
    failed = [answer for answer in found.values() if isinstance(answer, Exception)]
    if not failed:
        return ""
    reasons = ", ".join(dict.fromkeys(str(error) for error in failed))
    return f"The Hub had no usable answer for {len(failed)} of {len(found)} models: {reasons}."


def _work(
    todo: queue.SimpleQueue, done: queue.SimpleQueue, end: float, ask: Callable[[str, float], Any]
) -> None:
    while (left := end - time.monotonic()) > 0:
        try:
            name = todo.get_nowait()
        except queue.Empty:
            return
        try:
            done.put((name, ask(name, left)))
        except Exception as error:  # whatever the client or a broken answer makes of it
            done.put((name, _plain(error)))


def _info(name: str, seconds: float) -> ModelInfo:
    from huggingface_hub import HfApi

    # The endpoint at call time: huggingface_hub itself reads HF_ENDPOINT once, at its import.
    api = HfApi(endpoint=endpoint(), token=False)
    return api.model_info(name, files_metadata=True, timeout=seconds)


def _text(name: str, seconds: float) -> str:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    address = hf_hub_url(name, "README.md", endpoint=endpoint())
    answer = get_session().get(address, headers=build_hf_headers(token=False), timeout=seconds)
    hf_raise_for_status(answer)
    return answer.text


def _plain(error: Exception) -> Exception:
    """The error in words for people; ``_HubIsOut`` when it holds for every model."""
    import httpx
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return _HubIsOut("huggingface_hub was started in offline mode")
    if isinstance(error, httpx.ConnectError):
        return _HubIsOut(re.sub(r"^\[Errno -?\d+\] ", "", str(error)).lower() or "no connection")
    words: list[tuple[type | tuple, str]] = [
        (httpx.TimeoutException, "no answer in time"),
        (errors.GatedRepoError, "gated, its licence must be accepted first"),
        (errors.RepositoryNotFoundError, "not found, or private"),
        (errors.EntryNotFoundError, "no model card"),
        (errors.HFValidationError, "no name that the Hub could have"),
        (httpx.HTTPError, "the connection broke off"),
    ]
    for kind, said in words:
        if isinstance(error, kind):
            return ValueError(_status(error) if kind is httpx.HTTPError else said)
    return ValueError("an answer that cannot be read")


def _status(error: Exception) -> str:
    code = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP status {code}" if code else "the connection broke off"


def _row(name: str, answer: ModelInfo | Exception | None, known: dict | None) -> dict[str, Any]:
    """A row of the table: the Hub's answer beside the catalog's licence, or the catalog's own."""
    in_catalog = known["license_id"] if known else None
    row = dict.fromkeys(COLUMNS) | {"model_id": name, "licence_in_catalog": in_catalog}
    if answer is None or isinstance(answer, Exception):
        row |= {"licence": in_catalog, "source": CATALOG if known else NOWHERE}
        row["parameters_b"] = known["parameters_b"] if known else None
        row["note"] = str(answer) if answer else ""
        return row
    row |= _from_hub(answer)
    row["licence_differs"] = bool(in_catalog and row["licence"] and row["licence"] != in_catalog)
    row["note"] = "licence differs from the catalog's" if row["licence_differs"] else ""
    return row


def _from_hub(info: ModelInfo) -> dict[str, Any]:
    declared = info.card_data.to_dict() if info.card_data else {}
    total = info.safetensors.total if info.safetensors else None
    return {
        "licence": _licence(declared),
        "parameters_b": round(total / 1e9, 3) if total else None,
        "weights_gb": _weights_gb(info),
        "downloads": info.downloads,
        "gated": None if info.gated is None else bool(info.gated),
        "last_modified": info.last_modified.date().isoformat() if info.last_modified else None,
        "source": HUB,
    }


def _licence(declared: dict[str, Any]) -> str | None:
    """The catalog's name for a card's licence, or the card's own; ``other`` is no name."""
    name = declared.get("license")
    if name in (None, "other"):
        name = declared.get("license_name") or name
    if isinstance(name, list):
        name = " or ".join(map(str, name))
    return LICENCES.get(str(name).lower(), str(name)) if name else None


def _weights_gb(info: ModelInfo) -> float | None:
    """Size in 10^9 bytes of the model's weights: its safetensors files, or else its GGUF files.

    Files in folders, and a ``consolidated`` copy beside the shards, hold the same weights again.
    """
    files = [f for f in info.siblings or [] if f.size and "/" not in f.rfilename]
    for suffix in (".safetensors", ".gguf"):
        found = [f for f in files if f.rfilename.endswith(suffix)]
        once = [f for f in found if not f.rfilename.startswith("consolidated")]
        if found:
            return round(sum(f.size for f in once or found) / 1e9, 3)
    return None


def _parsed(model_id: str, text: str) -> Card:
    import yaml
    from huggingface_hub import ModelCard

    declared, body = {}, text
    if text.lstrip().startswith("---"):
        try:
            parsed = ModelCard(text, ignore_metadata_errors=True)
            declared, body = parsed.data.to_dict(), parsed.text
        except (ValueError, yaml.YAMLError):  # no header after all: the text is still worth reading
            pass
    return Card(
        model_id,
        _licence(declared),
        _tuple(declared.get("base_model")),
        _tuple(declared.get("language")),
        body.strip(),
        HUB,
        "",
    )


def _tuple(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _catalog_rows(names: list[str]) -> dict[str, dict[str, Any]]:
    from workbench import catalog

    frame = catalog.models()
    return {row["model_id"]: row for row in frame[frame["model_id"].isin(names)].to_dict("records")}
