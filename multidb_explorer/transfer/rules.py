"""What each pair of kinds has to be looked at for: the rules of the proofs.

Most ask `Backend.to_column` about the ends of what the source's kind holds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.moving import Keeps
from multidb_explorer.errors import ValueNotRepresentable
from multidb_explorer.schema.catalog import Column
from multidb_explorer.transfer.misfits import (
    Test,
    beyond,
    is_nan,
    not_encodable,
    other_text,
    shorter,
    too_many_octets,
    trimmed,
)
from multidb_explorer.writing.into import Slot
from multidb_explorer.writing.validating import fit

__all__ = ["Found", "Objection", "judged"]


@dataclass(frozen=True)
class Objection:
    """Something is lost, whatever the values are."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class Found:
    """What speaks for a pair of columns, and what has to be looked at."""

    why: str
    doubts: list[str] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)

    def doubt(self, reason: str, test: Test | None = None) -> None:
        """Add something that has to be looked at."""
        self.doubts.append(reason)
        if test is not None:
            self.tests.append(test)


@dataclass(frozen=True)
class _Asked:
    """Two columns that are compared."""

    source: Column
    target: Column
    backend: Backend
    keeps: Keeps

    def refuses(self, values: Sequence[Any], kind: Kind | None = None) -> bool:
        """Tell whether the target's product refuses one of some values."""
        return any(self._refused(value, kind or self.target.kind) for value in values)

    def _refused(self, value: Any, kind: Kind) -> bool:
        try:
            found = self.backend.to_column(value, kind)
        except (ValueNotRepresentable, ArithmeticError):
            return True
        # A NaN that becomes NULL was not refused, and is lost all the same.
        return found is None


Rule: TypeAlias = Callable[[_Asked], "Found | Objection"]


def judged(source: Column, target: Column, backend: Backend, keeps: Keeps) -> Found | Objection:
    """Judge two columns by what they hold, but for NULL.

    Parameters
    ----------
    backend
        The target's.
    keeps
        What is known of the target's column.
    """
    asked, mine, theirs = _Asked(source, target, backend, keeps), source.kind, target.kind
    rule = _RULES.get((mine.name, theirs.name))
    if rule is None and theirs.name in ("text", "json") and mine.name in _SPELLED:
        rule = _as_text
    if rule is None:
        return Objection(_unlike(mine, theirs, backend))
    return rule(asked)


def _unlike(mine: Kind, theirs: Kind, backend: Backend) -> str:
    nothing = {"interval": "intervals", "array": "arrays"}.get(mine.name)
    if nothing and theirs.name in ("text", "json", "timestamp"):
        return f"{backend.title} would keep {nothing} as {theirs}, from which they are not read again"
    return f"{_a(mine)} is not kept as {_a(theirs)}"


def _a(kind: Kind) -> str:
    text = str(kind)
    return text if text.startswith(("text", "json", "binary")) else f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _depends(reason: str, *tests: Test) -> Rule:
    """Make a rule for columns of which only the values tell."""
    return lambda _: Found("", [reason], list(tests))


# Numbers


def _integers(asked: _Asked) -> Found:
    mine, theirs = asked.source.kind, asked.target.kind
    found = Found(f"every {mine} is {_a(theirs)}")
    _within(found, asked, asked.keeps.integers or theirs.integer_range)
    return found


def _within(found: Found, asked: _Asked, ends: tuple[int, int]) -> None:
    low, high = asked.source.kind.integer_range if asked.source.kind.name == "integer" else (0, 1)
    if low < ends[0] or high > ends[1]:
        found.doubt(f"{_a(asked.source.kind)} may be beyond {ends[0]:,} to {ends[1]:,}", beyond(*ends))


def _flags(_: _Asked) -> Found:
    return Found("true and false are kept as themselves, or as 1 and 0")


def _integer_to_decimal(asked: _Asked) -> Found:
    found = Found(f"every {asked.source.kind} has room in {_a(asked.target.kind)}")
    if asked.refuses([Decimal(end) for end in asked.source.kind.integer_range]):
        found.doubt(f"{_a(asked.source.kind)} may have more digits than {_a(asked.target.kind)} keeps")
    return found


def _integer_to_float(asked: _Asked) -> Found:
    kind, exact = asked.source.kind, 24 if asked.target.kind.bits == 32 else 53
    found = Found(f"every {kind} is exact as a floating-point number")
    if asked.keeps.rounds:
        found.doubt("the target's column rounds to some places", beyond(0, 0))
    if kind.bits > exact:
        found.doubt(f"a number beyond 2^{exact} would be rounded", beyond(-(2**exact), 2**exact))
    return found


def _floats(asked: _Asked) -> Found | Objection:
    mine, theirs = asked.source.kind, asked.target.kind
    if mine.bits > theirs.bits:
        return Objection("a double would be rounded to a single")
    if asked.keeps.rounds:
        return Objection("the target's column rounds to some places")
    found = Found(f"{_a(theirs)} of {theirs.bits} bits keeps every one of {mine.bits}, NaN and infinity too")
    if asked.refuses([float("nan")]):
        found.doubt(f"{asked.backend.title} keeps no NaN", is_nan())
    if asked.refuses([float("inf")]):
        found.doubt(f"{asked.backend.title} keeps no infinity")
    return found


def _decimals(asked: _Asked) -> Found:
    mine, theirs = asked.source.kind, asked.target.kind
    found = Found(f"every {mine} has room in {_a(theirs)}")
    if theirs.precision is None:
        fits = not asked.refuses([_longest(mine)])
    elif mine.precision is None:
        fits = False
    else:
        mine_places, places = mine.scale or 0, theirs.scale or 0
        whole = mine.precision - mine_places <= theirs.precision - places and mine_places <= places
        fits = whole and not asked.refuses([_longest(mine)])
    if not fits:
        found.doubt(f"{_a(mine)} may have more digits than {_kept_digits(asked)}")
    return found


def _kept_digits(asked: _Asked) -> str:
    return f"{_a(asked.target.kind)} of {asked.backend.title} keeps"


def _longest(kind: Kind) -> Decimal:
    """Give the number of the most digits; more than 38 where there is no limit."""
    return Decimal((0, (9,) * (kind.precision or 76), -(kind.scale or 0 if kind.precision else 38)))


def _decimal_to_integer(asked: _Asked) -> Found:
    mine, theirs = asked.source.kind, asked.target.kind
    found = Found(f"every {mine} is {_a(theirs)}")
    if mine.precision is None or mine.scale or asked.refuses([_longest(mine), -_longest(mine)]):
        found.doubt(f"{_a(mine)} may have a fraction, or be beyond {_a(theirs)}")
    _inside(found, asked)
    return found


def _inside(found: Found, asked: _Asked) -> None:
    if asked.keeps.integers is not None:
        ends = asked.keeps.integers
        found.doubt(f"the target's column keeps {ends[0]:,} to {ends[1]:,}", beyond(*ends))


def _decimal_to_float(asked: _Asked) -> Found | Objection:
    kind, digits = asked.source.kind, 6 if asked.target.kind.bits == 32 else 15
    if kind.precision is None or kind.precision > digits or asked.keeps.rounds:
        return Objection(f"a floating-point number keeps {digits} digits, and {_a(kind)} has more")
    return Found(f"a floating-point number keeps {digits} digits, and no {kind} has more")


def _float_to_integer(asked: _Asked) -> Found:
    found = Found("")
    found.doubt(f"a floating-point number may have a fraction, or be beyond {_a(asked.target.kind)}", is_nan())
    _inside(found, asked)
    return found


# Texts and bytes


def _texts(asked: _Asked) -> Found:
    mine, theirs = asked.source.kind, asked.target.kind
    longest = max(map(len, mine.choices), default=0) if mine.choices else mine.length
    found = Found(
        "a text of any length and alphabet is kept"
        if theirs.length is None
        else f"no text is longer than the {theirs.length} characters that are kept"
    )
    if theirs.length is not None and (longest is None or longest > theirs.length):
        found.doubt(f"a text may be longer than {theirs.length:,} characters")
    _stored_texts(found, asked, longest)
    return found


def _stored_texts(found: Found, asked: _Asked, longest: int | None) -> None:
    """Look at what a text column does to texts.

    One product has no place for the character NUL: it refuses such a text when it comes, and changes nothing.
    """
    keeps = asked.keeps
    octets = 4 * longest if longest is not None else None
    if keeps.octets is not None and not (asked.target.kind.length or 0) and (octets is None or octets > keeps.octets):
        found.doubt(f"a text may be longer than {keeps.octets:,} bytes", too_many_octets(keeps.octets, keeps.codec))
    if keeps.codec:
        found.doubt(f"the target's encoding ({keeps.codec}) does not have every letter", not_encodable(keeps.codec))
    if keeps.trims:
        found.doubt("blanks at the end would be lost", trimmed())
    if keeps.fills and asked.target.kind.length is not None:
        found.doubt("shorter texts would be filled up with blanks", shorter(asked.target.kind.length))


def _members(asked: _Asked) -> Found:
    mine, theirs = asked.source.kind, asked.target.kind
    found = Found("the target has every member")
    if not mine.choices or not set(mine.choices) <= set(theirs.choices):
        missing = [choice for choice in mine.choices if choice not in theirs.choices]
        listed = f" ({', '.join(map(repr, missing[:5]))})" if missing else ""
        found.doubt(f"the target may lack a member{listed}")
    return found


def _bytes(asked: _Asked) -> Found:
    mine, theirs, keeps = asked.source.kind, asked.target.kind, asked.keeps
    most = min((size for size in (theirs.length, keeps.octets) if size is not None), default=None)
    found = Found("bytes of any length are kept" if most is None else f"no value is longer than {most:,} bytes")
    if most is not None and (mine.length is None or mine.length > most):
        found.doubt(f"a value may be longer than {most:,} bytes", too_many_octets(most, ""))
    if keeps.fills and theirs.length is not None:
        found.doubt("shorter values would be filled up with zeros", shorter(theirs.length))
    return found


def _as_text(asked: _Asked) -> Found:
    """Write values as the one text that stands for each."""
    kind = asked.source.kind
    found = Found(f"{_a(kind)} is written as its text, from which it is read again")
    longest = _SPELLED[kind.name]
    if asked.target.kind.length is not None and (longest is None or asked.target.kind.length < longest):
        found.doubt(f"the text may be longer than {asked.target.kind.length} characters")
    if asked.keeps.fills:
        found.doubt("shorter texts would be filled up with blanks")
    return found


def _from_text(asked: _Asked) -> Found:
    found = Found("")
    found.doubt(f"a text may be no {asked.target.kind}, or be written otherwise", _back(asked))
    return found


def _back(asked: _Asked) -> Test:
    """Test whether a text is what its value is written as."""
    slot = Slot(asked.target.name, asked.target.kind)
    return other_text(lambda array: fit(array, slot, asked.backend, "").array)


def _json_to_text(asked: _Asked) -> Found:
    found = _texts(asked)
    found.why = f"JSON is text, and {found.why}"
    return found


def _json(_: _Asked) -> Found:
    return Found("JSON is kept by its content: blanks, and the order of members, mean nothing")


def _uuids(_: _Asked) -> Found:
    return Found("a UUID is kept as such")


def _uuid_to_text(asked: _Asked) -> Found | Objection:
    length = asked.target.kind.length
    if (length is not None and length < 32) or (asked.keeps.fills and length not in (32, 36)):
        return Objection(f"a UUID has 32 digits, and the column keeps {length} characters")
    return Found("a UUID is written as its text")


# Times


def _dates(asked: _Asked) -> Found:
    found = Found("every date of the calendar is kept")
    _calendar(found, asked, [dt.date.min, dt.date.max])
    return found


def _calendar(found: Found, asked: _Asked, ends: Sequence[Any]) -> None:
    if asked.refuses(ends):
        found.doubt(f"{asked.backend.title} does not keep every date from the year 1 to 9999 there")


def _times(asked: _Asked) -> Found:
    found = Found("every time of day is kept to the microsecond")
    _fraction(found, asked)
    return found


def _fraction(found: Found, asked: _Asked) -> None:
    kept, given = asked.target.kind.scale, asked.source.kind.scale
    if kept is not None and kept < 6 and (given is None or given > kept):
        found.doubt(f"the column keeps {kept} digits of a second")


def _timestamps(asked: _Asked) -> Found | Objection:
    mine, theirs = asked.source.kind, asked.target.kind
    if mine.tz and not theirs.tz:
        return Objection(
            f"a moment in time would be kept as a date and time of UTC without saying so ({asked.backend.title} keeps "
            f"no time zone there)"
        )
    if theirs.tz and not mine.tz:
        return Objection("a date and time without a time zone is no moment in time, and would be taken for one of UTC")
    found = Found("every date and time is kept to the microsecond")
    zone = dt.UTC if theirs.tz else None
    days = (dt.date.min, dt.date.max)
    # Midnight has no fraction, which is another question.
    _calendar(found, asked, [dt.datetime.combine(day, dt.time(), zone) for day in days])
    _fraction(found, asked)
    return found


def _date_to_timestamp(asked: _Asked) -> Found | Objection:
    if asked.target.kind.tz:
        return Objection("a date is no moment in time, and would be taken for midnight of UTC")
    found = Found("a date is kept as its midnight")
    _calendar(found, asked, [dt.datetime.combine(day, dt.time()) for day in (dt.date.min, dt.date.max)])
    return found


def _timestamp_to_date(asked: _Asked) -> Found | Objection:
    if asked.source.kind.tz:
        return Objection("the date of a moment in time depends on the time zone")
    found = Found("")
    found.doubt("a time of day would be lost")
    return found


def _intervals(_: _Asked) -> Found:
    return Found("months, days and microseconds are kept apart")


# Others


def _arrays(asked: _Asked) -> Found | Objection:
    mine, theirs = asked.source.kind.item, asked.target.kind.item
    if mine is None or theirs is None:
        return Objection("nobody knows what the arrays hold")
    item = Column("", asked.source.type, mine), Column("", asked.target.type, theirs)
    found = judged(*item, asked.backend, Keeps())
    if isinstance(found, Found) and not found.doubts:
        return Found(f"of the elements, {found.why}")
    reason = found.reason if isinstance(found, Objection) else ", and ".join(found.doubts)
    return Objection(f"of the elements, {reason}")


def _same_other(asked: _Asked) -> Found | Objection:
    mine, theirs = asked.source, asked.target
    if type(mine.type) is type(theirs.type) and mine.type_name == theirs.type_name != "NULL":
        return Found("it is of the same type of the same product, and written as that one's own text")
    return Objection(f"only their own database knows what {mine.type_name} and {theirs.type_name} are")


_SPELLED: Mapping[str, int | None] = {"integer": 20, "decimal": None, "date": 10, "time": 15, "timestamp": 32}
"""Kinds whose values are written as a text each, and how long that may be."""

_RULES: Mapping[tuple[str, str], Rule] = {
    ("integer", "integer"): _integers,
    ("integer", "boolean"): _depends("only 0 and 1 are kept as a boolean"),
    ("integer", "decimal"): _integer_to_decimal,
    ("integer", "float"): _integer_to_float,
    ("boolean", "boolean"): _flags,
    ("boolean", "integer"): _flags,
    ("float", "float"): _floats,
    ("float", "integer"): _float_to_integer,
    ("float", "decimal"): _depends("a floating-point number may have more digits than a decimal, or be NaN", is_nan()),
    ("decimal", "decimal"): _decimals,
    ("decimal", "integer"): _decimal_to_integer,
    ("decimal", "float"): _decimal_to_float,
    ("text", "text"): _texts,
    ("enum", "text"): _texts,
    ("other", "text"): _texts,
    ("json", "text"): _json_to_text,
    ("uuid", "text"): _uuid_to_text,
    ("enum", "enum"): _members,
    ("text", "enum"): _depends("a text may be none of the target's members"),
    ("json", "json"): _json,
    ("text", "json"): _depends("a text may be no JSON"),
    ("uuid", "uuid"): _uuids,
    ("binary", "binary"): _bytes,
    ("date", "date"): _dates,
    ("date", "timestamp"): _date_to_timestamp,
    ("time", "time"): _times,
    ("timestamp", "timestamp"): _timestamps,
    ("timestamp", "date"): _timestamp_to_date,
    ("interval", "interval"): _intervals,
    ("array", "array"): _arrays,
    ("other", "other"): _same_other,
    **{("text", name): _from_text for name in ("integer", "decimal", "date", "time", "timestamp", "uuid", "boolean")},
}
