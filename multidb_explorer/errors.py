"""Every error of the package, and the one place where words for them are made.

The tree, by what the user was doing::

    MultiDBError
    ├── ImproperlyConfigured            settings, files, secrets
    │   └── MissingDriver               the driver of a product is not installed
    ├── ConnectionDoesNotExist          an alias that nobody registered
    ├── ConnectionFailed                an alias whose server or file can't be reached
    ├── ReadOnlyAlias                   a write to an alias that only reads
    ├── TableDoesNotExist               a table or view that the alias does not have
    ├── FieldError                      a column, lookup or expression that a query can't use
    │   ├── FieldValueError             a value that a lookup can't compare with
    │   └── FieldTypeError              something of another type than a lookup or function takes
    ├── KeyRequired                     a write to a table whose rows can't be told apart
    ├── DoesNotExist                    get() found no row   (each model has its own subclass)
    ├── MultipleObjectsReturned         get() found several  (each model has its own subclass)
    ├── CrossDatabaseError              two databases in one statement
    ├── WriteRefused                    a write that would lose or damage something
    │   ├── RowConflict                 another row lives under that key
    │   ├── ProtectedRows               other rows depend on the row
    │   ├── StaleRow                    the row changed or vanished meanwhile
    │   ├── ChangeConflict              somebody else changed the rows of a change set first
    │   ├── RowsRejected                rows that the table would not take, all of them listed
    │   ├── ConfirmationRequired        an alias whose writes have to be confirmed
    │   ├── TransferRefused             a copy or move that would lose something
    │   └── ValueNotRepresentable       the target can't hold the value exactly
    ├── TransferError                   a copy or move that could not go on
    │   └── TransferStopped             a part of it met rows that are not what they were
    ├── TransactionError                what an open atomic block does not allow
    ├── FrameTooLarge                   a result that does not fit into memory
    ├── QueryCancelled                  stopped by the user or a timeout
    └── DatabaseError                   what the database itself said
        ├── IntegrityError, OperationalError, ProgrammingError,
        └── DataError, InternalError, NotSupportedError

``except mdb.errors.MultiDBError`` catches all of them.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import SupportsIndex

__all__ = [
    "ChangeConflict",
    "ConfirmationRequired",
    "ConnectionDoesNotExist",
    "ConnectionFailed",
    "CrossDatabaseError",
    "DataError",
    "DatabaseError",
    "DoesNotExist",
    "FieldError",
    "FieldTypeError",
    "FieldValueError",
    "FrameTooLarge",
    "ImproperlyConfigured",
    "IntegrityError",
    "InternalError",
    "KeyRequired",
    "MissingDriver",
    "MultiDBError",
    "MultipleObjectsReturned",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "ProtectedRows",
    "QueryCancelled",
    "ReadOnlyAlias",
    "RowConflict",
    "RowsRejected",
    "StaleRow",
    "TableDoesNotExist",
    "TransactionError",
    "TransferError",
    "TransferRefused",
    "TransferStopped",
    "ValueNotRepresentable",
    "WriteRefused",
    "near",
    "one_of",
    "whole_number",
]


def near(name: str, names: Iterable[str], limit: int = 3) -> list[str]:
    """Give the names that were probably meant, most similar first.

    Parameters
    ----------
    name
        What was asked.
    names
        What exists.
    limit
        The most suggestions to give.

    Examples
    --------
    >>> near("legcy_users", ["default", "legacy_users"])
    ['legacy_users']
    """
    known = {existing.casefold(): existing for existing in names}
    asked = name.casefold()
    close = get_close_matches(asked, known, n=limit, cutoff=0.6)
    holding = [existing for existing in known if len(asked) > 2 and asked in existing and existing not in close]
    return [known[match] for match in [*close, *holding][:limit]]


def one_of(names: Iterable[str], limit: int = 12) -> str:
    """List names for a message, cut where a screen would overflow.

    Examples
    --------
    >>> one_of(["a", "b"])
    "'a', 'b'"
    >>> one_of([])
    'none'
    """
    shown = [*names]
    text = ", ".join(repr(name) for name in shown[:limit]) or "none"
    return text if len(shown) <= limit else f"{text} and {len(shown) - limit:,} more"


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    """Phrase the nearest names as a question, or say nothing."""
    matches = near(name, names)
    return f" Did you mean {' or '.join(repr(match) for match in matches)}?" if matches else ""


def whole_number(name: str, value: object, least: int = 1) -> int:
    """Give what says how many, or refuse what is no such number: a batch of -1 rows would be no rows at all.

    Examples
    --------
    >>> whole_number("batch_rows", 100)
    100
    """
    number = operator.index(value) if isinstance(value, SupportsIndex) and not isinstance(value, bool) else None
    if number is None or number < least:
        raise FieldValueError(f"{name} is a whole number of at least {least}, not {value!r}.")
    return number


class MultiDBError(Exception):
    """Root of every error that the package raises on purpose."""

    def __str__(self) -> str:
        """Give the message alone, also where a base class would quote it (``KeyError`` does)."""
        return str(self.args[0]) if self.args else ""


class ImproperlyConfigured(MultiDBError):
    """Settings that can't work: a missing key, an unknown engine, a secret that is not there."""


class MissingDriver(ImproperlyConfigured):
    """The Python driver of a database product is not installed; the message names the extra."""


class ConnectionDoesNotExist(MultiDBError, KeyError):
    """An alias that is not registered.

    It is a ``KeyError`` too, so that ``"x" in mdb.aliases`` and ``mdb.aliases.get("x")`` work.
    """

    @classmethod
    def unknown(cls, alias: object, aliases: Iterable[str]) -> ConnectionDoesNotExist:
        """Say which alias was asked for, which exist and how to add one."""
        if not isinstance(alias, str):
            return cls(f"An alias is a string such as 'default', not {type(alias).__name__}.")
        known = list(aliases)
        return cls(
            f"There is no database alias {alias!r}.{_did_you_mean(alias, known)} "
            f"Registered: {one_of(known)}. Add it with mdb.connect({alias!r}, url)."
        )


class ConnectionFailed(MultiDBError):
    """An alias exists, but its server or file could not be reached or refused us."""


class ReadOnlyAlias(MultiDBError):
    """A write was asked of an alias that is registered as read-only."""

    @classmethod
    def refused(cls, alias: str) -> ReadOnlyAlias:
        """Say that nothing was written and where the switch is."""
        return cls(
            f"Alias {alias!r} is read-only, so nothing was written. "
            f"Register it without read_only=True to allow writes, or choose another alias."
        )

    @classmethod
    def reading(cls, alias: str) -> ReadOnlyAlias:
        """Say that typed SQL only reads unless it is told to write."""
        return cls(
            f"This SQL would write to alias {alias!r}, so nothing was run: typed SQL only reads unless told otherwise. "
            f"To write, say so: '%%db {alias} --write', or read_sql_text(..., write=True)."
        )

    @classmethod
    def leaving(cls, alias: str) -> ReadOnlyAlias:
        """Say that several statements might leave the transaction that can't write."""
        return cls(
            f"Several statements with COMMIT, ROLLBACK, PREPARE, BEGIN or END among them could leave the transaction "
            f"that keeps typed SQL from writing to alias {alias!r}, so nothing was run. Run one statement at a time."
        )


class TableDoesNotExist(MultiDBError):
    """A table or view that the alias does not have."""

    @classmethod
    def unknown(cls, alias: str, table: str, tables: Iterable[str]) -> TableDoesNotExist:
        """Say which table was asked for, which are near and where to look."""
        known = list(tables)
        return cls(
            f"Alias {alias!r} has no table or view {table!r}.{_did_you_mean(table, known)} "
            f"It has: {one_of(known)}. mdb.aliases[{alias!r}].tables lists them."
        )

    @classmethod
    def without_schema(cls, alias: str, schema: str, schemas: Iterable[str]) -> TableDoesNotExist:
        """Say which schema was asked for and which there are."""
        known = list(schemas)
        return cls(f"Alias {alias!r} has no schema {schema!r}.{_did_you_mean(schema, known)} It has: {one_of(known)}.")


class FieldError(MultiDBError):
    """A column, lookup or value that a query can't use."""

    @classmethod
    def unknown(cls, what: str, name: str, owner: str, names: Iterable[str]) -> FieldError:
        """Say which column or lookup was asked for and which exist."""
        known = list(names)
        return cls(f"{owner} has no {what} {name!r}.{_did_you_mean(name, known)} It has: {one_of(known, 30)}.")


class FieldValueError(FieldError, ValueError):
    """A value that a lookup or expression can't work with; it is a ``ValueError`` too."""


class FieldTypeError(FieldError, TypeError):
    """Something of another type than a lookup or function takes; it is a ``TypeError`` too."""


class KeyRequired(MultiDBError):
    """A row of a table without a key can be read but not saved, deleted or moved."""

    @classmethod
    def missing(cls, alias: str, table: str) -> KeyRequired:
        """Say why the write was refused and how to name a key."""
        return cls(
            f"Table {table!r} on alias {alias!r} has no primary or unique key, so its rows can't be told apart "
            f"and nothing was written. Name one: Meta.key = ('column', ...) "
            f"or mdb.reflect({table!r}, key=('column', ...))."
        )

    @classmethod
    def of_view(cls, alias: str, view: str) -> KeyRequired:
        """Say that rows of a view are not written."""
        return cls(f"{view!r} on alias {alias!r} is a view; its rows can be read but not written.")


class DoesNotExist(MultiDBError):
    """``get()`` found no row."""


class MultipleObjectsReturned(MultiDBError):
    """``get()`` found more than one row."""


class CrossDatabaseError(MultiDBError, ValueError):
    """One statement would need rows of two databases; it is a ``ValueError`` too."""

    @classmethod
    def mixed(cls, what: str, other: str, alias: str) -> CrossDatabaseError:
        """Say which two databases would meet and how to bring their rows together."""
        return cls(
            f"{what} belongs to alias {other!r}, but the query asks {alias!r}: one statement can't read two databases. "
            f"Name one of them on both sides with using(), or read both with to_pandas() and merge() the frames."
        )


class WriteRefused(MultiDBError):
    """A write that would lose or damage something; nothing was written."""


class RowConflict(WriteRefused):
    """Another row lives under the key.

    Attributes
    ----------
    alias, table
        Where the other row was found.
    key
        The key's values by column.
    differences
        ``{column: (ours, theirs)}`` of the columns that differ.
    """

    def __init__(
        self,
        message: str,
        *,
        alias: str = "",
        table: str = "",
        key: Mapping[str, object] | None = None,
        differences: Mapping[str, tuple[object, object]] | None = None,
    ) -> None:
        super().__init__(message)
        self.alias, self.table = alias, table
        self.key = dict(key or {})
        self.differences = dict(differences or {})


class ProtectedRows(WriteRefused):
    """Rows of other tables depend on the row.

    Attributes
    ----------
    alias, table
        Where the delete was asked for.
    counts
        ``{table: rows}`` of the rows that the delete would take along.
    """

    def __init__(
        self, message: str, *, alias: str = "", table: str = "", counts: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(message)
        self.alias, self.table = alias, table
        self.counts = dict(counts or {})


class StaleRow(WriteRefused):
    """The row changed or vanished between reading and writing it."""


class ChangeConflict(WriteRefused):
    """Rows of a change set are no longer what they were when they were staged; nothing was written.

    Attributes
    ----------
    conflicts
        One for each row, with base, mine and theirs of each cell.
    """

    def __init__(self, message: str, *, conflicts: Iterable[object] = ()) -> None:
        super().__init__(message)
        self.conflicts = tuple(conflicts)


class RowsRejected(WriteRefused):
    """Rows that the table would not take; nothing was written.

    Attributes
    ----------
    rejections
        One for each reason: the row, its key, the column, the rule and the value's type.
    """

    def __init__(self, message: str, *, rejections: Iterable[object] = ()) -> None:
        super().__init__(message)
        self.rejections = tuple(rejections)


class ConfirmationRequired(WriteRefused):
    """A write to an alias that asks first, outside a confirmed block; nothing was written."""


class TransactionError(MultiDBError, RuntimeError):
    """What an open `atomic` block does not allow; it is a ``RuntimeError`` too."""


class ValueNotRepresentable(WriteRefused):
    """A value that a column can't hold, or that a frame can't show, exactly.

    Attributes
    ----------
    column
        The column in question.
    reason
        The end of the message alone: what about the value does not fit; or empty.
    """

    def __init__(self, message: str, *, column: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.column, self.reason = column, reason


class TransferError(MultiDBError):
    """A copy or move that could not go on; what it did so far is in its journal."""


class TransferStopped(TransferError):
    """Rows were not what they had been when they were looked at, so that a part of the transfer was not done.

    Attributes
    ----------
    report
        What was done, table by table.
    """

    def __init__(self, message: str, *, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class TransferRefused(WriteRefused):
    """A copy or move that would lose or damage something; nothing was written.

    Attributes
    ----------
    plan
        What was asked, with every objection to it.
    """

    def __init__(self, message: str, *, plan: object = None) -> None:
        super().__init__(message)
        self.plan = plan


class FrameTooLarge(MultiDBError, MemoryError):
    """A result that takes more memory than a frame may have; it is a ``MemoryError`` too.

    Attributes
    ----------
    rows
        How many rows there are at least.
    needed, allowed
        Bytes that the frame would take at least, and bytes that it may take.
    """

    def __init__(self, message: str, *, rows: int = 0, needed: int = 0, allowed: int = 0) -> None:
        super().__init__(message)
        self.rows, self.needed, self.allowed = rows, needed, allowed


class QueryCancelled(MultiDBError):
    """The statement was stopped in the database by the user or by ``statement_timeout``."""


class DatabaseError(MultiDBError):
    """What the database itself said, with the alias and the statement attached.

    Attributes
    ----------
    alias
        Where it happened.
    statement
        The SQL text without its values, or ``None``.
    """

    def __init__(self, message: str, *, alias: str = "", statement: str | None = None) -> None:
        super().__init__(message)
        self.alias = alias
        self.statement = statement


class IntegrityError(DatabaseError):
    """A constraint was violated: a key, a reference, a check, NOT NULL."""


class OperationalError(DatabaseError):
    """The database could not do it now: connection lost, locked, out of space."""


class ProgrammingError(DatabaseError):
    """The statement itself is wrong: syntax, a table or column that is not there, a missing privilege."""


class DataError(DatabaseError):
    """A value does not fit its column."""


class InternalError(DatabaseError):
    """The database met an error of its own."""


class NotSupportedError(DatabaseError):
    """The database can't do what was asked."""
