"""The journal of a transfer: a file of its own, on disk before each step, with keys and digests and never a value.

It narrows what has to be looked at after a crash. What is true, the two databases say.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import sqlalchemy as sa

from multidb_explorer.backends.own_file import is_held, own_file
from multidb_explorer.connections.state import state_folder
from multidb_explorer.errors import TransferError

__all__ = ["FINISHED", "Journal", "Owner", "Rows", "forget_finished", "known_ids", "transfers_folder"]

_metadata = sa.MetaData()
_transfer = sa.Table(
    "transfer",
    _metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("state", sa.String),
    sa.Column("at", sa.String),
    sa.Column("head", sa.String),
)
_unit = sa.Table("unit", _metadata, sa.Column("number", sa.Integer, primary_key=True), sa.Column("state", sa.String))
_rows = sa.Table(
    "rows",
    _metadata,
    sa.Column("unit", sa.Integer, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("step", sa.Integer),
    sa.Column("count", sa.Integer),
    sa.Column("payload", sa.LargeBinary),
)
_note = sa.Table("note", _metadata, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String))

FINISHED = ("DONE", "ABORTED")
"""States in which nothing is left to do."""


def transfers_folder() -> Path:
    """Say where the journals are.

    Examples
    --------
    >>> transfers_folder().name
    'transfers'
    """
    return state_folder("transfers")


def known_ids() -> list[str]:
    """List the transfers that have a journal, the oldest first."""
    names = (path.stem for path in transfers_folder().glob("*.journal"))
    return sorted(name for name in names if re.fullmatch(r"[\w-]+", name))


_KEPT = 50
_DAYS = 30


def forget_finished() -> None:
    """Remove journals that are of no use: of transfers that are over, begun long ago, and not among the last ones.

    One that is unfinished, or that can't be read just now, stays whatever its age. So do the locks, which are empty:
    whoever removed one that is held would let a second process in.
    """
    then = dt.datetime.now(dt.UTC) - dt.timedelta(days=_DAYS)
    for known in known_ids()[:-_KEPT]:
        # The names begin with the day, so that young ones need not be opened.
        if known >= f"{then:%Y%m%dT%H%M%S}":
            break
        with suppress(TransferError, OSError):
            journal = Journal.find(known)
            if journal.readable and journal.state in FINISHED:
                journal.remove()


@dataclass(frozen=True)
class Rows:
    """Some rows of one step of one unit, by their keys.

    Attributes
    ----------
    step
        Which step of the plan.
    table
        One row each; its columns are those of `carrying`.
    """

    step: int
    table: pa.Table


class Journal:
    """What was written down of one transfer.

    Parameters
    ----------
    id
        The transfer's.
    """

    def __init__(self, id: str) -> None:  # noqa: A002 -- what it is called everywhere
        self.id = id
        self.path = transfers_folder() / f"{id}.journal"
        self._engine = own_file(self.path)

    @classmethod
    def create(cls, id: str, head: Mapping[str, Any]) -> Journal:  # noqa: A002
        """Begin a journal.

        Parameters
        ----------
        head
            What a later session needs to go on: aliases, fingerprints, tables and columns, and no value.
        """
        made = cls(id)
        at = dt.datetime.now(dt.UTC).isoformat()
        with made._engine.begin() as connection:
            _metadata.create_all(connection)
            connection.execute(
                sa.insert(_transfer).values(id=id, state="PLANNED", at=at, head=json.dumps(head, ensure_ascii=False))
            )
        return made

    @classmethod
    def find(cls, id: str) -> Journal:  # noqa: A002
        """Open the journal of a transfer.

        Raises
        ------
        TransferError
            When there is none, or when it ended before its first line was written.
        """
        if id not in known_ids():
            raise TransferError(f"There is no transfer {id!r}. mdb.transfers() lists those that are not finished.")
        return cls(id)

    # The whole

    def _first(self) -> Any:
        try:
            with self._engine.connect() as connection:
                return connection.execute(sa.select(_transfer)).first()
        except sa.exc.OperationalError as error:
            if is_held(error):
                raise TransferError(
                    f"The journal of transfer {self.id!r} is being written by another process."
                ) from None
            return None

    @property
    def readable(self) -> bool:
        """Whether its first line was written before the process ended."""
        return self._first() is not None

    @property
    def state(self) -> str:
        """The state of the whole."""
        return str(self._first().state)

    @property
    def at(self) -> dt.datetime:
        """When it was begun."""
        return dt.datetime.fromisoformat(self._first().at)

    @property
    def head(self) -> dict[str, Any]:
        """What it was begun with."""
        found: dict[str, Any] = json.loads(self._first().head)
        return found

    def set_state(self, state: str) -> None:
        """Write the state of the whole down; keys are forgotten when nothing is left to do."""
        with self._engine.begin() as connection:
            connection.execute(sa.update(_transfer).values(state=state))
            if state in FINISHED:
                connection.execute(sa.delete(_rows))

    # Its units

    def add_unit(self, number: int, parts: Sequence[Rows]) -> None:
        """Write down which rows a unit has."""
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_unit).values(number=number, state="PLANNED"))
            for place, part in enumerate(parts):
                connection.execute(
                    sa.insert(_rows).values(
                        unit=number,
                        place=place,
                        step=part.step,
                        count=part.table.num_rows,
                        payload=_packed(part.table),
                    )
                )

    def units(self) -> list[tuple[int, str]]:
        """List the units with their states."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(_unit.c.number, _unit.c.state).order_by(_unit.c.number))
            return [(int(number), str(state)) for number, state in found]

    def set_unit(self, number: int, state: str, parts: Sequence[Rows] | None = None) -> None:
        """Write the state of a unit down, with the digests of its rows where they are new."""
        with self._engine.begin() as connection:
            connection.execute(sa.update(_unit).where(_unit.c.number == number).values(state=state))
            for place, part in enumerate(parts or ()):
                here = sa.and_(_rows.c.unit == number, _rows.c.place == place)
                connection.execute(sa.update(_rows).where(here).values(payload=_packed(part.table)))

    def rows(self, number: int) -> Iterator[Rows]:
        """Give the rows of a unit, part by part."""
        places = sa.select(_rows.c.place).where(_rows.c.unit == number).order_by(_rows.c.place)
        with self._engine.connect() as connection:
            for (place,) in connection.execute(places).all():
                one = sa.select(_rows.c.step, _rows.c.payload).where(_rows.c.unit == number, _rows.c.place == place)
                step, payload = connection.execute(one).one()
                yield Rows(int(step), _unpacked(payload))

    def counts(self) -> dict[str, int]:
        """Count the units by state."""
        found: dict[str, int] = {}
        for _, state in self.units():
            found[state] = found.get(state, 0) + 1
        return found

    # Notes

    def note(self, name: str, value: Any) -> None:
        """Write something small down, in place of what was noted under that name."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_note).where(_note.c.name == name))
            connection.execute(sa.insert(_note).values(name=name, value=json.dumps(value)))

    def noted(self, name: str) -> Any:
        """Give what was noted under a name, or ``None``."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(_note.c.value).where(_note.c.name == name)).scalar()
        return None if found is None else json.loads(found)

    def remove(self) -> None:
        """Throw a journal away in which nothing was begun, or everything ended."""
        self.path.unlink(missing_ok=True)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(payload: bytes) -> pa.Table:
    return pa.ipc.open_stream(payload).read_all()


class Owner:
    """The one process that runs a transfer; whatever ends it sets the transfer free.

    Parameters
    ----------
    identity
        What two transfers have in common that move the same rows from the same table to the same place.
    """

    def __init__(self, identity: str) -> None:
        self._path = transfers_folder() / f"{identity}.lock"
        self._held: Any = None

    def __enter__(self) -> Self:
        engine = own_file(self._path, wait=0.2)
        connection = engine.connect()
        try:
            # Nothing is written: only the lock counts, which ends with the process.
            self._held = connection.begin()
        except sa.exc.OperationalError as error:
            connection.close()
            if not is_held(error):
                raise
            raise TransferError(
                "Another process is running this very transfer, so this one did nothing. "
                "mdb.transfers() shows how far it is."
            ) from None
        self._connection = connection
        return self

    def __exit__(self, *_: object) -> None:
        self._held.rollback()
        self._connection.close()

    @property
    def busy(self) -> bool:
        """Whether another process runs it."""
        if not self._path.exists():
            return False
        try:
            with self:
                return False
        except TransferError:
            return True
