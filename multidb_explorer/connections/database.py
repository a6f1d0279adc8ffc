"""One alias that is in use: its engine, its sessions, and the one place where a driver's error becomes ours."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext
from sqlalchemy.pool import StaticPool

from multidb_explorer import errors
from multidb_explorer.backends import backend_for
from multidb_explorer.backends.base import Backend, ServerInfo
from multidb_explorer.backends.hearing import begin_to_hear, end_hearing
from multidb_explorer.backends.moving import Reach
from multidb_explorer.connections.atomicity import Atomic
from multidb_explorer.connections.blocks import Block, block_of, tell_apart
from multidb_explorer.connections.config import AliasSettings
from multidb_explorer.connections.confirming import require_word
from multidb_explorer.connections.ending import Ending
from multidb_explorer.connections.insisting import Limit
from multidb_explorer.connections.keeping import keep_connection
from multidb_explorer.connections.redaction import redact, safe_url
from multidb_explorer.connections.translating import Translated, stopped, translated, unreachable, unreached
from multidb_explorer.connections.working import Work
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
        self._memo: dict[Hashable, Any] = {}
        self._engine: Engine | None = None
        self._translated = Translated(self)

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
        event.listen(engine, "before_cursor_execute", self._before_statement)
        event.listen(engine, "handle_error", self._after_error)
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

        Inside an open `atomic` block of this thread it is a part of that one.

        Raises
        ------
        ReadOnlyAlias, ConfirmationRequired
            Before any SQL, when the alias only reads, or asks before writes and nobody has confirmed this one.
        """
        self.refuse_writes()
        return self._session("writes")

    def atomic(
        self, *, durable: bool = False, savepoint: bool = True, on_purpose: bool = False
    ) -> AbstractContextManager[Connection]:
        """Hold one transaction for this thread; what the thread reads and writes inside belongs to it.

        Parameters
        ----------
        durable
            Whether it must be the outermost block.
        savepoint
            Whether a block inside another one can be undone alone.
        on_purpose
            Whether the user opened it, and not a write that needs one for itself.

        Raises
        ------
        ReadOnlyAlias, ConfirmationRequired
            As `begin`, on entering.
        TransactionError
            For a durable block inside another one, and inside one that can't go on.
        """
        return Atomic(self, durable=durable, savepoint=savepoint, on_purpose=on_purpose)

    def preparing(self, name: str) -> AbstractContextManager[Connection]:
        """Hold one transaction for this thread, as `atomic`, and vote for it at the end instead of committing it.

        Whoever knows that all have voted ends it with `Backend.finish_prepared`.

        Parameters
        ----------
        name
            Of the vote; see `Backend.begin_prepared`.

        Raises
        ------
        TransactionError
            As `atomic`, and where the database did not keep the vote: everything is rolled back then.
        """
        return Atomic(self, durable=True, savepoint=True, on_purpose=False, ending=Ending(vote=name))

    def reaching(self, reach: Reach) -> AbstractContextManager[Connection]:
        """Hold one transaction for this thread, as `atomic`, in which the tables of another database are changed too.

        Parameters
        ----------
        reach
            What `Backend.reaches` said of the other one.
        """
        return Atomic(self, durable=True, savepoint=True, on_purpose=False, ending=Ending(reach=reach))

    def on_commit(self, call: Callable[[], object]) -> None:
        """Call a function when the open block of this thread is committed; at once where none is open."""
        block = block_of(self)
        if block is None:
            call()
        else:
            block.after_commit.append(call)

    def on_rollback(self, call: Callable[[], object]) -> None:
        """Call a function when what the open block of this thread did so far is undone; never where none is open."""
        block = block_of(self)
        if block is not None:
            block.after_rollback.append(call)

    def refuse_writes(self) -> None:
        """Refuse to write where that is not allowed, or not meant; what is open already was allowed."""
        if self.read_only:
            raise errors.ReadOnlyAlias.refused(self.alias)
        if block_of(self) is None:
            require_word(self)

    @contextmanager
    def _session(self, mode: str) -> Iterator[Connection]:
        hears = begin_to_hear()
        try:
            with self._translated, self._lent(mode) as connection:
                yield connection
        except KeyboardInterrupt as error:
            # What is unknown after an interrupt has been said already.
            raise error if error.args else stopped(self.alias) from None
        finally:
            if hears:
                end_hearing()

    @contextmanager
    def _lent(self, mode: str) -> Iterator[Connection]:
        block = block_of(self)
        if block is not None and mode != "reads only":
            with self._inside(block, mode), self._deadline(block.connection):
                yield block.connection
            return
        if mode == "writes":
            tell_apart(self)
        with self._checked_out(mode) as connection, self._deadline(connection):
            if mode != "writes":
                yield connection
                return
            with Work(self, connection).done():
                yield connection

    @contextmanager
    def _inside(self, block: Block, mode: str) -> Iterator[None]:
        if mode == "writes":
            with block.part():
                yield
            return
        block.check()
        try:
            yield
        except BaseException as error:
            block.fails(error)
            raise

    @contextmanager
    def outermost(self, owner: Atomic, *, on_purpose: bool) -> Iterator[Block]:
        """Hold the outermost block of this thread."""
        if not on_purpose:
            tell_apart(self)
        ending = owner.ending
        with self._translated, self._checked_out("writes") as connection, ending.around(self.backend, connection):
            block = Block(self, connection, owner, on_purpose=on_purpose)
            work = Work(self, connection, ending.vote)
            try:
                with work.done(block.check), block.open():
                    yield block
            except BaseException:
                if work.outcome == "rolled back":
                    block.rolled_back()
                raise
        block.committed()

    @contextmanager
    def part(self, block: Block, *, savepoint: bool) -> Iterator[None]:
        """Hold a block inside the open one."""
        with self._translated, block.part(savepoint=savepoint):
            yield

    def _before_statement(self, connection: Connection, _cursor: Any, sql: str, *_: Any) -> None:
        block = block_of(self)
        if block is not None and block.connection is connection:
            block.before_statement(sql)

    def _after_error(self, context: ExceptionContext) -> None:
        block = block_of(self)
        if block is not None and block.connection is context.connection:
            block.fails(context.original_exception)

    @contextmanager
    def _checked_out(self, mode: str) -> Iterator[Connection]:
        self._require_file(writes=mode == "writes")
        with self._turn():
            try:
                connection = self.engine.connect()
            except sa.exc.SQLAlchemyError as error:
                self.state = "failed"
                raise unreachable(self, error) from None
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
            raise unreached(self, f"there is no folder {str(path.parent)!r}.", "Check the path.")
        if not writes:
            hint = "Check the path; the first write creates the file."
            raise unreached(self, f"there is no file {str(path)!r}.", hint)

    @property
    def shares_connection(self) -> bool:
        """Whether a read must be over before the next statement: one connection serves all, or a block owns it."""
        return isinstance(self.engine.pool, StaticPool) or block_of(self) is not None

    def _turn(self) -> AbstractContextManager[Any]:
        """Let threads take turns where all of them share one connection (a memory database)."""
        return self._lock if isinstance(self.engine.pool, StaticPool) else nullcontext()

    def _deadline(self, connection: Connection) -> AbstractContextManager[Any]:
        """Stop what runs too long, where the server does not do so by itself or its stopping is noticed late."""
        seconds = self.settings.statement_timeout
        features = self.backend.features
        if seconds is None or (features.statement_timeout and not features.reads_behind):
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

    def translated(self, error: BaseException) -> BaseException:
        """Give our own error in place of a driver's; all others stay what they are."""
        return translated(self, error)

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
            raise unreached(self, str(error), "") from None

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
