"""Which models there are: those that were declared, and those that were made of each catalog."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.models.naming import clean
from multidb_explorer.models.relation_options import RelationOptions
from multidb_explorer.models.sources import DeclaredSource, ModelSource, Node, ReflectedSource, TableKey
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model
    from multidb_explorer.models.relations import Relations
    from multidb_explorer.query.source import Bound

__all__ = ["Family", "TableSource", "class_name", "declared", "family_of"]


class Declared:
    """The declared models, each class of a name once: the latest, since cells are run again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._models: dict[tuple[Node, str, str], weakref.ref[type[Model]]] = {}
        self._families: weakref.WeakSet[Family] = weakref.WeakSet()

    def add(self, source: DeclaredSource) -> None:
        """Take a model in; what relations were known may have changed."""
        with self._lock:
            # Models of one table on two aliases are two models: a user has the old shop and the new one side by side.
            key = (source.node, source.name, source.default_alias)
            self._models.pop(key, None)
            self._models[key] = weakref.ref(source.model)
            for family in self._families:
                family.forget_relations()

    def watch(self, family: Family) -> None:
        """Tell a family when a model is declared."""
        with self._lock:
            self._families.add(family)

    def sources(self) -> list[DeclaredSource]:
        """Give the sources of all models that are still alive, the latest last."""
        with self._lock:
            models = [reference() for reference in self._models.values()]
        found = [model._source for model in models if model is not None]
        return [source for source in found if isinstance(source, DeclaredSource)]

    def around(self, me: ModelSource, alias: str) -> list[DeclaredSource]:
        """Give the models that may be related to one on an alias.

        Left out are models of other aliases, and those that have a model of its table on their own alias.
        """
        here = [source for source in self.sources() if source.bound_alias in (None, me.default_alias, alias)]
        nearest = {s.default_alias: self.find(me.node, (), (s.default_alias, alias)) for s in here}
        return [s for s in here if s.default_alias == me.default_alias or nearest[s.default_alias] in (None, me)]

    def find(self, node: Node, columns: Iterable[str] = (), aliases: Sequence[str] = ()) -> DeclaredSource | None:
        """Give the model of a table that has some columns: of the first alias that has one, and rather the latest."""
        wanted = set(columns)
        fits = [s for s in self.sources() if s.is_table(node) and wanted <= set(s.attributes.values())]
        models = {source.model for source in fits}
        # A class derived from a model of the same table is a variant of it, not what a foreign key means.
        plain = [source for source in fits if models.isdisjoint(source.model.__mro__[1:])]
        here = [source for source in plain if source.bound_alias is None or source.bound_alias in aliases]
        near = [source for source in here if aliases and source.default_alias == aliases[0]]
        return next(reversed(near or here), None)


declared = Declared()
"""The declared models of this process."""


def family_of(database: Database) -> Family:
    """Give the reflected models of a database; they live until its catalog is refreshed."""
    return catalog_of(database).memo(("family",), lambda: Family(database))


class Family:
    """The models made of one catalog, so that a table is the same class wherever it is reached from.

    Parameters
    ----------
    database
        Whose tables they are.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.catalog = catalog_of(database)
        self._lock = threading.RLock()
        self._models: dict[tuple[Any, ...], type[Model]] = {}
        self._current: dict[Node, type[Model]] = {}
        self._relations: dict[tuple[Any, ...], Relations] = {}
        declared.watch(self)

    def model(
        self, table: str, schema: str | None = None, key: tuple[str, ...] = (), relations: RelationOptions = ()
    ) -> type[Model]:
        """Give the class of a table, the same one for the same settings; the latest settings shape its relatives."""
        from multidb_explorer.models.reflected import make

        wanted, node = (table, schema, key, relations), self.node(table, schema)
        if wanted not in self._models:
            made = make(self.catalog.table(table, schema), self.database.alias, schema, key, relations)
            self._models.setdefault(wanted, made)
        with self._lock:
            found = self._models[wanted]
            if (key or relations) and self._current.get(node) is not found:
                self._current[node] = found
                self.forget_relations()
            return found

    def current(self, table: str, schema: str | None = None) -> type[Model]:
        """Give the class that relations lead to."""
        return self._current.get(self.node(table, schema)) or self.model(table, schema)

    def node(self, table: str, schema: str | None) -> Node:
        """Identify a table."""
        return schema or self.database.schema, table

    def shaped(self) -> list[ReflectedSource]:
        """Give the sources of the models that were made with settings of their own."""
        sources = [model._source for model in list(self._current.values())]
        return [source for source in sources if isinstance(source, ReflectedSource)]

    def settings(self, table: str, schema: str | None) -> RelationOptions:
        """Give what was said of a table's relations."""
        model = self._current.get(self.node(table, schema))
        return model._meta.relations if model is not None else ()

    def keys(self, table: str, schema: str | None) -> tuple[TableKey, ...]:
        """Give the foreign keys of a table."""
        return TableKey.of_table(self.catalog.table(table, schema), self.settings(table, schema))

    def targets(self, schemas: Iterable[str | None]) -> dict[Node, int]:
        """Count the foreign keys of each table that lead to a table of some schemas, without describing one."""
        counts: dict[Node, int] = {}
        for schema in dict.fromkeys(schemas):
            for table in self.catalog.tables(schema):
                for reference in self.catalog.references(table.name, schema):
                    node = self.node(reference.table, reference.schema)
                    counts[node] = counts.get(node, 0) + 1
        return counts

    def relations(self, key: tuple[Any, ...], make: Callable[[], Relations]) -> Relations:
        """Keep relations until a model is declared, or reflected with settings."""
        found = self._relations.get(key)
        return found if found is not None else self._relations.setdefault(key, make())

    def forget_relations(self) -> None:
        """Work them out anew when they are next asked for."""
        self._relations.clear()


class TableSource:
    """A table that is only named so far: its columns are read when its rows are."""

    def __init__(self, alias: str, table: str, schema: str | None = None) -> None:
        self.default_alias = self.bound_alias = alias
        self.table = table
        self.schema = schema
        self.name = class_name(table)
        self.short = clean(table).lower()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableSource) and (self.default_alias, self.node) == (other.default_alias, other.node)

    def __hash__(self) -> int:
        return hash((self.default_alias, self.node))

    def __repr__(self) -> str:
        return f"<table {self.table!r} of alias {self.default_alias!r}>"

    @property
    def node(self) -> Node:
        """Which table it is."""
        return self.schema, self.table

    def is_table(self, node: Node) -> bool:
        """Tell whether it is a table."""
        return self.node == node

    def fields(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Give the fields of columns, which have the same names."""
        return tuple(columns)

    @property
    def model(self) -> type[Model]:
        """The class of its rows."""
        return family_of(databases[self.default_alias]).current(self.table, self.schema)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        return self.model._source.key

    def bind(self, database: Database) -> Bound:
        """Find the table and columns on one database."""
        return self.model._source.bind(database)

    def relations(self, database: Database) -> Relations:
        """Give the relations to other tables."""
        return self.model._source.relations(database)

    def __getattr__(self, name: str) -> Any:
        # The rest is what the model's own source says.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.model._source, name)


def class_name(table: str) -> str:
    """Name a class after its table: words joined, each with a capital.

    Examples
    --------
    >>> class_name("order_lines")
    'OrderLines'
    """
    words = re.findall(r"\w+", table.replace("_", " "))
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.isidentifier() else f"Table{name}"
