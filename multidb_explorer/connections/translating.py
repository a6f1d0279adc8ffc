"""The one place where a driver's error becomes ours, with the alias and the statement and without a secret."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from multidb_explorer import errors
from multidb_explorer.connections.redaction import redact
from multidb_explorer.connections.secrets import forget_prompted

if TYPE_CHECKING:
    from multidb_explorer.connections.database import Database

__all__ = ["Translated", "stopped", "translated", "unreachable", "unreached"]


_FOUND = "_multidb_error"


class Translated:
    """Turns the errors of a block into ours; a generator in its place would take a tenth of a small read.

    Parameters
    ----------
    database
        Whose errors.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        if error is None:
            return
        found = translated(self._database, error)
        if found is not error:
            raise found from _quiet(getattr(error, "orig", None) or error)


def translated(database: Database, error: BaseException) -> BaseException:
    """Give our own error in place of a driver's, wrapped by SQLAlchemy or not; all others stay what they are."""
    found: BaseException | None = getattr(error, _FOUND, None)
    if found is None:
        found = _found(database, error)
        if found is not error:
            # What a driver noted about its error is asked for once.
            setattr(error, _FOUND, found)
    return found


def _found(database: Database, error: BaseException) -> BaseException:
    if isinstance(error, sa.exc.DBAPIError):
        return _wrapped(database, error.orig or error, error.statement)
    # Rows are fetched from the driver's own cursor, so its errors arrive here unwrapped.
    ours = isinstance(error, errors.MultiDBError | sa.exc.SQLAlchemyError)
    if isinstance(error, Exception) and not ours and isinstance(error, database.engine.dialect.loaded_dbapi.Error):
        return _wrapped(database, error, None)
    return error


def _wrapped(database: Database, error: BaseException, statement: str | None) -> BaseException:
    trouble = database.backend.trouble(error)
    said, alias = _said(error), database.alias
    match trouble.kind:
        case "interrupted":
            # A driver that was called when the signal came makes an error of its own of it.
            return KeyboardInterrupt()
        case "read_only":
            kind_of_refusal = errors.ReadOnlyAlias.refused if database.read_only else errors.ReadOnlyAlias.reading
            return kind_of_refusal(alias)
        case "cancelled":
            limit = database.settings.statement_timeout
            return errors.QueryCancelled(
                f"The statement on alias {alias!r} was stopped"
                + (f" (statement_timeout is {limit:g} s)." if limit else ".")
            )
        case "unreachable":
            return unreached(database, said, trouble.hint)
    text = f"Alias {alias!r}: {said}"
    text += f"\n{trouble.hint}" if trouble.hint else ""
    text += f"\nStatement: {_cut(redact(statement))}" if statement else ""
    kind = getattr(errors, trouble.error) if trouble.error else _error_class(error)
    return kind(text, alias=alias, statement=statement)


def unreachable(database: Database, error: sa.exc.SQLAlchemyError) -> errors.ConnectionFailed:
    """Say that no connection was made, and why."""
    cause: BaseException = getattr(error, "orig", None) or error
    return unreached(database, _said(cause), database.backend.trouble(cause).hint)


def unreached(database: Database, said: str, hint: str) -> errors.ConnectionFailed:
    """Say that the database can't be reached."""
    # A password typed wrongly is asked for again.
    forget_prompted(database.alias)
    return errors.ConnectionFailed(
        f"Can't reach alias {database.alias!r} ({database.safe_url}): {_cut(said)}" + (f"\n{hint}" if hint else "")
    )


def stopped(alias: str) -> KeyboardInterrupt:
    """Say that the user stopped a statement; a notebook shows this and none of the frames of drivers and pools."""
    error = KeyboardInterrupt(f"The statement on alias {alias!r} was stopped.")
    error._render_traceback_ = lambda: [f"KeyboardInterrupt: {error}"]  # type: ignore[attr-defined]
    return error


def _said(error: BaseException) -> str:
    return redact(" ".join(str(part) for part in error.args) or type(error).__name__).strip()


def _quiet(error: BaseException | None) -> BaseException | None:
    """Keep a driver's error as the cause, without its secrets and without a screen of its frames.

    The frames hold the connection's arguments, which a verbose traceback would print.
    """
    if error is not None:
        error.args = tuple(redact(part) if isinstance(part, str) else part for part in error.args)
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    return None


def _cut(text: str, limit: int = 600) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _error_class(error: BaseException) -> type[errors.DatabaseError]:
    """Find our error by the DB-API name of the driver's, which PEP 249 fixes."""
    for base in type(error).__mro__:
        ours = getattr(errors, base.__name__, None)
        if isinstance(ours, type) and issubclass(ours, errors.DatabaseError):
            return ours
    return errors.DatabaseError
