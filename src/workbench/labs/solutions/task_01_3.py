"""Task 01.3: one ranking for each way of measuring."""

import math


def rankings(models):
    measured = [
        model for model in models if model["mmlu"] is not None and not math.isnan(model["mmlu"])
    ]
    groups = {}
    for model in sorted(measured, key=lambda model: -model["mmlu"]):
        groups.setdefault(model["mmlu_setting"], []).append(model["model_id"])
    return groups
