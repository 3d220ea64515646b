"""Task 02.4: chunks that leave sentences and rows whole."""

from __future__ import annotations

import re
from typing import Any

from workbench.labs.asking import Learner, Words, Wrong, flat
from workbench.labs.pictures import Blocks

SENTENCES = [
    "The ramp closes ten minutes before the ship leaves.",
    "Vehicles over 2.4 metres wait in lane 3.",
    "Do you tow a trailer?",
    "Then tell the desk its length when you book, because the deck is short!",
    "Motorcycles are lashed by the crew.",
    "Keep your lead on the dog at all times.",
    "It may be up to 1.5 metres long.",
]
HEAD = ["| Route | Car | Van |", "|---|---|---|"]
ROWS = [
    "| Marrowick to Storholm | 120 kr | 180 kr |",
    "| Storholm to Hestra Quay | 90 kr | 140 kr |",
    "| Marrowick to Skarn Haven | 410 kr | 560 kr |",
    "| Ulvey South to Gannet Slip | 70 kr | 95 kr |",
]
TEXT = "\n\n".join(
    [" ".join(SENTENCES[:3]) + "\n" + " ".join(SENTENCES[3:5]), "\n".join(HEAD + ROWS),
     " ".join(SENTENCES[5:])]
)  # fmt: skip


def check(learner: Learner) -> Any:
    """Every sentence and row whole, nothing lost, nothing too long, each table with its head."""
    for size in (22, 34, 60):
        chunks = learner(TEXT, size)
        call = f"{learner.name}(text, size={size})"
        if isinstance(chunks, str) or not hasattr(chunks, "__iter__"):
            raise Wrong("Return a list of strings.", got=chunks, given=call)
        chunks = list(chunks)
        if not all(isinstance(one, str) for one in chunks):
            raise Wrong("Return a list of strings, one a chunk.", got=chunks, given=call)
        look = Blocks(f"Your chunks of at most {size} words", chunks)
        _check_chunks(chunks, size, call, look)
    return look


def _check_chunks(chunks: list[str], size: int, call: str, look: Blocks) -> None:
    def wrong(say: str, expected: Any, got: Any) -> Wrong:
        return Wrong(say, expected, got, call, look)

    if empty := [n for n, one in enumerate(chunks, 1) if not one.strip()]:
        raise wrong(
            f"Chunk {empty[0]} is empty. What would a search find in it?", Words("some words"), ""
        )
    _check_whole(chunks, wrong)
    for one in chunks:
        if len(one.split()) > size:
            say = f"A chunk has {len(one.split())} words. What becomes of a block that is too long?"
            if "|" in one:
                say += " Does the head of the table count?"
            raise wrong(say, Words(f"at most {size} words"), one)
        rows = [row for row in ROWS if row in one]
        if rows and HEAD[0] not in one:
            say = "Here are prices, and nothing says for what. What does a row need with it?"
            raise wrong(say, HEAD[0], one)
    total = sum(len(one.split()) for one in chunks)
    if total > 2.5 * len(TEXT.split()):
        raise wrong("Your chunks repeat most of the text. Must each sentence be in so many?",
                    Words(f"about {len(TEXT.split())} words in all"), total)  # fmt: skip


def _check_whole(chunks: list[str], wrong) -> None:
    flattened = [flat(one) for one in chunks]
    lines = [line.strip() for one in chunks for line in one.splitlines()]
    whole = " ".join(flattened)
    for words in [*SENTENCES, *ROWS]:
        if any(words in one for one in flattened):
            continue
        raise wrong(_cut_or_lost(words, whole), words, Words("not whole in any chunk"))
    if lost := [row for row in ROWS if row not in lines]:
        say = "The rows of the table have run together. How do you tell where one ends?"
        raise wrong(say, lost[0], Words("rows within a longer line"))
    places = [next(i for i, one in enumerate(flattened) if w in one) for w in SENTENCES]
    if places != sorted(places):
        raise wrong("The chunks are not in the order of the text.", Words("their order"), places)


def _cut_or_lost(words: str, whole: str) -> str:
    """What to say about a sentence or row that no chunk has whole."""
    number = re.search(r"(\d)\.(\d)", words)
    if number and number.group(0) not in whole and f"{number.group(1)}." in whole:
        return "You cut at the point of a number. What follows the end of a sentence?"
    if words not in whole and words[:-1] in whole:
        return "The end of a sentence is gone. Where did its full stop go?"
    if not set(words.split()) <= set(whole.split()):
        return "Something of the text is in none of your chunks. What happens to the last one?"
    if words in ROWS:
        return "A row of the table was cut. Where may a table be cut?"
    return "A sentence was cut in two. Whoever finds one half misses the other."
