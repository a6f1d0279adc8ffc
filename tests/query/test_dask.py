"""to_dask: the workers read the very rows and dtypes of to_pandas, each a range of the key, and see no secret."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import dask
import pandas as pd
import pytest
import shop
import sqlalchemy as sa
from pandas.testing import assert_frame_equal
from shop import User
from sqlalchemy.engine import make_url

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.errors import FieldError, FieldValueError, ImproperlyConfigured, KeyRequired, MissingDriver
from multidb_explorer.query.partitions import PartReader, Span


@pytest.fixture
def legacy(url: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """Give the shop on an alias whose password is a reference."""
    shop.make("legacy", url)
    parsed = make_url(url)
    if parsed.password:
        monkeypatch.setenv("SHOP_PASSWORD", str(parsed.password))
        bare = sa.URL.create(
            parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query
        )
        mdb.connect("legacy", bare, password="env:SHOP_PASSWORD")
    return databases["legacy"]


@pytest.fixture
def sparse(tmp_path: Path) -> None:
    """Give a table whose keys lie far apart, and others with odd keys."""
    mdb.connect("legacy", f"sqlite:///{tmp_path}/sparse.db")
    with databases["legacy"].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE far (id INTEGER PRIMARY KEY, v REAL)")
        connection.exec_driver_sql("INSERT INTO far VALUES (1, 1), (2, 2), (3, NULL), (9000000000000000000, 4)")
        connection.exec_driver_sql("CREATE TABLE odd (code TEXT PRIMARY KEY, n INTEGER)")
        connection.exec_driver_sql("INSERT INTO odd VALUES ('b', 1), ('Ä', 2), (NULL, 3), ('', 4), (NULL, 5)")
        connection.exec_driver_sql("CREATE TABLE loose (n INTEGER)")
        connection.exec_driver_sql("CREATE TABLE real_key (x REAL PRIMARY KEY)")


def computed(frame: object) -> pd.DataFrame:
    return frame.compute(scheduler="sync")


def test_it_gives_the_rows_and_dtypes_of_to_pandas(legacy: object) -> None:
    for queryset in (
        User.objects.order_by("pk"),
        User.objects.filter(name__contains="n").order_by("pk").values("id", "name"),
        mdb.reflect("orders", using="legacy").objects.order_by("id"),
        mdb.reflect("orders", using="legacy").objects.order_by("id").annotate(twice=mdb.F("total") * 2),
        User.objects.filter(id__gt=1000).order_by("pk"),
    ):
        expected = queryset.to_pandas()
        for how in ({"partition_size": 1}, {"partition_size": 3}, {"npartitions": 2}, {"npartitions": 1}, {}):
            found = queryset.to_dask(**how)
            assert_frame_equal(computed(found).reset_index(drop=True), expected)
            assert found._meta.dtypes.equals(expected.dtypes)


def test_parts_are_of_one_size_and_no_row_comes_twice(legacy: object) -> None:
    lines = mdb.reflect("order_lines", using="legacy").objects
    for queryset, size, sizes in ((User.objects, 3, [3, 1]), (User.objects, 2, [2, 2]), (lines, 1, [1, 1])):
        found = queryset.to_dask(partition_size=size)
        assert [len(computed(part)) for part in found.partitions] == sizes
        assert len(computed(found)) == sum(sizes)


def test_the_key_as_index_makes_divisions_known(legacy: object) -> None:
    found = User.objects.to_dask(partition_size=2, index=True)

    assert found.divisions == (1, 3, 4)
    assert_frame_equal(computed(found), User.objects.order_by("pk").to_pandas(index=True))
    assert computed(found.loc[3:4])["name"].tolist() == ["Çağla", ""]
    assert not User.objects.to_dask(partition_size=2).known_divisions


def test_no_secret_is_in_the_graph(legacy: object) -> None:
    found = User.objects.to_dask(partition_size=2, index=True)
    pickled = cloudpickle.dumps(found) + pickle.dumps(dict(found.dask)) if legacy.settings.password else b""

    password = legacy.settings.password.reveal() if legacy.settings.password else "none at all"
    assert password.encode() not in pickled


def test_a_secret_that_is_no_reference_does_not_go_along(tmp_path: Path) -> None:
    for password in ("hunter2", lambda: "hunter2", "prompt"):
        mdb.connect("legacy", "postgresql://ann@nowhere.invalid/shop", password=password)
        with pytest.raises(ImproperlyConfigured, match="env:NAME") as caught:
            User.objects.to_dask()
        assert "hunter2" not in str(caught.value)


def test_another_process_configures_the_alias_that_it_needs(sparse: None, tmp_path: Path) -> None:
    reader = mdb.reflect("far", using="legacy").objects.to_dask(partition_size=2).expr
    (tmp_path / "frame.pickle").write_bytes(cloudpickle.dumps(reader))
    program = (
        f"import pickle; e = pickle.load(open({str(tmp_path / 'frame.pickle')!r}, 'rb'));"
        "from dask.dataframe import DataFrame; import dask.dataframe as dd;"
        "print(dd.DataFrame(e).compute(scheduler='sync')['id'].tolist())"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.strip() == "[1, 2, 3, 9000000000000000000]"


def test_an_alias_of_the_same_name_that_means_another_database_is_not_asked(sparse: None, tmp_path: Path) -> None:
    frame = mdb.reflect("far", using="legacy").objects.to_dask(partition_size=2)
    mdb.connect("legacy", f"sqlite:///{tmp_path}/other.db")

    assert len(computed(frame)) == 4


def test_bounds_are_keys_that_exist_however_sparse_they_are(sparse: None) -> None:
    found = mdb.reflect("far", using="legacy").objects.to_dask(npartitions=2, index=True)

    assert found.divisions == (1, 3, 9000000000000000000)
    assert [len(computed(part)) for part in found.partitions] == [2, 2]


def test_rows_without_a_key_are_read_once(sparse: None) -> None:
    found = mdb.reflect("odd", using="legacy").objects.to_dask(partition_size=1)

    assert sorted(computed(found)["n"].tolist()) == [1, 2, 3, 4, 5]
    assert found.npartitions == 3


def test_nan_and_null_are_told_apart_or_refused(sparse: None) -> None:
    far = mdb.reflect("far", using="legacy").objects
    assert computed(far.to_dask(dtype_backend="pyarrow"))["v"].isna().sum() == 1
    assert str(far.to_dask(dtype_backend="numpy_nullable").dtypes["v"]) == "Float64"


def test_what_has_no_ranges_is_refused_and_one_part_reads_it(sparse: None) -> None:
    far, loose = mdb.reflect("far", using="legacy").objects, mdb.reflect("loose", using="legacy").objects
    with pytest.raises(KeyRequired, match="npartitions=1"):
        loose.to_dask()
    with pytest.raises(FieldError, match="can't compare keys such as 'x'"):
        mdb.reflect("real_key", using="legacy").objects.to_dask()
    for odd in (far[:3], far.distinct(), far.values("v").annotate(n=mdb.Count("id")), far.union(far), far.none()):
        with pytest.raises(FieldError, match="npartitions=1"):
            odd.to_dask()
        assert len(computed(odd.to_dask(npartitions=1))) == len(odd.to_pandas())
    with pytest.raises(FieldError, match="not by -v"):
        far.order_by("-v").to_dask()
    assert len(computed(loose.to_dask(npartitions=1))) == 0


def test_what_other_sessions_can_not_see_is_refused(sparse: None) -> None:
    mdb.connect("memory", "sqlite://")
    with pytest.raises(ImproperlyConfigured, match="memory"):
        User.objects.using("memory").to_dask()
    far = mdb.reflect("far", using="legacy").objects
    with databases["legacy"].atomic(), pytest.raises(ImproperlyConfigured, match="atomic"):
        far.to_dask()


@pytest.mark.parametrize("how", [{"npartitions": 0}, {"partition_size": 2.5}, {"npartitions": 2, "partition_size": 2}])
def test_sizes_that_make_no_sense_are_refused(sparse: None, how: dict[str, object]) -> None:
    with pytest.raises(FieldValueError):
        User.objects.to_dask(**how)


def test_a_missing_dask_is_named_with_its_extra(sparse: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multidb_explorer.query.filing.find_spec", lambda _: None)
    with pytest.raises(MissingDriver, match=r"pip install 'multidb-explorer\[dask\]'"):
        User.objects.to_dask()
    with pytest.raises(MissingDriver, match=r"pip install 'multidb-explorer\[polars\]'"):
        User.objects.to_polars()


def test_threads_read_side_by_side(legacy: object) -> None:
    found = User.objects.to_dask(partition_size=1)
    with dask.config.set(scheduler="threads"):
        assert sorted(found["id"].compute().tolist()) == [1, 2, 3, 4]


def test_a_reader_keeps_open_ranges_open(sparse: None) -> None:
    reader = mdb.reflect("far", using="legacy").objects.to_dask(partition_size=2).expr.func
    assert isinstance(reader, PartReader)
    assert reader(Span(start=(4,)))["id"].tolist() == [9 * 10**18]
    assert reader(Span(stop=(2,)))["id"].tolist() == [1]
