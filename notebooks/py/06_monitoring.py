# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6 · Monitoring and observability
#
# The assistant runs. What is it being asked, what does it answer, how long does it take, and what does
# it cost? Everything that the other notebooks did has left traces; this one reads them.

# %%
import workbench as wb
from workbench import display

display.lifecycle(6)

# %% [markdown]
# **You will be able to** read a trace, account for tokens and money, and walk from a slow answer to
# the step that made it slow.
#
# **You need** the set-up; with notebooks 1 to 5 run before, there is more to see.
# **It takes** about a minute to run in the `fast` profile and a quarter of an hour to read.
#
# Words used here: a *trace* is the record of one request; it consists of *spans*, one for each step,
# nested as the steps were; *observability* is being able to ask new questions of what was recorded.

# %% tags=["parameters"]
profile = "fast"
model = "smollm2:135m"
passages = 3
questions_asked = 4
spans_read = 4000
requests_per_month = 30000
compare_with = ["gpt-4o-mini-2024-07-18", "claude-haiku-4-5"]

# %%
session = wb.start("06_monitoring", profile, models=[model, "all-minilm"])

# %% [markdown]
# ## A little traffic of our own
#
# Four questions, so that there is something to see even when this notebook is the first to run.

# %%
from workbench import golden, rag, retrieval, tracing

questions = [q.question for q in golden.load(split="dev") if q.evidence][:questions_asked]
assistant = rag.Assistant(retrieval.of_folder(), model=model, k=passages)
fresh = [assistant.ask(q) for q in questions]
display.table(
    [{"question": a.question, "answer": a.text, "seconds": a.seconds} for a in fresh],
    caption="Asked just now", formats={"seconds": "{:.1f} s"},
)

# %% [markdown]
# ## One trace, step by step
#
# The bar at the top is the whole request; below it are the steps it consists of, where they began and
# how long they took. **Predict:** which step takes most of the time?

# %%
wb.traces(last=1)

# %%
spans = tracing.last_trace()
root = next(s for s in spans if not s["parent_id"])
by_kind = {}
for span in spans:
    if span["kind"] in ("LLM", "EMBEDDING", "RETRIEVER"):
        by_kind[span["kind"]] = max(by_kind.get(span["kind"], 0.0), span["seconds"])
llm_share = by_kind.get("LLM", 0.0) / root["seconds"]
wb.metric("llm_share_of_latency", llm_share)
display.note(
    "The model call took {share:.0%} of this answer's {seconds:.1f} s. Making the search faster "
    "would hardly be noticed.",
    share=llm_share, seconds=root["seconds"],
)

# %% [markdown]
# ## What all notebooks did
#
# Phoenix keeps the traces of this working copy. The same spans can be asked for as data.

# %%
import pandas as pd

recorded = pd.DataFrame(tracing.spans(most=spans_read))
recorded["notebook"] = [a.get("workbench.notebook", "–") for a in recorded["attributes"]]
calls = recorded[(recorded["kind"] == "LLM") & (recorded["prompt_tokens"] > 0)]
per_notebook = calls.groupby("notebook").agg(
    calls=("span_id", "count"), read=("prompt_tokens", "sum"),
    written=("output_tokens", "sum"), median=("seconds", "median"),
    slowest=("seconds", "max"),
)
wb.metric("traced_calls", len(calls))
wb.metric("traced_tokens", float(calls["prompt_tokens"].sum() + calls["output_tokens"].sum()))
display.table(
    per_notebook.reset_index(),
    caption="Model calls by notebook, tokens read and written, from the traces",
    formats={"median": "{:.1f} s", "slowest": "{:.1f} s"},
)

# %%
import matplotlib.pyplot as plt

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
left.scatter(calls["prompt_tokens"], calls["seconds"], alpha=0.5)
left.set_xlabel("tokens read")
left.set_ylabel("seconds")
left.set_title("Does a longer prompt take longer?")
right.hist(calls["seconds"], bins=20)
for name, q in (("median", 0.5), ("p95", 0.95)):
    at = calls["seconds"].quantile(q)
    right.axvline(at, color="#D55E00", ls="--" if q < 0.9 else "-", label=f"{name} {at:.1f} s")
right.set_xlabel("seconds")
right.set_ylabel("calls")
right.set_title("A distribution, not a mean")
right.legend()
display.figure(fig, "Seconds of each model call against its prompt tokens, and their histogram.")

# %% [markdown]
# ## What it costs
#
# Tokens are what hosted models charge for. The same traffic, priced three ways: at the published
# prices of two hosted models, and on a rented machine that is paid by the hour whether it is asked
# or not.

# %%
from workbench import catalog
from workbench.monitoring import costs

per_call = (calls["prompt_tokens"].mean(), calls["output_tokens"].mean())
rows = [
    {
        "model": name,
        "per 1,000 answers": 1000 * costs.per_call(name, *per_call),
        "per month": requests_per_month * costs.per_call(name, *per_call),
    }
    for name in compare_with
]
hourly = catalog.prices().query("kind == 'gpu_hour'").nsmallest(1, "usd_per_hour").iloc[0]
month = costs.rental_per_month(hourly["usd_per_hour"])
rows.append({
    "model": f"own model on a rented {hourly['item']} ({hourly['provider']})",
    "per 1,000 answers": 1000 * month / requests_per_month, "per month": month,
})
display.table(
    rows, caption=f"{requests_per_month:,} answers a month, {per_call[0]:.0f} tokens read and "
    f"{per_call[1]:.0f} written each", formats={"per 1,000 answers": "${:.3f}", "per month": "${:,.0f}"},
)

# %%
cheapest = rows[0]["per 1,000 answers"] / 1000
break_even = month / cheapest
wb.metric("break_even_requests", break_even)
display.note(
    "Renting pays off from about {n:,.0f} requests a month, if the rented model is good enough and one "
    "machine can serve them. Below that, the hosted model is cheaper. Where the laptop of this course "
    "is enough, an answer costs its electricity.",
    n=break_even,
)

# %% [markdown]
# ## From a slow answer to its cause

# %%
slowest = calls.sort_values("seconds").iloc[-1]
usual = calls["seconds"].median()
display.note(
    "The slowest call took {s:.1f} s, {times:.1f} times the median. It read {p} tokens and wrote {o}, in "
    "notebook {nb}.",
    s=slowest["seconds"], times=slowest["seconds"] / usual, p=int(slowest["prompt_tokens"]),
    o=int(slowest["output_tokens"]), nb=slowest["notebook"],
)

# %%
wb.traces(trace_id=slowest["trace_id"])

# %% [markdown]
# ## Change this and run again
#
# Put `requests_per_month` to 3,000 and to 3,000,000. Name other models of `data/catalog/prices.csv`
# in `compare_with`.

# %% [markdown]
# ## Recap

# %%
from workbench.session import record_phase

record_phase(
    6,
    what=f"all traced calls, priced as {compare_with[0]}",
    latency_s=calls["seconds"].median(), usd_per_1000=rows[0]["per 1,000 answers"],
)
display.course_table()

# %%
display.note(
    "**Tips from this phase**\n\n"
    "- Trace from the first day: {n} calls could be counted here without changing a line of the other "
    "notebooks.\n"
    "- Optimize what takes the time: the model took {share:.0%} of an answer.\n"
    "- Price the traffic you have, not the traffic you imagine: {tokens:.0f} tokens an answer.",
    n=len(calls), share=llm_share, tokens=sum(per_call),
)

# %% [markdown]
# **Read on:** the OpenTelemetry documentation on traces, and OpenInference's names for what a model call
# records.
#
# **Next:** back to phase 1 with what you know now. A lifecycle is not a line.
