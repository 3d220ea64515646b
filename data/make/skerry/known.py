"""Trips of the people whom the documents know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from skerry.people import Person
from skerry.records import Booking

if TYPE_CHECKING:
    from skerry.bookings import Book

REFERENCE = "SK7Q4M2"
#: Name, day, route, from, departure, ticket, channel, days ahead, and what else is in the booking.
TRIPS = (
    ("Maren Holt", "2026-06-24", "R1", "STO", "08:45", "flex", "telephone", 6, {}),
    ("Odd Terrin", "2026-06-16", "R5", "MRW", "22:30", "standard", "office", 12, {"cabin": 305}),
    ("Tobias Quill", "2026-06-19", "R1", "MRW", "15:45", "standard", "web", 21, {"cars": 1}),
    ("Birgit Saltway", "2026-06-23", "R2", "ULV", "09:05", "saver", "office", 9, {}),
    ("Ruben Askarsen", "2026-06-20", "R1", "MRW", "11:45", "standard", "web", 3, {"bicycles": 1}),
    ("Petra Lunde", "2026-06-21", "R5", "MRW", "22:30", "flex", "telephone", 18, {"cabin": 302}),
)


def bookings(book: Book, people: dict[str, Person]) -> Iterator[Booking]:
    """One booking each; the number of Tobias Quill's is in the documents."""
    for name, day, route, start, departs, ticket, channel, ahead, more in TRIPS:
        when = f"{day} {departs}"
        sailing = next(
            s
            for s in book.sailings.values()
            if (s.route, s.ends[0], f"{s.departs:%Y-%m-%d %H:%M}") == (route, start, when)
        )
        reference = REFERENCE if name == "Tobias Quill" else book.reference()
        booked = date.fromisoformat(day) - timedelta(days=ahead)
        booking = Booking(reference, sailing, people[name], sailing.ends, ticket, channel, booked)
        booking = replace(booking, **more)
        book.take(booking)
        yield booking
