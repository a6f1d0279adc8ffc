"""Plots of a QuerySet's rows: pandas' own, of a number of rows that has an end."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from multidb_explorer.display import notice
from multidb_explorer.errors import MissingDriver
from multidb_explorer.options import options

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from multidb_explorer.query.queryset import QuerySet

__all__ = ["Plot"]

_KINDS = ("area", "bar", "barh", "box", "density", "hexbin", "hist", "kde", "line", "pie", "scatter")


class Plot:
    """``queryset.plot``: called like ``DataFrame.plot``, or by the kind of plot: ``plot.scatter(x=..., y=...)``.

    Parameters
    ----------
    queryset
        Whose rows are plotted.

    Examples
    --------
    >>> "scatter" in dir(Plot(None))
    True
    """

    def __init__(self, queryset: QuerySet[Any]) -> None:
        self._queryset = queryset

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Plot; every argument is that of ``DataFrame.plot``.

        Raises
        ------
        MissingDriver
            Before any SQL, where matplotlib is not installed.
        """
        _require(kwargs.get("backend"))
        return self._frame().plot(*args, **kwargs)

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        if kind not in _KINDS:
            raise AttributeError(f"There is no plot of the kind {kind!r}; there are {', '.join(_KINDS)}.")

        def plotted(*args: Any, **kwargs: Any) -> Any:
            _require(kwargs.get("backend"))
            return getattr(self._frame().plot, kind)(*args, **kwargs)

        return plotted

    def __dir__(self) -> list[str]:
        return [*_KINDS]

    def __repr__(self) -> str:
        return f"plot(kind=..., x=..., y=...), or plot.<kind>(...) with one of: {', '.join(_KINDS)}"

    def _frame(self) -> pd.DataFrame:
        """Read the rows to plot, and say so where there are more."""
        limit = options.plot_rows
        frame = self._queryset[: limit + 1].to_pandas()
        if len(frame) > limit:
            frame = frame.iloc[:limit]
            notice(
                f"plotted: the first {limit:,} of {self._queryset.count():,} rows. "
                f"mdb.options.plot_rows changes that; sample(n).plot(...) takes rows from everywhere."
            )
        return frame.apply(_plottable)


def _require(backend: str | None) -> None:
    import pandas as pd

    if (backend or pd.get_option("plotting.backend")) == "matplotlib" and find_spec("matplotlib") is None:
        raise MissingDriver(
            "Plots need the Python module matplotlib, which is not installed. "
            "Install it with: pip install 'multidb-explorer[plot]'"
        )


def _plottable(column: pd.Series[Any]) -> pd.Series[Any]:
    """Give numbers and dates in the types that plots understand; a plot needs no exact digits."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_extension_array_dtype(column.dtype):
        return column
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype("float64")
    return column.astype("datetime64[s]") if str(column.dtype).startswith("date32") else column
