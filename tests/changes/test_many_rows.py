"""Many new rows at once: few statements, exact texts, every key, and the one row that is not taken."""

from __future__ import annotations

from typing import Any

import pytest

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import RowsRejected


@pytest.fixture
def changes(office: Any) -> ChangeSet:
    return ChangeSet("office")


def inserts(sent: list[Any]) -> list[Any]:
    return [s for s in sent if s.sql.startswith("INSERT")]


def test_rows_that_bring_their_keys_are_one_statement(changes: ChangeSet, office: Any, rows: Any) -> None:
    changes.insert("desks", [{"room": "n", "place": place, "owner": "Di"} for place in range(40)])
    preview = changes.preview()
    with statements(office) as sent:
        done = changes.commit()

    at_once = office.backend.features.savepoints
    assert [s.sql for s in inserts(sent)] == [preview.statements[0].sql] * (1 if at_once else 40)
    assert done.statements == preview.statements
    assert [one.after["place"] for one in done.changes] == list(range(40))
    assert len(rows("desks", "room", "place")) == 43
    done.inverse().commit()
    assert len(rows("desks", "room", "place")) == 3


def test_each_run_of_like_rows_is_sent_in_its_turn(changes: ChangeSet, office: Any, rows: Any) -> None:
    owners = ["Di", "Ed", None, None, "Flo", "Gus"]
    changes.insert("desks", [{"room": "n", "place": place, "owner": owner} for place, owner in enumerate(owners)])
    preview = changes.preview()
    with statements(office) as sent:
        assert changes.commit().statements == preview.statements
    assert len(inserts(sent)) == (3 if office.backend.features.savepoints else 6)
    assert rows("desks", "room", "place", "owner")[3:] == [("n", place, owner) for place, owner in enumerate(owners)]


def test_keys_that_the_database_makes_are_those_of_their_rows(changes: ChangeSet, rows: Any) -> None:
    names = [f"p{n}" for n in range(25)]
    changes.insert("people", [{"team_id": 2, "name": name, "code": None if name == "p7" else "ab"} for name in names])
    preview = changes.preview()
    done = changes.commit()

    assert done.statements == preview.statements
    known = {one.after["id"]: one.after["name"] for one in done.changes}
    assert list(known.values()) == names
    assert list(known) == sorted(known)
    assert rows("people", "id", "name")[3:] == list(known.items())
    assert [one.change.values.get("id") for one in done.changes] == [None] * 25


def test_new_rows_refer_to_new_rows_just_before_them(changes: ChangeSet, rows: Any) -> None:
    boss = None
    for name in ("a", "b", "c"):
        boss = changes.insert("people", {"team_id": 1, "name": name, "boss_id": boss, "code": "x"})
    changes.commit()
    found = {name: (key, over) for key, name, over in rows("people", "id", "name", "boss_id")}
    assert (found["b"][1], found["c"][1]) == (found["a"][0], found["b"][0])


def test_one_row_of_many_is_named_where_it_is_not_taken(changes: ChangeSet, office: Any, rows: Any) -> None:
    salaries = ["1.00"] * 12
    salaries[7] = salaries[9] = "-1.00"
    given = [{"id": 50 + n, "team_id": 1, "name": f"p{n}", "salary": one} for n, one in enumerate(salaries)]
    changes.insert("people", given)
    with pytest.raises(RowsRejected) as caught:
        changes.commit()

    # Without savepoints the transaction ends at the first one.
    named = [one.row for one in caught.value.rejections]
    assert named == ([7, 9] if office.backend.features.savepoints else [7])
    assert len(rows("people", "id")) == 3
    assert len(changes) == 12
