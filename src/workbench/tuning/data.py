"""Training examples: read, checked, rendered as chats and split."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench import prompts
from workbench.errors import BadInput

#: What an example has, each a text; ``context`` alone may be empty. Other fields are kept.
FIELDS = ("question", "context", "answer")
SHAPE = "one JSON object a line, with the texts question, context and answer"

Message = dict[str, str]


def load_examples(path: Path | str) -> list[dict]:
    """The examples of a JSON Lines file; blank lines are passed over.

    Raises BadInput naming every malformed line (the first ten) and its field.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}", "name a file of examples"
        ) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text: {error.reason}", "save it as UTF-8") from None
    parsed = [(n, *_parse(line)) for n, line in enumerate(lines, 1) if line.strip()]
    refuse(path.name, [f"line {n}: {problem}" for n, _, problem in parsed if problem])
    if not parsed:
        raise BadInput(f"{path.name} has no examples", f"write {SHAPE}")
    return [example for _, example, _ in parsed]


def check(examples: Iterable[object]) -> None:
    """Raises BadInput naming the examples that lack a field, by their number from 1."""
    found = [(n, problem(example)) for n, example in enumerate(examples, 1)]
    refuse("the examples", [f"example {n}: {what}" for n, what in found if what])


def refuse(where: str, problems: Sequence[str]) -> None:
    """BadInput listing the first ten problems, if there are any."""
    if problems:
        more = [f"and {len(problems) - 10} more"] if len(problems) > 10 else []
        listed = "\n  ".join([*problems[:10], *more])
        raise BadInput(f"{where}: {len(problems)} malformed\n  {listed}", f"write {SHAPE}")


def problem(example: object) -> str:
    """What is wrong with one example, or an empty string."""
    if not isinstance(example, dict):
        return f"a JSON object is needed, this is {type(example).__name__}"
    for field in FIELDS:
        if field not in example:
            return f"field {field!r} is missing"
        if not isinstance(example[field], str):
            return f"field {field!r} must be text, this is {type(example[field]).__name__}"
        if field != "context" and not example[field].strip():
            return f"field {field!r} is empty"
    return ""


def render(example: dict) -> list[Message]:
    """The example as the assistant's own prompt puts it: the same words in training and in use.

    Where the example names its ``source``, the passage stands under it, as retrieved ones do.
    """
    source = f"[{example['source']}]\n" if example.get("source") else ""
    passages = f"{source}{example['context'].strip()}"
    return prompts.get("answer").render(passages=passages, question=example["question"])


def split(examples: Sequence[dict], holdout: float) -> tuple[list[dict], list[dict]]:
    """Training and held-out examples, at least one each; the same split at every call.

    All examples of one context stand on one side, so that what is held out is about other facts.
    """
    contexts = list(dict.fromkeys(example["context"] for example in examples))
    random.Random(0).shuffle(contexts)
    held, wanted = set(), max(1, round(len(examples) * holdout))
    while contexts and sum(e["context"] in held for e in examples) < wanted:
        held.add(contexts.pop())
    if not contexts:
        raise BadInput(
            f"{len(examples)} examples leave none to train on once {wanted} are held out",
            "give examples with other contexts, or a smaller holdout",
        )
    kept = [example for example in examples if example["context"] not in held]
    return kept, [example for example in examples if example["context"] in held]


def _parse(line: str) -> tuple[dict, str]:
    try:
        example = json.loads(line)
    except ValueError as error:
        return {}, f"not JSON: {error}"
    return example, problem(example)
