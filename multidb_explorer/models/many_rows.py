"""Rows of very many instances go the way of frames: to the product's own loader, or to a temporary table beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.arrow import arrow_schema, to_array
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.loaders import Load
from multidb_explorer.errors import RowsRejected
from multidb_explorer.query.tables import table_to_write
from multidb_explorer.writing.into import Into
from multidb_explorer.writing.loading import loaded
from multidb_explorer.writing.merging import merge
from multidb_explorer.writing.offending import Offence, rejected
from multidb_explorer.writing.rejecting import Rejections
from multidb_explorer.writing.spooling import PLACE, Spool
from multidb_explorer.writing.staging import stage

if TYPE_CHECKING:
    from multidb_explorer.models.target import Target

__all__ = ["ManyRows"]

Values = Mapping[str, Any]
"""Canonical values by the column's name in this database."""

_CHUNK = 10_000
_BY_VALUE = ("other", "any", "array")


class ManyRows:
    """Rows that give values of the same columns.

    Parameters
    ----------
    columns
        The columns by their names in the database.
    rows
        Their canonical values.
    """

    def __init__(self, target: Target, columns: Sequence[str], rows: Sequence[Values]) -> None:
        self.target = target
        self.names = tuple(columns)
        self.rows = rows

    @property
    def exact(self) -> bool:
        """Whether Arrow holds every value of their columns as it is."""
        kinds = {self.target.live.column(name).kind.name for name in self.names}
        return bool(kinds) and kinds.isdisjoint(_BY_VALUE)

    def insert(self, connection: Connection) -> None:
        """Insert them."""
        into = self._into()
        columns = self._columns(into)
        schema = arrow_schema(columns)
        batches = (pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in self._arrays(into))
        load = Load(connection, into.table, columns, len(self.rows))
        loaded(into.database.backend, load, batches, into.database.alias)

    def merge(self, connection: Connection, key: Sequence[str], update: Sequence[str]) -> None:
        """Update the rows that have their keys, and insert the others.

        Raises
        ------
        RowsRejected
            Where the database takes the keys of two of them for the same.
        """
        into = self._into()
        with closing(self._spool(into)) as spool:
            try:
                merge(connection, into, spool.rows, key, update)
            except Offence as error:
                found = Rejections(into.where, rejected(spool.rows, error.offenders, key))
                raise RowsRejected(
                    f"{self.target.place} does not take these rows, so nothing was written:\n{found!r}",
                    rejections=found,
                ) from None

    def update(self, connection: Connection, key: Sequence[str]) -> int:
        """Set all columns but the key in the rows that have their keys, and tell how many there were."""
        into = self._into()
        with closing(self._spool(into)) as spool, stage(connection, into, spool.rows, self.names) as staged:
            values = {name: staged.table.c[name] for name in self.names if name not in key}
            statement = sa.update(into.table).values(values).where(staged.same(key))
            return into.database.backend.matched(connection, statement)

    def _into(self) -> Into:
        return table_to_write(self.target.database, self.target.live.name, self.target.live.schema)

    def _columns(self, into: Into) -> tuple[ResultColumn, ...]:
        return tuple(into.by_name[name].column for name in self.names)

    def _arrays(self, into: Into) -> Iterable[list[pa.Array]]:
        for start in range(0, len(self.rows), _CHUNK):
            some = self.rows[start : start + _CHUNK]
            yield [to_array([row[each.name] for row in some], each.kind) for each in self._columns(into)]

    def _spool(self, into: Into) -> Spool:
        columns, spool, place = self._columns(into), Spool(), 0
        for arrays in self._arrays(into):
            places = pa.array(range(place, place + len(arrays[0])), pa.int64())
            place += len(places)
            spool.add(columns, pa.RecordBatch.from_arrays([*arrays, places], schema=arrow_schema([*columns, PLACE])))
        return spool
