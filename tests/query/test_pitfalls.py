"""What a naive implementation gets wrong: one test for each pitfall of the design's list, or where it is tested.

Databases, more than one
    2.1.1 INSERT or UPDATE by what the row is: models/test_saving.py (a_copy_with_pk_none, a_new_row_is_inserted)
    2.1.2 an upsert in place of UPDATE, then INSERT: here
    2.1.3 state set before success: here; an alias bound too early: query/test_queryset.py (a_replaced_alias)
    2.1.4, 2.1.5 after the headline example: models/test_deleting.py (after_the_headline_example)
    2.1.6 equal keys are not equal rows: models/test_deleting.py (a_different_record_elsewhere), query/test_queryset.py
    2.1.7 mixes that Django does not notice: query/test_cross_database.py
    2.1.8 equality without the database: here
    2.1.9 numbers given by hand, then by the database: models/test_saving.py (a_copy_with_pk_none)
    2.1.10 the target's columns are its own: models/test_saving.py (the_target_is_looked_at)
    2.1.11 foreign keys that are not enforced: backends/test_writing.py (foreign_keys_are_enforced)
    2.1.12 a block covers one alias: here
    2.1.13 one MetaData for two aliases: here, schema/test_catalog.py
    2.1.14 a cursor held open: here
    2.1.15 a memory database and a pool: connections/test_database.py (a_memory_database)
    2.1.16 a transaction left open: backends/test_connecting.py (nothing_stays_open_or_locked)

Queries
    2.2.1 NULL under NOT: here, query/test_queryset.py
    2.2.2 None, NaN and NaT on the right side: here
    2.2.3 % _ and \\ in a text: query/test_lookups.py (text_lookups)
    2.2.4 numpy and pandas values: query/test_queryset.py (numpy_and_pandas_values)
    2.2.5 relations to several rows: here, query/test_multiplication.py
    2.2.6 pages of an order with ties: here
    2.2.7 DISTINCT and an order by something else: here
    2.2.8 values() before and after annotate(): here
    2.2.9 limits on parameters: here, query/test_queryset.py (lists_may_be_longer)
    2.2.10 names that are SQL: here
    2.2.11 a preview that reads everything: query/test_statement_counts.py
    2.2.12 the truth of a set: here

Frames
    2.3.1 integers that become floats: here
    2.3.2 no rows, or no values: here
    2.3.3 the fixed map of types: results/test_frames.py, backends/test_types.py
    2.3.4 batches of different types: here, results/test_frames.py
    2.3.5 two columns of one name: here, results/test_frames.py
    2.3.6 a missing text: here
    2.3.7 there and back: test_chinook.py, backends/test_types.py
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import library
import pandas as pd
import pytest
import shop
import sqlalchemy as sa
import toys
from library import Author, Book
from shop import User
from toys import Maker, Sale, Toy, ToyTheme

import multidb_explorer as mdb
from multidb_explorer import Count, F, Q, Sum
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.transactions import atomic
from multidb_explorer.errors import FieldError, FieldValueError, IntegrityError, MultiDBError


@pytest.fixture
def legacy(url: str) -> None:
    shop.make("legacy", url)


@pytest.fixture
def lib(url: str) -> None:
    library.make("lib", url)


@pytest.fixture
def two(target: object, new_database: Any) -> None:
    shop.make("legacy", new_database(target))
    shop.make("other", new_database(target))


ROWS = {
    "makers": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bea"}, {"id": 3, "name": None, "boss_id": 1}],
    "toys": [
        {"id": 10, "name": "Bear", "price": 5, "maker_id": 1},
        {"id": 11, "name": "Ball", "price": 5, "maker_id": 1},
        {"id": 12, "name": "Bear", "price": None, "maker_id": 2},
    ],
    "themes": [{"id": 100, "label": "red"}, {"id": 101, "label": "soft"}],
    "toy_themes": [{"toy_id": 10, "theme_id": 100}, {"toy_id": 10, "theme_id": 101}, {"toy_id": 11, "theme_id": 100}],
    "sales": [
        {"id": 1000, "toy_id": 10, "number": 1},
        {"id": 1001, "toy_id": 10, "number": 2},
        {"id": 1002, "toy_id": 11, "number": 2},
    ],
}


@pytest.fixture
def shelf(url: str) -> None:
    toys.make("default", url, ROWS)


def keys(queryset: Any) -> list[Any]:
    return sorted(row.pk for row in queryset)


# Databases, more than one


def test_2_1_2_a_save_touches_no_other_row_and_no_unknown_column(lib: None) -> None:
    """An upsert by any unique key would overwrite book 11; a replaced row would lose what the class does not know."""
    with pytest.raises(IntegrityError):
        Book(id=99, isbn="i-11", title="Clash", author_id=1).save()
    assert (Book.objects.get(isbn="i-11").pk, Book.objects.filter(pk=99).exists()) == (11, False)

    class Title(mdb.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        title = sa.Column(sa.String(40))

        class Meta:
            table, using = "books", "lib"

    Title(id=10, title="Loom II").save()
    kept = Book.objects.get(pk=10)
    assert (kept.title, kept.isbn, kept.editor_id) == ("Loom II", "i-10", 2)
    assert kept.review_set.count() == 2


def test_2_1_3_a_failed_save_leaves_the_instance_as_it_was(lib: None) -> None:
    """Setting the state first would make the next save() an UPDATE of a row that is not there."""
    book = Book(id=99, isbn="i-11", title="Clash", author_id=1)
    with pytest.raises(IntegrityError):
        book.save()

    assert (book._state.db, book._state.adding, book.pk) == (None, True, 99)


def test_2_1_8_rows_of_two_databases_stay_two_in_a_set(two: None) -> None:
    """Equality by class and key alone would merge four different people into the four of the other database."""
    everybody = set(User.objects.all()) | set(User.objects.using("other"))

    assert len(everybody) == 8
    assert {user._state.db for user in everybody} == {"legacy", "other"}


def test_2_1_12_a_block_undoes_what_its_alias_was_written_and_nothing_else(two: None) -> None:
    """A block that silently means another alias would keep the first row, or undo the second."""
    with pytest.raises(ZeroDivisionError), atomic("legacy"):
        User(id=7, name="Zoe").save()
        User(id=8, name="Yan").save(using="other")
        raise ZeroDivisionError

    assert not User.objects.filter(id=7).exists()
    assert User.objects.using("other").filter(id=8).exists()


def test_2_1_13_two_aliases_have_tables_of_their_own_under_one_name(two: None) -> None:
    """With one MetaData for both, the second reflection would silently be the first."""
    with databases["other"].begin() as connection:
        connection.execute(sa.text("ALTER TABLE users ADD COLUMN nick VARCHAR(10)"))
        connection.execute(sa.text("UPDATE users SET nick = 'annie' WHERE id = 1"))
    here, there = mdb.reflect("users", using="legacy"), mdb.reflect("users", using="other")

    assert "nick" not in {field.name for field in here.objects.fields}
    assert keys(there.objects.filter(nick="annie")) == [1]
    assert there.objects.get(pk=1).nick == "annie"
    with pytest.raises(FieldError, match="nick"):
        here.objects.filter(nick="annie").count()


def test_2_1_14_a_row_is_written_while_an_iterator_is_half_read(legacy: None) -> None:
    """A cursor that is held open would lock the file, or hide the row."""
    half_read = User.objects.order_by("id").iterator(chunk_size=1)
    assert next(half_read).pk == 1
    User(id=7, name="Zoe").save()

    assert User.objects.count() == 5
    assert next(half_read).pk == 2
    half_read.close()
    User(id=8, name="Yan").save()
    assert User.objects.count() == 6


# Queries


def test_2_2_1_what_is_unknown_is_not_excluded(legacy: None) -> None:
    """NOT (NULL = 10) is unknown, so that plain SQL would lose Bo in each of these."""
    for excluded in (
        {"score": 10},
        {"score__in": [10]},
        {"score__lt": 11},
        {"score__range": (1, 11)},
        {"score__gt": -5, "score__lt": 11},
    ):
        assert keys(User.objects.exclude(**excluded)) == [2, 3, 4]
        assert keys(User.objects.filter(~Q(**excluded))) == [2, 3, 4]
    assert keys(User.objects.exclude(country__icontains="fr")) == [2, 3]
    assert keys(User.objects.exclude(country__regex="^F")) == [2, 3]
    assert keys(User.objects.exclude(score__gt=F("boss_id"))) == [1, 2, 3, 4]
    assert keys(User.objects.filter(~~Q(score=10))) == [1]


def test_2_2_1_nor_is_what_has_no_relative(lib: None) -> None:
    """A join would drop Ada, who has no mentor, and the book that nobody edits or reviewed."""
    assert keys(Author.objects.exclude(mentor__name="Ada")) == [1]
    assert keys(Book.objects.exclude(editor__name="Bea")) == [11, 12]
    assert keys(Book.objects.exclude(review__stars__gt=4)) == [11, 12]
    assert keys(Book.objects.exclude(tags__label="rare")) == [12]
    assert keys(Author.objects.filter(Q(mentor__name="Ada") | Q(name="Ada"))) == [1, 2, 3]


@pytest.mark.parametrize("nothing", [None, math.nan, pd.NA, pd.NaT, float("nan")])
def test_2_2_2_nothing_on_the_right_side_asks_for_nothing(legacy: None, nothing: Any) -> None:
    """``= NULL`` is never true, and NaN is a number to a driver."""
    assert keys(User.objects.filter(country=nothing)) == [2]
    assert keys(User.objects.filter(country__iexact=nothing)) == [2]
    assert keys(User.objects.exclude(country=nothing)) == [1, 3, 4]
    assert keys(User.objects.filter(country__in=["FR", nothing])) == [1, 4]
    assert keys(User.objects.exclude(country__in=["FR", nothing])) == [2, 3]
    with pytest.raises(FieldError, match="isnull"):
        User.objects.filter(score__gt=nothing).count()


def test_2_2_5_a_relation_to_several_rows_repeats_and_distinct_does_not(shelf: None) -> None:
    """A join that is hidden by DISTINCT gives other counts than Django; one join for two calls asks something else."""
    assert [maker.pk for maker in Maker.objects.filter(toy__price=5)] == [1, 1]
    assert Maker.objects.filter(toy__price=5).count() == 2
    assert Maker.objects.filter(toy__price=5).distinct().count() == 1
    assert keys(Toy.objects.filter(sale__number=1, sale__id=1001)) == []
    assert keys(Toy.objects.filter(sale__number=1).filter(sale__id=1001)) == [10]
    assert keys(Toy.objects.exclude(sale__number=1)) == [11, 12]
    assert keys(Toy.objects.filter(sale__isnull=True)) == [12]
    assert Maker.objects.filter(toy__price=5).distinct()[:1].count() == 1


def test_2_2_6_pages_never_overlap_whatever_the_order(shelf: None) -> None:
    """All of these orders have ties; without a last word each page may begin anywhere among them."""
    many = [{"id": n, "toy_id": 10 + n % 3, "number": n % 2} for n in range(1, 60)]
    with databases["default"].begin() as connection:
        connection.execute(toys.tables().tables["sales"].insert(), many)
    orders = {
        "a column": Sale.objects.order_by("number"),
        "descending": Sale.objects.order_by("-number"),
        "reversed": Sale.objects.order_by("number").reverse(),
        "a relation": Sale.objects.order_by("toy__name"),
        "an expression": Sale.objects.order_by((F("number") * 0).desc()),
        "none": Sale.objects.all(),
        "values": Sale.objects.order_by("number").values("id", "number"),
    }

    for name, asked in orders.items():
        rows = [row["id"] for start in range(0, 62, 7) for row in asked[start : start + 7]]
        assert sorted(rows) == sorted(row["id"] for row in Sale.objects.all()), name
    pages = [row.id for start in range(0, 62, 7) for row in orders["a column"][start : start + 7]]
    back = [row.id for start in range(0, 62, 7) for row in orders["reversed"][start : start + 7]]
    assert back == pages[::-1]
    assert orders["a column"].last().id == pages[-1]
    repeated = Toy.objects.filter(themes__label__isnull=False).order_by("price")
    assert sorted(repeated[n].pk for n in range(3)) == [10, 10, 11]


def test_2_2_7_distinct_looks_at_the_order_too_and_says_so_in_the_rows(shelf: None) -> None:
    """PostgreSQL refuses ORDER BY beside DISTINCT, MariaDB picks any row: what orders takes part instead."""
    assert list(Toy.objects.order_by("name").values_list("name", flat=True).distinct()) == ["Ball", "Bear"]
    assert list(Toy.objects.order_by("id").values_list("name", flat=True).distinct()) == ["Bear", "Ball", "Bear"]
    assert list(Toy.objects.order_by("-maker__name").values_list("name", flat=True).distinct()) == [
        "Bear",
        "Ball",
        "Bear",
    ]
    assert Toy.objects.order_by("id").values("name").distinct().count() == 2


def test_2_2_8_values_before_an_aggregate_group_and_after_it_only_choose(shelf: None) -> None:
    """One GROUP BY for both would count either toys or prices wrongly."""
    before = Toy.objects.values("price").annotate(n=Count("id"))
    after = Toy.objects.annotate(n=Count("sale")).values("price", "n")

    assert sorted((str(row["price"]), row["n"]) for row in before) == [("5", 2), ("None", 1)]
    assert sorted((str(row["price"]), row["n"]) for row in after) == [("5", 1), ("5", 2), ("None", 0)]
    # An order by another column would split the groups, unless it is asked for.
    assert sorted(row["n"] for row in before.order_by()) == [1, 2]
    assert sorted(row["n"] for row in before.order_by("name")) == [1, 1, 1]
    assert before.count() == 2
    assert after.count() == 3
    assert before.aggregate(most=Sum("n")) == {"most": 3}


def test_2_2_9_forty_thousand_keys_are_no_question_of_parameters(shelf: None) -> None:
    """Every engine has its limit: SQLite 32,766 parameters and 1,000 levels of OR, PostgreSQL 65,535 parameters."""
    assert sorted(Toy.objects.in_bulk(range(40_000))) == [10, 11, 12]
    assert keys(Toy.objects.exclude(pk__in=range(11, 40_000))) == [10]
    assert keys(Toy.objects.filter(maker__in=range(2, 40_000))) == [12]


def test_2_2_9_nor_are_thousands_of_keys_of_two_columns(shelf: None) -> None:
    """An OR for each key is too deep for SQLite from a thousand on, and too long for PostgreSQL from 32,767 on."""
    wanted = [(toy, theme) for toy in range(10, 60) for theme in range(100, 800)]

    assert sorted(ToyTheme.objects.in_bulk(wanted[:2_000])) == [(10, 100), (10, 101), (11, 100)]
    assert sorted(ToyTheme.objects.in_bulk(wanted)) == [(10, 100), (10, 101), (11, 100)]


HOSTILE = ['x"; DROP TABLE users; --', "x' OR 1=1", "x`y", "x]y", "x y", "x;y", "x--y", "x/*y*/", "x\ny", "x\0y"]


def naming(hostile: str) -> list[Callable[[], Any]]:
    """Give every use of a QuerySet that takes a name."""
    return [
        lambda: User.objects.annotate(**{hostile: F("name")}),
        lambda: User.objects.alias(**{hostile: F("name")}),
        lambda: User.objects.values(**{hostile: F("name")}),
        lambda: User.objects.values("country").annotate(**{hostile: Count("id")}),
        lambda: User.objects.order_by(hostile),
        lambda: User.objects.order_by(f"-{hostile}"),
        lambda: User.objects.values(hostile),
        lambda: User.objects.values_list(hostile, flat=True),
        lambda: User.objects.only(hostile),
        lambda: User.objects.filter(**{hostile: 1}),
        lambda: User.objects.filter(**{f"name__{hostile}": 1}),
        lambda: User.objects.filter(name=F(hostile)),
        lambda: User.objects.select_related(hostile),
        lambda: User.objects.aggregate(**{hostile: Count("id")}),
        lambda: User.objects.explain(**{hostile: True}),
        lambda: User.objects.explain(format=hostile),
    ]


def test_2_2_10_a_name_is_never_a_piece_of_sql(legacy: None) -> None:
    """Names reach the statement as text, where a driver's parameters do not protect."""
    let_through = []
    for hostile in HOSTILE:
        for place, use in enumerate(naming(hostile)):
            try:
                list(use())
            except (MultiDBError, ValueError):
                continue
            let_through.append((hostile, place))
    assert let_through == []
    assert User.objects.count() == 4


def test_2_2_12_a_set_is_true_or_false_and_a_frame_is_not_asked(legacy: None) -> None:
    """A frame in its place would raise that its truth is ambiguous."""
    assert User.objects.all()
    assert not User.objects.filter(country="XX")
    assert not User.objects.none()
    assert (User.objects.filter(country="FR") or None) is not None
    assert [bool(User.objects.values("id")), bool(User.objects.values("id")[9:])] == [True, False]


# Frames


def test_2_3_1_integers_stay_integers_beside_a_null(legacy: None) -> None:
    """As floats, the two keys above 2 to the 53rd would be one."""
    table = sa.Table(
        "big",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("other", sa.BigInteger),
    )
    table.create(databases["legacy"].engine)
    rows = [{"id": 2**53, "other": 2**53 + 1}, {"id": 2**53 + 1, "other": None}, {"id": 2**63 - 1, "other": -(2**63)}]
    with databases["legacy"].begin() as connection:
        connection.execute(table.insert(), rows)
    big = mdb.reflect("big", using="legacy").objects.order_by("id")

    frame = big.to_pandas()
    assert list(frame.dtypes.astype(str)) == ["int64", "Int64"]
    assert [None if pd.isna(value) else int(value) for value in frame["other"]] == [2**53 + 1, None, -(2**63)]
    assert frame["id"].nunique() == 3
    assert big.filter(other=2**53 + 1).get().id == 2**53
    assert big.aggregate(n=Sum("other"))["n"] == 2**53 + 1 - 2**63


def test_2_3_2_columns_and_types_do_not_depend_on_the_rows(legacy: None) -> None:
    """Types guessed from the values would be object or float for no rows and for NULLs alone."""
    asked = User.objects.annotate(double=F("score") * 2).order_by("id")
    full, nulls, empty = (q.to_pandas() for q in (asked, asked.filter(score=None), asked.filter(id=99)))
    grouped = User.objects.values("country").annotate(n=Count("id"), most=Sum("score"))

    assert (len(full), len(nulls), len(empty)) == (4, 1, 0)
    assert list(full.dtypes.items()) == list(nulls.dtypes.items()) == list(empty.dtypes.items())
    assert list(grouped.to_pandas().dtypes.items()) == list(grouped.filter(id=99).to_pandas().dtypes.items())
    assert asked.none().to_pandas().dtypes.equals(full.dtypes)


def test_2_3_4_every_batch_has_the_types_of_the_whole(legacy: None) -> None:
    """The second batch holds nothing but NULLs, the first none."""
    batches = list(User.objects.order_by("id").values("score", "country").to_arrow_batches(1))

    assert len(batches) == 4
    assert len({str(batch.schema) for batch in batches}) == 1
    assert batches[0].schema.names == ["score", "country"]


def test_2_3_5_columns_of_two_tables_keep_their_names_apart(lib: None) -> None:
    """A join of books and authors has two columns `id`; a frame with both would give either for `frame["id"]`."""
    chosen = Book.objects.order_by("id").values("id", "author__id", "author__name", "editor__name")
    frame = chosen.to_pandas()

    assert list(frame.columns) == ["id", "author__id", "author__name", "editor__name"]
    assert list(frame["id"]) == [10, 11, 12]
    assert list(frame["author__name"]) == ["Ada", "Ada", "Bea"]
    joined = Book.objects.select_related("author", "editor").to_pandas()
    assert joined.columns.is_unique
    with pytest.raises((FieldValueError, ValueError)):
        Book.objects.annotate(title=F("author__name")).to_pandas()


def test_2_3_6_a_missing_text_is_null_again_when_it_comes_back(legacy: None) -> None:
    """pandas writes NaN for it, which a driver would store as a number or as the text 'nan'."""
    frame = User.objects.filter(id=2).values("name", "country", "score").to_pandas()
    User(id=9, **frame.iloc[0].to_dict()).save()

    back = User.objects.get(pk=9)
    assert (back.name, back.country, back.score) == ("Bo", None, None)
    assert keys(User.objects.filter(country=frame["country"].iloc[0])) == [2, 9]
    assert keys(User.objects.filter(country__in=User.objects.values("country").to_pandas()["country"])) == [1, 3, 4]


def test_2_3_6_a_timestamp_of_pandas_finds_its_row(legacy: None) -> None:
    """pandas' own type is no datetime to every driver, and loses no microsecond."""
    orders = mdb.reflect("orders", using="legacy").objects
    stamp = orders.filter(id=11).to_pandas()["placed"].iloc[0]

    assert stamp == dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
    assert keys(orders.filter(placed=stamp)) == [11]
    assert keys(orders.filter(placed__lt=stamp)) == [10]
