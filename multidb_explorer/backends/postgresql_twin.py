"""The twin of a session: a second one, read-only and of the same settings, that hands over Arrow."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from json import loads
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, finalize

from sqlalchemy import event

from multidb_explorer.backends.readers import StepAside
from multidb_explorer.backends.waiting import interruptibly

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import pyarrow as pa
    from sqlalchemy.engine import Connection

__all__ = ["Broken", "State", "Twin", "alone", "drop", "kept", "opened", "state_of"]

_BATCH_BYTES = 16 * 1024 * 1024


class Broken(Exception):
    """The twin's connection is of no use any more; another one may be."""


@dataclass(frozen=True)
class State:
    """What a session sees and how it writes values: a twin must have the same.

    Attributes
    ----------
    temporary
        Whether the session has ever made a temporary table, which only itself sees.
    encoding
        Of the database; ASCII stands for bytes that nobody has checked.
    server
        Which server, since when.
    settings
        What was set in the session, as JSON.
    """

    temporary: bool
    encoding: str
    server: str
    user: str
    settings: str


_SERVER = "SELECT concat(current_database(), ' ', pg_postmaster_start_time()), current_user::text"

_STATE = """
SELECT pg_my_temp_schema() <> 0, current_setting('server_encoding'),
       concat(current_database(), ' ', pg_postmaster_start_time()), current_user::text,
       (SELECT coalesce(json_object_agg(name, setting ORDER BY name)::text, '{}') FROM pg_settings
        WHERE source = 'session' AND name NOT LIKE 'transaction\\_%%')
"""


def state_of(session: Any) -> State:
    """Ask a psycopg connection that is in no transaction for its state, and leave it so.

    Raises
    ------
    StepAside
        When the server does not understand the question: it is no PostgreSQL, but speaks its protocol.
    """
    import psycopg

    before, session.autocommit = session.autocommit, True
    try:
        with session.cursor() as cursor:
            return State(*cursor.execute(_STATE, ()).fetchone())
    except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        _alone.add(session)
        raise StepAside(error) from None
    finally:
        if not session.closed:
            session.autocommit = before


class Twin:
    """An open ADBC connection.

    Parameters
    ----------
    connection
        The connection, which commits by itself.
    state
        Of the session whose twin it is.

    Attributes
    ----------
    usable
        Whether nothing is left in it of what failed.
    end
        Closes it, now or when its session is gone.
    """

    def __init__(self, connection: Any, state: State) -> None:
        self.state = state
        self.usable = True
        self.end: Callable[[], object] = self.close
        self._connection = connection
        self._stopped = False

    def cancel(self) -> None:
        """Stop what runs, from another thread."""
        self._stopped = True
        with suppress(Exception):
            self._connection.adbc_cancel()

    def close(self) -> None:
        """End the session."""
        with suppress(Exception):
            self._connection.close()

    def prepare(self, settings: Mapping[str, str]) -> None:
        """Make the settings, and check that this is the same database of the same server."""
        import pyarrow as pa

        parts = [part for setting in settings.items() for part in setting]
        calls = [f"set_config(${place}, ${place + 1}, false)" for place in range(1, len(parts), 2)]
        given = pa.RecordBatch.from_arrays([pa.array([part], pa.string()) for part in parts], list(map(str, parts)))
        with self._cursor() as cursor:
            self._wait(lambda: cursor.execute(f"SELECT {', '.join(calls)}", given))
        with self._cursor() as cursor:
            self._wait(lambda: cursor.execute(_SERVER))
            if self._wait(cursor.fetchone) != (self.state.server, self.state.user):
                raise StepAside("another server answered")

    def schema(self, sql: str) -> pa.Schema:
        """Describe the columns of a statement without running it."""
        with self._cursor() as cursor:
            return self._wait(lambda: cursor.adbc_execute_schema(sql))

    def batches(self, sql: str, values: Sequence[str | None], rows: int) -> Generator[pa.RecordBatch, None, None]:
        """Run a statement and yield what arrives; closing the iterator early stops it."""
        self._stopped = False
        yield from self._by_cursor(sql, values, rows) if values else self._by_copy(sql)

    def _by_copy(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._cursor() as cursor:
            reader = self._started(cursor, sql)
            try:
                while (batch := self._wait(lambda: _next(reader))) is not None:
                    yield batch
            except GeneratorExit:
                self._abandon(reader)
                raise

    def _abandon(self, reader: Any) -> None:
        """Stop what is still being sent; what is under way already is read off the line."""
        with suppress(Exception):
            self._connection.adbc_cancel()
            while _next(reader) is not None:
                pass

    def _by_cursor(self, sql: str, values: Sequence[str | None], rows: int) -> Iterator[pa.RecordBatch]:
        """Fetch in steps: COPY takes no parameters, and a plain SELECT would be held in memory as a whole."""
        import pyarrow as pa

        given = pa.RecordBatch.from_arrays([pa.array([value], pa.string()) for value in values], list(map(str, values)))
        self._do("BEGIN")
        try:
            self._do(f"DECLARE multidb NO SCROLL CURSOR FOR {sql}", given)
            count = rows
            while count == rows:
                count = 0
                for batch in self._fetched(f"FETCH {rows} FROM multidb"):
                    count += batch.num_rows
                    yield batch
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        try:
            self._do("ROLLBACK")
        except Exception:  # noqa: BLE001 -- what went wrong before is what counts; this twin is not used again
            self.usable = False

    def _fetched(self, sql: str) -> Iterator[pa.RecordBatch]:
        if self._stopped:
            raise _stopped()
        with self._cursor(**{"adbc.postgresql.use_copy": "false"}) as cursor:
            reader = self._started(cursor, sql)
            while (batch := self._wait(lambda: _next(reader))) is not None:
                yield batch

    def _started(self, cursor: Any, sql: str) -> Any:
        # The reader that `fetch_record_batch` gives would lose the code of an error.
        from adbc_driver_manager._reader import AdbcRecordBatchReader

        self._wait(lambda: cursor.execute(sql))
        # As long as nobody has taken it over, the stream ends with its handle.
        stream = cursor.fetch_arrow()
        return AdbcRecordBatchReader._import_from_c(stream.address)  # noqa: SLF001

    def _do(self, sql: str, values: Any = None) -> None:
        with self._cursor() as cursor:
            self._wait(lambda: cursor.execute(sql, values))

    def _cursor(self, **options: str) -> Any:
        hint = {"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        return self._connection.cursor(adbc_stmt_kwargs={**hint, **options})

    def _wait(self, call: Any) -> Any:
        import adbc_driver_manager

        try:
            return interruptibly(call, self.cancel)
        except (adbc_driver_manager.Error, OSError) as error:
            raise _own_error(error) from None


def _next(reader: Any) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None


# Errors

_LOST = ("08", "57P")
_OTHERWISE = ("22", "23", "40", "53", "54", "57014", "P0", "XX")
"""What the plain cursor would be told as well; any other error before the first batch may be ours alone."""


def _own_error(error: Exception) -> Exception:
    """Make the error that psycopg would have raised."""
    state = getattr(error, "sqlstate", None)
    text = str(error)
    if state is None:
        lost = re.search(r"closed the connection|no connection|terminating|reset by peer|bad connection", text)
        return Broken(text) if lost else StepAside(text)
    said = re.search(r"(?:ERROR|FATAL):  (.*?)(?:\n|\. SQLSTATE|$)", text)
    found = _class(state)(said[1] if said else text)
    if state.startswith(_LOST):
        return Broken(found)
    return found if state.startswith(_OTHERWISE) else StepAside(found)


def _class(state: str) -> type[Exception]:
    import psycopg

    try:
        return psycopg.errors.lookup(state)
    except KeyError:
        return psycopg.DatabaseError


def _stopped() -> Exception:
    return _class("57014")("canceling statement due to user request")


# One twin a session

_twins: WeakKeyDictionary[Any, Twin] = WeakKeyDictionary()
_alone: WeakSet[Any] = WeakSet()
"""Sessions beside which the server let no second one in: it is not asked again."""


def alone(session: Any) -> bool:
    """Tell whether a session can have no twin."""
    return session in _alone


def kept(session: Any) -> Twin | None:
    """Give the twin that is open."""
    return _twins.get(session)


def drop(session: Any, _record: Any = None) -> None:
    """Close the twin of a session, if it has one."""
    twin = _twins.pop(session, None)
    if twin is not None:
        twin.end()


def opened(connection: Connection, state: State) -> Twin:
    """Open the twin of a lent session; it is closed with it.

    Raises
    ------
    StepAside
        When there can be none.
    """
    session: Any = connection.connection.driver_connection
    try:
        twin = _connected(session, state)
    except Exception as error:  # noqa: BLE001 -- whatever a driver says: the session stays alone
        _alone.add(session)
        # What a driver says of a connection that failed may hold its password.
        raise StepAside(f"no second session could be opened ({type(error).__name__})") from None
    _twins[session] = twin
    twin.end = finalize(session, twin.close)
    if not event.contains(connection.engine.pool, "close", drop):
        event.listen(connection.engine.pool, "close", drop)
    return twin


def _connected(session: Any, state: State) -> Twin:
    from adbc_driver_postgresql import dbapi

    address = _address(session.info)
    made: list[Twin] = []
    try:
        interruptibly(lambda: made.append(Twin(dbapi.connect(address, autocommit=True), state)), lambda: None)
        made[0].prepare(_settings(session, state))
    except BaseException:
        # An interrupt comes after it was made, and before anybody knows of it.
        for twin in made:
            twin.close()
        raise
    return made[0]


def _address(info: Any) -> str:
    """Write where a session is connected to: of several servers, the one that answered."""
    from psycopg.conninfo import make_conninfo

    place = {"host": info.host, "hostaddr": info.hostaddr, "port": info.port, "password": info.password}
    given = {name: value for name, value in place.items() if value}
    return make_conninfo(info.dsn, **given, client_encoding="utf8")


def _settings(session: Any, state: State) -> dict[str, str]:
    role = {} if state.user == session.info.user else {"role": state.user}
    # A cursor is planned for its first rows unless it is told that all of them are wanted.
    always = {"default_transaction_read_only": "on", "cursor_tuple_fraction": "1"}
    return {**loads(state.settings), **role, **always}
