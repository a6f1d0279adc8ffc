"""What a QuerySet can do to its rows: make them, change them, delete them, hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from multidb_explorer.connections.routers import for_write
from multidb_explorer.query.building import Building
from multidb_explorer.query.state import Lock

if TYPE_CHECKING:
    from multidb_explorer.query.source import Writer

__all__ = ["Changing"]

M = TypeVar("M")


class Changing(Building[M]):
    """The part of a QuerySet that writes; everything it does goes to one database, in one transaction."""

    _rows: list[M] | None

    def _write_alias(self) -> str:
        """Give the alias that writes go to."""
        return for_write(self._source, self._state.alias)

    def _writer(self) -> Writer:
        return self._source.writer(self._with(), self._write_alias())

    # Single rows

    def create(self, **values: Any) -> M:
        """Make an instance and insert its row.

        Parameters
        ----------
        **values
            The fields' values; ``user=ann`` sets the foreign key behind ``user``.

        Raises
        ------
        FieldError
            For an unknown field.
        ValueNotRepresentable, CrossDatabaseError, IntegrityError
            As `Model.save`.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite://"})
        >>> with mdb.aliases["default"].engine.begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        >>> User = mdb.reflect("users")
        >>> User.objects.create(name="Ann")
        <Users pk=1, on 'default'>
        >>> User.objects.get_or_create(name="Ann")
        (<Users pk=1, on 'default'>, False)
        """
        return cast("M", self._writer().create(values))

    def get_or_create(self, defaults: Mapping[str, Any] | None = None, **conditions: Any) -> tuple[M, bool]:
        """Give the one row that fulfils the conditions, or insert it.

        Parameters
        ----------
        defaults
            More values for a row that is inserted; functions are called for theirs.
        **conditions
            As in `get`; those without a lookup are values of the new row.

        Returns
        -------
        tuple
            The instance, and whether it was inserted now.

        Raises
        ------
        MultipleObjectsReturned
            When several rows fulfil the conditions.
        FieldError
            For an unknown field.
        """
        return cast("tuple[M, bool]", self._writer().get_or_create(conditions, defaults or {}))

    def update_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> tuple[M, bool]:
        """Change the one row that fulfils the conditions, or insert it.

        The row is locked between the two where the engine can.

        Parameters
        ----------
        defaults
            The values to set; functions are called for theirs.
        create_defaults
            The values of a row that is inserted instead, beside the conditions; by default `defaults`.
        **conditions
            As in `get_or_create`.

        Returns
        -------
        tuple
            The instance, and whether it was inserted now.
        """
        created = defaults if create_defaults is None else create_defaults
        return cast("tuple[M, bool]", self._writer().update_or_create(conditions, defaults or {}, created or {}))

    # Many rows

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Sequence[str] | None = None,
        unique_fields: Sequence[str] | None = None,
    ) -> list[M]:
        """Insert the rows of many instances, all or none.

        They learn the keys that the database gave them and belong to it afterwards; with `ignore_conflicts` they
        don't, since nobody knows which of them were inserted.

        Parameters
        ----------
        objs
            Instances, new or read from any database.
        batch_size
            How many rows one statement takes at most.
        ignore_conflicts
            Leave out rows whose key is taken, primary or unique. Everything else that is wrong still fails.
        update_conflicts
            Set `update_fields` in the rows whose key is taken.
        update_fields
            What is set in rows that exist.
        unique_fields
            By which unique key rows exist; ``pk`` will do. A row whose other unique key is taken is an
            `IntegrityError`. Where an engine can't be told the key in its own upsert (MySQL, MariaDB), these may be
            left out, and then every unique key counts.

        Returns
        -------
        list
            The instances.

        Raises
        ------
        RowsRejected
            Before any SQL, with one entry for each row that the table can't hold.
        ValueError, FieldError
            For options that don't go together and for fields that can't be set.
        IntegrityError
            When the database refuses a row; nothing was inserted.
        """
        return cast(
            "list[M]",
            self._writer().bulk_create(
                objs,
                batch_size=batch_size,
                ignore_conflicts=ignore_conflicts,
                update_conflicts=update_conflicts,
                update_fields=update_fields,
                unique_fields=unique_fields,
            ),
        )

    def upsert(
        self,
        objs: Iterable[M | Mapping[str, Any]],
        unique_fields: Sequence[str] | None = None,
        update_fields: Sequence[str] | None = None,
        batch_size: int | None = None,
    ) -> list[M]:
        """Insert rows, and where their key is there already, update it.

        Parameters
        ----------
        objs
            Instances, or dictionaries of values by field.
        unique_fields
            The unique key that tells whether a row exists; by default the primary key.
        update_fields
            What is set in rows that exist; by default every field that one of the rows has a value for.
        batch_size
            How many rows one statement takes at most.

        Returns
        -------
        list
            The instances, with their keys.

        Raises
        ------
        RowsRejected, ValueError, FieldError, IntegrityError
            As `bulk_create`.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> mdb.configure({"default": "sqlite://"})
        >>> with mdb.aliases["default"].engine.begin() as connection:
        ...     _ = connection.exec_driver_sql("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, score INTEGER)")
        >>> Person = mdb.reflect("people")
        >>> _ = Person.objects.upsert([{"id": 1, "name": "Ann", "score": 5}])
        >>> _ = Person.objects.upsert([{"id": 1, "name": "Anna"}, {"id": 2, "name": "Bo"}])
        >>> list(Person.objects.order_by("id").values_list("name", "score"))
        [('Anna', 5), ('Bo', None)]
        """
        return cast("list[M]", self._writer().upsert(objs, unique_fields, update_fields, batch_size))

    def bulk_update(self, objs: Iterable[M], fields: Sequence[str], batch_size: int | None = None) -> int:
        """Write some fields of many instances to the rows under their keys, all or none.

        Parameters
        ----------
        objs
            Instances with their keys, read from any database.
        fields
            What is written; a value may be an expression such as ``F("score") + 1``.
        batch_size
            How many rows one statement takes at most.

        Returns
        -------
        int
            How many rows there were.

        Raises
        ------
        ValueError, FieldError
            Without fields, for fields of the key, and for instances without a key.
        RowsRejected
            Before any SQL, with one entry for each row that the table can't hold.
        """
        return self._writer().bulk_update(objs, fields, batch_size)

    def update(self, **values: Any) -> int:
        """Set fields in every row by one statement.

        Parameters
        ----------
        **values
            Constants, expressions such as ``F("score") + 1`` or a subquery, and for a relation an instance.

        Returns
        -------
        int
            How many rows there were, whether their values changed or not.

        Raises
        ------
        TypeError
            After a slice or ``distinct(fields)``.
        FieldError
            For an unknown field, and for an expression over a relation or of several rows.
        ValueNotRepresentable
            Before any SQL, for a value that a column can't hold exactly.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from sqlalchemy import Column, Integer
        >>> mdb.configure({"default": "sqlite://"})
        >>> class User(mdb.Model):
        ...     id = Column(Integer, primary_key=True)
        >>> User.objects.none().update(id=5)
        0
        """
        self._refuse_combined("update")
        if self._state.sliced:
            raise TypeError("Cannot update a query once a slice has been taken.")
        self._refuse_distinct_fields("update")
        changed = 0 if self._state.empty else self._writer().update(values)
        self._rows = None
        return changed

    def delete(self, cascade: bool = False) -> tuple[int, dict[str, int]]:
        """Delete every row; instances that were read keep their values.

        Parameters
        ----------
        cascade
            Whether rows of other tables that refer to these may go with them.

        Returns
        -------
        tuple
            Rows deleted in all, and by table.

        Raises
        ------
        TypeError
            After a slice, ``values()`` or ``distinct(fields)``.
        ProtectedRows
            When other rows refer to these and `cascade` is not given.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from sqlalchemy import Column, Integer
        >>> mdb.configure({"default": "sqlite://"})
        >>> class User(mdb.Model):
        ...     id = Column(Integer, primary_key=True)
        >>> User.objects.none().delete()
        (0, {})
        """
        self._refuse_combined("delete")
        if self._state.sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with delete().")
        self._refuse_distinct_fields("delete")
        self._refuse_values("delete")
        if self._state.empty:
            return 0, {}
        deleted = self._writer().delete(cascade=cascade)
        self._rows = None
        return deleted

    def _refuse_distinct_fields(self, what: str) -> None:
        if isinstance(self._state.distinct, tuple):
            raise TypeError(f"Cannot call {what}() after .distinct(*fields).")

    # Holding rows

    def select_for_update(self, nowait: bool = False, skip_locked: bool = False) -> Self:
        """Lock the rows until the transaction ends; where the engine has no locks of rows, this changes nothing.

        Parameters
        ----------
        nowait
            Fail at once where another transaction holds a row, in place of waiting.
        skip_locked
            Leave out rows that another transaction holds.

        Raises
        ------
        ValueError
            For both at once.
        TransactionError
            When it is asked outside of an `atomic` block, where the locks would be gone at once.
        """
        if nowait and skip_locked:
            raise ValueError("The nowait option cannot be used with skip_locked.")
        self._refuse_combined("select_for_update")
        return self._with(lock=Lock(nowait, skip_locked))
