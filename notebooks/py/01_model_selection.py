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
# **You will be able to** say what you need before you look at models, veto by licence and memory,
# read published scores for what they are, work out memory and cost beforehand, measure
# candidates on your own questions with an interval instead of a feeling, and write the decision
# down.
#
# **You need** Python and the set-up of this course; no knowledge of language models.
# **It takes** about a minute and a half to run in the `fast` profile, some 4 GB of memory with both
# candidates loaded, and three quarters of an hour to read.
#
# <details><summary><b>Two-minute self-check</b>: can you answer these? If not, read on, they are what this notebook is about.</summary>
# <ol>
# <li>A model answered 7 of 10 questions right, another 8 of 10. Is the second one better?</li>
# <li>"The weights can be downloaded, so we may sell what we build with them." True?</li>
# <li>A model has 1.5 thousand million parameters, stored in 4 bits each. How much memory is that at least, and what comes on top?</li>
# </ol>
# <details><summary>Answers</summary>1: ten questions cannot tell. 2: not by itself, the licence decides. 3: 0.75 GB, and a cache that grows with the length of the text, and buffers.</details>
# </details>
#
# Words used here: a *language model* continues a text; a *token* is the piece of text it reads and
# writes at a time; *parameters* or *weights* are the numbers it consists of; *quantization* stores
# them with fewer bits.

# %% tags=["parameters"]
profile = "fast"
candidates = ["smollm2:135m", "qwen2.5-coder:1.5b"]
questions_per_model = 8
programs_per_model = 3
# the need
memory_gb = 6.0
context_tokens = 2048
requests_per_month = 30000
seconds_to_answer = 10.0
usd_per_month = 100.0
# what it costs
hosted = ["gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"]
rented_card = "L4 24GB"
gpu_seconds_per_request = 1.0
purchase_usd = 700
months = 36
watts_busy = 65
watts_idle = 10
usd_per_kwh = 0.30
utilisation = 0.3

# %%
from workbench.bench import kept  # longer measurements, in docs/results

session = wb.start("01_model_selection", profile, models=candidates)

# %% [markdown]
# ## The use case first
#
# A model is never good as such; it is good *for something*. So before any list of models, what
# Skerry Line needs, in numbers. It answers passengers' questions from its own documents, about
# thirty thousand a month. Passengers write in names and bookings, so the data are **private**: they
# may not leave the house. Skerry Line sells tickets, so the use is **commercial**. And the
# assistant runs on an office computer, with so much memory and no more.
#
# A prompt of some 900 *tokens* (pieces of text; more on them below) holds a question and the
# passages that answer it; an answer takes about 80. What the model reads and writes at a time, its
# *context*, has to hold both.

# %%
from workbench import catalog
from workbench.catalog.needs import Need

need = Need(
    tasks=["answer questions"], languages=["English"], private=True, commercial=True,
    requests_per_month=requests_per_month, prompt_tokens=900, output_tokens=80,
    seconds_to_answer=seconds_to_answer, memory_gb=memory_gb,
    usd_per_month=usd_per_month, context_tokens=context_tokens,
)
display.table(need.table(), caption="What Skerry Line needs")

# %% [markdown]
# **Predict:** the catalog in `data/catalog` holds published facts on models from 135 million to 70
# thousand million parameters, hosted ones among them, each with its source. How many survive these
# conditions? And is it the licence, the privacy or the memory that costs most of them?

# %%
ranked = catalog.ranked(need)
passing = ranked[ranked["passes"]]
display.table(
    passing[["rank", "model_id", "memory_gb", "time", "cost", "languages", "why"]].head(10),
    caption="Models that pass, ranked; “unknown” is what nobody has measured or published yet",
    formats={"memory_gb": "{:.1f}"},
)

# %%
vetoed = ranked[~ranked["passes"]]
display.table(
    vetoed[["model_id", "license_id", "why"]],
    caption="Vetoed, each with its reason",
)

# %%
wb.metric("catalog_models", len(ranked))
wb.metric("catalog_fitting", len(passing))
display.note(
    "{left} of {all} models are left. A *no* vetoes: no score can outweigh a licence "
    "that forbids the use. *Unknown* does not veto, but it stays on the table: which "
    "languages a model knows and how long it takes on this machine the catalog cannot "
    "say, and it does not guess.\n\n"
    "The order says nothing about quality. {rule}",
    left=len(passing), all=len(ranked), rule=ranked.attrs["rule"],
)

# %% [markdown]
# ## Open weights are not open source
#
# *Open weights* means that you can download the numbers a model consists of. *Open source* means
# that a licence leaves everyone free to use them for any purpose. Between the two lie licences with
# conditions, and one that costs the careless dearly.

# %%
from workbench.catalog import licences

display.table(licences.table(), caption="The licences in the catalog")

# %% [markdown]
# **Two cases to remember.** Qwen2.5 comes in sizes that look like one family. Look at the licence
# of each sister. And Meta's Llama models may be used commercially, but not by everybody, and not
# namelessly.

# %%
cases = ranked[ranked["model_id"].str.contains(r"Qwen2\.5-|Llama-3\.[12]")]
columns = ["model_id", "license_id", "licence", "passes", "why"]
display.table(cases[columns], caption="Sisters with different licences; a licence with conditions")

# %%
qwen = catalog.models().query("family == 'Qwen2.5'").set_index("model_id")
research = qwen[qwen["commercial_use"] == "no"]
display.note(
    "Of {n} Qwen2.5 models in the catalog {bad} may be used for research only: "
    "**{names}**; its sisters are under Apache-2.0. Who swaps a size for the next "
    "larger one can lose the right to sell what was built. Llama's licence asks for "
    "its name to be shown, and whoever has more than 700 million users a month has to "
    "ask Meta. Its weights are open; it is not open source. This is a summary and no "
    "advice: read the text of a licence before you ship.",
    n=len(qwen), bad=len(research), names=", ".join(research.index),
)

# %% [markdown]
# The same `need` filters what comes later: `need.keep(table, "model")` drops the rows of vetoed
# models from any table, and `need.rank(seconds={…})` fills in the time once it has been measured.

# %% [markdown]
# ## What the Hugging Face Hub says
#
# The Hub is where most open models are published. Each has a *model card*: a page of text with a short
# header that programs can read, for example the licence. `huggingface_hub` is its client. We give it
# three seconds for all models together; where it does not answer, the row comes from our catalog, and
# says so. `safetensors` and `gguf` are the file formats of the weights.
#
# **Predict:** two models of one family, 1.5B and 3B. Do they have the same licence?

# %%
from workbench.catalog import hub

looked_up = [
    "HuggingFaceTB/SmolLM2-135M-Instruct", "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-3B-Instruct", "meta-llama/Llama-3.2-3B-Instruct", "google/gemma-2-2b-it",
]
look = hub.look(looked_up, seconds=3.0)
shown = ["model_id", "licence", "licence_differs", "parameters_b", "weights_gb", "downloads",
         "gated", "last_modified", "source", "need"]
fits = ranked.set_index("model_id")["passes"].map({True: "passes", False: "vetoed"})
hub_table = look.table.assign(need=look.table["model_id"].map(fits))
display.table(
    hub_table[shown].dropna(axis=1, how="all"),
    caption=look.why or f"From {look.endpoint}, just now",
)

# %%
wb.metric("hub_rows_live", look.live, show=False)
wb.metric("hub_seconds", round(look.seconds, 2), unit="s", show=False)
display.note(
    "{live} of {n} rows came live from the Hub; the look took {s:.1f} seconds. {why}",
    live=look.live, n=len(looked_up), s=look.seconds, why=look.why,
)

# %%
card = hub.card("Qwen/Qwen2.5-3B-Instruct")
display.table(
    [{"licence": card.licence, "made from": ", ".join(card.base_model) or "not read",
      "languages": ", ".join(card.languages) or "not read", "source": card.source}],
    caption="What the header of a model card declares",
)

# %% [markdown]
# A licence belongs to one model and not to its family, so it is looked up for each model before it is
# used. *Gated* means that you must accept the licence while logged in before you can fetch the
# weights. Where the Hub and the catalog disagree, `licence_differs` says so, and a person reads both.
# The table works without a network, and it says so: a figure that may be a year old must not look
# like one from today.

# %% [markdown]
# ## Published scores, and why two settings must not be sorted together
#
# A *benchmark* is a set of tasks with a rule for marking. Its *setting* is all else: how many solved
# examples the prompt shows (*shots*), whether the model may reason first, who ran it, and which
# program marked the answers.

# %%
from workbench.catalog import benchmarks

display.table(benchmarks.about(), caption="Four benchmarks that model cards quote")

# %% [markdown]
# **Predict:** the same model, the same benchmark, two settings. How many points apart can the scores
# be?

# %%
pairs = benchmarks.twice()
wb.metric("widest_gap_points", float(pairs["gap"].max()), show=False)
display.table(
    pairs.drop_duplicates("benchmark"),
    caption="The widest gap for each benchmark: one model, two published scores",
)

# %%
old, new = "leaderboard, grader until February 2025", "leaderboard, grader from February 2025"
display.figure(
    benchmarks.plot_swap("MATH Lvl 5", old, new),
    alt="Scores of ten models before and after the marking was mended; many lines cross.",
)

# %%
from workbench.errors import BadInput

swapped = benchmarks.swaps("MATH Lvl 5", old, new)
try:
    benchmarks.rank("MMLU")
except BadInput as refusal:
    refused = refusal
display.note("{n} pairs change order. Sorting MMLU across settings: *{said}*",
             n=len(swapped), said=refused.what)

# %%
setting = "5-shot, Microsoft (2025)"
display.table(
    need.keep(benchmarks.rank("MMLU", setting))[["place", "model_id", "score"]],
    caption=f"MMLU in one setting, without the models that the need vetoes: {setting}",
)

# %% [markdown]
# On the left of the figure the marking program looked for one exact phrase around the answer, and
# counted right answers as wrong where a model put it otherwise. On the right the answers were marked
# anew. Who had sorted the two columns into one list would have ranked the markers, not the models.
# So `rank` sorts within one setting and refuses the rest. A score without its setting is no score.

# %% [markdown]
# ## A leaderboard, and what became of it
#
# A leaderboard measures many models in the same way and sorts them. The Open LLM Leaderboard was the
# best known for open models. Its results are a data set, which `datasets` reads; where it cannot be
# reached, a file with the same columns stands in: some of its runs, each with its source.

# %%
from workbench.catalog import leaderboard

display.table(
    [{"what happened": said, "source": source} for said, source in leaderboard.STORY],
    caption="The Open LLM Leaderboard, 2023 to 2025, and after",
)

# %%
board = leaderboard.read(seconds=3.0)
laptop = need.keep(leaderboard.select(board.table, max_parameters_b=4, chat=True), "fullname")
columns = ["fullname", leaderboard.PARAMETERS, "Hub License", leaderboard.AVERAGE, "IFEval",
           "MMLU-PRO"]
display.table(
    laptop[columns].head(10),
    caption=f"Up to 4B, as chat models, without those that the need vetoes. {board.source}",
)

# %% [markdown]
# **Predict:** does the best small model beat models of twice its size? And would its licence let a
# ferry company use it?

# %%
sized = leaderboard.select(board.table, max_parameters_b=35)
named = ["HuggingFaceTB/SmolLM2-135M-Instruct", "Qwen/Qwen2.5-1.5B-Instruct",
         "meta-llama/Llama-3.2-3B-Instruct", "Qwen/Qwen2.5-7B-Instruct"]
display.figure(
    leaderboard.plot(sized, label=named),
    alt="Average score against the number of parameters; the mark shows the kind of licence.",
)

# %%
wb.metric("leaderboard_rows", len(board.table), show=False)
display.note(
    "{n} runs from: {source}. {why}", n=len(board.table), source=board.source, why=board.why
)

# %% [markdown]
# Scores rise with size, but models of one size lie far apart: the year, the training data and the form
# of the prompt count as well. *Free* means Apache-2.0 or MIT; *own terms* are licences that the
# publisher wrote, and have to be read. The scores say nothing about ferries. That is why the
# leaderboard makes a short list, and our own questions decide.

# %% [markdown]
# ## Say hello: a model through Ollama
#
# [Ollama](https://ollama.com) is a program that keeps models on a machine and answers over HTTP.
# The course talks to it with the `ollama` client. Where no Ollama runs, the workbench starts a small
# server that speaks the same language, so every line below works on both. Four verbs cover most of
# a day: *list* what is there, *show* what a model is, *pull* one, *run* it.

# %%
client = session.client
display.table(
    [
        {
            "model": m.model,
            "parameters": m.details.parameter_size,
            "stored as": m.details.quantization_level,
            "GB on disk": m.size / 1e9,
        }
        for m in client.list().models
    ],
    caption=f"ollama list, at {session.host}",
    formats={"GB on disk": "{:.2f}"},
)

# %%
small_model = candidates[0]
for step in client.pull(small_model, stream=True):  # here already: nothing is fetched
    pass
about = client.show(small_model)
architecture = about.modelinfo["general.architecture"]
sizes = ["block_count", "embedding_length", "attention.head_count_kv", "context_length"]
display.table(
    [{"what": s, "value": about.modelinfo.get(f"{architecture}.{s}")} for s in sizes]
    + [{"what": "can do", "value": ", ".join(about.capabilities or [])}],
    caption=f"ollama show {small_model} (pull says: {step.status})",
)

# %% [markdown]
# Now run it. The answer *streams*: it comes token by token, as the model writes it. The output below
# puts each piece in a box of its own as it arrived.

# %%
import time

asked, arrived, written = time.perf_counter(), [], []
for part in client.generate(
    small_model, "What is a ferry?", stream=True, options={"temperature": 0, "num_predict": 40}
):
    if part.response:
        written.append(part.response)
        arrived.append(time.perf_counter() - asked)
display.pieces(written, f"{len(written)} pieces; the first after {arrived[0]:.2f} s, "
               f"the last after {arrived[-1]:.2f} s")

# %% [markdown]
# ## What a token is
#
# A model reads and writes neither letters nor words but *tokens*: pieces from a fixed list, its
# vocabulary. How many a text takes decides what it costs and whether it fits. **Predict:** which words
# of the question below fall into several pieces?

# %%
from workbench.models import tokens

tokenizer_of = "smollm2:135m"  # its vocabulary lies in the model's file
question = "May I bring my dog on the night crossing from Marrowick to Skarn Haven?"
display.pieces(tokens.pieces(question, tokenizer_of), f"as {tokenizer_of} cuts it")

# %%
texts = {
    "two common words": "the ferry",
    "a name it never met": "Skarn Haven",
    "a price": "kr 1,245.50",
    "a table row": "| Outer Skarn | 07:15 | 09:40 |",
    "the same in prose": "The boat to Outer Skarn leaves at 07:15 and arrives at 09:40.",
    "Norwegian": "Kan jeg ta med hunden min på nattfergen?",
}
display.table(
    [
        {
            "text": text,
            "what": what,
            "words": len(text.split()),
            "tokens": tokens.count(text, tokenizer_of),
            "characters a token": len(text) / tokens.count(text, tokenizer_of),
        }
        for what, text in texts.items()
    ],
    caption="How many tokens a text takes",
    formats={"characters a token": "{:.1f}"},
)

# %% [markdown]
# Names that the model never met fall into pieces, and so do prices, times and other languages: look at
# the last column. They cost more of the context, and more money where tokens are paid. It is the first
# sign of what this course is about, too: Skerry Line's world is not in the model.

# %% [markdown]
# ## When the prompt is too long
#
# A model sees a fixed number of tokens at once, its *context window*: the prompt and the answer
# share it. What happens to a prompt that is longer depends on the server, and the worst way is
# silent. The fact below stands at the start of a long text. **Predict** what the model says when
# only the end of the text fits.

# %%
from workbench import corpus

fact = "The code word of the storm desk is BLUE HERON."
filler = next(d.text for d in corpus.load() if d.id == "pets")
long_text = f"{fact}\n\n{filler}\n\nWhat is the code word of the storm desk?"
window = 300


def ask(text):
    """The model's short answer to a text."""
    options = {"temperature": 0, "num_predict": 24, "num_ctx": context_tokens}
    reply = client.chat(small_model, [{"role": "user", "content": text}], options=options)
    return reply.message.content.strip(), reply.prompt_eval_count


cut = "".join(tokens.pieces(long_text, tokenizer_of)[-window:])
display.table(
    [
        {"what it got": what, "tokens": used, "fact in it": fact in text, "answer": said}
        for what, text in (("all of it", long_text), (f"its last {window} tokens", cut))
        for said, used in [ask(text)]
    ],
    caption="The same question to a whole text and to one that was cut",
)

# %% [markdown]
# The second answer has the tone of the first and nothing to stand on: a text that was cut looks
# like any other to the model. Ollama has been dropping the oldest messages of a long conversation
# without a word ([issue 14259](https://github.com/ollama/ollama/issues/14259)); the embedded server
# refuses instead, with both lengths, so that somebody can act on it:

# %%
import ollama

try:
    client.generate(small_model, "ferry " * 9000, options={"num_predict": 1})
except ollama.ResponseError as error:
    refusal = error.error
else:
    refusal = "no error: this server cut the prompt without a word"
display.note("**{status}**", status=refusal)

# %% [markdown]
# ## How sizes turn into memory
#
# A language model is a stack of equal **layers**. Each passes on, for every token, a list of
# `hidden` numbers. Its *attention* looks back at all earlier tokens, and so that it need not read
# them anew for each further token, it keeps two lists for each of them, a *key* and a *value*, in
# each of its key–value heads: the **KV cache**. Hence the two parts that fill the memory:
#
# ```text
# weights = parameters × bits / 8
# cache   = 2 × layers × key-value heads × head size × tokens × requests at a time × 2 bytes
# ```
#
# The bits are a choice. *Quantization* stores the weights with fewer of them; the cache does not
# shrink with it.

# %%
import pandas as pd
from workbench.catalog import memory

rows = []
for model in ["smollm2:135m", "qwen2.5:1.5b", "qwen2.5:7b", "llama3.1"]:
    row = {"model": model}
    for name, bits in {"16 bits": 16, "Q8_0": 8.5, "Q4_K_M": 4.89}.items():
        row[name] = memory.from_published(model, bits, 1).weights / 1e9
    for length in (2_048, 8_192):
        cache = memory.from_published(model, 16, length, slots=8).cache / 1e9
        row[f"8 × {length:,} tokens"] = cache
    rows.append(row)
display.table(rows, formats=dict.fromkeys(list(rows[0])[1:], "{:.2f}"), caption=(
    "GB for the weights in three precisions, and for the cache of eight requests at a time"))

# %% [markdown]
# With long texts and many readers the cache can outgrow the weights. Look at how little Qwen2.5 1.5B
# needs beside the much smaller SmolLM2: that is *grouped-query attention*, where several heads
# share one key and one value.
#
# ## Does the formula hold?
#
# **Predict:** SmolLM2 135M is stored in 8 bits, Qwen2.5-Coder 1.5B in a little more than 4. How
# many MB will each take in this machine's memory? The estimate reads the exact sizes out of the
# model's file. Measured is what the process that runs the model holds, less what the same process
# held before it loaded (an *empty server*); nothing is mapped from disk.

# %%
for name in candidates:
    session.client.generate(name)  # no prompt: it is only loaded
runs = [memory.running(name) for name in candidates]
display.table(
    [run.row() for run in runs],
    caption=f"MB by parts; measured: {runs[0].how}",
    formats={**dict.fromkeys(runs[0].row(), "{:,.1f}"), "model": str, "context": "{:,}",
             "slots": "{}", "error": "{:+.1%}"},
)

# %%
display.figure(
    memory.figure(runs),
    "For each model two bars in MB: the estimate, stacked from its parts, and what was "
    "measured.",
)

# %%
for run in runs:
    wb.metric(f"memory_error_{run.model.replace(':', '_')}", run.error)
worst = max(runs, key=lambda run: abs(run.error))
display.note(
    "The estimate is off by at most {worst:.1%} here. Weights and cache are "
    "arithmetic, exact to the byte. So are the scores that come out (one row of the "
    "vocabulary for each request) and the working buffer, once one knows where the "
    "calculation is widest: in the feed-forward block, `512 tokens × (3 × feed-forward "
    "+ 5 × hidden) × 4 bytes`. What the tokenizer's tables and the program itself take "
    "is no theory but was fitted once; the two together are {rest:.0%} of the small "
    "model's memory and {big:.0%} of the large one's. Until a prompt of 512 tokens has "
    "been read, measured may lie lower, by {unused:.0f} MB for the large model: "
    "llama.cpp reserves its working buffers at loading, but the system hands them out "
    "at first use.",
    worst=abs(worst.error), unused=(runs[-1].estimate.compute + runs[-1].estimate.work) / 1e6,
    **{key: (run.estimate.tokenizer + run.estimate.program) / run.estimate.total
       for key, run in zip(("rest", "big"), runs, strict=True)},
)

# %% [markdown]
# One context and one number of requests prove little. `workbench bench memory` starts each model
# with several of both; this is the result kept in `docs/results/memory.json`.

# %%
long_run = kept.load("memory")
frame = pd.DataFrame(long_run["rows"])
table = frame.pivot(index=["model", "context"], columns="slots", values="error").reset_index()
table.columns = ["model", "context", *[f"{n} at a time" for n in table.columns[2:]]]
display.table(table, formats=dict.fromkeys(table.columns[2:], "{:+.1%}"), caption=(
    f"Kept result: error of the estimate, {long_run['n']} runs on {long_run['date'][:10]}, "
    f"largest {long_run['largest_error']:.1%}"))

# %% [markdown]
# So the sum can be trusted before a model is downloaded, as far as its sizes are published. Mind
# what a catalog lacks: the feed-forward size and the vocabulary, some tens of MB for small models.

# %% [markdown]
# ## What it costs
#
# Three ways to have the same answers made. A hosted model is paid **by the token**, read and
# written. A rented graphics card (GPU) is paid **by the hour**, asked or idle. A machine of one's
# own is **bought**, and draws electricity. The first grows with every request; the other two come in
# steps, a further machine at a time, and how wide a step is depends on how fast the machine is.
#
# That speed is measured here, on this machine, with a prompt as long as Skerry Line's.

# %%
from workbench.catalog import costs

text = "The ferry to Outer Skarn leaves at noon; dogs travel on the car deck. " * 55
answer = session.client.generate(
    small_model, text, options={"num_predict": need.output_tokens, "temperature": 0}
)
speed = costs.speed([answer])
seconds = speed.seconds(need)
display.note(
    "{model} read {n} tokens at {read:,.0f} a second and wrote at {written:,.0f}. A "
    "request of {p} tokens in and {o} out keeps the machine busy for {s:.1f} s.",
    model=small_model, n=answer.prompt_eval_count, read=speed.read, written=speed.written,
    p=need.prompt_tokens, o=need.output_tokens, s=seconds,
)

# %% [markdown]
# The rest are assumptions, and they have names: change them in the parameters. Above all
# `utilisation`, the share of the month in which a machine may be busy: passengers sleep at night
# and do not queue by day. The rented card's seconds a request are an assumption too, for there is
# none here to measure.
#
# **Predict:** thirty thousand requests a month. Is the own machine cheaper than the cheap hosted
# model? And at three million?

# %%
machine = costs.Hardware(
    "office PC", purchase_usd, months, watts_busy, watts_idle, usd_per_kwh
)
options = [costs.api(name, need) for name in hosted]
options.append(costs.rented(rented_card, gpu_seconds_per_request, utilisation))
options.append(costs.own(machine, seconds, utilisation))
volumes = [3_000, need.requests_per_month, 3_000_000]
table = costs.table(options, volumes)
display.table(table, caption=f"US dollars a month at three volumes; machines for {volumes[-1]:,}",
    formats={**{f"{v:,}": "${:,.0f}" for v in volumes}, "a machine serves": "{:,.0f}"})

# %%
display.figure(
    costs.figure(options, need.requests_per_month),
    "Dollars a month over requests a month, both logarithmic: hosted models rise "
    "evenly, machines lie flat and then climb in steps.",
)

# %%
own = options[-1]
rows = []
for other in options[:-1]:
    crossings = costs.break_even(other, own, 10**7)
    first = crossings[0].requests if crossings else None
    at_most = costs.break_even(other, own, 10**7)[-1].cheaper if crossings else None
    cheaper_now = min((other, own), key=lambda o: o.usd(need.requests_per_month)).name
    rows.append({
        "against": other.name, "first break-even": f"{first:,}" if first else "none",
        "changes": len(crossings), "cheaper at this need": cheaper_now,
        "cheaper after the last": at_most or cheaper_now,
    })
display.table(rows, caption=f"{own.name} against the others, up to ten million requests a month")

# %%
now = {option.name: option.usd(need.requests_per_month) for option in options}
wb.metric("own_usd_per_month", now[own.name])
wb.metric("own_seconds_per_request", seconds)
display.note(
    "At {n:,} requests a month the own machine costs {own}, the hosted models {low} to "
    "{high}. Where the lines cross is the *break-even*. It can be crossed more than "
    "once, because each further machine is a step, and not at all, where a token is "
    "cheaper than the time a machine needs for it. But mind what this compares: "
    "{model} and the hosted models do not give the same answers, nobody's working "
    "hours are counted, and privacy has vetoed the hosted ones already. Quality comes "
    "next.",
    n=need.requests_per_month, own=f"${now[own.name]:,.0f}", model=small_model,
    low=f"${min(now[h] for h in hosted):,.0f}", high=f"${max(now[h] for h in hosted):,.0f}",
)

# %% [markdown]
# ## Running a published benchmark yourself
#
# A published score can be checked, because the benchmark is public. **HumanEval** has
# 164 short Python functions to write from their docstrings. Nobody judges the style: a
# program is right when it passes the tests, of which the model sees nothing. Here is
# one task.

# %%
from workbench.evals import humaneval

tasks = humaneval.spread(programs_per_model)  # evenly from the 164, always the same
first = tasks[0]
titles = ("What the model is given", "What its program must pass")
display.side_by_side(first.prompt.strip(), first.tests.strip(), titles, code=True)

# %% [markdown]
# ### Other people's programs
#
# A program that a model wrote is a program by a stranger, and grading means running it.
# So it runs in a *sandbox*: a process of its own that the operating system lets do
# almost nothing. **Predict:** which of these six succeed?

# %%
from workbench.evals import sandbox

attempts = {
    "call a server": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "start a program": "import subprocess; subprocess.run(['ls'])",
    "read the list of users": "open('/etc/passwd').read()",
    "leave a file behind": "open('/tmp/planted', 'w')",
    "take all memory": "everything = 'x' * (1 << 40)",
    "run for ever": "while True: pass",
}
outcomes = {what: sandbox.run(code, seconds=1) for what, code in attempts.items()}
display.table(
    [{"try to": what, "ended as": out.status, "why": out.reason}
     for what, out in outcomes.items()],
    caption="Six programs in the sandbox",
)  # fmt: skip

# %% [markdown]
# ### Who grades the grader?
#
# A grader with a fault gives numbers too. Before any model is graded, it gets programs
# whose grade is known. The tasks' own solutions must all pass. *Mutants* of them must
# all fail: the same solutions with their result spoilt, one that leaves with "success"
# before the tests are done, and one whose result claims to be equal to everything.

# %%
from workbench.bench import humaneval as bench
from workbench.bench import kept

grader = bench.check(tasks)
wb.metric("humaneval_right_programs", grader["right"]["score"])
wb.metric("humaneval_wrong_programs", grader["wrong"]["score"])
display.table(
    [{"program": kind, "how many": r["n"], "pass": r["passed"]}
     for kind, r in grader["kinds"].items()],
    caption="The grader on programs whose grade is known",
)  # fmt: skip

# %%
everything = kept.load("humaneval")
whole = everything["grader"]
display.note(
    "Right programs score {right:.2f}, wrong ones {wrong:.2f}. The same check on all "
    "{tasks} tasks, kept from a longer run: {right_n} right programs score "
    "{all_right:.3f}, {wrong_n} wrong ones {all_wrong:.3f}, among them small slips in"
    " the solutions themselves, such as `<=` for `<`, each shown to change a result "
    "before it was counted as wrong.",
    right=grader["right"]["score"], wrong=grader["wrong"]["score"],
    tasks=whole["tasks"],
    right_n=whole["right"]["n"], all_right=whole["right"]["score"],
    wrong_n=whole["wrong"]["n"], all_wrong=whole["wrong"]["score"],
)  # fmt: skip

# %% [markdown]
# ### The model's turn
#
# **Predict:** how many of these will the first candidate get right?

# %%
samples = list(humaneval.sample(candidates[0], tasks))
grades = humaneval.grade_all((one.task, one.text) for one in samples)
display.table(
    [{"task": g.task, "function": s.task.entry, "right": "yes" if g.passed else "no",
      "why not": g.reason, "seconds to write": s.seconds}
     for s, g in zip(samples, grades, strict=True)],
    caption=f"{candidates[0]} on {len(tasks)} tasks, one program each, no randomness",
    formats={"seconds to write": ".1f"},
)  # fmt: skip

# %% [markdown]
# One of them at length, a wrong one if there is one. Does the program look wrong to you
# before you read the reason?

# %%
shown = next((g for g in grades if not g.passed), grades[0])
verdict = f"{shown.status}\n\n{shown.reason or 'all tests passed'}"
titles = (f"A program for {shown.task}", "What the tests said")
display.side_by_side(shown.program, verdict, titles, code=True)

# %% [markdown]
# ### pass@k
#
# Code benchmarks report *pass@k*: the chance that at least one of `k` programs is
# right. Write `n` programs, count `c` right ones, and ask which share of all ways to
# pick `k` of the `n` contains a right one (Chen et al. 2021). The obvious formula, one
# minus the chance of `k` misses, treats the ten programs as all the programs there are,
# and comes out too low.

# %%
from math import comb


def pass_at_k(n, c, k):
    return 1 - comb(n - c, k) / comb(n, k)


display.table(
    [{"k": k, "pass@k": pass_at_k(10, 3, k), "1 − (1 − c/n)^k": 1 - (1 - 3 / 10) ** k}
     for k in (1, 2, 5)],
    caption="n = 10 programs, c = 3 of them right",
    formats={"pass@k": ".3f", "1 − (1 − c/n)^k": ".3f"},
)  # fmt: skip

# %%
from workbench.bench.humaneval_figure import scores

score = humaneval.estimate([[g.passed] for g in grades])
live = {"model": candidates[0], "pass_at_k": score.value,
        "low": score.low, "high": score.high, "n": score.n}  # fmt: skip
wb.metric("humaneval_live", score.value)
scores(everything.get("models", []), [live])

# %%
display.table(
    [{"model": gain["model"], "against": gain["against"], "same tasks": gain["n"],
      "more right": gain["gain"], "from": gain["low"], "to": gain["high"],
      "verdict": gain["verdict"]} for gain in everything.get("gains", [])],
    caption="Kept results, task by task on the tasks that both have done (95 % interval)",
    formats={"more right": "+.2f", "from": "+.2f", "to": "+.2f"},
)  # fmt: skip

# %%
display.note(
    "Live, {n} tasks: {value:.2f}, interval {low:.2f} to {high:.2f}: **too few to "
    "conclude**. Filled points in the figure are kept from longer runs, with their own "
    "n, in the same setting: no example in the prompt, one chat turn, no randomness. A "
    "published score with another setting is another measurement. And a benchmark this "
    "old may have been in the training data: a high score says what a model can write, "
    "not what it would do on your own code.",
    n=score.n, value=score.value, low=score.low, high=score.high,
)  # fmt: skip

# %% [markdown]
# ## The measurement that counts
#
# Published scores measure other people's questions. Ours are in `data/golden`: each has a
# reference answer and the passage that holds it. The candidates get the right passage handed over, so
# that only their reading is measured; finding the passage is the matter of notebook 3. Choices are
# made on the `dev` split only, so that the `test` split stays unseen for later.
#
# **Predict:** one candidate is eleven times larger than the other. How many more of the questions
# will it get right, and how much longer will it take?

# %%
from workbench import golden
from workbench.evals import candidates as compare

readable = [q for q in golden.load(split="dev") if q.evidence or q.nearest]
questions = compare.spread(readable, questions_per_model)
measured = [compare.measure(name, questions) for name in candidates]

side = measured[0].answers[["question"]].copy()
for one in measured:
    side[one.model] = one.answers["answer"].where(
        one.answers["correct"], "✗ " + one.answers["answer"]
    )
display.table(side, caption="The same questions to each candidate; ✗ marks a wrong answer")

# %%
rows = [one.row() for one in measured]
for row in rows:
    label = row["model"].replace(":", "_")
    wb.metric(f"right_{label}", row["right"], show=False)
    wb.metric(f"seconds_{label}", row["seconds"], unit="s", show=False)
display.table(
    [
        {
            "model": row["model"],
            "right": display.interval(row["right"], row["low"], row["high"], row["n"]),
            "first token": row["first_token_seconds"],
            "whole answer": row["seconds"],
            "reads": row["prompt_tokens_per_second"],
            "writes": row["tokens_per_second"],
            "memory": row["memory"] / 1e6 if row["memory"] else None,
            "need": "; ".join(need.too_much(row["seconds"], (row["memory"] or 0) / 1e9)) or "met",
        }
        for row in rows
    ],
    caption="Measured here: quality with its 95 % interval, speed (medians), memory",
    formats={
        "first token": "{:.2f} s", "whole answer": "{:.2f} s", "memory": "{:,.0f} MB",
        "reads": "{:.0f} tokens/s", "writes": "{:.0f} tokens/s",
    },
)

# %% [markdown]
# *First token* is how long a passenger looks at nothing; it is nearly all reading of the prompt.
# *Writes* is how fast the answer then comes. The interval is where the share of right answers would lie
# if many more questions were asked. It is wide, because the sample is small.

# %% [markdown]
# ## Start small, tested as a claim
#
# "Start with the small model" is advice that everybody repeats. What does the larger one buy here, per
# second of waiting and per gigabyte of memory? Beside this notebook's few questions stands a
# longer measurement, kept in the repository.

# %%
long_run = kept.load("candidates")
lines = []
if len(measured) > 1:
    gain = compare.gain(measured[-1], measured[0])
    lines.append({
        "measured": f"here, {gain.right.n} questions", "larger": measured[-1].model,
        "gain in right": f"{gain.right.value:+.2f} [{gain.right.low:+.2f}, {gain.right.high:+.2f}]",
        "verdict": gain.right.verdict, "times slower": gain.times_slower,
        "times memory": gain.times_memory, "points a second": gain.per_second,
        "points a GB": gain.per_gigabyte,
    })
for row in long_run["gains"]:
    lines.append({
        "measured": f"kept, {long_run['n']} questions, {long_run['date']}", "larger": row["larger"],
        "gain in right": f"{row['right']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]",
        "verdict": row["verdict"], "times slower": row["times_slower"],
        "times memory": row["times_memory"], "points a second": row["points_per_second"],
        "points a GB": row["points_per_gigabyte"],
    })
display.table(
    lines,
    caption="What the larger model buys (points: percentage points of right answers)",
    formats={"times slower": "{:.1f} ×", "times memory": "{:.1f} ×",
             "points a second": "{:+.0f}", "points a GB": "{:+.0f}"},
)

# %%
small_row, large_row = long_run["models"][0], long_run["models"][-1]
display.note(
    "On {n} questions the small model got {small:.0%} right and the large one "
    "{large:.0%}, with the right passage in front of them: {gain:+.2f} [{low:+.2f}, "
    "{high:+.2f}], **{verdict}**. Per second of waiting that is {points:+.0f} points. "
    "On HumanEval the same two lay {he:+.2f} apart ({he_n} tasks, above): a public score "
    "answers a public question.\n\n"
    "Two things to keep in mind. Both models got the same prompt, and that one was "
    "written with the small model at hand: a prompt belongs to a model, and phase 2 "
    "measures prompts. And *right* is judged by a rule here, an accepted form in the "
    "answer; phase 4 asks what that rule misses. What holds is the way to ask: not "
    "which model is better, but what more of a model buys for this need.",
    n=long_run["n"], small=small_row["right"], large=large_row["right"],
    gain=long_run["gains"][-1]["right"], low=long_run["gains"][-1]["low"],
    high=long_run["gains"][-1]["high"], verdict=long_run["gains"][-1]["verdict"],
    points=long_run["gains"][-1]["points_per_second"],
    he=everything["gains"][0]["gain"], he_n=everything["gains"][0]["n"],
)

# %% [markdown]
# ## Quality against cost
#
# A candidate is worth a thought only if no other is at least as good *and* at least as cheap.
# Those form the *Pareto front*: along it, more quality costs more, and one has to decide. What is
# off it can be forgotten, whatever the price list says.

# %%
from workbench.catalog import decision

facts = [
    {"model": one.model, "right": one.right, "seconds": one.seconds,
     "memory in MB": one.memory / 1e6 if one.memory else None}
    for one in measured
]
display.figure(
    decision.figure(facts, "right", "seconds"),
    "Share of right answers, with 95 % intervals, against seconds an answer for each "
    "candidate.",
)

# %% [markdown]
# Two points of which neither is better in both respects are both on the front, and then the
# picture does not decide. The bars matter more than the dots: where they overlap, the next sample may
# turn the order round.
#
# ## The decision, written down
#
# In half a year somebody will ask why this model. A **decision record** answers: what was needed,
# what was considered, what was vetoed and why, what was measured, by which rule it was decided, and
# what would change it. The rule was fixed before anything was measured, or it would be an excuse.

# %%
ranking = need.rank(seconds={row["model"]: row["seconds"] for row in facts})
record = decision.record(
    need, ranking, facts,
    title="Which model Skerry Line's assistant starts with",
    consequences=["The next phases have to buy back in quality what a small model lacks."],
    changes=["More than one office computer, or a budget for a hosted model with a contract."],
    sources=["data/catalog/models.csv, with a source for each row",
             "data/golden, split dev; measured by this notebook"],
)
path = record.write(session.artifacts / "01_model_selection" / "decision.md")
record

# %%
wb.metric("decision_by_measurement", float(record.choice.decided))
display.note(
    "Chosen: **{model}**. {claim} The record is kept in "
    "`artifacts/01_model_selection/decision.md`.",
    model=record.choice.model,
    claim="Its interval lies above the others." if record.choice.decided else
    "The intervals overlap, so no winner by quality is claimed: the stated rule chose.",
)

# %% [markdown]
# The larger candidate has been measured; it gives its memory back before anything else is loaded.

# %%
for name in candidates[1:]:
    session.client.generate(name, keep_alive=0)
display.table(
    [{"loaded": row.model, "memory": row.size / 1e6} for row in session.client.ps().models],
    caption="Models in memory now", formats={"memory": "{:,.0f} MB"},
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
# - `memory_gb = 1` in the parameters: which models go out, and with which reason?
# - `requests_per_month = 3000000`: which way of paying wins now?
# - `questions_per_model = 40`: how much narrower do the intervals get? (About three minutes.)
# - With an Ollama of your own (`export OLLAMA_HOST=…`) put five of its models into `candidates`. Everything
#   above compares whatever stands there.
#
# Then do the [exercise](../labs/01_model_selection/exercise.ipynb).

# %% [markdown]
# ## Recap
#
# The need comes first, then the vetoes (licence, memory, privacy), then published scores where their
# settings agree, and last and most your own questions. The course goes on with the small model,
# because it can be customized on any laptop; what that costs in quality is what the next phases have
# to buy back.

# %%
from workbench.session import record_phase

chosen = measured[0].row()
record_phase(
    1,
    what=f"{chosen['model']}, right passage handed over",
    quality=chosen["right"], low=chosen["low"], high=chosen["high"], n=chosen["n"],
    latency_s=chosen["seconds"],
    memory_mb=(chosen["memory"] or 0) / 1e6,
)
display.course_table()

# %%
display.note(
    "**Tips from this phase**\n\n"
    "- Veto before you rank: {out} of {all} models in the catalog went out by licence, "
    "openness or memory, whatever their scores.\n"
    "- Start small, and measure what more would buy: the small model answered in "
    "{fast:.1f} s, the largest candidate in {slow:.1f} s.\n"
    "- Reckon memory before you load: weights alone are not it.\n"
    "- Say the sample size with each share: here {n} questions, an interval {wide:.0%} "
    "wide.",
    out=len(ranking) - int(ranking["passes"].sum()), all=len(ranking),
    fast=measured[0].seconds, slow=measured[-1].seconds,
    n=chosen["n"], wide=chosen["high"] - chosen["low"],
)

# %% [markdown]
# **Read on:** the model cards named in `data/catalog/models.csv`; the licence texts of the models you
# consider, not summaries of them; Chen and others (2021), *Evaluating Large Language Models Trained on
# Code*, for HumanEval and pass@k; Ainslie and others (2023), *GQA*, for why key-value heads are fewer.
#
# **Next:** [2 · Data and prompts](02_data_and_prompts.ipynb), where the documents get clean and the
# prompt gets better.
