"""What analysts ask of many rows: profiles, frequencies, samples and plots, without reading the rows."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from decimal import Decimal

import pandas as pd
import pytest
import shop
import sqlalchemy as sa
from shop import User
from targets import Target

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import Sent, statements
from multidb_explorer.errors import FieldError, FieldValueError, MissingDriver


@pytest.fixture
def legacy(url: str) -> Database:
    return shop.make("legacy", url)


def asked(sent: list[Sent]) -> list[str]:
    """Give the questions about rows, without those about the catalog."""
    return [s.sql for s in sent if "users" in s.sql or "orders" in s.sql or "numbers" in s.sql]


NUMBERS = [
    {"id": i, "whole": i * i % 17, "exact": Decimal(i * i) / 100, "real": i / 8, "word": "aAbBä"[i % 5]}
    for i in range(1, 38)
]


class Number(mdb.Model):
    """A row of numbers of every kind."""

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    whole = sa.Column(sa.Integer, nullable=False)
    exact = sa.Column(sa.Numeric(10, 2), nullable=False)
    real = sa.Column(sa.Double, nullable=False)
    word = sa.Column(sa.String(5), nullable=False)

    class Meta:
        table = "numbers"
        using = "legacy"


@pytest.fixture
def numbers(legacy: Database) -> Database:
    columns = [
        sa.Column(c.name, c.type, primary_key=c.primary_key, autoincrement=False) for c in Number._source.table.c
    ]
    table = sa.Table("numbers", sa.MetaData(), *columns)
    with legacy.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), NUMBERS)
    return legacy


# describe


def test_a_profile_has_one_row_a_column(legacy: Database) -> None:
    found = User.objects.describe()

    assert list(found.index) == ["id", "name", "country", "score", "boss_id"]
    assert list(found.columns) == [
        *["type", "rows", "nulls", "distinct", "min", "max", "mean", "std"],
        *["q25", "median", "q75", "top", "top_count"],
    ]
    assert found.loc["country", ["rows", "nulls", "distinct", "min", "max"]].tolist() == [4, 1, 2, "FR", "TR"]
    assert found.loc["country", ["top", "top_count"]].tolist() == ["FR", 2]
    assert found.loc["score", ["nulls", "min", "max", "q25", "median", "q75"]].tolist() == [1, 10, 40, 20, 30, 35]
    assert found.loc["boss_id", ["nulls", "distinct"]].tolist() == [4, 0]
    assert found.loc["boss_id", ["min", "mean", "median", "top", "top_count"]].isna().all()


def test_the_numbers_are_those_of_python_on_every_engine(numbers: Database) -> None:
    found = Number.objects.describe()

    for name in ("whole", "exact", "real"):
        values = sorted(row[name] for row in NUMBERS)
        facts = found.loc[name]
        quartiles = statistics.quantiles(values, n=4, method="inclusive")
        assert [facts["q25"], facts["median"], facts["q75"]] == quartiles
        assert (facts["min"], facts["max"]) == (values[0], values[-1])
        assert facts["mean"] == pytest.approx(float(statistics.fmean(values)), rel=1e-12)
        assert facts["std"] == pytest.approx(float(statistics.stdev(map(float, values))), rel=1e-12)
        most = max(Counter(values).values())
        smallest = min(value for value, times in Counter(values).items() if times == most)
        assert (facts["top"], facts["top_count"]) == (smallest, most)


def test_texts_are_told_apart_by_their_letters_whatever_the_collation(numbers: Database) -> None:
    facts = Number.objects.describe().loc["word"]

    assert (facts["distinct"], facts["min"], facts["max"]) == (5, "A", "ä")
    assert (facts["top"], facts["top_count"]) == ("A", 8)


def test_what_is_exact_stays_exact(legacy: Database) -> None:
    orders = mdb.reflect("orders", using="legacy")
    total, placed = (orders.objects.describe().loc[name] for name in ("total", "placed"))

    assert (total["min"], total["max"]) == (Decimal("0.01"), Decimal("12345678.90"))
    assert (total["q25"], total["median"]) == (Decimal("10.00"), Decimal("19.99"))
    assert isinstance(total["median"], Decimal)
    assert placed["min"] == dt.datetime(2026, 1, 2, 3, 4, 5)
    assert placed["max"] == dt.datetime(9999, 12, 31)
    assert placed["median"] == dt.datetime(2026, 1, 2, 3, 4, 5, 678901)


def test_two_statements_make_a_profile_and_no_row_is_read(numbers: Database) -> None:
    with statements(numbers) as sent:
        Number.objects.describe()
    assert len(asked(sent)) == 2


def test_of_no_rows_one_statement_tells_all(legacy: Database) -> None:
    with statements(legacy) as sent:
        found = User.objects.filter(id__gt=100).describe()
    assert len(asked(sent)) == 1
    assert found["rows"].tolist() == [0] * 5
    assert found["min"].isna().all()
    assert User.objects.none().describe()["rows"].tolist() == [0] * 5


@pytest.mark.parametrize(
    ("question", "column", "facts"),
    [
        (lambda users: users.filter(country="FR"), "id", (2, 1, 4)),
        (lambda users: users.annotate(twice=mdb.F("score") * 2), "twice", (4, 20, 80)),
        (lambda users: users.values("country").annotate(n=mdb.Count("id")), "n", (3, 1, 2)),
        (lambda users: users.values("country").distinct(), "country", (3, "FR", "TR")),
        (lambda users: users.order_by("-id")[:3], "id", (3, 2, 4)),
        (lambda users: users.filter(id=1).union(users.filter(id=4)), "id", (2, 1, 4)),
        (lambda users: users.only("name"), "name", (4, "", "Çağla")),
    ],
)
def test_whatever_a_query_reads_can_be_described(
    legacy: Database, question: object, column: str, facts: tuple[object, ...]
) -> None:
    found = question(User.objects).describe()

    assert tuple(found.loc[column, ["rows", "min", "max"]]) == facts


def test_many_columns_take_two_statements_for_each_25_of_them(legacy: Database) -> None:
    computed = {f"c{i}": mdb.Value(i) for i in range(60)}

    with statements(legacy) as sent:
        found = User.objects.values(**computed).describe()
    assert len(asked(sent)) == 6
    assert found.loc["c59", "max"] == 59


# value_counts


def test_values_are_counted_most_frequent_first_and_then_by_value(legacy: Database) -> None:
    with statements(legacy) as sent:
        found = User.objects.value_counts("country")
    assert len(asked(sent)) == 1
    assert found.name == "count"
    assert found.index.name == "country"
    assert list(found.items()) == [("FR", 2), ("TR", 1)]


def test_null_is_counted_where_it_shall_be(legacy: Database) -> None:
    found = User.objects.value_counts("country", dropna=False)

    assert found.tolist() == [2, 1, 1]
    assert pd.isna(found.index[1])


def test_shares_are_of_all_rows_also_where_a_limit_cuts(legacy: Database) -> None:
    found = User.objects.value_counts("country", normalize=True, limit=1)

    assert found.name == "proportion"
    assert found.to_dict() == pytest.approx({"FR": 2 / 3})


def test_letters_of_another_case_are_other_values(numbers: Database) -> None:
    assert Number.objects.value_counts("word").to_dict() == {"A": 8, "b": 8, "B": 7, "a": 7, "ä": 7}


def test_fields_of_related_rows_and_computed_ones_are_counted(legacy: Database) -> None:
    orders = mdb.reflect("orders", using="legacy")

    assert orders.objects.value_counts("user__country").to_dict() == {"FR": 2, "TR": 1}
    assert User.objects.annotate(high=mdb.F("score") / 30).value_counts("high").to_dict() == {1: 2, 0: 1}
    assert User.objects.order_by("id")[:2].value_counts("country", dropna=False).tolist() == [1, 1]
    with pytest.raises(FieldError, match="no field 'contry'"):
        User.objects.value_counts("contry")
    with pytest.raises(FieldError, match="no column 'name'"):
        User.objects.values("country").value_counts("name")


# sample


def test_a_sample_is_never_larger_than_asked_for(numbers: Database) -> None:
    assert [len(Number.objects.sample(n)) for n in (0, 1, 10, 37, 99)] == [0, 1, 10, 37, 37]
    assert Number.objects.sample(10)["id"].is_unique
    assert Number.objects.filter(id__lte=5).sample(3)["id"].max() <= 5
    with pytest.raises(FieldValueError, match="-1"):
        Number.objects.sample(-1)
    with pytest.raises(FieldValueError, match="-1"):
        Number.objects.value_counts("id", limit=-1)


def test_the_same_seed_gives_the_same_rows_on_every_engine(numbers: Database) -> None:
    assert Number.objects.sample(5, seed=7)["id"].tolist() == [4, 5, 10, 21, 26]
    assert Number.objects.order_by("-id").sample(5, seed=7)["id"].tolist() == [26, 21, 10, 5, 4]
    assert Number.objects.values("word").distinct().sample(2, seed=7)["word"].tolist() == ["B", "a"]


def test_every_row_has_the_same_chance(legacy: Database) -> None:
    drawn = Counter(User.objects.sample(1, seed=seed)["id"].item() for seed in range(60))

    # Each of four rows is expected 15 times; 5 is three standard deviations away.
    assert sorted(drawn) == [1, 2, 3, 4]
    assert min(drawn.values()) > 5


def test_a_sample_takes_three_narrow_statements(numbers: Database) -> None:
    with statements(numbers) as sent:
        Number.objects.sample(5)
    count, keys, rows = asked(sent)
    assert "count(*)" in count
    assert "word" not in keys
    assert "word" in rows


@pytest.mark.parametrize(
    "question",
    [
        lambda users: users.order_by("-id")[:3],
        lambda users: users.values("country").annotate(n=mdb.Count("id")),
        lambda users: users.filter(id=1).union(users.filter(id__gt=2)),
        lambda users: users.annotate(twice=mdb.F("score") * 2).filter(twice__gt=0),
        lambda users: users.values_list("name", "country"),
    ],
)
def test_whatever_a_query_reads_can_be_sampled(legacy: Database, question: object) -> None:
    rows = question(User.objects)
    found = rows.sample(2, seed=1)

    assert len(found) == 2
    assert list(found.dtypes) == list(rows.to_pandas().dtypes)
    everything = list(map(repr, rows.to_pandas().itertuples(index=False)))
    assert all(repr(row) in everything for row in found.itertuples(index=False))


def test_rows_with_a_key_of_several_columns_and_with_none_are_sampled(legacy: Database) -> None:
    lines = mdb.reflect("order_lines", using="legacy")

    assert len(lines.objects.sample(1)) == 1
    with legacy.begin() as connection:
        connection.execute(sa.text("create view names as select name from users"))
    assert len(mdb.reflect("names", using="legacy").objects.sample(3)) == 3


# plot


@pytest.fixture
def quiet_plots() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_plots_are_those_of_pandas(numbers: Database, quiet_plots: None, capsys: pytest.CaptureFixture[str]) -> None:
    line = Number.objects.order_by("id").plot(x="id", y="exact", title="squares")
    dots = Number.objects.plot.scatter(x="whole", y="real")

    assert line.get_title() == "squares"
    assert line.lines[0].get_ydata().tolist() == [i * i / 100 for i in range(1, 38)]
    assert len(dots.collections[0].get_offsets()) == 37
    assert capsys.readouterr().err == ""


def test_dates_and_missing_numbers_are_plotted(legacy: Database, quiet_plots: None) -> None:
    assert len(User.objects.plot.bar(x="name", y="score").patches) == 4
    assert User.objects.plot(x="id", y="score").lines[0].get_xdata().tolist() == [1, 2, 3, 4]


def test_a_plot_reads_no_more_rows_than_it_may_and_says_so(
    numbers: Database, quiet_plots: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mdb.options, "plot_rows", 10)

    found = Number.objects.order_by("id").plot(x="id", y="real")
    assert len(found.lines[0].get_xdata()) == 10
    said = capsys.readouterr().err
    assert said.startswith("plotted: the first 10 of 37 rows.")
    assert len(said.splitlines()) == 1


def test_without_matplotlib_the_extra_is_named_before_anything_is_asked(
    legacy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multidb_explorer.query import plotting

    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    with statements(legacy) as sent, pytest.raises(MissingDriver, match=r"pip install 'multidb-explorer\[plot\]'"):
        User.objects.plot.hist()
    assert sent == []


def test_an_unknown_plot_is_refused_with_those_that_exist(legacy: Database) -> None:
    with pytest.raises(AttributeError, match="'sctter'; there are area, bar"):
        User.objects.plot.sctter()
    assert "scatter" in dir(User.objects.plot)
    assert "scatter" in repr(User.objects.plot)


def test_engines_agree_on_a_profile(numbers: Database, target: Target) -> None:
    found = Number.objects.describe().drop(columns="type")
    shop.make("judge", "sqlite://")
    table = Number._source.table.to_metadata(sa.MetaData())
    with databases["judge"].begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), NUMBERS)

    expected = Number.objects.using("judge").describe().drop(columns="type")
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12)


# Every type


def test_a_column_of_any_type_gets_what_makes_sense(url: str, target: Target) -> None:
    from backends.specimens import PREPARE, SPECIMENS

    mdb.connect("legacy", url)
    kinds = SPECIMENS[target.name]
    quote = databases["legacy"].engine.dialect.identifier_preparer.quote
    declared = ", ".join(f"{quote(name)} {each.declared}" for name, each in kinds.items())
    with databases["legacy"].begin() as connection:
        for statement in (*PREPARE[target.name], f"CREATE TABLE specimens (id integer primary key, {declared})"):
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    specimens = mdb.reflect("specimens", using="legacy")
    for number, values in enumerate(zip(*(each.values[:1] for each in kinds.values()), strict=True)):
        for again in (0, 10):
            specimens(id=number + again, **dict(zip(kinds, values, strict=True))).save(force_insert=True)

    found = specimens.objects.describe()
    assert found["rows"].eq(2).all()
    assert found["nulls"].eq(0).all()
    unordered = found["type"].str.startswith(("json", "binary", "array"))
    assert found.loc[unordered, "distinct"].isna().all()
    assert found.loc[~unordered, "distinct"].drop("id").eq(1).all()
    assert found.loc[~unordered, "top_count"].drop("id").eq(2).all()
