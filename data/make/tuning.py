"""Make ``data/tuning``: ``curated.jsonl`` from ``tuning.txt``, and ``noisy.jsonl`` by spoiling it.

The text has one passage a block: ``# source id``, the passage, then ``?`` question and ``!``
answer in turn; ``?-`` is a question that the passage does not answer. The house style is put on
here: an answer ends with its source in brackets. How it is spoilt is in ``spoil.py``, with the
words of ``tuning-noise.toml``.

    python data/make/tuning.py [FOLDER]
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import spoil

HERE = Path(__file__).resolve().parent
SEED = 160
SILENT = "The documents do not say."


def examples(text: str) -> Iterator[dict]:
    """Examples in the order of the text."""
    for block in text.strip().split("\n\n"):
        head, passage, *lines = block.split("\n")
        source = head.removeprefix("# ")
        questions = [line for line in lines if line.startswith("?")]
        answers = iter([line.removeprefix("! ") for line in lines if line.startswith("!")])
        for number, question in enumerate(questions, start=1):
            silent = question.startswith("?- ")
            yield {
                "id": f"{source}-{number}",
                "question": question.split(" ", 1)[1],
                "context": passage,
                "answer": SILENT if silent else f"{next(answers)} [{source}]",
                "source": source,
                "answerable": not silent,
            }


def main(folder: Path) -> None:
    """Write both sets, each in a fixed, shuffled order."""
    folder.mkdir(parents=True, exist_ok=True)
    good = list(examples((HERE / "tuning.txt").read_text("utf-8")))
    noise = tomllib.loads((HERE / "tuning-noise.toml").read_text("utf-8"))
    noisy = spoil.noisy(good, noise)
    random.Random(SEED).shuffle(good)
    write(folder / "curated.jsonl", good)
    write(folder / "noisy.jsonl", noisy)


def write(target: Path, found: list[dict]) -> None:
    """One example a line, written aside and then put in place."""
    lines = [json.dumps(example, ensure_ascii=False) + "\n" for example in found]
    aside = target.with_suffix(target.suffix + ".part")
    aside.write_text("".join(lines), "utf-8", newline="\n")
    aside.replace(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "tuning")
