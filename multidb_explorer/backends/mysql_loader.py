"""LOAD DATA LOCAL, whose file is made of Arrow batches and never exists.

The server asks for a file by name in the middle of a conversation, so whoever plays the server could ask for any. No
file of this machine is ever opened here or by PyMySQL: it refuses all such requests, and this loader answers its own
with the lines that it has.

LOCAL makes the server skip rows that break a rule and bend values that don't fit, with a warning. Every warning and
every missing row is an error here, and the transaction of the load is rolled back by whoever began it.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from multidb_explorer.backends.loaders import Load, Loader
from multidb_explorer.backends.mysql_session import LOCAL_FILES, drop, stop_interrupted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

__all__ = ["LocalDataLoader"]

_FEW = 50
"""So few rows are written as quickly by the plain INSERT."""

_ROWS = 100_000
"""Rows of one statement at most: between two of them an order to stop is followed."""

_PACKET = 1 << 14
"""Octets of a packet: the least that any server takes is not much more."""

_NULL_FOR_NOT_NULL = 1263
_QUERY = 3
_FILE = "rows of multidb_explorer"


class LocalDataLoader(Loader):
    """Answers the server's request for a file with lines of text."""

    name: ClassVar[str] = "local data"
    title: ClassVar[str] = "LOAD DATA LOCAL"

    def refusal(self, load: Load) -> str:
        """Refuse where the server or the driver won't, and where a failed load could not be rolled back."""
        session: Any = load.connection.connection.driver_connection
        driver: Any = type(session)
        reasons = (
            _strangeness(driver),
            "" if load.columns else "no column is given",
            "" if load.rows is None or load.rows > _FEW else f"{load.rows} rows are written as quickly by INSERT",
            *(f"column {each.name!r} has no text form" for each in load.columns if each.kind.name in _WITHOUT_TEXT),
        )
        return next((reason for reason in reasons if reason), "") or _unwilling(load, session)

    def load(self, load: Load, batches: Iterable[pa.RecordBatch]) -> int:
        """Load each batch by a statement of its own."""
        from multidb_explorer.backends.mysql_lines import Lines
        from multidb_explorer.backends.pieces import pieces

        types, numbered = _types(load)
        lines = Lines(load.columns, types)
        statement = _statement(load, lines.read_as, numbered)
        session: Any = load.connection.connection.driver_connection
        written = 0
        for batch in batches:
            for part in pieces(batch, _ROWS, 1 << 40):
                with _kept_clean(load, session):
                    _Sending(session, statement).send(lines.encoded(piece) for piece in pieces(part))
                    _require_all(session, part.num_rows)
                written += part.num_rows
        return written


_WITHOUT_TEXT = frozenset({"array", "interval"})


@cache
def _strangeness(driver: type[Any]) -> str:
    """Say what is missing in a driver's connection that is written to from here."""
    modules = [each.__module__ for each in driver.__mro__]
    if "pymysql.connections" not in modules:
        return f"the driver is {driver.__module__.partition('.')[0]}, not PyMySQL"
    wanted = ("_execute_command", "_read_packet", "_write_bytes", "_force_close", "show_warnings")
    missing = [name for name in wanted if not hasattr(driver, name)]
    return f"this PyMySQL has no {', '.join(missing)}" if missing else ""


_SERVER = """
SELECT @@local_infile, (
    SELECT e.transactions FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = COALESCE(:schema, DATABASE()) AND t.table_name = :name
)
"""


def _unwilling(load: Load, session: Any) -> str:
    if not session.client_flag & LOCAL_FILES:
        return "the connection was made without LOCAL_FILES among its client_flag"
    statement = sa.text(_SERVER)
    name = {"schema": load.table.schema, "name": load.table.name}
    allowed, transactions = load.connection.execute(statement, name).one()
    if not allowed:
        return "the server has local_infile switched off"
    # Of a temporary table nothing may be known.
    return "the table's storage engine has no transactions" if transactions == "NO" else ""


def _types(load: Load) -> tuple[Mapping[str, str], str]:
    """Ask the server for the type of each column, and for the one that numbers its rows."""
    connection = load.connection.execution_options(no_parameters=True)
    rows = connection.exec_driver_sql(f"SHOW COLUMNS FROM {_named(load)}").all()
    numbered = next((row[0] for row in rows if "auto_increment" in str(row[5])), "")
    return {row[0]: str(row[1]).lower() for row in rows}, numbered


def _statement(load: Load, read_as: Mapping[str, str], numbered: str) -> str:
    """Write the statement.

    Parameters
    ----------
    read_as
        The functions that some columns are read by.
    numbered
        The column that numbers its rows. As soon as any column is set by an expression, a zero in it is taken for no
        number at all (MariaDB 10.11), unless it is set in this way itself.
    """
    if read_as and numbered:
        read_as = {numbered: "{}", **read_as}
    preparer = load.connection.dialect.identifier_preparer
    fields, settings = [], []
    for place, column in enumerate(load.columns):
        name = _single(preparer.quote(column.name))
        if column.name in read_as:
            fields.append(f"@multidb_{place}")
            settings.append(f"{name} = {read_as[column.name].format(f'@multidb_{place}')}")
        else:
            fields.append(name)
    # Numbers in place of characters mean the same in every sql_mode.
    sql = (
        f"LOAD DATA LOCAL INFILE '{_FILE}' INTO TABLE {_named(load)} CHARACTER SET utf8mb4 "
        f"FIELDS TERMINATED BY x'09' ESCAPED BY x'5C' LINES TERMINATED BY x'0A' ({', '.join(fields)})"
    )
    return f"{sql} SET {', '.join(settings)}" if settings else sql


def _named(load: Load) -> str:
    return _single(load.connection.dialect.identifier_preparer.format_table(load.table))


def _single(name: str) -> str:
    """Take back the doubled percent signs, which only statements with parameters have."""
    return name.replace("%%", "%")


class _Sending:
    """One LOAD DATA on a connection of PyMySQL."""

    def __init__(self, session: Any, statement: str) -> None:
        self._session = session
        self._statement = statement

    def send(self, lines: Iterable[memoryview]) -> None:
        """Send the statement and then the lines, which the server asks for as a file; errors are PyMySQL's own."""
        session = self._session
        session._execute_command(_QUERY, self._statement)  # noqa: SLF001
        request = session._read_packet()  # noqa: SLF001
        if not request.is_load_local_packet() or request.get_all_data()[1:] != _FILE.encode():
            drop(session)
            raise session.InternalError("the server asked for something else than what was announced")
        number = session._next_seq_id  # noqa: SLF001
        for octets in lines:
            number = _write(session, octets, number)
        session._next_seq_id = number  # noqa: SLF001
        session.write_packet(b"")
        session._result = _finished(session)  # noqa: SLF001


def _write(session: Any, octets: memoryview, number: int) -> int:
    """Write packets of moderate size, whatever the server's limit, and give the number of the next one."""
    out = bytearray()
    for start in range(0, len(octets), _PACKET):
        piece = octets[start : start + _PACKET]
        out += len(piece).to_bytes(3, "little")
        out.append(number)
        out += piece
        number = (number + 1) % 256
    session._write_bytes(out)  # noqa: SLF001
    return number


def _finished(session: Any) -> Any:
    """Read how it ended."""
    from pymysql.connections import MySQLResult

    result = MySQLResult(session)
    result.read()
    return result


def _require_all(session: Any, rows: int) -> None:
    """Raise an error for what the server only warns of."""
    result = session._result  # noqa: SLF001
    if result.affected_rows == rows and not result.warning_count:
        return
    warnings = session.show_warnings()
    grave = [(code, text) for level, code, text in warnings if level != "Note"] or [each[1:] for each in warnings]
    if grave:
        raise _error(session, *grave[0])
    raise session.OperationalError(f"the server stored {result.affected_rows} of {rows} rows, and does not say why")


def _error(session: Any, code: int, text: str) -> Exception:
    """Make the error that an INSERT would have got."""
    from pymysql.err import error_map

    found: Exception = error_map.get(code, session.OperationalError)(code, text)
    return session.IntegrityError(code, text) if code == _NULL_FOR_NOT_NULL else found


@contextmanager
def _kept_clean(load: Load, session: Any) -> Iterator[None]:
    """Give up a session that was left in the middle of a statement, and tell SQLAlchemy of one that was lost."""
    try:
        yield
    except session.Error as error:
        # What the server itself said ended the statement.
        if not session.open:
            load.connection.invalidate(error)
        raise
    except BaseException:
        stop_interrupted(session)
        drop(session)
        load.connection.invalidate()
        raise
