"""What analysts ask of a QuerySet beyond Django: profiles, samples, plots, several databases, SQL of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pandas as pd

    from multidb_explorer.query.across import Across
    from multidb_explorer.query.plotting import Plot
    from multidb_explorer.query.queryset import QuerySet
    from multidb_explorer.query.raw import RawQuerySet

__all__ = ["Analysed"]


class Analysed:
    """The part of a QuerySet that looks at its rows as a whole."""

    def across(self, *aliases: str, errors: str = "raise", column: str = "alias") -> Across:
        """Ask several aliases the same at once; the frame's first column tells which one a row is from.

        Parameters
        ----------
        *aliases
            Whom to ask; ``*mdb.aliases`` for all.
        errors
            ``"raise"`` the first failure, or ``"report"`` it and give the rows of the others.
        column
            How the first column is called.

        Raises
        ------
        ConnectionDoesNotExist
            At once, for an unknown alias.
        """
        from multidb_explorer.query.across import Across

        return Across(self._itself, aliases, errors=errors, column=column)

    def raw(
        self, sql: str, params: Mapping[str, Any] | None = None, *, translations: Mapping[str, str] | None = None
    ) -> RawQuerySet[Any]:
        """Make instances of the rows of SQL that a person wrote.

        Parameters
        ----------
        sql
            One statement that reads; ``:name`` stands for a parameter.
        params
            Their values, by name; they are bound, never written into the text.
        translations
            Fields by the names of the result's columns, where the two differ.

        Raises
        ------
        TypeError
            After a filter or the like, which the SQL would not heed.
        """
        from multidb_explorer.query.raw import RawQuerySet

        return RawQuerySet.of(self._itself, sql, params, translations)

    def describe(self) -> pd.DataFrame:
        """Summarise every column, computed in the database by two statements however many rows there are.

        Returns
        -------
        DataFrame
            One row a column: ``type``, ``rows``, ``nulls``, ``distinct``, ``min``, ``max``, ``mean``, ``std`` (of a
            sample), ``q25``, ``median``, ``q75``, ``top`` (the most frequent value, of several the smallest) and
            ``top_count``. What is a value of the column is exactly that (an integer, a Decimal, a date), so these
            columns have the dtype ``object``; what a kind of column does not have is missing.
        """
        from multidb_explorer.query.profile import describe

        return describe(self._itself)

    def value_counts(
        self, column: str, *, normalize: bool = False, limit: int | None = None, dropna: bool = True
    ) -> pd.Series[Any]:
        """Count the rows of each value of a field, most frequent first, equally frequent ones by value.

        Parameters
        ----------
        column
            A field, an annotation, or a path to a field of a related row.
        normalize
            Give shares of all rows that are counted instead, also where `limit` cuts.
        limit
            How many values to give at most.
        dropna
            Leave NULL out.
        """
        from multidb_explorer.query.profile import value_counts

        return value_counts(self._itself, column, normalize=normalize, limit=limit, dropna=dropna)

    def sample(self, n: int, seed: int | None = None) -> pd.DataFrame:
        """Read `n` rows (all where there are fewer), each with the same chance, in the order of the query.

        Parameters
        ----------
        n
            How many.
        seed
            The same seed gives the same rows of the same data, on every engine.
        """
        from multidb_explorer.query.sampling import sample

        return sample(self._itself, n, seed)

    @property
    def plot(self) -> Plot:
        """Plot with pandas: ``plot(x="placed", y="total")``, ``plot.scatter(x=..., y=...)``; needs the extra ``plot``.

        At most ``mdb.options.plot_rows`` rows are read, and a line says so where there are more.
        """
        from multidb_explorer.query.plotting import Plot

        return Plot(self._itself)

    @property
    def _itself(self) -> QuerySet[Any]:
        return cast("QuerySet[Any]", self)
