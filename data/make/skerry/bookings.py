"""Bookings: who travels when, with what, and what became of it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from skerry import known, prices
from skerry.book import Book, Room
from skerry.people import Person
from skerry.prices import CABINS, PET_CABINS
from skerry.records import Booking, Sailing

#: Homes of those who use a route; others use it now and then.
NEAR = {
    "R1": ("mainland", "Storholm"),
    "R2": ("mainland", "Tarnsey", "Ulvey"),
    "R3": ("Storholm", "Hestra", "mainland"),
    "R4": ("Ulvey", "Little Gannet", "mainland"),
    "R5": ("mainland", "Outer Skarn"),
}
CHANNELS = {"web": 52, "office": 19, "telephone": 12, "purser": 10, "agent": 7}
TICKETS = {"saver": 28, "standard": 52, "flex": 20}


def rows(world: dict, sailed: list[tuple], families: list[list[Person]], wanted: int) -> list:
    """Exactly as many bookings as wanted, in the order in which they were made."""
    book = Book(world, sailed)
    people = {person.name: person for family in families[: len(known.TRIPS)] for person in family}
    found = [_priced(book, booking) for booking in known.bookings(book, people)]
    trips = _trips(book, families[len(known.TRIPS) :])
    while len(found) < wanted:
        found += [_priced(book, booking) for booking in _party(book, *next(trips))]
    found = sorted(found[:wanted], key=lambda b: (b.booked_on, b.reference))
    return [_row(booking) for booking in found]


def _trips(book: Book, families: list[list[Person]]) -> Iterator[tuple[Sailing, list[Person]]]:
    """Sailings by how full they were, each with people who could be on it."""
    rng, pools = book.rng, defaultdict(list)
    for family in families:
        for route, homes in NEAR.items():
            if family[0].home in homes or rng.random() < 0.05:
                pools[route].append(family)
    every = list(book.sailings.values())
    weights = [s.passengers or book.rooms[s.id].people for s in every]
    while True:
        (sailing,) = rng.choices(every, weights)
        family = rng.choice(pools[sailing.route])
        people = family if rng.random() < 0.6 else family[:1]
        if all(book.is_free(person, sailing) for person in people):
            yield sailing, people


def _party(book: Book, sailing: Sailing, people: list[Person]) -> list[Booking]:
    """The bookings of people who travel together; none when the ship has no room."""
    rng, room = book.rng, book.rooms[sailing.id]
    if room.people < len(people):
        return []
    (channel,) = rng.choices(list(CHANNELS), list(CHANNELS.values()))
    if channel == "purser" and (sailing.route == "R4" or sailing.status == "cancelled"):
        channel = "web"
    (ticket,) = rng.choices(list(TICKETS), list(TICKETS.values()))
    if channel == "purser" and ticket == "saver":
        ticket = "standard"
    ahead = rng.randint(7, 60) if ticket == "saver" else int(rng.triangular(0, 45, 1))
    booked = sailing.day - timedelta(days=0 if channel == "purser" else ahead)
    ends = _part(rng, sailing)
    party = [
        Booking(book.reference(), sailing, person, ends, ticket, channel, booked)
        for person in people
    ]
    party = _with_things(book, party)
    for booking in party:
        book.take(booking)
    return _outcome(book, party)


def _part(rng: random.Random, sailing: Sailing) -> tuple[str, str]:
    """All of the way, or on R2 a part of it."""
    draw = rng.random()
    if sailing.route != "R2" or draw < 0.55:
        return sailing.ends
    one, other = sailing.ends
    return (one, "TRN") if draw < 0.78 else ("TRN", other)


def _with_things(book: Book, party: list[Booking]) -> list[Booking]:
    """Car, dogs and cabin go with the first person; a bicycle with anybody from four years on."""
    rng, sailing = book.rng, party[0].sailing
    room, first = book.rooms[sailing.id], party[0]
    car = int(first.person.age >= 18 and room.cars > 0 and rng.random() < 0.34)
    electric = int(car and rng.random() < 0.12)
    dogs = rng.choice((1, 1, 1, 2)) if rng.random() < 0.06 else 0
    cabin = _cabin(rng, room, len(party), dogs) if sailing.route == "R5" else None
    if sailing.route == "R5" and cabin not in PET_CABINS and dogs > room.kennels:
        dogs = 0
    party = [replace(first, cars=car, electric=electric, dogs=dogs, cabin=cabin), *party[1:]]
    riders = 0 if car or rng.random() > 0.13 else room.bicycles
    ride = [b.person.age >= 4 and n < riders for n, b in enumerate(party)]
    return [replace(b, bicycles=int(r)) for b, r in zip(party, ride, strict=True)]


def _cabin(rng: random.Random, room: Room, people: int, dogs: int) -> int | None:
    """A free cabin that fits, or none: then they have seats."""
    if rng.random() > 0.6 or people > 4:
        return None
    if dogs:
        numbers = PET_CABINS if people <= 2 else ()
    elif people > 2:
        numbers = CABINS["inside 4"][1]
    else:
        kind = rng.choice(("inside 2", "inside 2", "outside 2", "outside 2"))
        numbers = [n for n in CABINS[kind][1] if n not in PET_CABINS]
        if rng.random() < 0.04:
            numbers = CABINS["accessible 2"][1]
    return next((number for number in numbers if number not in room.cabins), None)


def _outcome(book: Book, party: list[Booking]) -> list[Booking]:
    """What became of a party: all go, cancel or miss the ship together."""
    rng, first = book.rng, party[0]
    if first.sailing.status == "cancelled":
        stays = rng.random() < 0.58
        return [replace(b, status="cancelled_by_us") if stays else _moved(book, b) for b in party]
    draw = rng.random() if first.channel != "purser" else 1
    if draw < 0.055:
        at = _when(rng, first)
        return [replace(b, status="cancelled_by_passenger", cancelled_at=at) for b in party]
    if draw < 0.08:
        return [replace(booking, status="no_show") for booking in party]
    return party


def _when(rng: random.Random, booking: Booking) -> datetime:
    """When the passenger cancelled: between the day of booking and the departure."""
    hours = (booking.sailing.day - booking.booked_on).days * 24
    reach = rng.choice((20, 20, 72, 240))
    ahead = rng.randint(10, max(11, min(hours, reach) * 60))
    if ahead % 60 == 0 or ahead == 30:
        ahead += 1
    return booking.sailing.departs - timedelta(minutes=ahead)


def _moved(book: Book, booking: Booking) -> Booking:
    """We cancelled, and the passenger took a later sailing, if one had room."""
    booking = replace(booking, status="cancelled_by_us", moved_to=book.later(booking))
    if booking.moved_to:
        book.take(replace(booking, sailing=booking.moved_to, cabin=None, dogs=0))
    return booking


def _priced(book: Book, booking: Booking) -> Booking:
    """The booking with what it cost and what was paid back."""
    booking = replace(booking, costs=prices.cost(booking, book.fares))
    sailing, rng = booking.sailing, book.rng
    if booking.status == "cancelled_by_passenger":
        return prices.refund_of_cancelled(booking, ill=rng.random() < 0.3)
    if booking.status == "no_show":
        return prices.refund_of_missed(booking) if rng.random() < 0.35 else booking
    if booking.moved_to:
        late = booking.moved_to.arrived - sailing.due
        return prices.compensation(booking, sailing.cause, late)
    if booking.status == "cancelled_by_us":
        code = "RF-3" if sailing.cause == "weather" else "RF-2"
        return booking.with_refund(code, booking.costs.whole)
    if rng.random() < 0.75:
        late = timedelta(minutes=sailing.delay)
        booking = prices.compensation(booking, sailing.cause, late)
    return _goodwill(book, booking)


def _goodwill(book: Book, booking: Booking) -> Booking:
    """A voucher now and then; at most two a person, and never where a refund is owed."""
    owed = booking.sailing.delay >= 60 and booking.sailing.cause != "weather"
    person = booking.person
    if owed or person.age < 18 or book.rng.random() > 0.009 or book.vouchers[person.id] == 2:
        return booking
    book.vouchers[person.id] += 1
    return booking.with_refund("RF-6", prices.VOUCHER)


def _row(booking: Booking) -> tuple:
    at = booking.cancelled_at
    return (
        booking.reference,
        booking.sailing.id,
        booking.person.id,
        *booking.ends,
        booking.ticket,
        booking.kind,
        booking.cars,
        booking.electric,
        booking.bicycles,
        booking.dogs,
        booking.cabin,
        prices.cabin_kind(booking.cabin),
        booking.channel,
        booking.booked_on.isoformat(),
        booking.costs.fare,
        booking.costs.whole,
        booking.status,
        f"{at:%Y-%m-%d %H:%M}" if at else None,
        booking.moved_to.id if booking.moved_to else None,
        booking.refund_code,
        booking.refund_kr,
    )
