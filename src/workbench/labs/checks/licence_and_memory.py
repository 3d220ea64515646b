"""Task 01.2: models kept by licence and memory."""

from __future__ import annotations

from typing import Any

from workbench.labs.asking import Learner, Wrong
from workbench.labs.solutions import load

FLEET = [
    {"model_id": "harbour-7b", "licence": "Apache-2.0", "commercial_use": "yes",
     "open_weights": "yes", "memory_gb": 4.7},
    {"model_id": "skua-3b", "licence": "Research", "commercial_use": "no",
     "open_weights": "yes", "memory_gb": 2.1},
    {"model_id": "tern-1b", "licence": "Tern-Community", "commercial_use": "conditional",
     "open_weights": "yes", "memory_gb": 0.9},
    {"model_id": "cloud-large", "licence": "proprietary", "commercial_use": "api-terms",
     "open_weights": "no", "memory_gb": None},
    {"model_id": "puffin-9b", "licence": "MIT", "commercial_use": "yes",
     "open_weights": "yes", "memory_gb": 6.0},
    {"model_id": "gull-2b", "licence": "MIT", "commercial_use": "yes",
     "open_weights": "yes", "memory_gb": float("nan")},
    {"model_id": "orca-70b", "licence": "Orca-Community", "commercial_use": "conditional",
     "open_weights": "yes", "memory_gb": 41.0},
    {"model_id": "leaked-4b", "licence": "proprietary", "commercial_use": "yes",
     "open_weights": "no", "memory_gb": 2.5},
]  # fmt: skip
WHY_KEPT = {
    "tern-1b": "Its licence allows commercial use with conditions. That is for a lawyer to read, "
    "and no veto: which values of `commercial_use` let a model through?",
    "puffin-9b": "It needs exactly the memory that there is. Does a model fit that fills it to "
    "the brim?",
}
WHY_LEFT_OUT = {
    "skua-3b": "Its licence forbids commercial use, however well it fits. Which condition comes "
    "first?",
    "cloud-large": "It can be called, not downloaded: are its weights open? Where would it run?",
    "leaked-4b": "Its weights are not open. Which column says so?",
    "gull-2b": "Nobody has published how much memory it takes. Is unknown the same as small? Mind "
    "that `not nan > 6` is True.",
    "orca-70b": "It needs more memory than there is.",
}


def check(learner: Learner) -> Any:
    """A small fleet with one model for every way to go wrong; then the limit is moved."""
    for limit in (6.0, 1.0, 100.0, 0.1):
        for models in (FLEET, FLEET[::-1]):
            _check_ids(learner, models, limit)
    _check_ids(learner, [], 6.0)
    return None


def _check_ids(learner: Learner, models: list[dict], limit: float) -> None:
    got, right = learner(models, limit), load("01.2")(models, limit)
    call = f"{learner.name}(models, memory_gb={limit:g})"
    if isinstance(got, str) or not hasattr(got, "__iter__"):
        raise Wrong("Return the ids of the models that pass, as a list.", right, got, call)
    ids = [one.get("model_id") if isinstance(one, dict) else one for one in got]
    if any(isinstance(one, dict) for one in got):
        raise Wrong("These are whole rows. The task asks for their ids.", right, ids, call)
    for name in [one for one in ids if one not in right]:
        raise Wrong(f"`{name}` should not be there. {WHY_LEFT_OUT.get(name, '')}", right, ids, call)
    for name in [one for one in right if one not in ids]:
        why = WHY_KEPT.get(name, "It is allowed, and it fits. What keeps it out?")
        raise Wrong(f"`{name}` is missing. {why}", right, ids, call)
    if len(ids) != len(set(ids)):
        raise Wrong("Some model is in your list twice.", right, ids, call)
