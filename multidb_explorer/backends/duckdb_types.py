"""DuckDB's types, and the reading of its names for them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

__all__ = ["HugeInteger", "Interval", "JSONText", "SmallWhole", "Timestamp", "parse_type"]


class SmallWhole(sa.Integer):
    """Integers of a width that standard SQL has no name for.

    Parameters
    ----------
    spelling
        DuckDB's name.
    bits, unsigned
        What it holds.
    """

    __visit_name__ = "user_defined"

    def __init__(self, spelling: str = "TINYINT", bits: int = 8, unsigned: bool = False) -> None:
        self.spelling, self.bits, self.unsigned = spelling, bits, unsigned

    def get_col_spec(self, **_: Any) -> str:
        return self.spelling


class HugeInteger(sa.Numeric[Any]):
    """128-bit integers, whose 39 digits no Arrow or Python integer column holds.

    Parameters
    ----------
    spelling
        ``HUGEINT`` or ``UHUGEINT``.
    """

    __visit_name__ = "user_defined"

    def __init__(self, spelling: str = "HUGEINT") -> None:
        super().__init__(39, 0)
        self.spelling = spelling

    def get_col_spec(self, **_: Any) -> str:
        return self.spelling

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        # The driver turns numbers of 39 digits into doubles.
        return lambda value: value if value is None else str(int(value))

    def bind_expression(self, bindvalue: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(bindvalue, self)


class Timestamp(sa.TIMESTAMP):
    """Timestamps that keep more or fewer digits of a second than six.

    Parameters
    ----------
    spelling
        DuckDB's name.
    digits
        Digits after the point of the seconds.
    """

    __visit_name__ = "user_defined"

    def __init__(self, spelling: str = "TIMESTAMP_NS", digits: int = 9) -> None:
        super().__init__()
        self.spelling, self.digits = spelling, digits

    def get_col_spec(self, **_: Any) -> str:
        return self.spelling


class Opaque(sa.types.UserDefinedType[str]):
    """A type that is read as DuckDB's own text.

    Parameters
    ----------
    spelling
        DuckDB's name of it.
    """

    cache_ok = True

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling

    def get_col_spec(self, **_: Any) -> str:
        return self.spelling


class Interval(pg.INTERVAL):
    """Intervals are written as text, since the driver takes a month for thirty days."""

    def bind_expression(self, bindvalue: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(sa.type_coerce(bindvalue, _IntervalText()), pg.INTERVAL())


class _IntervalText(sa.String):
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return lambda value: None if value is None else _interval_text(value)


def _interval_text(value: Any) -> str:
    if hasattr(value, "months"):
        return f"{value.months} months {value.days} days {value.nanoseconds // 1000} microseconds"
    return f"{value.days} days {value.seconds * 1_000_000 + value.microseconds} microseconds"


class JSONText(sa.JSON):
    """JSON columns take JSON text as it is, so that no number in it is ever rounded, and ``None`` means NULL."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _json_text

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


def _json_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_NAMED: dict[str, TypeEngine[Any]] = {
    "BOOLEAN": sa.BOOLEAN(),
    "TINYINT": SmallWhole(),
    "SMALLINT": sa.SMALLINT(),
    "INTEGER": sa.INTEGER(),
    "BIGINT": sa.BIGINT(),
    "UTINYINT": SmallWhole("UTINYINT", 8, unsigned=True),
    "USMALLINT": SmallWhole("USMALLINT", 16, unsigned=True),
    "UINTEGER": SmallWhole("UINTEGER", 32, unsigned=True),
    "UBIGINT": SmallWhole("UBIGINT", 64, unsigned=True),
    "HUGEINT": HugeInteger(),
    "UHUGEINT": HugeInteger("UHUGEINT"),
    "FLOAT": sa.REAL(),
    "DOUBLE": sa.DOUBLE(),
    "VARCHAR": sa.VARCHAR(),
    "BLOB": sa.LargeBinary(),
    "DATE": sa.DATE(),
    "TIME": sa.TIME(),
    "TIMESTAMP": sa.TIMESTAMP(),
    "TIMESTAMP_S": Timestamp("TIMESTAMP_S", 0),
    "TIMESTAMP_MS": Timestamp("TIMESTAMP_MS", 3),
    "TIMESTAMP_NS": Timestamp(),
    "TIMESTAMP WITH TIME ZONE": sa.TIMESTAMP(timezone=True),
    "INTERVAL": Interval(),
    "UUID": sa.Uuid(),
    "JSON": sa.JSON(),
}


# Elements without an exact Arrow form of their own are read as the text of the whole array.
_TEXT_IN_ARRAYS = (Opaque, HugeInteger, Interval, sa.Uuid, sa.Enum, sa.ARRAY)


def parse_type(text: str) -> TypeEngine[Any]:
    """Read DuckDB's own name of a type.

    Examples
    --------
    >>> parse_type("DECIMAL(10,2)[]").item_type
    DECIMAL(precision=10, scale=2)
    """
    if found := re.fullmatch(r"(.*)\[\d*\]", text, re.DOTALL):
        item = parse_type(found[1])
        return Opaque(text) if isinstance(item, _TEXT_IN_ARRAYS) else sa.ARRAY(item)
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", text):
        return sa.DECIMAL(int(found[1]), int(found[2]))
    if text.startswith("ENUM("):
        return sa.Enum(*(part.replace("''", "'") for part in re.findall(r"'((?:[^']|'')*)'", text)))
    return _NAMED.get(text) or Opaque(text)
