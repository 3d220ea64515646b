# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4 · Evaluation and testing
#
# The assistant answers. How do you know that it answers well, and how sure are you? This notebook
# scores it by rules, then lets a larger model judge it, and then judges the judge.

# %%
import workbench as wb
from workbench import display

display.lifecycle(4)

# %% [markdown]
# **You will be able to** write output tests with DeepEval, run a model as a judge, measure whether
# that judge can be trusted, and say how many questions a claim needs.
#
# **You need** notebooks 1 to 3, or just the set-up: this notebook runs alone.
# **It takes** about two and a half minutes to run in the `fast` profile and twenty minutes to read.
#
# Words used here: a *golden question* comes with a reference answer; a *metric* turns an answer
# into a number; a *95 % interval* is made by a rule that, used over and over, holds the true value
# 95 times in a hundred; *kappa* is agreement beyond chance, 0 for guessing and 1 for full agreement.

# %% tags=["parameters"]
profile = "fast"
model = "smollm2:135m"
judge_model = "qwen2.5-coder:1.5b"
passages = 3
questions_asked = 14
judged_answers = 8

# %%
session = wb.start("04_evaluation", profile, models=[model, judge_model, "all-minilm"])

# %% [markdown]
# ## Answers to score

# %%
from workbench import golden, rag, retrieval
from workbench.evals import intervals, judge, runs

questions = [q for q in golden.load(split="dev") if q.type != "aggregate"][:questions_asked]
assistant = rag.Assistant(retrieval.of_folder(), model=model, k=passages, cache=True)
answers = runs.ask_all(assistant, questions)
display.table(
    answers[["type", "question", "answer"]],
    caption=f"What {model} answers; read a few before you look at any score",
)

# %% [markdown]
# **Predict:** of these answers, how many are right? Write the number down before you go on. Judging
# by feel is how most assistants are judged, and the table below shows how good it is.

# %% [markdown]
# ## Score by rule
#
# Each golden question lists short forms of which a right answer must hold one: a price, a number
# of days, a name. Such rules are cheap, exact and the same tomorrow. Here they run as DeepEval
# metrics over DeepEval test cases.

# %%
cases = [judge.case(q, a) for q, a in zip(questions, answers["answer"])]
by_rule = judge.run(cases, judge.rules())
display.table(by_rule, caption="Deterministic metrics, one row a question", formats={"overlap": ".2f"})

# %%
import matplotlib.pyplot as plt

right = intervals.share([row["correct by rule"] for row in by_rule])
scores = {
    "correct by rule": right,
    "cites its evidence": intervals.share([row["cites evidence"] for row in by_rule]),
    "words shared with the reference": intervals.mean([row["overlap"] for row in by_rule]),
}
fig, ax = plt.subplots(figsize=(8, 2.6))
for row, (name, score) in enumerate(scores.items()):
    ax.plot([score.low, score.high], [row, row], lw=4, solid_capstyle="round")
    ax.plot(score.value, row, "o", ms=9, color="black")
ax.set_yticks(range(len(scores)), scores)
ax.set_ylim(-0.6, len(scores) - 0.4)
ax.set_xlim(0, 1)
ax.set_xlabel("score, with its 95 % interval")
ax.set_title(f"{right.n} answers of {model}")
display.figure(fig, "Three scores of the assistant, each with its interval.")

# %%
has_evidence = answers["id"].isin([q.id for q in questions if q.evidence])
found_share = intervals.share(answers[has_evidence]["found"])
wb.metric("evidence_found", found_share.value)
wb.metric("right_by_rule", right.value)
wb.metric("cites_evidence", scores["cites its evidence"].value)
wb.metric("overlap", scores["words shared with the reference"].value)
display.note(
    "Right by rule: {right}. The interval is {wide:.0%} wide: with so few questions, a new version "
    "that scores ten points more may well be no better. The right document was among the passages "
    "for {found}: what is missing beyond that, the model failed to read.",
    right=str(right), wide=right.high - right.low, found=str(found_share),
)

# %% [markdown]
# ## How many questions does a claim need?
#
# The interval shrinks with the square root of the number of questions: four times the questions,
# half the width.

# %%
sizes = [10, 20, 30, 50, 100, 200, 400, 1000]
widths = [
    (lambda i: i.high - i.low)(intervals.share([True] * (n // 2) + [False] * (n - n // 2)))
    for n in sizes
]
fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(sizes, [w * 100 for w in widths], "o-")
ax.set_xscale("log")
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.set_ylim(bottom=0)
ax.set_xlabel("questions asked")
ax.set_ylabel("width in points")
ax.set_title("Width of the 95 % interval around a score of one half")
display.figure(fig, "Width of the interval against the number of questions, falling from 55 to 6.")

# %%
at_30 = widths[sizes.index(30)] * 100
display.note(
    "Two points of difference on thirty questions, where the interval is {w:.0f} points wide, is noise.",
    w=at_30,
)

# %% [markdown]
# ## A model as judge
#
# Rules cannot see that *"two weeks"* is *"14 days"*. A larger model might. DeepEval asks
# it through the same Ollama API, and a JSON schema allows it two answers only: yes and no.

# %%
metric = judge.judged(judge.model(judge_model))
few = list(range(0, len(cases), max(1, len(cases) // judged_answers)))[:judged_answers]
verdicts = judge.run([cases[i] for i in few], [metric])
rows = []
for i, verdict in zip(few, verdicts):
    said, rule = verdict[metric.name], by_rule[i]["correct by rule"]
    rows.append({
        "question": questions[i].question, "reference": questions[i].answer,
        "answer": answers["answer"][i], "rule": bool(rule),
        "judge": None if said is None else bool(said),
    })
display.table(rows, caption=f"The verdicts of {judge_model} beside the rule's; – means unjudged")

# %% [markdown]
# ## Judge the judge
#
# A judge's score is worth as much as its agreement with labels that are known to be right. The
# rule is no perfect label, but where the two differ you can read the row above and decide yourself
# who is right.

# %%
session.client.generate(judge_model, keep_alive=0)  # the judge gives its memory back
judged = [row for row in rows if row["judge"] is not None]
agreement = judge.agreement([r["judge"] for r in judged], [r["rule"] for r in judged])
wb.metric("judged", len(judged))
wb.metric("judge_agreement", agreement.accuracy)
wb.metric("judge_kappa", agreement.kappa)
display.note(
    "On {n} answers the judge and the rule agree in {acc:.0%}, kappa {kappa:.2f}. The judge says yes to "
    "{yes:.0%}, the rule to {really:.0%}. {n} cases are too few to trust or to dismiss a judge; until "
    "it is measured on enough labelled answers, its score decides nothing here.",
    n=agreement.n, acc=agreement.accuracy, kappa=agreement.kappa,
    yes=agreement.says_yes, really=agreement.really_yes,
)

# %% [markdown]
# ## From a score to its cause
#
# Each answer is a trace. The worst one is worth more than the mean: open it and see whether the
# right passage was there to be read.

# %%
worst = answers[~answers["correct"]]
worst = (worst if len(worst) else answers).sort_values("overlap").iloc[0]
found = assistant.ask(worst["question"])
wanted = next(q for q in questions if q.id == worst["id"])
display.note(
    "**{question}** was answered with *{answer}*; the evidence is in {documents}, and the passages given to "
    "the model came from {given}.",
    question=worst["question"], answer=worst["answer"],
    documents=", ".join(wanted.documents) or "no document",
    given=", ".join(dict.fromkeys(h.chunk.document for h in found.retrieved)),
)

# %%
wb.traces(last=1)

# %% [markdown]
# ## Change this and run again
#
# Put `judge_model` to `"smollm2:135m"` and look at kappa. Put `passages` to 1. Raise
# `questions_asked` and watch the intervals shrink.

# %% [markdown]
# ## Recap

# %%
from workbench.session import record_phase

record_phase(
    4,
    what=f"all {right.n} questions, scored by rule",
    quality=right.value, low=right.low, high=right.high, n=right.n,
    latency_s=answers["seconds"].median(),
)
display.course_table()

# %%
display.note(
    "**Tips from this phase**\n\n"
    "- Write the rule before you ask the judge: it scored {n} answers in no time and always the same.\n"
    "- Judge the judge: kappa {kappa:.2f} on {j} answers.\n"
    "- Never give a score without its interval: here {low:.0%} to {high:.0%}.",
    n=right.n, kappa=agreement.kappa, j=agreement.n, low=right.low, high=right.high,
)

# %% [markdown]
# **Read on:** Zheng and others 2023, *Judging LLM-as-a-Judge*; Wilson 1927 on the interval used here.
#
# **Next:** [5 · Deployment](05_deployment.ipynb), where the assistant becomes a service.
