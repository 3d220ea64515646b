"""Task 02.5: a guard that lets only questions reach the database."""

from __future__ import annotations

from typing import Any

from workbench.labs.asking import Learner, Wrong

SCHEMA = """CREATE TABLE sailings (id INTEGER, route TEXT, departs TEXT, updated_at TEXT);
CREATE TABLE bookings (id INTEGER, sailing_id INTEGER, price_kr INTEGER);"""
QUESTIONS = [
    ("SELECT count(*) FROM sailings", "This is a plain question. What keeps it out?"),
    ("  select route from sailings ;\n", "Small letters, blanks and one semicolon at the end do no "
     "harm."),
    ("-- which routes?\nSELECT DISTINCT route FROM sailings", "A remark in front of a question is "
     "no reason to refuse it."),
    ("WITH late AS (SELECT * FROM sailings) SELECT count(*) FROM late", "A question may begin with "
     "WITH as well."),
    ("SELECT count(*) FROM sailings WHERE route = 'drop; delete'", "These words are a value "
     "between quotes and do nothing. Does your guard look at words or at what they mean?"),
    ("SELECT max(updated_at), replace(route, '-', ' ') FROM sailings", "A column named updated_at "
     "and the function replace() only look like commands."),
]  # fmt: skip
ATTACKS = [
    ("DELETE FROM bookings", "This empties a table."),
    ("drop table sailings", "This removes a table, in small letters."),
    ("SELECT 1; DROP TABLE bookings", "It begins as a question. And after the semicolon?"),
    ("SELECT 1;-- done\nDELETE FROM bookings", "A remark after the semicolon does not end the "
     "text: the next line is a second statement."),
    ("/* SELECT */ DELETE FROM bookings", "SELECT stands in a remark here. What is carried out?"),
    ("WITH old AS (SELECT id FROM bookings) DELETE FROM bookings WHERE id IN (SELECT id FROM old)",
     "Not all that begins with WITH is a question. What does this one do in the end?"),
    ("INSERT INTO bookings (price_kr) SELECT price_kr FROM bookings", "It contains a question, and "
     "writes its result into a table."),
    ("REPLACE INTO bookings SELECT * FROM bookings", "REPLACE writes too."),
    ("CREATE TABLE copy AS SELECT * FROM bookings", "This makes a new table."),
    ("PRAGMA writable_schema = 1", "PRAGMA changes settings of the database itself."),
    ("ATTACH DATABASE 'other.sqlite' AS other", "ATTACH opens another file: is that reading?"),
    ("VACUUM INTO 'nowhere/copy.sqlite'", "This writes the whole database into a file elsewhere."),
    ("-- nothing at all", "There is nothing in it to be carried out."),
    ("Please show me all sailings", "That is no SQL. Can a guard let through what it does not "
     "understand?"),
]  # fmt: skip


def check(learner: Learner) -> Any:
    """Harmless questions that look dangerous, and dangerous ones that look harmless."""
    cases = [(sql, True, say) for sql, say in QUESTIONS[:1]]
    cases += [(sql, False, say) for sql, say in ATTACKS]
    cases += [(sql, True, say) for sql, say in QUESTIONS[1:]]
    for sql, right, say in cases:
        got, call = learner(sql, SCHEMA), f"{learner.name}({sql!r}, schema)"
        if not isinstance(got, bool | int) or got not in (True, False):
            raise Wrong("Return True for a question and False for all else.", right, got, call)
        if bool(got) is not right:
            raise Wrong(say, right, bool(got), call)
    return None
