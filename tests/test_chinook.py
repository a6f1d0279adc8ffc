"""The headline job on real data: one sample database in three products, whose names and types differ."""

from __future__ import annotations

from pathlib import Path

import chinook
import pandas as pd
import pytest

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import ProtectedRows
from multidb_explorer.schema.inspector import catalog_of

ALIASES = ("lite", "pg", "maria")


@pytest.fixture
def three(tmp_path: Path, new_database: object) -> None:
    chinook.require()
    chinook.load_sqlite("lite", tmp_path)
    chinook.load_script("pg", new_database("postgresql"), "Chinook_PostgreSql.sql")
    chinook.load_script("maria", new_database("mariadb"), "Chinook_MySql.sql")


def model(table: str, alias: str) -> type[mdb.Model]:
    return mdb.reflect(catalog_of(databases[alias]).find(table), using=alias)


def folded(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([name.casefold().replace("_", "") for name in frame.columns], axis=1)


def test_every_table_reads_equally_from_the_three(three: None) -> None:
    for table in chinook.TABLES:
        frames = {alias: folded(model(table, alias).objects.order_by("pk").to_pandas()) for alias in ALIASES}
        assert len(frames["lite"]) > 0
        for alias in ("pg", "maria"):
            pd.testing.assert_frame_equal(frames["lite"], frames[alias], check_exact=True)


def test_the_same_queryset_reads_from_the_three(three: None) -> None:
    invoice = mdb.reflect("Invoice", using="lite")
    queryset = invoice.objects.filter(Total__gte="10.91", CustomerId__in=range(1, 30)).order_by("-Total")

    frames = [queryset.using(alias).to_pandas() for alias in ALIASES]
    assert len(frames[0]) > 20
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], frame, check_exact=True)


@pytest.mark.parametrize("start", ALIASES)
def test_a_customer_is_saved_to_the_other_two_and_deleted_from_the_first(three: None, start: str) -> None:
    others = [alias for alias in ALIASES if alias != start]
    customer = model("Customer", start)
    fields = [field.name for field in customer.objects.fields]
    new = customer(
        **dict(
            zip(
                fields,
                [9001, "Zoë", "O'Brien", None, "", "São Paulo", "SP", "Brazil", None, None, None, "z@example.org", 3],
                strict=True,
            )
        )
    )
    new.save()

    for alias in others:
        new.save(using=alias)
        assert new._state.db == alias
    assert new.delete(using=start) == (1, {catalog_of(databases[start]).find("customer"): 1})

    assert (new.pk, new._state.db) == (9001, others[-1])
    assert customer.objects.filter(pk=9001).count() == 0
    for alias in others:
        assert list(customer.objects.using(alias).get(pk=9001).to_dict().values()) == list(new.to_dict().values())


@pytest.mark.parametrize("start", ALIASES)
def test_a_customer_with_invoices_is_not_deleted_by_surprise(three: None, start: str) -> None:
    customer = model("Customer", start).objects.get(pk=1)
    for alias in ALIASES:
        if alias != start:
            customer.save(using=alias)

    with pytest.raises(ProtectedRows) as caught:
        customer.delete(using=start)
    assert sorted(caught.value.counts.values()) == [7, 38]
    assert model("Invoice", start).objects.count() == 412
