"""The Skerry Line database: the same rows again, and rows that agree with each other."""

from __future__ import annotations

import re
import sqlite3
import sys
import tomllib
from pathlib import Path

import pytest

ROWS, TIMETABLE_ROWS = "c82fd5217bd5f909", "9c40b990e2722c9f"
#: Tables that are not drawn again when passengers or bookings change.
TIMETABLE = ("fares", "ports", "routes", "sailings", "vessels", "weather")
#: Columns of a booking with those of its sailing and passenger, for the rules below.
WIDE = """
WITH wide AS (
    SELECT b.*, s.date, s.route, s.departs, s.status AS sailed, s.cause, s.delay_minutes,
        2026 - p.birth_year AS age, p.islander_card, p.home,
        CAST(strftime('%w', s.date) AS INTEGER) IN (0, 5, 6) AS weekend,
        (strftime('%s', s.date || ' ' || s.departs) - strftime('%s', b.cancelled_at)) / 60 AS ahead
    FROM bookings b
    JOIN sailings s ON s.id = b.sailing_id
    JOIN passengers p ON p.id = b.passenger_id
)
"""
#: What a row of ``wide`` must not be.
BROKEN = {
    "infants are under four": "(kind = 'infant') <> (age < 4)",
    "children are 4 to 15": "(kind = 'child') <> (age BETWEEN 4 AND 15)",
    "young people are 16 to 19": "kind = 'youth' AND age NOT BETWEEN 16 AND 19",
    "seniors are 67 and travel Monday to Thursday": "kind = 'senior' AND (age < 67"
    " OR strftime('%w', date) NOT BETWEEN '1' AND '4')",
    "the card counts from 16 on": "(kind = 'islander') <> (islander_card AND age >= 16)",
    "the larger discount counts": "kind IN ('adult', 'student') AND (age BETWEEN 16 AND 19"
    " OR age >= 67 AND strftime('%w', date) BETWEEN '1' AND '4')",
    "cards are for islanders": "islander_card AND home = 'mainland'",
    "only grown people bring a car": "cars AND age < 18",
    "an electric car is a car": "electric AND NOT cars",
    "two dogs at most": "dogs > 2",
    "cabins are on R5": "cabin IS NOT NULL AND route <> 'R5'",
    "a cabin has a kind": "(cabin IS NULL) <> (cabin_kind IS NULL)",
    "Saver is bought a week before": "ticket = 'saver' AND date(booked_on, '+7 days') > date",
    "nobody books afterwards": "booked_on > date",
    "the purser sells on the day": "channel = 'purser' AND booked_on <> date",
    "Little Auk has no purser": "channel = 'purser' AND route = 'R4'",
    "we cancelled when the sailing was": "(status = 'cancelled_by_us') <> (sailed = 'cancelled')",
    "only passengers' cancellations have a time": "(status = 'cancelled_by_passenger') <>"
    " (cancelled_at IS NOT NULL)",
    "cancelled between booking and departure": "ahead <= 0 OR date(cancelled_at) < booked_on",
    "only we move people": "moved_to IS NOT NULL AND status <> 'cancelled_by_us'",
    "a code means money": "refund_code IS NOT NULL AND COALESCE(refund_kr, 0) <= 0",
    "never more than was paid": "refund_kr > price_kr AND refund_code <> 'RF-6'",
    "RF-1 by the ticket": "refund_code = 'RF-1' AND refund_kr <> CASE"
    " WHEN status <> 'cancelled_by_passenger' OR ahead < 30 THEN -1"
    " WHEN ticket = 'flex' THEN price_kr"
    " WHEN ticket = 'standard' AND ahead >= 1440 THEN (price_kr * 75 + 50) / 100 ELSE -1 END",
    "what the ticket gives is paid": "status = 'cancelled_by_passenger' AND refund_code IS NULL"
    " AND price_kr > 0 AND (ticket = 'flex' AND ahead >= 30"
    " OR ticket = 'standard' AND ahead >= 1440)",
    "RF-2 and RF-3 by the cause": "refund_code IN ('RF-2', 'RF-3') AND (refund_kr <> price_kr"
    " OR status <> 'cancelled_by_us' OR moved_to IS NOT NULL"
    " OR (cause = 'weather') <> (refund_code = 'RF-3'))",
    "who is not moved is paid": "status = 'cancelled_by_us' AND moved_to IS NULL"
    " AND refund_kr IS NULL AND price_kr > 0",
    "RF-4 for an hour and more": "refund_code = 'RF-4' AND moved_to IS NULL AND (cause = 'weather'"
    " OR refund_kr < 20 OR refund_kr <> CASE"
    " WHEN delay_minutes >= 120 THEN (fare_kr * 50 + 50) / 100"
    " WHEN delay_minutes >= 60 THEN (fare_kr * 25 + 50) / 100 ELSE -1 END)",
    "RF-4 when moved, not after weather": "refund_code = 'RF-4' AND moved_to IS NOT NULL"
    " AND cause = 'weather'",
    "RF-5 where the ticket gives nothing": "refund_code = 'RF-5' AND (ticket = 'flex'"
    " OR status <> 'cancelled_by_passenger' OR ticket = 'standard' AND ahead >= 1440"
    " OR refund_kr > (price_kr * 50 + 50) / 100"
    " OR cabin IS NULL AND refund_kr <> (price_kr * 50 + 50) / 100)",
    "RF-6 is a voucher": "refund_code = 'RF-6' AND (refund_kr <> 50 OR status <> 'travelled'"
    " OR delay_minutes >= 60 AND cause <> 'weather')",
    "money without a code is harbour dues": "refund_code IS NULL AND refund_kr IS NOT NULL"
    " AND (refund_kr <> 12 OR status <> 'no_show' OR ticket = 'flex')",
    "infants pay nothing": "kind = 'infant' AND fare_kr <> 0",
}
PRICE = """
SELECT w.reference FROM wide w
LEFT JOIN fares f ON f.ticket = w.ticket AND f.passenger = w.kind AND
    (f.origin, f.destination) IN ((from_port, to_port), (to_port, from_port))
JOIN fares c ON c.ticket = w.ticket AND c.passenger = 'car' AND
    (c.origin, c.destination) IN ((from_port, to_port), (to_port, from_port))
WHERE fare_kr <> COALESCE(f.price_kr, 0) OR w.price_kr <> fare_kr
    + cars * (c.price_kr * CASE WHEN islander_card THEN 75 ELSE 100 END + 50) / 100
    + 40 * (cars AND NOT electric AND NOT islander_card AND weekend AND route IN ('R1', 'R2')
        AND date BETWEEN '2026-06-14' AND '2026-08-23')
    + bicycles * CASE route WHEN 'R4' THEN 0 ELSE 25 END
    + dogs * CASE WHEN route = 'R4' THEN 0 WHEN route <> 'R5' THEN 30
        WHEN cabin BETWEEN 401 AND 404 THEN 90 ELSE 150 END
    + CASE cabin_kind WHEN 'inside 2' THEN 420 WHEN 'accessible 2' THEN 420
        WHEN 'outside 2' THEN 520 WHEN 'inside 4' THEN 640 ELSE 0 END
    + 150 * COALESCE(cabin BETWEEN 401 AND 404, 0)
"""
ABOARD = """
WITH aboard AS (
    SELECT sailing_id AS id, cars, bicycles, dogs, cabin FROM bookings WHERE status = 'travelled'
    UNION ALL
    SELECT moved_to, cars, bicycles, dogs, NULL FROM bookings WHERE moved_to IS NOT NULL
)
"""


@pytest.fixture(scope="module")
def made(data, script):
    """The script that makes the database; its parts lie beside it."""
    sys.path.insert(0, str(data / "make"))
    yield script("database")
    sys.path.remove(str(data / "make"))


@pytest.fixture(scope="module")
def kept(data) -> Path:
    return data / "corpus" / "skerry.sqlite"


@pytest.fixture(scope="module")
def database(kept):
    database = sqlite3.connect(f"file:{kept}?mode=ro", uri=True)
    yield database
    database.close()


def test_rows_are_the_same_again(made, kept, tmp_path):
    made.make(tmp_path / "again.sqlite")
    assert made.digest(tmp_path / "again.sqlite") == made.digest(kept)
    assert made.digest(kept).startswith(ROWS)
    assert made.digest(kept, *TIMETABLE).startswith(TIMETABLE_ROWS)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sailings SET passengers = passengers + 1 WHERE id = 700",
        "UPDATE bookings SET refund_kr = NULL WHERE refund_kr = 50",
        "UPDATE passengers SET islander_card = 1 WHERE id = 7",
        "DELETE FROM incidents WHERE id = 9",
    ],
)
def test_digest_sees_a_change(made, kept, tmp_path, change):
    file = tmp_path / "changed.sqlite"
    file.write_bytes(kept.read_bytes())
    changed = sqlite3.connect(file)
    changed.execute(change)
    changed.commit()
    changed.close()
    assert made.digest(file) != made.digest(kept)


def test_twenty_thousand_rows_in_a_small_file(database, kept):
    names = [
        row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    assert len(names) == 9
    counts = [database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in names]
    assert sum(counts) == 20_000
    assert kept.stat().st_size < 3_000_000


def test_keys_hold(database):
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    numbers = [row[0] for row in database.execute("SELECT reference FROM bookings")]
    assert all(re.fullmatch(r"SK[2-9A-HJKMNP-Z]{5}", number) for number in numbers)


def test_units_are_explained_in_the_schema(database):
    schema = database.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    assert all("--" in sql for (sql,) in schema)
    for (sql,) in schema:
        for line in sql.splitlines():
            if re.match(r"\s+\w+(_kr|_ms|_m|_on|_at|_to|_code|_minutes|_lost) ", line):
                assert "--" in line, line


@pytest.mark.parametrize("rule", BROKEN)
def test_bookings(database, rule):
    broken = database.execute(f"{WIDE} SELECT reference FROM wide WHERE {BROKEN[rule]}").fetchall()
    assert broken == []


def test_prices_are_those_of_the_fares(database):
    assert database.execute(WIDE + PRICE).fetchall() == []


def test_prices_are_those_of_the_documents(documents):
    for name, said in (
        ("luggage", "| Bicycle or electric bicycle | 25 kr |"),
        ("luggage", "Bicycles travel free on the crossing between Ulvey South and Little Gannet"),
        ("pets", "| Marrowick - Storholm | 30 kr | free |"),
        ("pets", "| Marrowick - Skarn Haven | 90 kr | 45 kr |"),
        ("pets", "numbers 401 to 404. They cost 150 kr on top of the price of the cabin"),
        ("pets", "six kennels on the vehicle deck at 60 kr a crossing"),
        ("fares", "| Two berths, inside | 420 kr |"),
        ("fares", "| Two berths, outside | 520 kr |"),
        ("fares", "| Four berths, inside | 640 kr |"),
        ("fares", "| Accessible cabin, two berths | 420 kr |"),
        ("accessibility", "two accessible cabins, 301 and 302"),
        ("circular-2026-05", "a supplement of 40 kr on every crossing of R1 and R2"),
        ("islander-card", "25 % off the fare of"),
        ("refunds", "| Standard | 75 % of the fare | 24 hours before departure |"),
        ("refunds", "| 60 to 119 minutes | 25 % of the single fare |"),
        ("refunds", "Compensation below 20 kr is not paid out"),
        ("handbook-refunds", "we pay back 50 % of a Saver or Standard ticket"),
        ("handbook-refunds", "a goodwill voucher of 50 kr"),
    ):
        assert said in documents[name].text, said


def test_no_ship_is_overbooked(database):
    over = database.execute(
        f"{ABOARD} SELECT s.id FROM aboard a JOIN sailings s USING (id) JOIN vessels v ON "
        "v.name = s.vessel GROUP BY s.id HAVING COUNT(*) > s.passengers OR SUM(a.cars) > s.cars "
        "OR SUM(a.bicycles) > v.bicycles OR s.passengers > v.passengers OR s.cars > v.cars"
    ).fetchall()
    assert over == []
    kennels = database.execute(
        f"{ABOARD} SELECT id FROM aboard JOIN sailings USING (id) WHERE route = 'R5' AND "
        "COALESCE(cabin, 0) NOT BETWEEN 401 AND 404 GROUP BY id HAVING SUM(dogs) > 6"
    ).fetchall()
    assert kennels == []
    twice = database.execute(
        "SELECT sailing_id FROM bookings WHERE cabin IS NOT NULL "
        "GROUP BY sailing_id, cabin HAVING COUNT(*) > 1"
    ).fetchall()
    assert twice == []


def test_few_are_booked_beside_dangerous_goods(database):
    most = database.execute(
        f"{ABOARD} SELECT COUNT(*) AS people FROM aboard JOIN sailings USING (id) "
        "WHERE route = 'R1' AND departs IN ('05:45', '06:45') "
        "AND strftime('%w', date) IN ('2', '5') GROUP BY id ORDER BY people DESC LIMIT 1"
    ).fetchone()
    assert most[0] <= 36


def test_nobody_is_in_two_places_on_a_day(database):
    twice = database.execute(
        f"{WIDE} SELECT passenger_id FROM wide GROUP BY passenger_id, date HAVING COUNT(*) > 1"
    ).fetchall()
    assert twice == []


def test_people_move_to_a_later_sailing_of_the_same_way(database):
    wrong = database.execute(
        "SELECT b.reference FROM bookings b JOIN sailings a ON a.id = b.sailing_id "
        "JOIN sailings z ON z.id = b.moved_to WHERE z.status = 'cancelled' OR "
        "(a.route, a.origin) <> (z.route, z.origin) OR z.date || z.departs <= a.date || a.departs "
        "OR julianday(z.date) - julianday(a.date) > 14"
    ).fetchall()
    assert wrong == []


def test_two_vouchers_at_most(database):
    most = database.execute(
        "SELECT COUNT(*) AS n FROM bookings WHERE refund_code = 'RF-6' "
        "GROUP BY passenger_id ORDER BY n DESC LIMIT 1"
    ).fetchone()
    assert most[0] <= 2


def test_incidents_explain_delays(database):
    unexplained = database.execute(
        "SELECT s.id FROM sailings s LEFT JOIN incidents i ON i.sailing_id = s.id AND "
        "i.kind = s.cause AND i.minutes_lost IS CASE s.status WHEN 'cancelled' THEN NULL "
        "ELSE s.delay_minutes END WHERE s.cause IN ('technical', 'medical') "
        "GROUP BY s.id HAVING COUNT(i.id) <> 1"
    ).fetchall()
    assert unexplained == []
    unfounded = database.execute(
        "SELECT i.id FROM incidents i LEFT JOIN sailings s ON s.id = i.sailing_id WHERE "
        "i.minutes_lost > 0 AND i.minutes_lost IS NOT s.delay_minutes OR i.minutes_lost IS NULL "
        "AND s.status IS NOT 'cancelled' OR i.date <> s.date OR i.closed_on < i.date"
    ).fetchall()
    assert unfounded == []
    reports = [row[0] for row in database.execute("SELECT report FROM incidents")]
    assert len(reports) == len(set(reports))


def test_people(database, made):
    people = database.execute("SELECT name, phone, email, birth_year FROM passengers").fetchall()
    assert all(re.fullmatch(r"0700 555 \d{3}", phone) for _, phone, _, _ in people if phone)
    assert all(mail.endswith(".example") for _, _, mail, _ in people if mail)
    for column in (1, 2):
        given = [row[column] for row in people if row[column]]
        assert len(given) == len(set(given))
    years = {row[3] for row in people if row[0] != "Odd Terrin"}
    assert not years & {2022, 2010, 2006, 1959}  # their age on a day would be in doubt
    names = {row[0] for row in people}
    assert {person[0] for person in made.people.KNOWN} <= names


def test_people_of_the_documents(database):
    assert database.execute(
        "SELECT name, cabin, s.date FROM bookings b JOIN sailings s ON s.id = sailing_id "
        "JOIN passengers p ON p.id = passenger_id WHERE name = 'Petra Lunde'"
    ).fetchall() == [("Petra Lunde", 302, "2026-06-21")]
    assert database.execute(
        "SELECT name FROM bookings JOIN passengers p ON p.id = passenger_id "
        "WHERE reference = 'SK7Q4M2'"
    ).fetchall() == [("Tobias Quill",)]


def test_database_agrees_with_the_world_sheet(database, data):
    world = tomllib.loads((data / "world.toml").read_text("utf-8"))
    assert database.execute("SELECT * FROM ports").fetchall() == [
        (code, *names) for code, names in world["ports"].items()
    ]
    limits = dict(database.execute("SELECT name, wind_limit_ms FROM vessels"))
    assert limits == {name: ship["wind"] for name, ship in world["vessels"].items()}
    for fare in world["fares"]:
        for who, price in (("adult", fare["adult"]), ("car", fare["car"])):
            assert database.execute(
                "SELECT price_kr FROM fares WHERE ticket = 'standard' AND passenger = ? "
                "AND origin = ? AND destination = ?",
                (who, fare["from"], fare["to"]),
            ).fetchall() == [(price,)]


def test_database_agrees_with_the_documents(database):
    late = database.execute(
        "SELECT COUNT(*) FROM sailings JOIN vessels ON name = vessel JOIN weather USING (date) "
        "WHERE (wind_ms >= wind_limit_ms) <> (cause = 'weather' AND status = 'cancelled')"
    ).fetchone()
    assert late == (0,)
    first = database.execute(
        "SELECT MIN(departs) FROM sailings WHERE origin = 'MRW' AND route = 'R1'"
    ).fetchone()
    assert first == ("05:45",)
    night = database.execute(
        "SELECT DISTINCT strftime('%w', date), departs FROM sailings "
        "WHERE route = 'R5' AND origin = 'MRW' ORDER BY 1"
    ).fetchall()
    assert night == [("0", "22:30"), ("2", "22:30"), ("4", "22:30")]
    assert database.execute("SELECT COUNT(*) FROM sailings").fetchone() == (1_923,)
