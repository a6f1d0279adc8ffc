"""The grid's behaviour: pages and selection of one QuerySet; its parts narrow it down, order, edit and look closer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import Controller, Intervals, Job, Message, Reply, Stale, intervals, whole
from multidb_explorer.controllers.filtering import Filter
from multidb_explorer.controllers.grid_columns import columns_of
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.grid_parts import parts_of
from multidb_explorer.controllers.marks import alias_mark
from multidb_explorer.controllers.paging import Pager
from multidb_explorer.controllers.stopping import Switch
from multidb_explorer.controllers.values import encode_table
from multidb_explorer.errors import MultiDBError
from multidb_explorer.models import Model
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GridController", "queryset_of"]

_MOST_ROWS = 1000
_MOST_SELECTED = 100_000
_PAGES_REMEMBERED = 500
_PAGE = 200
_PATIENCE = 5.0


def queryset_of(source: object) -> QuerySet[Any]:
    """Give the QuerySet that is meant by a QuerySet or a model.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(source, QuerySet):
        return source
    if isinstance(source, type) and issubclass(source, Model):
        return source.objects
    raise TypeError(f"A grid shows a QuerySet or a model, not {type(source).__name__}.")


class GridController(Controller):
    r"""Answers one grid.

    Parameters
    ----------
    queryset
        What is shown.
    epoch
        The number that the first order of the rows gets; each sort and refresh counts on.
    row_estimate
        Roughly how many rows there are, where that is known already.
    changes
        Where edits are staged; without it the grid only shows.
    layout
        Where it is kept how the user arranged the columns, for a panel that opens the same table again.

    Examples
    --------
    >>> import sqlalchemy as sa
    >>> from multidb_explorer.models import reflect
    >>> databases.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"))
    ...     _ = connection.execute(sa.text("INSERT INTO t VALUES (1, 'Ann')"))
    >>> grid = GridController(reflect("t").objects)
    >>> reply = grid.answer({"type": "win", "id": "1", "epoch": 1, "start": 0, "count": 200})
    >>> print(reply.message, *reply.buffers, sep="\n")
    {'id': '1', 'type': 'win', 'epoch': 1, 'start': 0, 'rows': 1, 'row_count': 1}
    b'{"rows":1,"columns":[{"tag":"integer","values":[1]},{"tag":"text","values":["Ann"]}]}'
    """

    def __init__(
        self,
        queryset: QuerySet[Any],
        *,
        epoch: int = 1,
        row_estimate: int | None = None,
        changes: ChangeSet | None = None,
        layout: Message | None = None,
    ) -> None:
        super().__init__()
        self.layout: Message = {} if layout is None else layout
        self.changes = changes
        self.queryset = queryset
        self.epoch = epoch
        self.row_estimate = row_estimate
        self.filter = Filter()
        self.sort: tuple[str, ...] = ()
        self.first_rows: int | None = None
        self.selection: Intervals = []
        self.pager = Pager(queryset)
        self._switches: set[Switch] = set()
        self._seen: OrderedDict[int, list[Any]] = OrderedDict()
        self._kinds = [field.kind for field in queryset.fields]
        # Read once: also when the alias is disconnected later, the panel can still say what it showed.
        self.title = queryset.bound.table.name
        self.columns = columns_of(queryset)
        self._mark = alias_mark(databases[queryset.db])
        self.parts: dict[str, GridPart] = {}
        self.intents |= {"columns": self._columns, "win": self._win, "select": self._select}
        for part in parts_of(self):
            self.add(part)

    def add(self, part: GridPart) -> None:
        """Let a part answer its own intents, and add to the state and to each page."""
        clash = self.parts.keys() & {part.name} | self.intents.keys() & part.intents.keys()
        if clash:
            raise ValueError(f"The grid has {', '.join(sorted(clash))} already.")
        self.parts[part.name] = part
        self.intents |= part.intents

    # What is shown

    @property
    def narrowed(self) -> QuerySet[Any]:
        """The rows that the filters leave, in the order of the QuerySet itself."""
        return self.filter.apply(self.queryset)

    @property
    def shown(self) -> QuerySet[Any]:
        """The rows on screen, as Python: filters and sort included."""
        rows = self.narrowed.order_by(*self.sort) if self.sort else self.narrowed
        return rows if self.first_rows is None else rows[: self.first_rows]

    # State

    @property
    def row_count(self) -> int | None:
        """The exact number of rows, once it is known."""
        return self.pager.row_count

    @property
    def state(self) -> Message:
        """What a view needs before its first row."""
        return {
            "columns": self.columns,
            "epoch": self.epoch,
            "row_count": self.row_count,
            "row_estimate": self.row_estimate,
            "title": self.title,
            "alias": self._marked(),
            "sort": _sort_keys(self.sort),
            "default_sort": _sort_keys(self.queryset.ordered_by),
            "first_rows": self.first_rows,
            "selection": [list(pair) for pair in self.selection],
            "selected_count": self.selected_count,
            "parts": {name: part.state for name, part in self.parts.items()},
        }

    def _marked(self) -> Message:
        """Give the mark of the alias; one that was disconnected meanwhile keeps the mark it had."""
        database = databases.get(self.queryset.db)
        if database is not None:
            self._mark = alias_mark(database)
        return self._mark

    def estimate(self) -> None:
        """Take the catalog's estimate of the rows, where there is one and the whole table is shown."""
        if not self.queryset.whole:
            return
        try:
            tables = catalog_of(databases[self.queryset.db]).tables()
        except MultiDBError:
            # An estimate is no reason to fail: the first page will say what is wrong.
            return
        self.row_estimate = next((table.row_estimate for table in tables if table.name == self.title), None)

    def refresh(self, row_estimate: int | None = None) -> None:
        """Start anew with rows that may have changed; the order stays."""
        with self.lock:
            known = self.row_count or self.row_estimate
            self.renew(self.epoch + 1, known if row_estimate is None else row_estimate)
        self.changed()

    def renew(self, epoch: int, row_estimate: int | None, pager: Pager | None = None) -> None:
        """Count a new epoch: other rows, or another order. What still runs for the old one is stopped."""
        self.epoch = epoch
        self.row_estimate = row_estimate
        self.selection = []
        self._seen.clear()
        self.pager = pager or self.new_pager()
        for part in self.parts.values():
            part.renewed()
        self._stop_all()

    def _stop_all(self) -> list[Switch]:
        """Stop what runs, each in a thread of its own: a server may take its time to take the order."""
        running = list(self._switches)
        for switch in running:
            threading.Thread(target=switch, name="multidb-stop", daemon=True).start()
        return running

    def make_way(self, target: Database) -> bool:
        """Stop what still reads where nobody can write meanwhile, and wait until it is over.

        Parameters
        ----------
        target
            What is about to be written to.

        Returns
        -------
        bool
            Whether anything was stopped, so that the browser asks for it again.
        """
        own = databases[self.queryset.db]
        if not own.backend.features.readers_block_writers:
            return False
        if target is not own and target.fingerprint != own.fingerprint:
            return False
        running, until = self._stop_all(), monotonic() + _PATIENCE
        for switch in running:
            switch.ended.wait(max(0.0, until - monotonic()))
        return bool(running)

    def new_pager(self) -> Pager:
        """Give what reads pages of what is shown."""
        return Pager(self.shown) if self.first_rows is not None else Pager(self.narrowed, self.sort)

    def job(self, work: Callable[[Switch], Reply]) -> Job:
        """Make a job that the browser can stop in the database, and that ends with the epoch it belongs to.

        Parameters
        ----------
        work
            It looks at the switch between its statements.
        """
        switch = Switch(databases[self.queryset.db])
        self._switches.add(switch)

        def run() -> Reply:
            try:
                return switch.run(lambda: work(switch))
            finally:
                self.release(switch)

        return Job(run, switch)

    def release(self, switch: Switch) -> None:
        """Let a job go on after the end of its epoch."""
        self._switches.discard(switch)

    def close(self) -> None:
        """Stop what runs, and let the parts go: the grid is shown no more."""
        super().close()
        for part in self.parts.values():
            part.close()
        self._stop_all()

    # Intents

    def _columns(self, _: Message) -> Reply:
        return Reply({"type": "columns", **self.state})

    def _win(self, request: Message) -> Job:
        """Read a page in a thread of its own: a slow one must not hold up what is asked after it."""
        start, count = whole(request, "start"), whole(request, "count", most=_MOST_ROWS)
        self.require_epoch(request)
        pager, epoch, known = self.pager, self.epoch, self.row_count
        return self.job(lambda _: self._page(pager, epoch, start, count, known))

    def _page(self, pager: Pager, epoch: int, start: int, count: int, known: int | None) -> Reply:
        table = pager.page(start, count)
        answer: Message = {"type": "win", "epoch": epoch, "start": start, "rows": table.num_rows}
        if pager.row_count is not None:
            answer["row_count"] = pager.row_count
        with self.lock:
            keys = self._remember(pager, start, table)
            beside = {name: part.page(table, keys) for name, part in self.parts.items()}
        if known is None and pager.row_count is not None:
            self.changed()
        more = {name: found for name, found in beside.items() if found}
        return Reply(answer, (encode_table(table, self._kinds, more),))

    def _select(self, request: Message) -> Reply:
        with self.lock:
            self.require_epoch(request)
            self.selection = intervals(request.get("rows"))
        self.changed()
        return Reply({"type": "select", "rows": self.selected_count})

    def require_epoch(self, request: Message) -> None:
        """Refuse what was meant for other rows.

        Raises
        ------
        Stale
            For the epoch of a request that is over.
        """
        if request.get("epoch") != self.epoch:
            raise Stale("The rows were sorted or changed meanwhile.")

    # Rows and keys

    def _remember(self, pager: Pager, start: int, table: pa.Table) -> list[Any]:
        """Keep the keys of a page, while it is one of the rows that are shown."""
        if not self.queryset.has_key:
            return []
        keys = pager.keys(table)
        if pager is self.pager:
            self._seen[start] = keys
            self._seen.move_to_end(start)
            while len(self._seen) > _PAGES_REMEMBERED:
                self._seen.popitem(last=False)
        return keys

    def seen_key(self, row: int) -> Any:
        """Give the key of a row that was shown, or ``None``."""
        with self.lock:
            start = row - row % _PAGE
            keys = self._seen.get(start, [])
            return keys[row - start] if row - start < len(keys) else None

    @property
    def selected_count(self) -> int:
        """How many rows are selected."""
        return sum(last - first + 1 for first, last in self.selection)

    def keys_of(self, rows: Intervals) -> list[Any]:
        """Give the keys of rows by their numbers: of those that were shown, the keys that were shown.

        Row numbers move when somebody else inserts or deletes; a write must reach the rows that the user saw.

        Raises
        ------
        KeyRequired
            For a table whose rows can't be told apart.
        MultiDBError
            For more rows than can be named one by one.
        """
        self.queryset.key_required()
        if sum(last - first + 1 for first, last in rows) > _MOST_SELECTED:
            raise MultiDBError(f"More than {_MOST_SELECTED:,} rows are selected; use filter() to name so many.")
        with self.lock:
            return list(self._keys(rows))

    def _keys(self, rows: Intervals) -> Iterator[Any]:
        for first, last in rows:
            row = first
            while row <= last:
                start = row - row % _PAGE
                keys = self._seen.get(start)
                if keys is None or row - start >= len(keys):
                    keys = self._remember(self.pager, start, self.pager.page(start, _PAGE))
                if row - start >= len(keys):
                    return
                end = min(last + 1, start + len(keys))
                yield from keys[row - start : end - start]
                row = end

    def selected(self) -> QuerySet[Any]:
        """Give the selected rows as a QuerySet."""
        if self.row_count is not None and self.selected_count >= self.row_count > 0:
            return self.shown
        if not self.selection:
            return self.queryset.none()
        keys = self.keys_of(self.selection)
        return self._whole().filter(pk__in=keys)

    def _whole(self) -> QuerySet[Any]:
        """Give the rows without the slice: keys are named anyway, and a slice can't be filtered."""
        queryset = self.queryset
        return QuerySet(queryset._source).using(queryset.db) if queryset._state.sliced else queryset


def _sort_keys(order: Sequence[str]) -> list[Message]:
    return [{"column": name.removeprefix("-"), "descending": name.startswith("-")} for name in order]
