"""``mdb.copy`` and ``mdb.move``: what the user asks for, planned and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack, overload

from multidb_explorer.connections.confirming import check_words
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.transfer.plan import TransferPlan
from multidb_explorer.transfer.planning import plan
from multidb_explorer.transfer.progress import TransferProgress
from multidb_explorer.transfer.refusing import written
from multidb_explorer.transfer.report import TransferReport
from multidb_explorer.transfer.roots import roots_of
from multidb_explorer.transfer.wishes import Wishes

__all__ = ["copy", "move"]


class Options(TypedDict, total=False):
    """What both take besides."""

    using: str | None
    related: str | Sequence[str]
    on_conflict: str
    columns: Mapping[str, str] | None
    create: bool
    batch_size: int
    accept: Sequence[str]
    mode: str | None
    limit: int | None
    confirm: str | Sequence[str] | None
    progress: bool | None
    on_progress: Callable[[TransferProgress], object] | None


@overload
def copy(
    source: Any, to: str, *, dry_run: Literal[True], client: Any = None, **options: Unpack[Options]
) -> TransferPlan: ...
@overload
def copy(
    source: Any, to: str, *, dry_run: Literal[False] = False, client: Any = None, **options: Unpack[Options]
) -> TransferReport: ...
def copy(  # noqa: PLR0913 -- they are options, each with a name
    source: Any,
    to: str,
    *,
    using: str | None = None,
    related: str | Sequence[str] = "none",
    on_conflict: str = "error",
    columns: Mapping[str, str] | None = None,
    create: bool = False,
    batch_size: int = 50_000,
    accept: Sequence[str] = (),
    mode: str | None = None,
    limit: int | None = None,
    confirm: str | Sequence[str] | None = None,
    dry_run: bool = False,
    progress: bool | None = None,
    on_progress: Callable[[TransferProgress], object] | None = None,
    client: Any = None,
) -> TransferPlan | TransferReport:
    """Copy rows to another database, with their relatives if asked.

    Parameters
    ----------
    source
        A QuerySet, a model, an instance, or the name of a table.
    to
        The alias that they go to.
    using
        The alias that they come from, where it is not that of the QuerySet or model; ``default`` for a table's name.
    related
        ``none``, ``parents`` (rows that they refer to), ``children`` (rows that refer to them), ``all`` (both, and the
        parents of the children), or the tables whose rows are taken.
    on_conflict
        What happens to a row where the target has another one under its key: ``error``, ``skip``, ``overwrite`` or
        ``newkey``. A row that is the same there is no conflict.
    columns
        The target's columns for some of the source's, where neither case nor underscores explain the difference.
    create
        Whether tables are made that the target does not have.
    batch_size
        How many rows are one unit where no relatives are taken along.
    accept
        Columns whose losses are accepted, as ``column`` or ``table.column``.
    mode
        ``COPY_VERIFY_DELETE``, ``SAME_TRANSACTION`` or ``TWO_PHASE``; chosen if not given.
    limit
        How many rows are taken at most where relatives are; they come together or not at all.
    confirm
        The alias that is written, where it asks before writes.
    dry_run
        Give the plan and write nothing.
    progress, on_progress
        Whether a bar is drawn, and who is told instead of it.
    client
        Of a Dask cluster, whose workers carry units over, each of ``batch_size`` rows. They get references to secrets.

    Returns
    -------
    TransferReport or TransferPlan

    Raises
    ------
    TransferRefused
        Where something would be lost, before anything is written.
    TransferStopped
        Where rows were not what they had been.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "new": "sqlite://"})
    >>> for alias in ("default", "new"):
    ...     with mdb.aliases[alias].database.begin() as connection:
    ...         _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> _ = mdb.reflect("users").objects.create(name="Ann")
    >>> copy("users", to="new").inserted
    1
    """
    wishes = _wishes("copy", source, to, using, related, on_conflict, columns, create, batch_size, accept, mode, limit)
    check_words(_written(wishes), confirm)
    made = plan(wishes)
    if dry_run:
        return made
    return made.run(confirm=confirm, on_progress=on_progress, progress=progress, client=client)


@overload
def move(source: Any, to: str, *, dry_run: Literal[True], **options: Unpack[Options]) -> TransferPlan: ...
@overload
def move(source: Any, to: str, *, dry_run: Literal[False] = False, **options: Unpack[Options]) -> TransferReport: ...
def move(  # noqa: PLR0913 -- they are options, each with a name
    source: Any,
    to: str,
    *,
    using: str | None = None,
    related: str | Sequence[str] = "none",
    on_conflict: str = "error",
    columns: Mapping[str, str] | None = None,
    create: bool = False,
    batch_size: int = 50_000,
    accept: Sequence[str] = (),
    mode: str | None = None,
    limit: int | None = None,
    confirm: str | Sequence[str] | None = None,
    dry_run: bool = False,
    progress: bool | None = None,
    on_progress: Callable[[TransferProgress], object] | None = None,
) -> TransferPlan | TransferReport:
    """Move rows to another database: copied, verified by a second look, and only then deleted where they were.

    At no moment is a row in neither database, whatever ends the process; `mdb.resume` goes on afterwards. Parents are
    copied along and stay; a row stays too to which others refer that do not move. The options are those of `copy`,
    but for ``on_conflict="overwrite"``.

    Raises
    ------
    TransferRefused
        Where something would be lost, before anything is written.
    TransferStopped
        Where rows were not what they had been.

    Examples
    --------
    >>> import multidb_explorer as mdb, tempfile
    >>> mdb.configure({"default": "sqlite://", "new": f"sqlite:///{tempfile.mkdtemp()}/new.db"})
    >>> for alias in ("default", "new"):
    ...     with mdb.aliases[alias].database.begin() as connection:
    ...         _ = connection.exec_driver_sql("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)")
    >>> Person = mdb.reflect("people")
    >>> _ = Person.objects.create(name="Ann")
    >>> report = move(Person.objects.filter(name="Ann"), to="new")
    >>> report.inserted, report.deleted, Person.objects.count()
    (1, 1, 0)
    """
    wishes = _wishes("move", source, to, using, related, on_conflict, columns, create, batch_size, accept, mode, limit)
    check_words(_written(wishes), confirm)
    made = plan(wishes)
    return made if dry_run else made.run(confirm=confirm, on_progress=on_progress, progress=progress)


def _written(wishes: Wishes) -> list[Database]:
    return written(wishes.kind, wishes.roots.database, databases[wishes.to])


def _wishes(  # noqa: PLR0913, PLR0917 -- every option once
    kind: str,
    source: Any,
    to: str,
    using: str | None,
    related: str | Sequence[str],
    on_conflict: str,
    columns: Mapping[str, str] | None,
    create: bool,
    batch_size: int,
    accept: Sequence[str],
    mode: str | None,
    limit: int | None,
) -> Wishes:
    _ = databases[to]
    return Wishes(
        kind=kind,
        roots=roots_of(source, using),
        to=to,
        related=related if isinstance(related, str) else tuple(related),
        on_conflict=on_conflict,
        columns=dict(columns or {}),
        create=create,
        batch_rows=batch_size,
        accept=(accept,) if isinstance(accept, str) else tuple(accept),
        mode=mode,
        limit=limit,
    )
