"""The words of the simulated questions: templates, what each group puts around them, and slips."""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

#: Share of a group's English questions that are typed in a hurry.
HURRY = {"web": 0.4, "terminal": 0.35, "offices": 0.2, "freight": 0.2, "agents": 0.06}
#: Share of colleagues' questions in their own name; the others pass on a passenger's.
OWN = {"offices": 0.45, "terminal": 0.7}
#: First words that keep their capital in the middle of a sentence.
KEEP = re.compile(r"I\b|[A-Z]{2}|Marrowick|Red |Amber |Islander|Saver|Storholm|Tarnsey|Islanders")


@dataclass(frozen=True)
class Wording:
    """Everything in ``questions.toml``."""

    slots: dict
    topics: dict
    follow: dict
    around: dict
    short: dict
    abuse: dict
    aims: list[str]

    @classmethod
    def load(cls, file: Path) -> Wording:
        """Read the file of questions."""
        found = tomllib.loads(file.read_text("utf-8"))
        abuse = dict(found["abuse"])
        return cls(
            slots=found["slots"],
            topics=found["topics"],
            follow=found["follow"],
            around=found["around"],
            short=found["short"],
            aims=abuse.pop("aims"),
            abuse=abuse,
        )

    def question(self, rng: random.Random, row: dict) -> str:
        """The text of one ordinary request."""
        group, language = row["group"], row["language"]
        voice = language
        if language == "en" and rng.random() < OWN.get(group, 0):
            voice = "staff"
        if row.get("follows"):
            voice = "staff" if group in OWN and language == "en" else language
            text = self.fill(rng, rng.choice(self.follow[voice]), language)
        else:
            texts = self.topics[row["topic"]]
            text = self.fill(rng, rng.choice(texts.get(voice, texts["en"])), language)
            around = self.around[group]
            text = _put(rng.choice(around.get(voice, around["en"])), text)
        return self.slip(rng, text, group) if language == "en" else text

    def fill(self, rng: random.Random, template: str, language: str) -> str:
        """A template with its slots filled; the two ends of a crossing belong together."""
        ends = list(rng.choice(self.slots["crossings"]))
        rng.shuffle(ends)
        values = {"from": ends[0], "to": ends[1]}
        on = {"en": "on", "de": "auf"}[language]
        for name, place in list(values.items()):
            values[f"at_{name}"] = f"{'in' if place == 'Marrowick' else on} {place}"
        for name in re.findall(r"\{(\w+)\}", template):
            if name not in values:
                own = self.slots[language]
                values[name] = rng.choice(own[name] if name in own else self.slots[name])
        text = template.format(**values)
        if language == "en":
            text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
        return text[0].upper() + text[1:]

    def slip(self, rng: random.Random, text: str, group: str) -> str:
        """The text as it is typed: in a hurry by some, with care by others."""
        if rng.random() >= HURRY[group]:
            return text
        for step in rng.sample((self._shorten, _lower, _bare, _swap, _drop, _space), 2):
            text = step(rng, text, group)
        return text

    def _shorten(self, rng: random.Random, text: str, group: str) -> str:
        short = self.short.get(group, {})
        known = [word for word in re.findall(r"\w+", text) if word.lower() in short]
        for word in known:
            text = re.sub(rf"\b{word}\b", short[word.lower()], text, count=1)
        return text

    def injection(self, rng: random.Random) -> str:
        """One attempt to make the assistant do something else."""
        aim = rng.choice(self.aims)
        words = {"aim": aim, "Aim": aim[0].upper() + aim[1:]}
        return rng.choice(self.abuse["injection"]).format(**words)

    def scraping(self, rng: random.Random, number: int) -> str:
        """One question for personal data; its booking numbers belong to nobody."""
        template = rng.choice(self.abuse["scraping"])
        return self.fill(rng, template.replace("{booking}", f"SK{number:05d}"), "en")


def _put(around: str, text: str) -> str:
    small = text if KEEP.match(text) else text[0].lower() + text[1:]
    return around.format(q=small, Q=text)


def _lower(rng: random.Random, text: str, group: str) -> str:
    return text.lower()


def _bare(rng: random.Random, text: str, group: str) -> str:
    return text.rstrip("?.!") if rng.random() < 0.7 else text.rstrip("?.!") + "??"


def _words(text: str) -> list[re.Match]:
    return list(re.finditer(r"\b[a-z]{5,}\b", text))


def _swap(rng: random.Random, text: str, group: str) -> str:
    """Two neighbouring letters of a longer word change places."""
    if not (words := _words(text)):
        return text
    word = rng.choice(words)
    at = word.start() + rng.randint(1, len(word[0]) - 3)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _drop(rng: random.Random, text: str, group: str) -> str:
    """A letter of a longer word is missing."""
    if not (words := _words(text)):
        return text
    word = rng.choice(words)
    at = word.start() + rng.randint(1, len(word[0]) - 2)
    return text[:at] + text[at + 1 :]


def _space(rng: random.Random, text: str, group: str) -> str:
    """A comma or a space is lost."""
    if ", " in text and rng.random() < 0.6:
        return text.replace(", ", " ", 1)
    gaps = [found.start() for found in re.finditer(r"(?<=[a-z]) (?=[a-z])", text)]
    at = rng.choice(gaps or [len(text)])
    return text[:at] + text[at + 1 :]
