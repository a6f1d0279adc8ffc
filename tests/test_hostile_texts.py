"""Texts of a database, of settings and of errors stay texts in everything that a notebook shows without a widget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hostile import BREAKS_OUT, IMAGE, PAYLOADS, TURNS_AROUND, markup_in

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases

TABLE, COLUMN, ALIAS = f"t{IMAGE}", f"c{IMAGE}", f"a{IMAGE}"
"""Names of databases can be anything; a quote, a backtick and a bracket in them are the writer's own trouble."""


def html_of(shown: Any) -> str:
    """Give what a notebook would show."""
    bundle = getattr(shown, "_repr_mimebundle_", None)
    return str(bundle()["text/html"] if bundle else shown._repr_html_())


@pytest.fixture
def rows(url: str, new_database: Any) -> type[mdb.Model]:
    mdb.connect(ALIAS, url, label=BREAKS_OUT, color="orange")
    mdb.connect("there", new_database(), label=IMAGE)
    for alias in (ALIAS, "there"):
        metadata = sa.MetaData()
        key = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
        text = sa.Column(COLUMN, sa.String(200), nullable=False, comment=IMAGE)
        table = sa.Table(TABLE, metadata, key, text, comment=IMAGE)
        values = PAYLOADS if alias == ALIAS else PAYLOADS[:1]
        with databases[alias].begin() as connection:
            connection.execute(sa.schema.CreateTable(table))
            connection.execute(table.insert(), [{"id": n, COLUMN: text} for n, text in enumerate(values)])
    return mdb.reflect(TABLE, using=ALIAS)


def reads(model: type[mdb.Model]) -> Iterator[Any]:
    rows = model.objects.order_by("id")
    yield rows
    yield rows.filter(**{COLUMN: IMAGE})
    yield rows.values(COLUMN)
    yield rows.explain_fetch()
    yield rows[0]
    yield model.relations()
    yield mdb.gather(rows, rows.filter(id__gt=2))
    yield mdb.aliases
    yield mdb.aliases[ALIAS]
    yield mdb.aliases[ALIAS].tables
    yield mdb.aliases[ALIAS].tables[TABLE]
    yield databases


def changes(model: type[mdb.Model]) -> Iterator[Any]:
    staged = mdb.ChangeSet(ALIAS)
    staged.update(TABLE, 1, **{COLUMN: IMAGE + TURNS_AROUND})
    staged.insert(TABLE, {"id": 90, COLUMN: BREAKS_OUT})
    staged.delete(TABLE, 2)
    yield staged
    yield staged.preview()
    model.objects.filter(pk=1).update(**{COLUMN: "theirs" + IMAGE})
    with pytest.raises(mdb.errors.ChangeConflict) as caught:
        staged.commit()
    yield caught.value.conflicts
    yield caught.value.conflicts[0]
    staged.resolve(caught.value.conflicts, "mine")
    yield staged.commit()
    yield mdb.write([{"id": IMAGE, COLUMN: IMAGE}, {"id": 91, COLUMN: None}], TABLE, using=ALIAS, errors="collect")


def test_what_is_read_stays_text(rows: type[mdb.Model]) -> None:
    for shown in reads(rows):
        html = html_of(shown)
        assert markup_in(html) == [], type(shown).__name__
    assert "&lt;script&gt;" in html_of(rows.objects.all())


def test_what_is_changed_stays_text(rows: type[mdb.Model]) -> None:
    for shown in changes(rows):
        assert markup_in(html_of(shown)) == [], type(shown).__name__
    assert rows.objects.get(pk=1)._values[COLUMN] == IMAGE + TURNS_AROUND
    assert rows.objects.get(pk=90)._values[COLUMN] == BREAKS_OUT


@pytest.mark.parametrize("color", [IMAGE, "red;background:url(//x)", "expression(alert(1))", 'red" onclick="x'])
def test_a_color_is_a_color(color: str) -> None:
    with pytest.raises(mdb.errors.ImproperlyConfigured):
        mdb.connect("here", "sqlite://", color=color)


def test_the_judge_is_awake() -> None:
    assert markup_in(f"<td>{IMAGE}</td>") != []
    assert markup_in(f'<td title="{BREAKS_OUT}">x</td>') != []
