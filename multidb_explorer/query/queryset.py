"""QuerySet: a lazy, immutable question to one database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldValueError, KeyRequired
from multidb_explorer.query import compiler
from multidb_explorer.query.analysing import Analysed
from multidb_explorer.query.building import named_expressions
from multidb_explorer.query.by_key import compiled_by_key, key_alone
from multidb_explorer.query.changing import Changing
from multidb_explorer.query.compiler import Compiled
from multidb_explorer.query.conditions import Q, said
from multidb_explorer.query.expressions import Expression
from multidb_explorer.query.framing import Framed
from multidb_explorer.query.selection import Output
from multidb_explorer.query.shaping import groups_by_values, instances, of_nothing, shaped
from multidb_explorer.query.source import Bound, Field, Source
from multidb_explorer.query.state import QueryState
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows

if TYPE_CHECKING:
    from multidb_explorer.query.explaining import FetchPlan

__all__ = ["QuerySet"]

M = TypeVar("M")


class QuerySet(Changing[M], Framed, Analysed):
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
        super().__init__(source, state)
        self._rows: list[M] | None = None
        self._compiled: tuple[Bound, Compiled] | None = None

    @property
    def _database(self) -> Database:
        return databases[self.db]

    @property
    def bound(self) -> Bound:
        """The table and columns on the database that is asked, found anew since an alias may have been replaced."""
        return self._source.bind(self._database)

    def compiled(self) -> Compiled:
        """Compile the SELECT; again only where the table was bound anew."""
        bound = self.bound
        if self._compiled is None or self._compiled[0] is not bound:
            self._compiled = (bound, compiler.compiled(self._readable_state(bound), bound))
        return self._compiled[1]

    def _readable_state(self, bound: Bound) -> QueryState:
        """Spell out what ``select_related()`` without names means: every relation that is never missing."""
        if "*" not in self._state.related:
            return self._state
        sure = [n for n, each in bound.relations.items() if not each.many and not each.hops[0].optional]
        return replace(self._state, related=tuple(name for name in (*self._state.related, *sure) if name != "*"))

    # What is there

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns that are read, with what they hold on this alias."""
        return tuple(_as_field(output) for output in self.compiled().outputs)

    @property
    def has_key(self) -> bool:
        """Whether rows can be told apart, as saving and deleting need."""
        names = {output.name for output in self.compiled().outputs if output.field is not None}
        return bool(self.bound.key) and self._state.combination is None and names.issuperset(self.bound.key)

    @property
    def row_by_row(self) -> bool:
        """Whether each row is one row of the table, in an order of its own columns, so that a key finds it again."""
        state = self._state
        if state.sliced or state.distinct or state.combination is not None or state.flipped:
            return False
        return compiler.row_by_row(state, self.bound)

    @property
    def sql(self) -> str:
        """The SQL with its parameters, for reading."""
        return compiler.rendered(self.reading.statement, self.bound).replace(" \n", "\n")

    @property
    def reading(self) -> Reading:
        """The SQLAlchemy statement together with what its columns hold."""
        return self.compiled().reading

    def explain(self, format: str | None = None, **options: Any) -> str:  # noqa: A002 -- Django's name
        """Give the database's own plan for the query, as text.

        Parameters
        ----------
        format
            The form of the plan, where the engine has several; ``None`` for its usual one.
        **options
            The engine's own options, such as ``analyze=True``.

        Raises
        ------
        ValueError, NotSupportedError
            For a format or an option that the engine does not have.
        """
        with self._database.connect() as connection:
            return self._database.backend.explain(connection, self.reading.statement, format, options)

    def explain_fetch(self) -> FetchPlan:
        """Tell how it would be read as a frame: by which reader, how many rows and bytes, with which dtypes.

        Nothing is asked of the database but an estimate of the rows.
        """
        from multidb_explorer.query.explaining import explain_fetch

        return explain_fetch(self._database, self._frame_reading())

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
        return self._complete(read_rows(self._database, self.reading))

    def _complete(self, rows: Sequence[tuple[Any, ...]]) -> list[M]:
        """Shape rows and read what was asked for along with them."""
        found = shaped(self, rows)
        if self._state.prefetched and self._state.shape == "instance":
            self._source.prefetch(found, self._state.prefetched, self.db)
        return found

    def get(self, *parts: Q | Expression, **conditions: Any) -> M:
        """Give the one row that fulfils the conditions.

        Raises
        ------
        DoesNotExist, MultipleObjectsReturned
            The model's own subclasses.
        """
        found = self._with_key(conditions) if conditions and not parts else None
        if found is None:
            asked = self.filter(*parts, **conditions) if parts or conditions else self
            # One row needs no order to be found, but the first rows of a slice do.
            found = list(asked[:2] if asked._state.sliced else asked.in_any_order()[:2])
        if len(found) == 1:
            return found[0]
        named = [*map(repr, parts), *(f"{name}={said(value)}" for name, value in conditions.items())]
        what = ", ".join(named) or "the query"
        where = f"{self._source.name} on alias {self.db!r}"
        if not found:
            raise self._source.DoesNotExist(f"No row of {where} matches {what}.")
        raise self._source.MultipleObjectsReturned(
            f"More than one row of {where} matches {what}; use filter() to get them all."
        )

    def _with_key(self, conditions: Mapping[str, Any]) -> list[M] | None:
        """Read by the key alone, which is asked for most of all; ``None`` where more is asked."""
        bound = self.bound
        key = key_alone(bound, self._state, conditions)
        if key is None:
            return None
        found = compiled_by_key(bound)
        return instances(self, found.outputs, read_rows(bound.database, found.reading, {"key": key}))

    def first(self) -> M | None:
        """Give the first row, by the key where no order was asked for, or ``None``."""
        return next(iter(self._in_order("first")[:1]), None)

    def last(self) -> M | None:
        """Give the last row, by the key where no order was asked for, or ``None``."""
        return next(iter(self._in_order("last").reverse()[:1]), None)

    def _in_order(self, what: str) -> QuerySet[M]:
        if self.ordered:
            return self
        if groups_by_values(self._state.steps):
            raise TypeError(
                f"Cannot use QuerySet.{what}() on an unordered queryset performing aggregation; add order_by()."
            )
        return self.order_by("pk") if self.bound.key else self

    def earliest(self, *fields: str) -> M:
        """Give the row that comes first by some fields.

        Raises
        ------
        ValueError
            Without fields.
        DoesNotExist
            Where there is no row.
        """
        if not fields:
            raise ValueError("earliest() and latest() need the fields to order by.")
        self._refuse_slice("change the order")
        return _one_of_many(self.order_by(*fields))

    def latest(self, *fields: str) -> M:
        """Give the row that comes last by some fields; errors as `earliest`."""
        if not fields:
            raise ValueError("earliest() and latest() need the fields to order by.")
        self._refuse_slice("change the order")
        return _one_of_many(self.order_by(*fields).reverse())

    def in_bulk(self, keys: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, M]:
        """Give instances by their key; a key without a row is left out.

        Parameters
        ----------
        keys
            Any number of them; all rows if not given.
        field_name
            Another field whose values are unique.

        Raises
        ------
        TypeError, ValueError
            After a slice or ``values()``; for a field that is not unique.
        """
        if self._state.shape != "instance":
            raise TypeError("in_bulk() gives instances; take it before values() or values_list().")
        if self._state.sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with in_bulk().")
        if field_name != "pk" and (field_name,) not in self._source.unique_keys(self._database):
            raise FieldValueError(f"in_bulk()'s field_name must be a unique field, but {field_name!r} isn't.")
        if keys is None:
            asked = self
        else:
            keys = list(keys)
            if not keys:
                return {}
            asked = self.filter((f"{field_name}__in", keys))  # type: ignore[arg-type]
        return {getattr(row, field_name): row for row in asked}

    def contains(self, row: M) -> bool:
        """Tell whether an instance is among the rows; one of another database never is."""
        found: Any = row
        if self._state.shape != "instance" or not hasattr(found, "_state"):
            raise TypeError("contains() takes an instance, and comes before values() or values_list().")
        if found.pk is None or found._state.db != self.db or type(found) is not getattr(self._source, "model", None):
            return False
        if self._rows is not None or self._state.sliced or self._state.combination is not None:
            return found in self._fetched()
        return self.filter(pk=found.pk).exists()

    def iterator(self, chunk_size: int = 2_000) -> Iterator[M]:
        """Yield the rows without keeping them; the connection is held until the last one.

        Raises
        ------
        ValueError
            For a chunk size that is not positive.
        """
        if chunk_size <= 0:
            raise ValueError("chunk_size must be positive.")
        batches: Iterable[Any] = self.to_arrow_batches(chunk_size)
        if self._database.backend.features.readers_block_writers:
            # An iterator that is left half way would lock every writer out.
            batches = list(batches)
        for batch in batches:
            yield from self._complete(list(zip(*(column.to_pylist() for column in batch.columns), strict=True)))

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

    def aggregate(self, *expressions: Expression, **named: Any) -> dict[str, Any]:
        """Give one value of all rows for each aggregate.

        Parameters
        ----------
        *expressions
            Aggregates of a field, named after it: ``Sum("total")`` gives ``total__sum``.
        **named
            Aggregates and what is computed from them.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from sqlalchemy import Column, Integer
        >>> mdb.configure({"default": "sqlite://"})
        >>> class User(mdb.Model):
        ...     id = Column(Integer, primary_key=True)
        >>> User.objects.none().aggregate(mdb.Count("id"), highest=mdb.Max("id"))
        {'id__count': 0, 'highest': None}
        """
        if self._state.distinct not in (True, False):
            raise NotImplementedError("aggregate() + distinct(fields) not implemented.")
        items = named_expressions(expressions, named)
        if self._state.empty:
            return {name: of_nothing(expression, name) for name, expression in items.items()}
        if not items:
            return {}
        rows = read_rows(self._database, compiler.aggregating(self._state, self.bound, items))
        return dict(zip(items, rows[0], strict=True))

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> QuerySet[Any]:
        """Give the dates that occur, cut to ``year``, ``month``, ``week`` or ``day``, each once and in order."""
        return self._moments(field_name, kind, order, ("year", "month", "week", "day"), None)

    def datetimes(self, field_name: str, kind: str, order: str = "ASC", tzinfo: Any = None) -> QuerySet[Any]:
        """Give the moments that occur, cut to ``year`` down to ``second``, each once and in order."""
        kinds = ("year", "month", "week", "day", "hour", "minute", "second")
        return self._moments(field_name, kind, order, kinds, tzinfo)

    def _moments(self, field: str, kind: str, order: str, kinds: tuple[str, ...], tzinfo: Any) -> QuerySet[Any]:
        from multidb_explorer.query.functions import Trunc

        if kind not in kinds:
            raise ValueError(f"'kind' must be one of {', '.join(map(repr, kinds))}, not {kind!r}.")
        if order not in ("ASC", "DESC"):
            raise ValueError("'order' must be either 'ASC' or 'DESC'.")
        cut = Trunc(field, kind, tzinfo=tzinfo, output_field=None if "hour" in kinds else Kind("date"))
        found = self.annotate(moment=cut).values_list("moment", flat=True)
        found = found.filter(moment__isnull=False).distinct()
        return found.order_by("-moment" if order == "DESC" else "moment")

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


def _one_of_many(queryset: QuerySet[M]) -> M:
    found, source = list(queryset[:1]), queryset._source
    if not found:
        raise source.DoesNotExist(f"No row of {source.name} on alias {queryset.db!r} matches the query.")
    return found[0]


def _as_field(output: Output) -> Field:
    own = output.field
    if own is not None:
        return own if own.name == output.name else replace(own, name=output.name, primary_key=False)
    return Field(output.name, cast("Any", output.found.column), output.found.kind, output.found.nullable)
