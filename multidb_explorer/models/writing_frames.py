"""Write whole frames and streams of rows into a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.connections.confirming import with_word
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.routers import for_write
from multidb_explorer.errors import FieldError, KeyRequired, ProtectedRows, whole_number
from multidb_explorer.query.tables import table_to_write
from multidb_explorer.results.progress import Meter
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.writing.into import Into

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.writing.bulk import Counts
    from multidb_explorer.writing.incoming import Chunk
    from multidb_explorer.writing.rejecting import Rejections
    from multidb_explorer.writing.report import WriteReport
    from multidb_explorer.writing.spooling import Rows

__all__ = ["write"]

_MODES = ("insert", "upsert", "replace_rows")
_ERRORS = ("raise", "collect")


def write(  # noqa: PLR0913 -- each is a question of its own, asked by name
    data: Any,
    table: type[Model] | str,
    *,
    using: str | None = None,
    mode: str = "insert",
    key: str | Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    errors: str = "raise",
    schema: str | None = None,
    batch_size: int | None = None,
    confirm: str | None = None,
) -> WriteReport:
    """Write rows into a table that exists: all of them in one transaction, or none.

    Every value is checked against its column first: one that the column can't hold exactly is refused, never rounded,
    cut or guessed. What no check can know beforehand (unique keys, references, rules of the database's own) is found
    out row by row when the database refuses the whole. In an open `atomic` block the write is a part of that block.

    Parameters
    ----------
    data
        A pandas or polars DataFrame, an Arrow table or stream (a QuerySet is one), or an iterable of dicts, which is
        read once and never held as a whole. A NaN in a NumPy column of a pandas DataFrame is NULL where the column may
        be NULL; the dtypes ``Float64`` and those of Arrow tell the two apart. The index is left out, except for levels
        that are named like a column. A column that no row gives gets the table's default, and so does one of a dict
        that leaves it out.
    table
        A model, or the name of a table.
    using
        The alias; where a router sends the model's writes, or the model's own, if not given.
    mode
        ``insert`` adds the rows. ``upsert`` updates the rows that have their keys, in the columns that are given, and
        adds the others. ``replace_rows`` deletes all rows of the table first, in the same transaction.
    key
        For ``upsert``: the columns that tell which rows exist already, unique in the table; the primary key if not
        given.
    columns
        Which column of the table a name in `data` stands for, where they differ by more than capitals and underscores.
    errors
        ``raise`` writes nothing where a row is rejected, and tells of all of them; ``collect`` writes the others and
        lists the rejected ones in the report.
    schema
        Where a table named by text lies; the alias's own schema if not given.
    batch_size
        How many rows are looked at at once; ``options.batch_rows`` if not given.
    confirm
        The alias again, for one that asks before writes.

    Raises
    ------
    RowsRejected
        With a rejection for each reason; nothing was written.
    ReadOnlyAlias, TableDoesNotExist, KeyRequired, FieldError, ConfirmationRequired
        Before any SQL is sent that writes.
    ProtectedRows
        For ``replace_rows``, where rows of other tables refer to those that would go.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> import pandas as pd
    >>> mdb.configure({"default": "sqlite://"})
    >>> with mdb.aliases["default"].engine.begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL)")
    >>> frame = pd.DataFrame({"id": [1, 2, 3], "name": ["Ann", "Bo", "Francesca"]})
    >>> report = write(frame, "users", errors="collect")
    >>> report.inserted, report.rejected[0].key, report.rejected[0].rule
    (2, {'id': 3}, 'length')
    """
    from multidb_explorer.writing.incoming import incoming
    from multidb_explorer.writing.rejecting import Rejections
    from multidb_explorer.writing.report import WriteReport
    from multidb_explorer.writing.validating import check

    began = perf_counter()
    _check_choices(mode, errors, key, batch_size)
    into = _into(table, using, schema)
    database = into.database
    chosen = _key(into, key) if mode == "upsert" else ()
    rejections, naming = Rejections(into.where), _Naming(into, columns or {})
    with with_word(database, confirm), Meter(database.alias) as meter:
        database.refuse_writes()
        if mode == "replace_rows":
            _refuse_referred(database, into)
        chunks = _counted(incoming(data, into, naming, batch_size), meter)
        with closing(check(into, chunks, rejections, needs=mode != "upsert", key=chosen)) as spool:
            naming.refuse_unused()
            _refuse_keyless(into, spool.rows, chosen)
            done = _written(into, spool.rows, rejections, mode=mode, key=chosen, collect=errors == "collect")
    return WriteReport(
        alias=database.alias,
        table=into.table.name,
        mode=mode,
        rows=rejections.rows,
        inserted=done.inserted,
        updated=done.updated,
        deleted=done.deleted,
        rejected=rejections,
        seconds=perf_counter() - began,
        loader=done.loader,
    )


def _counted(chunks: Iterable[Chunk], meter: Meter) -> Iterator[Chunk]:
    for chunk in chunks:
        yield chunk
        meter.add(len(chunk.places), 0)


def _written(
    into: Into, rows: Rows, rejections: Rejections, *, mode: str, key: tuple[str, ...], collect: bool
) -> Counts:
    from multidb_explorer.writing.bulk import insert, replace, upsert

    if mode == "upsert":
        return upsert(into, rows, rejections, key=key, collect=collect)
    return (replace if mode == "replace_rows" else insert)(into, rows, rejections, collect=collect)


# What was asked


def _check_choices(mode: str, errors: str, key: object, batch_size: int | None) -> None:
    if mode not in _MODES:
        raise ValueError(f"mode is one of {', '.join(map(repr, _MODES))}, not {mode!r}.")
    if errors not in _ERRORS:
        raise ValueError(f"errors is one of {', '.join(map(repr, _ERRORS))}, not {errors!r}.")
    if key is not None and mode != "upsert":
        raise ValueError(f"key tells which rows an upsert updates; mode={mode!r} has no use for it.")
    if batch_size is not None:
        whole_number("batch_size", batch_size)


def _into(table: type[Model] | str, using: str | None, schema: str | None) -> Into:
    if isinstance(table, str):
        return table_to_write(databases["default" if using is None else using], table, schema)
    source = getattr(table, "_source", None)
    if source is None:
        raise TypeError(f"A table is a model or the name of a table, not {table!r}.")
    database = databases[for_write(table, using)]
    return table_to_write(database, source.options.table, source.options.schema if schema is None else schema)


class _Naming:
    """Finds columns as people name them, and notes which names were used."""

    def __init__(self, into: Into, columns: Mapping[str, str]) -> None:
        self.into = into
        self._names = [slot.name for slot in into.slots]
        self._columns = {name: self.named(column) for name, column in columns.items()}
        self._used: set[str] = set()

    def named(self, column: str) -> str:
        """Find a column of the table."""
        found = self._match(column)
        if found is None:
            raise FieldError.unknown("column", column, _place(self.into), self._names)
        return found

    def __call__(self, name: str) -> str | None:
        """Name the column that a given name stands for."""
        self._used.add(name)
        return self._columns[name] if name in self._columns else self._match(name)

    def _match(self, name: str) -> str | None:
        try:
            return match(name, self._names)
        except Ambiguous as error:
            shown = ", ".join(map(repr, error.args[0]))
            raise FieldError(
                f"{name!r} could be several columns of {self.into.where}: {shown}. Say which with columns={{...}}."
            ) from None

    def refuse_unused(self) -> None:
        """Refuse a name in ``columns`` that no row had."""
        for name in self._columns:
            if name not in self._used:
                raise FieldError.unknown("column", name, "What is to be written", sorted(self._used))


def _place(into: Into) -> str:
    return f"{into.where[:1].upper()}{into.where[1:]}"


def _key(into: Into, key: str | Sequence[str] | None) -> tuple[str, ...]:
    """Find the key of an upsert."""
    if key is None:
        if not into.key:
            raise KeyRequired(
                f"{_place(into)} has no primary or unique key, so nobody can tell which rows exist already, and "
                f"nothing was written."
            )
        return into.key
    naming = _Naming(into, {})
    found = tuple(naming.named(name) for name in ([key] if isinstance(key, str) else key))
    if not any(set(unique) <= set(found) for unique in into.uniques):
        known = "; ".join(", ".join(unique) for unique in into.uniques) or "none"
        raise FieldError(
            f"key=({', '.join(found)}) is no unique key of {into.where}, so an upsert could update several rows for "
            f"one. Its unique keys: {known}."
        )
    return found


def _refuse_keyless(into: Into, rows: Rows, key: Sequence[str]) -> None:
    for part in rows.parts:
        given = [column.name for column in part.columns]
        if lacking := [name for name in key if name not in given]:
            raise FieldError(
                f"An upsert into {into.where} finds rows by ({', '.join(key)}), and what is to be written has no "
                f"{', '.join(map(repr, lacking))}."
            )


def _refuse_referred(database: Database, into: Into) -> None:
    """Refuse to delete all rows where others hang on them: what happens to those is nothing that this call names."""
    catalog = catalog_of(database)
    counts: dict[str, int] = {}
    for reference in catalog.references(into.table.name, into.table.schema):
        child = catalog.core_table(reference.table, reference.schema)
        if child is into.table:
            continue
        refers = sa.and_(*(child.c[name].is_not(None) for name in reference.foreign_key.columns))
        with database.connect() as connection:
            found = connection.execute(sa.select(sa.func.count()).select_from(child).where(refers)).scalar_one()
        if found:
            counts[reference.table] = counts.get(reference.table, 0) + int(found)
    if counts:
        shown = ", ".join(f"{count:,} of table {name!r}" for name, count in counts.items())
        raise ProtectedRows(
            f"Rows refer to {into.where} ({shown}), so its rows can't all be deleted and nothing was written. "
            f"mode='upsert' keeps them; or delete the rows that refer to it first.",
            alias=database.alias,
            table=into.table.name,
            counts=counts,
        )
