"""Ways to write: what they have in common, and the rows in the forms that they take.

A way is a context manager, as in `common.readers`: what comes before the ``yield`` opens the connection and makes the
rows ready in the form that the way takes; it is not measured. What it yields writes some rows to a table of their own,
so that no import is measured, or all rows to the table that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

__all__ = [
    "FEW",
    "SERVERS",
    "WAYS",
    "Place",
    "Way",
    "Work",
    "arrow",
    "bare_url",
    "core",
    "dicts",
    "every",
    "frame",
    "head",
    "reader",
    "table_for",
    "way",
    "ways",
]

Place = Mapping[str, Any]
Work = Callable[[int | None], object]
"""Writes so many rows to the other table, or all rows to the one that is judged."""
Case = Callable[[Place], AbstractContextManager[Work]]

SERVERS = ("postgresql", "mariadb")
ALL = ("sqlite", "duckdb", *SERVERS)
CHUNK = 10_000
FEW = 1_000
"""Enough rows before the measured ones that a way which treats few rows otherwise has imported what it takes."""


@dataclass(frozen=True)
class Way:
    """One way to write.

    Attributes
    ----------
    group
        ``insert`` into an empty table, ``upsert`` into one that holds half of the rows, or model ``instances``.
    engines
        Where it works.
    slow
        Whether it may take minutes for a million rows, so that it gets fewer rounds.
    share
        Which part of the rows it writes, by engine; its time is divided by it.
    checked
        The columns whose contents are compared, where the way makes a table of its own with other types.
    needs
        The module without which it is left out.
    """

    name: str
    case: Case
    group: str = "insert"
    engines: tuple[str, ...] = ALL
    slow: bool = False
    share: Mapping[str, float] = field(default_factory=dict)
    checked: tuple[str, ...] = ()
    needs: str = ""

    def rows(self, place: Place) -> int:
        """Tell how many rows it writes."""
        all_rows = place["instances"] if self.group == "instances" else place["rows"]
        return max(1, round(float(all_rows) * self.share.get(place["engine"], 1)))

    @contextmanager
    def judged(self, place: Place) -> Iterator[Work]:
        """Run it on an empty table, and compare what it wrote."""
        from common.judging import compared, made_ready

        rows = self.rows(place)
        made_ready(place, self.group, rows)
        with self.case({**place, "rows": rows}) as work:
            yield lambda most: work(most and min(FEW, rows))
        compared(place, self.group, rows, self.checked)


WAYS: list[Way] = []


def ways(engine: str, group: str) -> list[Way]:
    """Give the ways of a group to write to an engine that are installed here."""
    return [
        way for way in WAYS if way.group == group and engine in way.engines and (not way.needs or find_spec(way.needs))
    ]


def way(name: str, **options: Any) -> Callable[[Callable[[Place], Iterator[Work]]], Case]:
    def noted(function: Callable[[Place], Iterator[Work]]) -> Case:
        case = contextmanager(function)
        WAYS.append(Way(name, case, **options))
        return case

    return noted


def every(share: float) -> dict[str, float]:
    return dict.fromkeys(ALL, share)


# The rows in the forms that ways take


def arrow(place: Place) -> Any:
    import writing_data

    return writing_data.mixed(place, place["rows"])


def frame(place: Place) -> Any:
    """Make the frame that our own reading gives, but with UUIDs as texts, which ``to_sql`` can take too."""
    from multidb_explorer.results.frames import to_pandas

    made = to_pandas(arrow(place))
    return made.assign(code=arrow(place)["code"].to_pandas().map(str).astype("str"))


def table_for(most: int | None) -> Any:
    import writing_data

    return writing_data.TABLE if most is None else writing_data.WARM


def reader(place: Place, most: int | None) -> Any:
    import pyarrow as pa
    import writing_data

    schema = writing_data.schema_for(place["engine"])
    return pa.RecordBatchReader.from_batches(schema, writing_data.batches(place, most or place["rows"]))


def dicts(table: Any) -> Iterator[list[dict[str, Any]]]:
    for batch in table.to_batches(CHUNK):
        yield batch.to_pylist()


def head(data: Any) -> Callable[[int | None], Any]:
    """Give all of a table or frame, or its first rows."""
    return lambda most: data if most is None else data[:most]


# Connections of the peers


@contextmanager
def core(place: Place) -> Iterator[Any]:
    """Open SQLAlchemy's own engine; JSON comes as text and stays as it is."""
    import sqlalchemy as sa

    arguments = {"init_command": "SET time_zone = '+00:00'"} if place["engine"] == "mariadb" else {}
    engine = sa.create_engine(place["url"], json_serializer=str, connect_args=arguments)
    yield engine
    engine.dispose()


def bare_url(place: Place) -> str:
    import sqlalchemy as sa

    url = sa.make_url(place["url"])
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
