# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5 · Deployment and serving
#
# So far the assistant lived in a notebook. Now it becomes a service that several passengers ask at
# once, and the question becomes: how long does each of them wait?

# %%
import workbench as wb
from workbench import display

display.lifecycle(5)

# %% [markdown]
# **You will be able to** put a model behind an HTTP interface, stream answers, load it with several
# clients, and read latency as a distribution instead of a mean.
#
# **You need** notebooks 1 to 3, or just the set-up: this notebook runs alone.
# **It takes** about two and a half minutes to run in the `fast` profile and a quarter of an hour to
# read.
#
# Words used here: *latency* is how long one request takes; *throughput* is how much work gets done in
# a second; the *time to first token* is how long a reader looks at nothing; the *p95* is the
# latency that 95 of a hundred requests stay under.

# %% tags=["parameters"]
profile = "fast"
model = "smollm2:135m"
passages = 2
requests_per_level = 8
client_levels = [1, 4]

# %%
session = wb.start("05_deployment", profile, models=[model, "all-minilm"])

# %% [markdown]
# ## The smallest service
#
# FastAPI turns a function into an HTTP endpoint, checks what comes in, and documents itself. This is
# the idea in ten lines; `workbench.serving.app` adds streaming, health checks and clear errors.

# %%
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

tiny = FastAPI()


class Question(BaseModel):
    question: str


@tiny.post("/ask")
def ask(body: Question) -> dict:
    reply = session.client.generate(model, body.question, options={"num_predict": 12})
    return {"answer": reply.response}


client = TestClient(tiny)
asked = client.post("/ask", json={"question": "Name a seabird."})
refused = client.post("/ask", json={"query": "Name a seabird."})
display.table([
    {"sent": '{"question": …}', "status": asked.status_code, "came back": asked.text},
    {"sent": '{"query": …}', "status": refused.status_code, "came back": refused.text[:110]},
], caption="A good and a bad request to the smallest service")

# %% [markdown]
# ## The real one, in a process of its own
#
# `workbench serve` is the same assistant as in notebook 3, started like any service: own process,
# own port, ready when `/readyz` says so.

# %%
import contextlib

import httpx

from workbench.serving import loadtest, process

stack = contextlib.ExitStack()
arguments = ["--model", model, "--k", str(passages)]
url = stack.enter_context(
    process.running(*arguments, log=session.artifacts / "serving" / "gateway.log")
)
first = "How long is an Islander Card valid?"
reply = httpx.post(f"{url}/ask", json={"question": first}, timeout=120, trust_env=False).json()
display.table([{"field": k, "value": v} for k, v in reply.items()], caption=f"POST {url}/ask")

# %% [markdown]
# ## Streaming
#
# The answer takes as long either way. Streamed, the reader sees its first word early.
# **Predict:** which share of the time passes before the first word?

# %%
from workbench import golden

dev = [q.question for q in golden.load(split="dev") if q.evidence]
(call,) = await loadtest.closed_loop(url, dev[1:2], clients=1, requests=1)
wb.metric("first_token_share", call.first_token / call.ended)
display.note(
    "First word after {first:.1f} s, last after {last:.1f} s. Before the first word the model reads the "
    "passages; with a small model on a processor, reading is most of the work.",
    first=call.first_token, last=call.ended,
)

# %% [markdown]
# ## Several clients at once
#
# Each client asks, waits for the answer, and asks again (a *closed loop*). The model server answers
# several requests in the same step (*continuous batching*). **Predict:** with four clients instead
# of one, what happens to the latency of each, and to the throughput of all?

# %%
levels = {
    clients: await loadtest.closed_loop(
        url, dev[i * 3 :] + dev[: i * 3], clients=clients, requests=requests_per_level
    )
    for i, clients in enumerate(client_levels)
}

# %%
import matplotlib.pyplot as plt

fig, axes = plt.subplots(
    len(levels), 1, figsize=(8, 1.2 + 1.4 * len(levels)), sharex=True, squeeze=False,
    height_ratios=[max(2, c) for c in levels],
)
for ax, (clients, calls) in zip(axes[:, 0], levels.items()):
    for c in calls:
        ax.barh(c.client, c.ended - c.began, left=c.began, height=0.7, alpha=0.35, color="#0072B2")
        seen = c.first_token if c.first_token is not None else c.ended
        ax.barh(c.client, c.ended - seen, left=seen, height=0.7, color="#0072B2")
    ax.set_yticks(range(clients), [f"client {n + 1}" for n in range(clients)])
    ax.set_title(f"{clients} at once", loc="left")
axes[-1, 0].set_xlabel("seconds since the start: pale until the first word, dark while words come")
display.figure(fig, "Bars for each request over time, at each number of clients.")

# %%
import numpy as np

rows = []
for clients, calls in levels.items():
    good = [c for c in calls if not c.error]
    seconds, span = [c.seconds for c in good], max(c.ended for c in calls)
    rows.append({
        "clients": clients, "answered": f"{len(good)} of {len(calls)}",
        "median": np.median(seconds), "p95": np.percentile(seconds, 95),
        "to the first word": np.median([c.first_token - c.began for c in good]),
        "answers a minute": 60 * len(good) / span,
    })
    wb.metric(f"p95_seconds_at_{clients}", rows[-1]["p95"], unit="s")
    wb.metric(f"answers_per_minute_at_{clients}", rows[-1]["answers a minute"])
errors = sum(bool(c.error) for calls in levels.values() for c in calls)
wb.metric("errors", errors)
times = dict.fromkeys(["median", "p95", "to the first word"], "{:.1f} s")
display.table(rows, caption="The same service under load",
              formats={**times, "answers a minute": "{:.1f}"})

# %%
one, many = rows[0], rows[-1]
display.note(
    "From {a} client to {b}, each waits {wait:.1f} times as long, and all together get "
    "{more:.2f} times as many answers. {n} requests a level are enough to see the shape, and too few "
    "for a p95 that you would promise to anybody.",
    a=one["clients"], b=many["clients"], wait=many["median"] / one["median"],
    more=many["answers a minute"] / one["answers a minute"], n=requests_per_level,
)

# %% [markdown]
# Batching helps most while tokens are *written*: one pass over the weights serves all. *Reading* a long
# prompt already keeps every core busy, and there concurrency adds nothing. That is why the
# shortest useful context is a serving decision, not only a prompting one.

# %%
stack.close()

# %% [markdown]
# ## Look inside one request

# %%
session.client.chat(
    model, messages=[{"role": "user", "content": "Say in five words what a ferry is."}],
    options={"num_predict": 16},
)
wb.traces(last=1)

# %% [markdown]
# ## Change this and run again
#
# Add 8 to `client_levels`. Put `passages` to 1: how do the median and the answers a minute change?

# %% [markdown]
# ## Recap

# %%
from workbench.session import record_phase

loaded = {row.model: row.size / 1e6 for row in session.client.ps().models}
record_phase(
    5,
    what=f"service, {many['clients']} clients at once (median latency)",
    latency_s=many["median"], memory_mb=loaded.get(model, 0.0),
)
display.course_table()

# %%
display.note(
    "**Tips from this phase**\n\n"
    "- Measure what a user waits for: {first:.1f} s to the first word, {p95:.1f} s at the p95 with "
    "{c} clients.\n"
    "- Shorten the prompt before you buy hardware: reading was {share:.0%} of an answer's time.\n"
    "- Count failed requests too: {errors} of {all} here.",
    first=one["to the first word"], p95=many["p95"], c=many["clients"],
    share=call.first_token / call.ended, errors=errors, all=2 * requests_per_level,
)

# %% [markdown]
# **Read on:** Yu and others 2022, *Orca*, on continuous batching; Dean and Barroso 2013, *The Tail at
# Scale*.
#
# **Next:** [6 · Monitoring](06_monitoring.ipynb): what happened, what did it cost, what is changing?
