"""2,400 tuning examples with flaws of named kinds, from good ones.

An example's ``flaw`` is the family; its id names the kind, as in ``parcels-1.number.2``. Nothing
is made twice but in the family ``duplicated``, where repeating is the flaw.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from itertools import chain

SEED = 2400
SILENT = "The documents do not say."
#: Flaw -> kind -> how many.
COUNTS = {
    "wrong": {"number": 200, "fact": 90, "opposite": 40, "other_answer": 150},
    "off_style": {
        "long": 90,
        "chatty": 90,
        "no_source": 90,
        "language": 80,
        "marketing": 90,
        "capitals": 70,
        "markup": 50,
        "apology": 40,
    },
    "duplicated": {"exact": 192, "near": 192},
    "truncated": {"answer_cut": 180, "context_cut": 120},
    "unsupported": {"invented": 150, "elsewhere": 126},
    "none": {"good": 360},
}
WORDS = (
    "two three four five six seven eight nine ten eleven twelve fourteen fifteen sixteen eighteen "
    "nineteen twenty twenty-five thirty forty fifty sixty seventy seventy-five ninety"
)
ORDINALS = "second third fourth fifth sixth seventh eighth tenth"
_NAMES = "|".join(sorted(f"{WORDS} {ORDINALS}".split(), key=len, reverse=True))
NUMBER = re.compile(rf"\d\d:\d\d|\d[\d,]*\d|\d|\b(?:{_NAMES})\b", re.IGNORECASE)
Example = dict


def whole(word: str, text: str) -> bool:
    """Whether a word or figure stands in a text by itself."""
    return re.search(rf"(?<![\w:,]){re.escape(word)}(?![\w:]|,\d)", text, re.I) is not None


def _alone(word: str) -> str:
    return rf"(?<!\w){re.escape(word)}(?!\w)"


def bare(example: Example) -> str:
    """The answer without its source."""
    return example["answer"].removesuffix(f" [{example['source']}]")


class Spoiler:
    """Good examples, the words of the noise, and one chance generator."""

    def __init__(self, good: list[Example], noise: dict) -> None:
        self.rng = random.Random(SEED)
        self.noise = noise
        self.good = {example["id"]: example for example in good}
        self.full = [example for example in good if example["answerable"]]
        self.silent = [example for example in good if not example["answerable"]]
        self.seen: set[tuple[str, str, str]] = set()
        self.numbers: dict[str, int] = {}

    def make(self, flaw: str, kind: str, count: int) -> Iterator[Example]:
        """That many examples of a kind, none of them made before."""
        way: Callable[[Example], Example | None] = getattr(self, f"_{kind}")
        deck = self._deck(self._pool(kind))
        made = tried = 0
        while made < count:
            tried += 1
            if tried > 200 * count:
                raise RuntimeError(f"{kind}: only {made} of {count} can be made")
            base = next(deck)
            found = way(base)
            if found is None or not self._new(found):
                continue
            made += 1
            yield self._named(base, found, flaw, kind)

    def _pool(self, kind: str) -> list[Example]:
        if kind in ("language", "opposite", "invented"):
            table = {"language": "german", "opposite": "flipped", "invented": "invented"}[kind]
            return [self.good[name] for name in self.noise[table]]
        if kind == "apology":
            return self.silent
        return [*self.full, *self.silent] if kind == "good" else self.full

    def _deck(self, pool: list[Example]) -> Iterator[Example]:
        """The pool over and over, shuffled anew each time."""
        while True:
            cards = list(pool)
            self.rng.shuffle(cards)
            yield from cards

    def _new(self, found: Example) -> bool:
        key = (found["question"], found["context"], found["answer"])
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    def _named(self, base: Example, found: Example, flaw: str, kind: str) -> Example:
        name = f"{base['id'].split('.')[0]}.{kind}"
        self.numbers[name] = self.numbers.get(name, 0) + 1
        return {**found, "id": f"{name}.{self.numbers[name]}", "flaw": flaw}

    # ---- nothing wrong ----

    def _asked(self, base: Example) -> Example:
        """The example with its question put in one of several ways."""
        text = base["question"]
        if self.rng.random() < 0.6:
            text = self.noise["reworded"][base["id"]]
        small = text if re.match(r"I\b", text) else text[0].lower() + text[1:]
        around = self.rng.choice(self.noise["questions"]["plain"])
        return {**base, "question": around.format(q=small, Q=text)}

    def _good(self, base: Example) -> Example:
        return self._asked(base)

    # ---- wrong ----

    def _number(self, base: Example) -> Example | None:
        text = bare(base)
        spots = list(NUMBER.finditer(text))
        if not spots:
            return None
        spot = self.rng.choice(spots)
        figure = self._figure(spot[0])
        if whole(figure, base["context"]) or whole(figure, text):
            return None
        return self._answer(self._asked(base), text[: spot.start()] + figure + text[spot.end() :])

    def _figure(self, old: str) -> str:
        """Another figure of the same kind."""
        rng = self.rng
        if ":" in old:
            hour, minute = int(old[:2]), int(old[3:])
            return f"{(hour + rng.choice([-2, -1, 1, 2])) % 24:02d}:{minute:02d}"
        if old[0].isdigit():
            value = int(old.replace(",", ""))
            steps = [2, 0.5, 1.5, 0.8, 1.2, 10, 0.1, 3]
            new = (
                round(value * rng.choice(steps)) if value > 9 else value + rng.choice([-2, 1, 2, 5])
            )
            return f"{new:,}" if new > 0 and new != value else str(value + 7)
        for names in (WORDS.split(), ORDINALS.split()):
            if old.lower() in names:
                new = rng.choice([name for name in names if name != old.lower()])
                return new.capitalize() if old[0].isupper() else new
        raise ValueError(old)

    def _fact(self, base: Example) -> Example | None:
        text = bare(base)
        choices = []
        for words in self.noise["swaps"]["lists"]:
            for old in (word for word in words if re.search(_alone(word), text)):
                fresh = [w for w in words if not whole(w, base["context"]) and w != old]
                choices += [(old, new) for new in fresh]
        if not choices:
            return None
        old, new = self.rng.choice(choices)
        spoilt = re.sub(_alone(old), new, text, count=1)
        return self._answer(self._asked(base), spoilt)

    def _opposite(self, base: Example) -> Example:
        return self._answer(self._asked(base), self.rng.choice(self.noise["flipped"][base["id"]]))

    def _other_answer(self, base: Example) -> Example | None:
        """The answer to a question that mostly begins with the same word."""
        other = self.rng.choice(self.full)
        begins = [example["question"].split()[0] for example in (base, other)]
        if other["source"] == base["source"]:
            return None
        if begins[0] != begins[1] and self.rng.random() < 0.9:
            return None
        return self._answer(self._asked(base), bare(other))

    def _answer(self, base: Example, text: str) -> Example:
        return {**base, "answer": f"{text} [{base['source']}]"}

    # ---- off style ----

    def _long(self, base: Example) -> Example:
        words, pick = self.noise["long"], self.rng.choice
        said = re.split(r"(?<=[.]) ", base["context"])
        retold = "The text says, among other things: " + " ".join(said[: self.rng.randint(1, 2)])
        steps = [
            pick(words["open"]),
            retold,
            pick(words["middle"]),
            bare(base),
            pick(words["close"]),
        ]
        if self.rng.random() < 0.3:
            steps.insert(4, pick(words["open"]))
        mark = self._mark(base, 0.6)
        return {**self._asked(base), "answer": " ".join(steps) + mark}

    def _mark(self, base: Example, share: float) -> str:
        """The source in brackets, or nothing."""
        return f" [{base['source']}]" if self.rng.random() < share else ""

    def _between(self, base: Example, voice: str) -> Example:
        words, rng = self.noise[voice], self.rng
        steps = [rng.choice(words["open"]), bare(base), rng.choice(words["close"])]
        if rng.random() < 0.25:
            steps.pop(rng.choice([0, 2]))
        mark = self._mark(base, 0.5)
        return {**self._asked(base), "answer": " ".join(steps) + mark}

    def _chatty(self, base: Example) -> Example:
        return self._between(base, "chatty")

    def _marketing(self, base: Example) -> Example:
        return self._between(base, "marketing")

    def _no_source(self, base: Example) -> Example:
        source = base["source"].replace("-", " ")
        ends = ["", "", "", f" Source: {source}.", f" (see {source})", " [1]", " [document]"]
        return {**self._asked(base), "answer": bare(base) + self.rng.choice(ends)}

    def _language(self, base: Example) -> Example:
        text = self.noise["german"][base["id"]]
        return {**self._asked(base), "answer": text + self._mark(base, 0.5)}

    def _capitals(self, base: Example) -> Example:
        mark = self._mark(base, 0.5)
        return {**self._asked(base), "answer": bare(base).upper() + mark}

    def _markup(self, base: Example) -> Example:
        forms = [
            "**Answer:** {a}\n\n**Source:** {s}",
            "- {a}\n- Source: `{s}`",
            "## {q}\n\n{a}\n\n---\n*{s}*",
            "Q: {q}\nA: {a}",
            "<p>{a}</p> <small>{s}</small>",
            '{{"answer": "{a}", "source": "{s}"}}',
            "1. {a}",
            "Answer: {a}\nConfidence: high",
        ]
        form = self.rng.choice(forms)
        text = form.format(a=bare(base), s=base["source"], q=base["question"])
        return {**self._asked(base), "answer": text}

    def _apology(self, base: Example) -> Example:
        return {**self._asked(base), "answer": self.rng.choice(self.noise["apology"]["texts"])}

    # ---- truncated ----

    def _answer_cut(self, base: Example) -> Example | None:
        text = bare(base)
        at = self.rng.randint(len(text) // 4, len(text) - 4)
        if text[at - 1] == " " or not text[:at].strip(" ,.;"):
            return None
        return {**self._asked(base), "answer": text[:at]}

    def _context_cut(self, base: Example) -> Example | None:
        """The context begins or ends so that the sentence with the answer is lost."""
        said = re.split(r"(?<=[.]) ", base["context"])
        overlap = [_common(sentence, bare(base)) for sentence in said]
        key = overlap.index(max(overlap))
        before, after = " ".join(said[:key]), " ".join(said[key + 1 :])
        if len(before) >= len(after):
            left = f"{before} {said[key]}"[: len(before) + 1 + self.rng.randint(3, 9)]
        else:
            left = after[self.rng.randint(1, 12) :]
        figures = NUMBER.findall(bare(base))
        gone = [word for word in _content(bare(base)) if not whole(word, left)]
        if any(whole(figure, left) for figure in figures) or len(gone) < 2 or len(left) < 40:
            return None
        return {**self._asked(base), "context": left.strip(), "answerable": False}

    # ---- unsupported ----

    def _invented(self, base: Example) -> Example:
        text = self.rng.choice(self.noise["invented"][base["id"]])
        figure = self.rng.choice([7, 8, 12, 14, 17, 18, 21, 23, 27, 31, 33, 37, 39, 44, 49])
        return self._answer(self._asked(base), text.format(n=figure))

    def _elsewhere(self, base: Example) -> Example | None:
        other = self.rng.choice(self.full)
        figures = NUMBER.findall(bare(base))
        if other["source"] == base["source"] or any(whole(f, other["context"]) for f in figures):
            return None
        said = _content(bare(base))
        if 2 * len(said - _content(other["context"])) <= len(said):
            return None
        kept = {"context": other["context"], "source": other["source"], "answerable": False}
        return {**self._asked(base), **kept, "answer": f"{bare(base)} [{other['source']}]"}

    # ---- duplicated ----

    def copies(self, clean: list[Example]) -> Iterator[Example]:
        """Exact and nearly exact copies of clean examples, a few of them many times."""
        rng = self.rng
        often = rng.sample(clean, 70)
        for kind, count in COUNTS["duplicated"].items():
            weights = [1 / (1 + rank) ** 0.8 for rank in range(35)]
            own = often[:35] if kind == "exact" else often[35:]
            for base in rng.choices(own, weights, k=count):
                found = base if kind == "exact" else self._nearly(base)
                yield self._named(base, found, "duplicated", kind)

    def _nearly(self, base: Example) -> Example:
        """The example with something changed that changes nothing."""
        question, context, answer = base["question"], base["context"], base["answer"]
        forms = [
            {"question": question.rstrip("?.")},
            {"question": question.lower()},
            {"question": question.replace("?", " ?")},
            {"question": f"Q: {question}"},
            {"question": f"{question} "},
            {"question": f"{question.rstrip('?')}, please?"},
            {"context": context.replace(". ", ".  ")},
            {"context": f'"{context}"'},
            {"context": context.replace(", ", " , ")},
            {"context": context + " "},
            {"context": context.replace(" kr", "\u00a0kr").replace(" the ", "  the ", 1)},
            {"answer": answer.replace(" [", "  [") if " [" in answer else f"{answer} "},
            {"answer": f" {answer}"},
        ]
        changed = self.rng.sample(forms, self.rng.randint(1, 2))
        return {**base, **changed[0], **(changed[-1] if len(changed) == 2 else {})}


def _content(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def _common(sentence: str, answer: str) -> int:
    figures = sum(whole(figure, sentence) for figure in NUMBER.findall(answer))
    return len(_content(sentence) & _content(answer)) + 4 * figures


def noisy(good: list[Example], noise: dict) -> list[Example]:
    """The spoilt set in a fixed, shuffled order."""
    spoiler = Spoiler(good, noise)
    kinds = {flaw: kinds for flaw, kinds in COUNTS.items() if flaw != "duplicated"}
    made = {
        flaw: list(chain(*(spoiler.make(flaw, kind, n) for kind, n in kinds[flaw].items())))
        for flaw in reversed(kinds)
    }
    found = [*chain(*made.values()), *spoiler.copies(made["none"])]
    spoiler.rng.shuffle(found)
    return found
