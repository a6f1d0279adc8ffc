"""The explorer's tab "Relations": what a table and a row of it hang together with, and the way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply, Stale, whole
from multidb_explorer.controllers.explorer_tab import ExplorerTab
from multidb_explorer.controllers.filtering import Filter, filter_of
from multidb_explorer.controllers.typed_values import editable
from multidb_explorer.controllers.values import key_text
from multidb_explorer.errors import MultiDBError
from multidb_explorer.models import reflect
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    from multidb_explorer.controllers.grid import GridController
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["Link", "RelationsTab", "links_of"]


@dataclass(frozen=True)
class Link:
    """A foreign key as the way from a table to another one.

    Attributes
    ----------
    forward
        Whether this table holds the key; else the other one does.
    table, schema
        Where it leads.
    columns, target_columns
        What must be equal, here and there.
    """

    forward: bool
    table: str
    schema: str | None
    columns: tuple[str, ...]
    target_columns: tuple[str, ...]

    @property
    def message(self) -> Message:
        """What the browser gets."""
        names = {"columns": list(self.columns), "target_columns": list(self.target_columns)}
        return {"forward": self.forward, "table": self.table, "schema": self.schema, **names}


def links_of(database: Database, table: str, schema: str | None = None) -> tuple[Link, ...]:
    """List the ways out of a table: along its own foreign keys first, then along those that point to it.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    ...     _ = connection.exec_driver_sql("CREATE TABLE orders (user_id INTEGER REFERENCES users (id))")
    >>> [(link.forward, link.table, link.columns) for link in links_of(databases["default"], "users")]
    [(False, 'orders', ('id',))]
    """
    catalog = catalog_of(database)
    own = [
        Link(True, key.target_table, key.target_schema, key.columns, key.target_columns)
        for key in catalog.table(table, schema).foreign_keys
    ]
    others = [
        Link(False, found.table, found.schema, found.foreign_key.target_columns, found.foreign_key.columns)
        for found in catalog.references(table, schema)
    ]
    return (*own, *sorted(others, key=lambda link: (link.table.casefold(), link.target_columns)))


class RelationsTab(ExplorerTab):
    """Answers ``neighbours``, ``row_links``, ``link_count`` and ``follow``."""

    @property
    def intents(self) -> dict[str, Handler]:
        """What the browser may ask."""
        return {
            "neighbours": self._neighbours,
            "row_links": self._row_links,
            "link_count": self._link_count,
            "follow": self._follow,
        }

    def _links(self) -> tuple[Link, ...]:
        alias, table, schema = self.place()
        return links_of(databases[alias], table, schema)

    def _link(self, request: Message) -> Link:
        """Find the link that is meant: by its number, or by the only column of a foreign key."""
        links, number, column = self._links(), request.get("link"), request.get("column")
        if column is not None:
            found = [link for link in links if link.forward and link.columns == (column,)]
        else:
            found = list(links[number : number + 1]) if isinstance(number, int) and number >= 0 else []
        if not found:
            raise BadRequest("There is no such relation any more; open the table again.")
        return found[0]

    def _neighbours(self, _: Message) -> Job:
        """List the links in the background: what points to the table is found by reading every foreign key."""
        alias, table, schema = self.place()
        database = databases[alias]

        def work() -> Reply:
            found = [link.message for link in links_of(database, table, schema)]
            return Reply({"type": "neighbours", "table": table, "schema": schema, "links": found})

        return self.job(database, work)

    # One row

    def _row(self, request: Message) -> tuple[GridController, int]:
        grid = self.grid()
        grid.require_epoch(request)
        return grid, whole(request, "row")

    def _row_links(self, request: Message) -> Job:
        """Say what a row refers to, by the values of its keys; nothing is counted yet."""
        grid, row = self._row(request)

        def work() -> Reply:
            values = _values(grid, row)
            key = [values[name] for name in grid.queryset.bound.key if name in values]
            ways = [_texts(link, values) for link in self._links()]
            said = key_text(key[0] if len(key) == 1 else tuple(key)) if key else str(row + 1)
            return Reply({"type": "row_links", "row": row, "key": said, "has_key": bool(key), "values": ways})

        return self.job(databases[grid.queryset.db], work)

    def _link_count(self, request: Message) -> Job:
        """Count the rows that a link leads to."""
        (grid, row), number = self._row(request), request.get("link")

        def work() -> Reply:
            rows = self._reached(grid, row, self._link(request))
            return Reply({"type": "link_count", "link": number, "count": rows.count()})

        return self.job(databases[grid.queryset.db], work)

    def _reached(self, grid: GridController, row: int, link: Link) -> QuerySet[Any]:
        target = reflect(link.table, using=grid.queryset.db, schema=link.schema).objects
        return _filter(target, link, _values(grid, row)).apply(target)

    def _follow(self, request: Message) -> Job:
        """Open the rows that a link leads to; the filter that names them can be taken off there."""
        grid, row = self._row(request)

        def work() -> Reply:
            link = self._link(request)
            target = reflect(link.table, using=grid.queryset.db, schema=link.schema).objects
            narrow = _filter(target, link, _values(grid, row))
            if self.explorer.grid is not grid:
                raise Stale("Another table was opened meanwhile.")
            return self.explorer.open_rows(grid.queryset.db, link.table, link.schema, narrow)

        return self.job(databases[grid.queryset.db], work)


def _values(grid: GridController, row: int) -> dict[str, Any]:
    table = grid.pager.page(row, 1)
    if not table.num_rows:
        raise MultiDBError("The row is there no more; read the rows again.")
    return {name: column[0].as_py() for name, column in zip(table.column_names, table.columns, strict=True)}


def _texts(link: Link, values: dict[str, Any]) -> list[str | None]:
    return [None if (value := values.get(name)) is None else key_text(value) for name in link.columns]


def _filter(target: QuerySet[Any], link: Link, values: dict[str, Any]) -> Filter:
    """Give the filter that names the rows at the end of a link."""
    kinds = {field.name: field.kind for field in target.fields}
    items = []
    for name, column in zip(link.target_columns, link.columns, strict=True):
        if values.get(column) is None:
            raise MultiDBError(f"{column} is NULL, so the row refers to nothing.")
        items.append({"field": name, "lookup": "exact", "value": editable(values[column], kinds[name])})
    return filter_of(target, items)
