"""An upsert in one statement does what an UPDATE and an INSERT do, or is left to them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from multidb_explorer.connections.registry import databases
from multidb_explorer.models import reflect
from multidb_explorer.models.writing_frames import write

PLAIN = "CREATE TABLE things (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20), n INT NOT NULL)"
ROWS = [{"id": number, "name": f"new {number}", "n": number} for number in (0, 1, 2, 3, 4)]


@pytest.fixture
def bench(bench_of: Any) -> Any:
    return bench_of("mariadb")


def upsert(bench: Any, rows: list[dict[str, Any]], **options: Any) -> tuple[Any, list[str]]:
    """Upsert rows, and tell how: by the statements that wrote to the table itself."""
    sent: list[str] = []
    engine = databases[bench.database.alias].engine

    def note(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(("UPDATE things", "INSERT INTO things")):
            sent.append("at once" if "ON DUPLICATE KEY" in sql else sql.split(maxsplit=1)[0])

    event.listen(engine, "before_cursor_execute", note)
    try:
        return write(rows, "things", using=bench.database.alias, mode="upsert", **options), sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_one_statement_updates_and_inserts(bench: Any) -> None:
    bench.run(PLAIN, "INSERT INTO things VALUES (0, 'new 0', 0), (2, 'old', 7), (9, 'other', 9)")
    done, sent = upsert(bench, ROWS)

    assert sent == ["at once"]
    assert (done.updated, done.inserted) == (2, 3)
    assert bench.rows("things") == [*(tuple(row.values()) for row in ROWS), (9, "other", 9)]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE things ADD UNIQUE (name)",
        "CREATE TRIGGER seen BEFORE INSERT ON things FOR EACH ROW SET NEW.name = upper(NEW.name)",
        "ALTER TABLE things ADD COLUMN more INT DEFAULT 5 CHECK (more + n < 100)",
    ],
    ids=["another unique key", "trigger", "column left out"],
)
def test_where_it_would_do_something_else_it_is_two(bench: Any, change: str) -> None:
    bench.run(PLAIN, "INSERT INTO things VALUES (2, 'old', 7)", change)
    done, sent = upsert(bench, ROWS)

    assert sent == ["UPDATE", "INSERT"]
    assert (done.updated, done.inserted) == (1, 4)
    assert {row[1] for row in bench.rows("things") if row[0] == 2} == {"new 2"}


def test_a_key_of_beginnings_is_none_to_go_by(bench: Any) -> None:
    bench.run(
        "CREATE TABLE things (id VARCHAR(20) NOT NULL, n INT, UNIQUE (id(2)))", "INSERT INTO things VALUES ('abx', 1)"
    )
    table = bench.table("things")
    with bench.database.begin() as connection:
        staged = sa.CreateTableAs(sa.select(table), "staged", temporary=True)
        connection.execute(staged)
        found = bench.database.backend.upserted(connection, table, staged.table, ["id", "n"], ["id"])
        connection.exec_driver_sql("DROP TEMPORARY TABLE staged")

    assert found is None


def test_some_columns_only_are_two_statements(bench: Any) -> None:
    bench.run(PLAIN, "INSERT INTO things VALUES (2, 'old', 7)")
    done, sent = upsert(bench, [{"id": 2, "n": 1}])

    assert sent == ["UPDATE"]
    assert (done.updated, done.inserted) == (1, 0)
    assert bench.rows("things") == [(2, "old", 1)]


def test_names_with_a_percent_sign_are_upserted(bench: Any) -> None:
    bench.run(
        "CREATE TABLE things (id BIGINT PRIMARY KEY AUTO_INCREMENT, `50%s` INT)", "INSERT INTO things VALUES (2, 7)"
    )
    done, sent = upsert(bench, [{"id": 1, "50%s": 1}, {"id": 2, "50%s": 2}])

    assert sent == ["at once"]
    assert (done.updated, done.inserted) == (1, 1)
    model = reflect("things", using=bench.database.alias)
    found = list(model.objects.order_by("id"))
    for row in found:
        setattr(row, "50%s", 5)
    model.objects.bulk_create(found, update_conflicts=True, update_fields=["50%s"], unique_fields=["id"])
    assert bench.rows("things") == [(1, 5), (2, 5)]
