"""The grid's behaviour: pages, sort, count and selection of one QuerySet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Controller, Job, Message, Reply, Stale, whole
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.marks import alias_mark
from multidb_explorer.controllers.paging import Pager
from multidb_explorer.controllers.values import encode_table
from multidb_explorer.errors import FieldError, MultiDBError
from multidb_explorer.models import Model
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GridController", "queryset_of"]

Intervals = list[tuple[int, int]]

_UNSORTABLE = frozenset({"json", "array"})
_MOST_ROWS = 1000
_MOST_SELECTED = 100_000
_PAGES_REMEMBERED = 500
_PAGE = 200


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

    Examples
    --------
    >>> import sqlalchemy as sa
    >>> from multidb_explorer.models import reflect
    >>> databases.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"))
    ...     _ = connection.execute(sa.text("INSERT INTO t VALUES (1, 'Ann')"))
    >>> grid = GridController(reflect("t").objects)
    >>> grid.attach(lambda reply: print(reply.message, *reply.buffers, sep="\n"))
    >>> grid.receive({"type": "win", "id": "1", "epoch": 1, "start": 0, "count": 200})
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
    ) -> None:
        super().__init__()
        self.changes = changes
        self.queryset = queryset
        self.epoch = epoch
        self.row_estimate = row_estimate
        self.sort: tuple[str, ...] = ()
        self.selection: Intervals = []
        self._pager = Pager(queryset)
        self._seen: OrderedDict[int, list[Any]] = OrderedDict()
        self._kinds = [field.kind for field in queryset.fields]
        # Read once: also when the alias is disconnected later, the panel can still say what it showed.
        self.title = queryset.bound.table.name
        self.columns = _columns_of(queryset)
        self._mark = alias_mark(databases[queryset.db])
        self.parts: dict[str, GridPart] = {}
        self.intents = {
            "columns": self._columns,
            "win": self._win,
            "sort": self._sort,
            "count": self._count,
            "select": self._select,
        }

    def add(self, part: GridPart) -> None:
        """Let a part answer its own intents, and add to the state and to each page."""
        clash = self.parts.keys() & {part.name} | self.intents.keys() & part.intents.keys()
        if clash:
            raise ValueError(f"The grid has {', '.join(sorted(clash))} already.")
        self.parts[part.name] = part
        self.intents |= part.intents

    # State

    @property
    def row_count(self) -> int | None:
        """The exact number of rows, once it is known."""
        return self._pager.row_count

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
            self._renew(
                self.epoch + 1, row_estimate if row_estimate is not None else self.row_count or self.row_estimate
            )
        self.changed()

    def _renew(self, epoch: int, row_estimate: int | None) -> None:
        self.epoch = epoch
        self.row_estimate = row_estimate
        self.selection = []
        self._seen.clear()
        self._pager = Pager(self.queryset, self.sort)
        for part in self.parts.values():
            part.renewed()

    # Intents

    def _columns(self, _: Message) -> Reply:
        return Reply({"type": "columns", **self.state})

    def _win(self, request: Message) -> Reply:
        start, count = whole(request, "start"), whole(request, "count", most=_MOST_ROWS)
        with self.lock:
            self._require_epoch(request)
            known = self.row_count
            table = self._read(start, count)
            answer: Message = {"type": "win", "epoch": self.epoch, "start": start, "rows": table.num_rows}
            if self.row_count is not None:
                answer["row_count"] = self.row_count
            beside = {name: part.page(table, self._seen.get(start, [])) for name, part in self.parts.items()}
        if known is None and self.row_count is not None:
            self.changed()
        return Reply(answer, (encode_table(table, self._kinds, {name: more for name, more in beside.items() if more}),))

    def _sort(self, request: Message) -> Reply:
        """Sort as asked. The browser names the new epoch, so that it can ask for the first page in the same breath."""
        with self.lock:
            sort = tuple(self._sort_name(key) for key in request.get("keys") or ())
            count, epoch = self.row_count, max(self.epoch, whole(request, "epoch"))
            self.sort = sort
            self._renew(epoch, self.row_estimate)
            self._pager.row_count = count
        self.changed()
        return Reply({"type": "sort", "epoch": self.epoch})

    def _sort_name(self, key: Any) -> str:
        name = key.get("column") if isinstance(key, dict) else None
        for column in self.columns:
            if column["name"] == name:
                if not column["sortable"]:
                    raise FieldError(f"Column {name!r} can't be sorted: {column['type']} has no order.")
                return f"-{name}" if key.get("descending") else str(name)
        raise FieldError.unknown("column", str(name), self.title, [column["name"] for column in self.columns])

    def _count(self, request: Message) -> Job:
        """Count in the background: on a big table it takes seconds, and scrolling must not wait for it."""
        self._require_epoch(request)
        pager, epoch = self._pager, self.epoch

        def work() -> Reply:
            found = pager.count() if pager.row_count is None else pager.row_count
            with self.lock:
                pager.row_count = found
            self.changed()
            return Reply({"type": "count", "epoch": epoch, "row_count": found})

        return Job(work)

    def _select(self, request: Message) -> Reply:
        with self.lock:
            self._require_epoch(request)
            self.selection = intervals(request.get("rows"))
        self.changed()
        return Reply({"type": "select", "rows": self.selected_count})

    def _require_epoch(self, request: Message) -> None:
        if request.get("epoch") != self.epoch:
            raise Stale("The rows were sorted or changed meanwhile.")

    # Rows and keys

    def _read(self, start: int, count: int) -> pa.Table:
        table = self._pager.page(start, count)
        if self.queryset.has_key:
            self._seen[start] = self._pager.keys(table)
            self._seen.move_to_end(start)
            while len(self._seen) > _PAGES_REMEMBERED:
                self._seen.popitem(last=False)
        return table

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
                    keys = self._pager.keys(self._read(start, _PAGE))
                if row - start >= len(keys):
                    return
                end = min(last + 1, start + len(keys))
                yield from keys[row - start : end - start]
                row = end

    def selected(self) -> QuerySet[Any]:
        """Give the selected rows as a QuerySet."""
        if self.row_count is not None and self.selected_count >= self.row_count > 0:
            return self.queryset
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


def _columns_of(queryset: QuerySet[Any]) -> list[Message]:
    """Say what the header shows."""
    sortable = not queryset._state.sliced
    return [
        {
            "name": field.name,
            "kind": field.kind.name,
            "type": str(field.kind),
            "nullable": field.nullable,
            "primary_key": field.primary_key,
            "sortable": sortable and field.kind.name not in _UNSORTABLE,
        }
        for field in queryset.fields
    ]


def intervals(rows: object) -> Intervals:
    """Check the row intervals of a message.

    Examples
    --------
    >>> intervals([[3, 5], [9, 9]])
    [(3, 5), (9, 9)]
    """
    if not isinstance(rows, Iterable) or isinstance(rows, str | bytes):
        raise BadRequest("A selection is a list of row intervals.")
    found = []
    for pair in rows:
        first, last = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (None, None)
        if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last:
            raise BadRequest("A selection is a list of row intervals.")
        found.append((first, last))
    return found
