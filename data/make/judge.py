"""Make ``data/judge`` from the answers in ``data/make/judge``, which were each written to be what
their ``kind`` says.

Question, reference and context come from the golden questions and the documents; the labels follow
from the kind alone (``LABELS``), so that they are known and not judged.

    python data/make/judge.py [FOLDER]
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from workbench import chunking, corpus, golden

DATA = Path(__file__).resolve().parents[1]
SOURCES = DATA / "make" / "judge"
#: Half to choose a judge with, on dev questions; half to report it on, on test questions.
SPLITS = {"choose": "dev", "report": "test"}
NAMES = ("correct", "faithful", "complete", "polite")
#: Kind of answer -> its labels, in the order of NAMES.
LABELS = {
    "good": (True, True, True, True),
    "good_refusal": (True, True, True, True),
    "wrong_number": (False, False, True, True),
    "stale_policy": (False, True, True, True),
    "unsupported_addition": (True, False, True, True),
    "partial": (True, True, False, True),
    "refusal": (False, False, False, True),
    "right_but_rude": (True, True, True, False),
    "made_up": (False, False, True, True),
}
SEED = 2026


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]


class Contexts:
    """The passages that the assistant would have before it, for each question."""

    def __init__(self) -> None:
        self.chunks = chunking.split(corpus.load(DATA / "corpus"))
        self.texts = [" ".join(chunk.text.split()) for chunk in self.chunks]

    def find(self, piece: dict[str, str]) -> int:
        """The number of the chunk that holds a quote. Raises LookupError if none does."""
        quote = " ".join(piece["quote"].split())
        for number, chunk in enumerate(self.chunks):
            if chunk.document == piece["document"] and quote in self.texts[number]:
                return number
        raise LookupError(f"no chunk of {piece['document']} holds {quote!r}")

    def of(self, question: golden.Question) -> str:
        """Passages with the evidence, the stale or nearest one, and one more of a document."""
        pieces = [*question.evidence, *(p for p in (question.stale, question.nearest) if p)]
        numbers = list(dict.fromkeys(self.find(piece) for piece in pieces))
        rng = random.Random(f"{SEED} {question.id}")
        others = [n for n in range(len(self.chunks)) if n not in numbers]
        numbers.append(rng.choice(others))
        rng.shuffle(numbers)
        return "\n\n".join(f"[{self.chunks[n].document}]\n{self.chunks[n].text}" for n in numbers)


def row(question: golden.Question, context: str) -> dict[str, Any]:
    """What every record says of its question."""
    return {
        "question_id": question.id,
        "type": question.type,
        "question": question.question,
        "reference": question.answer,
        "context": context,
    }


def answers(split: str, questions: dict[str, golden.Question], contexts: Contexts) -> list[dict]:
    """The answers of one half with their labels."""
    found = []
    for number, source in enumerate(lines(SOURCES / f"{split}.jsonl"), start=1):
        question = questions[source["question_id"]]
        labels = dict(zip(NAMES, LABELS[source["kind"]], strict=True))
        found.append(
            {"id": f"{split}-{number:03d}", **row(question, contexts.of(question))}
            | {"answer": source["answer"], "kind": source["kind"], **labels}
            | {"note": source["note"], "split": split}
        )
    return found


def pairs(split: str, questions: dict[str, golden.Question], contexts: Contexts) -> list[dict]:
    """The pairs of one half; which answer stands first is drawn, and ``better`` says which wins.

    A source line has the better answer first, or two that are equally good (``tie``).
    """
    found = []
    for number, source in enumerate(lines(SOURCES / f"pairs-{split}.jsonl"), start=1):
        question = questions[source["question_id"]]
        swapped = random.Random(f"{SEED} pair {split} {number}").random() < 0.5
        first, second = ("worse", "better") if swapped else ("better", "worse")
        best = sum(LABELS[source["better_kind"]])
        tie = best == sum(LABELS[source["worse_kind"]])
        found.append(
            {"id": f"pair-{split}-{number:02d}", **row(question, contexts.of(question))}
            | {"answer_a": source[first], "answer_b": source[second]}
            | {"kind_a": source[f"{first}_kind"], "kind_b": source[f"{second}_kind"]}
            | {"better": "tie" if tie else "b" if swapped else "a", "split": split}
        )
    return found


def main(folder: Path) -> None:
    """Make every file again."""
    folder.mkdir(exist_ok=True)
    contexts = Contexts()
    for split, source in SPLITS.items():
        questions = {q.id: q for q in golden.load(DATA / "golden", split=source)}
        for name, make in (("answers", answers), ("pairs", pairs)):
            text = "".join(
                json.dumps(record, ensure_ascii=False) + "\n"
                for record in make(split, questions, contexts)
            )
            (folder / f"{name}-{split}.jsonl").write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "judge")
