"""How changes look on a screen: values cut where they would flood it, whatever is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from multidb_explorer.changes.records import Change, Delete, Insert
from multidb_explorer.display import Cell

__all__ = ["cell", "key_text", "listed", "phrase", "rows_of", "short", "shown_at", "statement_text"]

_LONGEST = 60
_MOST_ROWS = 50


def short(value: Any) -> str:
    """Spell a value as Python does, cut where it is long.

    Examples
    --------
    >>> short("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…' (100 characters)"
    """
    if isinstance(value, str | bytes) and len(value) > _LONGEST:
        text = repr(value[:_LONGEST])
        return f"{text[:-1]}…{text[-1]} ({len(value):,} {'characters' if isinstance(value, str) else 'bytes'})"
    text = repr(value) if isinstance(value, str | bytes | float) or value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def cell(value: Any) -> Cell:
    """Spell a value for a table, where NULL has a look of its own."""
    return None if value is None else short(value)


def key_text(key: Mapping[str, Any]) -> str:
    """Spell a key.

    Examples
    --------
    >>> key_text({"order_id": 10, "line": 2})
    'order_id=10, line=2'
    """
    return ", ".join(f"{name}={short(value)}" for name, value in key.items())


def statement_text(sql: str, parameters: Mapping[str, Any]) -> str:
    """Put a statement above its values.

    Examples
    --------
    >>> print(statement_text("SELECT ?", {"id": 1}))
    SELECT ?
      [id=1]
    """
    flat = " ".join(sql.split("\n"))
    return f"{flat}\n  [{key_text(parameters)}]" if parameters else flat


def phrase(counts: Iterable[Sequence[int]], nothing: str) -> str:
    """Say how many rows are changed, new and deleted.

    Examples
    --------
    >>> phrase([(1, 3, 2)], "staged")
    '3 changed, 1 new, 2 deleted'
    >>> phrase([], "staged")
    'nothing staged'
    """
    new, changed, deleted = (sum(numbers) for numbers in zip((0, 0, 0), *counts, strict=True))
    parts = ((changed, "changed"), (new, "new"), (deleted, "deleted"))
    return ", ".join(f"{number:,} {word}" for number, word in parts if number) or f"nothing {nothing}"


def shown_at(at: dt.datetime) -> str:
    """Spell a time to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def rows_of(change: Change, after: Mapping[str, Any] | None = None) -> Iterator[list[Cell]]:
    """List the cells of a change: table, key, what happens, column, before and after."""
    if isinstance(change, Insert):
        named = "" if after is None else key_text({name: after[name] for name in list(after)[:1]})
        for name, value in change.values.items():
            yield [change.table, named, "new", name, "", cell(value)]
        if not change.values:
            yield [change.table, named, "new", "", "", ""]
    elif isinstance(change, Delete):
        yield [change.table, key_text(change.key), "deleted", "", "", ""]
    else:
        for name, value in change.values.items():
            yield [change.table, key_text(change.key), "changed", name, cell(change.original.get(name)), cell(value)]


def listed(found: Iterable[Iterable[list[Cell]]]) -> list[list[Cell]]:
    """Join rows for a table, and say so where there are more than a screen takes."""
    everything = (row for rows in found for row in rows)
    shown = list(islice(everything, _MOST_ROWS))
    if next(everything, None) is not None:
        shown.append(["…", *[""] * (len(shown[0]) - 1)])
    return shown
