"""One alias that is in use: its engine, its sessions, and the one place where a driver's error becomes ours."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import StaticPool

from multidb_explorer import errors
from multidb_explorer.backends import backend_for
from multidb_explorer.backends.base import Backend, ServerInfo
from multidb_explorer.backends.hearing import begin_to_hear, end_hearing
from multidb_explorer.connections.config import AliasSettings
from multidb_explorer.connections.insisting import Limit
from multidb_explorer.connections.keeping import keep_connection
from multidb_explorer.connections.redaction import redact, safe_url
from multidb_explorer.connections.secrets import forget_prompted
from multidb_explorer.options import options

__all__ = ["Database"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

SESSION_OPTION = "multidb_session"
"""Execution option that tells a backend how to begin: ``writes`` or ``reads only``; as usual where it is missing."""


class Database:
    """A registered database. Creating one connects to nothing; the first use does.

    Parameters
    ----------
    settings
        Where it is and how it may be used.

    Attributes
    ----------
    settings : AliasSettings
    state : str
        ``idle`` until the first use, then ``connected`` or ``failed``.
    """

    def __init__(self, settings: AliasSettings) -> None:
        self.settings = settings
        self.state = "idle"
        self._lock = threading.RLock()
        self._open = threading.local()
        self._memo: dict[Hashable, Any] = {}
        self._engine: Engine | None = None
        self._translated = _Translated(self._translate)

    def __repr__(self) -> str:
        return f"<Database {self.alias!r} {self.safe_url}{' read-only' if self.read_only else ''}>"

    @property
    def alias(self) -> str:
        """The name it is registered under."""
        return self.settings.alias

    @property
    def label(self) -> str:
        """What people call it; the alias where nobody said."""
        return self.settings.label or self.settings.alias

    @property
    def color(self) -> str | None:
        """The colour of its marks on screen."""
        return self.settings.color

    @property
    def read_only(self) -> bool:
        """Whether every write is refused."""
        return self.settings.read_only

    @property
    def confirm(self) -> str:
        """Which writes ask first: ``never``, ``writes`` or ``production``."""
        return self.settings.confirm

    @property
    def schema(self) -> str | None:
        """The schema that unqualified tables are looked up in; ``None`` for the database's own default."""
        return self.settings.schema

    @property
    def safe_url(self) -> str:
        """Where it is, without anything secret."""
        return safe_url(self.settings.url) if self.settings.url is not None else "(not configured)"

    @property
    def url(self) -> URL:
        """The location without secrets.

        Raises
        ------
        ImproperlyConfigured
            For an alias that was registered with nothing in it.
        """
        if self.settings.url is None:
            raise errors.ImproperlyConfigured(
                f"Alias {self.alias!r} is registered without a database. "
                f"Give it one: mdb.connect({self.alias!r}, 'sqlite:///shop.db')."
            )
        return self.settings.url

    @cached_property
    def backend(self) -> Backend:
        """What is known about its product."""
        return backend_for(self.url.get_backend_name())

    @cached_property
    def _file(self) -> Path | None:
        return self.backend.file(self.url)

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, made on first use."""
        with self._lock:
            if self._engine is None:
                self._engine = self._create_engine()
            return self._engine

    def _create_engine(self) -> Engine:
        # The engine is made without secrets, since its repr and its pool would show them.
        url = self.backend.prepare_url(self.url)
        settings = self.settings
        wanted = self.backend.engine_options(url, read_only=self.read_only, connect_timeout=options.connect_timeout)
        if settings.pool_size is not None and "poolclass" not in wanted:
            wanted["pool_size"] = settings.pool_size
        if "poolclass" not in wanted:
            wanted["pool_pre_ping"] = True
        engine = self._made(url, wanted)
        engine.dialect.colspecs = {**engine.dialect.colspecs, **self.backend.colspecs}
        if isinstance(engine.pool, StaticPool):
            keep_connection(engine)
        event.listen(engine, "do_connect", self._connect_with_secrets)
        event.listen(engine, "connect", self._open_session)
        event.listen(engine, "begin", self.backend.begin)
        return engine

    def _made(self, url: URL, wanted: dict[str, Any]) -> Engine:
        try:
            return sa.create_engine(url, hide_parameters=True, **wanted)
        except sa.exc.NoSuchModuleError:
            raise errors.ImproperlyConfigured(
                f"Alias {self.alias!r}: nothing installed here knows databases of the kind {url.drivername!r}. "
                f"Check the first part of its URL, or install the SQLAlchemy dialect that it needs."
            ) from None
        except ImportError as error:
            raise errors.MissingDriver(
                f"Alias {self.alias!r} needs the Python module {error.name!r}, which is not installed."
            ) from None

    def _connect_with_secrets(self, dialect: Any, _record: Any, _args: Any, known: dict[str, Any]) -> Any:
        """Look the secrets up for each new connection: a token may have changed since the last one."""
        args, found = dialect.create_connect_args(self.backend.prepare_url(self.settings.connect_url()))
        given = self.backend.connect_arguments({**found, **known, **self.settings.connect_args()})
        return dialect.connect(*args, **given)

    def _open_session(self, connection: Any, _record: Any) -> None:
        self.backend.open_session(
            connection, read_only=self.read_only, statement_timeout=self.settings.statement_timeout
        )

    # Sessions

    def connect(self, *, read_only: bool = False) -> AbstractContextManager[Connection]:
        """Lend a connection for reading; whatever it began is rolled back and it goes back to the pool.

        Inside an open `atomic` block of this thread it is the block's own connection, so reads see what it wrote.

        Parameters
        ----------
        read_only
            Whether the database shall refuse every write in it, for SQL that a person typed.

        Raises
        ------
        ConnectionFailed
            When the server or file can't be reached.
        DatabaseError
            What the database said to a statement in the block.
        """
        return self._session("reads only" if read_only else "reads")

    def begin(self) -> AbstractContextManager[Connection]:
        """Lend a connection for writing, in one transaction: committed at the end, rolled back on any error.

        Raises
        ------
        ReadOnlyAlias
            Before any SQL, when the alias only reads.
        """
        if self.read_only:
            raise errors.ReadOnlyAlias.refused(self.alias)
        return self._session("writes")

    @contextmanager
    def _session(self, mode: str) -> Iterator[Connection]:
        hears = begin_to_hear()
        try:
            with self._translated, self._lent(mode) as connection:
                yield connection
        except KeyboardInterrupt:
            raise _stopped(self.alias) from None
        finally:
            if hears:
                end_hearing()

    @contextmanager
    def _lent(self, mode: str) -> Iterator[Connection]:
        block: Connection | None = getattr(self._open, "connection", None)
        writes = mode == "writes"
        if block is not None and mode != "reads only":
            with self._savepoint(block) if writes else nullcontext(), self._deadline(block):
                yield block
            return
        with (
            self._checked_out(mode) as connection,
            self._deadline(connection),
            connection.begin() if writes else nullcontext(),
        ):
            yield connection

    @contextmanager
    def atomic(self) -> Iterator[Connection]:
        """Hold one transaction for this thread; what the thread reads and writes inside belongs to it."""
        if self.read_only:
            raise errors.ReadOnlyAlias.refused(self.alias)
        block: Connection | None = getattr(self._open, "connection", None)
        with self._translated:
            if block is not None:
                with self._savepoint(block):
                    yield block
                return
            with self._checked_out("writes") as connection, connection.begin():
                self._open.connection = connection
                self._open.broken = False
                try:
                    yield connection
                    self._refuse_broken()
                finally:
                    self._open.connection = None

    @contextmanager
    def _savepoint(self, block: Connection) -> Iterator[None]:
        if self.backend.features.savepoints:
            with block.begin_nested():
                yield
            return
        try:
            yield
        except BaseException:
            self._open.broken = True
            raise

    def _refuse_broken(self) -> None:
        """Refuse to commit half of a block where the engine could not undo its failed part alone."""
        if self._open.broken:
            raise errors.OperationalError(
                f"A statement of this atomic block on alias {self.alias!r} failed and {self.backend.title} has no "
                f"savepoints to undo it alone, so the whole block was rolled back.",
                alias=self.alias,
            )

    @contextmanager
    def _checked_out(self, mode: str) -> Iterator[Connection]:
        self._require_file(writes=mode == "writes")
        with self._turn():
            try:
                connection = self.engine.connect()
            except sa.exc.SQLAlchemyError as error:
                self.state = "failed"
                raise self._unreachable(error) from None
            self.state = "connected"
            with connection:
                session = connection.connection.driver_connection
                try:
                    yield connection if mode == "reads" else connection.execution_options(**{SESSION_OPTION: mode})
                except KeyboardInterrupt:
                    # The stop button stops the statement in the database, not only the cell.
                    self.backend.interrupted(session)
                    raise

    def _require_file(self, *, writes: bool) -> None:
        """Refuse to read a file that is not there: a driver would create an empty one for a mistyped path."""
        if self._file is None or self._file.exists():
            return
        path = self._file.absolute()
        if not path.parent.is_dir():
            raise self._failed(f"there is no folder {str(path.parent)!r}.", "Check the path.")
        if not writes:
            raise self._failed(f"there is no file {str(path)!r}.", "Check the path; the first write creates the file.")

    @property
    def shares_connection(self) -> bool:
        """Whether a read must be over before the next statement: one connection serves all, or a block owns it."""
        return isinstance(self.engine.pool, StaticPool) or getattr(self._open, "connection", None) is not None

    def _turn(self) -> AbstractContextManager[Any]:
        """Let threads take turns where all of them share one connection (a memory database)."""
        return self._lock if isinstance(self.engine.pool, StaticPool) else nullcontext()

    def _deadline(self, connection: Connection) -> AbstractContextManager[Any]:
        """Stop what runs too long, where the server does not do so by itself."""
        seconds = self.settings.statement_timeout
        if seconds is None or self.backend.features.statement_timeout:
            return nullcontext()
        return self._limited(connection, seconds)

    @contextmanager
    def _limited(self, connection: Connection, seconds: float) -> Iterator[None]:
        session = connection.connection.driver_connection
        with Limit(seconds, lambda: self._cancel(session)) as limit:

            def restart(*_: Any) -> None:
                limit.restart()

            event.listen(connection, "before_cursor_execute", restart)
            try:
                yield
            finally:
                event.remove(connection, "before_cursor_execute", restart)

    def _cancel(self, session: Any) -> None:
        try:
            self.backend.cancel(session)
        except Exception as error:  # noqa: BLE001 -- a driver's own, in a thread that nobody listens to
            _log.warning("could not stop a statement on %r: %s", self.alias, redact(str(error)))

    # Errors

    def _translate(self, error: BaseException | None) -> None:
        """Raise our own error in place of a driver's, wrapped by SQLAlchemy or not; leave all others."""
        if isinstance(error, sa.exc.DBAPIError):
            raise self._wrapped(error.orig or error, error.statement) from _quiet(error.orig)
        # Rows are fetched from the driver's own cursor, so its errors arrive here unwrapped.
        ours = isinstance(error, errors.MultiDBError | sa.exc.SQLAlchemyError)
        if isinstance(error, Exception) and not ours and isinstance(error, self.engine.dialect.loaded_dbapi.Error):
            raise self._wrapped(error, None) from _quiet(error)

    def _wrapped(self, error: BaseException, statement: str | None) -> BaseException:
        trouble = self.backend.trouble(error)
        said = redact(" ".join(str(part) for part in error.args) or type(error).__name__).strip()
        match trouble.kind:
            case "interrupted":
                # A driver that was called when the signal came makes an error of its own of it.
                return KeyboardInterrupt()
            case "read_only":
                return (
                    errors.ReadOnlyAlias.refused(self.alias)
                    if self.read_only
                    else errors.ReadOnlyAlias.reading(self.alias)
                )
            case "cancelled":
                limit = self.settings.statement_timeout
                return errors.QueryCancelled(
                    f"The statement on alias {self.alias!r} was stopped"
                    + (f" (statement_timeout is {limit:g} s)." if limit else ".")
                )
            case "unreachable":
                return self._failed(said, trouble.hint)
        text = f"Alias {self.alias!r}: {said}"
        text += f"\n{trouble.hint}" if trouble.hint else ""
        text += f"\nStatement: {_cut(redact(statement))}" if statement else ""
        kind = getattr(errors, trouble.error) if trouble.error else _error_class(error)
        return kind(text, alias=self.alias, statement=statement)

    def _unreachable(self, error: sa.exc.SQLAlchemyError) -> errors.MultiDBError:
        cause: BaseException = getattr(error, "orig", None) or error
        said = redact(" ".join(str(part) for part in cause.args) or type(cause).__name__).strip()
        return self._failed(said, self.backend.trouble(cause).hint)

    def _failed(self, said: str, hint: str) -> errors.ConnectionFailed:
        # A password typed wrongly is asked for again.
        forget_prompted(self.alias)
        return errors.ConnectionFailed(
            f"Can't reach alias {self.alias!r} ({self.safe_url}): {_cut(said)}" + (f"\n{hint}" if hint else "")
        )

    # What else there is to know

    def check(self) -> ServerInfo:
        """Connect and tell what answered.

        Raises
        ------
        ConnectionFailed
            With what went wrong and what to try.
        """
        try:
            with self.connect() as connection:
                return self.backend.server_info(connection)
        except (errors.DatabaseError, errors.QueryCancelled) as error:
            self.state = "failed"
            raise self._failed(str(error), "") from None

    @cached_property
    def fingerprint(self) -> str:
        """The identity of the database itself: equal for two aliases of one database."""
        with self.connect() as connection:
            return self.backend.fingerprint(connection, self.url)

    @cached_property
    def folding(self) -> str | None:
        """What its server needs to be told to fold every letter; see `Backend.folding`."""
        with self.connect() as connection:
            return self.backend.folding(connection)

    def memo(self, key: Hashable, factory: Callable[[], T]) -> T:
        """Keep something for as long as this registration lives (the catalog, for one)."""
        with self._lock:
            if key not in self._memo:
                self._memo[key] = factory()
            return cast("T", self._memo[key])

    def dispose(self) -> None:
        """Close every connection; the next use opens new ones."""
        with self._lock:
            engine, self._engine = self._engine, None
            self._memo.clear()
            self.__dict__.pop("fingerprint", None)
            self.state = "idle"
        if engine is not None:
            engine.dispose()


class _Translated:
    """Turns the errors of a block into ours; a generator in its place would take a tenth of a small read.

    Parameters
    ----------
    translate
        Raises another error, or none.
    """

    def __init__(self, translate: Callable[[BaseException | None], None]) -> None:
        self._translate = translate

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        self._translate(error)


def _quiet(error: BaseException | None) -> BaseException | None:
    """Keep a driver's error as the cause, without its secrets and without a screen of its frames.

    The frames hold the connection's arguments, which a verbose traceback would print.
    """
    if error is not None:
        error.args = tuple(redact(part) if isinstance(part, str) else part for part in error.args)
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    return None


def _stopped(alias: str) -> KeyboardInterrupt:
    """Say that the user stopped a statement; a notebook shows this and none of the frames of drivers and pools."""
    error = KeyboardInterrupt(f"The statement on alias {alias!r} was stopped.")
    error._render_traceback_ = lambda: [f"KeyboardInterrupt: {error}"]  # type: ignore[attr-defined]
    return error


def _cut(text: str, limit: int = 600) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _error_class(error: BaseException) -> type[errors.DatabaseError]:
    """Find our error by the DB-API name of the driver's, which PEP 249 fixes."""
    for base in type(error).__mro__:
        ours = getattr(errors, base.__name__, None)
        if isinstance(ours, type) and issubclass(ours, errors.DatabaseError):
            return ours
    return errors.DatabaseError
