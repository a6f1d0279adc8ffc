"""Typed SQL can't leave the transaction that keeps it from writing, on any engine."""

from __future__ import annotations

import pytest

import multidb_explorer as mdb
from multidb_explorer.backends.raw import leaves_transaction
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import MultiDBError, ReadOnlyAlias
from multidb_explorer.results.typed import read_sql_text

LEAVING = (
    "COMMIT; DELETE FROM t",
    "ROLLBACK; DELETE FROM t; COMMIT",
    "select 1; end; delete from t",
    "PREPARE TRANSACTION 'x'; DELETE FROM t",
    "select E'\\''; commit; delete from t; --'",
    "select 1 /* /* */ ; commit; delete from t /* */",
    "SET TRANSACTION READ WRITE; DELETE FROM t",
    "set local transaction_read_only = off; delete from t",
    'SET "transaction_read_only" TO off; DELETE FROM t',
    "RESET transaction_read_only; DELETE FROM t",
)


@pytest.mark.parametrize("sql", LEAVING)
def test_nothing_is_deleted(url, sql):
    mdb.configure({"default": url})
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    try:
        read_sql_text(databases["default"], sql, limit=10)
    except MultiDBError as error:
        assert "'default'" in str(error)
    with databases["default"].connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 1


@pytest.mark.parametrize("sql", LEAVING)
def test_such_text_is_refused_before_it_runs(sql):
    mdb.configure({"default": "sqlite://"})
    with pytest.raises(ReadOnlyAlias, match="Run one statement at a time"):
        read_sql_text(databases["default"], sql)


@pytest.mark.parametrize("sql", ["select ';' as commit", 'select "a;b" end', "begin", "select 1;\n-- the end\n"])
def test_one_statement_is_one(sql):
    assert not leaves_transaction(sql)


@pytest.mark.parametrize(
    "sql", ["set search_path = a; table t", "SET LOCAL work_mem TO '1MB'; SELECT 1", "update t set a = 1; select 2"]
)
def test_other_settings_leave_it_as_it_is(sql):
    assert not leaves_transaction(sql)


def test_a_sequence_stays_where_it_is(new_database):
    mdb.configure({"default": new_database("postgresql")})
    with databases["default"].begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE numbers")
    with pytest.raises(ReadOnlyAlias):
        read_sql_text(databases["default"], "SET transaction_read_only = off; SELECT setval('numbers', 500)")
    with databases["default"].connect() as connection:
        assert connection.exec_driver_sql("SELECT last_value FROM numbers").scalar_one() == 1
