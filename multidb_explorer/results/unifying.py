"""One schema for the same columns as several databases give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from multidb_explorer.backends.arrow import arrow_type
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError, ValueNotRepresentable

__all__ = ["Part", "unified"]

Part = tuple[pa.Table, Sequence[ResultColumn]]
"""A result and what its columns hold."""

_TEXTS = {"text", "enum", "json", "other"}
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}


def unified(parts: Mapping[str, Part]) -> dict[str, pa.Table]:
    """Bring the results of several aliases to one schema that holds every value of each exactly.

    Raises
    ------
    FieldError
        Where the names differ or a column's kinds have no common one; it names alias and column.
    ValueNotRepresentable
        For a value that the common kind can't hold.

    Examples
    --------
    >>> def part(type_, bits):
    ...     return pa.table({"n": pa.array([1], type_)}), [ResultColumn("n", Kind("integer", bits=bits))]
    >>> found = unified({"a": part(pa.int16(), 16), "b": part(pa.int32(), 32)})
    >>> found["a"].schema == found["b"].schema == pa.schema({"n": pa.int64()})
    True
    """
    (first, (_, columns)), *others = parts.items()
    names = [column.name for column in columns]
    for alias, (_, theirs) in others:
        if [column.name for column in theirs] != names:
            raise FieldError(
                f"Aliases {first!r} and {alias!r} give different columns: {', '.join(names)}; and "
                f"{', '.join(column.name for column in theirs)}. Choose the same ones with values()."
            )
    schema = pa.schema([_field(place, name, parts) for place, name in enumerate(names)])
    return {alias: _cast(alias, table, schema) for alias, (table, _) in parts.items()}


def _field(place: int, name: str, parts: Mapping[str, Part]) -> pa.Field:
    kinds = {alias: _kind(table, columns, place) for alias, (table, columns) in parts.items()}
    nullable = any(columns[place].nullable for _, columns in parts.values())
    known = {alias: kind for alias, kind in kinds.items() if kind is not None}
    return pa.field(name, arrow_type(_common(name, known)) if known else pa.string(), nullable)


def _kind(table: pa.Table, columns: Sequence[ResultColumn], place: int) -> Kind | None:
    """Give what a column holds; where the database knows that of each value only, what its values are."""
    kind, found = columns[place].kind, table.column(place)
    if kind.name != "any":
        return kind
    return None if found.null_count == len(found) else _KINDS.get(found.type, Kind("text"))


_KINDS = {
    pa.int64(): Kind("integer"),
    pa.uint64(): Kind("integer", unsigned=True),
    pa.float64(): Kind("float"),
    pa.bool_(): Kind("boolean"),
    pa.binary(): Kind("binary"),
}


def _common(column: str, kinds: Mapping[str, Kind]) -> Kind:
    (first, kind), *others = kinds.items()
    found = kind
    for alias, other in others:
        joined = _joined(found, other)
        if joined is None:
            raise FieldError(
                f"Column {column!r} is {other} on alias {alias!r} and {kind} on {first!r}, and no type holds both. "
                f"Say which it shall be: annotate({column}_=Cast({column!r}, ...)), or ask the two apart."
            )
        found = joined
    return found


def _joined(one: Kind, other: Kind) -> Kind | None:
    """Give the kind that holds both, or nothing."""
    if arrow_type(one) == arrow_type(other) and one.choices == other.choices:
        return one
    names = {one.name, other.name}
    if names <= _TEXTS:
        return Kind("text")
    if names == {"integer"}:
        return _whole(one, other)
    if names <= {"integer", "decimal"}:
        return _decimal(_as_decimal(one), _as_decimal(other))
    if names <= {"integer", "float"}:
        return Kind("float")
    if names == {"array"} and one.item is not None and other.item is not None:
        item = _joined(one.item, other.item)
        return None if item is None else replace(one, item=item)
    return None


def _whole(one: Kind, other: Kind) -> Kind:
    low = min(one.integer_range[0], other.integer_range[0])
    high = max(one.integer_range[1], other.integer_range[1])
    if high < 2**63:
        return Kind("integer")
    return Kind("integer", unsigned=True) if low == 0 else Kind("decimal", precision=20, scale=0)


def _as_decimal(kind: Kind) -> Kind:
    return Kind("decimal", precision=_DIGITS[kind.bits], scale=0) if kind.name == "integer" else kind


def _decimal(one: Kind, other: Kind) -> Kind:
    if one.precision is None or other.precision is None:
        return Kind("decimal")
    scales = (one.scale or 0, other.scale or 0)
    before = max(one.precision - scales[0], other.precision - scales[1])
    return Kind("decimal", precision=before + max(scales), scale=max(scales))


def _cast(alias: str, table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for column, field in zip(table.itercolumns(), schema, strict=True):
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowException as error:
            raise ValueNotRepresentable(
                f"Column {field.name!r} on alias {alias!r} holds a value that the type {field.type}, common to all "
                f"aliases, can't hold exactly: {error}",
                column=field.name,
            ) from None
    return pa.Table.from_arrays(columns, schema=schema)
