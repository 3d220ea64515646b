# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Customization: retrieval and fine-tuning
#
# The model knows nothing of Skerry Line. There are two ways to change that: hand it the right
# passages with each question (*retrieval-augmented generation*, RAG), or train it. This notebook
# does both, and measures what each buys.

# %%
import workbench as wb
from workbench import display

display.lifecycle(3)

# %% [markdown]
# **You will be able to** build RAG from its parts, measure retrieval apart from answering, and
# train a LoRA adapter on a laptop without a GPU.
#
# **You need** notebooks 1 and 2, or just the set-up: this notebook runs alone.
# **It takes** about three minutes to run in the `fast` profile and twenty minutes to read.
#
# Words used here: *retrieval* finds passages for a question; the *hit rate at k* is the share of
# questions whose right document is among the first k found; *LoRA* trains a small addition to the
# weights instead of the weights themselves; the *loss* says how surprised the model is by the
# right answer, in nats a token: lower is better.

# %% tags=["parameters"]
profile = "fast"
model = "smollm2:135m"
passages = 3
questions_asked = 8
lora_examples = 160
lora_steps = 16
lora_rank = 8
learning_rate = 0.001

# %%
session = wb.start("03_customization", profile, models=[model, "all-minilm"])

# %% [markdown]
# ## What the model knows by itself

# %%
from workbench import golden, rag
from workbench.evals import intervals, runs

dev = golden.load(split="dev")
with_evidence = [q for q in dev if q.evidence]
step = max(1, len(with_evidence) // questions_asked)
questions = with_evidence[::step][:questions_asked]
alone = runs.ask_all(
    rag.Assistant(None, model=model, prompt="direct", cache=True), questions
)
display.table(
    alone[["question", "answer", "correct"]],
    caption="Without documents: fluent, and made up",
)

# %% [markdown]
# The answers are fluent and wrong. A model that does not know rarely says so; it continues the text
# in the likeliest way.

# %% [markdown]
# ## RAG in ten lines
#
# Find passages, put them into the prompt, ask. Nothing more is behind the word.

# %%
from workbench import prompts, retrieval

retriever = retrieval.of_folder()


def answer(question):
    """Retrieval-augmented generation: search, fill the prompt, ask."""
    hits = retriever.search(question, k=passages)
    messages = prompts.get("answer").render(passages=rag.passages(hits), question=question)
    options = {"temperature": 0, "seed": 7, "num_predict": 96, "repeat_penalty": 1.0}
    return hits, session.client.chat(model, messages=messages, options=options)


hits, reply = answer(questions[0].question)
display.side_by_side(
    "\n\n".join(f"{h.rank}. [{h.chunk.document}] {h.chunk.text[:220]}…" for h in hits),
    f"{questions[0].question}\n\n{reply.message.content}\n\n"
    f"({reply.prompt_eval_count} tokens read, {reply.eval_count} written)",
    titles=("What was found", "What the model makes of it"),
)

# %% [markdown]
# ## Is the right document found?
#
# An answer can only be as good as its passages, so retrieval is measured first and by itself.
# The search uses two rankings: by *vectors* (what is the text about) and by *words* (BM25: which rare
# words do the texts share), added up. **Predict:** which of the two alone does better on names
# and prices?

# %%
from workbench.evals import retrieval_scores

ways = {"words alone (BM25)": 0.0, "vectors alone": 1.0, "both": None}
curves = {
    name: retrieval_scores.hit_curve(retriever, with_evidence, most=5, dense_weight=weight)
    for name, weight in ways.items()
}
both = curves["both"]
hit_rate = intervals.share(both.found_by(5))
wb.metric("mrr", both.mrr)
wb.metric("hit_rate_at_5", hit_rate.value)
for short, name in (("words", "words alone (BM25)"), ("vectors", "vectors alone")):
    wb.metric(f"hit_rate_at_5_{short}", intervals.share(curves[name].found_by(5)).value)

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 3.4))
for name, curve in curves.items():
    ax.plot(range(1, 6), [sum(curve.found_by(k)) / len(curve) for k in range(1, 6)], "o-", label=name)
ax.set_xticks(range(1, 6))
ax.set_ylim(0, 1.05)
ax.set_xlabel("passages looked at (k)")
ax.set_ylabel("hit rate at k")
ax.set_title(f"Is the right document among the first k? ({len(both)} questions)")
ax.legend(loc="lower right")
display.figure(fig, "Hit rate at one to five passages for word search, vector search and both.")

# %%
display.note(
    "With both rankings the right document is among the first five for {hit}. A search takes "
    "{ms:.0f} ms (median), a small part of what the answer takes.",
    hit=str(hit_rate), ms=both.median_ms,
)

# %% [markdown]
# ## The same questions with RAG

# %%
assistant = rag.Assistant(retriever, model=model, k=passages, cache=True)
with_rag = runs.ask_all(assistant, questions)
side = with_rag[["question"]].copy()
side["alone"] = alone["answer"].where(alone["correct"], "✗ " + alone["answer"])
side["with RAG"] = with_rag["answer"].where(with_rag["correct"], "✗ " + with_rag["answer"])
display.table(side, caption="Without and with the documents; ✗ marks a wrong answer")

# %%
gain = intervals.paired(with_rag["correct"], alone["correct"])
right_alone, right_rag = (intervals.share(f["correct"]) for f in (alone, with_rag))
wb.metric("right_alone", right_alone.value)
wb.metric("right_rag", right_rag.value)
wb.metric("prompt_tokens_rag", with_rag["prompt_tokens"].mean())
display.note(
    "Alone: {alone}. With RAG: {rag}. Change {d:+.0%} ({low:+.0%} to {high:+.0%}): **{verdict}**. "
    "The price is reading: {tokens:.0f} tokens of prompt instead of {before:.0f}, "
    "{after_s:.1f} s instead of {before_s:.1f} s.",
    alone=str(right_alone), rag=str(right_rag), d=gain.value, low=gain.low, high=gain.high,
    verdict=gain.verdict, tokens=with_rag["prompt_tokens"].mean(),
    before=alone["prompt_tokens"].mean(), after_s=with_rag["seconds"].median(),
    before_s=alone["seconds"].median(),
)

# %%
wb.traces(last=1)

# %% [markdown]
# ## Train it: LoRA
#
# RAG changed what the model is given. Training changes the model. LoRA leaves the weights as they
# are and learns a small addition: for a weight matrix of 576 × 576 numbers at rank 8, two matrices
# of 576 × 8, which is 36 times less. What is to be learned is not facts, but the house style:
# short, from the passages, with the source, and *"The documents do not say."* when they do not.
#
# Training runs with Unsloth in a process of its own, on the GPU if there is one and else on the CPU.

# %%
from workbench import tuning
from workbench.settings import settings

examples = tuning.load_examples(settings().data / "tuning" / "curated.jsonl")[:lora_examples]
display.table(
    [{k: e[k] for k in ("question", "context", "answer")} for e in examples[:3]],
    caption=f"Three of {len(examples)} training examples, written by hand",
)

# %%
tuning.preflight(lora_steps * 2 * 270)  # two examples a step, of some 270 tokens each

# %%
tuned = tuning.train(
    examples,
    base=model,
    steps=lora_steps,
    rank=lora_rank,
    learning_rate=learning_rate,
    name="notebook-03",
    on_step=lambda s: s.step % 4 == 0 and print(f"step {s.step}/{s.steps}: loss {s.loss:.2f}"),
)
tuned.figure()

# %%
drop = tuned.held_out_before - tuned.held_out_after
wb.metric("lora_held_out_before", tuned.held_out_before)
wb.metric("lora_held_out_after", tuned.held_out_after)
wb.metric("lora_held_out_drop", drop)
wb.metric("lora_seconds", tuned.total_seconds, unit="s")
display.note(
    "{steps} steps trained {share:.2%} of the parameters in {seconds:.0f} s. On {held} examples kept "
    "aside the loss went from {before:.2f} to {after:.2f}. That the loss falls on *unseen* examples "
    "is what counts: on the ones it is trained on it falls in any case.",
    steps=tuned.steps, share=tuned.trainable_share, seconds=tuned.total_seconds,
    held=tuned.held_out, before=tuned.held_out_before, after=tuned.held_out_after,
)

# %%
display.table(
    [{"question": s.question, "reference": s.reference, "before": s.before, "after": s.after}
     for s in tuned.samples],
    caption="Held-out questions, answered before and after training",
)

# %% [markdown]
# So short a run can show that the style is taken up. It cannot show that answers got more often
# right: for that it takes more steps and many more questions, which is what the `full` profile is
# for. Look at the last column for a typical price of short training: a model that has just learned
# to say *"The documents do not say."* may say it too readily.
#
# ## Change this and run again
#
# Put `learning_rate` to 0 and look at the loss. Put `passages` to 1 or to 8 and look at quality
# and seconds. Put `lora_rank` to 1 and then to 32.

# %% [markdown]
# ## Recap

# %%
from workbench.session import record_phase

record_phase(
    3,
    what=f"RAG, {passages} passages",
    quality=right_rag.value, low=right_rag.low, high=right_rag.high, n=right_rag.n,
    latency_s=with_rag["seconds"].median(), memory_mb=tuned.peak_memory_mb,
)
display.course_table()

# %%
display.note(
    "**Tips from this phase**\n\n"
    "- Measure what retrieval buys before you train: here right answers moved by {d:+.0%}, with {n} "
    "questions and a very small reader.\n"
    "- Measure retrieval apart from answering: the right document was found for {hit:.0%}, and "
    "{right:.0%} of the answers were right. What lies between is the reader's.\n"
    "- Train for style, retrieve for facts: {seconds:.0f} s of LoRA touched {share:.1%} of the "
    "parameters.",
    d=gain.value, n=len(questions), hit=hit_rate.value, right=right_rag.value, seconds=tuned.total_seconds, share=tuned.trainable_share,
)

# %% [markdown]
# **Read on:** Lewis and others 2020, *Retrieval-Augmented Generation for Knowledge-Intensive NLP
# Tasks*; Hu and others 2021, *LoRA: Low-Rank Adaptation of Large Language Models*.
#
# **Next:** [4 · Evaluation](04_evaluation.ipynb): how do you know, and how sure are you?
