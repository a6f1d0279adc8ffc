"""Rows as a workbook of Excel, written row by row: what a cell can't hold exactly is text."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.errors import FieldValueError, ValueNotRepresentable
from multidb_explorer.results.files import replacing
from multidb_explorer.results.spelling import spelt

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "checked_sheet", "sheet_for", "write_excel"]

MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
_MOST_CHARACTERS = 32_767
_DIGITS = 15
_FIRST_DAY = dt.date(1900, 3, 1)
"""Before it Excel counts a day that never was."""


def checked_sheet(name: str) -> str:
    """Give a name that a sheet may have.

    Raises
    ------
    FieldValueError
        Saying which names there are.

    Examples
    --------
    >>> checked_sheet("orders")
    'orders'
    """
    if sheet_for(name) != name:
        raise FieldValueError(
            f"{name!r} can't name a sheet: it has 1 to 31 characters, none of [ ] : * ? / \\, no ' or space at an end, "
            f"and is not 'history', which Excel keeps for itself."
        )
    return name


def sheet_for(title: str) -> str:
    """Give the name of a sheet that comes nearest to a title.

    Examples
    --------
    >>> sheet_for("orders/2026"), sheet_for("History")
    ('orders 2026', 'History_')
    """
    name = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title)[:31].strip("' ")
    return f"{name}_" if name.casefold() == "history" else name or "rows"


def write_excel(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    path: Path,
    *,
    sheet: str,
    overwrite: bool,
) -> int:
    """Write batches to a workbook and give the number of rows; what exceeds one sheet goes on in another.

    Raises
    ------
    ValueNotRepresentable
        For a text that is too long for a cell, and for more columns than a sheet has.
    """
    from xlsxwriter import Workbook

    if len(schema) > MOST_COLUMNS:
        raise ValueNotRepresentable(
            f"There are {len(schema):,} columns, and a sheet of Excel has {MOST_COLUMNS:,}. "
            f"Choose some of them with values(), or write Parquet or CSV."
        )
    with replacing(path, overwrite=overwrite) as file:
        # A formula or a link is only what somebody says is one.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with Workbook(file, options) as book:
            return _Writing(book, schema, sheet).write(batches)


class _Writing:
    """One workbook on its way."""

    def __init__(self, book: Any, schema: pa.Schema, sheet: str) -> None:
        self._book, self._names, self._title = book, schema.names, sheet
        self._head = book.add_format({"bold": True, "bottom": 1})
        self._cells = [_cell_of(field.type) for field in schema]
        self._formats = [
            book.add_format({"num_format": form}) if (form := _format(field.type)) else None for field in schema
        ]
        self._sheets = 0
        self._sheet: Any = None
        self._row = 0

    def write(self, batches: Iterable[pa.RecordBatch]) -> int:
        self._next_sheet()
        rows = 0
        for batch in batches:
            columns = [_values(array, cell) for array, cell in zip(batch.columns, self._cells, strict=True)]
            for values in zip(*columns, strict=True):
                if self._row >= MOST_ROWS:
                    self._next_sheet()
                self._write_row(values)
            rows += batch.num_rows
        return rows

    def _next_sheet(self) -> None:
        self._sheets += 1
        ending = f" ({self._sheets})" if self._sheets > 1 else ""
        self._sheet = self._book.add_worksheet(f"{self._title[: 31 - len(ending)]}{ending}")
        self._sheet.freeze_panes(1, 0)
        for place, name in enumerate(self._names):
            self._sheet.set_column(place, place, min(40, max(10, len(name) + 3)))
            self._sheet.write_string(0, place, name, self._head)
        self._row = 1

    def _write_row(self, values: Sequence[Any]) -> None:
        sheet, row = self._sheet, self._row
        for place, value in enumerate(values):
            if value is None:
                continue
            if isinstance(value, str):
                self._require_room(value, place)
                sheet.write_string(row, place, value)
            elif isinstance(value, bool):
                sheet.write_boolean(row, place, value)
            elif isinstance(value, dt.date | dt.time):
                sheet.write_datetime(row, place, value, self._formats[place])
            else:
                sheet.write_number(row, place, value, self._formats[place])
        self._row += 1

    def _require_room(self, text: str, place: int) -> None:
        if len(text) > _MOST_CHARACTERS:
            raise ValueNotRepresentable(
                f"Column {self._names[place]!r} holds a text of {len(text):,} characters, and a cell of Excel keeps "
                f"{_MOST_CHARACTERS:,}. Leave the column out, or write Parquet or CSV.",
                column=self._names[place],
            )


Cell = Callable[[Any], Any]
"""Turns a value into that of a cell, or into ``None`` where only its text is exact."""


def _values(array: pa.Array, cell: Cell | None) -> list[Any]:
    if cell is None:
        found: list[Any] = spelt(array).to_pylist()
        return found
    values = [None if value is None else cell(value) for value in _counted(array).to_pylist()]
    if values.count(None) == array.null_count:
        return values
    return [text if value is None else value for value, text in zip(values, spelt(array).to_pylist(), strict=True)]


def _counted(array: pa.Array) -> pa.Array:
    """Leave out the days and moments that a cell can't hold; Python itself knows none after the year 9999."""
    if not pa.types.is_date(array.type) and not (pa.types.is_timestamp(array.type) and array.type.tz is None):
        return array
    days = array.cast(pa.date32(), safe=False)
    held = pc.and_(pc.greater_equal(days, pa.scalar(_FIRST_DAY)), pc.less_equal(days, pa.scalar(dt.date.max)))
    return pc.if_else(held, array, pa.scalar(None, array.type))


def _cell_of(type_: pa.DataType) -> Cell | None:
    """Give what turns a value into that of a cell; ``None`` where every value is text."""
    if pa.types.is_boolean(type_) or pa.types.is_date(type_):
        return lambda value: value
    if pa.types.is_integer(type_):
        return lambda value: value if abs(value) < 10**_DIGITS else None
    if pa.types.is_floating(type_):
        return lambda value: value if math.isfinite(value) and _same(value) else None
    if pa.types.is_decimal(type_):
        return lambda value: float(value) if len(value.normalize().as_tuple().digits) <= _DIGITS else None
    if pa.types.is_time(type_) or (pa.types.is_timestamp(type_) and type_.tz is None):
        return lambda value: value if not value.microsecond % 1000 else None
    return None


def _same(value: float) -> bool:
    """Tell whether a file of Excel keeps the number: it is written with 16 digits."""
    return float(f"{value:.16G}") == value


def _format(type_: pa.DataType) -> str | None:
    if pa.types.is_decimal128(type_) and 0 < type_.scale <= _DIGITS:
        return f"0.{'0' * type_.scale}"
    forms = ((pa.types.is_date, "yyyy-mm-dd"), (pa.types.is_time, "hh:mm:ss"), (pa.types.is_timestamp, _MOMENT))
    return next((form for test, form in forms if test(type_)), None)


_MOMENT = "yyyy-mm-dd hh:mm:ss"
