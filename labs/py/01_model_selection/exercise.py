# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 1 · Model selection
#
# Five tasks on what notebook 1 measured: memory, licence, published scores, price, and luck.
# About 45 minutes; no model and no network needed.
#
# | task | | minutes |
# |:--|:--|--:|
# | 1.1 The memory of a conversation | ●○○ | 6 |
# | 1.2 Licence first, then memory | ●○○ | 8 |
# | 1.3 Scores that do not compare | ●●○ | 8 |
# | 1.4 When does an own machine pay? | ●●○ | 8 |
# | 1.5 Better, or lucky? | ●●● | 12 |
#
# **How it works.** Each task has a function to finish and a check below it. Write your code in
# place of the line with `raise`, run that cell, run the check. A check tries your function and
# answers in a sentence; try as often as you like. Many ways lead to a right answer: how you write
# it does not matter, only what it does.
#
# Stuck? `labs.hint("01.1")` in a cell of your own gives a hint, and one more each time you run it.
# When you would rather see a solution: `labs.reveal("01.1")`.

# %%
from workbench import catalog, display, labs

# %% [markdown]
# ## 1.1 The memory of a conversation
#
# ●○○ · 6 minutes
#
# While a model answers, it keeps what it has read in the *key–value cache*: in every layer, for
# every token, **one key and one value** for each key–value head, each `head_dim` numbers long.
# Models with *grouped-query attention* let several attention heads share one key–value head.
#
# Return the size of that cache **in bytes** for `batch` conversations of `tokens` tokens each.

# %%
llama_8b = {
    "layers": 32,
    "heads": 32,
    "kv_heads": 8,
    "head_dim": 128,
    "bytes_per_value": 2,
}


def kv_cache_bytes(shape, tokens, batch=1):
    """Bytes of the key-value cache of `batch` conversations of `tokens` tokens each."""
    raise NotImplementedError("how many bytes does the cache take?")


# %%
labs.check("01.1", kv_cache_bytes)

# %% [markdown]
# ## 1.2 Licence first, then memory
#
# ●○○ · 8 minutes
#
# Skerry Line sells tickets and runs the model on a computer of its own. Return the ids of the
# models that pass all three conditions:
#
# 1. the weights are open (`open_weights`),
# 2. the licence allows commercial use, with conditions or without (`commercial_use`),
# 3. its memory is known and fits in `memory_gb`.
#
# A model is a dictionary, such as those below. The order of your list does not matter.

# %%
models = catalog.models()
models["memory_gb"] = models["parameters_b"] * 4.89 / 8  # weights of 4.89 bits each
columns = ["model_id", "open_weights", "commercial_use", "memory_gb"]
one_of_each = models.drop_duplicates("commercial_use")
display.table(one_of_each[columns], "A model for each value of commercial_use")


# %%
def shortlist(models, memory_gb):
    """Ids of the models that Skerry Line may use and that fit in `memory_gb`."""
    raise NotImplementedError("which models pass all three conditions?")


# %%
labs.check("01.2", shortlist)

# %% [markdown]
# When it passes, try it on the whole catalog: `shortlist(models.to_dict("records"), 6.0)`.
#
# ## 1.3 Scores that do not compare
#
# ●●○ · 8 minutes
#
# MMLU scores were measured in different ways, and only those measured in the same way compare.
# Return a dictionary: for each value of `mmlu_setting` the list of model ids, **best first**.
# A model without a score stands in no list, and a setting without any score is left out.

# %%
some_scores = [
    {"model_id": "north", "mmlu": 61.0, "mmlu_setting": "5-shot"},
    {"model_id": "south", "mmlu": 35.5, "mmlu_setting": "0-shot"},
    {"model_id": "east", "mmlu": 70.2, "mmlu_setting": "5-shot"},
    {"model_id": "west", "mmlu": None, "mmlu_setting": "5-shot"},
]
display.table(some_scores, 'Here the right answer has "east" before "north"')


# %%
def rankings(models):
    """{setting: ids of the models measured that way, best first}"""
    raise NotImplementedError("who is best within each setting?")


# %%
labs.check("01.3", rankings)

# %% [markdown]
# ## 1.4 When does an own machine pay?
#
# ●●○ · 8 minutes
#
# A service takes `usd_in` dollars for a million tokens that the model reads and `usd_out` for a
# million that it writes. A machine of your own is rented at `rent_per_hour` dollars, day and night.
#
# Return the smallest whole **number of answers a month** at which the machine costs no more than
# the service. One answer reads `tokens_in` tokens and writes `tokens_out`; a month has `hours`
# hours. Where the service costs nothing, return `None`.


# %%
def break_even(tokens_in, tokens_out, usd_in, usd_out, rent_per_hour, hours=730):
    """Answers a month from which the rented machine costs no more than the service."""
    raise NotImplementedError("from how many answers a month does the machine pay?")


# %%
labs.check("01.4", break_even)

# %% [markdown]
# ## 1.5 Better, or lucky?
#
# ●●● · 12 minutes
#
# Two models answered **the same questions**; `first[i]` and `second[i]` say whether each was right
# on question `i`. Is the second one better? Say `"better"`, `"worse"` or `"too few to conclude"`,
# so that you would be wrong about two equally good models in at most one case of twenty.
#
# Before you begin, a prediction: of 30 questions the first model got 16 and the second 17. Would
# you change the model?
#
# A sign test, a bootstrap over the questions or a paired interval are all fine here. So is
# `workbench.evals.intervals`, which notebook 1 used.


# %%
def compare(first, second):
    """Whether the second model is better, worse, or there is too little to tell."""
    raise NotImplementedError("is the second model better, or was it luck?")


# %%
labs.check("01.5", compare)

# %% [markdown]
# ## Done?
#
# `workbench labs list` in a terminal shows where you stand, and `workbench labs check 01` checks
# this notebook as you have saved it. Next: notebook 2, where the documents come in.
