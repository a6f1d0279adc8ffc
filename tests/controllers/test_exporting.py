"""Exports of the grid: the rows on screen, in the background, to a file or to the browser."""

from __future__ import annotations

import json
import threading

import openpyxl
import pyarrow.parquet as pq
import pytest
from controllers.wire import Wire, run

import multidb_explorer as mdb
from multidb_explorer.controllers import exporting
from multidb_explorer.controllers.exporting import FORMATS
from multidb_explorer.controllers.grid import GridController

CSV = 'id,name,country\r\n1,Ann,FR\r\n2,Bob,\r\n3,Cyd,SE\r\n4,Dan,""\r\n5,Eve,FR\r\n'


class Asking(Wire):
    """Keeps what is told of a job on its way apart from its answer."""

    def __init__(self, controller):
        super().__init__(controller)
        self.told = []
        controller.attach(
            lambda reply: (self.told if reply.message["type"] == "progress" else _Put(self.answers)).append(reply)
        )


class _Put:
    def __init__(self, answers):
        self.append = answers.put


@pytest.fixture
def wire(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Asking(GridController(mdb.reflect("users", using="legacy").objects.order_by("id")))


def test_a_file_is_written_and_what_it_is_is_said(wire, tmp_path):
    done = wire.ask("export", format="csv", path="users.csv")
    assert (done["text"], done["rows"], done["bytes"]) == ("Wrote 5 rows of users to users.csv", 5, len(CSV))
    assert (tmp_path / "users.csv").read_bytes().decode() == CSV
    assert wire.told[0].message["rows"] == 0


def test_a_name_is_suggested(wire, tmp_path):
    said = wire.ask("export_formats")
    assert (said["stem"], said["folder"]) == ("users", str(tmp_path))
    assert [form["name"] for form in said["formats"]] == list(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_rows(wire, tmp_path, name):
    path = tmp_path / f"out{FORMATS[name].suffix}"
    assert wire.ask("export", format=name, path=str(path))["rows"] == 5
    if name == "parquet":
        assert pq.read_table(path)["name"].to_pylist() == ["Ann", "Bob", "Cyd", "Dan", "Eve"]
    elif name == "excel":
        assert [row[1] for row in openpyxl.load_workbook(path)["users"].values] == [
            "name",
            "Ann",
            "Bob",
            "Cyd",
            "Dan",
            "Eve",
        ]
    else:
        assert all(person in path.read_text() for person in ("Ann", "Eve"))


def test_what_is_exported_is_what_is_on_screen(wire, tmp_path):
    wire.ask("sort", epoch=2, keys=[{"column": "name", "descending": True}])
    wire.ask("export", format="csv", path="a.csv", columns=["name"])
    assert (tmp_path / "a.csv").read_text().split() == ["name", "Eve", "Dan", "Cyd", "Bob", "Ann"]
    wire.ask("select", epoch=2, rows=[[0, 1]])
    assert wire.ask("export", format="jsonl", path="b.jsonl", selected=True, columns=["id", "name"])["rows"] == 2
    assert {json.loads(line)["name"] for line in (tmp_path / "b.jsonl").read_text().splitlines()} == {"Eve", "Dan"}


def test_a_file_that_is_there_is_replaced_only_when_that_was_said(wire, tmp_path):
    (tmp_path / "users.csv").write_text("precious")
    assert wire.ask("export", format="csv", path="users.csv")["type"] == "exists"
    assert (tmp_path / "users.csv").read_text() == "precious"
    assert wire.ask("export", format="csv", path="users.csv", overwrite=True)["type"] == "exported"


def test_no_sheet_has_a_name_that_excel_keeps_for_itself(shop, tmp_path):
    run("legacy", "CREATE TABLE history (id INTEGER PRIMARY KEY)")
    wire = Asking(GridController(mdb.reflect("history", using="legacy").objects))
    assert wire.ask("export", format="excel", path=str(tmp_path / "h.xlsx"))["type"] == "exported"
    assert openpyxl.load_workbook(tmp_path / "h.xlsx").sheetnames == ["history_"]


def test_a_small_result_goes_to_the_browser(wire, tmp_path, monkeypatch):
    message, (data,) = wire.whole("export", format="csv", download=True)
    assert (data.decode(), message["bytes"]) == (CSV, len(CSV))
    assert "Ann" not in json.dumps(message)
    assert [path.suffix for path in tmp_path.glob("*.csv")] == []
    monkeypatch.setattr(exporting, "MOST_BYTES", 10)
    assert "write a file instead" in wire.ask("export", format="csv", download=True)["message"]


def test_the_clipboard_gets_a_few_rows(wire, monkeypatch):
    _, (data,) = wire.whole("export_copy", format="markdown", columns=["id", "name"])
    assert data.decode().splitlines()[2] == "| 1 | Ann |"
    monkeypatch.setattr(exporting, "MOST_COPIED", 3)
    assert "too many for the clipboard" in wire.ask("export_copy", format="tsv")["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"format": "rar"}, "A format is one of"),
        ({"format": "csv"}, "which file"),
        ({"format": "csv", "path": "no/such/x.csv"}, "no folder"),
        ({"format": "csv", "path": "x" * 5000}, "This path can't be used: File name too long."),
        ({"format": "csv", "path": "x\0.csv"}, "a character that no name can have"),
        ({"format": "csv", "path": "\ud800.csv"}, "a character that no name can have"),
        ({"format": "csv", "path": "~nobody of that name/x.csv"}, "home directory"),
        ({"format": "csv", "path": "x.csv", "columns": ["salary"]}, "by their names"),
        ({"format": "csv", "path": "x.csv", "columns": []}, "by their names"),
    ],
)
def test_what_can_not_be_is_refused_in_words(wire, body, says):
    assert says in wire.ask("export", **body)["message"]


def test_cancel_stops_the_database_and_leaves_no_half_file(url, tmp_path, monkeypatch):
    """The first batch is there; then the user changes their mind."""
    mdb.configure({"default": url})
    run("default", "CREATE TABLE n (id INTEGER PRIMARY KEY)", *(f"INSERT INTO n VALUES ({k})" for k in range(40)))
    monkeypatch.setattr(exporting, "_BATCH", 10)
    monkeypatch.setattr(exporting, "_TOLD_EVERY", 0)
    grid = GridController(mdb.reflect("n").objects.order_by("id"))
    wire, going, gone = Asking(grid), threading.Event(), threading.Event()
    watch = exporting._Watch.batches

    def slowly(self, batches, tell):
        for batch in watch(self, batches, tell):
            yield batch
            going.set()
            gone.wait(20)

    monkeypatch.setattr(exporting._Watch, "batches", slowly)
    grid.receive({"type": "export", "id": "long", "format": "csv", "path": str(tmp_path / "n.csv")})
    assert going.wait(20)
    grid.receive({"type": "cancel", "id": "c", "target": "long"})
    said = [wire.answers.get(timeout=20).message]
    threading.Timer(0.2, gone.set).start()
    said.append(wire.answers.get(timeout=20).message)
    answers = {message["id"]: message for message in said}
    assert answers["c"]["stopped"]
    assert (answers["long"]["type"], answers["long"].get("cancelled")) == ("err", True)
    assert [path.name for path in tmp_path.iterdir() if "n.csv" in path.name] == []
    assert mdb.reflect("n").objects.count() == 40
