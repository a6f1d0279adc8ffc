"""The registered aliases as an analyst holds them: ``mdb.aliases["shop"].tables``."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView

from sqlalchemy.engine import Engine

from multidb_explorer.backends.base import ServerInfo
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import Cell, html_table, text_table
from multidb_explorer.errors import ImproperlyConfigured, MultiDBError
from multidb_explorer.schema.catalog import TableSchema, TableSummary
from multidb_explorer.schema.inspector import catalog_of

__all__ = ["Alias", "Aliases", "Tables", "aliases"]


class Tables(Mapping[str, TableSchema]):
    """The tables and views of one schema by name; each is read in full when it is asked for.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> list(mdb.aliases["default"].tables)
    []
    """

    def __init__(self, database: Database, schema: str | None = None) -> None:
        self._catalog = catalog_of(database)
        self._alias = database.alias
        self._schema = schema

    @property
    def summaries(self) -> tuple[TableSummary, ...]:
        """What the list itself tells of each."""
        return self._catalog.tables(self._schema)

    def __getitem__(self, name: str) -> TableSchema:
        return self._catalog.table(name, self._schema)

    def values(self) -> ValuesView[TableSchema]:
        """Describe all of them, read together."""
        self._catalog.describe_all(self._schema)
        return super().values()

    def items(self) -> ItemsView[str, TableSchema]:
        """Describe all of them by name, read together."""
        self._catalog.describe_all(self._schema)
        return super().items()

    def __contains__(self, name: object) -> bool:
        return any(table.name == name for table in self.summaries)

    def __iter__(self) -> Iterator[str]:
        return (table.name for table in self.summaries)

    def __len__(self) -> int:
        return len(self.summaries)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _rows(self, limit: int) -> list[list[Cell]]:
        return [
            [
                table.name,
                table.kind,
                "" if table.row_estimate is None else f"≈ {table.row_estimate:,}",
                table.comment or "",
            ]
            for table in self.summaries[:limit]
        ]

    def _caption(self, limit: int) -> str:
        more = f", first {limit} shown" if len(self) > limit else ""
        return f"{self._alias}: {len(self)} tables and views{more}"

    def __repr__(self) -> str:
        return f"{self._caption(200)}\n{text_table(_TABLES, self._rows(200))}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        try:
            shown = html_table(_TABLES, self._rows(200), caption=self._caption(200), right=[2])
        except MultiDBError as error:
            # Once and readable, where two forms of display would show two tracebacks.
            return {"text/plain": f"{type(error).__name__}: {error}"}
        return {"text/plain": repr(self), "text/html": shown}


class Alias:
    """One registered alias: what is there, and whether it can be reached.

    Parameters
    ----------
    database
        What it stands for.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> mdb.aliases["default"].check().product
    'SQLite'
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @property
    def name(self) -> str:
        """The alias."""
        return self.database.alias

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for what this package does not do."""
        return self.database.engine

    @property
    def tables(self) -> Tables:
        """Tables and views, read when first looked at."""
        return Tables(self.database)

    @property
    def schemas(self) -> tuple[str, ...]:
        """Names of the schemas; empty where the product has none."""
        return catalog_of(self.database).schemas()

    def schema(self, name: str) -> Tables:
        """Give the tables and views of one schema."""
        return Tables(self.database, name)

    def refresh(self) -> None:
        """Forget what was read of the catalog."""
        catalog_of(self.database).refresh()

    def check(self) -> ServerInfo:
        """Connect, and tell what answered.

        Raises
        ------
        ConnectionFailed
            With what went wrong.
        """
        return self.database.check()

    def _row(self) -> list[Cell]:
        database = self.database
        try:
            engine = database.backend.title
        except ImproperlyConfigured:
            engine = ""
        mark = "read-only" if database.read_only else ""
        name = database.alias if database.label == database.alias else f"{database.alias} ({database.label})"
        return [name, engine, database.safe_url, database.state, mark]

    def __repr__(self) -> str:
        return text_table(_ALIASES, [self._row()])

    def _repr_html_(self) -> str:
        return html_table(_ALIASES, [self._row()], dots=[self.database.color])


class Aliases(Mapping[str, Alias]):
    """Every registered alias, in configured order; shows itself as a table.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "archive": {"URL": "sqlite://", "READ_ONLY": True}})
    >>> list(mdb.aliases)
    ['default', 'archive']
    """

    def __getitem__(self, alias: str) -> Alias:
        return Alias(databases[alias])

    def __iter__(self) -> Iterator[str]:
        return iter(databases)

    def __len__(self) -> int:
        return len(databases)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _rows(self) -> list[list[Cell]]:
        return [alias._row() for alias in self.values()]

    def __repr__(self) -> str:
        return text_table(_ALIASES, self._rows()) if self else "No aliases yet; add one with mdb.connect(alias, url)."

    def _repr_html_(self) -> str:
        if not self:
            return f"<div>{self!r}</div>"
        return html_table(_ALIASES, self._rows(), dots=[alias.database.color for alias in self.values()])


_TABLES = ("name", "kind", "rows", "comment")
_ALIASES = ("alias", "engine", "server", "state", "")

aliases = Aliases()
"""Every registered alias by name."""
