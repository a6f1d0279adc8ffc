"""What writing is measured with: the mixed rows of `reading_data` as Arrow and as files, the tables, and the judge.

The rows stand in the database's own table ``mixed``, where `reading_data` loaded them. Each way writes them to the
empty table ``written``, which is then compared with ``mixed`` by counts, sums and extremes of every column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from reading_data import MODELS, load, spelt
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

__all__ = [
    "SOURCE",
    "TABLE",
    "WARM",
    "batches",
    "checksum",
    "csv_file",
    "emptied",
    "mixed",
    "prepared",
    "schema_for",
]

BATCH = 50_000

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

# Where a database has no type for them, UUIDs are texts.
CODE = sa.Uuid().with_variant(sa.Uuid(as_uuid=False), "sqlite")

SOURCE: sa.Table = MODELS["mixed"]._source.table


def _copied(name: str) -> sa.Table:
    made = SOURCE.to_metadata(sa.MetaData(), name=name)
    # SQLAlchemy would write the JSON text "null" in place of NULL.
    made.c.doc.type, made.c.code.type = JSON, CODE
    return made


TABLE, WARM = _copied("written"), _copied("warm")
"""What is written and judged, and where the first rows go, whose imports and connections are not measured."""

Place = Mapping[str, Any]


# The rows


def prepared(place: Place) -> None:
    """Load ``mixed`` with twice the rows, and write the rows to the files that ways read."""
    folder, twice = Path(place["folder"]), 2 * place["rows"]
    load(place["engine"], place["url"], "mixed", twice, folder)
    _as_arrow(place["engine"], twice, folder / "mixed.arrow")
    if place["engine"] in ("postgresql", "mariadb"):
        _as_csv(place["engine"], place["rows"], csv_file(place))


def csv_file(place: Place) -> Path:
    """Name the file of the rows as the database's own loader reads them."""
    return Path(place["folder"]) / "mixed.csv"


def _as_arrow(engine: str, rows: int, path: Path) -> None:
    schema = schema_for(engine)
    with duckdb.connect() as source:
        source.execute("SET TimeZone = 'UTC'")
        made = source.sql(spelt("duckdb", "mixed"), params=[rows]).to_arrow_reader(BATCH)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for batch in made:
                writer.write_batch(_typed(batch, schema))


SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("big", pa.int64()),
        pa.field("ratio", pa.float64(), nullable=False),
        pa.field("price", pa.decimal128(12, 2)),
        pa.field("name", pa.string()),
        pa.field("note", pa.string()),
        pa.field("flag", pa.bool_(), nullable=False),
        pa.field("day", pa.date32()),
        pa.field("made", pa.timestamp("us")),
        pa.field("seen", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("code", pa.uuid(), nullable=False),
        pa.field("doc", pa.string()),
        pa.field("data", pa.binary()),
    ]
)


def schema_for(engine: str) -> pa.Schema:
    """Give the types of the rows: of what the columns of a database hold."""
    if engine != "sqlite":
        return SCHEMA
    kept = {"seen": pa.timestamp("us"), "code": pa.string()}
    return pa.schema([field.with_type(kept.get(field.name, field.type)) for field in SCHEMA])


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    made = dict(zip(schema.names, batch.columns, strict=True))
    if schema.field("code").type == pa.uuid():
        codes = pa.array([bytes.fromhex(text) for text in made["code"].to_pylist()], pa.binary(16))
        made["code"] = pa.ExtensionArray.from_storage(pa.uuid(), codes)
    columns = [
        made[field.name] if made[field.name].type == field.type else made[field.name].cast(field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _as_csv(engine: str, rows: int, path: Path) -> None:
    with duckdb.connect() as source:
        source.execute(f"CREATE TABLE made AS {spelt(engine, 'mixed')}", [rows])
        source.execute(f"COPY made TO '{path}' (FORMAT csv, HEADER false, NULLSTR '\\N', QUOTE '\"', ESCAPE '\"')")


def batches(place: Place, rows: int) -> Iterator[pa.RecordBatch]:
    """Read the rows from the file, a batch at a time."""
    with pa.OSFile(str(Path(place["folder"]) / "mixed.arrow")) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number).slice(0, rows)
            rows -= batch.num_rows
            yield batch
            if not rows:
                return


def mixed(place: Place, rows: int) -> pa.Table:
    """Read the rows from the file."""
    return pa.Table.from_batches(batches(place, rows), schema_for(place["engine"]))


# The tables


def emptied(connection: Connection, table: sa.Table, *, half_of: int = 0) -> None:
    """Make a table again; where half of so many rows shall exist, every second one, with other contents."""
    table.drop(connection, checkfirst=True)
    table.create(connection)
    if half_of:
        old = {"ratio": sa.literal(0.5), "name": sa.literal("old"), "day": sa.null()}
        columns = [old.get(column.name, column) for column in SOURCE.columns]
        some = sa.select(*columns).where(SOURCE.c.id <= half_of, SOURCE.c.id % 2 == 0)
        connection.execute(sa.insert(table).from_select(SOURCE.columns.keys(), some))


def checksum(
    connection: Connection, table: sa.Table, rows: int | None = None, *, only: tuple[str, ...] = ()
) -> dict[str, str]:
    """Sum up a table, or its first rows: what two tables with the same rows have in common.

    Parameters
    ----------
    only
        The columns that are summed up; all where it is empty.
    """
    sums = _sums(table, connection.dialect.name)
    sums = {name: made for name, made in sums.items() if not only or name.partition("_")[0] in only}
    statement = sa.select(sa.func.count().label("rows"), *(made.label(name) for name, made in sums.items()))
    if rows is not None:
        statement = statement.where(table.c.id <= rows)
    return {name: _spelt(value) for name, value in connection.execute(statement).mappings().one().items()}


def _sums(table: sa.Table, product: str) -> dict[str, sa.ColumnElement[Any]]:
    """Give what is summed up: sums stay within 64 bits, since one product stops and another rounds beyond."""
    column, func = table.columns, sa.func
    length = func.char_length if product in ("mysql", "mariadb") else func.length
    octets = func.octet_length if product == "duckdb" else func.length
    found: dict[str, sa.ColumnElement[Any]] = {f"{each.name}_count": func.count(each) for each in column}
    found |= {f"{name}_sum": func.sum(column[name]) for name in ("id", "ratio", "price")}
    found |= {f"big_{prime}": func.sum(column.big % prime) for prime in (1_000_003, 998_244_353)}
    found |= {f"{name}_length": func.sum(length(column[name])) for name in ("name", "note")}
    found |= {f"{name}_{end.__name__}": end(column[name]) for name in _ORDERED for end in (_least, _most)}
    found["data_length"] = func.sum(octets(column.data))
    found["flag_sum"] = func.sum(sa.case((column.flag, 1), else_=0))
    found["code_distinct"] = func.count(sa.distinct(column.code))
    return found


_ORDERED = ("big", "day", "made", "seen")


def _least(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.func.min(column)


def _most(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.func.max(column)


def _spelt(value: Any) -> str:
    """Spell a value so that it does not depend on the order in which doubles were summed up."""
    return f"{float(value):.9e}" if isinstance(value, int | float) or hasattr(value, "as_tuple") else str(value)[:26]
