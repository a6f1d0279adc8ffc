"""Check rows against the table before any SQL: each value becomes what the column stores exactly, or a rejection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.backends.arrow import arrow_schema, arrow_type, to_array
from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.writing.fitting import cast, typed
from multidb_explorer.writing.incoming import Chunk, Values
from multidb_explorer.writing.into import Into, Slot
from multidb_explorer.writing.rejecting import Rejection, Rejections, Rule
from multidb_explorer.writing.spooling import PLACE, Spool

__all__ = ["check", "fit"]

_Add = Callable[[tuple[ResultColumn, ...], pa.RecordBatch], None]


@dataclass(frozen=True)
class _Reason:
    """Why one value was refused."""

    rule: Rule
    message: str
    value_type: str


@dataclass(frozen=True)
class _Fitted:
    """A column as it will be stored, with NULL where a value was refused, and the reasons by row."""

    array: pa.Array
    reasons: Mapping[int, _Reason]

    @property
    def nulls(self) -> Any:
        """A mark at each row that gave NULL."""
        found = self.array.is_null().to_numpy(zero_copy_only=False).copy()
        found[list(self.reasons)] = False
        return found


def check(
    into: Into,
    chunks: Iterable[Chunk],
    rejections: Rejections,
    *,
    needs: bool = True,
    key: Sequence[str] = (),
) -> Spool:
    """Check rows and keep those that fit; every value that doesn't is a rejection.

    Parameters
    ----------
    needs
        Whether a row must give every column that has neither a default nor NULL.
    key
        Columns in which no row may have NULL.
    """
    spool, checking = Spool(), _Checking(into, rejections, needs=needs, key=tuple(key))
    try:
        for chunk in chunks:
            checking.add(chunk, spool)
    except BaseException:
        spool.close()
        raise
    return spool


class _Checking:
    """What is known while rows are checked, chunk after chunk."""

    def __init__(self, into: Into, rejections: Rejections, *, needs: bool, key: tuple[str, ...]) -> None:
        self.into = into
        self.rejections = rejections
        self.needs = needs
        self.key = key
        self._missing: set[str] = set()

    def add(self, chunk: Chunk, spool: Spool) -> None:
        """Check a chunk and keep its good rows."""
        backend = self.into.database.backend
        slots = [self.into.by_name[name] for name in chunk.columns]
        fitted = {slot.name: fit(chunk.columns[slot.name], slot, backend, self.into.where) for slot in slots}
        places = np.asarray(chunk.places, np.int64)
        self.rejections.rows += len(places)
        good = np.ones(len(places), bool)
        if self._lacks(fitted):
            good[:] = False
        for slot in slots:
            self._note(slot, fitted, places, good)
        self._keep(slots, fitted, places, good, lambda columns, batch: spool.add(columns, batch, chunk.held))

    def _lacks(self, given: Mapping[str, _Fitted]) -> bool:
        """Note columns that need a value and get none."""
        lacking = [slot for slot in self.into.slots if self.needs and not slot.optional and slot.name not in given]
        for slot in lacking:
            if slot.name not in self._missing:
                self._missing.add(slot.name)
                text = f"Column {slot.name!r} of {self.into.where} needs a value, and the rows have no such column."
                self.rejections.add(Rejection(None, {}, slot.name, "missing", text))
        return bool(lacking)

    def _note(self, slot: Slot, fitted: Mapping[str, _Fitted], places: Any, good: Any) -> None:
        """Note what is wrong in one column, and mark its rows."""
        found = fitted[slot.name]
        reasons = dict(found.reasons)
        if empty := self._refuses_null(slot):
            rows = np.flatnonzero(found.nulls).tolist()
            reasons.update(dict.fromkeys(rows, _Reason("not_null", empty, "NULL")))
        for row in sorted(reasons):
            good[row] = False
            if self.rejections.full:
                self.rejections.more(1)
                continue
            why, key = reasons[row], self._key_of(fitted, row)
            self.rejections.add(Rejection(int(places[row]), key, slot.name, why.rule, why.message, why.value_type))

    def _refuses_null(self, slot: Slot) -> str:
        """Say why a row can't have NULL there, or nothing."""
        place = f"Column {slot.name!r} of {self.into.where}"
        if slot.name in self.key:
            return f"{place} can't be NULL: rows that exist already are found by it."
        return f"{place} can't be NULL." if not slot.nullable and not slot.optional else ""

    def _key_of(self, fitted: Mapping[str, _Fitted], row: int) -> dict[str, Any]:
        names = self.key or self.into.key
        return {name: fitted[name].array[row].as_py() for name in names if name in fitted}

    def _keep(self, slots: list[Slot], fitted: Mapping[str, _Fitted], places: Any, good: Any, add: _Add) -> None:
        """Keep the good rows; those that leave a column to its default are kept apart, without the column."""
        free = [slot for slot in slots if slot.optional and not slot.nullable]
        for slot in free:
            empty = fitted[slot.name].nulls & good
            if empty.any():
                others = [other for other in slots if other is not slot]
                self._keep(others, fitted, places, empty, add)
                good = good & ~empty
        if not good.any():
            return
        columns = tuple(slot.column for slot in slots)
        arrays = [*(fitted[slot.name].array for slot in slots), pa.array(places)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema([*columns, PLACE]))
        add(columns, batch if good.all() else batch.filter(pa.array(good)))


# One column


def fit(values: Values, slot: Slot, backend: Backend, where: str) -> _Fitted:
    """Bring the values of a column to the form in which they are stored.

    Values of plain types are looked at all at once; the rare and the refused ones each go through
    `Backend.to_column`, which knows the reasons.
    """
    kind, judge = slot.kind, _Judge(slot, backend, where)
    values = values if isinstance(values, list) else _common(values)
    array = typed(values, kind) if isinstance(values, list) else values
    found = None if array is None else cast(array, kind, judge.accepts)
    if found is None:
        return _one_by_one(_objects(values), judge)
    if found.doubts is None:
        return _Fitted(found.array, {})
    rows = np.flatnonzero(found.doubts.to_numpy(zero_copy_only=False))
    some = [values[row] for row in rows.tolist()] if isinstance(values, list) else _objects(values.take(pa.array(rows)))
    judged = _one_by_one(some, judge)
    reasons = {int(rows[place]): reason for place, reason in judged.reasons.items()}
    # Those that were judged stand behind the others; each row takes its value from where it is.
    order = np.arange(len(found.array))
    order[rows] = len(order) + np.arange(len(rows))
    return _Fitted(pa.concat_arrays([found.array, judged.array]).take(pa.array(order)), reasons)


def _common(array: pa.Array) -> pa.Array:
    """Give an array in the layout that Arrow's functions know, of which some libraries hand over newer ones."""
    if pa.types.is_dictionary(array.type):
        return pa.DictionaryArray.from_arrays(array.indices, _common(array.dictionary))
    if pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    return pc.run_end_decode(array) if pa.types.is_run_end_encoded(array.type) else array


class _Unreadable:
    """A value of an Arrow array that Python has no object for."""

    def __init__(self, reason: object) -> None:
        self.reason = str(reason)


def _objects(values: Values) -> list[Any]:
    if isinstance(values, list):
        return values
    try:
        found: list[Any] = values.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        return [_object(value) for value in values]
    return found


def _object(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        return _Unreadable(error)


def _one_by_one(values: Sequence[Any], judge: _Judge) -> _Fitted:
    kept: list[Any] = []
    reasons: dict[int, _Reason] = {}
    for row, value in enumerate(values):
        found = judge(value)
        if isinstance(found, _Reason):
            reasons[row] = found
        kept.append(None if isinstance(found, _Reason) else found)
    try:
        return _Fitted(to_array(kept, judge.slot.kind), reasons)
    except (ValueError, TypeError, OverflowError, KeyError):
        for row, value in enumerate(kept):
            if (reason := judge.beyond_arrow(value)) is not None:
                reasons[row], kept[row] = reason, None
    return _Fitted(to_array(kept, judge.slot.kind), reasons)


class _Judge:
    """Judges single values of one column, remembering those that come again and again."""

    def __init__(self, slot: Slot, backend: Backend, where: str) -> None:
        self.slot = slot
        self._where = where
        self._exact: Callable[[Any], Any] = lambda value: backend.to_column(
            value, slot.kind, column=slot.name, where=where
        )

    def accepts(self, value: Any) -> bool:
        """Tell whether the column stores a canonical value as it is."""
        try:
            return bool(self._exact(value) == value)
        except ValueNotRepresentable:
            return False

    def __call__(self, value: Any) -> Any:
        """Give the form in which a value is stored, or the reason why it is not."""
        if isinstance(value, _Unreadable):
            return self._reason(value, f"Column {self.slot.name!r} of {self._where} can't hold it: {value.reason}.")
        try:
            found = self._exact(value)
        except ValueNotRepresentable as error:
            return self._reason(value, str(error))
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            return self._reason(value, f"Column {self.slot.name!r} of {self._where} can't hold it: {error}.")
        return self._stored(value, found)

    def _stored(self, value: Any, found: Any) -> Any:
        kind = self.slot.kind
        if kind.name == "float" and kind.bits == 32 and math.isfinite(found or 0) and abs(found or 0) > _LARGEST_SINGLE:
            return self._reason(
                value, f"Column {self.slot.name!r} of {self._where} can't hold {value!r}: it is too large."
            )
        if kind.name == "other" and found is not None and not isinstance(found, str):
            # The database reads its own types from text.
            return str(found) if not isinstance(found, _NO_TEXT) else self._reason(value, self._no_text(value))
        return found

    def _no_text(self, value: Any) -> str:
        return f"Column {self.slot.name!r} of {self._where} takes the database's own text, not {type(value).__name__}."

    def beyond_arrow(self, value: Any) -> _Reason | None:
        """Say why a value that the database might keep can't be carried there."""
        try:
            to_array([value], self.slot.kind)
        except (ValueError, TypeError, OverflowError, KeyError):
            text = f"Column {self.slot.name!r} of {self._where} can't hold {str(value)[:60]} exactly: "
            return self._reason(value, f"{text}it does not fit {arrow_type(self.slot.kind)}.")
        return None

    def _reason(self, value: Any, message: str) -> _Reason:
        return _Reason(_rule(value, self.slot), message, type(value).__name__)


_LARGEST_SINGLE = 3.4028235677973366e38
_NO_TEXT = (bytes, bytearray, memoryview, list, tuple, dict, set)


def _rule(value: Any, slot: Slot) -> Rule:
    """Name the rule that a refused value offends against."""
    kind = slot.kind
    if kind.name in ("text", "binary"):
        sized = isinstance(value, str if kind.name == "text" else bytes | bytearray | memoryview)
        return "length" if sized and kind.length is not None and len(value) > kind.length else "type"
    if kind.name == "enum":
        return "enum"
    if kind.name in ("integer", "float", "decimal"):
        return _number_rule(value, slot)
    if isinstance(value, _Unreadable):
        return "range"
    if kind.name in ("date", "time", "timestamp"):
        return _time_rule(value, slot)
    return "type"


def _number_rule(value: Any, slot: Slot) -> Rule:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | np.number):
        return "type"
    if slot.kind.name == "decimal":
        return "precision"
    if slot.kind.name == "integer":
        whole = math.isfinite(value) and value == int(value)
        return "range" if whole else "type"
    return "precision" if isinstance(value, int | np.integer) else "range"


def _time_rule(value: Any, slot: Slot) -> Rule:
    if not hasattr(value, "isoformat"):
        return "type"
    if getattr(value, "nanosecond", 0):
        return "precision"
    if slot.kind.name != "date" and (getattr(value, "tzinfo", None) is not None) != slot.kind.tz:
        return "type"
    fraction = getattr(value, "microsecond", 0)
    if slot.kind.name == "date":
        return "precision" if hasattr(value, "hour") else "range"
    return "precision" if fraction and (slot.kind.scale or 0) < 6 else "range"
