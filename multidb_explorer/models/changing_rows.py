"""Change rows that are there: all rows of a QuerySet by one statement, or the rows of instances by their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import CrossDatabaseError, FieldError, FieldValueError, ValueNotRepresentable
from multidb_explorer.models.attributes import relation_named
from multidb_explorer.models.inserting import LEAST
from multidb_explorer.models.loading import value_of
from multidb_explorer.models.rejected import Refusing
from multidb_explorer.models.related import check_assigned, reached_by
from multidb_explorer.models.target import Target
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, Value, as_expression
from multidb_explorer.query.subqueries import Subquery
from multidb_explorer.query.updating import assigned, chosen_rows

if TYPE_CHECKING:
    from multidb_explorer.models.many_rows import ManyRows
    from multidb_explorer.models.model import Model
    from multidb_explorer.query.queryset import QuerySet
    from multidb_explorer.query.source import Bound, Relation

__all__ = ["bulk_update", "fields_behind", "update"]

_CHUNK = 1_000


def update(queryset: QuerySet[Any], model: type[Model], values: Mapping[str, Any]) -> int:
    """Set fields in every row of a QuerySet; `QuerySet.update` tells the rules."""
    database = databases[queryset.db]
    target = Target.of(model, database, keyed=False)
    given = _by_field(model, database.alias, values)
    if not given:
        return 0
    setting = _Setting(queryset, target)
    statement = setting.statement().values(setting.settings(given))
    with database.begin() as connection:
        return database.backend.matched(connection, statement)


# What is set


def fields_behind(model: type[Model], alias: str, name: str) -> tuple[str, ...]:
    """Give the fields that a name means: itself, the key's, or those of a relation's foreign key.

    Raises
    ------
    FieldError
        With near names; also for a relation whose foreign key is in another table.
    """
    source = model._source
    if name in source.names:
        return (name,)
    if name == "pk" and source.key:
        return source.key
    relation = relation_named(model, alias, name)
    if relation is None:
        raise FieldError.unknown("field", name, model.__name__, source.names)
    if relation.kind != "forward":
        raise FieldError(
            f"{model.__name__}.{name} leads to rows of {relation.target.name}; only fields and foreign keys of "
            f"{model.__name__} itself can be set here."
        )
    return relation.hops[0].columns


def _by_field(model: type[Model], alias: str, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        fields = fields_behind(model, alias, name)
        relation = relation_named(model, alias, name) if name not in model._source.names and name != "pk" else None
        found.update(zip(fields, _parts(model, alias, name, value, fields, relation), strict=True))
    return found


def _parts(
    model: type[Model], alias: str, name: str, value: Any, fields: Sequence[str], relation: Relation | None
) -> Sequence[Any]:
    if relation is not None and hasattr(value, "_values"):
        return _columns_of(model, alias, relation, value)
    if value is None:
        return (None,) * len(fields)
    if len(fields) == 1:
        return (value,)
    if not isinstance(value, tuple | list) or len(value) != len(fields):
        raise FieldValueError(f"{name!r} stands for ({', '.join(fields)}); give a tuple of {len(fields)} values.")
    return value


def _columns_of(model: type[Model], alias: str, relation: Relation, other: Model) -> tuple[Any, ...]:
    """Give what refers to an instance.

    Raises
    ------
    FieldValueError
        For a row of another table, and for one that was never saved.
    CrossDatabaseError
        For a row of another database.
    """
    source: Any = relation.target
    if not (isinstance(other, source.model) or source.is_table(other._source.node)):
        raise FieldValueError(
            f"{model.__name__}.{relation.name} can't be {other!r}: it must be a {source.name} instance."
        )
    if other._state.db is not None and not _is_one_database(other._state.db, alias):
        raise CrossDatabaseError.mixed(repr(other), other._state.db, alias)
    values = reached_by(other, relation.hops[0].target_columns)
    if other.pk is None or None in values:
        raise FieldValueError(f"{other!r} is not saved, so no row can refer to it: save it first.")
    return values


def _is_one_database(first: str, second: str) -> bool:
    both = first in databases and second in databases
    return first == second or (both and databases[first].fingerprint == databases[second].fingerprint)


@dataclass
class _Setting:
    """An UPDATE of the rows of a QuerySet."""

    queryset: QuerySet[Any]
    target: Target

    def __post_init__(self) -> None:
        self.state = self.queryset._state
        self.bound: Bound = self.queryset._source.bind(self.target.database)
        self._where = chosen_rows(self.state, self.bound)

    def statement(self) -> sa.Update:
        """Give the UPDATE that sets nothing yet."""
        return sa.update(self.bound.table).where(*self._where)

    def settings(self, values: Mapping[str, Any]) -> dict[sa.Column[Any], Any]:
        """Give what each column is set to; constants are checked against it."""
        plain = {field: value for field, value in values.items() if not _is_computed(value)}
        computed = {field: _computed(value) for field, value in values.items() if field not in plain}
        for field in computed:
            self.column(field)
        found = assigned(self.state, self.bound, computed)
        found |= {field: self.literal(field, self.exact(field, value)) for field, value in plain.items()}
        return {self.column(field): found[field] for field in values}

    def column(self, field: str) -> sa.Column[Any]:
        """Give a field's column, if it can be set."""
        target = self.target
        if field not in target.columns:
            columns = [column.name for column in target.live.columns]
            raise FieldError.unknown("column", field, target.place, columns)
        name = target.columns[field].name
        if target.columns[field].generated:
            raise ValueNotRepresentable(
                f"Column {name!r} of {target.where} is computed by the database, so it can't be set.", column=name
            )
        return self.bound.field(field).column

    def exact(self, field: str, value: Any) -> Any:
        """Give a constant as the column stores it."""
        self.column(field)
        found = self.target.exact(field, value.value if isinstance(value, Value) else value)
        column = self.target.columns[field]
        if found is None and not column.nullable:
            raise ValueNotRepresentable(
                f"Column {column.name!r} of {self.target.where} can't be NULL.", column=column.name
            )
        return found

    def literal(self, field: str, value: Any) -> sa.ColumnElement[Any]:
        """Bind a constant by the type that the column has in the database."""
        return sa.null() if value is None else sa.literal(value, self.type_of(field))

    def type_of(self, field: str) -> Any:
        """Give the type that a field's column has in the database."""
        return self.target.table.c[self.target.columns[field].name].type


def _is_computed(value: Any) -> bool:
    if isinstance(value, Value):
        return False
    return isinstance(value, Expression | Q) or (hasattr(value, "_source") and hasattr(value, "to_arrow"))


def _computed(value: Any) -> Expression:
    return as_expression(value) if isinstance(value, Expression | Q) else Subquery(value)


# The rows of instances


def bulk_update(
    queryset: QuerySet[Any], model: type[Model], objs: Sequence[Model], fields: Sequence[str], batch_size: int | None
) -> int:
    """Write fields of instances to the rows under their keys; `QuerySet.bulk_update` tells the rules."""
    if batch_size is not None and batch_size <= 0:
        raise ValueError("Batch size must be a positive integer.")
    if not fields:
        raise ValueError("Field names must be given to bulk_update().")
    if any(instance.pk is None for instance in objs):
        raise ValueError("All bulk_update() objects must have a primary key set.")
    names = [field for name in fields for field in fields_behind(model, queryset.db, name)]
    if set(names) & set(model._source.key):
        raise ValueError("bulk_update() cannot be used with primary key fields.")
    if queryset._state.sliced:
        raise TypeError("Cannot update a query once a slice has been taken.")
    if not objs:
        return 0
    return _Rewriting(queryset, model, list(dict.fromkeys(names))).run(objs, batch_size)


class _Rewriting:
    """The UPDATEs of one ``bulk_update()``."""

    def __init__(self, queryset: QuerySet[Any], model: type[Model], fields: Sequence[str]) -> None:
        self.queryset = queryset
        self.database = databases[queryset.db]
        self.target = Target.of(model, self.database)
        self.setting = _Setting(queryset, self.target)
        self.fields = fields

    def run(self, objs: Sequence[Model], batch_size: int | None) -> int:
        """Update the rows and tell how many there were."""
        plain, computed = self._checked(objs)
        many = self._many(plain) if batch_size is None else None
        matched, size = 0, batch_size or _CHUNK
        with self.database.begin() as connection:
            if many is not None:
                matched += many.update(connection, [self.target.columns[name].name for name in self.target.key])
            for statement, rows in self._grouped(plain if many is None else ()):
                for start in range(0, len(rows), size):
                    matched += self.database.backend.matched(connection, statement, rows[start : start + size])
            for key, values in computed:
                statement = self.setting.statement().where(*self._has(key)).values(self.setting.settings(values))
                matched += self.database.backend.matched(connection, statement)
        return matched

    def _many(self, rows: Sequence[dict[str, Any]]) -> ManyRows | None:
        """Take very many rows as a table of their own, where the database can join it with the other."""
        target, features = self.target, self.database.backend.features
        if len(rows) < LEAST or not self.queryset.whole or not features.updates_indexed_columns:
            return None
        from multidb_explorer.models.many_rows import ManyRows

        names = {f"key_{target.columns[name].name}": target.columns[name].name for name in target.key}
        names |= {f"value_{name}": target.columns[name].name for name in self.fields}
        found = ManyRows(target, list(names.values()), [{names[each]: row[each] for each in names} for row in rows])
        return found if found.exact else None

    def _checked(self, objs: Sequence[Model]) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], Any]]]:
        """Give the parameters of rows whose values are constants, and the keys and values of the others."""
        plain, computed = [], []
        refusing = Refusing(self.target)
        seen = set()
        for place, instance in enumerate(objs):
            check_assigned(instance, self.database.alias)
            with refusing.row(place, instance):
                key = self.target.key_of(instance)
                mark = tuple(key.values())
                if mark in seen:
                    continue
                seen.add(mark)
                values = {field: value_of(instance, field) for field in self.fields}
                if any(map(_is_computed, values.values())):
                    computed.append((key, values))
                else:
                    exact = {f"value_{field}": self.setting.exact(field, value) for field, value in values.items()}
                    plain.append({**{f"key_{name}": part for name, part in key.items()}, **exact})
        refusing.refuse()
        return plain, computed

    def _grouped(self, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[sa.Update, list[dict[str, Any]]]]:
        """Give a statement for each set of columns that are NULL and hold JSON: a bound None may be JSON's own null."""
        json = [field for field in self.fields if self.target.columns[field].kind.name == "json"]
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(tuple(field for field in json if row[f"value_{field}"] is None), []).append(row)
        for empty, some in groups.items():
            settings = {
                self.setting.column(field): sa.null()
                if field in empty
                else sa.bindparam(f"value_{field}", type_=self.setting.type_of(field))
                for field in self.fields
            }
            for row in some if empty else ():
                for field in empty:
                    del row[f"value_{field}"]
            yield self.setting.statement().where(*self._has(None)).values(settings), some

    def _has(self, key: Mapping[str, Any] | None) -> list[sa.ColumnElement[bool]]:
        """Match a key, or the key that each run of the statement brings along."""
        found = []
        for field in self.target.key:
            name, type_ = self.target.columns[field].name, self.setting.type_of(field)
            value: Any = sa.bindparam(f"key_{name}", type_=type_) if key is None else sa.literal(key[name], type_)
            found.append(self.setting.bound.field(field).column.__eq__(value))
        return found
