"""Model: a class for the rows of one table, wherever they live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

import sqlalchemy as sa

from multidb_explorer.connections.confirming import with_word
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.routers import for_read, for_write
from multidb_explorer.display import html_table
from multidb_explorer.errors import DoesNotExist, FieldError, ImproperlyConfigured, MultipleObjectsReturned
from multidb_explorer.models import loading, related
from multidb_explorer.models.attributes import FieldAttribute, ModelType, listed, relation_named
from multidb_explorer.models.checks import check_relations
from multidb_explorer.models.options import Options
from multidb_explorer.models.refreshing import refresh
from multidb_explorer.models.registry import declared
from multidb_explorer.models.related import Known
from multidb_explorer.models.showing import RelationList
from multidb_explorer.models.sources import DeclaredSource, ReflectedSource
from multidb_explorer.query.preview import cell_text
from multidb_explorer.query.queryset import QuerySet

__all__ = ["InstanceState", "Model", "Objects"]

M = TypeVar("M", bound="Model")

_NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class InstanceState:
    """Where an instance lives.

    Attributes
    ----------
    db
        The alias it was read from or last saved to; ``None`` for a new one.
    adding
        Whether it is in no database yet.
    deferred
        Fields that were not read with it.
    extra
        What was read with it that is no field: annotations, and lists that `Prefetch` was told to keep.
    related
        Relatives that need no query any more, by attribute.
    """

    db: str | None = None
    adding: bool = True
    deferred: frozenset[str] = frozenset()
    extra: dict[str, Any] = field(default_factory=dict)
    related: dict[str, Known] = field(default_factory=dict)


class Objects:
    """``Model.objects``: every use gives a fresh QuerySet, so that no answer is kept on the class."""

    def __get__(self, instance: Model | None, owner: type[M]) -> QuerySet[M]:
        if instance is not None:
            raise AttributeError(f"objects belongs to the class: {owner.__name__}.objects")
        if not hasattr(owner, "_source"):
            raise ImproperlyConfigured(f"Model {owner.__name__} has no columns, so it has no rows.")
        return QuerySet(owner._source)


class Model(metaclass=ModelType):
    """Base class of models.

    Declare SQLAlchemy columns and an inner ``Meta`` with ``table``, ``using``, ``schema``, ``key`` and ``relations``;
    or let ``mdb.reflect()`` make the class from a live table. Foreign keys make relations: ``order.user``,
    ``user.order_set``; `Model.relations` lists them.

    Parameters
    ----------
    **values
        The fields' values; ``pk`` stands for the key, and ``user=ann`` sets the foreign key behind ``user``.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, String
    >>> mdb.configure({"default": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    ...     name = Column(String(80), nullable=False)
    ...     class Meta:
    ...         table = "users"
    >>> User(id=1, name="Ann")
    <User pk=1, not saved>
    """

    objects: ClassVar[Objects] = Objects()
    _meta: ClassVar[Options]
    _source: ClassVar[DeclaredSource | ReflectedSource]
    DoesNotExist: ClassVar[type[DoesNotExist]] = DoesNotExist
    MultipleObjectsReturned: ClassVar[type[MultipleObjectsReturned]] = MultipleObjectsReturned
    _foreign_keys: ClassVar[dict[str, sa.ForeignKeyConstraint]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        columns = _collected(cls)
        cls._meta = Options.of(cls.__name__, getattr(cls, "Meta", None), inherited="Meta" not in vars(cls))
        cls.DoesNotExist = type(
            "DoesNotExist",
            (DoesNotExist,),
            {"__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.DoesNotExist"},
        )
        cls.MultipleObjectsReturned = type(
            "MultipleObjectsReturned",
            (MultipleObjectsReturned,),
            {"__module__": cls.__module__, "__qualname__": f"{cls.__qualname__}.MultipleObjectsReturned"},
        )
        constraints = _constraints(cls)
        if columns and not cls._meta.abstract:
            source = DeclaredSource(cls, cls._meta, columns, constraints)
            cls._attach(source, columns)
            declared.add(source)

    @classmethod
    def _attach(cls, source: DeclaredSource | ReflectedSource, columns: Mapping[str, sa.Column[Any] | None]) -> None:
        """Give the class its source, its ``objects`` and an attribute a column."""
        unknown = [name for name in source.options.key if name not in source.names]
        if unknown:
            raise FieldError.unknown("field", unknown[0], f"Meta.key of model {cls.__name__}", source.names)
        check_relations(source)
        cls._source = source
        for name, column in columns.items():
            # A column called like a method stays reachable as instance["save"].
            if column is not None or not hasattr(Model, name):
                setattr(cls, name, FieldAttribute(name, column))

    def __init__(self, **values: Any) -> None:
        if not hasattr(type(self), "_source"):
            raise ImproperlyConfigured(f"Model {type(self).__name__} has no columns, so it has no rows.")
        self._values: dict[str, Any] = {}
        self._state = InstanceState()
        key = values.pop("pk", None) if "pk" not in self._source.names else None
        relatives = {name: values.pop(name) for name in list(values) if name not in self._source.names}
        for name, default in _defaults(self._source).items():
            if name not in values:
                self._values[name] = default
        self._values.update(values)
        for name, other in relatives.items():
            self._assign(name, other)
        if key is not None:
            self.pk = key

    @classmethod
    def _from_row(cls, values: dict[str, Any], alias: str, annotations: Mapping[str, Any] | None = None) -> Self:
        """Make an instance of what was read; fields that are missing are read when they are asked for."""
        instance = cls.__new__(cls)
        names = cls._source.names
        deferred = frozenset(names).difference(values) if len(values) < len(names) else _NONE
        # Not by assignment, which looks for a field of that name first.
        made = instance.__dict__
        made["_values"] = values
        made["_state"] = InstanceState(alias, False, deferred, dict(annotations) if annotations else {})
        return instance

    # Values

    def _require(self, name: str) -> None:
        if name not in self._source.names:
            raise FieldError.unknown("field", name, type(self).__name__, self._source.names)

    def __getitem__(self, name: str) -> Any:
        if name in self._state.extra:
            return self._state.extra[name]
        self._require(name)
        return loading.value_of(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._require(name)
        self._values[name] = value

    def __getattr__(self, name: str) -> Any:
        # Names with an underscore are Python's own questions; none of them is a relation.
        if not name.startswith("_"):
            if name in self._state.extra:
                return self._state.extra[name]
            relation = relation_named(type(self), self._state.db, name)
            if relation is not None:
                return related.get(self, relation)
        # Asked again for its own message.
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # A misspelt field would otherwise be kept as a plain attribute and silently never be saved.
        if name.startswith("_") or any(name in vars(base) for base in type(self).__mro__):
            super().__setattr__(name, value)
        elif name in self._state.extra:
            self._state.extra[name] = value
        else:
            self._assign(name, value)

    def _assign(self, name: str, other: Any) -> None:
        relation = relation_named(type(self), self._state.db, name)
        if relation is None:
            self._require(name)
        else:
            related.assign(self, relation, other)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._state.extra, *listed(type(self), self._state.db)})

    @classmethod
    def relations(cls, using: str | None = None) -> RelationList:
        """List the relations to other tables: their names in lookups, their attributes, where they lead, and how.

        Parameters
        ----------
        using
            The alias; by default the model's own.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from sqlalchemy import Column, ForeignKey, Integer
        >>> class Author(mdb.Model):
        ...     id = Column(Integer, primary_key=True)
        >>> class Book(mdb.Model):
        ...     id = Column(Integer, primary_key=True)
        ...     author_id = Column(Integer, ForeignKey("author.id"))
        >>> Book.author
        <Book.author: forward relation to row of Author (author_id = id)>
        >>> Author.book_set
        <Author.book_set: backward relation to rows of Book (id = author_id)>
        """
        return RelationList.of(cls, using)

    def get_deferred_fields(self) -> set[str]:
        """Name the fields that were not read and will be when they are asked for."""
        return {name for name in self._state.deferred if name not in self._values}

    @property
    def pk(self) -> Any:
        """The key: one value, or a tuple for a key of several columns; ``None`` while it is not set."""
        key = self._source.key
        values = tuple(self._values.get(name) for name in key)
        if not key or any(value is None for value in values):
            return None
        return values[0] if len(values) == 1 else values

    @pk.setter
    def pk(self, value: Any) -> None:
        key = self._source.key
        if not key:
            raise FieldError(f"{type(self).__name__} has no key, so pk can't be set.")
        values = (value,) if len(key) == 1 else (value if value is not None else (None,) * len(key))
        if len(values) != len(key):
            raise FieldError(
                f"The key of {type(self).__name__} is ({', '.join(key)}); give pk as a tuple of {len(key)} values."
            )
        self._values.update(zip(key, values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Give the values by field, reading those that were left out."""
        loading.load(self, self.get_deferred_fields())
        return {name: self._values.get(name) for name in self._source.names}

    # Writing

    def save(
        self,
        using: str | None = None,
        *,
        force_insert: bool = False,
        force_update: bool = False,
        update_fields: list[str] | tuple[str, ...] | None = None,
        on_conflict: str = "error",
        confirm: str | None = None,
    ) -> None:
        """Save the row to a database: an UPDATE by key, or an INSERT where no row matched.

        Parameters
        ----------
        using
            The alias; by default a router's choice, the one the instance lives in, or the model's.
        force_insert, force_update
            Only the one or the other.
        update_fields
            Only these fields, in a row that exists.
        on_conflict
            What to do when the instance comes from another database and a different row lives under its key:
            ``"error"``, ``"overwrite"`` it, or ``"skip"`` the save.
        confirm
            The alias once more, where it asks before writes.

        Raises
        ------
        ConnectionDoesNotExist, ReadOnlyAlias, ConfirmationRequired, TableDoesNotExist, KeyRequired
            Before any SQL.
        ValueNotRepresentable
            When the target can't hold a value exactly; it names the column.
        RowConflict
            When a different row lives there; it lists the columns that differ.
        IntegrityError
            When another rule of the target refuses the row.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite://"})
        """
        from multidb_explorer.models.saving import save

        database = databases[for_write(self, using, self)]
        with with_word(database, confirm):
            save(
                self,
                using=database.alias,
                at_home=using is None,
                force_insert=force_insert,
                force_update=force_update,
                update_fields=update_fields,
                on_conflict=on_conflict,
            )

    def delete(
        self, using: str | None = None, *, cascade: bool = False, force: bool = False, confirm: str | None = None
    ) -> tuple[int, dict[str, int]]:
        """Delete the row by its key from a database.

        Parameters
        ----------
        using
            The alias; by default a router's choice, or the one the instance lives in.
        cascade
            Whether rows of other tables that refer to it may go with it.
        force
            Delete on another alias than the instance's own also when the row there is a different record.
        confirm
            The alias once more, where it asks before writes.

        Returns
        -------
        tuple
            Rows deleted in all, and by table.

        Raises
        ------
        RowConflict
            When the row on another alias is a different record, or the two aliases are one database.
        ProtectedRows
            When other rows refer to it and `cascade` is not given.
        ConfirmationRequired
            For an alias that asks before writes, where nobody confirmed this one.
        """
        from multidb_explorer.models.deleting import delete

        database = databases[for_write(self, using, self)]
        with with_word(database, confirm):
            return delete(self, using=database.alias, at_home=using is None, cascade=cascade, force=force)

    def refresh_from_db(self, using: str | None = None, fields: Iterable[str] | None = None) -> None:
        """Read the row again, from its own database or another one.

        Parameters
        ----------
        using
            The alias; by default a router's choice, or the one the instance lives in.
        fields
            Only these fields or relations; by default all that were read.
        """
        refresh(self, databases[for_read(self, using, self)].alias, fields)

    # Identity and looks

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        if type(self) is not type(other) or self.pk is None:
            return self is other
        return self.pk == other.pk and self._state.db == other._state.db

    def __hash__(self) -> int:
        if self.pk is None:
            raise TypeError("An instance without a key can't be hashed; save it first.")
        return hash((type(self), self.pk, self._state.db))

    def __repr__(self) -> str:
        where = f"on {self._state.db!r}" if self._state.db and not self._state.adding else "not saved"
        return f"<{type(self).__name__} pk={self.pk!r}, {where}>"

    def _repr_html_(self) -> str:
        missing = self.get_deferred_fields()
        rows = [
            [name, "(not read)" if name in missing else cell_text(self._values.get(name))]
            for name in self._source.names
        ]
        return html_table(["field", "value"], rows, caption=repr(self).strip("<>"))


def _collected(cls: type[Model]) -> dict[str, sa.Column[Any]]:
    """Take the declared columns of a class and of the abstract classes above it, in their order."""
    columns: dict[str, sa.Column[Any]] = {}
    for base in reversed(cls.__mro__):
        for name, value in list(vars(base).items()):
            declared = value.column if isinstance(value, FieldAttribute) else value
            if isinstance(declared, sa.Column):
                # Every model owns its columns: a column belongs to one table.
                own: sa.Column[Any] = declared if base is cls else declared._copy()
                own.name = own.name or name
                columns[name] = own
    return columns


def _constraints(cls: type[Model]) -> dict[str, sa.ForeignKeyConstraint]:
    """Take the foreign keys of several columns out of a class body: their names are the relations'."""
    own = {name: value for name, value in vars(cls).items() if isinstance(value, sa.ForeignKeyConstraint)}
    for name in own:
        delattr(cls, name)
    inherited = {name: constraint._copy() for name, constraint in cls._foreign_keys.items()}
    cls._foreign_keys = {**inherited, **own}
    return cls._foreign_keys


def _defaults(source: DeclaredSource | ReflectedSource) -> dict[str, Any]:
    """Give the Python-side defaults of declared columns, callables called."""
    if not isinstance(source, DeclaredSource):
        return {}
    found = {}
    for attribute, name in source.attributes.items():
        default = source.table.c[name].default
        if isinstance(default, sa.ColumnDefault):
            found[attribute] = default.arg(None) if default.is_callable else default.arg
    return found
