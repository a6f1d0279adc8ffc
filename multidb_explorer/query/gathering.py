"""Several questions to several databases, read side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from multidb_explorer.connections.registry import databases
from multidb_explorer.display import Cell, html_table, text_table
from multidb_explorer.errors import FieldTypeError, FieldValueError
from multidb_explorer.query.abreast import Answers, Task, side_by_side
from multidb_explorer.query.across import Across
from multidb_explorer.query.preview import cell_text
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.query.raw import RawQuerySet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Gathered", "gather"]

Query = QuerySet[Any] | RawQuerySet[Any] | Across

_FRAMES = ("to_pandas", "to_arrow", "to_polars")


@dataclass(frozen=True)
class _Asked:
    """One of the queries, as its line on screen names it."""

    aliases: tuple[str, ...]
    text: str


class Gathered(Sequence[Any]):
    """The frames of several queries, in their order: ``orders, users = mdb.gather(...)``.

    Attributes
    ----------
    failures : dict
        What went wrong, by the place of its query; the frame there is ``None``.
    """

    def __init__(self, asked: Sequence[_Asked], answers: Answers[int, Any], seconds: dict[int, float]) -> None:
        self._asked = tuple(asked)
        self._frames = tuple(answers.found.get(place) for place in range(len(self._asked)))
        self._seconds = seconds
        self.failures: dict[int, Exception] = answers.failures

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Any]: ...
    def __getitem__(self, key: int | slice) -> Any:
        return self._frames[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._frames)

    @property
    def report(self) -> pd.DataFrame:
        """What came of each query: its aliases, what it asks, rows, seconds and error."""
        import pandas as pd

        places = range(len(self))
        rows = [None if frame is None else len(frame) for frame in self._frames]
        errors = [_said(self.failures[place]) if place in self.failures else None for place in places]
        return pd.DataFrame(
            {
                "alias": pd.array([", ".join(asked.aliases) for asked in self._asked], dtype="str"),
                "query": pd.array([asked.text for asked in self._asked], dtype="str"),
                "rows": pd.array(rows, dtype="Int64"),
                "seconds": pd.array([self._seconds.get(place) for place in places], dtype="Float64"),
                "error": pd.array(errors, dtype="str"),
            }
        )

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show a line a query; the frames themselves are shown by their own names."""
        header = ["", "alias", "query", "rows", "seconds", *(["error"] if self.failures else [])]
        rows = [self._cells(place)[: len(header)] for place in range(len(self))]
        caption = f"gathered · {len(self) - len(self.failures)} of {len(self)} queries answered"
        dots = [databases[asked.aliases[0]].color if asked.aliases[0] in databases else None for asked in self._asked]
        return {
            "text/plain": f"{caption}\n{text_table(header, rows)}",
            "text/html": html_table(header, rows, caption=caption, dots=dots, right=(0, 3, 4)),
        }

    def _cells(self, place: int) -> list[Cell]:
        asked, frame, seconds = self._asked[place], self._frames[place], self._seconds.get(place)
        return [
            str(place),
            ", ".join(asked.aliases),
            cell_text(asked.text),
            "" if frame is None else f"{len(frame):,}",
            "" if seconds is None else f"{seconds:.2f}",
            _said(self.failures[place]) if place in self.failures else "",
        ]


def gather(*queries: Query, errors: str = "raise", frame: str = "to_pandas") -> Gathered:
    """Read several queries side by side, each in a thread of its own, and wait for all of them.

    Queries of one alias run on a connection each. Those of a memory database, and of an alias inside an `atomic` block
    of this thread, are read by this thread one after the other, since only it sees what they shall see. The stop
    button stops all of them in their databases.

    Parameters
    ----------
    *queries
        QuerySets, ``raw()`` and ``across()``, of any aliases.
    errors
        ``raise`` the first failure after all others were read, whose frames its attribute ``gathered`` holds; or
        ``report`` it: then ``None`` stands in the place of its frame.
    frame
        What each becomes: ``to_pandas``, ``to_arrow`` or ``to_polars``.

    Returns
    -------
    Gathered
        A sequence of frames that unpacks, with ``failures`` and a ``report``.

    Raises
    ------
    FieldTypeError, FieldValueError
        At once, for what is no query, and for other words than those above.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from sqlalchemy import Column, Integer, text
    >>> mdb.configure({"default": "sqlite://", "old": "sqlite://"})
    >>> class User(mdb.Model):
    ...     id = Column(Integer, primary_key=True)
    >>> for name, alias in mdb.aliases.items():
    ...     with alias.database.begin() as connection:
    ...         _ = connection.execute(text("CREATE TABLE user (id INTEGER PRIMARY KEY)"))
    >>> new, old = mdb.gather(User.objects.all(), User.objects.using("old"))
    >>> len(new), len(old)
    (0, 0)
    """
    _refuse(queries, errors, frame)
    seconds: dict[int, float] = {}

    def task(place: int, query: Query) -> Task[Any]:
        return Task(_aliases(query), lambda: _timed(getattr(query, frame), place, seconds))

    tasks = {place: task(place, query) for place, query in enumerate(queries)}
    asked = [_Asked(_aliases(query), _text(query)) for query in queries]
    gathered = Gathered(asked, side_by_side(tasks, Answers(tasks, (Exception,))), seconds)
    if gathered.failures and errors == "raise":
        _raise_first(gathered)
    return gathered


def _refuse(queries: Sequence[Any], errors: str, frame: str) -> None:
    if errors not in ("raise", "report"):
        raise FieldValueError(f"errors is 'raise' or 'report', not {errors!r}.")
    if frame not in _FRAMES:
        raise FieldValueError(f"frame is one of {', '.join(map(repr, _FRAMES))}, not {frame!r}.")
    if not queries:
        raise FieldValueError(
            "gather() needs queries: orders, users = mdb.gather(Order.objects.all(), User.objects.all())."
        )
    for place, query in enumerate(queries):
        if not isinstance(query, QuerySet | RawQuerySet | Across) or not hasattr(query, frame):
            raise FieldTypeError(
                f"gather() takes QuerySets, raw() and across(), each with {frame}(); number {place} is "
                f"{type(query).__name__}. Write gather(*queries) for a list of them."
            )


def _timed(read: Callable[[], Any], place: int, seconds: dict[int, float]) -> Any:
    began = time.perf_counter()
    try:
        return read()
    finally:
        seconds[place] = time.perf_counter() - began


def _aliases(query: Query) -> tuple[str, ...]:
    return query.aliases if isinstance(query, Across) else (query.db,)


def _text(query: Query) -> str:
    """Give what a query asks as one line, without its values."""
    if isinstance(query, RawQuerySet):
        return " ".join(query._asked.sql.split())  # noqa: SLF001 -- of one family
    asked = next(iter(query._parts.values())) if isinstance(query, Across) else query  # noqa: SLF001
    try:
        columns, start, rest = asked.sql.partition("\n-- parameters")[0].partition("\nFROM ")
        # What tells two queries of one table apart is what follows the columns.
        return " ".join((cell_text(columns, 32) or "").split() + start.split() + rest.split())
    except Exception:  # noqa: BLE001 -- what can't be asked says so itself when it is read
        return asked._source.name


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _raise_first(gathered: Gathered) -> None:
    place, error = next(iter(gathered.failures.items()))
    found = [str(number) for number in range(len(gathered)) if number not in gathered.failures]
    note = f"This was query {place} of {len(gathered)} that were gathered. "
    if found:
        error.gathered = gathered  # type: ignore[attr-defined]
        note += (
            f"Answered: {', '.join(found)}; their frames are kept: import sys; gathered = sys.last_value.gathered. "
            f"With gather(..., errors='report') they are given at once."
        )
    error.add_note(note)
    raise error
