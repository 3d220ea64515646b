# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 2 · Data and prompts
#
# Five tasks on the way from a messy folder to a prompt: clean, index, measure, cut, guard.
# About an hour; no model and no network needed.
#
# | task | | minutes |
# |:--|:--|--:|
# | 2.1 A page without its clutter | ●○○ | 10 |
# | 2.2 Index only what changed | ●○○ | 8 |
# | 2.3 Does the evidence reach the model? | ●●○ | 10 |
# | 2.4 Cut without cutting sense | ●●● | 15 |
# | 2.5 Only questions reach the database | ●●● | 15 |
#
# **How it works.** Each task has a function to finish and a check below it. Write your code in
# place of the line with `raise`, run that cell, run the check. A check tries your function and
# answers in a sentence; try as often as you like. Many ways lead to a right answer: how you write
# it does not matter, only what it does.
#
# Stuck? `labs.hint("02.1")` in a cell of your own gives a hint, and one more each time you run it.
# When you would rather see a solution: `labs.reveal("02.1")`.

# %%
from workbench import display, labs

# %% [markdown]
# ## 2.1 A page without its clutter
#
# ●○○ · 10 minutes
#
# Return the text of a web page as a passenger would read it:
#
# - without scripts, styles, the menu (`<nav>`), the `<footer>` and the cookie banner (an element of
#   the class `cookie-banner`); what folds out (`<details>`) stays,
# - with entities read (`&amp;` is &), soft hyphens gone, no-break spaces as plain ones,
# - no two blanks in a row, no words run together, no word torn apart.
#
# Line ends may stand where you like.

# %%
page = """<html><head><script>count("visit")</script></head><body>
<div class="cookie-banner">May we store cookies?</div>
<nav><a href="/">Timetable</a></nav>
<h1>Bicycles &amp; scooters</h1>
<p>A bicycle costs 40&nbsp;kr, a <b>time</b>table is free.</p>
<table><tr><td>Tarnsey</td><td>40 kr</td></tr></table>
<footer>Skerry Line</footer></body></html>"""
display.side_by_side(
    page,
    "Bicycles & scooters\nA bicycle costs 40 kr, a timetable is free.\nTarnsey 40 kr",
    ("The page", "What should be left of it"),
)


# %%
def clean(html):
    """The text of a page as a person would read it."""
    raise NotImplementedError("what is left when the clutter is gone?")


# %%
labs.check("02.1", clean)

# %% [markdown]
# ## 2.2 Index only what changed
#
# ●○○ · 8 minutes
#
# An index keeps for each document the hash of its text, `{id: hash}`. The folder today is
# `{id: text}`. Return what is to be done, as three sets (or lists) of ids:
#
# ```text
# {"add": new documents, "change": documents with another text, "remove": documents that are gone}
# ```
#
# Hashes are SHA-256 of the UTF-8 text, as hexadecimal digits, made as below.

# %%
import hashlib

text = "Dogs pay 30 kr."
index = {"pets": hashlib.sha256(text.encode("utf-8")).hexdigest()}
display.note("The index holds {index}.", index=str(index))


# %%
def changes(index, documents):
    """What to add, to change and to remove, so that the index is as the folder."""
    raise NotImplementedError("which documents are new, changed and gone?")


# %%
labs.check("02.2", changes)

# %% [markdown]
# ## 2.3 Does the evidence reach the model?
#
# ●●○ · 10 minutes
#
# A search found `passages`, the best first. They go into the prompt **whole and in that order**,
# until the first one that would take it over `budget` words; that one and all after it stay out.
#
# Return the share (0 to 1) of the `quotes` that stand whole in **one** of the passages that went in.
# White space does not matter: a line end is as good as a blank. Words are counted by
# `len(text.split())`. Without quotes there is nothing to measure: return `None`.
#
# A prediction: what does this number say about the answers of a model that quotes perfectly?


# %%
def evidence_recall(passages, quotes, budget):
    """Share of the quotes in the passages that fit in a prompt of `budget` words."""
    raise NotImplementedError("how much of the evidence reaches the prompt?")


# %%
labs.check("02.3", evidence_recall)

# %% [markdown]
# ## 2.4 Cut without cutting sense
#
# ●●● · 15 minutes
#
# Cut a text into chunks of at most `size` words (`len(chunk.split())`), so that
#
# - each sentence is whole in one chunk; a sentence ends with `.`, `!` or `?` before white space,
# - each row of a table is whole in one chunk, on a line of its own,
# - each chunk that holds rows of a table also holds **the head of that table** (its first two
#   lines), which counts towards the size,
# - nothing is lost, the order stays, and no chunk is empty.
#
# Blocks are separated by empty lines; a block whose lines begin with `|` is a table. How full your
# chunks are is up to you. No sentence, and no row with its head, is longer than `size`.

# %%
sample = """The ferry takes bicycles. They stand on deck 2, in racks.

| Port | Racks |
|---|---|
| Marrowick | 24 |
| Storholm | 12 |"""


def chunk(text, size):
    """Pieces of at most `size` words, each of which makes sense alone."""
    raise NotImplementedError("where may a text be cut?")


# %%
labs.check("02.4", chunk)

# %% [markdown]
# ## 2.5 Only questions reach the database
#
# ●●● · 15 minutes
#
# Notebook 2 lets a model write SQL. Before it runs, a guard decides: return `True` for **a single
# statement that only reads**, and `False` for everything else, text that is no SQL among it.
#
# Be suspicious in both directions: some attacks look like questions, and some questions contain
# words such as `drop`. `schema` holds the tables, as SQL that creates them; use it if it helps.

# %%
schema = """CREATE TABLE sailings (id INTEGER, route TEXT, departs TEXT, updated_at TEXT);
CREATE TABLE bookings (id INTEGER, sailing_id INTEGER, price_kr INTEGER);"""


def is_safe(sql, schema):
    """Whether this is one statement that only reads."""
    raise NotImplementedError("may this statement run?")


# %%
labs.check("02.5", is_safe)

# %% [markdown]
# ## Done?
#
# `workbench labs list` in a terminal shows where you stand, and `workbench labs check 02` checks
# this notebook as you have saved it. Next: notebook 3, where the assistant learns to search.
