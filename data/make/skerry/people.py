"""Passengers, household by household."""

from __future__ import annotations

import random
from dataclasses import dataclass

from skerry.sailings import SEED
from skerry.texts import sections

#: Home -> households in a hundred.
HOMES = {
    "mainland": 46,
    "Storholm": 21,
    "Ulvey": 11,
    "Tarnsey": 8,
    "Hestra": 7,
    "Little Gannet": 3,
    "Outer Skarn": 4,
}
PEOPLE = 4_600
FIRST, FAMILY = (" ".join(lines).split() for lines in sections("names.txt").values())
MAIL = ("mail.example", "mail.example", "post.example", "islands.example", "netloft.example")
#: Who turns 4, 16, 20 or 67 this year would change the fare on a day that a year does not tell.
TURNING = (2022, 2010, 2006, 1959)
#: Numbers of the company and of people in the documents.
TAKEN = {"0700 555 761", "0700 555 905"}
#: Name, year of birth, telephone, mail, home, Islander Card: people whom the documents know.
KNOWN = (
    ("Maren Holt", 1957, "0700 555 761", "maren.holt@mail.example", "Storholm", 1),
    ("Odd Terrin", 1959, None, "odd.terrin@mail.example", "mainland", 0),
    ("Tobias Quill", 1984, None, "tobias.quill@mail.example", "mainland", 0),
    ("Birgit Saltway", 1946, "0700 555 905", None, "Ulvey", 1),
    ("Ruben Askarsen", 1979, None, "ruben.askarsen@mail.example", "mainland", 0),
    ("Petra Lunde", 1991, None, "petra.lunde@mail.example", "mainland", 0),
)


@dataclass(frozen=True)
class Person:
    """A passenger; whether somebody studies shows in the bookings only."""

    id: int
    name: str
    birth_year: int
    phone: str | None
    email: str | None
    home: str
    islander_card: int
    student: bool = False

    @property
    def age(self) -> int:
        """Years reached in 2026."""
        return 2026 - self.birth_year

    @property
    def row(self) -> tuple:
        return (
            self.id,
            self.name,
            self.birth_year,
            self.phone,
            self.email,
            self.home,
            self.islander_card,
        )


def rows(families: list[list[Person]]) -> list[tuple]:
    """One row a person, in the order of their numbers."""
    return [person.row for family in families for person in family]


def households() -> list[list[Person]]:
    """The people of the documents first, each alone; then families, couples and singles."""
    rng = random.Random(SEED + 2)
    found = [[Person(n, *facts)] for n, facts in enumerate(KNOWN, start=1)]
    phones = [f"0700 555 {n}" for n in range(400, 900)]
    phones = [number for number in phones if number not in TAKEN]
    rng.shuffle(phones)
    mails: set[str] = set()
    count = len(found)
    while count < PEOPLE:
        family = _household(rng, count + 1, phones, mails)
        found.append(family)
        count += len(family)
    return found


def _household(rng, first_id: int, phones: list[str], mails: set[str]) -> list[Person]:
    (home,) = rng.choices(list(HOMES), list(HOMES.values()))
    family = rng.choice(FAMILY)
    holds_card = int(home != "mainland" and rng.random() < 0.8)
    phone = phones.pop() if phones and rng.random() < 0.3 else None
    people = []
    for number, year in enumerate(_years(rng)):
        name = f"{_first(rng, people)} {family if rng.random() < 0.9 else rng.choice(FAMILY)}"
        grown = year < 2010
        email = _mail(rng, name, mails) if grown and rng.random() < 0.85 else None
        student = 1996 <= year <= 2005 and rng.random() < 0.5
        line = phone if number == 0 else None
        people.append(Person(first_id + number, name, year, line, email, home, holds_card, student))
    return people


def _years(rng: random.Random) -> list[int]:
    """Years of birth of one household, grown people first."""
    draw = rng.random()
    if draw < 0.38:
        years = [rng.choice((rng.randint(1938, 1958), rng.randint(1960, 2005), 2007))]
    elif draw < 0.68:
        one = rng.randint(1940, 2003)
        years = [one, one + rng.randint(-5, 5)]
    else:
        one = rng.randint(1974, 1996)
        grown = [one] if rng.random() < 0.25 else [one, one + rng.randint(-5, 5)]
        oldest = min(one + rng.randint(22, 38), 2023)
        born = {oldest + gap for gap in (0, rng.randint(1, 4), rng.randint(5, 7))}
        years = grown + sorted(y for y in born if y <= 2025)[: rng.randint(1, 3)]
    return [year + 1 if year in TURNING else year for year in years]


def _first(rng: random.Random, people: list[Person]) -> str:
    taken = {person.name.split()[0] for person in people}
    return rng.choice([name for name in FIRST if name not in taken])


def _mail(rng: random.Random, name: str, mails: set[str]) -> str:
    """An address that nobody else has."""
    stem, host = name.lower().replace(" ", ".").replace("-", ""), rng.choice(MAIL)
    address, number = f"{stem}@{host}", 2
    while address in mails:
        address, number = f"{stem}{number}@{host}", number + 1
    mails.add(address)
    return address
