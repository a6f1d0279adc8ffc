"""Ours, pandas and SQLAlchemy: ways to write a frame, an Arrow table or dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from common.writing_ways import Place, Work, arrow, core, dicts, every, frame, head, reader, table_for, way

# Ours


@contextmanager
def _ours(place: Place, data: Callable[[int | None], Any], **options: Any) -> Iterator[Work]:
    import multidb_explorer as mdb
    from multidb_explorer.models.writing_frames import write

    mdb.configure({"default": place["url"]})
    yield lambda most: write(data(most), table_for(most).name, **options)


@way("ours: write(pandas)")
def _ours_pandas(place: Place) -> Iterator[Work]:
    with _ours(place, head(frame(place))) as work:
        yield work


@way("ours: write(Arrow)")
def _ours_arrow(place: Place) -> Iterator[Work]:
    with _ours(place, head(arrow(place))) as work:
        yield work


@way("ours: write(polars)", needs="polars")
def _ours_polars(place: Place) -> Iterator[Work]:
    import polars as pl

    with _ours(place, head(pl.from_arrow(arrow(place)))) as work:
        yield work


@way("ours: write(Arrow reader)")
def _ours_reader(place: Place) -> Iterator[Work]:
    with _ours(place, lambda most: reader(place, most)) as work:
        yield work


@way("ours: write(Arrow reader), twice the rows", share=every(2))
def _ours_reader_twice(place: Place) -> Iterator[Work]:
    with _ours(place, lambda most: reader(place, most)) as work:
        yield work


@way("ours: write(generator of dicts)", slow=True)
def _ours_dicts(place: Place) -> Iterator[Work]:
    def rows(most: int | None) -> Iterator[dict[str, Any]]:
        for batch in reader(place, most):
            yield from batch.to_pylist()

    with _ours(place, rows) as work:
        yield work


@way("ours: write(pandas, upsert)", group="upsert")
def _ours_pandas_upsert(place: Place) -> Iterator[Work]:
    with _ours(place, head(frame(place)), mode="upsert") as work:
        yield work


@way("ours: write(Arrow, upsert)", group="upsert")
def _ours_arrow_upsert(place: Place) -> Iterator[Work]:
    with _ours(place, head(arrow(place)), mode="upsert") as work:
        yield work


# pandas and SQLAlchemy


@contextmanager
def _to_sql(place: Place, **options: Any) -> Iterator[Work]:
    import sqlalchemy as sa

    given = frame(place)
    with core(place) as engine:

        def write(most: int | None) -> object:
            table = table_for(most)
            types = {column.name: column.type for column in table.columns} | {"code": sa.Uuid(as_uuid=False)}
            with engine.begin() as connection:
                return head(given)(most).to_sql(
                    table.name, connection, if_exists="append", index=False, dtype=types, **options
                )

        yield write


@way("pandas.to_sql", slow=True, share={"duckdb": 0.1})
def _to_sql_default(place: Place) -> Iterator[Work]:
    with _to_sql(place) as work:
        yield work


# Compiling a statement of so many values takes longer than running it; more rows in one take longer still.
@way('pandas.to_sql(method="multi", chunksize=500)', slow=True, share=every(0.02))
def _to_sql_multi(place: Place) -> Iterator[Work]:
    with _to_sql(place, method="multi", chunksize=500) as work:
        yield work


@contextmanager
def _executed(place: Place, statement: Callable[[Any], Any]) -> Iterator[Work]:
    table = arrow(place)
    with core(place) as engine:

        def write(most: int | None) -> None:
            insert = statement(table_for(most))
            with engine.begin() as connection:
                for rows in dicts(head(table)(most)):
                    connection.execute(insert, rows)

        yield write


@way("SQLAlchemy Core: insert, dicts", slow=True, share={"duckdb": 0.1})
def _insert_dicts(place: Place) -> Iterator[Work]:
    import sqlalchemy as sa

    with _executed(place, sa.insert) as work:
        yield work


@way("SQLAlchemy Core: insertmanyvalues (RETURNING)", slow=True, share={"duckdb": 0.1})
def _insertmanyvalues(place: Place) -> Iterator[Work]:
    import sqlalchemy as sa

    with _executed(place, lambda table: sa.insert(table).returning(table.c.id)) as work:
        yield work


@way("SQLAlchemy Core: upsert, dicts", group="upsert", slow=True, share={"duckdb": 0.02})
def _upsert_dicts(place: Place) -> Iterator[Work]:
    from sqlalchemy.dialects import mysql, postgresql, sqlite

    def statement(table: Any) -> Any:
        if place["engine"] == "mariadb":
            insert = mysql.insert(table)
            return insert.on_duplicate_key_update({name: insert.inserted[name] for name in table.columns.keys()[1:]})
        product = sqlite if place["engine"] == "sqlite" else postgresql
        made = product.insert(table)
        return made.on_conflict_do_update(
            index_elements=["id"], set_={name: made.excluded[name] for name in table.columns.keys()[1:]}
        )

    with _executed(place, statement) as work:
        yield work
