"""The exact SQL of representative queries, per engine: quoted by the dialect, every value a parameter."""

from __future__ import annotations

import pytest
from shop import User
from targets import Target

import multidb_explorer as mdb


@pytest.fixture
def legacy(target: Target, url: str) -> Target:
    mdb.connect("legacy", url)
    return target


def flat(queryset: mdb.QuerySet[User]) -> str:
    return " ".join(queryset.sql.partition("\n-- parameters")[0].split())


ALL = "SELECT users.id, users.name, users.country, users.score, users.boss_id FROM users"
# The collation finds what may be meant, the bytes tell what is: "FR" is not "fr" on any engine.
BYTES = "CAST(convert(users.country USING utf8mb4) AS BINARY)"
EXPECTED = {
    "sqlite": [
        f"{ALL} WHERE users.country = ? AND users.score > ?",
        f"{ALL} WHERE NOT (users.country = ? AND users.country IS NOT NULL)",
        f"{ALL} WHERE users.id IN (?, ?) ORDER BY users.name DESC, users.id ASC",
        f"{ALL} ORDER BY users.id ASC LIMIT ? OFFSET ?",
        f"{ALL} WHERE users.country IS NULL",
    ],
    "duckdb": [
        f"{ALL} WHERE users.country = $1 AND users.score > $2",
        f"{ALL} WHERE NOT (users.country = $1 AND users.country IS NOT NULL)",
        f"{ALL} WHERE users.id IN ($1, $2) ORDER BY users.name DESC, users.id ASC",
        f"{ALL} ORDER BY users.id ASC LIMIT $1 OFFSET $2",
        f"{ALL} WHERE users.country IS NULL",
    ],
    "postgresql": [
        f"{ALL} WHERE users.country = %(country_1)s::VARCHAR AND users.score > %(score_1)s::INTEGER",
        f"{ALL} WHERE NOT (users.country = %(country_1)s::VARCHAR AND users.country IS NOT NULL)",
        f"{ALL} WHERE users.id IN (%(id_1_1)s::INTEGER, %(id_1_2)s::INTEGER) ORDER BY users.name DESC, users.id ASC",
        f"{ALL} ORDER BY users.id ASC LIMIT %(param_1)s::INTEGER OFFSET %(param_2)s::INTEGER",
        f"{ALL} WHERE users.country IS NULL",
    ],
    "mariadb": [
        f"{ALL} WHERE users.country = %(country_1)s AND {BYTES} = %(param_1)s AND users.score > %(score_1)s",
        f"{ALL} WHERE NOT (users.country = %(country_1)s AND {BYTES} = %(param_1)s AND users.country IS NOT NULL)",
        f"{ALL} WHERE users.id IN (%(id_1_1)s, %(id_1_2)s) ORDER BY users.name DESC, users.id ASC",
        f"{ALL} ORDER BY users.id ASC LIMIT %(param_1)s, %(param_2)s",
        f"{ALL} WHERE users.country IS NULL",
    ],
}


def test_the_sql_is_exactly_this(legacy: Target) -> None:
    users = User.objects
    asked = [
        users.filter(country="FR", score__gt=10),
        users.exclude(country="FR"),
        users.filter(id__in=[1, 2]).order_by("-name"),
        users.all()[20:30],
        users.filter(country=None),
    ]

    assert [flat(queryset) for queryset in asked] == EXPECTED[legacy.name]


def test_a_hostile_value_is_a_parameter_and_never_part_of_the_text(legacy: Target) -> None:
    hostile = "'; DROP TABLE users; --"

    text, _, parameters = User.objects.filter(name=hostile, country__in=[hostile]).sql.partition("-- parameters")
    assert "DROP" not in text
    assert parameters.count("DROP TABLE") >= 2
