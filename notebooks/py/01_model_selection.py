# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1 · Model selection
#
# Skerry Line, a ferry company on a northern archipelago, wants an assistant that answers its
# passengers from its own documents. Before anything is built, one question has to be answered:
# **which model is good enough, small enough and allowed?**

# %%
import workbench as wb
from workbench import display

display.lifecycle(1)

# %% [markdown]
# **You will be able to** narrow the published models down by licence and memory, say what their
# published scores do and do not tell, and measure candidates on your own questions, with an
# interval instead of a feeling.
#
# **You need** Python and the set-up of this course; no knowledge of language models.
# **It takes** about a minute to run in the `fast` profile and a quarter of an hour to read.
#
# Words used here: a *language model* continues a text; a *token* is the piece of text it reads and
# writes at a time; *parameters* are the numbers it consists of; *quantization* stores them with
# fewer bits.

# %% tags=["parameters"]
profile = "fast"
candidates = ["smollm2:135m", "qwen2.5-coder:1.5b"]
questions_per_model = 6
memory_gb = 6.0
context_tokens = 2048

# %%
session = wb.start("01_model_selection", profile, models=candidates)

# %% [markdown]
# ## What is published
#
# The catalog in `data/catalog` holds published facts, each with its source. Skerry Line sells
# tickets, so the licence must allow commercial use; the assistant runs on an office computer, so
# the model must fit its memory. These two conditions come first because no score can outweigh them.

# %%
from workbench import catalog

every_model = catalog.models()
fitting = catalog.shortlist(
    commercial=True, memory_gb=memory_gb, context=context_tokens
)
shown = ["model_id", "license_id", "parameters_b", "memory_gb", "mmlu", "mmlu_setting"]
display.table(
    fitting[shown],
    caption=f"Open models that allow commercial use and fit {memory_gb:.0f} GB",
)

# %%
wb.metric("catalog_models", len(every_model))
wb.metric("catalog_fitting", len(fitting))
display.note(
    "Of {all} models in the catalog, {left} pass. Look at the last column before you compare two "
    "scores of MMLU, a school-exam benchmark: the settings differ. A score from five examples in "
    "the prompt and one from none are two different measurements, and sorting them in one list "
    "would be like sorting prices in kroner and in pounds.",
    all=len(every_model),
    left=len(fitting),
)

# %% [markdown]
# ## How much memory a model takes
#
# Two things fill the memory: the weights, and a cache of what the model has read so far (the
# *key–value cache*), which grows with the length of the text:
#
# ```text
# weights = parameters × bits / 8
# cache   = 2 × layers × key-value heads × head size × tokens × 2 bytes
# ```

# %%
import matplotlib.pyplot as plt

bits = {"16-bit": 16, "Q8_0": 8.5, "Q4_K_M": 4.85}
small = fitting.dropna(subset=["layers"]).head(8)
fig, ax = plt.subplots(figsize=(8, 3.6))
for offset, (name, width) in enumerate(bits.items()):
    weights = [catalog.weights_bytes(p, width) / 1e9 for p in small["parameters_b"]]
    ax.barh([i + (offset - 1) * 0.26 for i in range(len(small))], weights, 0.24, label=name)
ax.set_yticks(range(len(small)), [m.split("/")[-1] for m in small["model_id"]])
ax.invert_yaxis()
ax.set_xlabel("weights in GB")
ax.set_title("The same model in three precisions")
ax.legend(title="stored as")
display.figure(fig, "Bars: memory of the weights of eight small models at 16, 8.5 and 4.85 bits.")

# %% [markdown]
# ## What a token is
#
# A model does not see letters or words but tokens. How many a question takes decides what it costs
# and whether it fits. The server counts them exactly with every answer.

# %%
small_model = candidates[0]
texts = {
    "a word": "ferry",
    "a name it never met": "Skarn Haven",
    "a question": "May I bring my dog on the night crossing to Outer Skarn?",
}


def prompt_tokens(text):
    """Tokens of a bare text, as the model's own tokenizer has them."""
    options = {"num_predict": 1}
    answer = session.client.generate(small_model, text, raw=True, options=options)
    return answer.prompt_eval_count


display.table(
    [
        {"text": text, "what": what, "words": len(text.split()), "tokens": prompt_tokens(text)}
        for what, text in texts.items()
    ],
    caption=f"Tokens as {small_model} counts them",
)

# %% [markdown]
# Names that the model never met fall into several pieces. That is the first sign of what this
# course is about: Skerry Line's world is not in the model.

# %% [markdown]
# ## The measurement that counts
#
# Published scores measure other people's questions. Ours are in `data/golden`: each has a
# reference answer and the passage that holds it. **Predict:** one candidate is about eleven times
# larger than the other. How many more of the questions will it get right, and how much longer will it
# take?
#
# The candidates get the right passage handed over, so that only their reading is measured; finding
# the passage is the matter of notebook 3. Choices are made on the `dev` split only.

# %%
from workbench import golden, rag
from workbench.evals import intervals, runs

needs_reading = [q for q in golden.load(split="dev") if q.evidence or q.nearest]
step = max(1, len(needs_reading) // questions_per_model)
questions = needs_reading[::step][:questions_per_model]
book = runs.OpenBook(questions)
results = {}
for name in candidates:
    assistant = rag.Assistant(book, model=name, cache=True)
    results[name] = runs.ask_all(assistant, questions)
side = results[candidates[0]][["question"]].copy()
for name, frame in results.items():
    side[name] = frame["answer"].where(frame["correct"], "✗ " + frame["answer"])
display.table(side, caption="The same questions to each candidate; ✗ marks a wrong answer")

# %%
loaded = {row.model: row.size / 1e6 for row in session.client.ps().models}
rows = []
for name, frame in results.items():
    right = intervals.share(frame["correct"])
    rows.append(
        {
            "model": name,
            "right": str(right),
            "seconds an answer": frame["seconds"].median(),
            "to the first token": frame["first_token_seconds"].median(),
            "memory in MB": loaded.get(name),
        }
    )
    label = name.replace(":", "_")
    wb.metric(f"right_{label}", right.value)
    wb.metric(f"seconds_{label}", frame["seconds"].median(), unit="s")
display.table(rows, caption="Quality, speed and memory, measured here", formats={
    "seconds an answer": "{:.1f} s", "to the first token": "{:.1f} s", "memory in MB": "{:,.0f}"})

# %%
fig, ax = plt.subplots(figsize=(7, 3.6))
for name, frame in results.items():
    right = intervals.share(frame["correct"])
    error = [[right.value - right.low], [right.high - right.value]]
    ax.errorbar(frame["seconds"].median(), right.value, yerr=error, fmt="o", capsize=5, label=name)
ax.set_xlabel("seconds an answer (median)")
ax.set_ylabel("share of right answers")
ax.set_ylim(0, 1.05)
ax.set_xlim(left=0)
ax.set_title(f"Quality against time, {len(questions)} questions, 95 % intervals")
ax.legend()
display.figure(fig, "Share of right answers against seconds an answer for each candidate.")

# %%
last, first = results[candidates[-1]], results[candidates[0]]
gain = intervals.paired(last["correct"], first["correct"])
slower = last["seconds"].median() / first["seconds"].median()
display.note(
    "The larger model got {gain:+.0%} of the questions more, interval {low:+.0%} to {high:+.0%}, and "
    "took {slower:.1f} times as long. Verdict on {n} questions: **{verdict}**. The intervals are "
    "wide because the sample is small: that is the honest state of knowledge after a minute of "
    "measuring, and the `full` profile asks more questions for that reason.",
    gain=gain.value, low=gain.low, high=gain.high, slower=slower, n=gain.n, verdict=gain.verdict,
)

# %% [markdown]
# The larger candidate has been measured; it gives its memory back before anything else is loaded.

# %%
for name in candidates[1:]:
    session.client.generate(name, keep_alive=0)
display.table(
    [{"loaded": row.model, "memory in MB": row.size / 1e6} for row in session.client.ps().models],
    caption="Models in memory now", formats={"memory in MB": "{:,.0f}"},
)

# %% [markdown]
# ## Look inside one call
#
# Each answer leaves a *trace*: what was asked, what the model was given, how long each part took.
# Phoenix collects the traces; the picture below is drawn from it and stays in this notebook.

# %%
wb.traces(last=1)

# %% [markdown]
# ## Change this and run again
#
# Set `candidates` to one name, raise `questions_per_model` to 12, or lower `memory_gb` to 1 and
# look at which table changes. With an Ollama of your own (`export OLLAMA_HOST=…`) any model it
# has can be named.

# %% [markdown]
# ## Recap
#
# A licence and the memory decide first, published scores only where their settings agree, and
# your own questions last and most. The course goes on with the small model, because it can be
# customized on any laptop; what that costs in quality is what the next phases have to buy back.

# %%
from workbench.session import record_phase

chosen = results[small_model]
right = intervals.share(chosen["correct"])
record_phase(
    1,
    what=f"{small_model}, right passage handed over",
    quality=right.value, low=right.low, high=right.high, n=right.n,
    latency_s=chosen["seconds"].median(),
    memory_mb=loaded.get(small_model, 0.0),
)
display.course_table()

# %%
display.note(
    "**Tips from this phase**\n\n"
    "- Start small: the small model answered in {fast:.1f} s where the large one took {slow:.1f} s.\n"
    "- Filter by licence before you fall in love with a score: {out} of {all} models went out.\n"
    "- Say the sample size with each share: here {n} questions, and an interval {wide:.0%} wide.",
    fast=first["seconds"].median(), slow=last["seconds"].median(),
    out=len(every_model) - len(fitting), all=len(every_model),
    n=right.n, wide=right.high - right.low,
)

# %% [markdown]
# **Read on:** the model cards named in `data/catalog/models.csv`; the licence texts of the models
# you consider, not summaries of them.
#
# **Next:** [2 · Data and prompts](02_data_and_prompts.ipynb), where the documents get clean and the
# prompt gets better.
