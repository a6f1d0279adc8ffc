"""Rows as INSERT statements of their own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.errors import FieldError, whole_number
from multidb_explorer.query.tabular import Tabular
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    import os

    from multidb_explorer.connections.database import Database
    from multidb_explorer.query.filing import Stream
    from multidb_explorer.query.source import Bound
    from multidb_explorer.results.exports import SqlForm
    from multidb_explorer.results.files import Sink
    from multidb_explorer.results.reading import Reading

__all__ = ["InsertWriting"]


class InsertWriting(Tabular):
    """The part of a QuerySet that writes its rows as SQL."""

    if TYPE_CHECKING:

        @property
        def _database(self) -> Database: ...
        @property
        def bound(self) -> Bound:
            """The table on the database that is asked."""

        def _frame_reading(self) -> Reading: ...

    def to_sql_inserts(
        self,
        path: str | os.PathLike[str] | Sink,
        *,
        table: str | None = None,
        rows_each: int = 100,
        overwrite: bool = False,
    ) -> int:
        """Write the rows as INSERT statements in the SQL of their own database, and give their number.

        Run there, or on another database of that product, they make the very same rows. Every name is quoted, and no
        value can end its quotes. What the database computes is left out.

        Parameters
        ----------
        path, overwrite
            As for `to_csv`.
        table
            The name of the table that the statements fill; by default the one that is read.
        rows_each
            Rows in one statement.

        Raises
        ------
        WriteRefused
            Where there is a file already.
        FieldError
            For columns that are no columns of a table.

        Examples
        --------
        >>> import sys
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.filter(id__lt=3).order_by("id").to_sql_inserts(sys.stdout, table="kinds")
        INSERT INTO "kinds" ("id", "name", "parent_id") VALUES
          (1, 'Kitchen', NULL),
          (2, 'Tea', 1);
        2
        """
        from multidb_explorer.results.exports import write_inserts
        from multidb_explorer.results.files import checked_target

        rows_each = whole_number("rows_each", rows_each)
        target = checked_target(path, overwrite=overwrite)
        stream, form = self._inserting(table, rows_each)
        with stream:
            return write_inserts(stream.batches, form, target, overwrite=overwrite)

    def _inserting(self, table: str | None, rows_each: int) -> tuple[Stream, SqlForm]:
        """Give the rows as they go into statements, and the form of these."""
        rows: Any = self._without_generated()
        return rows._stream("to_sql_inserts"), rows._insert_form(table, rows_each)  # noqa: SLF001 - it is one of us

    def _without_generated(self) -> Any:
        """Leave out the columns whose values the database computes."""
        described = catalog_of(self._database).table(self.bound.table.name, self.bound.table.schema)
        generated = {column.name for column in described.columns if column.generated}
        names = [column.name for column in self._frame_reading().columns]
        own = {field.name for field in self.bound.fields if field.column.name in generated}
        rows: Any = self
        if not own & set(names):
            return self
        kept = [name for name in names if name not in own]
        # After only() and defer() the fields are chosen by only() again.
        return rows.only(*kept) if rows._state.fields is not None else rows.values(*kept)

    def _insert_form(self, table: str | None, rows_each: int) -> SqlForm:
        from multidb_explorer.results.exports import SqlForm

        bound, database = self.bound, self._database
        columns: list[tuple[str, ResultColumn]] = []
        for column in self._frame_reading().columns:
            field = bound.by_name.get(column.name)
            if field is None or column.computed:
                raise FieldError(
                    f"{column.name!r} is no column of table {bound.table.name!r}, so there is none to insert it into. "
                    f"Choose columns with values()."
                )
            columns.append((field.column.name, column))
        return SqlForm(database.backend, database.engine.dialect, bound.table, columns, rows_each, name=table)
