"""A page of representative queries and the exact SQL of each, per engine.

Each text is what a person would write: no join, subquery, cast or order that the question does not need. Where engines
agree the text stands once, under the first of them; `{...}` marks a value, whose spelling differs by engine.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from targets import Target
from toys import Maker, Sale, Toy, ToyTheme

import multidb_explorer as mdb
from multidb_explorer import Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, Value, When, Window
from multidb_explorer.query.functions import Rank

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")
# A value as each driver takes it, in PostgreSQL with its type.
PARAMETER = re.compile(r"\?|\$\d+|%\(\w+\)s(::[A-Z]+)?")


@pytest.fixture
def engine(target: Target, url: str) -> str:
    mdb.connect("default", url)
    return target.name


def flat(queryset: mdb.QuerySet[Any]) -> str:
    """Give the SQL in one line, with `?` for each value."""
    return PARAMETER.sub("?", " ".join(queryset.sql.partition("\n-- parameters")[0].split()))
