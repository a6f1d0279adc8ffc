"""Moving rows between databases: what takes them exactly, what keeps them safely, and what two databases do as one.

The bodies here promise nothing that a product does not: each product's own file beside this one overrides what it can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import TransactionError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from multidb_explorer.backends.base import Features
    from multidb_explorer.backends.loaders import Load
    from multidb_explorer.backends.readers import Request

__all__ = ["Keeps", "Moving", "Reach", "checked_name", "whole_number"]


@dataclass(frozen=True)
class Keeps:
    """What a column does to values beyond what its kind tells.

    Attributes
    ----------
    integers
        The smallest and the largest number that it keeps, where those are not the ends of its width.
    octets
        How many bytes a text may have, in the column's own encoding; ``None`` where only characters are counted.
    codec
        Python's name of that encoding; empty for one that has every character.
    trims
        Whether blanks at the end of a text are lost.
    fills
        Whether a shorter text or value is filled up to the column's length.
    rounds
        Whether a floating-point number is rounded to some places.
    rewrites
        Whether JSON is stored by its content and written anew when it is read.
    """

    integers: tuple[int, int] | None = None
    octets: int | None = None
    codec: str = ""
    trims: bool = False
    fills: bool = False
    rounds: bool = False
    rewrites: bool = False


@dataclass(frozen=True)
class Reach:
    """How the session of one database gets at the tables of another one.

    Attributes
    ----------
    schema
        The schema under which it finds them.
    file
        What has to be attached under that name beforehand, where it is a file.
    """

    schema: str
    file: str = ""


class Moving:
    """The part of a backend that rows are moved with."""

    title: ClassVar[str]
    features: ClassVar[Features]

    # A place for rows of another product

    def nearest_type(self, kind: Kind, *, in_key: bool = False) -> TypeEngine[Any]:
        """Give the column type that holds most of a kind of another product's, and all of it where there is such a one.

        Whether something may be lost all the same is for a proof to say, which looks at both columns.

        Parameters
        ----------
        in_key
            Whether the column is part of a key, which not every type can be.

        Examples
        --------
        >>> from multidb_explorer.backends import backend_for
        >>> backend_for("postgresql").nearest_type(Kind("integer", bits=32, unsigned=True))
        BigInteger()
        """
        if kind.name in ("text", "enum"):
            longest = max(map(len, kind.choices), default=None) or kind.length
            return sa.String(longest) if longest is not None else sa.Text()
        if kind.name == "decimal":
            return sa.Numeric(kind.precision, kind.scale)
        if kind.name == "timestamp":
            return sa.DateTime(timezone=kind.tz)
        return whole_number(kind) if kind.name == "integer" else _NEAREST.get(kind.name, sa.Text)()

    def keeps(self, connection: Connection, table: sa.Table) -> Mapping[str, Keeps]:
        """Tell what columns of a table do to values, by name; where there is nothing to tell they are left out."""
        return {}

    # Whether they are safe there

    def unsafe_target(self, connection: Connection, table: str, schema: str | None) -> str:
        """Say why rows that were moved there might be lost or stay unseen, as the end of a sentence; empty if not."""
        return ""

    def hides_rows(self, connection: Connection, table: str, schema: str | None) -> str:
        """Say why the user does not see all rows of a table, as the end of a sentence; empty if all are seen."""
        return ""

    def forgets(self, connection: Connection) -> str:
        """Say why a power cut may take commits back whatever `durable` does, as the end of a sentence; empty if not."""
        return ""

    def durable(self, connection: Connection) -> None:
        """Make the transaction that just began survive a power cut once it is committed, as far as a session can.

        Called before the transaction's first statement.
        """

    def lock_rows(self, connection: Connection, statement: sa.Select[Any]) -> None:
        """Hold the rows of a query until the transaction ends, so that nobody else changes or refers to them.

        Where no rows can be held (`Features.row_locks`), the transaction has the database to itself, or whoever comes
        second fails. It is the transaction's first read: what is read after it is no older.
        """
        if self.features.row_locks:
            connection.execute(statement.with_for_update()).all()

    def advance_key(self, connection: Connection, table: sa.Table, column: str) -> None:
        """Let a numbered column go on behind the rows that were given numbers; it is never set back."""

    # From one database of the product to another

    def passing(self, request: Request, load: Load) -> str:
        """Say why rows can't be handed over as they are, as the end of a sentence; empty if they can.

        Parameters
        ----------
        request, load
            What is read on a session of one database, and what is written on a session of another.
        """
        return f"{self.title} has no form for it"

    def row_digest(self, columns: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
        """Give an expression for sixteen bytes, as a UUID, that are the same where a row was handed over as it is."""
        raise NotImplementedError

    def steady(self, connection: Connection) -> None:
        """Let all that a session reads until its transaction ends be of one moment; called before its first read."""
        raise NotImplementedError

    def handed(self, request: Request) -> Iterator[tuple[int, bytes]]:
        """Yield the rows of a request as they are, many at a time, and how many."""
        raise NotImplementedError

    def taken(self, load: Load, pieces: Iterable[tuple[int, bytes]]) -> int:
        """Take what `handed` yields on a session of another database, and tell how many rows there were."""
        raise NotImplementedError

    # Two databases as one, by votes

    def two_phase(self, connection: Connection) -> str:
        """Say why a transaction can't be voted for here and committed later, as a sentence; empty if it can."""
        return f"{self.title} can't prepare a transaction and commit it later."

    def begin_prepared(self, connection: Connection, name: str) -> None:
        """Begin what will be voted for, before its first statement.

        Parameters
        ----------
        name
            Letters, digits, colons and hyphens; two databases of one server never get the same one.
        """

    def prepare(self, connection: Connection, name: str) -> None:
        """Vote for the transaction: from now on it outlives the session and the server, until somebody finishes it.

        The session is given up, since ending it as usual would take the vote back.

        Raises
        ------
        TransactionError
            Where the database does not list the vote; the transaction is rolled back then.
        """
        raise TransactionError(self.two_phase(connection))

    def in_doubt(self, connection: Connection, prefix: str) -> list[str]:
        """List the votes of this database whose names start with a prefix."""
        return []

    def finish_prepared(self, connection: Connection, name: str, *, commit: bool) -> None:
        """Commit or roll back what was voted for, on a session without a transaction."""
        raise TransactionError(self.two_phase(connection))

    # Two databases as one, by one session

    def reaches(self, connection: Connection, other: Connection, schema: str | None) -> Reach | str:
        """Tell how a session changes what another one sees in one transaction with its own, or why it can't.

        Parameters
        ----------
        other
            A session of the other database, of the same product.
        schema
            The schema of the other one's tables; ``None`` for its default.
        """
        return f"one transaction of {self.title} reaches one database only"

    def attach(self, connection: Connection, reach: Reach) -> None:
        """Attach what a reach needs, before the transaction begins."""

    def detach(self, connection: Connection, reach: Reach) -> None:
        """Take it back, when the transaction has ended."""


_NEAREST: dict[str, type[TypeEngine[Any]]] = {
    "float": sa.Double,
    "boolean": sa.Boolean,
    "date": sa.Date,
    "time": sa.Time,
    "uuid": sa.Uuid,
    "json": sa.JSON,
    "binary": sa.LargeBinary,
}


def whole_number(kind: Kind) -> TypeEngine[Any]:
    """Give the smallest signed integer type of the standard that reaches as far, or a decimal."""
    least, most = kind.integer_range
    for bits, type_ in ((16, sa.SmallInteger), (32, sa.Integer), (64, sa.BigInteger)):
        if -(2 ** (bits - 1)) <= least and most < 2 ** (bits - 1):
            return type_()
    return sa.Numeric(20, 0)


_NAME = re.compile(r"[\w:.-]{1,60}", re.ASCII)


def checked_name(name: str) -> str:
    """Give the name of a vote, which stands in SQL text, if it is one.

    Examples
    --------
    >>> checked_name("mdb:4711:t")
    'mdb:4711:t'
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no name for a vote: up to 60 letters, digits, colons, points and hyphens are.")
    return name
