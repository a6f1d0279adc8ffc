"""How many rows MySQL expects a statement to give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.functions import Explained

__all__ = ["estimated_rows"]

# The plan counts the rows that are looked at; these make fewer of them, or more.
_RESHAPES = re.compile(
    r"\b(group\s+by|distinct|union|intersect|except|having|over)\b"
    r"|\b(count|sum|avg|min|max|any_value|std\w*|var\w*|group_concat|bit_(and|or|xor)|json_\w*agg)\s*\(",
    re.IGNORECASE,
)


def estimated_rows(connection: Connection, statement: sa.Executable) -> int | None:
    """Estimate by the plan; ``None`` where it says nothing of the rows that come out."""
    # A statement that has no plan fails now or when it runs; here nothing depends on it.
    with suppress(sa.exc.SQLAlchemyError, TypeError, ValueError):
        mariadb = getattr(connection.dialect, "is_mariadb", False)
        found = connection.execute(Explained("EXPLAIN EXTENDED" if mariadb else "EXPLAIN", statement))
        steps = [dict(row) for row in found.mappings()]
        return None if _RESHAPES.search(found.context.statement or "") else _product(steps)
    return None


def _product(steps: Iterable[Mapping[str, Any]]) -> int | None:
    """Multiply the rows of the tables that are joined; how many a join by no index keeps is not known."""
    product = 1.0
    for step in steps:
        if step["id"] != 1:
            continue
        if step["rows"] is None or "join buffer" in (step["Extra"] or ""):
            return None
        product *= int(step["rows"]) * float(step.get("filtered") or 100) / 100
    return round(product)
