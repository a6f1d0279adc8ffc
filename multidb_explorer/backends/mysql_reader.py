"""The fast reader of MySQL: the rows as the server sends them, a whole column at once.

PyMySQL sends the statement and reads what its columns are. From there on the bytes of its connection are read in large
pieces, and no row becomes a Python object. The packet that ends the rows is PyMySQL's again, so that its errors and
its state are its own.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from multidb_explorer.backends.mysql_session import drop, kill, stop_interrupted
from multidb_explorer.backends.readers import Reader, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from sqlalchemy.engine import Connection

__all__ = ["WireReader"]

_FEW = 100
"""So few rows are read as quickly by the plain cursor."""

_BUFFERED = 1 << 20
"""More bytes than a file keeps in its buffer."""

_SERVER_LOST = 2013


class WireReader(Reader):
    """Reads the packets of PyMySQL's own connection."""

    name: ClassVar[str] = "wire"
    title: ClassVar[str] = "the server's rows, column by column"

    def refusal(self, request: Request) -> str:
        """Read what comes over PyMySQL, where there is more of it than a few rows."""
        if request.most is not None and request.most <= _FEW:
            return f"{request.most} rows are read as quickly by the plain cursor"
        if any(column.kind.name == "any" for column in request.columns):
            return "a column has a type per value only"
        driver: Any = type(request.connection.connection.driver_connection)
        return _strangeness(driver)

    def batches(self, request: Request) -> Iterator[pa.RecordBatch]:
        """Run the statement and parse its rows."""
        found = _read(request)
        return iter(list(found)) if request.shared else found


@cache
def _strangeness(driver: type) -> str:
    """Say what is missing in a driver's connection that is read from here."""
    if "pymysql.connections" not in [each.__module__ for each in driver.__mro__]:
        return f"the driver is {driver.__module__.partition('.')[0]}, not PyMySQL"
    from pymysql.connections import MySQLResult

    wanted = {
        driver: ("_read_packet", "_force_close", "thread_id"),
        MySQLResult: ("_read_rowdata_packet_unbuffered", "_get_descriptions", "init_unbuffered_query"),
    }
    missing = [name for class_, names in wanted.items() for name in names if not hasattr(class_, name)]
    return f"this PyMySQL has no {', '.join(missing)}" if missing else ""


def _read(request: Request) -> Iterator[pa.RecordBatch]:
    result = request.connection.execute(request.statement, execution_options={"stream_results": True})
    cursor: Any = result.cursor
    # The first row has been fetched already.
    first = result.cursor_strategy.fetchmany(result, cursor, 1)
    if not first:
        return
    line = _Line(request.connection, cursor)
    try:
        cutter = _Cutter(request.batch_rows)
        for piece in line.pieces(request, first):
            yield from cutter.cut(piece)
        yield from cutter.rest()
    except (KeyboardInterrupt, line.garbled):
        line.drop()
        raise
    except BaseException:
        line.abandon()
        raise
    finally:
        result.close()
        line.hand_back()


class _Cutter:
    """Cuts pieces of any size into batches of one size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[pa.RecordBatch] = []
        self.missing = size

    def cut(self, piece: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Take a piece, and give the batches that it fills."""
        import pyarrow as pa

        self._kept.append(piece)
        self.missing -= piece.num_rows
        if self.missing > 0:
            return
        whole = pa.concat_batches(self._kept) if len(self._kept) > 1 else piece
        full = whole.num_rows - whole.num_rows % self._size
        self._kept = [whole.slice(full)] if full < whole.num_rows else []
        self.missing = self._size - (whole.num_rows - full)
        for start in range(0, full, self._size):
            yield whole.slice(start, self._size)

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Give the last batch, if there is one."""
        import pyarrow as pa

        if self._kept:
            yield pa.concat_batches(self._kept)


class _Line:
    """The bytes of a connection, from the second row of a result on."""

    def __init__(self, connection: Connection, cursor: Any) -> None:
        from multidb_explorer.backends.mysql_wire import Inbox

        self._connection = connection
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._result = cursor._result  # noqa: SLF001
        self._inbox = Inbox(driver._next_seq_id)  # noqa: SLF001
        self._emptied = False
        self.garbled: type[Exception] = driver.InternalError

    def pieces(self, request: Request, first: Sequence[Any]) -> Iterator[pa.RecordBatch]:
        """Yield all rows in pieces of any size."""
        from multidb_explorer.backends.mysql_parsing import Parser

        parser = Parser(request.columns, self._result)
        yield parser.fetched(first)
        while not self._inbox.ended:
            self._receive()
            if self._inbox.plenty or self._inbox.ready >= request.batch_rows:
                yield parser.parsed(self._inbox.take())
        if self._inbox.ready:
            yield parser.parsed(self._inbox.take())
        self._finish()

    def _receive(self) -> None:
        """Wait for more bytes; what goes wrong is told as PyMySQL tells it."""
        file = self._driver._rfile  # noqa: SLF001
        try:
            if not self._emptied:
                # The file's own buffer first, which may hold the end already: readinto1 would wait for more.
                octets = file.read1(_BUFFERED)
                self._emptied, count = True, len(octets)
                self._inbox.put(octets)
            else:
                with self._inbox.room() as room:
                    count = file.readinto1(room)
                self._inbox.arrived(count)
        except OSError as error:
            self._lost(f" ({error})")
        if not count:
            self._lost("")

    def _lost(self, reason: str) -> NoReturn:
        drop(self._driver)
        raise self._driver.OperationalError(_SERVER_LOST, f"Lost connection to MySQL server during query{reason}")

    def _finish(self) -> None:
        """Let PyMySQL read what stands behind the rows: their end, or an error, which it raises."""
        driver = self._driver
        driver._next_seq_id = self._inbox.number  # noqa: SLF001
        driver._rfile = _Rest(self._inbox.rest, driver._rfile)  # noqa: SLF001
        self._result._read_rowdata_packet_unbuffered()  # noqa: SLF001
        while driver._result.has_next:  # noqa: SLF001
            # A procedure's further results, which nobody asked for.
            driver.next_result()

    def abandon(self) -> None:
        """Stop the statement, unless all of it is here, and leave the session clean or closed."""
        if not self._result.unbuffered_active:
            return
        try:
            with suppress(self._driver.Error):
                if not self._inbox.ended:
                    kill(self._driver)
                while not self._inbox.ended:
                    self._receive()
                    self._inbox.take()
                self._finish()
        finally:
            if self._result.unbuffered_active:
                self._give_up()

    def drop(self) -> None:
        """Stop the statement; where the interrupt hit is not known, so nothing more can be read."""
        if self._result.unbuffered_active:
            stop_interrupted(self._driver)
            self._give_up()

    def _give_up(self) -> None:
        drop(self._driver)
        self._connection.invalidate()

    def hand_back(self) -> None:
        """Give PyMySQL its own file back, once it has read everything that was read for it."""
        file = self._driver._rfile  # noqa: SLF001
        if isinstance(file, _Rest):
            self._driver._rfile = file.file  # noqa: SLF001


class _Rest:
    """Bytes that were read already, and the file that goes on behind them."""

    def __init__(self, octets: bytes, file: Any) -> None:
        self._octets = octets
        self.file = file

    def read(self, count: int) -> bytes:
        found, self._octets = self._octets[:count], self._octets[count:]
        return found if len(found) == count else found + self.file.read(count - len(found))

    def close(self) -> None:
        self.file.close()
