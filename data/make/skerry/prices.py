"""What a booking costs and what is paid back: the help pages and circulars as code."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from skerry.records import Booking, Costs, Sailing

#: kr a crossing; between Ulvey South and Little Gannet dogs and bicycles travel free.
BICYCLE, DOG, NIGHT_DOG, KENNEL = 25, 30, 90, 60
#: Kind of cabin -> kr a crossing and the numbers of the cabins.
CABINS = {
    "accessible 2": (420, (301, 302)),
    "inside 2": (420, (*range(303, 317), *range(401, 405))),
    "outside 2": (520, range(317, 329)),
    "inside 4": (640, range(329, 337)),
}
PET_CABINS, PET_CABIN = range(401, 405), 150
#: For a car, Friday to Sunday; electric cars and Islander Cards are free of it.
SUPPLEMENT, SUPPLEMENT_ROUTES = 40, ("R1", "R2")
SUMMER = (date(2026, 6, 14), date(2026, 8, 23))
CARD_OFF_CAR = 25
HARBOUR_DUES, VOUCHER, LEAST_COMPENSATION = 12, 50, 20


def fares(rows: Iterable[tuple]) -> dict[tuple, int]:
    """(from, to, ticket, passenger) -> kr, in both directions."""
    found = {}
    for one, other, ticket, who, price in rows:
        found[one, other, ticket, who] = found[other, one, ticket, who] = price
    return found


def per_cent(amount: int, share: int) -> int:
    """Rounded half up to a whole crown."""
    return (amount * share + 50) // 100


def cabin_kind(number: int | None) -> str | None:
    return next((kind for kind, (_, numbers) in CABINS.items() if number in numbers), None)


def cost(booking: Booking, table: dict[tuple, int]) -> Costs:
    """What a booking costs."""
    kind, card = booking.kind, booking.person.islander_card
    fare = 0 if kind == "infant" else table[*booking.ends, booking.ticket, kind]
    car = booking.cars * table[*booking.ends, booking.ticket, "car"]
    if booking.cars and card:
        car = per_cent(car, 100 - CARD_OFF_CAR)
    if booking.cars and not card and not booking.electric and _weekend(booking.sailing):
        car += SUPPLEMENT
    price = CABINS[cabin_kind(booking.cabin)][0] if booking.cabin else 0
    price += PET_CABIN if booking.cabin in PET_CABINS else 0
    return Costs(fare, car, price, _extras(booking))


def _weekend(sailing: Sailing) -> bool:
    summer = SUMMER[0] <= sailing.day <= SUMMER[1]
    return summer and sailing.route in SUPPLEMENT_ROUTES and sailing.day.weekday() >= 4


def _extras(booking: Booking) -> int:
    if booking.sailing.route == "R4":
        return 0
    dog = DOG
    if booking.sailing.route == "R5":
        dog = NIGHT_DOG + (0 if booking.cabin in PET_CABINS else KENNEL)
    return booking.bicycles * BICYCLE + booking.dogs * dog


def refund_of_cancelled(booking: Booking, ill: bool) -> Booking:
    """The passenger cancelled: by the ticket, or half with a doctor's certificate."""
    ahead = booking.sailing.departs - booking.cancelled_at
    late = ahead < timedelta(hours=24)
    whole = booking.costs.whole
    if booking.ticket == "flex":
        return booking.with_refund("RF-1", whole if ahead >= timedelta(minutes=30) else 0)
    if booking.ticket == "standard" and not late:
        return booking.with_refund("RF-1", per_cent(whole, 75))
    given_back = whole - (booking.costs.cabin if late else 0)
    return booking.with_refund("RF-5", per_cent(given_back, 50)) if ill else booking


def refund_of_missed(booking: Booking) -> Booking:
    """Harbour dues, on request; the ticket office has no code for them."""
    if booking.ticket == "flex" or booking.kind == "infant":
        return booking
    return booking.with_refund(None, HARBOUR_DUES)


def compensation(booking: Booking, cause: str, late: timedelta) -> Booking:
    """For late arrival by a cause other than weather."""
    minutes = late // timedelta(minutes=1)
    if cause == "weather" or minutes < 60:
        return booking
    amount = per_cent(booking.costs.fare, 25 if minutes < 120 else 50)
    return booking.with_refund("RF-4", amount if amount >= LEAST_COMPENSATION else 0)
