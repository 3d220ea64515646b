"""Task 01.2: licence first, then memory."""

import math


def shortlist(models, memory_gb):
    def known(value):
        return value is not None and not math.isnan(value)

    allowed = [
        model
        for model in models
        if model["open_weights"] == "yes" and model["commercial_use"] in ("yes", "conditional")
    ]
    return [
        model["model_id"]
        for model in allowed
        if known(model["memory_gb"]) and model["memory_gb"] <= memory_gb
    ]
