"""Every type of every engine at its ends, carried to every other engine: the same value there, or refused by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import DataError, ValueNotRepresentable
from multidb_explorer.query.tables import table_to_write
from multidb_explorer.results.stream import read_table
from multidb_explorer.schema.catalog import Column
from multidb_explorer.schema.inspector import catalog_of
from multidb_explorer.transfer.digest import row_digests
from multidb_explorer.transfer.proofs import NeedsCheck, Objection, Proof, proof
from multidb_explorer.transfer.streaming import Terms, columns_of, digest_of, stream, stream_as_is
from multidb_explorer.writing.into import Slot
from multidb_explorer.writing.validating import fit

sys.path.insert(0, str(Path(__file__).parent))

from extremes import CASES, Case, create

ENGINES = ("sqlite", "duckdb", "postgresql", "mariadb")
PAIRS = [(one, other) for one in ENGINES for other in ENGINES if one != other]


@dataclass(frozen=True)
class Side:
    """A table of one database."""

    database: Database
    name: str

    @property
    def columns(self) -> dict[str, Column]:
        return {column.name: column for column in catalog_of(self.database).table(self.name).columns}

    def reading(self, *names: str) -> Any:
        chosen = [self.columns[name] for name in names]
        results = [ResultColumn(column.name, column.kind, column.nullable) for column in chosen]
        return columns_of(self.database, catalog_of(self.database).core_table(self.name), results)


def made(alias: str, url: str, statements: list[str]) -> Database:
    databases.connect(alias, url)
    with databases[alias].begin() as connection:
        for statement in statements:
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    return databases[alias]


def counterpart(source: Side, target: Database, names: list[str], types: dict[str, Any] | None = None) -> Side:
    """Make a table of the nearest types."""
    found = [
        sa.Column(name, (types or {}).get(name) or target.backend.nearest_type(source.columns[name].kind))
        for name in names
    ]
    table = sa.Table("cells", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *found)
    with target.begin() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
    catalog_of(target).refresh()
    return Side(target, "cells")


def verdicts(source: Side, target: Side, cases: dict[str, Case]) -> dict[str, str]:
    """Tell of each column that is refused why."""
    with target.database.connect() as connection:
        keeps = target.database.backend.keeps(connection, catalog_of(target.database).core_table(target.name))
    found = {}
    for name, case in cases.items():
        verdict = proof(source.columns[name], target.columns[name], target.database.backend, keeps.get(name))
        if reason := refusal(verdict, source, name, read=case.beyond):
            found[name] = reason
    return found


def refusal(verdict: Any, source: Side, name: str, *, read: bool) -> str:
    if isinstance(verdict, Objection):
        return str(verdict)
    if isinstance(verdict, Proof) and not read:
        return ""
    try:
        values = read_table(source.database, source.reading(name)).column(0).combine_chunks()
    except (ValueNotRepresentable, DataError) as error:
        return str(error)
    return next(iter(verdict.misfits(values, "the target").values()), "") if isinstance(verdict, NeedsCheck) else ""


def refuses(other: str, case: Case) -> bool:
    """Tell whether an engine has no place for the values of a case."""
    if case.beyond:
        return True
    if other == "sqlite":
        return case.form in ("instant", "interval", "array") or case.label == "NaN beside NULL"
    if other == "mariadb":
        early = case.label == "its ends" and case.form == "instant"
        unknown = case.label in ("infinities", "NaN beside NULL", "years 1 and 9999")
        return case.form in ("interval", "array") or early or unknown
    return False


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda name: name)
def test_every_type_arrives_or_is_refused_by_name(new_database, one, other) -> None:
    source = Side(made("one", new_database(one), create(one)), "cells")
    target = made("other", new_database(other), [])
    cases = {f"c{n}": case for n, case in enumerate(CASES[one])}
    refused = verdicts(source, counterpart(source, target, list(cases)), cases)
    assert set(refused) == {name for name, case in cases.items() if refuses(other, case)}, refused
    taken = [name for name in cases if name not in refused]
    arrived = counterpart(source, target, taken)
    carry(source, arrived, ["id", *taken])
    same_again(source, arrived, taken)


def carry(source: Side, target: Side, names: list[str]) -> None:
    into = table_to_write(target.database, target.name)
    proven = [name for name in names if isinstance(judged(source, target, name), Proof)]
    with target.database.atomic() as connection:
        done = stream(source.database, source.reading(*names), into, names, connection, Terms(frozenset(proven)))
    kinds = [target.columns[name].kind for name in names]
    assert digest_of(target.database, target.reading(*names), kinds) == done.digest
    assert done.count > 1


def judged(source: Side, target: Side, name: str) -> Any:
    return proof(source.columns[name], target.columns[name], target.database.backend)


def same_again(source: Side, target: Side, names: list[str]) -> None:
    """Bring what arrived back to the source's types: it must be what was sent."""
    sent = read_table(source.database, source.reading("id", *names)).sort_by("id")
    came = read_table(target.database, target.reading("id", *names)).sort_by("id")
    for name in names:
        slot = Slot(name, source.columns[name].kind)
        back = fit(came.column(name).combine_chunks(), slot, source.database.backend, "the source")
        assert not back.reasons, (name, back.reasons)
        assert digests(back.array, slot) == digests(sent.column(name).combine_chunks(), slot), name


def digests(array: pa.Array, slot: Slot) -> list[bytes]:
    return row_digests(pa.RecordBatch.from_arrays([array], names=["c"]), [slot.kind]).to_pylist()


PLAIN = (
    "smallint",
    "integer",
    "bigint",
    "oid",
    "double precision",
    "real",
    "numeric",
    "boolean",
    "text",
    "varchar",
    "char",
    "date",
    "time",
    "timestamp",
)
PLAIN += ("timestamptz", "interval", "uuid", "json", "jsonb", "bytea", "inet", "timetz", "integer[]", "text[]", "bit")


def test_postgresql_hands_over_what_it_has(new_database) -> None:
    source = Side(made("one", new_database("postgresql"), create("postgresql")), "cells")
    target = Side(made("other", new_database("postgresql"), create("postgresql")), "cells")
    names = ["id", *(f"c{n}" for n, case in enumerate(CASES["postgresql"]) if case.declared.split("(")[0] in PLAIN)]
    with target.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM cells")
        for name in set(target.columns) - set(names):
            connection.exec_driver_sql(f"ALTER TABLE cells DROP COLUMN {name}")
    catalog_of(target.database).refresh()
    into = table_to_write(target.database, "cells")
    with target.database.atomic() as connection:
        done = stream_as_is(source.database, source.reading(*names), into, names, connection)
    assert done is not None
    assert done.count == len(texts(source, "id"))
    for name in names:
        # Infinite dates and NaN among them, which no other way carries.
        assert texts(target, name) == texts(source, name)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("numeric(9, 4)", "numeric(9, 2)"), ("text", "varchar(9)"), ("integer", "bigint"), ("timestamp", "timestamp(0)")],
)
def test_what_would_change_on_the_way_is_not_handed_over(new_database, ours, theirs) -> None:
    one, other = (
        Side(
            made(alias, new_database("postgresql"), [f"CREATE TABLE cells (id integer primary key, v {type_})"]),
            "cells",
        )
        for alias, type_ in (("one", ours), ("other", theirs))
    )
    into = table_to_write(other.database, "cells")
    with other.database.atomic() as connection:
        assert stream_as_is(one.database, one.reading("id", "v"), into, ["id", "v"], connection) is None


def texts(side: Side, name: str) -> list[Any]:
    with side.database.connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT {name}::text FROM cells ORDER BY id").scalars())
