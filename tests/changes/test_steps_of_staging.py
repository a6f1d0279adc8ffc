"""Random steps of staging, undone and done again, against a plain model; a commit then writes what it says."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import multidb_explorer as mdb
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.records import Delete, Insert, Update
from multidb_explorer.connections.registry import databases

KEYS = st.integers(1, 6)
COLUMNS = st.sampled_from(["name", "n"])
VALUES = {"name": st.sampled_from(["a", "b", None]), "n": st.sampled_from([1, 2, None])}
START = {1: {"name": "a", "n": 1}, 2: {"name": "b", "n": None}, 3: {"name": None, "n": 2}}

Rows = dict[int, dict[str, Any]]


class Staging(RuleBasedStateMachine):
    """The model is the table as it would be, kept whole at every step."""

    @initialize()
    def begin(self) -> None:
        folder = Path(tempfile.mkdtemp())
        mdb.connect("model", f"sqlite:///{folder / 'model.db'}")
        with databases["model"].begin() as connection:
            connection.exec_driver_sql("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)")
            for key, row in START.items():
                connection.exec_driver_sql("INSERT INTO things VALUES (?, ?, ?)", (key, row["name"], row["n"]))
        self.changes = ChangeSet("model")
        self.rows: Rows = {key: dict(row) for key, row in START.items()}
        self.past: list[Rows] = []
        self.future: list[Rows] = []

    def step(self, rows: Rows) -> None:
        if rows != self.rows:
            self.past.append(self.rows)
            self.future.clear()
            self.rows = rows

    @rule(key=KEYS, column=COLUMNS, data=st.data())
    def update(self, key: int, column: str, data: st.DataObject) -> None:
        if key in self.rows:
            value = data.draw(VALUES[column])
            self.changes.update("things", key, {column: value})
            self.step({**self.rows, key: {**self.rows[key], column: value}})

    @rule(keys=st.lists(KEYS, max_size=3, unique=True), column=COLUMNS, data=st.data())
    def several_updates_in_one_step(self, keys: list[int], column: str, data: st.DataObject) -> None:
        rows = self.rows
        with self.changes.one_step():
            for key in (key for key in keys if key in rows):
                value = data.draw(VALUES[column])
                self.changes.update("things", key, {column: value})
                rows = {**rows, key: {**rows[key], column: value}}
        self.step(rows)

    @rule(key=KEYS, name=VALUES["name"], n=VALUES["n"])
    def insert(self, key: int, name: str | None, n: int | None) -> None:
        if key not in self.rows:
            self.changes.insert("things", {"id": key, "name": name, "n": n})
            self.step({**self.rows, key: {"name": name, "n": n}})

    @rule(key=KEYS)
    def delete(self, key: int) -> None:
        if key in self.rows:
            self.changes.delete("things", key)
            self.step({known: row for known, row in self.rows.items() if known != key})

    @rule(key=KEYS)
    def revert_row(self, key: int) -> None:
        self.changes.revert("things", key)
        rows = {known: row for known, row in self.rows.items() if known != key}
        self.step({**rows, key: dict(START[key])} if key in START else rows)

    @rule(key=KEYS, column=COLUMNS)
    def revert_cell(self, key: int, column: str) -> None:
        if key in self.rows and key in START:
            self.changes.revert("things", key, column)
            self.step({**self.rows, key: {**self.rows[key], column: START[key][column]}})

    @rule()
    def revert_all(self) -> None:
        self.changes.revert()
        self.step({key: dict(row) for key, row in START.items()})

    @precondition(lambda self: self.past)
    @rule()
    def undo(self) -> None:
        assert self.changes.undo()
        self.future.append(self.rows)
        self.rows = self.past.pop()

    @precondition(lambda self: self.future)
    @rule()
    def redo(self) -> None:
        assert self.changes.redo()
        self.past.append(self.rows)
        self.rows = self.future.pop()

    @invariant()
    def the_changes_lead_from_the_start_to_the_model(self) -> None:
        if not hasattr(self, "changes"):
            return
        rows: Rows = {key: dict(row) for key, row in START.items()}
        for change in self.changes.changes:
            match change:
                case Insert(values=values):
                    assert values["id"] not in rows
                    rows[values["id"]] = {name: values.get(name) for name in ("name", "n")}
                case Update(key=key, values=values, original=original):
                    assert all(original[name] == START[key["id"]][name] != values[name] for name in values)
                    rows[key["id"]] |= values
                case Delete(key=key):
                    del rows[key["id"]]
        assert rows == self.rows
        assert bool(self.changes) == (rows != START)
        assert bool(self.past) or not self.changes

    def teardown(self) -> None:
        if not hasattr(self, "changes"):
            return
        if self.changes:
            self.changes.commit()
        with databases["model"].connect() as connection:
            found = connection.exec_driver_sql("SELECT id, name, n FROM things").all()
        assert {key: {"name": name, "n": n} for key, name, n in found} == self.rows
        mdb.disconnect("model")


TestStaging = Staging.TestCase
TestStaging.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
