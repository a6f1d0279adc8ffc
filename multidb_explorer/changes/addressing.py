"""Which table, which row and which columns a staged change means, and whether its values fit there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import same
from multidb_explorer.changes.records import Insert, NewKey, Values
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import FieldError, FieldTypeError, FieldValueError, KeyRequired, ValueNotRepresentable
from multidb_explorer.query.tables import table_to_write
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.schema.matching import Ambiguous, match
from multidb_explorer.writing.into import Into, Slot

__all__ = ["Place", "RowId", "Table", "hashable", "place_of", "rows_given"]

Table = tuple[str, str | None, str]
"""Alias, schema as it was named, and the table's own name."""

RowId = tuple[Table, tuple[Any, ...]]
"""A row: its table, and its key as it was read or the token of a new one."""


@dataclass(frozen=True, eq=False)
class Place:
    """A table of one alias, as the caller of a change set names its columns.

    Attributes
    ----------
    key
        The columns that tell rows apart.
    attributes
        Column by the name that a model has for it.
    """

    into: Into
    schema: str | None
    key: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """Where rows of it are filed."""
        return self.into.database.alias, self.schema, self.name

    @property
    def name(self) -> str:
        """The table's own name."""
        return str(self.into.table.name)

    def kind(self, column: str) -> Kind:
        """Tell what a column holds."""
        return self.into.by_name[column].kind

    def find(self, name: str) -> Slot | None:
        """Find a column by its name, also where it is spelt differently here; ``None`` where there is none."""
        try:
            found = match(self.attributes.get(name, name), self.into.by_name)
        except Ambiguous:
            found = None
        return None if found is None else self.into.by_name[found]

    def slot(self, name: str) -> Slot:
        """Find a column that must be there.

        Raises
        ------
        FieldError
            With near names.
        """
        found = self.find(name)
        if found is None:
            where = self.into.where
            raise FieldError.unknown("column", name, where[0].upper() + where[1:], self.into.by_name)
        return found

    # Rows

    def row_key(self, given: Any) -> dict[str, Any]:
        """Give a key by its columns: of one value, of a tuple, of a mapping, or of a row that holds it.

        Raises
        ------
        FieldValueError
            Where parts are missing or NULL.
        ValueNotRepresentable
            For a value that no row can have.
        """
        parts = self._named(getattr(given, "_values", given))
        if set(parts) != set(self.key):
            raise FieldValueError(
                f"A key of {self.into.where} has the columns {', '.join(map(repr, self.key))}; "
                f"{', '.join(map(repr, parts)) or 'nothing'} was given."
            )
        found = {name: self.exact(name, parts[name]) for name in self.key}
        if None in found.values():
            raise FieldValueError(f"A key of {self.into.where} can't be NULL: {found}.")
        return found

    def _named(self, given: Any) -> dict[str, Any]:
        if isinstance(given, Mapping):
            named = {self.slot(name).name: value for name, value in given.items()}
            return {name: value for name, value in named.items() if name in self.key}
        values = given if isinstance(given, tuple) else (given,)
        return dict(zip(self.key, values, strict=len(values) == len(self.key))) if values else {}

    def row_id(self, key: Values) -> RowId:
        """File a row under its key."""
        return self.table, tuple(hashable(key[name]) for name in self.key)

    def new_id(self, token: str) -> RowId:
        """File a new row."""
        return self.table, ("new", token)

    # Values

    def exact(self, column: str, value: Any) -> Any:
        """Give a value as the column stores it, or refuse it by name."""
        backend = self.into.database.backend
        return backend.to_column(value, self.kind(column), column=column, where=self.into.where)

    def values(self, given: Mapping[str, Any], failures: list[ValueNotRepresentable], *, new: bool) -> dict[str, Any]:
        """Check the values of one row and name them by their columns; what does not fit joins the failures.

        Parameters
        ----------
        new
            Whether they make a row, whose key the database may number.
        """
        found: dict[str, Any] = {}
        for name, value in given.items():
            slot = self.slot(name)
            if slot.name in found:
                raise FieldError(f"Two of the values given are for column {slot.name!r} of {self.into.where}.")
            try:
                found[slot.name] = self._checked(slot, value, new=new)
            except ValueNotRepresentable as error:
                failures.append(error)
        if new:
            # A number that the database shall make is the same as none.
            return {name: value for name, value in found.items() if value is not None or name not in self.key}
        return found

    def _checked(self, slot: Slot, value: Any, *, new: bool) -> Any:
        if slot.generated:
            raise ValueNotRepresentable(
                f"Column {slot.name!r} of {self.into.where} is computed by the database and takes no value.",
                column=slot.name,
            )
        if isinstance(value, Insert | NewKey):
            return self._new_key(slot.name, value)
        found = self.exact(slot.name, value)
        if found is None and not slot.nullable and not (new and slot.name in self.key and slot.optional):
            raise ValueNotRepresentable(f"Column {slot.name!r} of {self.into.where} can't be NULL.", column=slot.name)
        return found

    def _new_key(self, column: str, new: Insert | NewKey) -> NewKey:
        """Let a foreign key wait for the key of a staged row."""
        for points in self.into.points:
            if column in points.columns and points.table.name == new.table:
                target = points.target_columns[points.columns.index(column)]
                return NewKey(new.table, target, new.token)
        raise FieldTypeError(
            f"Column {column!r} of {self.into.where} is no foreign key to table {new.table!r}, so it can't take the "
            f"key of a new row of it."
        )

    def originals(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Name what a row held by its columns, each value in its exact form, but for those that are computed."""
        slots = {name: self.slot(name) for name in given}
        return {slot.name: self.exact(slot.name, given[name]) for name, slot in slots.items() if not slot.generated}

    def same(self, column: str, ours: Any, theirs: Any) -> bool:
        """Tell whether two values of a column are the same value."""
        if isinstance(ours, NewKey) or isinstance(theirs, NewKey):
            return bool(ours == theirs)
        return same(ours, theirs, self.kind(column))


def place_of(table: object, database: Database, schema: str | None = None) -> Place:
    """Find the table that is meant, by its name, by a model or by an instance of one.

    Raises
    ------
    ReadOnlyAlias, TableDoesNotExist, KeyRequired
        Where its rows can't be written, or not be told apart.
    FieldTypeError
        For something that is no table.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> place_of("users", databases["default"]).key
    ('id',)
    """
    source: Any = getattr(table, "_source", None)
    if source is not None:
        named = source.options
        attributes = dict(getattr(source, "attributes", {}))
        place = _place(database, named.table, named.schema, attributes)
        key = tuple(place.slot(name).name for name in named.key)
        return Place(place.into, place.schema, key, attributes) if key else _told_apart(place)
    if not isinstance(table, str):
        raise FieldTypeError(f"A table is given by its name or by a model, not by {type(table).__name__}.")
    return _told_apart(_place(database, *_split(database, table, schema), {}))


def _split(database: Database, name: str, schema: str | None) -> tuple[str, str | None]:
    """Take ``sales.orders`` apart where no table is called so."""
    if schema is not None or "." not in name or not database.backend.features.schemas:
        return name, schema
    if any(known.name == name for known in catalog_of(database).tables()):
        return name, None
    home, _, table = name.rpartition(".")
    return table, home


def _place(database: Database, name: str, schema: str | None, attributes: Mapping[str, str]) -> Place:
    into = table_to_write(database, name, schema)
    return Place(into, schema, into.key, attributes)


def _told_apart(place: Place) -> Place:
    if not place.key:
        raise KeyRequired.missing(place.into.database.alias, place.name)
    return place


def hashable(value: Any) -> Any:
    """Give a value that stands for another one as a key of a dictionary.

    Examples
    --------
    >>> hashable([1])
    '[1]'
    """
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def rows_given(value: object) -> Sequence[Any] | None:
    """Give several keys or rows that were passed as a list, or ``None`` for a single one.

    Examples
    --------
    >>> rows_given([1, 2]), rows_given((10, 1)), rows_given("ab")
    ([1, 2], None, None)
    """
    if isinstance(value, str | bytes | tuple | Mapping) or not isinstance(value, Iterable):
        return None
    return list(value)
