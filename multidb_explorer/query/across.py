"""The same question to several databases at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import html_table, notice, text_table
from multidb_explorer.errors import FieldError, FieldValueError, MultiDBError, one_of
from multidb_explorer.options import options
from multidb_explorer.query.abreast import Answers, abreast
from multidb_explorer.query.preview import cell_text
from multidb_explorer.query.tabular import Tabular

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from multidb_explorer.query.queryset import QuerySet
    from multidb_explorer.results.unifying import Part

__all__ = ["Across"]

T = TypeVar("T")


class Across(Tabular):
    """A QuerySet that several aliases are asked at once, each in a thread of its own, when its answer is needed.

    Parameters
    ----------
    queryset
        What is asked.
    aliases
        Whom, in this order.
    errors
        ``raise`` the first failure, or ``report`` which aliases failed and give the rows of the others.
    column
        How the first column is called, which tells the alias.

    Attributes
    ----------
    failures : dict
        What went wrong when it was last read, by alias.

    Raises
    ------
    ConnectionDoesNotExist
        At once, for an unknown alias.
    FieldValueError
        For no alias, or one that is named twice.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, text
    >>> mdb.configure({"default": "sqlite://", "old": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    >>> for name, alias in mdb.aliases.items():
    ...     with alias.database.begin() as connection:
    ...         _ = connection.execute(text("CREATE TABLE user (id INTEGER PRIMARY KEY)"))
    >>> User.objects.across("default", "old").count()
    {'default': 0, 'old': 0}
    """

    def __init__(
        self, queryset: QuerySet[Any], aliases: Sequence[str], *, errors: str = "raise", column: str = "alias"
    ) -> None:
        if not aliases:
            raise FieldValueError(
                f"across() needs the aliases to ask: across({one_of(databases)}), or across(*mdb.aliases) for all."
            )
        twice = [alias for place, alias in enumerate(aliases) if alias in aliases[:place]]
        if twice:
            raise FieldValueError(f"across() was given alias {twice[0]!r} twice; its rows would count twice.")
        if errors not in ("raise", "report"):
            raise FieldValueError(f"errors is 'raise' or 'report', not {errors!r}.")
        self._parts = {alias: queryset.using(alias) for alias in aliases}
        self._reports = errors == "report"
        self._column = column
        self._rows: dict[str, int] = {}
        self.failures: dict[str, Exception] = {}

    @property
    def aliases(self) -> tuple[str, ...]:
        """Whom it asks."""
        return tuple(self._parts)

    # Reading

    def to_arrow(self) -> pa.Table:
        """Read everything into one Arrow table, in the order of the aliases and within each in that of the query.

        Raises
        ------
        FieldError
            Where a column is of kinds that have no common type, or the name of the first column is taken.
        """
        from multidb_explorer.results.unifying import unified

        parts = unified(self._answers(_read))
        self._rows = {alias: table.num_rows for alias, table in parts.items()}
        return self._stacked(parts)

    def _table(self, frame: str) -> pa.Table:  # noqa: ARG002 -- each part shows its own progress
        return self.to_arrow()

    def _names(self) -> list[str]:
        return [self._column, *self._some_part(lambda part: [field.name for field in part.fields])]

    def _key(self) -> tuple[str, ...]:
        key = self._some_part(lambda part: part.bound.key)
        return (self._column, *key) if key else ()

    def _json(self) -> list[str]:
        return self._some_part(lambda part: [field.name for field in part.fields if field.kind.name == "json"])

    def _some_part(self, tell: Callable[[QuerySet[Any]], T]) -> T:
        """Have the first part tell of its columns; where failures are reported, the first that can."""
        *others, last = self._parts.values()
        for part in others if self._reports else ():
            with suppress(MultiDBError):
                return tell(part)
        return tell(last if self._reports else next(iter(self._parts.values())))

    def count(self) -> dict[str, int]:
        """Count the rows of each alias; one that failed is left out where failures are reported."""
        self._rows = self._answers(lambda part: part.count())
        return self._rows

    @property
    def report(self) -> pd.DataFrame:
        """What came of it when it was last read (if it never was, it is counted): rows and error of each alias."""
        import pandas as pd

        if not self._rows and not self.failures:
            self.count()
        rows = pd.array([self._rows.get(alias) for alias in self.aliases], dtype="Int64")
        errors = [_said(self.failures[alias]) if alias in self.failures else None for alias in self.aliases]
        return pd.DataFrame({"alias": self.aliases, "rows": rows, "error": pd.array(errors, dtype="str")})

    def _answers(self, read: Callable[[QuerySet[Any]], T]) -> dict[str, T]:
        answers = self._ask(self._parts, read, all_or_nothing=not self._reports)
        self.failures = answers.failures
        if self.failures and (not self._reports or not answers.found):
            _raise_first(self.failures, len(self._parts))
        if self.failures:
            notice(self._notice())
        return answers.found

    def _ask(
        self, parts: dict[str, QuerySet[Any]], read: Callable[[QuerySet[Any]], T], *, all_or_nothing: bool
    ) -> Answers[str, T]:
        def task(part: QuerySet[Any]) -> Callable[[], T]:
            return lambda: read(part)

        return abreast({alias: task(part) for alias, part in parts.items()}, all_or_nothing=all_or_nothing)

    def _notice(self) -> str:
        failed = "; ".join(f"{alias}: {_said(error)}" for alias, error in self.failures.items())
        return f"{len(self._parts) - len(self.failures)} of {len(self._parts)} aliases answered. {failed}"

    def _stacked(self, parts: dict[str, pa.Table]) -> pa.Table:
        """Put the rows one below the other, with the alias before them."""
        import pyarrow as pa

        names = pa.array(self.aliases, pa.string())
        field = pa.field(self._column, pa.dictionary(pa.int32(), pa.string()), nullable=False)
        tables = []
        for alias, table in parts.items():
            if self._column in table.column_names:
                raise FieldError(
                    f"The query reads a column {self._column!r} itself; name the first one otherwise: "
                    f"across(..., column='database')."
                )
            place = pa.array([self.aliases.index(alias)] * table.num_rows, pa.int32())
            tables.append(table.add_column(0, field, pa.DictionaryArray.from_arrays(place, names)))
        return pa.concat_tables(tables)

    # On screen

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show the first rows of each alias, by one query each; a failure is shown and never raised."""
        limit = max(3, options.preview_rows // len(self._parts))
        parts = {alias: part[: limit + 1] for alias, part in self._parts.items()}
        answers = self._ask(parts, lambda part: part.to_arrow(), all_or_nothing=False)
        header, rows, dots = self._cells(answers.found, limit)
        more = any(table.num_rows > limit for table in answers.found.values())
        caption = f"across {', '.join(self.aliases)} · " + (
            f"first {limit} rows of each, there are more" if more else f"{len(rows)} rows"
        )
        failed = [[alias, _said(error)] for alias, error in answers.failures.items()]
        text, html = f"{caption}\n{text_table(header, rows)}", html_table(header, rows, caption=caption, dots=dots)
        if failed:
            text += f"\n\nfailed:\n{text_table(_FAILED, failed)}"
            html += html_table(_FAILED, failed, caption="failed")
        return {"text/plain": text, "text/html": html}

    def _cells(
        self, tables: dict[str, pa.Table], limit: int
    ) -> tuple[list[str], list[list[str | None]], list[str | None]]:
        """Give the header, the cells and the colours of the preview."""
        header: list[str] = next((table.column_names for table in tables.values()), [])
        rows: list[list[str | None]] = []
        dots: list[str | None] = []
        for alias, table in tables.items():
            columns = [column.to_pylist() for column in table.slice(0, limit).columns]
            found = [[alias, *map(cell_text, values)] for values in zip(*columns, strict=True)]
            rows += found
            dots += [databases[alias].color] * len(found)
        return [self._column, *header], rows, dots


_FAILED = ("alias", "error")
_END = "\n"


def _read(part: QuerySet[Any]) -> Part:
    return part.to_arrow(), [ResultColumn(field.name, field.kind, field.nullable) for field in part.fields]


def _said(error: Exception) -> str:
    """Say in one line what went wrong; the statement and hints below it stay with the error itself."""
    return f"{type(error).__name__}: {str(error).partition(_END)[0]}"


def _raise_first(failures: dict[str, Exception], asked: int) -> NoReturn:
    alias, error = next(iter(failures.items()))
    error.add_note(f"Alias {alias!r} was one of {asked} that were asked with across().")
    raise error
