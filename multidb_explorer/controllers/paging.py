"""Pages of a QuerySet by row number, read by key.

A page is read from the nearest *anchor*, forwards or backwards, so that scrolling costs the same at row ten million as
at row ten. A jump to a place without anchors is

- exact and immediate where the key is one whole number without gaps, or where anchors were gathered or the keys listed
  beforehand (`Pager.gather`, `Pager.list_keys`: both take their time, in the background),
- else an OFFSET from the nearest anchor, from the start or from the end, over the key's columns alone. In the order of
  the key it is taken in strides that leave anchors behind. In the order of other columns it is one OFFSET: without an
  index the database sorts the whole table for it.

Tables without a key, sliced QuerySets and orders by kinds that can't be compared safely are read by OFFSET from the
start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from multidb_explorer.backends.arrow import arrow_schema
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.anchors import Anchor, Anchors, Key, dense
from multidb_explorer.controllers.key_list import KeyList
from multidb_explorer.controllers.ordering import OrderKey, Piece, pieces, reverse
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.results.reading import Reading
from multidb_explorer.results.rows import read_rows
from multidb_explorer.results.stream import read_batches, read_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pager"]

_NEAR = 200
_STRIDE = 100_000
_GATHERED = 1_000
_SMALLEST_STRIDE = 1_000
_LARGEST_STRIDE = 20_000
_MOST_MISMATCHES = 3
_MOST_MATCHES = 10_000


class _Mismatch(Exception):
    """The row of an anchor is not where it was: deleted meanwhile, or its values don't find it again."""


class _Beyond(_Mismatch):
    """There is no such row: an estimate promised too many, or rows were deleted."""


class Pager:
    """Reads pages of one QuerySet in one order.

    Parameters
    ----------
    queryset
        What is shown.
    sort
        Field names, ``-name`` for descending; empty for the QuerySet's own order.

    Attributes
    ----------
    row_count : int or None
        The exact number of rows, once it is known.

    Examples
    --------
    >>> from multidb_explorer.connections.registry import databases
    >>> from multidb_explorer.models import reflect
    >>> databases.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY)"))
    ...     _ = connection.execute(sa.text("INSERT INTO t VALUES (1), (2), (3)"))
    >>> Pager(reflect("t").objects).page(1, 10).to_pylist()
    [{'id': 2}, {'id': 3}]
    """

    def __init__(self, queryset: QuerySet[Any], sort: Sequence[str] = ()) -> None:
        self.queryset = queryset.order_by(*sort) if sort else queryset
        self.row_count: int | None = None
        self._anchors = Anchors()
        self._keys: KeyList | None = None
        self._mismatches = 0

    @property
    def _database(self) -> Database:
        return databases[self.queryset.db]

    @cached_property
    def _names(self) -> list[str]:
        return [field.name for field in self.queryset.fields]

    @cached_property
    def _key_places(self) -> list[int]:
        return [self._names.index(name) for name in self.queryset.key_required()]

    @cached_property
    def _order(self) -> tuple[OrderKey, ...]:
        """The columns of the order, completed by the key."""
        key = self.queryset.key_required()
        given = [part for name in self.queryset.ordered_by for part in self._spelt(name, key)]
        named = {name.removeprefix("-") for name in given}
        return tuple(map(self._order_key, dict.fromkeys([*given, *(name for name in key if name not in named)])))

    def _spelt(self, name: str, key: Sequence[str]) -> list[str]:
        sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
        return [f"{sign}{column}" for column in key] if bare == "pk" and "pk" not in self._names else [name]

    def _order_key(self, name: str) -> OrderKey:
        place = self._names.index(name.removeprefix("-"))
        field, descending = self.queryset.fields[place], name.startswith("-")
        return OrderKey(field, place, descending, nulls_first=field.nullable and not descending)

    @cached_property
    def _by_key(self) -> bool:
        if not self.queryset.row_by_row or not self.queryset.has_key or self.queryset._state.empty:
            return False
        return all(key.comparable for key in self._order)

    @cached_property
    def _numbered(self) -> bool:
        """Whether the order is that of one whole-number key, upwards."""
        (first, *more) = self._order
        return not more and first.field.kind.name == "integer" and not first.descending

    @cached_property
    def _in_key_order(self) -> bool:
        return len(self._order) == len(self._key_places)

    # Pages

    def page(self, start: int, count: int) -> pa.Table:
        """Read rows by their numbers, fewer at the end."""
        if self.row_count is not None and start >= self.row_count:
            return arrow_schema(self.queryset.reading.columns).empty_table()
        table = self._page(start, count)
        self._learn(table, start, count)
        return table

    def keys(self, table: pa.Table) -> list[Any]:
        """Give the key of each row: one value, or a tuple for a key of several columns."""
        columns = [table.column(place).to_pylist() for place in self._key_places]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def count(self, most: int | None = None) -> int:
        """Count the rows in the database, to one more than `most` where that is enough to know."""
        if most is None or self.queryset._state.sliced:
            return self.queryset.count()
        return self.queryset.in_any_order()[: most + 1].count()

    def _page(self, start: int, count: int) -> pa.Table:
        if self._keys is not None:
            return self._listed(self._keys, start, count)
        if not self._by_key or self._mismatches >= _MOST_MISMATCHES:
            return self.queryset[start : start + count].to_arrow()
        try:
            return self._keyed(start, count)
        except _Beyond:
            self.row_count = self.count()
            return self.queryset[start : start + count].to_arrow()
        except _Mismatch:
            self._mismatches += 1
            return self.queryset[start : start + count].to_arrow()

    def _learn(self, table: pa.Table, start: int, count: int) -> None:
        """Remember the keys at both ends of a page, and where the rows end if it shows."""
        if table.num_rows < count and (table.num_rows or start == 0):
            self.row_count = start + table.num_rows
        elif table.num_rows < count:
            self.row_count = self.count()
        if self._by_key and table.num_rows:
            for at in (0, table.num_rows - 1):
                self._anchors.remember(start + at, self._order_values(table, at))

    def _order_values(self, table: pa.Table, at: int) -> Key:
        return tuple(table.column(key.place)[at].as_py() for key in self._order)

    def _keyed(self, start: int, count: int) -> pa.Table:
        low = self._anchors.before(start)
        high = self._anchors.after(start + count - 1, self.row_count)
        if min(start - low.row, self._behind(high, start + count)) > _NEAR:
            low, high = self._approach(low, high, start)
        if high is not None and self._behind(high, start + count) < start - low.row:
            return self._backwards(high, start, count)
        return self._forwards(low, start, count)

    @staticmethod
    def _behind(high: Anchor | None, end: int) -> float:
        """Rows to pass over on the way back from an anchor."""
        return float("inf") if high is None else high.row - end + (high.key is not None)

    def _forwards(self, anchor: Anchor, start: int, count: int) -> pa.Table:
        skip = start - anchor.row
        if skip > _NEAR:
            anchor, skip = self._walked(anchor, skip, backwards=False), 0
        table = self._read(anchor, skip + count, backwards=False)
        return table.slice(skip)

    def _backwards(self, anchor: Anchor, start: int, count: int) -> pa.Table:
        end = min(start + count, anchor.row + (anchor.key is not None))
        first = anchor.row if anchor.key is not None else anchor.row - 1
        skip = first - (end - 1)
        if skip > _NEAR:
            anchor, skip = self._walked(anchor, skip, backwards=True), 0
        table = self._read(anchor, skip + end - start, backwards=True).slice(skip)
        return table.take(list(range(table.num_rows - 1, -1, -1)))

    def _read(self, anchor: Anchor, limit: int, *, backwards: bool) -> pa.Table:
        """Read whole rows from an anchor on; its own row comes first, or the anchor is wrong."""
        import pyarrow as pa

        parts: list[pa.Table] = []
        missing = limit
        for piece in pieces(reverse(self._order) if backwards else self._order, anchor.key):
            parts.append(read_table(self._database, self._reading(piece, 0, missing, backwards=backwards)))
            missing -= parts[-1].num_rows
            if missing <= 0:
                break
        table = pa.concat_tables(parts).combine_chunks()
        if anchor.key is not None and (not table.num_rows or self._order_values(table, 0) != anchor.key):
            self._anchors.forget(anchor.row)
            raise _Mismatch
        return table

    # In the background

    @property
    def pages_by_key(self) -> bool:
        """Whether pages are read by key, so that anchors and a list of keys are of use."""
        return self._by_key

    def gather(self, told: Callable[[int], object], estimate: int | None = None) -> None:
        """Go over all rows once and remember keys on the way; for an order that an index has.

        Parameters
        ----------
        told
            Called after each step with the number of rows so far; it may raise to give up.
        estimate
            How many rows there may be, where they are not counted yet.
        """
        rows = self.row_count or estimate or _GATHERED * _LARGEST_STRIDE
        stride = max(_SMALLEST_STRIDE, min(rows // _GATHERED, _LARGEST_STRIDE))
        here = self._walked(Anchor(0), 0, backwards=False)
        if self._arithmetic(here):
            return
        while self.row_count is None or here.row + stride < self.row_count:
            try:
                here = self._step(here, stride, backwards=False)
            except _Beyond:
                return
            told(here.row)

    def _arithmetic(self, first: Anchor) -> bool:
        """Tell whether every key can be worked out from the first and the last one."""
        if not self._numbered or not self.row_count:
            return False
        last = self._walked(Anchor(self.row_count), 0, backwards=True)
        return dense(first, last, first.row) is not None

    def list_keys(self, told: Callable[[int], object]) -> None:
        """Let the database sort once and keep the keys of all rows; for an order that no index has.

        Parameters
        ----------
        told
            Called with the number of keys so far; it may raise to give up.
        """
        reading = self._reading(Piece(), 0, None, backwards=False, places=self._key_places)
        keys = KeyList(read_batches(self._database, reading), told)
        self.row_count = len(keys)
        self._keys = keys

    def _listed(self, keys: KeyList, start: int, count: int) -> pa.Table:
        while True:
            wanted = keys.page(start, count)
            table = self.rows_of(wanted)
            if table.num_rows == len(wanted):
                return table
            there = set(self.keys(table))
            keys.drop([key for key in wanted if key not in there], start, count)
            self.row_count = len(keys)

    def rows_of(self, keys: Sequence[Any]) -> pa.Table:
        """Read the rows of some keys, in the order of the keys; rows that are no more are left out."""
        import pyarrow as pa

        if not keys:
            return arrow_schema(self.queryset.reading.columns).empty_table()
        table = self.queryset.order_by().filter(pk__in=list(keys)).to_arrow()
        places = {key: place for place, key in enumerate(self.keys(table))}
        return table.take(pa.array([places[key] for key in keys if key in places], pa.int64()))

    # Searching

    def next_match(self, matches: Pager, row: int | None, *, backwards: bool, here: bool) -> int | None:
        """Give the number of the next row that is among some others, or ``None``.

        Parameters
        ----------
        matches
            A pager of the rows that are looked for, in the same order.
        row
            From where; ``None`` from the start, or backwards from the end.
        here
            Whether the row itself counts.
        """
        if self._keys is not None:
            return self._listed_match(self._keys, matches, row, backwards=backwards, here=here)
        key = None if row is None else self._order_values(self.page(row, 1), 0)
        order = reverse(self._order) if backwards else self._order
        for piece in pieces(order, key):
            places = [each.place for each in self._order]
            reading = matches._reading(piece, 0, 2, backwards=backwards, places=places)
            for found in read_rows(self._database, reading):
                if here or found != key:
                    return self._number(found, row, key)
        return None

    def _number(self, found: Key, row: int | None, key: Key | None) -> int:
        """Tell the number of a row by how many are between it and one whose number is known."""
        ahead = self._before(found, None) if row is None or key is None else None
        if ahead is not None:
            return ahead
        between = self._before(found, key)
        return (row or 0) + between if between or found == key else (row or 0) - self._before(cast("Key", key), found)

    def _before(self, key: Key, since: Key | None) -> int:
        """Count the rows before a key, from another key on."""
        later = sa.or_(*(piece.condition for piece in pieces(self._order, key) if piece.condition is not None))
        sure = not any(each.field.nullable for each in self._order)
        # Where NULL may stand in the order, a comparison may be unknown, and NOT of that is no answer.
        earlier = sa.not_(later) if sure else sa.case((later, 0), else_=1) == 1
        rows = self._select(earlier).with_only_columns(sa.func.count())
        if since is not None:
            rows = rows.where(sa.or_(*(p.condition for p in pieces(self._order, since) if p.condition is not None)))
        with self._database.connect() as connection:
            return int(connection.execute(rows).scalar_one())

    def _listed_match(
        self, keys: KeyList, matches: Pager, row: int | None, *, backwards: bool, here: bool
    ) -> int | None:
        some = matches.queryset.order_by()[:_MOST_MATCHES].to_arrow()
        rows = keys.rows_of(self.keys(some))
        if row is not None:
            rows = [at for at in rows if (at <= row if backwards else at >= row) and (here or at != row)]
        return (rows[-1] if backwards else rows[0]) if rows else None

    # Far jumps

    def _approach(self, low: Anchor, high: Anchor | None, start: int) -> tuple[Anchor, Anchor | None]:
        """Find an anchor at a far row by arithmetic, where its key can only be one number."""
        if not self._numbered or self.row_count is None:
            return low, high
        low = low if low.key is not None else self._walked(Anchor(0), 0, backwards=False)
        if high is None or high.key is None:
            high = self._walked(Anchor(self.row_count), 0, backwards=True)
        return dense(low, high, start) or low, high

    def _walked(self, anchor: Anchor, rows: int, *, backwards: bool) -> Anchor:
        """Go over rows from an anchor and remember where one comes out; long ways leave anchors behind."""
        here = anchor
        stride = _STRIDE if self._in_key_order else rows
        while rows > stride:
            here = self._step(here, stride, backwards=backwards)
            rows -= stride
        return self._step(here, rows, backwards=backwards)

    def _step(self, anchor: Anchor, skip: int, *, backwards: bool) -> Anchor:
        key = self._key_after(anchor.key, skip, backwards=backwards)
        if key is None:
            raise _Beyond
        from_row = anchor.row - 1 if backwards and anchor.key is None else anchor.row
        row = from_row - skip if backwards else from_row + skip
        self._anchors.remember(row, key)
        return Anchor(row, key)

    def _key_after(self, key: Key | None, skip: int, *, backwards: bool) -> Key | None:
        for piece in pieces(reverse(self._order) if backwards else self._order, key):
            reading = self._reading(piece, skip, 1, backwards=backwards, places=[each.place for each in self._order])
            found = read_rows(self._database, reading)
            if found:
                return found[0]
            skip -= self._size(piece.condition, skip)
        return None

    def _size(self, condition: sa.ColumnElement[bool] | None, most: int) -> int:
        rows: sa.Select[Any] = self._select(condition).with_only_columns(sa.literal_column("1")).limit(most)
        with self._database.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one())

    # Statements

    @cached_property
    def _plain(self) -> Reading:
        return self.queryset.order_by().reading

    def _select(self, condition: sa.ColumnElement[bool] | None) -> sa.Select[Any]:
        statement = cast("sa.Select[Any]", self._plain.statement)
        return statement if condition is None else statement.where(condition)

    def _reading(
        self,
        piece: Piece,
        skip: int,
        limit: int | None,
        *,
        backwards: bool,
        places: Sequence[int] | None = None,
    ) -> Reading:
        order = reverse(self._order) if backwards else self._order
        ordered = [
            element
            for place, key in enumerate(order)
            for element in key.ordering(self._database, settled=place < piece.settled)
        ]
        statement = self._select(piece.condition).order_by(*ordered).limit(limit)
        statement = statement.offset(skip) if skip else statement
        if places is None:
            return Reading(statement, self._plain.columns)
        selected = list(statement.selected_columns)
        columns = tuple(self._plain.columns[place] for place in places)
        return Reading(statement.with_only_columns(*(selected[place] for place in places)), columns)
