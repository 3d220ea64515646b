"""Prompts on the golden questions: what each gets right, and what it changes against the first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench import golden, prompts
from workbench.evals import intervals, metrics
from workbench.evals.intervals import Interval
from workbench.golden import Question
from workbench.prompts import Prompt, Score

if TYPE_CHECKING:
    import pandas as pd

#: The techniques of notebook 02, and the two versions of the course's own prompt.
TECHNIQUES = (
    "answer/v1",
    "answer/v2",
    "answer-zero-shot/v1",
    "answer-system/v1",
    "answer-few-shot/v1",
    "answer-few-shot/v2",
    "answer-json/v1",
)
#: Metric -> what it says, and of which questions: all, those with an answer in a document, those
#: without an answer.
METRICS = {
    "right": "right by rule",
    "cites": "cites a document that holds the answer (answerable ones)",
    "names_source": "has a source in brackets, right or not (answerable ones)",
    "refuses": "says that the documents do not say (unanswerable ones)",
    "false_refusals": "says so although they do (answerable ones)",
    "valid": "valid JSON of the schema (prompts with one)",
}
Say = Callable[[str, int, int], None]


def questions(split: str = "dev", count: int | None = None) -> list[Question]:
    """The questions of a split that come with a passage, all or ``count`` spread over the types."""
    from workbench.evals.candidates import spread

    found = [q for q in golden.load(split=split) if q.evidence or q.nearest]
    return found if count is None else spread(found, count)


def answers(
    prompt: Prompt,
    asked: Sequence[Question],
    model: str = "smollm2:135m",
    open_book: bool = True,
    say: Say | None = None,
) -> pd.DataFrame:
    """One row a question, as :func:`workbench.evals.runs.ask_all` has them, with checks added.

    With ``open_book`` the right passage is handed over, so that only the prompt is tested; else
    passages come from the course's index. Answers are kept by content: a second run is free.
    Columns added: words, brackets (names a source), answerable, failed (no valid JSON).
    """
    import pandas as pd

    from workbench.evals import runs
    from workbench.rag import Assistant

    assistant = Assistant(_book(asked, open_book), model, prompt, cache=True)
    rows = []
    for number, question in enumerate(asked, 1):
        answer = assistant.ask(question.question)
        rows.append(
            runs.scored(question, answer)
            | {
                "words": len(answer.text.split()),
                "brackets": bool(metrics.citations(answer.text)),
                "answerable": bool(question.documents),
                "failed": answer.failed,
                "raw": answer.raw,
            }
        )
        if say:
            say(prompt.id, number, len(asked))
    return pd.DataFrame(rows)


def _book(asked: Sequence[Question], open_book: bool) -> Any:
    from workbench import retrieval
    from workbench.evals import runs

    return runs.OpenBook(asked) if open_book else retrieval.of_folder(None)


def shares(frame: pd.DataFrame, prompt: Prompt) -> dict[str, Interval]:
    """The metrics of :data:`METRICS`, each with Wilson's interval and its own n."""
    with_answer, without = frame[frame["answerable"]], frame[~frame["answerable"]]
    found = {
        "right": intervals.share(frame["correct"]),
        "cites": intervals.share(with_answer["cites"]),
        "names_source": intervals.share(with_answer["brackets"]),
        "refuses": intervals.share(without["refused"]),
        "false_refusals": intervals.share(with_answer["refused"]),
    }
    if prompt.format is not None:
        found["valid"] = intervals.share(frame["failed"] == "")
    return found


def changes(after: pd.DataFrame, before: pd.DataFrame) -> dict[str, Interval]:
    """Paired differences on the same questions, each with its bootstrap interval.

    Where all pairs differ by the same amount there is nothing to resample and the interval is a
    point; the shares' own intervals say how much that is worth.
    """
    asked = before["answerable"].to_numpy()
    columns = {"right": "correct", "cites": "cites", "names_source": "brackets"}
    out = {}
    for metric, column in columns.items():
        keep = slice(None) if metric == "right" else asked
        out[metric] = intervals.paired(
            after[column].to_numpy()[keep], before[column].to_numpy()[keep]
        )
    return out


def measure(
    ids: Sequence[str] = TECHNIQUES,
    model: str = "smollm2:135m",
    split: str = "dev",
    count: int | None = None,
    open_book: bool = True,
    say: Say | None = None,
) -> dict[str, Any]:
    """Each prompt on the same questions, and each later one against the first."""
    asked = questions(split, count)
    measured = [prompts.get(name) for name in ids]
    frames = [answers(prompt, asked, model, open_book, say) for prompt in measured]
    found = summary(list(zip(measured, frames, strict=True)), model)
    return found | {"split": split, "open_book": open_book, "metrics": METRICS}


def summary(measured: Sequence[tuple[Prompt, pd.DataFrame]], model: str) -> dict[str, Any]:
    """Prompts with their answers as plain numbers, and each later one against the first."""
    first, frame = measured[0]
    return {
        "n": len(frame),
        "model": model,
        "prompts": [row(prompt, answered) for prompt, answered in measured],
        "changes": [
            {"prompt": prompt.id, "against": first.id, **_plain(changes(answered, frame))}
            for prompt, answered in measured[1:]
        ],
    }


def row(prompt: Prompt, frame: pd.DataFrame) -> dict[str, Any]:
    """A prompt's measurements as plain numbers: shares 0 to 1, seconds, tokens."""
    return {
        "prompt": prompt.id,
        "changelog": prompt.changelog,
        "digest": prompt.digest,
        **_plain(shares(frame, prompt)),
        "words": dataclasses.asdict(intervals.mean(frame["words"])),
        "seconds": float(frame["seconds"].median()),
        "prompt_tokens": float(frame["prompt_tokens"].mean()),
        "output_tokens": float(frame["output_tokens"].mean()),
        "right_by_type": {
            name: [int(group.sum()), len(group)]
            for name, group in frame.groupby("type", sort=False)["correct"]
        },
    }


def _plain(found: dict[str, Interval]) -> dict[str, Any]:
    return {name: dataclasses.asdict(interval) for name, interval in found.items()}


def record(result: dict[str, Any]) -> None:
    """Write what was measured into the files of the prompts; only open-book scores belong there."""
    from workbench.prompts import file

    today = datetime.now(UTC).date().isoformat()
    for measured in result["prompts"] if result["open_book"] else []:
        prompt = prompts.get(measured["prompt"])
        scores = [
            Score(
                metric, *(round(measured[metric][f], 3) for f in ("value", "low", "high")),
                measured[metric]["n"], result["split"], result["model"], today,
            )
            for metric in METRICS if metric in measured
        ]  # fmt: skip
        file.record(prompt, scores)
