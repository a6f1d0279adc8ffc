"""Every column type of every engine: what is read from one table is written to its twin, by every kind of frame."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import multidb_explorer as mdb
from multidb_explorer.backends.base import Backend
from multidb_explorer.connections.registry import databases
from multidb_explorer.models.writing_frames import write

sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))

from specimens import PREPARE, SPECIMENS, Specimen, stored

# SQLAlchemy names the types that it does not know; they are read as text.
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")


@pytest.fixture
def specimens(target, url) -> dict[str, Specimen]:
    """Two tables, ``specimens`` and ``twins``, with a column of every type."""
    mdb.connect("here", url)
    chosen = SPECIMENS[target.name]
    columns = ", ".join(f"{name}_ {specimen.declared}" for name, specimen in chosen.items())
    with databases["here"].begin() as lent:
        connection = lent.execution_options(no_parameters=True)
        for statement in PREPARE[target.name]:
            connection.exec_driver_sql(statement)
        for table in ("specimens", "twins"):
            connection.exec_driver_sql(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns})")
    return {f"{name}_": specimen for name, specimen in chosen.items()}


@pytest.fixture(params=["its fast loaders", "plain inserts"])
def loaders(request, target, specimens, monkeypatch) -> None:
    """What brings the rows there; the values must be the same."""
    if request.param == "plain inserts":
        monkeypatch.setattr(type(databases["here"].backend), "loaders", ())


def rows_of(specimens: dict[str, Specimen]) -> list[dict[str, object]]:
    """Every value of every column at least once, and a row of NULLs."""
    longest = max(len(specimen.values) for specimen in specimens.values())
    rows = [
        {"id": place, **{name: some.values[place % len(some.values)] for name, some in specimens.items()}}
        for place in range(longest)
    ]
    return [*rows, {"id": longest, **dict.fromkeys(specimens)}]


def read(table: str) -> pa.Table:
    return mdb.reflect(table, using="here").objects.order_by("id").to_arrow()


def content(table: pa.Table) -> dict[str, list[object]]:
    """Compare JSON by its content with exact numbers, since jsonb keeps no spaces."""
    found = table.to_pydict()
    for name in ("document_", "tree_"):
        if name in found:
            found[name] = [v if v is None else json.loads(v, parse_float=Decimal) for v in found[name]]
    return found


def test_dicts_of_python_values(specimens, loaders) -> None:
    rows = rows_of(specimens)
    report = write(rows, "specimens", using="here")
    assert (report.inserted, report.rejected.count) == (len(rows), 0)
    found = read("specimens")
    for name, specimen in specimens.items():
        if specimen.kind.name not in ("json", "other"):
            expected = [stored(row[name]) for row in rows]
            assert found[name].to_pylist() == expected, name


def test_an_arrow_table(specimens, loaders) -> None:
    write(rows_of(specimens), "specimens", using="here")
    write(read("specimens"), "twins", using="here")
    assert content(read("twins")) == content(read("specimens"))


def test_a_query_set(specimens) -> None:
    write(rows_of(specimens), "specimens", using="here")
    write(mdb.reflect("specimens", using="here").objects.all(), "twins", using="here", batch_size=2)
    assert content(read("twins")) == content(read("specimens"))


@pytest.mark.parametrize("dtypes", ["hybrid", "numpy_nullable", "pyarrow"])
def test_a_pandas_frame(specimens, dtypes) -> None:
    write(rows_of(specimens), "specimens", using="here")
    frame = mdb.reflect("specimens", using="here").objects.order_by("id").to_pandas(dtype_backend=dtypes)
    write(frame, "twins", using="here")
    assert content(read("twins")) == content(read("specimens"))


def test_a_pandas_frame_of_objects(specimens) -> None:
    write(rows_of(specimens), "specimens", using="here")
    objects = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in read("specimens").to_pydict().items()}
    )
    write(objects, "twins", using="here")
    assert content(read("twins")) == content(read("specimens"))


def test_an_upsert_through_a_temporary_table(specimens, loaders) -> None:
    rows = rows_of(specimens)
    write(rows, "specimens", using="here")
    write([{"id": row["id"]} for row in rows[::2]], "twins", using="here")
    report = write(read("specimens"), "twins", using="here", mode="upsert")
    assert (report.updated, report.inserted) == (len(rows[::2]), len(rows[1::2]))
    assert content(read("twins")) == content(read("specimens"))


def test_the_backend_has_no_loader_by_itself() -> None:
    assert Backend.loaders == ()
