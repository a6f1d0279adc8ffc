"""A QuerySet as a dask DataFrame: ranges of the key that the workers read themselves.

The bounds are keys that exist, found by going from one to the next by index, so that every part has the same number of
rows however sparse the keys are. What is sent to the workers is one pickled `PartReader`: the statement, its columns
and the alias's settings, in which secrets are references.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.config import AliasSettings
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.secrets import PROMPT, Secret
from multidb_explorer.errors import FieldError, FieldValueError, ImproperlyConfigured, KeyRequired, whole_number
from multidb_explorer.query.source import Field
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_table

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

    from multidb_explorer.query.queryset import QuerySet

__all__ = ["PartReader", "Parts", "Span", "database_of", "refuse_unreachable", "to_dask"]

Key = tuple[Any, ...]
Condition = sa.ColumnElement[bool]

_PART_ROWS = 500_000
_PART_BYTES = 100 * 10**6
# Bytes that a value takes in memory, where its kind says little of its length.
_WIDTHS = {"text": 48, "json": 256, "binary": 256, "other": 64, "array": 128, "decimal": 16, "uuid": 16, "interval": 16}
# Kinds whose comparison agrees with their order in every product; NaN among floats does not.
_COMPARABLE = frozenset({"integer", "decimal", "text", "date", "time", "timestamp", "uuid"})
# Kinds of keys that pandas orders as every database does.
_DIVISIBLE = frozenset({"integer", "timestamp"})


@dataclass(frozen=True)
class Parts:
    """Into how many parts rows are divided, or how many rows a part has.

    Examples
    --------
    >>> Parts(size=0)
    Traceback (most recent call last):
    multidb_explorer.errors.FieldValueError: partition_size is a whole number of at least 1, not 0.
    """

    number: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("npartitions", self.number), ("partition_size", self.size)):
            if value is not None:
                whole_number(name, value)
        if self.number is not None and self.size is not None:
            raise FieldValueError("to_dask() takes npartitions or partition_size, not both.")


@dataclass(frozen=True)
class Span:
    """A range of the key: from one that is still in it up to one that is not; without one it is open.

    Attributes
    ----------
    unknown
        Whether rows without a key belong to it.
    """

    start: Key | None = None
    stop: Key | None = None
    unknown: bool = False


@dataclass(frozen=True, eq=False)
class PartReader:
    """Reads one range of the key, in whatever process it finds itself.

    Attributes
    ----------
    settings
        The alias that is asked.
    statement, columns
        What is read, and what it gives.
    key
        The columns of the key.
    optional
        Whether a row may have no key.
    how
        Options of `results.frames.to_pandas`.
    """

    settings: AliasSettings
    statement: sa.Select[Any]
    columns: tuple[ResultColumn, ...]
    key: tuple[sa.ColumnElement[Any], ...]
    optional: bool
    how: Mapping[str, Any]

    def __call__(self, span: Span) -> pd.DataFrame:
        """Read a range."""
        condition = _within(self.key, span, optional=self.optional)
        statement = self.statement if condition is None else self.statement.where(condition)
        return self._frame(read_table(database_of(self.settings), Reading(statement, self.columns)))

    @property
    def empty(self) -> pd.DataFrame:
        """A frame of no rows, of the very dtypes."""
        return self._frame(arrow_schema(self.columns).empty_table())

    def _frame(self, table: Any) -> pd.DataFrame:
        from multidb_explorer.results.frames import Frames

        return Frames(apart=True, **self.how).frame(table)


def to_dask(queryset: Any, parts: Parts, how: Mapping[str, Any]) -> dd.DataFrame:
    """Make the dask DataFrame of a QuerySet; see `QuerySet.to_dask`."""
    import dask
    import dask.dataframe as dd

    database = databases[queryset.db]
    refuse_unreachable(database, "to_dask()")
    asked = _Asked(queryset, database)
    if parts.number == 1:
        reader, spans = asked.whole(how), [Span()]
    else:
        asked.refuse_undividable()
        reader, spans = asked.reader(how), asked.spans(parts)
    divisions = asked.divisions(spans, how["index"])
    make: Any = dd.from_map
    # dask would turn texts into a type of its own, and the dtypes are those of to_pandas().
    with dask.config.set({"dataframe.convert-string": False}):
        found: dd.DataFrame = make(reader, spans, meta=reader.empty, divisions=divisions, label="multidb")
    return found


def refuse_unreachable(database: Database, what: str) -> None:
    """Refuse a database that other processes can't reach by its settings.

    Parameters
    ----------
    what
        Who gives the settings to other processes.

    Raises
    ------
    ImproperlyConfigured
        For a memory database, inside of a block, and for a secret that is no reference.
    """
    if database.shares_connection:
        raise ImproperlyConfigured(
            f"{what} uses alias {database.alias!r} in sessions of its own, and none of them can see what a memory "
            f"database or an open atomic() block holds. Use a database in a file or on a server, outside of atomic()."
        )
    settings = database.settings
    for secret in _secrets([settings.password, settings.query_secrets, settings.options]):
        if secret.reference in (None, PROMPT):
            raise ImproperlyConfigured(
                f"{what} gives the settings of alias {database.alias!r} to other processes, and a secret that is "
                f"written out, computed or typed must not go along ({secret!r}). Give it as a reference that they can "
                f"look up, such as PASSWORD='env:NAME', 'file:PATH' or 'keyring:service/user'."
            )


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _secrets(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _secrets(part)


class _Asked:
    """A QuerySet that is about to be divided by its key."""

    def __init__(self, queryset: QuerySet[Any], database: Database) -> None:
        self._queryset = queryset
        self._database = database

    @property
    def _key(self) -> tuple[Field, ...]:
        bound = self._queryset.bound
        return tuple(bound.field(name) for name in bound.key)

    @property
    def _ordered(self) -> bool:
        return bool(self._queryset._state.order)

    def refuse_undividable(self) -> None:
        """Refuse a query of which no ranges of the key can be read."""
        queryset, key = self._queryset, self._queryset.bound.key
        table = f"table {queryset.bound.table.name!r} on alias {self._database.alias!r}"
        one_part = "Say npartitions=1 to read everything as one part"
        if not key:
            raise KeyRequired(
                f"to_dask() divides rows by ranges of their key, and {table} has none. {one_part}, or name a key: "
                f"Meta.key = ('column', ...) or mdb.reflect(..., key=('column', ...))."
            )
        odd = next((field for field in self._key if field.kind.name not in _COMPARABLE), None)
        if odd is not None:
            raise FieldError(f"to_dask() can't compare keys such as {odd.name!r} of {table}: {odd.kind}. {one_part}.")
        if queryset._state.empty or not queryset.row_by_row:
            raise FieldError(
                f"to_dask() divides rows by ranges of the key, which a query that is sliced, distinct, grouped, "
                f"reversed, combined or joined with many rows does not have. {one_part}."
            )
        order = tuple(queryset.ordered_by)
        if order not in ((), ("pk",), key):
            raise FieldError(
                f"to_dask() reads rows in the order of the key, not by {', '.join(order)}. Take order_by() without "
                f"names and sort the frame. {one_part}."
            )

    def whole(self, how: Mapping[str, Any]) -> PartReader:
        """Give what reads everything."""
        reading = self._queryset._frame_reading()  # noqa: SLF001 -- the same rows as every other frame
        statement = cast("sa.Select[Any]", reading.statement)
        return PartReader(self._database.settings, statement, reading.columns, (), False, dict(how))

    def reader(self, how: Mapping[str, Any]) -> PartReader:
        """Give what reads a range; in the order of the key where that order was asked for, or makes the index."""
        key = tuple(field.column for field in self._key)
        by_key = self._ordered or list(how["index"]) == list(self._queryset.bound.key)
        reading = self._queryset.order_by(*(["pk"] if by_key else [])).reading
        statement = cast("sa.Select[Any]", reading.statement)
        optional = bool(self._keys([sa.or_(*(column.is_(None) for column in key))], 0))
        return PartReader(self._database.settings, statement, reading.columns, key, optional, dict(how))

    # Bounds

    def spans(self, parts: Parts) -> list[Span]:
        """Divide the key into ranges with the same number of rows each."""
        size = parts.size or self._rows_a_part()
        if parts.number is not None:
            size = max(1, -(-self._queryset.count() // parts.number))
        bounds: list[Key | None] = [None, *self._anchors(size), None]
        return [Span(start, stop, start is None) for start, stop in pairwise(bounds)]

    def _rows_a_part(self) -> int:
        width = sum(_WIDTHS.get(column.kind.name, 8) for column in self._queryset.reading.columns)
        return min(_PART_ROWS, max(1, _PART_BYTES // max(1, width)))

    def _anchors(self, size: int) -> Iterator[Key]:
        """Give the first key of each range but the first, going from key to key by index."""
        columns = [field.column for field in self._key]
        # Not even a primary key is NOT NULL in every product.
        known = [column.is_not(None) for column in columns]
        found = self._keys(known, size)
        while found:
            yield found[0]
            found = self._keys([*known, _from(columns, found[0])], size)

    def _keys(self, conditions: Sequence[Condition], skip: int) -> list[Key]:
        """Read the one key that follows so many others under some conditions."""
        key, backend = self._key, self._database.backend
        columns = tuple(ResultColumn(field.name, field.kind, field.nullable) for field in key)
        read = [backend.readable(field.column, field.kind).label(f"key_{n}") for n, field in enumerate(key)]
        plain = cast("sa.Select[Any]", self._queryset.order_by().reading.statement)
        hop = plain.with_only_columns(*read).where(*conditions).order_by(*(field.column for field in key))
        return read_rows(self._database, Reading(hop.limit(1).offset(skip), columns))

    def divisions(self, spans: Sequence[Span], index: Sequence[str]) -> tuple[Any, ...] | None:
        """Give the bounds as dask knows them, where the key is the index and pandas orders it likewise."""
        key = self._key
        if len(key) != 1 or list(index) != [key[0].name] or key[0].kind.name not in _DIVISIBLE or key[0].nullable:
            return None
        if len(spans) == 1:
            return None
        ends = self._queryset.order_by("pk").values_list(key[0].name, flat=True)
        first, last = ends.first(), ends.last()
        inner = [span.start[0] for span in spans if span.start is not None]
        return tuple(_scalar(value) for value in (first, *inner, last))


def _scalar(value: Any) -> Any:
    import pandas as pd

    return value if isinstance(value, int) else pd.Timestamp(value)


def _from(key: Sequence[Any], values: Key) -> Condition:
    """Write that a key is at least another one, column by column, as an index finds it."""
    column, value = key[0], values[0]
    if len(key) == 1:
        return cast("Condition", column >= value)
    return sa.and_(column >= value, sa.or_(column > value, _from(key[1:], values[1:])))


def _before(key: Sequence[Any], values: Key) -> Condition:
    column, value = key[0], values[0]
    if len(key) == 1:
        return cast("Condition", column < value)
    return sa.and_(column <= value, sa.or_(column < value, _before(key[1:], values[1:])))


def _within(key: Sequence[sa.ColumnElement[Any]], span: Span, *, optional: bool) -> Condition | None:
    """Write that a key is in a range; a key with a NULL in it belongs to the first."""
    parts = [] if span.start is None else [_from(key, span.start)]
    parts += [] if span.stop is None else [_before(key, span.stop)]
    if not parts:
        return None
    if not optional:
        return sa.and_(*parts)
    if span.unknown:
        return sa.or_(sa.and_(*parts), *(column.is_(None) for column in key))
    return sa.and_(*parts, *(column.is_not(None) for column in key))


# In the worker

_own: dict[AliasSettings, Database] = {}
_making = threading.Lock()


def database_of(settings: AliasSettings) -> Database:
    """Give the database of this process with these settings; an alias of that name may mean another one here."""
    known = databases.get(settings.alias)
    if known is not None and known.settings == settings:
        return known
    with _making:
        if settings not in _own:
            _own[settings] = Database(settings)
        return _own[settings]
