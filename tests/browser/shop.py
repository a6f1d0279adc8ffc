"""Databases that the browser tests look at, written without the package."""

from __future__ import annotations

import sqlite3

FIRST = ("Ann", "Łukasz", "Zoë", "José", "Mei", "Ravi", "Olga", "Tom")
LAST = ("Larsson", "Nowak", "Fischer", "García", "Chen")
COUNTRIES = ("SE", "PL", None, "ES", "FR")
PAYLOAD = '<img src=x onerror="window.hacked=1">'
USERS = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, country CHAR(2), balance NUMERIC(12, 2), active BOOLEAN, notes TEXT
);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total NUMERIC(10, 2));
CREATE VIEW active_users AS SELECT id, name FROM users WHERE active;
"""


def user(n):
    """Make row number `n`, counted from 0."""
    notes = {1: PAYLOAD, 3: None}.get(n % 7, f"note {n}")
    balance = None if n % 9 == 4 else round(n * 79.19 % 1000, 2)
    return (n + 1, f"{FIRST[n % 8]} {LAST[n % 5]}", COUNTRIES[n % 5], balance, n % 3 != 0, notes)


def fill(path, users, orders=0):
    """Create a database with users, of whom 101 to 103 have orders."""
    connection = sqlite3.connect(path)
    connection.executescript(USERS)
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", map(user, range(users)))
    connection.executemany(
        "INSERT INTO orders VALUES (?, ?, ?)", ((n + 1, 101 + n % 3, n * 1.5) for n in range(orders))
    )
    connection.commit()
    connection.close()
    return path


def execute(path, *statements):
    """Run SQL on a file."""
    connection = sqlite3.connect(path)
    for statement, *values in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


def column(path, query):
    """Give the first column of a query's rows."""
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute(query)]
    finally:
        connection.close()


def names_in(path, where="1"):
    """Give the names of users."""
    return column(path, f"SELECT name FROM users WHERE {where} ORDER BY id")
