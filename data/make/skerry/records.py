"""A sailing and a booking, as the generator handles them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from skerry.people import Person


@dataclass(frozen=True)
class Sailing:
    """A sailing as the bookings see it."""

    id: int
    route: str
    ends: tuple[str, str]
    departs: datetime
    minutes: int
    vessel: str
    status: str
    cause: str
    delay: int
    passengers: int
    cars: int

    @property
    def day(self) -> date:
        return self.departs.date()

    @property
    def due(self) -> datetime:
        """When it should arrive."""
        return self.departs + timedelta(minutes=self.minutes)

    @property
    def arrived(self) -> datetime:
        return self.due + timedelta(minutes=self.delay)


@dataclass(frozen=True)
class Costs:
    """Parts of a price, kr."""

    fare: int
    car: int
    cabin: int
    extras: int

    @property
    def whole(self) -> int:
        return self.fare + self.car + self.cabin + self.extras


@dataclass(frozen=True)
class Booking:
    """One person's booking, in the columns of the table."""

    reference: str
    sailing: Sailing
    person: Person
    ends: tuple[str, str]
    ticket: str
    channel: str
    booked_on: date
    cars: int = 0
    electric: int = 0
    bicycles: int = 0
    dogs: int = 0
    cabin: int | None = None
    status: str = "travelled"
    cancelled_at: datetime | None = None
    moved_to: Sailing | None = None
    refund_code: str | None = None
    refund_kr: int | None = None
    costs: Costs | None = None

    @property
    def kind(self) -> str:
        return kind_of(self.person, self.sailing.day)

    def with_refund(self, code: str | None, amount: int) -> Booking:
        """The booking with money paid back, if there is any."""
        return replace(self, refund_code=code, refund_kr=amount) if amount else self


def kind_of(person: Person, day: date) -> str:
    """The largest discount that a person has on a day."""
    if person.age < 16:
        return "infant" if person.age < 4 else "child"
    if person.islander_card:
        return "islander"
    if person.age >= 67 and day.weekday() < 4:
        return "senior"
    if person.age < 20:
        return "youth"
    return "student" if person.student else "adult"
