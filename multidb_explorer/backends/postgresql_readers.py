"""PostgreSQL's fast reader: Arrow through ADBC, over a twin of the lent session."""

from __future__ import annotations

import json
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from multidb_explorer.backends.postgresql_arrow import Shape, shape
from multidb_explorer.backends.postgresql_bound import Bound, Numbered, bound, numbered
from multidb_explorer.backends.postgresql_twin import Broken, State, Twin, alone, drop, kept, opened, state_of
from multidb_explorer.backends.readers import Reader, Request, StepAside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import pyarrow as pa
    import sqlalchemy as sa
    from sqlalchemy.engine import Connection

__all__ = ["ADBCReader", "estimated"]

_FEW = 1_000
"""Rows up to which a second session does not pay."""

_FETCHED = 50_000
"""Rows that a statement with parameters fetches at a time, unless fewer are asked for."""


class ADBCReader(Reader):
    """Reads Arrow over a session of its own, which sees what the lent one sees and writes nothing."""

    name: ClassVar[str] = "adbc"
    title: ClassVar[str] = "ADBC"

    def refusal(self, request: Request) -> str:
        """Refuse what a second session would not see, and what is over before it has begun."""
        session: Any = request.connection.connection.driver_connection
        reasons = {
            "adbc-driver-postgresql is not installed": find_spec("adbc_driver_postgresql") is None,
            "it goes with psycopg only": not hasattr(session, "info") or not hasattr(session, "adapters"),
            "another session would not see what the open transaction wrote": request.isolated,
            "the rows are few": request.most is not None and request.most <= _FEW,
            "a column's type is known by its values only": any(each.kind.name == "any" for each in request.columns),
        }
        return next((reason for reason, holds in reasons.items() if holds), "") or _unable(session)

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Read on the twin; once more on a new one if the first was lost before its first batch."""
        session: Any = request.connection.connection.driver_connection
        state = _checked(state_of(session))
        given = bound(request.statement, request.connection)
        begun = again = False
        while True:
            twin = _twin(request, state, given)
            try:
                with closing(_read(twin, request, numbered(given, session))) as found:
                    for batch in found:
                        begun = True
                        yield batch
            except KeyboardInterrupt:
                drop(session)
                raise
            except StepAside as error:
                raise _too_late(error) if begun else error from None
            except Broken as error:
                drop(session)
                if begun:
                    raise _too_late(error) from None
                if again:
                    raise StepAside(error) from None
                again = True
            else:
                return


def _unable(session: Any) -> str:
    if alone(session):
        return "the server let no second session in"
    if session.info.transaction_status.name != "IDLE":
        return "the session is inside a transaction"
    return ""


def _checked(state: State) -> State:
    if state.temporary:
        raise StepAside("the session has temporary tables, which only itself sees")
    if state.encoding == "SQL_ASCII":
        raise StepAside("the database does not check the bytes of its texts")
    return state


def _twin(request: Request, state: State, given: Bound) -> Twin:
    session: Any = request.connection.connection.driver_connection
    twin = kept(session)
    if twin is not None and twin.usable and twin.state == state:
        return twin
    drop(session)
    rows = _planned(session, given)
    if rows is not None and rows <= _FEW:
        raise StepAside("the rows are few")
    return opened(request.connection, state)


def _read(twin: Twin, request: Request, given: Numbered) -> Generator[pa.RecordBatch, None, None]:
    form: Shape = shape(twin.schema(given.sql), request.columns)
    rows = max(min(request.batch_rows, _FETCHED), _FEW)
    with closing(twin.batches(form.around(given.sql), given.values, rows)) as found:
        for batch in found:
            whole = form.batch(batch)
            for start in range(0, whole.num_rows, request.batch_rows):
                yield whole.slice(start, request.batch_rows)


def _too_late(error: StepAside | Broken) -> Exception:
    """Give the error that psycopg would have raised, where it is too late to step aside."""
    import psycopg

    cause = error.args[0]
    if isinstance(cause, psycopg.Error):
        return cause
    return (psycopg.OperationalError if isinstance(error, Broken) else psycopg.DataError)(str(cause))


def estimated(connection: Connection, statement: sa.Executable) -> int | None:
    """Give the planner's estimate of a statement's rows."""
    session: Any = connection.connection.driver_connection
    if not hasattr(session, "adapters"):
        return None
    return _planned(session, bound(statement, connection))


def _planned(session: Any, given: Bound) -> int | None:
    """Plan a statement, with a savepoint around it where a transaction is open, so that a failure undoes nothing."""
    import psycopg

    try:
        with session.transaction(), session.cursor() as cursor:
            found = cursor.execute(f"EXPLAIN (FORMAT JSON) {given.sql}", given.values).fetchone()
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:
        return None
    plan = json.loads(found[0]) if isinstance(found[0], str) else found[0]
    return int(plan[0]["Plan"]["Plan Rows"])
