"""QuerySet: a lazy, immutable question to one database."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import KeyRequired
from multidb_explorer.query import compiler
from multidb_explorer.query.expressions import Q
from multidb_explorer.query.source import Bound, Field, Source
from multidb_explorer.query.state import QueryState
from multidb_explorer.results.stream import Reading, read_batches, read_rows, read_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["QuerySet"]

M = TypeVar("M")


class QuerySet(Generic[M]):
    """A question to one database that is asked when its answer is needed.

    Every method gives a new QuerySet; none changes the one it is called on. Building one opens no connection.

    Parameters
    ----------
    source
        What is read.
    state
        What was asked so far.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, String
    >>> mdb.configure({"default": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    ...     name = Column(String(80))
    >>> print(User.objects.filter(id__gt=5).order_by("-id").sql)
    SELECT user.id, user.name
    FROM user
    WHERE user.id > ? ORDER BY user.id DESC
    -- parameters: {'id_1': 5}
    """

    def __init__(self, source: Source, state: QueryState | None = None) -> None:
        self._source = source
        self._state = state or QueryState()
        self._rows: list[M] | None = None

    # Which database

    @property
    def db(self) -> str:
        """The alias that is asked: the one that ``using()`` named, else the model's, else ``default``."""
        return self._state.alias or self._source.default_alias

    def using(self, alias: str | None) -> QuerySet[M]:
        """Ask another database; ``None`` goes back to the model's own.

        Raises
        ------
        ConnectionDoesNotExist
            At once, for an unknown alias.
        """
        if alias is not None:
            _ = databases[alias]
        return self._with(alias=alias)

    @property
    def _database(self) -> Database:
        return databases[self.db]

    @property
    def bound(self) -> Bound:
        """The table and columns on the database that is asked, found anew since an alias may have been replaced."""
        return self._source.bind(self._database)

    # What is asked

    def all(self) -> QuerySet[M]:
        """Give a fresh copy that has read nothing yet."""
        return self._with()

    def filter(self, *parts: Q, **conditions: Any) -> QuerySet[M]:
        """Keep the rows that fulfil all conditions: `Q` objects, or keywords written ``field__lookup=value``.

        Raises
        ------
        TypeError
            After a slice, since it would not be clear which of the two comes first.
        """
        return self._where(Q(*parts, **conditions))

    def exclude(self, *parts: Q, **conditions: Any) -> QuerySet[M]:
        """Drop the rows that fulfil all conditions; a row where one is NULL stays."""
        return self._where(~Q(*parts, **conditions))

    def _where(self, condition: Q) -> QuerySet[M]:
        if not condition:
            return self._with()
        self._refuse_slice("filter")
        return self._with(where=(*self._state.where, condition))

    def order_by(self, *names: str) -> QuerySet[M]:
        """Order by fields, ``-name`` for descending; without names, leave the order to the database."""
        self._refuse_slice("order")
        return self._with(order=names)

    def reverse(self) -> QuerySet[M]:
        """Turn the order around; an unordered set is ordered by its key first."""
        self._refuse_slice("reverse")
        order = self._state.order or ("pk",)
        return self._with(order=tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order))

    def values(self, *names: str) -> QuerySet[dict[str, Any]]:
        """Read only some fields, all if none is named; rows are dictionaries, and frames have these columns.

        Raises
        ------
        FieldError
            For an unknown field, when it is read.
        """
        return cast("QuerySet[dict[str, Any]]", self._with(columns=names or None, shape="dict"))

    def values_list(self, *names: str, flat: bool = False, named: bool = False) -> QuerySet[Any]:
        """Read only some fields; rows are tuples, named tuples, or with ``flat=True`` the values of one field.

        Raises
        ------
        TypeError
            For ``flat=True`` with more than one field, or together with ``named=True``.
        """
        if flat and (named or len(names) > 1):
            raise TypeError("flat=True takes one field, and no named=True.")
        shape = "value" if flat else "named" if named else "tuple"
        return self._with(columns=names or None, shape=shape)

    def none(self) -> QuerySet[M]:
        """Give a set that is known to be empty and asks nothing."""
        return self._with(empty=True)

    def _refuse_slice(self, what: str) -> None:
        if self._state.sliced:
            raise TypeError(f"Can't {what} after a slice was taken; {what} first, then slice.")

    def _with(self, **changes: Any) -> QuerySet[M]:
        return QuerySet(self._source, replace(self._state, **changes))

    # What is there

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns that are read, with what they hold on this alias."""
        return compiler.chosen(self._state, self.bound)

    @property
    def has_key(self) -> bool:
        """Whether rows can be told apart, as saving and deleting need."""
        names = {field.name for field in self.fields}
        return bool(self.bound.key) and names.issuperset(self.bound.key)

    @property
    def ordered(self) -> bool:
        """Whether an order was asked for."""
        return bool(self._state.order)

    @property
    def sql(self) -> str:
        """The SQL with its parameters, for reading."""
        reading = compiler.reading(self._state, self.bound)
        return compiler.rendered(reading.statement, self.bound).replace(" \n", "\n")  # type: ignore[arg-type]

    @property
    def reading(self) -> Reading:
        """The SQLAlchemy statement together with what its columns hold."""
        return compiler.reading(self._state, self.bound)

    # Rows

    def __iter__(self) -> Iterator[M]:
        return iter(self._fetched())

    def __len__(self) -> int:
        return len(self._fetched())

    def __bool__(self) -> bool:
        return bool(self._rows) if self._rows is not None else self.exists()

    @overload
    def __getitem__(self, key: int) -> M: ...
    @overload
    def __getitem__(self, key: slice) -> QuerySet[M]: ...
    def __getitem__(self, key: int | slice) -> M | QuerySet[M]:
        if isinstance(key, slice):
            return self._slice(key)
        if key < 0:
            raise ValueError("Negative indexing is not supported; reverse() the order instead.")
        if self._rows is not None:
            return self._rows[key]
        found = list(self._slice(slice(key, key + 1)))
        if not found:
            raise IndexError(f"There is no row {key}.")
        return found[0]

    def _slice(self, key: slice) -> QuerySet[M]:
        if key.step is not None:
            raise ValueError("A slice with a step is not supported; take list(queryset)[::step].")
        if (key.start or 0) < 0 or (key.stop or 0) < 0:
            raise ValueError("Negative indexing is not supported; reverse() the order instead.")
        return QuerySet(self._source, self._state.sliced_to(key.start, key.stop))

    def _fetched(self) -> list[M]:
        if self._rows is None:
            self._rows = self._fetch()
        return self._rows

    def _fetch(self) -> list[M]:
        if self._state.empty:
            return []
        bound = self.bound
        names = [field.name for field in compiler.chosen(self._state, bound)]
        rows = read_rows(bound.database, compiler.reading(self._state, bound))
        return self._shaped(names, rows, bound.database.alias)

    def _shaped(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]], alias: str) -> list[Any]:
        match self._state.shape:
            case "dict":
                return [dict(zip(names, row, strict=True)) for row in rows]
            case "tuple":
                return list(rows)
            case "value":
                return [row[0] for row in rows]
            case "named":
                # A column whose name is no identifier is reached by its place.
                row_type: Any = namedtuple("Row", list(names), rename=True)  # type: ignore[misc]  # noqa: PYI024
                return [row_type(*row) for row in rows]
        return [self._source.instance(names, row, alias) for row in rows]

    def get(self, *parts: Q, **conditions: Any) -> M:
        """Give the one row that fulfils the conditions.

        Raises
        ------
        DoesNotExist, MultipleObjectsReturned
            The model's own subclasses.
        """
        asked = self.filter(*parts, **conditions) if parts or conditions else self
        found = list(asked[:2])
        if len(found) == 1:
            return found[0]
        named = [*map(repr, parts), *(f"{name}={value!r}" for name, value in conditions.items())]
        what = ", ".join(named) or "the query"
        where = f"{self._source.name} on alias {self.db!r}"
        if not found:
            raise self._source.DoesNotExist(f"No row of {where} matches {what}.")
        raise self._source.MultipleObjectsReturned(
            f"More than one row of {where} matches {what}; use filter() to get them all."
        )

    def first(self) -> M | None:
        """Give the first row, by the key where no order was asked for, or ``None``."""
        asked = self if self._state.order or self._state.sliced or not self.bound.key else self.order_by("pk")
        return next(iter(asked[:1]), None)

    def last(self) -> M | None:
        """Give the last row, by the key where no order was asked for, or ``None``."""
        return next(iter(self.reverse()[:1]), None)

    def in_bulk(self, keys: Iterable[Any] | None = None) -> dict[Any, M]:
        """Give instances by their key; a key without a row is left out.

        Parameters
        ----------
        keys
            Any number of them; all rows if not given.
        """
        if self._state.shape != "instance":
            raise TypeError("in_bulk() gives instances; take it before values() or values_list().")
        self._refuse_slice("filter")
        asked = self if keys is None else self.filter(pk__in=list(keys))
        return {cast("Any", row).pk: row for row in asked}

    def contains(self, row: M) -> bool:
        """Tell whether an instance is among the rows; one of another database never is."""
        found: Any = row
        if self._state.shape != "instance" or not hasattr(found, "_state"):
            raise TypeError("contains() takes an instance, and comes before values() or values_list().")
        if found.pk is None or found._state.db != self.db or type(found) is not getattr(self._source, "model", None):
            return False
        return found in self._rows if self._rows is not None else self._inside().filter(pk=found.pk).exists()

    def _inside(self) -> QuerySet[M]:
        """Give the rows in a form that can be narrowed down: of a slice, its keys."""
        if not self._state.sliced:
            return self
        keys = [cast("Any", row).pk for row in self]
        return QuerySet(self._source, QueryState(self._state.alias)).filter(pk__in=keys)

    def iterator(self, chunk_size: int = 2_000) -> Iterator[M]:
        """Yield the rows without keeping them; the connection is held until the last one.

        Raises
        ------
        ValueError
            For a chunk size that is not positive.
        """
        if chunk_size <= 0:
            raise ValueError("chunk_size must be positive.")
        names = [field.name for field in self.fields]
        for batch in self.to_arrow_batches(chunk_size):
            rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
            yield from self._shaped(names, rows, self.db)

    def count(self) -> int:
        """Count the rows in the database."""
        if self._rows is not None:
            return len(self._rows)
        if self._state.empty:
            return 0
        with self._database.connect() as connection:
            return int(connection.execute(compiler.counting(self._state, self.bound)).scalar_one())

    def exists(self) -> bool:
        """Tell whether there is any row."""
        if self._rows is not None:
            return bool(self._rows)
        if self._state.empty:
            return False
        with self._database.connect() as connection:
            return connection.execute(compiler.testing(self._state, self.bound)).first() is not None

    # Frames

    def to_arrow(self) -> pa.Table:
        """Read everything into an Arrow table whose types follow the columns, never the values."""
        return read_table(self._database, self._frame_reading())

    def to_arrow_batches(self, batch_rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches; the connection is held until the last one."""
        yield from read_batches(self._database, self._frame_reading(), batch_rows)

    def to_pandas(self) -> pd.DataFrame:
        """Read everything into a DataFrame with exact types.

        Integers are ``int64``, or ``Int64`` where NULL may stand; decimals, dates and times are exact Arrow types;
        texts are ``str``.
        """
        from multidb_explorer.results.frames import to_pandas

        return to_pandas(self.to_arrow())

    def to_pandas_batches(self, chunk_size: int = 50_000) -> Iterator[pd.DataFrame]:
        """Yield DataFrames of at most `chunk_size` rows, all with the same dtypes."""
        import pyarrow as pa

        from multidb_explorer.results.frames import to_pandas

        for batch in self.to_arrow_batches(chunk_size):
            yield to_pandas(pa.Table.from_batches([batch]))

    def to_polars(self) -> pl.DataFrame:
        """Read everything into a polars DataFrame (needs the extra ``polars``)."""
        import polars as pl

        return pl.DataFrame(self.to_arrow())

    def _frame_reading(self) -> Reading:
        state = self._state if not self._state.empty else replace(self._state, start=0, stop=0)
        return compiler.reading(state, self.bound)

    # On screen

    def __repr__(self) -> str:
        from multidb_explorer.query.preview import as_text

        return as_text(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from multidb_explorer.query.preview import bundle

        return bundle(self)

    def key_required(self) -> tuple[str, ...]:
        """Give the names of the key's fields.

        Raises
        ------
        KeyRequired
            For a table whose rows can't be told apart.
        """
        if not self.bound.key:
            raise KeyRequired.missing(self.db, self.bound.table.name)
        return self.bound.key
