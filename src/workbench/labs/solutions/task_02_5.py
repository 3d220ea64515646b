"""Task 02.5: only questions reach the database."""

import sqlite3

READS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}


def is_safe(sql, schema):
    database, asked = sqlite3.connect(":memory:"), set()
    database.executescript(schema)

    def watch(action, *about):
        asked.add(action)
        return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY

    database.set_authorizer(watch)
    try:
        database.execute(sql)  # refuses a second statement by itself
    except (sqlite3.Error, sqlite3.Warning):
        return False
    return sqlite3.SQLITE_SELECT in asked and asked <= READS
