"""Every column type: its kind, and its values to the database and back."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from specimens import PREPARE, SPECIMENS, Specimen, stored

# SQLAlchemy names the types that it does not know; they are read as text.
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")


@pytest.fixture
def specimens(target, bench) -> dict[str, Specimen]:
    """A table ``specimens`` with a column of every type."""
    chosen = SPECIMENS[target.name]
    columns = ", ".join(f"{name}_ {specimen.declared}" for name, specimen in chosen.items())
    bench.run(*PREPARE[target.name], f"CREATE TABLE specimens (id INTEGER PRIMARY KEY, {columns})")
    return {f"{name}_": specimen for name, specimen in chosen.items()}


def put(bench, specimens: dict[str, Specimen]) -> int:
    """Insert rows until every value of every column was used, and one with NULL everywhere; give their number."""
    longest = max(len(specimen.values) for specimen in specimens.values())
    rows = [{"id": longest, **dict.fromkeys(specimens)}]
    for index in range(longest):
        values = {name: specimen.values[index % len(specimen.values)] for name, specimen in specimens.items()}
        rows.append({"id": index, **values})
    bench.insert("specimens", rows)
    return longest + 1


def expected(specimens: dict[str, Specimen], rows: int) -> dict[str, list[object]]:
    return {
        name: [*(stored(specimen.values[index % len(specimen.values)]) for index in range(rows - 1)), None]
        for name, specimen in specimens.items()
    }


def comparable(found: dict[str, list[object]], specimens: dict[str, Specimen]) -> dict[str, list[object]]:
    """Compare JSON by its content with exact numbers, since jsonb keeps no spaces."""
    return {
        name: [value if value is None else json.loads(value, parse_float=Decimal) for value in values]
        if specimens[name].kind.name == "json"
        else values
        for name, values in found.items()
    }


def test_every_type_has_its_kind(bench, specimens) -> None:
    described = bench.describe("specimens")
    found = {column.name: column.kind for column in described.columns if column.name != "id"}
    assert found == {name: specimen.kind for name, specimen in specimens.items()}


def test_every_value_comes_back_as_a_python_value(bench, specimens) -> None:
    rows = put(bench, specimens)
    columns = dict(zip(specimens, zip(*bench.rows("specimens", *specimens), strict=True), strict=True))
    found = {name: list(values) for name, values in columns.items()}
    assert comparable(found, specimens) == comparable(expected(specimens, rows), specimens)


def test_every_value_comes_back_as_an_arrow_value(bench, specimens) -> None:
    rows = put(bench, specimens)
    found = bench.arrow("specimens", *specimens).to_pydict()
    assert comparable(found, specimens) == comparable(expected(specimens, rows), specimens)


def test_an_empty_result_has_the_types_of_a_full_one(bench, specimens) -> None:
    empty = bench.arrow("specimens").schema
    put(bench, specimens)
    assert bench.arrow("specimens").schema == empty


def test_a_value_finds_its_own_row(bench, specimens) -> None:
    put(bench, specimens)
    table, backend = bench.table("specimens"), bench.database.backend
    for name, specimen in specimens.items():
        if specimen.kind.name in ("json", "other", "array"):
            # They have no equality in PostgreSQL.
            continue
        value = backend.to_column(specimen.values[0], specimen.kind)
        assert (0,) in bench.rows("specimens", "id", where=table.c[name] == value), name
