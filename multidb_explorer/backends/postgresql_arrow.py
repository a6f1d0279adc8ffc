"""From ADBC's Arrow types to the declared ones, by the server's name of each column's type."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.postgresql_driver import EXACT
from multidb_explorer.backends.readers import StepAside, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from multidb_explorer.backends.columns import ResultColumn

__all__ = ["Shape", "converted", "native", "shape"]

_TEXTS = frozenset({"text", "varchar", "bpchar", "name"})
_INTEGERS = frozenset({"int2", "int4", "int8"})
_FLOATS = frozenset({"float4", "float8"})

_STORED: dict[str, frozenset[str]] = {
    "integer": _INTEGERS | {"oid"},
    "float": _FLOATS,
    "decimal": frozenset({"numeric"}),
    "boolean": frozenset({"bool"}),
    "text": _TEXTS,
    "enum": _TEXTS,
    "date": frozenset({"date"}),
    "time": frozenset({"time"}),
    "interval": frozenset({"interval"}),
    "uuid": frozenset({"uuid"}),
    "json": frozenset({"json", "jsonb"}),
    "binary": frozenset({"bytea"}),
}
"""Types that arrive whole, by the kind that they are read as."""

_COMPUTED: dict[str, frozenset[str]] = {
    "integer": frozenset({"numeric"}),
    "float": _INTEGERS | {"numeric"},
    "decimal": _FLOATS,
}
"""Types in which the server may give what it computed of such a kind."""

_AS_TEXT = frozenset({"text", "enum", "other"})


@dataclass(frozen=True)
class Shape:
    """How a result is asked for and what its columns are.

    Attributes
    ----------
    types
        The server's name of each column's type.
    listed
        The select list around the statement, or empty where it is read as it stands.
    """

    columns: tuple[ResultColumn, ...]
    types: tuple[str, ...]
    listed: str = ""

    def around(self, sql: str) -> str:
        """Put the select list around a statement."""
        if not self.listed:
            return sql
        names = ", ".join(f"c{place}" for place in range(len(self.columns)))
        return f"SELECT {self.listed} FROM ({sql}\n) AS _ ({names})"

    def batch(self, found: pa.RecordBatch) -> pa.RecordBatch:
        """Bring a batch to the declared types.

        Raises
        ------
        Unreadable
            For a value that its column can't hold.
        StepAside
            For a date that no Python date is.
        """
        import pyarrow as pa

        _refuse_nested(found, self.columns)
        arrays = [
            converted(array, column, type_)
            for array, column, type_ in zip(found.columns, self.columns, self.types, strict=False)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(self.columns))


def shape(schema: pa.Schema, columns: tuple[ResultColumn, ...]) -> Shape:
    """Decide how each column is read, by what the server says of it.

    Raises
    ------
    StepAside
        For a column that only the plain cursor reads.
    """
    if len(schema) != len(columns):
        raise StepAside("the statement gives other columns than were asked for")
    types = [(field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() for field in schema]
    items = [_listed(place, column, type_) for place, (column, type_) in enumerate(zip(columns, types, strict=True))]
    guards = [f"array_ndims(c{place})" for place, column in enumerate(columns) if column.kind.name == "array"]
    plain = not guards and all(item == f"c{place}" for place, item in enumerate(items))
    return Shape(columns, tuple(types), "" if plain else ", ".join([*items, *guards]))


def _listed(place: int, column: ResultColumn, type_: str) -> str:
    """Write one column of the select list."""
    if type_ == "oid" and column.kind.name == "integer":
        # It arrives as a signed number otherwise.
        return f"c{place}::bigint"
    if native(column.kind, type_, computed=column.computed):
        # The server writes the digits in a fraction of the time that ADBC takes for the same text.
        return f"c{place}::text" if type_ == "numeric" else f"c{place}"
    known = type_ in EXACT or type_.removeprefix("_") in EXACT
    if known or column.kind.name not in _AS_TEXT:
        raise StepAside(f"column {column.name!r} has the type {type_}")
    # format() calls the type's own output function, where a cast to text may write something else (inet), and unlike
    # IS NULL num_nulls() takes no record of NULLs for one.
    return f"CASE num_nulls(c{place}) WHEN 0 THEN format('%s', c{place}) END"


def native(kind: Kind, type_: str, *, computed: bool) -> bool:
    """Tell whether values of a type of the server can be read as a kind as they arrive."""
    if kind.name == "timestamp":
        return type_ == ("timestamptz" if kind.tz else "timestamp")
    if kind.name == "array" and kind.item is not None:
        return type_.startswith("_") and native(kind.item, type_.removeprefix("_"), computed=False)
    allowed = _STORED.get(kind.name, frozenset())
    return type_ in allowed or (computed and type_ in _COMPUTED.get(kind.name, ()))


def _refuse_nested(found: pa.RecordBatch, columns: Sequence[ResultColumn]) -> None:
    """Refuse arrays of more than one dimension, which arrive as flat ones."""
    import pyarrow.compute as pc

    arrays = [column for column in columns if column.kind.name == "array"]
    for column, depths in zip(arrays, found.columns[len(columns) :], strict=True):
        if (pc.max(depths).as_py() or 0) > 1:
            raise Unreadable(column, "it has more than one dimension; read it as text by casting the column in SQL")


def converted(array: pa.Array, column: ResultColumn, type_: str) -> pa.Array:
    """Bring the values of one column to its declared type; numbers may have come as their text.

    Raises
    ------
    Unreadable
        For a value that the column can't hold.
    StepAside
        For a date that no Python date is.
    """
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray) and column.kind.name != "uuid":
        array = array.storage
    match column.kind.name:
        case "array":
            return _array(array, column, type_)
        case "decimal" | "integer" | "float":
            return _number(array, column)
        case "enum" if column.kind.choices:
            return _enum(array, column)
        case "interval" if column.computed:
            return to_array([_span(value) for value in array.to_pylist()], column.kind)
        case "date" | "time" | "timestamp":
            _refuse_far(array, column)
    return array


def _array(array: pa.Array, column: ResultColumn, type_: str) -> pa.Array:
    import pyarrow as pa

    item = replace(column, kind=column.kind.item or Kind("other"), computed=False)
    values = converted(array.values, item, type_.removeprefix("_"))
    return pa.ListArray.from_arrays(array.offsets, values, arrow_type(column.kind), mask=array.is_null())


def _number(array: pa.Array, column: ResultColumn) -> pa.Array:
    import pyarrow as pa

    wanted = arrow_type(column.kind)
    if array.type == wanted:
        return array
    if array.type == pa.float32():
        # A computed single stands for the number that its shortest digits name.
        array = array.cast(pa.string())
    try:
        if not pa.types.is_string(wanted) and (column.kind.name != "decimal" or pa.types.is_string(array.type)):
            return array.cast(wanted)
    except pa.ArrowException:
        pass
    return _number_by_number(array, column)


def _number_by_number(array: pa.Array, column: ResultColumn) -> pa.Array:
    """Do what the plain cursor does, with its words for what can't be held."""
    makers: dict[str, Callable[[Any], Any]] = {"decimal": _decimal, "integer": _whole, "float": float}
    make = makers[column.kind.name]
    try:
        return to_array([None if value is None else make(value) for value in array.to_pylist()], column.kind)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Unreadable(column, error) from None


def _decimal(value: Any) -> Decimal:
    found = Decimal(value if isinstance(value, str) else repr(value))
    if not found.is_finite():
        raise ValueError(f"{found} is not a finite number")
    return found


def _whole(value: Any) -> int:
    exact = Decimal(value) if isinstance(value, str) else value
    if int(exact) != exact:
        raise ValueError(f"{exact!r} is not a whole number")
    return int(exact)


def _span(value: Any) -> Any:
    """Give a difference of two moments as a timedelta."""
    if value is None or value.months:
        return value
    return dt.timedelta(days=value.days, microseconds=value.nanoseconds // 1000)


def _enum(array: pa.Array, column: ResultColumn) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    choices = pa.array(column.kind.choices, pa.string())
    indices = pc.index_in(array, value_set=choices)
    strange = array.filter(pc.and_(indices.is_null(), array.is_valid()))
    if len(strange):
        raise Unreadable(column, KeyError(strange[0].as_py()))
    return pa.DictionaryArray.from_arrays(indices, choices)


_EPOCH = dt.datetime(1970, 1, 1)
_DAYS = ((dt.date.min - _EPOCH.date()).days, (dt.date.max - _EPOCH.date()).days)
_MICROSECOND = dt.timedelta(microseconds=1)
_MOMENTS = ((dt.datetime.min - _EPOCH) // _MICROSECOND, (dt.datetime.max - _EPOCH) // _MICROSECOND)
_RANGES = {"date": _DAYS, "timestamp": _MOMENTS, "time": (0, 86_400_000_000 - 1)}


def _refuse_far(array: pa.Array, column: ResultColumn) -> None:
    """Refuse what Python's dates and times don't reach: infinity, years before 1 or after 9999, and 24:00."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.min_max(array.view(pa.int32() if column.kind.name == "date" else pa.int64())).as_py()
    low, high = _RANGES[column.kind.name]
    if ends["min"] is None:
        return
    if ends["max"] > high:
        raise StepAside(f"{column.kind.name} too large (after year 10K) in column {column.name!r}")
    if ends["min"] < low:
        raise StepAside(f"{column.kind.name} too small (before year 1) in column {column.name!r}")
