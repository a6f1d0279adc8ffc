"""Aliases that ask first: a write to one needs the user's word, given in the code or as the answer to a question."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from multidb_explorer.connections.cells import ask, running_cell
from multidb_explorer.errors import ConfirmationRequired

if TYPE_CHECKING:
    from multidb_explorer.connections.database import Database

__all__ = ["check_word", "confirmed", "require_word", "with_word"]


def confirmed(*aliases: str) -> AbstractContextManager[None]:
    """Say that writes to aliases in the block are meant, so that none of them asks.

    It counts for the thread that enters the block.

    Parameters
    ----------
    *aliases
        Those that may be written.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "prod": {"URL": "sqlite://", "confirm": "production"}})
    >>> with confirmed("prod"), mdb.atomic("prod"):
    ...     pass
    """
    from multidb_explorer.connections.registry import databases

    return _Word(frozenset(databases[alias].alias for alias in aliases))


def with_word(database: Database, word: str | None) -> AbstractContextManager[None]:
    """Give the block in which ``confirm=...`` of one call counts.

    Parameters
    ----------
    word
        The alias that the user named; ``None`` where nothing was said.

    Raises
    ------
    ConfirmationRequired
        For another alias than the one that is written.
    """
    check_word(database, word)
    return nullcontext() if word is None else _Word(frozenset({database.alias}))


def check_word(database: Database, word: str | None) -> None:
    """Refuse a word that names another alias.

    Raises
    ------
    ConfirmationRequired
        Before any SQL.
    """
    if word is not None and word != database.alias:
        raise ConfirmationRequired(
            f"confirm={word!r} does not name the alias that would be written, {database.alias!r}, so nothing was "
            f"written. If you mean it: confirm={database.alias!r}."
        )


def check_words(written: Sequence[Database], confirm: str | Sequence[str] | None) -> tuple[str, ...]:
    """Give the words of a write to several aliases, each of which names one of them.

    Raises
    ------
    ConfirmationRequired
        Before any SQL.
    """
    words = (confirm,) if isinstance(confirm, str) else tuple(confirm or ())
    for word in words:
        if word not in {database.alias for database in written}:
            check_word(written[0], word)
    return words


def require_word(database: Database) -> None:
    """Hold an alias that asks before writes to its word.

    Raises
    ------
    ConfirmationRequired
        Where nobody confirmed the write, or the answer was no.
    """
    if database.confirm == "never" or any(word.covers(database.alias) for word in _given.words):
        return
    cell = running_cell()
    answer = _answered(database, cell) if cell is not None else None
    if answer is None:
        raise _unconfirmed(database, "asks before writes, and nobody has confirmed this one")
    if not answer:
        raise _unconfirmed(database, "asks before writes, and this one was not confirmed")


class _Word:
    """The user's word for a block of code: which aliases may be written, in this thread and cell."""

    def __init__(self, aliases: frozenset[str]) -> None:
        self._aliases = aliases
        self._counts = False
        self._cell: str | None = None

    def covers(self, alias: str) -> bool:
        """Tell whether writes to an alias are confirmed: no word outlives its cell, whatever interrupted that."""
        return self._counts and alias in self._aliases and self._cell == running_cell()

    def __enter__(self) -> None:
        self._cell = running_cell()
        _given.words = (*_given.words, self)
        # The last step: where an interrupt comes before it, nothing was confirmed.
        self._counts = True

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._counts = False
        _given.words = tuple(word for word in _given.words if word is not self)


class _Given(threading.local):
    """What the user has confirmed in this thread."""

    words: tuple[_Word, ...] = ()
    cell: str | None = None
    answers: dict[tuple[str, str], bool]


_given = _Given()


def _answered(database: Database, cell: str) -> bool | None:
    """Give the answer of the person at the notebook, asked once a cell; ``None`` where nobody can answer."""
    if _given.cell != cell:
        _given.cell, _given.answers = cell, {}
    key = (database.alias, database.safe_url)
    if key not in _given.answers:
        answer = ask(_question(database))
        if answer is None:
            return None
        _given.answers[key] = _agrees(database, answer.strip())
    return _given.answers[key]


def _question(database: Database) -> str:
    label = "" if database.label == database.alias else f" ({database.label})"
    if database.confirm == "production":
        return f"Write to alias {database.alias!r}{label}, which is production? Type its alias to go on: "
    return f"Write to alias {database.alias!r}{label}? [y/N] "


def _agrees(database: Database, answer: str) -> bool:
    return answer == database.alias if database.confirm == "production" else answer.lower() in ("y", "yes")


def _unconfirmed(database: Database, why: str) -> ConfirmationRequired:
    alias = database.alias
    return ConfirmationRequired(
        f"Alias {alias!r} {why} (its setting is confirm={database.confirm!r}), so nothing was written. If you mean it: "
        f"'with mdb.confirmed({alias!r}):' around the writes, or confirm={alias!r} in save(), delete() or atomic()."
    )
