"""The order of a grid's rows, and what is found out about them in the background: their number, and keys far apart."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply, whole
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.paging import Pager
from multidb_explorer.controllers.sorting import SortCost, sort_cost
from multidb_explorer.controllers.stopping import Switch
from multidb_explorer.errors import FieldError, MultiDBError

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController

__all__ = ["FIRST_ROWS", "OrderPart"]

FIRST_ROWS = 1_000
"""How many rows there are where only the first ones of an order are asked for."""
_GATHERED_FROM = 2_000
_TOLD_EVERY = 0.25


class OrderPart(GridPart):
    """Sorts, counts, and prepares far jumps.

    A sort that no index has and that would take the database long is not begun: the answer asks the user first, who may
    have it ``"all"`` in the background, or only the ``"first"`` rows of it.
    """

    name = "order"

    def __init__(self, grid: GridController) -> None:
        super().__init__(grid)
        self.intents = {"sort": self._sort, "count": self._count, "prepare": self._prepare}

    # Sorting

    def _sort(self, request: Message) -> Reply | Job:
        """Sort as asked. The browser names the new epoch, so that it can ask for the first page in the same breath."""
        grid, how = self.grid, request.get("how")
        sort = tuple(self._sort_name(key) for key in request.get("keys") or ())
        cost = self._cost(sort)
        if how == "all":
            grid.require_epoch(request)
            return self._sorted_in_background(request, sort)
        if cost.ask and how != "first":
            return self._question(sort, cost)
        with grid.lock:
            same_rows = grid.first_rows is None and how != "first"
            count, estimate = (grid.row_count, grid.row_estimate) if same_rows else (None, cost.rows)
            grid.sort, grid.first_rows = sort, FIRST_ROWS if how == "first" else None
            grid.renew(max(grid.epoch, whole(request, "epoch")), FIRST_ROWS if how == "first" else estimate)
            grid.pager.row_count = count
        grid.changed()
        return self._answer()

    def _answer(self) -> Reply:
        grid = self.grid
        kept = {name: grid.state[name] for name in ("epoch", "row_count", "row_estimate", "sort", "first_rows")}
        return Reply({"type": "sort", **kept})

    def _sort_name(self, key: Any) -> str:
        name = key.get("column") if isinstance(key, dict) else None
        for column in self.grid.columns:
            if column["name"] == name:
                if not column["sortable"]:
                    raise FieldError(f"Column {name!r} can't be sorted: {column['type']} has no order.")
                return f"-{name}" if key.get("descending") else str(name)
        raise FieldError.unknown("column", str(name), self.grid.title, [column["name"] for column in self.grid.columns])

    def _cost(self, sort: tuple[str, ...]) -> SortCost:
        grid = self.grid
        rows = grid.row_count if grid.first_rows is None else None
        return sort_cost(grid.narrowed, sort, grid.row_estimate if rows is None else rows)

    def _question(self, sort: tuple[str, ...], cost: SortCost) -> Reply:
        names = [name.removeprefix("-") for name in sort]
        indexed = [column["name"] for column in self.grid.columns if column.get("indexed")]
        ask = {"columns": names, "rows": cost.rows, "exact": self.grid.row_count is not None, "indexed": indexed}
        return Reply({"type": "sort", "ask": {**ask, "first": FIRST_ROWS}})

    def _sorted_in_background(self, request: Message, sort: tuple[str, ...]) -> Job:
        """Let the database sort all keys while the old order stays on screen; the new one appears complete."""
        grid = self.grid
        pager, told = Pager(grid.narrowed, sort), _Told(self, request)
        if not pager.pages_by_key:
            raise BadRequest("Rows that can't be told apart can only be sorted page by page; take the first rows.")

        def work(switch: Switch) -> Reply:
            pager.list_keys(told.by(switch, grid.row_count or grid.row_estimate))
            with grid.lock:
                switch.check()
                grid.release(switch)
                grid.sort, grid.first_rows = sort, None
                grid.renew(grid.epoch + 1, None, pager)
            grid.changed()
            return self._answer()

        return grid.job(work)

    # In the background

    def _count(self, request: Message) -> Job:
        """Count: up to a number of rows if the request names one, which is quick, else all, which may take long."""
        grid = self.grid
        grid.require_epoch(request)
        pager, epoch = grid.pager, grid.epoch
        most = whole(request, "most") if request.get("most") is not None else None

        def work(_: Switch) -> Reply:
            found = pager.row_count if pager.row_count is not None else pager.count(most)
            answer: Message = {"type": "count", "epoch": epoch, "row_count": found, "exact": True}
            if most is not None and found > most:
                return Reply({**answer, "exact": False, "row_count": max(found, self._estimated() or 0)})
            pager.row_count = found
            grid.changed()
            return Reply(answer)

        return grid.job(work)

    def _estimated(self) -> int | None:
        """Ask the database for its own guess, which it has from its statistics."""
        database = databases[self.grid.queryset.db]
        try:
            with database.connect() as connection:
                return database.backend.estimated(connection, self.grid.narrowed.order_by().reading.statement)
        except MultiDBError:
            # Without a guess there still is the number of those that were counted.
            return None

    def _prepare(self, request: Message) -> Job:
        """Make far jumps quick: gather keys far apart, or list them all where the database had to sort."""
        grid = self.grid
        grid.require_epoch(request)
        pager = grid.pager
        cost = self._cost(grid.sort or grid.queryset.ordered_by)

        def work(switch: Switch) -> Reply:
            way = self._way(pager, cost)
            if way == "list":
                pager.list_keys(lambda _: switch.check())
            elif way == "anchors":
                pager.gather(lambda _: switch.check(), cost.rows)
            return Reply({"type": "prepare", "way": way})

        return grid.job(work)

    def _way(self, pager: Pager, cost: SortCost) -> str:
        rows = pager.row_count if pager.row_count is not None else cost.rows
        if not pager.pages_by_key or self.grid.first_rows is not None or (rows or 0) < _GATHERED_FROM:
            return "nothing"
        if cost.list_keys:
            return "list"
        return "anchors" if cost.indexed else "nothing"


class _Told:
    """Tells the browser how far a job is, and gives the job up once its switch was thrown."""

    def __init__(self, part: OrderPart, request: Message) -> None:
        self._part = part
        self._request = request
        self._last = 0.0

    def by(self, switch: Switch, total: int | None) -> Any:
        """Give what the job calls with the number of rows so far."""

        def told(done: int) -> None:
            switch.check()
            now = monotonic()
            if now - self._last >= _TOLD_EVERY:
                self._last = now
                self._part.grid.tell(self._request, done=done, total=total)

        return told
