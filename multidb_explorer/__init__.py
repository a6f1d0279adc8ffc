"""Explore several databases at once from a notebook, and move rows between them without losing one.

>>> import multidb_explorer as mdb
>>> mdb.configure({"default": "sqlite://"})
>>> list(mdb.aliases)
['default']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multidb_explorer import errors
from multidb_explorer.options import options

if TYPE_CHECKING:
    from multidb_explorer.changes.changeset import ChangeSet
    from multidb_explorer.changes.history import clear_history, history
    from multidb_explorer.changes.inverse import inverse
    from multidb_explorer.connections.confirming import confirmed
    from multidb_explorer.connections.transactions import atomic, on_commit
    from multidb_explorer.models import Model, Prefetch, reflect
    from multidb_explorer.models.writing_frames import write
    from multidb_explorer.query import functions
    from multidb_explorer.query.aggregates import Avg, Count, Max, Min, StdDev, Sum, Variance
    from multidb_explorer.query.arithmetic import ExpressionWrapper
    from multidb_explorer.query.choices import Case, When
    from multidb_explorer.query.conditions import Q
    from multidb_explorer.query.expressions import F, Func, Value
    from multidb_explorer.query.functions import Cast, Coalesce
    from multidb_explorer.query.gathering import gather
    from multidb_explorer.query.queryset import QuerySet
    from multidb_explorer.query.subqueries import Exists, OuterRef, Subquery
    from multidb_explorer.query.windows import RowRange, ValueRange, Window
    from multidb_explorer.schema.aliases import Alias, aliases
    from multidb_explorer.transfer.moving import copy, move
    from multidb_explorer.transfer.plan import TransferPlan
    from multidb_explorer.transfer.recovering import recover, resume, transfers
    from multidb_explorer.widgets import AliasPicker, RowForm, TableGrid, TransferPanel, explore

__version__ = "0.1.0"

__all__ = [
    "Alias",
    "AliasPicker",
    "Avg",
    "Case",
    "Cast",
    "ChangeSet",
    "Coalesce",
    "Count",
    "Exists",
    "ExpressionWrapper",
    "F",
    "Func",
    "Max",
    "Min",
    "Model",
    "OuterRef",
    "Prefetch",
    "Q",
    "QuerySet",
    "RowForm",
    "RowRange",
    "StdDev",
    "Subquery",
    "Sum",
    "TableGrid",
    "TransferPanel",
    "TransferPlan",
    "Value",
    "ValueRange",
    "Variance",
    "When",
    "Window",
    "aliases",
    "atomic",
    "clear_history",
    "configure",
    "confirmed",
    "connect",
    "copy",
    "disconnect",
    "errors",
    "explore",
    "functions",
    "gather",
    "history",
    "inverse",
    "load_ipython_extension",
    "move",
    "on_commit",
    "options",
    "recover",
    "reflect",
    "resume",
    "transfers",
    "unload_ipython_extension",
    "write",
]

_HOMES = {
    "Alias": "schema.aliases",
    "AliasPicker": "widgets",
    "Avg": "query.aggregates",
    "Case": "query.choices",
    "Cast": "query.functions",
    "ChangeSet": "changes.changeset",
    "Coalesce": "query.functions",
    "Count": "query.aggregates",
    "Exists": "query.subqueries",
    "ExpressionWrapper": "query.arithmetic",
    "F": "query.expressions",
    "Func": "query.expressions",
    "Max": "query.aggregates",
    "Min": "query.aggregates",
    "Model": "models",
    "OuterRef": "query.subqueries",
    "Prefetch": "models",
    "Q": "query.conditions",
    "QuerySet": "query.queryset",
    "RowForm": "widgets",
    "RowRange": "query.windows",
    "StdDev": "query.aggregates",
    "Subquery": "query.subqueries",
    "Sum": "query.aggregates",
    "TableGrid": "widgets",
    "TransferPanel": "widgets",
    "TransferPlan": "transfer.plan",
    "Value": "query.expressions",
    "ValueRange": "query.windows",
    "Variance": "query.aggregates",
    "When": "query.choices",
    "Window": "query.windows",
    "aliases": "schema.aliases",
    "atomic": "connections.transactions",
    "clear_history": "changes.history",
    "confirmed": "connections.confirming",
    "copy": "transfer.moving",
    "explore": "widgets",
    "gather": "query.gathering",
    "history": "changes.history",
    "inverse": "changes.inverse",
    "move": "transfer.moving",
    "on_commit": "connections.transactions",
    "recover": "transfer.recovering",
    "reflect": "models",
    "resume": "transfer.recovering",
    "transfers": "transfer.recovering",
    "write": "models.writing_frames",
}
"""Where a public name lives; it is loaded when first used, so that importing the package costs next to nothing."""


def __getattr__(name: str) -> Any:
    if name == "functions":
        return import_module(f"{__name__}.query.functions")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def configure(source: Mapping[str, Any] | str | Path | None = None, *, routers: Iterable[object] = ()) -> None:
    """Replace the registered aliases and routers.

    Parameters
    ----------
    source
        A mapping of alias to settings (Django's ``DATABASES`` shape, a ``URL`` key, or one URL string), the path of
        a TOML file, or nothing: then environment, ``multidb.toml`` and the user's configuration are read.
    routers
        What chooses an alias where none is named: objects with ``db_for_read``, ``db_for_write`` and
        ``allow_relation``, or dotted paths of such. The first answer that is not ``None`` counts.

    Raises
    ------
    ImproperlyConfigured
        Naming the alias and key at fault; the registry is left as it was.

    Examples
    --------
    >>> configure({"default": "sqlite://"})
    """
    from multidb_explorer.connections.registry import databases

    databases.configure(source, routers=routers)


def connect(alias: str, target: str | Mapping[str, Any] | None = None, /, **settings: Any) -> Alias:
    """Add or replace one alias. The same settings again change nothing, so a cell can be run twice.

    Parameters
    ----------
    alias
        Its name.
    target
        A URL, or settings as in `configure`.
    **settings
        More settings: ``label``, ``color``, ``read_only``, ``confirm``, ``history``, ``statement_timeout``,
        ``pool_size``, ``schema``.

    Examples
    --------
    >>> connect("scratch", "sqlite://", label="my scratch").name
    'scratch'
    """
    from multidb_explorer.connections.registry import databases
    from multidb_explorer.schema.aliases import Alias

    return Alias(databases.connect(alias, target, **settings))


def disconnect(alias: str) -> None:
    """Close an alias and remove it.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.

    Examples
    --------
    >>> _ = connect("scratch", "sqlite://")
    >>> disconnect("scratch")
    """
    from multidb_explorer.connections.registry import databases

    databases.disconnect(alias)


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext multidb_explorer``: add the magics ``%db`` and ``%%db``."""
    from multidb_explorer.magics import register

    register(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext multidb_explorer``: take the magics away again."""
    from multidb_explorer.magics import unregister

    unregister(ipython)
