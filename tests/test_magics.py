"""%db and %%db, typed into a real IPython shell."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import multidb_explorer as mdb
from multidb_explorer.connections.confirming import confirmed
from multidb_explorer.connections.registry import databases

HOSTILE = "'; DROP TABLE users; --"

PEOPLE = [
    {"id": 1, "name": "Ann", "country": "FR", "credit": Decimal("10.50")},
    {"id": 2, "name": "Bob", "country": "DE", "credit": Decimal("0.00")},
    {"id": 3, "name": HOSTILE, "country": "FR", "credit": Decimal("7.25")},
]


@pytest.fixture(scope="module")
def any_shell():
    """Give a shell that keeps no history on the disk."""
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(any_shell):
    """Give a shell with the extension loaded and an empty namespace."""
    any_shell.reset(new_session=False)
    any_shell.run_line_magic("load_ext", "multidb_explorer")
    yield any_shell
    any_shell.run_line_magic("unload_ext", "multidb_explorer")


@pytest.fixture
def people(url):
    """Register a table of people under aliases with different rights, on every engine."""
    mdb.configure({"default": url})
    fill(databases["default"])


@pytest.fixture
def aliases(tmp_path):
    """Register files under aliases with different rights."""
    places = {name: f"sqlite:///{tmp_path / name}.db" for name in ("shop", "crm", "old")}
    mdb.configure({"default": places["shop"], "old": places["old"]})
    for alias in mdb.aliases:
        fill(databases[alias])
    mdb.configure(
        {
            "default": places["shop"],
            "crm": {"URL": places["crm"], "confirm": "writes", "label": "customers"},
            "old": {"URL": places["old"], "read_only": True},
        }
    )
    fill(databases["crm"])


def fill(database):
    tables = sa.MetaData()
    people = sa.Table(
        "people",
        tables,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("country", sa.String(2)),
        sa.Column("credit", sa.Numeric(10, 2)),
    )
    with confirmed(database.alias), database.begin() as connection:
        tables.create_all(connection)
        connection.execute(people.insert(), PEOPLE)


def result_of(shell, cell):
    """Run a cell that must succeed, and give its result."""
    done = shell.run_cell(cell)
    assert done.success, done.error_in_exec or done.error_before_exec
    return done.result


def complaint_of(shell, capsys, cell):
    """Run a cell that must fail, and give everything that the user then sees."""
    capsys.readouterr()
    done = shell.run_cell(cell)
    assert not done.success
    seen = "".join(capsys.readouterr())
    assert "Traceback" not in seen
    assert len(seen.splitlines()) <= 21
    return seen


def names_in(alias="default"):
    return [person.name for person in mdb.reflect("people", using=alias).objects.order_by("pk")]


# Looking


def test_db_lists_the_aliases(shell, aliases):
    assert result_of(shell, "%db") is mdb.aliases


def test_db_with_an_alias_lists_its_tables(shell, aliases):
    assert list(result_of(shell, "%db crm")) == ["people"]


def test_an_unknown_alias_is_told_with_those_that_exist(shell, aliases, capsys):
    seen = complaint_of(shell, capsys, "%db cmr")
    assert seen.startswith("ConnectionDoesNotExist: There is no database alias 'cmr'. Did you mean 'crm'?")


def test_sql_on_the_line_is_told_where_it_belongs(shell, aliases, capsys):
    assert "below a line '%%db default'" in complaint_of(shell, capsys, "%db default select 1")


# Asking


def test_a_cell_gives_a_frame(shell, people):
    frame = result_of(shell, "%%db default\nselect id, name from people order by id")
    assert isinstance(frame, pd.DataFrame)
    assert frame["name"].tolist() == ["Ann", "Bob", HOSTILE]


def test_a_semicolon_at_the_end_does_no_harm(shell, people):
    assert len(result_of(shell, "%%db default\nselect * from people;\n")) == 3


def test_a_percent_sign_and_a_colon_are_just_text(shell, people):
    frame = result_of(shell, "%%db default\nselect '100% {sure} :maybe' as claim from people where name like 'A%'")
    assert frame["claim"].tolist() == ["100% {sure} :maybe"]


def test_a_result_goes_into_a_variable(shell, people, capsys):
    assert result_of(shell, "%%db default everybody <<\nselect id, name from people") is None
    assert capsys.readouterr().out == "everybody: 3 rows × 2 columns\n"  # noqa: RUF001 - no letter x
    assert shell.user_ns["everybody"].shape == (3, 2)


def test_one_row_is_no_rows(shell, aliases, capsys):
    result_of(shell, "%%db default one<<\nselect 1 as n")
    assert capsys.readouterr().out == "one: 1 row × 1 column\n"  # noqa: RUF001 - no letter x


@pytest.mark.parametrize("name", ["2x", "class", "a.b"])
def test_what_is_no_name_gets_no_value(shell, aliases, capsys, name):
    seen = complaint_of(shell, capsys, f"%%db default {name} <<\nselect 1")
    assert f"{name!r} can't be the name of a variable" in seen


def test_an_alias_with_a_blank_stands_in_quotes(shell, aliases):
    mdb.connect("my scratch", "sqlite://")
    assert result_of(shell, "%%db 'my scratch'\nselect 1 as n")["n"].tolist() == [1]


# Variables


def test_a_variable_is_bound_and_never_written_into_the_text(shell, people):
    shell.user_ns["wanted"] = HOSTILE
    frame = result_of(shell, "%%db default\nselect id from people where name = {wanted}")
    assert frame["id"].tolist() == [3]
    assert len(names_in()) == 3


def test_the_same_variable_may_stand_twice(shell, people):
    shell.user_ns |= {"code": "FR", "élan": 2}
    sql = "select id from people where country = {code} or (country <> {code} and id = {élan}) order by id"
    assert result_of(shell, f"%%db default\n{sql}")["id"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("sql", ["id in {ids}", "id in ({ids})", "id IN ( {ids} )", "id in{ids}"])
@pytest.mark.parametrize(
    "ids", [[1, 3], (1, 3), {1, 3}, np.array([1, 3]), pd.Series([1, 3]), [np.int64(1), 3, None, pd.NA]], ids=repr
)
def test_a_list_stands_for_its_members(shell, people, ids, sql):
    shell.user_ns["ids"] = ids
    frame = result_of(shell, f"%%db default\nselect id from people where {sql} order by id")
    assert frame["id"].tolist() == [1, 3]


def test_a_list_of_texts_is_bound_too(shell, people):
    shell.user_ns["names"] = ["Bob", HOSTILE]
    frame = result_of(shell, "%%db default\nselect id from people where name in {names} order by id")
    assert frame["id"].tolist() == [2, 3]


@pytest.mark.parametrize("members", [[], [None], pd.Series([], dtype="int64")], ids=["list", "only NULL", "series"])
def test_an_empty_list_is_refused_by_name(shell, aliases, capsys, members):
    shell.user_ns["members"] = members
    seen = complaint_of(shell, capsys, "%%db default --write\ndelete from people where id not in {members}")
    assert "'members' is an empty list" in seen
    assert len(names_in()) == 3


def test_a_list_may_be_left_out(shell, people):
    shell.user_ns["members"] = [1, None]
    frame = result_of(shell, "%%db default\nselect id from people where id not in {members} order by id")
    assert frame["id"].tolist() == [2, 3]


@pytest.mark.parametrize("value", [np.int64(2), np.float64(2), np.int8(2), Decimal(2), True + 1, pd.Series([2])[0]])
def test_numbers_of_every_make_are_bound(shell, people, value):
    shell.user_ns["key"] = value
    assert result_of(shell, "%%db default\nselect name from people where id = {key}")["name"].tolist() == ["Bob"]


def test_decimals_are_compared_exactly(shell, people):
    shell.user_ns["most"] = Decimal("7.25")
    frame = result_of(shell, "%%db default\nselect id from people where credit <= {most} order by id")
    assert frame["id"].tolist() == [2, 3]


@pytest.mark.parametrize(
    "moment",
    [
        pd.Timestamp("2025-06-01 10:00"),
        np.datetime64("2025-06-01T10:00"),
        dt.datetime(2025, 6, 1, 10),
    ],
    ids=["pandas", "numpy", "python"],
)
def test_moments_of_every_make_are_bound(shell, people, moment):
    database = databases["default"]
    with database.begin() as connection:
        table = sa.Table("moments", sa.MetaData(), sa.Column("seen", sa.DateTime))
        table.create(connection)
        connection.execute(table.insert(), {"seen": dt.datetime(2025, 6, 1, 10)})
    shell.user_ns["moment"] = moment
    assert len(result_of(shell, "%%db default\nselect * from moments where seen = {moment}")) == 1


def test_a_missing_value_is_null(shell, people):
    shell.user_ns["nothing"] = pd.NA
    assert len(result_of(shell, "%%db default\nselect * from people where name = {nothing}")) == 0


def test_an_unknown_variable_is_named_and_nothing_runs(shell, aliases, capsys):
    shell.user_ns["country"] = "FR"
    seen = complaint_of(shell, capsys, "%%db default --write\ndelete from people where country = {contry}")
    assert "There is no variable 'contry'" in seen
    assert "Did you mean 'country'?" in seen
    assert len(names_in()) == 3


# Writing


def test_a_cell_reads_unless_it_says_otherwise(shell, people, capsys):
    seen = complaint_of(shell, capsys, "%%db default\ndelete from people")
    assert seen.startswith("ReadOnlyAlias: ")
    assert "'%%db default --write'" in seen
    assert len(names_in()) == 3


def test_a_writing_cell_names_the_alias_first(shell, people, capsys):
    result_of(shell, "%%db default --write\nupdate people set name = 'Eve' where id = 2")
    assert capsys.readouterr().out.startswith("writing to 'default': ")
    assert names_in() == ["Ann", "Eve", HOSTILE]


def test_a_write_that_gives_no_rows_says_that_it_is_done(shell, aliases, capsys):
    assert result_of(shell, "%%db default --write\ndelete from people where id = 2") is None
    assert capsys.readouterr().out.splitlines()[1] == "done on 'default', no rows to show"


def test_a_bound_value_is_written_as_it_is(shell, people):
    shell.user_ns |= {"name": "O'Neill {x} :y %s", "key": np.int64(1)}
    result_of(shell, "%%db default --write\nupdate people set name = {name} where id = {key}")
    assert names_in()[0] == "O'Neill {x} :y %s"


def test_a_failed_write_leaves_nothing(shell, people, capsys):
    seen = complaint_of(
        shell, capsys, "%%db default --write\ninsert into people (id, name) values (9, 'Zoe'), (1, 'again')"
    )
    assert "IntegrityError: " in seen
    assert len(names_in()) == 3


@pytest.mark.parametrize("options", ["--write", "--write --confirm default", "--write --confirm CRM"])
def test_an_alias_that_asks_wants_its_name_typed(shell, aliases, capsys, options):
    seen = complaint_of(shell, capsys, f"%%db crm {options}\ndelete from people")
    assert "'%%db crm --write --confirm crm'" in seen
    assert "writing to" not in seen
    assert len(names_in("crm")) == 3


def test_an_alias_that_asks_is_written_when_its_name_was_typed(shell, aliases, capsys):
    result_of(shell, "%%db crm --write --confirm crm\ndelete from people where id = 1")
    assert capsys.readouterr().out.startswith("writing to 'crm' (customers): ")
    assert len(names_in("crm")) == 2


def test_to_confirm_alone_writes_nothing(shell, aliases, capsys):
    assert "ReadOnlyAlias" in complaint_of(shell, capsys, "%%db crm --confirm crm\ndelete from people")
    assert len(names_in("crm")) == 3


def test_a_read_only_alias_is_never_written(shell, aliases, capsys):
    seen = complaint_of(shell, capsys, "%%db old --write --confirm old\ndelete from people")
    assert seen.startswith("ReadOnlyAlias: Alias 'old' is read-only")
    assert len(names_in("old")) == 3


# How much


def test_a_cut_result_says_so(shell, people, capsys):
    assert len(result_of(shell, "%%db default --limit 2\nselect * from people")) == 2
    assert "only the first 2 rows were read" in capsys.readouterr().err


def test_a_result_that_fits_exactly_says_nothing(shell, people, capsys):
    assert len(result_of(shell, "%%db default --limit 3\nselect * from people")) == 3
    assert capsys.readouterr().err == ""


def test_ten_thousand_rows_are_read_unless_all_are_asked_for(shell, aliases):
    sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10500) select i from n"
    assert len(result_of(shell, f"%%db default\n{sql}")) == 10_000
    assert len(result_of(shell, f"%%db default --limit 0\n{sql}")) == 10_500


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "alias"),
        ("default more words", "more words"),
        ("default --limit some", "must be a number of rows"),
        ("default --limit", "--limit"),
        ("default --writ", "--writ"),
        ("'default", "No closing quotation"),
    ],
)
def test_a_line_that_is_not_understood_is_explained(shell, aliases, capsys, line, problem):
    seen = complaint_of(shell, capsys, f"%%db {line}\nselect 1")
    assert seen.startswith("MagicError: ")
    assert problem in seen


# Failing


def test_what_the_database_says_is_shown_without_a_traceback(shell, people, capsys):
    seen = complaint_of(shell, capsys, "%%db default\nselect * from poeple")
    assert "poeple" in seen
    assert "default" in seen


def test_no_complaint_is_longer_than_a_screen(shell, aliases, capsys):
    seen = complaint_of(shell, capsys, "%%db default\nselect " + ",\n".join(["nonsense"] * 500))
    assert len(seen) < 2_500


def test_code_that_runs_the_magic_catches_the_error_itself(shell, aliases):
    with pytest.raises(mdb.errors.OperationalError, match="poeple"):
        shell.run_cell_magic("db", "default", "select * from poeple")


def test_a_secret_is_in_no_complaint(shell, capsys):
    mdb.configure({"default": "postgresql://ann:hunter2secret@127.0.0.1:1/shop?password=hunter2secret"})
    seen = complaint_of(shell, capsys, "%%db default\nselect 1")
    assert "ConnectionFailed" in seen
    assert "hunter2secret" not in seen


# The extension


def test_nothing_else_is_touched(shell):
    mine = lambda line: "mine"  # noqa: E731 - the magic of somebody else
    shell.register_magic_function(mine, "line", "sql")
    shell.run_line_magic("reload_ext", "multidb_explorer")
    assert shell.run_line_magic("sql", "") == "mine"


def test_unloading_leaves_nothing_behind(shell):
    shell.run_line_magic("unload_ext", "multidb_explorer")
    assert shell.find_line_magic("db") is None
    assert shell.find_cell_magic("db") is None
    shell.run_line_magic("load_ext", "multidb_explorer")
    assert shell.find_cell_magic("db") is not None


def test_unloading_leaves_the_magic_of_somebody_else(shell):
    mine = lambda line: "mine"  # noqa: E731 - the magic of somebody else
    shell.register_magic_function(mine, "line", "db")
    shell.run_line_magic("unload_ext", "multidb_explorer")
    assert shell.run_line_magic("db", "") == "mine"
    shell.run_line_magic("load_ext", "multidb_explorer")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%db cr", ["crm"]),
        ("%%db ", ["default", "crm", "old"]),
        ("%%db o", ["old"]),
        ("%%db crm --w", ["--write"]),
        ("%%db crm --write --confirm ", ["default", "crm", "old"]),
    ],
)
def test_aliases_and_options_are_completed(shell, aliases, typed, offered):
    with provisionalcompleter():
        matches = {completion.text for completion in shell.Completer.completions(typed, len(typed))}
    # IPython offers Python's own words beside ours.
    assert matches & {*mdb.aliases, "--write", "--limit", "--confirm"} == set(offered)
