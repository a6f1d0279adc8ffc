"""What is left of a value in a column that can't hold it, where the user accepted the loss by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from multidb_explorer.backends.arrow import to_array
from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.writing.into import Slot

__all__ = ["lost"]


def lost(given: pa.Array, fitted: pa.Array, places: Sequence[int], slot: Slot, backend: Backend) -> pa.Array:
    """Put the nearest values that the column holds in some places of an array: cut, rounded, or NULL.

    Parameters
    ----------
    given, fitted
        The values as they were, and as they fit, with NULL at the places.
    """
    near = [_nearest(given[place].as_py(), slot, backend) for place in places]
    order = np.arange(len(fitted))
    order[list(places)] = len(fitted) + np.arange(len(places))
    return pa.concat_arrays([fitted, to_array(near, slot.kind)]).take(pa.array(order))


def _nearest(value: Any, slot: Slot, backend: Backend) -> Any:
    for attempt in _attempts(value, slot.kind):
        with suppress(ValueNotRepresentable, ValueError, TypeError, ArithmeticError):
            return backend.to_column(attempt, slot.kind, column=slot.name)
    return None


def _attempts(value: Any, kind: Kind) -> list[Any]:
    match value, kind.name:
        case str(), "text" if kind.length is not None:
            return [value[: kind.length]]
        case bytes(), "binary" if kind.length is not None:
            return [value[: kind.length]]
        case Decimal(), "decimal" if kind.precision is not None:
            step = Decimal(1).scaleb(-(kind.scale or 0))
            return [value.quantize(step, ROUND_HALF_EVEN, Context(prec=80))] if value.is_finite() else []
        case Decimal() | int(), "float":
            return [float(value)]
        case dt.datetime(), "timestamp":
            return _times(value, kind)
        case dt.datetime(), "date":
            return [value.date()]
    return [str(value)] if kind.name == "text" else []


def _times(value: dt.datetime, kind: Kind) -> list[Any]:
    if value.tzinfo is not None and not kind.tz:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    elif value.tzinfo is None and kind.tz:
        value = value.replace(tzinfo=dt.UTC)
    unit = 10 ** (6 - min(6, kind.scale if kind.scale is not None else 6))
    return [value, value.replace(microsecond=value.microsecond // unit * unit)]
