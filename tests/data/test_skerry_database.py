"""The Skerry Line database: the same rows again, and rows that agree with each other."""

from __future__ import annotations

import sqlite3

ROWS = "4b0cd9ab8bf4d7e8"


def test_database_rows_are_the_same_again(data, script, tmp_path):
    made = script("database")
    made.make(tmp_path / "again.sqlite")
    kept = made.digest(data / "corpus" / "skerry.sqlite")
    assert made.digest(tmp_path / "again.sqlite") == kept
    assert kept.startswith(ROWS)


def test_digest_sees_one_changed_row(data, script, tmp_path):
    made = script("database")
    file = tmp_path / "changed.sqlite"
    made.make(file)
    database = sqlite3.connect(file)
    database.execute("UPDATE sailings SET passengers = passengers + 1 WHERE id = 700")
    database.commit()
    database.close()
    assert made.digest(file) != made.digest(data / "corpus" / "skerry.sqlite")


def test_database_agrees_with_the_documents(data):
    database = sqlite3.connect(data / "corpus" / "skerry.sqlite")
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
    assert 1_900 <= database.execute("SELECT COUNT(*) FROM sailings").fetchone()[0] <= 2_100
    database.close()
