"""The tasks of phase 1: memory, licence, published scores, price, and luck."""

from __future__ import annotations

from workbench.labs.checks import (
    better_or_lucky,
    break_even,
    kv_cache,
    licence_and_memory,
    published_scores,
)
from workbench.labs.task import Task

TASKS = [
    Task(
        "01.1", "The memory of a conversation", "kv_cache_bytes", 6, 1,
        "work out from a model's shape how many bytes its key-value cache takes.",
        "The number of conversations at once multiplies it, and grouped heads divide it: that is "
        "why models have them.",
        (
            "Begin with one token in one layer: how many vectors are kept, and how long is each?",
            "For every layer and every key-value head there is one key and one value, each "
            "`head_dim` numbers long.",
            "Multiply that by the bytes a number takes, by the tokens, and by the conversations.",
        ),
        kv_cache.check,
    ),
    Task(
        "01.2", "Licence first, then memory", "shortlist", 8, 1,
        "keep the models that Skerry Line may use and that fit its memory.",
        "A model that is not allowed stays out however good it is, and unknown is not small.",
        (
            "There are three conditions. Write each as a line of its own.",
            "Look at the values that `commercial_use` takes in the catalog. Two of them let a "
            "model through.",
            "A missing number can be `None` or `nan`. Compare `nan` with something and print what "
            "comes out.",
        ),
        licence_and_memory.check,
    ),
    Task(
        "01.3", "Scores that do not compare", "rankings", 8, 2,
        "rank the models within each way of measuring, and never across.",
        "Several short lists say less than one long one, and what they say is true.",
        (
            "Group before you sort. What is the key of a group?",
            "Leave models without a score out before you begin.",
            "`sorted(..., key=..., reverse=True)` sorts by a number, the highest first.",
        ),
        published_scores.check,
    ),
    Task(
        "01.4", "When does an own machine pay?", "break_even", 8, 2,
        "find the number of answers a month from which a rented machine is cheaper.",
        "Below that number the service is cheaper, above it the machine, if it can answer so many.",
        (
            "What does one answer cost at the service? Reading and writing have their own prices.",
            "The prices are for a million tokens, the rent is for an hour.",
            "Divide the rent of a month by the cost of an answer. Round to the number that pays.",
        ),
        break_even.check,
    ),
    Task(
        "01.5", "Better, or lucky?", "compare", 12, 3,
        'say "better", "worse" or "too few to conclude" about two models.',
        "You looked at the questions that tell the two apart: that is what makes a paired "
        "comparison so much sharper than two intervals.",
        (
            "On how many questions is one model right and the other wrong? The rest tell nothing "
            "about which is better.",
            "If the models were equally good, each of those questions would be the toss of a coin.",
            "How likely are that many heads, or more? Double it, as either model could have been "
            "ahead, and decide below 0.05. Or draw questions with replacement many times "
            "(`workbench.evals.intervals.paired` does) and see whether zero stays outside.",
        ),
        better_or_lucky.check,
    ),
]  # fmt: skip
