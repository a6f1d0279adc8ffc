"""How much memory there is, and what is not read because it would take more.

Most reads are small, and cost nothing here. One that has given its first ten thousand rows and goes on is looked at:

1. The database *estimates* how many rows there will be. An estimate stops nothing by itself, since planners err.
2. Where it says that the frame would not fit, the rows are *counted*, up to as many as could fit if every text was
   empty. Rows that are counted, and as wide as the first ones are, stop the read.
3. In any case the bytes that arrive are added up, and reading stops where they are too many.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FrameTooLarge
from multidb_explorer.options import options
from multidb_explorer.results.reading import Reading

__all__ = ["FEW", "FRAMES", "LITTLE", "Guard", "available", "in_words", "row_bytes"]

FEW = 10_000
"""So many rows are not worth a statement that estimates how many there will be."""
LITTLE = 4 * 2**20
"""Bytes that nobody misses: less is read without a look at the memory that is free."""

_TEXT = 32
"""Bytes of a text whose length nobody knows."""
FRAMES = {"to_arrow": 1.0, "to_pandas": 2.0, "to_polars": 2.0}
"""Methods that give the whole result, and times its bytes that their frame takes at its peak."""
_SLACK = 1.25
"""The first rows may be wider than the others: so many times too large they must look to be too large."""


# How much there is


def available() -> int | None:
    """Give the bytes of memory that this process can still take, or ``None`` where the system doesn't tell.

    Examples
    --------
    >>> available() is None or available() > 0
    True
    """
    known = [free for free in (_free_here(), _free_in_group(), _free_in_process()) if free is not None]
    return max(0, min(known)) if known else None


def _free_here() -> int | None:
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(ImportError):
        return int(import_module("psutil").virtual_memory().available)
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _free_in_group(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Give what the limits of a container or a job leave; each group above this process has one of its own."""
    found: list[int] = []
    with suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0" or "memory" in controllers.split(","):
                top = root if number == "0" else root / "memory"
                leaf = top / path.lstrip("/")
                inside = [leaf, *leaf.parents]
                found += [left for group in inside if group.is_relative_to(top) if (left := _left(group)) is not None]
    return min(found, default=None)


def _left(group: Path) -> int | None:
    """Give what is left of a group's limit; cached files count as used but go when memory is needed."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError):
            most, now = int((group / limit).read_text()), int((group / used).read_text())
            stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            return most - now + int(stat.get(cache, 0))
    return None


def _free_in_process() -> int | None:
    """Give what ``ulimit -v`` leaves."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    with suppress(OSError):
        return limit - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return None


# How much is needed


def row_bytes(columns: Sequence[ResultColumn], *, least: bool = False) -> float:
    """Give the bytes that one row takes in Arrow, by what its columns hold.

    Parameters
    ----------
    least
        As if every text was empty.

    Examples
    --------
    >>> row_bytes([ResultColumn("id", Kind("integer"), nullable=False), ResultColumn("name", Kind("text"))])
    44.125
    """
    return sum(_bytes(column.kind, least=least) + column.nullable / 8 for column in columns)


def _bytes(kind: Kind, *, least: bool) -> float:
    match kind.name:
        case "boolean":
            return 1 / 8
        case "integer" | "float":
            return kind.bits / 8
        case "decimal" if kind.precision is None or kind.precision <= 76:
            return 16 if kind.precision is not None and kind.precision <= 38 else 32
        case "date" | "enum":
            return 4
        case "time" | "timestamp":
            return 8
        case "interval" | "uuid":
            return 16
    return 4 if least else 4 + min(_TEXT, kind.length or _TEXT)


def in_words(size: float) -> str:
    """Write a number of bytes for people.

    Examples
    --------
    >>> in_words(9_500_000_000), in_words(512)
    ('9.5 GB', '512 bytes')
    """
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"


# What is too much


class Guard:
    """Watches that what is read for one frame fits into memory.

    Parameters
    ----------
    database, reading
        What is read.
    frame
        The method that a person called.
    kept
        What is kept in memory: the ``frame``, the ``batches`` of a read that has to be finished before the first is
        handed out, or nothing, and then anything fits.

    Attributes
    ----------
    on
        Whether there is anything to watch.
    rows
        How many rows there will be, as far as that is known.
    """

    def __init__(self, database: Database, reading: Reading, frame: str, *, kept: str = "frame") -> None:
        self._database = database
        self._reading = reading
        self._frame = frame
        self._factor = FRAMES.get(frame, 1.0)
        self._kept = kept
        self._share = options.memory_share if kept else None
        self._most: float | None = None
        self._counted = False
        self._read = 0
        self._bytes = 0
        self.on = self._share is not None
        # Where all statements have one connection, there is none to ask while it is read.
        self._asks = (self.on or options.progress) and not database.shares_connection
        self.rows: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _large.discard(id(self))

    @property
    def allowed(self) -> float | None:
        """Bytes that the frame may take: what was free when it first mattered; ``None`` for any number."""
        if self._share is None:
            return None
        if self._most is None:
            _large.add(id(self))
            free = available()
            # Frames that are read at the same time share what is free.
            self._most = float("inf") if free is None else self._share * free / len(_large)
        return self._most

    def needed(self) -> float | None:
        """Bytes that the frame will take, as far as that can be told: by the first rows, or by what its columns are."""
        width = self._bytes / self._read if self._read else row_bytes(self._reading.columns)
        return None if self.rows is None else self.rows * self._factor * width

    @property
    def wonders(self) -> bool:
        """Whether it is time to ask how much more there will be."""
        return self._asks and self._read > FEW

    def estimate(self, connection: Connection) -> int | None:
        """Ask the database how many rows there will be, unless a slice says that there are few.

        Returns
        -------
        int or None
            Never more than the slice; ``None`` where nobody knows.
        """
        most = self._reading.most
        if most is not None and most <= FEW:
            self.rows = most
        else:
            estimate = _estimated(self._database, connection, self._reading.statement)
            self.rows = estimate if estimate is None or most is None else min(estimate, most)
        return self.rows

    def look_ahead(self, connection: Connection) -> None:
        """Learn how much more there will be.

        Parameters
        ----------
        connection
            Another one than that which reads.

        Raises
        ------
        FrameTooLarge
            Where it is known not to fit.
        """
        self._asks = False
        self.estimate(connection)
        needed = self.needed() or 0
        if needed > LITTLE and self.allowed is not None and needed > self.allowed:
            self._count(connection, self.rows or 0)
            self.add(0, 0)

    def _count(self, connection: Connection, estimate: int) -> None:
        """Count the rows, but no more of them than could fit."""
        width = self._factor * row_bytes(self._reading.columns, least=True)
        most = int((self.allowed or 0) / width) + 1
        statement = _counting(self._reading.statement, most if self._reading.most is None else self._reading.most)
        if statement is None:
            return
        try:
            found = connection.execute(statement).scalar_one()
        except sa.exc.DBAPIError:
            return
        self._counted = True
        self.rows = found if found < most else max(found, estimate)

    def add(self, rows: int, size: int) -> None:
        """Note what arrived.

        Raises
        ------
        FrameTooLarge
            Where it is too much already, or where counted rows of this width will be.
        """
        self._read += rows
        self._bytes += size
        taken = self._bytes * self._factor
        if not self.on or taken <= LITTLE or self.allowed is None:
            return
        if taken > self.allowed:
            self._refuse(f"the first {self._read:,} rows take {in_words(taken)}")
        if self._counted and self.rows and self._read:
            width = taken / self._read
            if self.rows * width > self.allowed * _SLACK:
                sum_ = f"{self.rows:,} rows x {width:,.0f} bytes = {in_words(self.rows * width)}"
                self._refuse(f"about {sum_}, as the first {self._read:,} show")

    def _refuse(self, sum_: str) -> NoReturn:
        allowed = self.allowed or 0
        share = self._share or 0
        part = "half" if share == 0.5 else f"{share:.2%}" if share < 0.01 else f"{share:.0%}"
        taken = max(self.needed() or 0, self._bytes * self._factor)
        file = f"{self._database.alias}.parquet"
        raise FrameTooLarge(
            f"{self._frame}() on alias {self._database.alias!r} would not fit into memory: {sum_}, and {part} of what "
            f"is free is {in_words(allowed)}; {_STOPPED}.\n{_WAYS[self._kept].format(file=file)}\n{_OFF}",
            rows=max(self.rows or 0, self._read),
            needed=int(taken),
            allowed=int(allowed),
        )


_large: set[int] = set()
"""Guards of the reads that run now and are more than a little."""

_STOPPED = "the statement was stopped and nothing of it was kept"
_WAYS = {
    "frame": """Instead, read it
- in parts, one after the other: for frame in queryset.to_pandas_batches(): ...
- into a file, part by part: queryset.to_parquet({file!r})
- as a frame that is computed in parts: queryset.to_dask()
Fewer columns, by values(), or fewer rows, by filter(), may fit too.""",
    "batches": """A memory database, and an alias inside an atomic block, has one connection for all its statements, so
batches are read to the end before the first is handed out. Read outside of the block, or fewer rows, by filter().""",
}
_OFF = "To read it all the same: mdb.options.memory_share = None"


def _estimated(database: Database, connection: Connection, statement: sa.Executable) -> int | None:
    try:
        return database.backend.estimated(connection, statement)
    except sa.exc.DBAPIError:
        # Not every statement that can be run can be estimated.
        return None


def _counting(statement: sa.Executable, most: int) -> sa.Select[int] | None:
    """Count the rows of a statement up to a number, in no order; ``None`` for text, which may be anything."""
    if not isinstance(statement, sa.Select | sa.CompoundSelect):
        return None
    # Where each row counts for itself, the database need neither compute its columns nor keep them meanwhile.
    if isinstance(statement, sa.Select) and not (statement._distinct or statement._group_by_clauses):  # noqa: SLF001
        statement = statement.with_only_columns(sa.literal_column("1").label("one"), maintain_column_froms=True)
    rows = statement.order_by(None).limit(most).subquery()
    return sa.select(sa.func.count()).select_from(rows)
