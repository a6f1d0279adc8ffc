from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
import types
import warnings
from importlib.metadata import version

import pytest

from multidb_explorer import cli
from multidb_explorer.connections.registry import databases

PLANTED = "pl4nted-pw"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with a shop of 250 orders, an archive and a server that is down."""
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total NUMERIC, note BLOB)")
        shop.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [(number, f"customer {number % 7}", number / 2, None) for number in range(1, 251)],
        )
    shop.close()
    (tmp_path / "multidb.toml").write_text(
        '[aliases.default]\nENGINE = "sqlite"\nNAME = "shop.db"\nlabel = "The shop"\n'
        '[aliases.archive]\nURL = "sqlite:///shop.db"\nread_only = true\n'
        f'[aliases.down]\nURL = "postgresql://ann:{PLANTED}@127.0.0.1:1/x?sslpassword={PLANTED}"\n'
        '[aliases.secret]\nURL = "postgresql://ann@127.0.0.1:1/x"\nPASSWORD = "env:NOT_SET"\n'
    )
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command and give its exit code, output and complaints; each starts like a new process."""

    def run(*words):
        databases.clear()
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        done = capsys.readouterr()
        assert PLANTED not in done.out + done.err
        assert "Traceback" not in done.err
        return types.SimpleNamespace(code=code, out=done.out, err=done.err, lines=done.out.splitlines())

    return run


# aliases


def test_aliases_lists_them_without_connecting(run, project):
    done = run("aliases")

    assert done.code == 0
    assert [line.split() for line in done.lines] == [
        ["alias", "engine", "database", "access"],
        ["default", "sqlite", f"sqlite:///{project}/shop.db", "read", "and", "write"],
        ["archive", "sqlite", f"sqlite:///{project}/shop.db", "read-only"],
        ["down", "postgresql", "postgresql://ann@127.0.0.1:1/x", "read", "and", "write"],
        ["secret", "postgresql", "postgresql://ann@127.0.0.1:1/x", "read", "and", "write"],
    ]
    assert [database.state for database in databases.values()] == ["idle"] * 4


def test_aliases_says_where_each_value_came_from(run, project, monkeypatch):
    monkeypatch.setenv("MULTIDB_ARCHIVE_URL", "sqlite:////other.db")

    rows = [line.split(maxsplit=3) for line in run("aliases", "--origins").lines]

    file = str(project / "multidb.toml")
    assert ["archive", "URL", "sqlite:////other.db", "environment MULTIDB_ARCHIVE_URL"] in rows
    assert ["archive", "read_only", "True", file] in rows
    assert ["default", "ENGINE", "sqlite", file] in rows
    assert ["down", "PASSWORD", "***", file] in rows
    assert ["secret", "PASSWORD", "env:NOT_SET", file] in rows


def test_aliases_as_json(run, project):
    found = json.loads(run("aliases", "--format", "json", "--origins").out)

    assert [alias["alias"] for alias in found] == ["default", "archive", "down", "secret"]
    assert found[0] == {
        "alias": "default",
        "engine": "sqlite",
        "url": f"sqlite:///{project}/shop.db",
        "label": "The shop",
        "color": None,
        "read_only": False,
        "confirm": "never",
        "history": "images",
        "statement_timeout": None,
        "pool_size": None,
        "schema": None,
        "origins": dict.fromkeys(["ENGINE", "NAME", "label"], str(project / "multidb.toml")),
    }


def test_without_any_alias_it_says_how_to_add_one(run, project):
    (project / "multidb.toml").unlink()

    done = run("aliases")

    assert (done.code, done.out) == (0, "")
    assert "no aliases. Set DATABASE_URL" in done.err


def test_another_file_can_be_chosen(run, project):
    (project / "team.toml").write_text('[aliases]\ndefault = "sqlite:///team.db"')

    assert "team.db" in run("--config", "team.toml", "aliases").out


def test_a_broken_file_is_named_in_one_line(run, project):
    (project / "multidb.toml").write_text("[aliases.default\n")

    done = run("aliases")

    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "multidb.toml is not valid TOML" in done.err
    assert "line 1" in done.err


# check


def test_check_says_what_answers(run):
    done = run("check", "default", "archive")

    assert done.code == 0
    assert done.lines[0].startswith("default: ok: SQLite 3.")
    assert done.lines[0].endswith(" ms)")
    assert len(done.lines) == 2


def test_check_of_all_goes_on_after_a_failure_and_tells_by_its_exit_code(run):
    done = run("check")

    assert done.code == 1
    assert [line.split(":")[0] for line in done.lines] == ["default", "archive", "down", "secret"]
    assert done.lines[0].startswith("default: ok")
    assert done.lines[2].startswith("down: FAILED: Can't reach alias 'down' (postgresql://ann@127.0.0.1:1/x)")
    assert "env:NOT_SET is not there" in done.lines[3]


def test_check_passes_by_a_default_without_database_unless_it_is_asked_for(run, project):
    (project / "multidb.toml").write_text('[aliases.default]\n[aliases.shop]\nURL = "sqlite:///shop.db"')

    assert run("check").code == 0
    assert run("check", "default").code == 1


def test_an_unknown_alias_is_an_error_before_anything_is_connected(run):
    done = run("check", "default", "archiv")

    assert (done.code, done.out) == (2, "")
    assert "no database alias 'archiv'. Did you mean 'archive'?" in done.err


# query


def test_query_prints_a_table(run):
    done = run("query", "default", "SELECT id, customer, note FROM orders ORDER BY id", "--limit", 2)

    assert done.code == 0
    assert done.lines == ["id  customer    note", "1   customer 1  NULL", "2   customer 2  NULL"]
    assert "only the first 2 rows are shown; --limit 0 gives all of them" in done.err


@pytest.mark.parametrize(
    ("limit", "rows", "cut"), [((), 100, True), (("--limit", 0), 250, False), (("--limit", 250), 250, False)]
)
def test_a_result_is_cut_and_says_so(run, limit, rows, cut):
    done = run("query", "default", "SELECT id FROM orders", "--format", "csv", *limit)

    assert len(done.lines) == rows + 1
    assert bool(done.err) is cut


def test_parameters_are_bound_and_never_formatted(run):
    sql = "SELECT count(*) AS n FROM orders WHERE customer = :who AND id > :low"

    assert run("query", "default", sql, "--param", "who=customer 1", "--param", "low:=8").lines[1] == "34"
    assert run("query", "default", sql, "--param", "who=x' OR 'a' = 'a", "--param", "low:=0").lines[1] == "0"


@pytest.mark.parametrize(
    ("word", "text"),
    [("x=5", '"5"'), ("x:=5", "5"), ("x:=2.5", "2.5"), ("x:=null", "null"), ("x=a=b", '"a=b"'), ("x=", '""')],
)
def test_a_parameter_is_text_unless_its_type_is_said(run, word, text):
    assert f'"v": {text}' in run("query", "default", "SELECT :x AS v", "--param", word, "--format", "json").out


@pytest.mark.parametrize("word", ["x", "5=x", "=x", "x:=[1]", "x:=text", "a b=c"])
def test_a_parameter_that_is_none_is_refused(run, word):
    done = run("query", "default", "SELECT 1", "--param", word)

    assert done.code == 2
    assert "argument --param" in done.err


@pytest.mark.parametrize("limit", ["-1", "many", "1.5"])
def test_a_limit_is_a_number(run, limit):
    assert run("query", "default", "SELECT 1", f"--limit={limit}").code == 2


def test_query_as_csv(run):
    sql = "SELECT 'a \"b\", c' AS words, NULL AS none, x'ff00' AS bytes, 'two\nlines' AS lines"

    rows = list(csv.reader(io.StringIO(run("query", "default", sql, "--format", "csv").out)))

    assert rows == [["words", "none", "bytes", "lines"], ['a "b", c', "", "ff00", "two\nlines"]]


def test_query_as_json_keeps_columns_of_the_same_name_and_has_no_nan(run):
    found = json.loads(run("query", "default", "SELECT 1 AS a, 2 AS a, 9e999 AS big, 'é' AS e", "--format", "json").out)

    assert found == [{"a": 1, "a_2": 2, "big": "inf", "e": "é"}]


def test_an_empty_result_still_has_its_columns(run):
    assert run("query", "default", "SELECT id FROM orders WHERE id < 0").lines == ["id"]
    assert run("query", "default", "SELECT id FROM orders WHERE id < 0", "--format", "json").out == "[]\n"


def test_what_a_value_holds_cannot_drive_the_terminal(run):
    done = run("query", "default", "SELECT char(27) || '[31mred' AS x")

    assert "\x1b" not in done.out
    assert "\\x1b[31mred" in done.out


@pytest.mark.parametrize("alias", ["default", "archive"])
def test_a_query_that_writes_is_refused_and_writes_nothing(run, alias, project):
    done = run("query", alias, "DELETE FROM orders")

    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert run("query", "default", "SELECT count(*) FROM orders").lines[1] == "250"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["query", "default", "SELECT nope FROM orders"], "no such column: nope"),
        (["query", "nope", "SELECT 1"], "no database alias 'nope'"),
        (["query", "down", "SELECT 1"], "Can't reach alias 'down'"),
        (["query", "secret", "SELECT 1"], "env:NOT_SET is not there"),
        (["--config", "nope.toml", "aliases"], "There is no settings file"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(run, words, message):
    done = run(*words)

    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("multidb: ")
    assert message in done.err


def test_an_unforeseen_error_is_one_redacted_line_too(run, monkeypatch):
    def broken(*words):
        raise RuntimeError(f"unforeseen\nwith password={PLANTED}")

    monkeypatch.setattr("multidb_explorer.results.typed.read_sql_text", broken)

    done = run("query", "default", "SELECT 1")

    assert done.err == "multidb: RuntimeError: unforeseen with password=***\n"


def test_an_interrupt_is_no_traceback(run, monkeypatch):
    def interrupted(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("multidb_explorer.results.typed.read_sql_text", interrupted)

    assert run("query", "default", "SELECT 1").code == 130


# demo and the rest


def test_demo_builds_the_sample_in_a_folder(run, monkeypatch):
    def build(folder):
        warnings.warn("The demo goes without the alias 'warehouse'", stacklevel=2)
        return {"default": {"NAME": f"{folder}/shop.db"}, "archive": {"NAME": f"{folder}/archive.db"}}

    module = types.ModuleType("multidb_explorer.demo")
    module.build = build
    monkeypatch.setitem(sys.modules, "multidb_explorer.demo", module)

    done = run("demo", "samples")

    assert done.lines == ["alias    file", "default  samples/shop.db", "archive  samples/archive.db"]
    assert done.err == "multidb: The demo goes without the alias 'warehouse'\n"
    assert "demo/shop.db" in run("demo").out


def test_version(run):
    assert run("--version").out == f"multidb {version('multidb_explorer')}\n"


@pytest.mark.parametrize("words", [[], ["nope"], ["query"], ["aliases", "--format", "xml"]])
def test_a_wrong_command_is_exit_code_2(run, words):
    assert run(*words).code == 2


def test_a_secret_in_a_wrong_argument_is_not_repeated(run):
    done = run("check", f"--password={PLANTED}")

    assert done.code == 2
    assert "--password=***" in done.err


def test_it_runs_as_a_module_and_survives_a_reader_that_leaves(project):
    words = [
        sys.executable,
        "-m",
        "multidb_explorer",
        "query",
        "default",
        "SELECT * FROM orders, orders o",
        "--limit",
        "0",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=project, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("id")
        process.stdout.close()
        complaints = process.stderr.read()

    assert complaints == ""
    assert process.returncode == 0
