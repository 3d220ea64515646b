# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2 · Data preparation and prompt engineering
#
# The model reads what it is given. This notebook turns Skerry Line's documents, which are as messy
# as real ones, into clean passages that can be found again, and puts two prompts to the test.

# %%
import workbench as wb
from workbench import display

display.lifecycle(2)

# %% [markdown]
# **You will be able to** load and clean Markdown, HTML and PDF, cut documents into chunks, turn text
# into vectors, and choose between two prompts by measuring them.
#
# **You need** notebook 1, or just the set-up: this notebook runs alone.
# **It takes** about two minutes to run in the `fast` profile and a quarter of an hour to read.
#
# Words used here: a *chunk* is a piece of a document short enough to be given to the model; an
# *embedding* is a list of numbers that stands for what a text is about; a *prompt* is everything
# that the model is given.

# %% tags=["parameters"]
profile = "fast"
model = "smollm2:135m"
chunk_size = 220
chunk_overlap = 40
prompt_versions = [1, 2]
questions_per_prompt = 10
show_document = "pets"

# %%
session = wb.start("02_data_and_prompts", profile, models=[model, "all-minilm"])

# %% [markdown]
# ## Load and clean
#
# A web page carries navigation, a cookie banner, a footer. A circular in PDF carries running heads,
# page numbers and words hyphenated at line ends. A mail carries what others wrote before, a
# signature and a disclaimer. None of it answers a question, and all of it would be found, embedded
# and read by the model. What is in the estate, and which traps are set in it, stands in
# [data/README.md](../data/README.md).

# %%
import re
from collections import Counter

from workbench import corpus
from workbench.settings import settings



def words_in(text):
    """How many words a text has; the bars of a table are none."""
    return len(re.findall(r"\w+", text))


skipped = []
documents = corpus.load(settings().data / "corpus", lambda path, why: skipped.append((path.name, why)))
kinds = Counter(d.kind for d in documents)
rows = []
for kind, count in kinds.items():
    own = [d for d in documents if d.kind == kind]
    raw, clean = (sum(words_in(getattr(d, f)) for d in own) for f in ("raw", "text"))
    rows.append({"kind": kind, "documents": count, "words before": raw, "words after": clean})
display.table(rows, caption="Skerry Line's documents before and after cleaning")

# %%
words = sum(words_in(d.text) for d in documents)
wb.metric("documents", len(documents))
wb.metric("words", words)
display.note(
    "{n} documents with {words:,} clean words. Left out, with the reason: {skipped}. A database is "
    "asked with a query, not read.",
    n=len(documents),
    words=words,
    skipped="; ".join(f"{name} ({why})" for name, why in skipped) or "nothing",
)

# %%
page = next(d for d in documents if d.id == show_document)
display.side_by_side(
    re.sub(r"\s*\n\s*", "\n", page.raw),
    page.text,
    titles=("As it came (blank lines left out)", "As the model will see it"),
    limit=1400,
)

# %% [markdown]
# ## Cut into chunks
#
# A whole document is too long to be given to a small model for every question. A chunk must be
# small enough to be cheap to read and large enough to make sense alone. **Predict:** what happens to
# a table of fares that is cut in the middle?
#
# Here is the idea in five lines. The package does the same with headings and tables in view, and
# is used from now on.

# %%
def cut(text, size=220, overlap=40):
    """Windows of ``size`` words, each sharing ``overlap`` words with the one before."""
    words = text.split()
    return [" ".join(words[i : i + size]) for i in range(0, len(words), size - overlap)]


fares = next(d for d in documents if d.id == "fares")
blind = cut(fares.text, chunk_size, chunk_overlap)
display.side_by_side(
    f"… {blind[0][-260:]}",
    f"{blind[1][:260]} …",
    titles=("Where the first window ends", "Where the second begins"),
)

# %% [markdown]
# A blind cut falls wherever the count runs out, and loses the lines on the way. Cut along the
# headings, each chunk says where it belongs, and a table stays a table.

# %%
from workbench import chunking

chunks = chunking.split(documents, size=chunk_size, overlap=chunk_overlap, how="heading")
wb.metric("chunks", len(chunks))
lengths = [len(c.text.split()) for c in chunks]
display.table(
    [{"chunk": c.id, "words": len(c.text.split()), "begins": c.text[:90]} for c in chunks[:4]],
    caption=f"The first of {len(chunks)} chunks, cut along headings",
)

# %% [markdown]
# ## Turn text into vectors
#
# An embedding model reads a text and gives 384 numbers. Texts about the same thing get similar
# numbers, whatever words they use. The vectors go into Chroma, a database that finds the nearest
# ones. Running this cell again embeds only what changed.

# %%
from workbench import retrieval

path = session.artifacts / "index" / "notebook-02"
retriever = retrieval.index(chunks, path)
changes = retriever.changes
display.note(
    "{total} chunks in the index: {added} added, {changed} changed, {kept} unchanged.",
    total=len(retriever), added=changes.added, changed=changes.changed, kept=changes.unchanged,
)

# %% [markdown]
# Two of the 384 directions explain more of the differences than any others (the *principal
# components*). They make a map of the corpus: each dot a chunk, its colour the kind of document.

# %%
import matplotlib.pyplot as plt
import numpy as np

question = "May I bring my dog on the night crossing?"
stored = retriever.collection.get(include=["embeddings", "metadatas"])
vectors = np.array(stored["embeddings"])
asked = np.array(retriever.embedding.get_query_embedding(question))
centre = vectors.mean(axis=0)
_, _, axes = np.linalg.svd(vectors - centre, full_matrices=False)
spots, spot = (vectors - centre) @ axes[:2].T, (asked - centre) @ axes[:2].T
kind_of = {d.id: d.kind for d in documents}
stored_kinds = np.array([kind_of[m["document"]] for m in stored["metadatas"]])
nearest = [h.chunk for h in retriever.search(question, k=3)]

fig, ax = plt.subplots(figsize=(8, 4.6))
for kind in kinds:
    ax.scatter(*spots[stored_kinds == kind].T, s=26, alpha=0.75, label=kind)
ax.scatter(*spot, marker="*", s=260, color="#D55E00", label="the question", zorder=3)
for number, chunk in enumerate(nearest, 1):
    x, y = spots[stored["ids"].index(chunk.id)]
    ax.annotate(f"{number} {chunk.document}", (x, y), xytext=(6, 6), textcoords="offset points")
ax.set_xticks([])
ax.set_yticks([])
ax.set_title("A map of the corpus, a question in it, and the three passages found for it")
ax.legend()
display.figure(fig, "Map of all chunks in two dimensions with a question and what was found for it.")

# %% [markdown]
# The passages found need not be the nearest on the map: two of 384 directions show only a part, and
# the search also counts words in common. Both kinds of search are taken apart in notebook 3.

# %% [markdown]
# ## Two prompts, measured
#
# The passages are the same for both, so only the prompt differs. Version 1 is the plainest that
# works. Version 2 asks for the house style (short, source in brackets, say so when the passages do
# not answer) and shows one worked example.

# %%
from workbench import prompts

first, second = (prompts.get("answer", v) for v in prompt_versions)
display.side_by_side(
    *("\n\n".join(f"<{role}> {text}" for role, text in p.messages) for p in (first, second)),
    titles=(f"{first.id}: {first.changelog}", f"{second.id}: {second.changelog}"),
)

# %%
from workbench import golden, rag
from workbench.evals import intervals, runs

dev = [q for q in golden.load(split="dev") if q.evidence or q.nearest]
questions = dev[:: max(1, len(dev) // questions_per_prompt)][:questions_per_prompt]
book = runs.OpenBook(questions)
results = {
    version: runs.ask_all(
        rag.Assistant(book, model=model, prompt="answer", version=version, cache=True), questions
    )
    for version in prompt_versions
}
old, new = (results[v] for v in prompt_versions)
side = old[["question"]].copy()
for version, frame in results.items():
    side[f"v{version}"] = frame["answer"].where(frame["correct"], "✗ " + frame["answer"])
display.table(side, caption="The same passages and questions under both prompts; ✗ marks a wrong answer")

# %%
rows = []
for version, frame in results.items():
    right, cited = intervals.share(frame["correct"]), intervals.share(frame["cites"])
    rows.append({
        "prompt": f"answer/v{version}", "right": str(right), "cites its source": str(cited),
        "words an answer": frame["answer"].str.split().str.len().mean(),
        "seconds": frame["seconds"].median(),
    })
    wb.metric(f"right_v{version}", right.value)
    wb.metric(f"cites_v{version}", cited.value)
display.table(rows, caption=f"Two prompts on {len(questions)} questions of the dev split",
              formats={"words an answer": "{:.0f}", "seconds": "{:.1f} s"})

# %%
change = {
    "right": intervals.paired(new["correct"], old["correct"]),
    "cites its source": intervals.paired(new["cites"], old["cites"]),
}
fig, ax = plt.subplots(figsize=(8, 2.2))
for row, (name, diff) in enumerate(change.items()):
    ax.plot([diff.low, diff.high], [row, row], lw=3)
    ax.plot(diff.value, row, "o", ms=8, color="black")
ax.axvline(0, color="grey", lw=1)
ax.set_yticks(range(len(change)), change)
ax.set_ylim(-0.6, len(change) - 0.4)
ax.set_xlabel("change from the first prompt to the second (paired, 95 % interval)")
display.figure(fig, "Intervals of the change in right answers and in citations between the prompts.")

# %%
wb.metric("change_right", change["right"].value)
display.note(
    "Right answers changed by {d:+.0%} ({low:+.0%} to {high:+.0%}): **{verdict}**. Citations changed "
    "by {c:+.0%}: **{cverdict}**. An interval that holds zero does not say that the prompts are equal; it "
    "says that {n} questions cannot tell them apart.",
    d=change["right"].value, low=change["right"].low, high=change["right"].high,
    verdict=change["right"].verdict, c=change["cites its source"].value,
    cverdict=change["cites its source"].verdict, n=len(questions),
)

# %% [markdown]
# ## Look inside one answer

# %%
wb.traces(last=1)

# %% [markdown]
# ## Change this and run again
#
# Set `chunk_size` to 60 or to 800 and look at the chunks. Put `show_document` to
# `"circular-2026-03"` to see a PDF. Write a `v3.md` of your own beside the other prompts and name it
# in `prompt_versions`.

# %% [markdown]
# ## Recap

# %%
from workbench.session import record_phase

right = intervals.share(new["correct"])
record_phase(
    2,
    what=f"prompt {second.id}, right passage handed over",
    quality=right.value, low=right.low, high=right.high, n=right.n,
    latency_s=new["seconds"].median(),
)
display.course_table()

# %%
removed = 1 - words / sum(words_in(d.raw) for d in documents)
wb.metric("clutter_share", removed)
display.note(
    "**Tips from this phase**\n\n"
    "- Clean first: {removed:.0%} of the words that came in were clutter.\n"
    "- Cut along the document's own structure: {chunks} chunks, none in the middle of a table.\n"
    "- A prompt is code: give it a version, and do not believe in a change before {n} questions "
    "have been asked both ways.",
    removed=removed, chunks=len(chunks), n=len(questions),
)

# %% [markdown]
# **Read on:** `src/workbench/corpus`, where each kind of document is cleaned, and
# `src/workbench/prompts/files`, where the prompts are.
#
# **Next:** [3 · Customization](03_customization.ipynb), where the assistant finds the passages
# itself, and the model is trained.
