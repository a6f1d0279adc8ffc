"""What COPY sends, many rows at a time: psycopg alone would ask for each row by itself, at more than a row costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

__all__ = ["poured"]


def poured(session: Any, sql: str, values: Mapping[str, Any], *, rows: int, octets: int) -> Iterator[list[Any]]:
    """Run a COPY to the client, and yield what it sends, row by row.

    Parameters
    ----------
    session
        psycopg's connection.
    rows, octets
        So many rows, or so many bytes if that is fewer, are yielded together.
    """
    over = False
    with session.cursor() as cursor, cursor.copy(sql, values):
        while not over:
            found, over = session.wait(_some(session.pgconn, rows, octets))
            if found:
                yield found


def _some(pgconn: Any, rows: int, octets: int) -> Generator[Any, Any, tuple[list[Any], bool]]:
    """Collect rows, and tell whether they were the last ones."""
    found: list[Any] = []
    while len(found) < rows and octets > 0:
        size, row = pgconn.get_copy_data(1)
        if size > 0:
            found.append(row)
            octets -= size
        elif size == 0:
            yield from _more(pgconn)
        else:
            yield from _ended(pgconn)
            return found, True
    return found, False


def _more(pgconn: Any) -> Generator[Any, Any, None]:
    from psycopg.waiting import Wait

    while not (yield Wait.R):
        continue
    pgconn.consume_input()


def _ended(pgconn: Any) -> Generator[Any, Any, None]:
    """Take the server's last word, which may be an error."""
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    results = []
    while True:
        while pgconn.is_busy():
            yield from _more(pgconn)
        result = pgconn.get_result()
        if result is None:
            break
        results.append(result)
    for each in results:
        if each.status != ExecStatus.COMMAND_OK:
            raise error_from_result(each)
