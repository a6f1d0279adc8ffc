"""COPY on the lent session itself, for a transaction whose rows no other session sees."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.postgresql_arrow import converted, native
from multidb_explorer.backends.postgresql_bound import bound, typed
from multidb_explorer.backends.postgresql_driver import EXACT, parse_instant, parse_interval
from multidb_explorer.backends.postgresql_pouring import poured
from multidb_explorer.backends.readers import Reader, Request, StepAside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from multidb_explorer.backends.columns import ResultColumn
    from multidb_explorer.backends.postgresql_bound import Bound

__all__ = ["CopyReader"]

_FEW = 1_000
"""Rows up to which the plain cursor is as quick."""


class CopyReader(Reader):
    """Reads the server's CSV, every value of which is the text that the plain cursor would get."""

    name: ClassVar[str] = "copy"
    title: ClassVar[str] = "COPY"

    def refusal(self, request: Request) -> str:
        """Refuse what is not inside a transaction, and what CSV holds no better than the cursor."""
        session: Any = request.connection.connection.driver_connection
        reasons = {
            "it goes with psycopg only": not hasattr(session, "info") or not hasattr(session, "adapters"),
            "it is for open transactions": not request.isolated,
            "the rows are few": request.most is not None and request.most <= _FEW,
            "only a SELECT of our own can be copied": not isinstance(request.statement, sa.Select | sa.CompoundSelect),
            "a column needs the plain cursor": any(each.kind.name in ("any", "array") for each in request.columns),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Copy everything, since the session must be free again, and convert it before any of it is given away."""
        session: Any = request.connection.connection.driver_connection
        given = typed(bound(request.statement, request.connection), session)
        types = _types(session, given, request.columns)
        yield from [_batch(lines, request.columns, types) for lines in _copied(session, given, request.batch_rows)]


def _types(session: Any, given: Bound, columns: tuple[ResultColumn, ...]) -> list[str]:
    """Name the type of each column as the server does."""
    with session.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({given.sql}\n) AS _ LIMIT 0", given.values)
        found = [each.type_code for each in cursor.description]
    if len(found) != len(columns):
        raise StepAside("the statement gives other columns than were asked for")
    types = [_name(session, oid) for oid in found]
    for column, type_ in zip(columns, types, strict=True):
        as_text = type_ not in EXACT and column.kind.name in ("text", "enum", "other")
        if not as_text and not native(column.kind, type_, computed=column.computed):
            raise StepAside(f"column {column.name!r} has the type {type_}")
    return types


def _name(session: Any, oid: int) -> str:
    info = session.adapters.types.get(oid)
    return "" if info is None or info.array_oid == oid else str(info.name)


def _copied(session: Any, given: Bound, rows: int) -> list[bytes]:
    """Give the lines of the CSV, those of each batch together."""
    # Where there is no value psycopg leaves the doubled percent signs as they are.
    inner = given.sql if given.values else given.sql.replace("%%", "%")
    sql = f"COPY ({inner}\n) TO STDOUT (FORMAT csv, ENCODING 'utf8')"
    return [b"".join(lines) for lines in poured(session, sql, given.values, rows=rows, octets=_MOST)]


_MOST = 1 << 30
"""More bytes than these are a batch of their own."""


def _batch(lines: bytes, columns: tuple[ResultColumn, ...], types: list[str]) -> pa.RecordBatch:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(place) for place in range(len(columns))]
    table = csv.read_csv(
        pa.BufferReader(lines),
        # One block: a line that is longer than a block is an error.
        csv.ReadOptions(column_names=names, block_size=len(lines) + 1, use_threads=False),
        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            # NULL is nothing at all, and an empty text is a pair of quotes.
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    arrays = [
        _parsed(found.combine_chunks(), column, type_)
        for found, column, type_ in zip(table.columns, columns, types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def _parsed(texts: Any, column: ResultColumn, type_: str) -> pa.Array:
    """Read the texts of one column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array: pa.Array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    match column.kind.name:
        case "boolean":
            return pc.equal(array, "t")
        case "binary":
            return _each(array, column, lambda text: bytes.fromhex(text.removeprefix("\\x")))
        case "uuid":
            return _uuids(array)
        case "interval":
            array = _each(array, replace(column, computed=False), parse_interval)
        case "date" | "time" | "timestamp":
            return _moments(array, column)
        case "float" if type_ == "float4" and column.kind.bits == 32:
            return array.cast(pa.float32())
    return converted(array, column, type_)


def _each(array: pa.Array, column: ResultColumn, read: Callable[[str], Any]) -> pa.Array:
    import psycopg

    try:
        return to_array([None if text is None else read(text) for text in array.to_pylist()], column.kind)
    except (ValueError, psycopg.DataError) as error:
        raise StepAside(error) from None


def _uuids(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.replace_substring(array.fill_null("0" * 32), "-", "")
    data = pa.py_buffer(bytes.fromhex("".join(digits.to_pylist())))
    valid = pa.array(array.is_valid()).buffers()[1]
    storage = pa.Array.from_buffers(pa.binary(16), len(array), [valid, data])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _moments(array: pa.Array, column: ResultColumn) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if column.kind.name == "time":
            # Arrow reads a time of day only behind a date.
            moments = pc.binary_join_element_wise("1970-01-01", array, " ").cast(pa.timestamp("us"))
            return moments.cast(arrow_type(column.kind))
        return array.cast(arrow_type(column.kind))
    except pa.ArrowInvalid:
        if column.kind.name == "timestamp" and column.kind.tz:
            # An offset of hours, minutes and seconds is read by Python only.
            return _each(array, column, _instant)
        raise StepAside(f"a {column.kind.name} in column {column.name!r} is out of range") from None


def _instant(text: str) -> dt.datetime:
    return parse_instant(text) or dt.datetime.fromisoformat(text).astimezone(dt.UTC)
