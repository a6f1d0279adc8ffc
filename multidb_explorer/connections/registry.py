"""The aliases of this process: which database each name means."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MethodType
from typing import Any

from multidb_explorer.connections.config import AliasSettings
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.redaction import redact
from multidb_explorer.connections.routing import Routers
from multidb_explorer.connections.secrets import forget_prompted
from multidb_explorer.connections.sources import gather, gather_one
from multidb_explorer.display import html_table, text_table
from multidb_explorer.errors import ConnectionDoesNotExist

__all__ = ["Registry", "databases"]

_log = logging.getLogger(__name__)

_HEADER = ("alias", "engine", "database", "state", "access")


class Registry(Mapping[str, Database]):
    """Aliases and their databases, in configured order. Reading it connects to nothing.

    Used before anything was configured, it configures itself from the environment and the files of project and user.

    Parameters
    ----------
    factory
        Makes a database of settings.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.configure({"default": "sqlite://"})
    >>> list(registry)
    ['default']
    """

    def __init__(self, factory: Callable[[AliasSettings], Database] = Database) -> None:
        self._factory = factory
        # Widgets call from a thread of their own while a cell may be running.
        self._lock = threading.RLock()
        self._databases: dict[str, Database] | None = None
        self.routers = Routers()
        self._listeners: list[weakref.ref[Any]] = []

    # Changing it

    def configure(
        self, target: Mapping[str, object] | str | os.PathLike[str] | None = None, *, routers: Iterable[object] = ()
    ) -> None:
        """Replace all aliases; where anything is wrong, nothing changes.

        An alias whose settings stay the same keeps its connections.

        Parameters
        ----------
        target
            Django's ``DATABASES`` shape, one URL per alias, or a mixture; or the path of a TOML file; or nothing, for
            the aliases of environment, project file and user file.
        routers
            What chooses an alias where none is named: objects, classes or dotted paths of these. The first answer
            that is not ``None`` counts. Those of an earlier call are forgotten.

        Raises
        ------
        ImproperlyConfigured
            For settings and routers that can't work, and for aliases without a ``default``.

        Examples
        --------
        >>> Registry().configure({"default": {}, "archive": {"URL": "sqlite:///archive.db", "read_only": True}})
        """
        chain = Routers.load(routers)
        settings = gather(target)
        with self._lock:
            old = self._databases or {}
            gone = self._swap({alias: self._kept_or_new(old, wanted) for alias, wanted in settings.items()})
            self.routers = chain
        self._changed(gone)

    def connect(self, alias: str, target: object = None, **settings: Any) -> Database:
        """Add an alias, or replace one; the same settings again change nothing.

        Parameters
        ----------
        alias
            Its name.
        target
            A URL or a mapping of settings. ``None`` where the environment or a file says where it is.
        **settings
            More settings: ``label="my scratch", color="green", read_only=True``.

        Raises
        ------
        ImproperlyConfigured
            For settings that can't work; the alias stays as it was.

        Examples
        --------
        >>> Registry().connect("scratch", "sqlite://", label="my scratch").label
        'my scratch'
        """
        wanted = gather_one(alias, target, settings)
        with self._lock:
            old = self._current()
            found = self._kept_or_new(old, wanted)
            if old.get(alias) is found:
                return found
            gone = self._swap({**old, alias: found})
        self._changed(gone)
        return found

    def disconnect(self, alias: str) -> None:
        """Remove an alias and close its connections.

        Parameters
        ----------
        alias
            Its name.

        Raises
        ------
        ConnectionDoesNotExist
            For an unknown alias.

        Examples
        --------
        >>> registry = Registry()
        >>> registry.configure({"default": {}, "old": "sqlite://"})
        >>> registry.disconnect("old")
        """
        with self._lock:
            gone = self[alias]
            self._swap({name: database for name, database in self.items() if name != alias})
        self._changed([gone])

    def clear(self) -> None:
        """Forget everything, as if nothing had been configured yet.

        Examples
        --------
        >>> Registry().clear()
        """
        with self._lock:
            gone = self._swap(None)
            self.routers = Routers()
        self._changed(gone)

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call a function whenever aliases were added, replaced or removed, in the thread that did it.

        The registry holds it weakly: a widget that is gone is not called, a lambda that nobody holds goes at once.

        Parameters
        ----------
        callback
            A function or bound method without arguments.

        Returns
        -------
        Callable
            Stops the calls.

        Examples
        --------
        >>> stop = Registry().on_change(print)
        >>> stop()
        """
        reference: weakref.ref[Any]
        reference = weakref.WeakMethod(callback) if isinstance(callback, MethodType) else weakref.ref(callback)
        with self._lock:
            self._listeners.append(reference)

        def stop() -> None:
            with self._lock:
                self._listeners = [known for known in self._listeners if known is not reference]

        return stop

    # Reading it

    def __getitem__(self, alias: object) -> Database:
        current = self._current()
        # Anything that can't be hashed is no alias either.
        found = current.get(alias) if isinstance(alias, str) else None
        if found is None:
            raise ConnectionDoesNotExist.unknown(alias, current)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._current()))

    def __len__(self) -> int:
        return len(self._current())

    def __repr__(self) -> str:
        rows = self._rows()
        return text_table(_HEADER, rows) if rows else "No aliases. Add one: mdb.connect('default', url)"

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (alias, _engine_title(database), database.safe_url, database.state, _access(database))
            for alias, database in self.items()
        ]

    # Within

    def _current(self) -> dict[str, Database]:
        """Give the aliases, which are never changed in place, so that a reader needs no lock."""
        current = self._databases
        if current is None:
            with self._lock:
                if self._databases is None:
                    self._databases = {alias: self._factory(wanted) for alias, wanted in gather().items()}
                current = self._databases
        return current

    def _kept_or_new(self, old: Mapping[str, Database], wanted: AliasSettings) -> Database:
        known = old.get(wanted.alias)
        return known if known is not None and known.settings == wanted else self._factory(wanted)

    def _swap(self, new: dict[str, Database] | None) -> list[Database]:
        """Put new aliases in place of the old and give the databases that are no longer among them."""
        old, kept = self._databases or {}, new or {}
        gone = [database for alias, database in old.items() if kept.get(alias) is not database]
        for database in gone:
            # What was typed for one server must not be sent to another that takes its name.
            forget_prompted(database.settings.alias)
        self._databases = new
        return gone

    def _changed(self, gone: Iterable[Database]) -> None:
        """Close what is no longer registered and tell the listeners, outside the lock: both may take their time."""
        for database in gone:
            database.dispose()
        with self._lock:
            self._listeners = [reference for reference in self._listeners if reference() is not None]
            callbacks = [reference() for reference in self._listeners]
        for callback in filter(None, callbacks):
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - a broken widget must not make connect() fail
                _log.warning(
                    "a listener of the alias registry failed: %s: %s", type(error).__name__, redact(str(error))
                )


def _access(database: Database) -> str:
    return "read-only" if database.read_only else "read and write"


def _engine_title(database: Database) -> str:
    url = database.settings.url
    return "" if url is None else url.get_backend_name()


databases = Registry()
"""The aliases of this process: what ``mdb.aliases`` is."""
