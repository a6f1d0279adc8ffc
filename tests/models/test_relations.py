"""Relations of declared models: where they come from, what they are called, and what renames them."""

from __future__ import annotations

import gc

import pytest
import sqlalchemy as sa

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.errors import FieldError, ImproperlyConfigured


@pytest.fixture(autouse=True)
def empty() -> None:
    mdb.connect("lib", "sqlite://")


def integer(*parts: object, **options: object) -> sa.Column[int]:
    return sa.Column(sa.Integer, *parts, **options)


def key() -> sa.Column[int]:
    return integer(primary_key=True)


def names(model: type[mdb.Model]) -> dict[str, tuple[str, str, str]]:
    return {info.name: (info.attribute, info.kind, info.to) for info in model.relations()}


def test_a_foreign_key_relates_both_models() -> None:
    class Writer(mdb.Model):
        id = key()

        class Meta:
            table, using = "r1_writers", "lib"

    class Novel(mdb.Model):
        id = key()
        writer_id = integer(sa.ForeignKey("r1_writers.id"))

        class Meta:
            table, using = "r1_novels", "lib"

    assert names(Novel) == {"writer": ("writer", "forward", "Writer")}
    assert names(Writer) == {"novel": ("novel_set", "backward", "Novel")}
    assert repr(Novel.writer) == "<Novel.writer: forward relation to row of Writer (writer_id = id)>"
    assert repr(Writer.novel_set) == "<Writer.novel_set: backward relation to rows of Novel (id = writer_id)>"
    assert {"writer", "writer_id"} <= set(dir(Novel))
    assert "novel_set" in dir(Writer)


def test_relations_of_declared_models_ask_the_database_nothing() -> None:
    class Writer(mdb.Model):
        id = key()

        class Meta:
            table, using = "r2_writers", "lib"

    class Novel(mdb.Model):
        id = key()
        writer_id = integer(sa.ForeignKey("r2_writers.id"))

        class Meta:
            table, using = "r2_novels", "lib"

    with statements(databases["lib"]) as sent:
        relations = Writer._source.relations(databases["lib"])
        assert list(relations) == ["novel"]
        assert relations["novel"].hops[0].columns == ("id",)
        assert "id__gt" not in relations
        assert "icontains" not in relations
        assert Novel(writer_id=None).writer is None
    assert sent == []


def test_a_cell_that_is_run_again_replaces_its_model() -> None:
    class Writer(mdb.Model):
        id = key()

        class Meta:
            table, using = "r3_writers", "lib"

    def cell(extra: str) -> type[mdb.Model]:
        class Novel(mdb.Model):
            id = key()
            writer_id = integer(sa.ForeignKey("r3_writers.id"))
            locals()[extra] = integer()

            class Meta:
                table, using = "r3_novels", "lib"

        return Novel

    old, new = cell("pages"), cell("words")
    relations = Writer._source.relations(databases["lib"])
    assert list(relations) == ["novel"]
    assert relations["novel"].target.model is new  # type: ignore[attr-defined]
    assert old.writer.relation.target.model is Writer


def test_a_model_that_is_gone_leaves_no_relation() -> None:
    class Writer(mdb.Model):
        id = key()

        class Meta:
            table, using = "r4_writers", "lib"

    def declare(name: str) -> type[mdb.Model]:
        meta = type("Meta", (), {"table": f"r4_{name.lower()}", "using": "lib"})
        body = {"id": key(), "writer_id": integer(sa.ForeignKey("r4_writers.id")), "Meta": meta}
        return type(name, (mdb.Model,), body)

    novel = declare("Novel")
    assert set(names(Writer)) == {"novel"}
    del novel
    poem = declare("Poem")
    gc.collect()
    assert set(names(Writer)) == {"poem"}
    assert poem.writer.relation.kind == "forward"


def test_a_column_that_does_not_end_in_id_is_named_after_what_it_refers_to() -> None:
    class Writer(mdb.Model):
        id = key()

        class Meta:
            table, using = "r5_writers", "lib"

    class Novel(mdb.Model):
        id = key()
        by = integer(sa.ForeignKey("r5_writers.id"))
        EditorId = integer(sa.ForeignKey("r5_writers.id"))

        class Meta:
            table, using = "r5_novels", "lib"

    assert {name for name, (_, kind, _) in names(Novel).items() if kind == "forward"} == {"writer", "Editor"}


def test_several_keys_to_one_table_are_all_renamed_the_other_way() -> None:
    class Place(mdb.Model):
        id = key()

        class Meta:
            table, using = "r6_places", "lib"

    class Order(mdb.Model):
        id = key()
        billing_id = integer(sa.ForeignKey("r6_places.id"))
        shipping_id = integer(sa.ForeignKey("r6_places.id"))

        class Meta:
            table, using = "r6_orders", "lib"

    assert names(Place) == {
        "order_by_billing": ("order_by_billing_set", "backward", "Order"),
        "order_by_shipping": ("order_by_shipping_set", "backward", "Order"),
    }
    assert Place.relations()["order_by_billing"].note == "renamed: 2 relations would be called 'order'"
    assert "renamed: 2 relations" in repr(Place.relations())
    assert "order_by_shipping_set" in Place.relations()._repr_html_()


def test_a_relation_gives_way_to_fields_and_methods() -> None:
    class Writer(mdb.Model):
        id = key()
        novel = sa.Column(sa.String(9))

        class Meta:
            table, using = "r7_writers", "lib"

    class Novel(mdb.Model):
        id = key()
        writer = sa.Column(sa.String(9))
        writer_id = integer(sa.ForeignKey("r7_writers.id"))
        save_id = integer(sa.ForeignKey("r7_writers.id"))

        class Meta:
            table, using = "r7_novels", "lib"
            relations = {"save_id": {"related_name": "saved"}}  # noqa: RUF012 - read once

    relations = Novel.relations()
    assert {info.name: info.note for info in relations} == {
        "save_row": "renamed: 'save' means something else on every model",
        "writer_row": "renamed: 'writer' is a field",
    }
    assert {info.name: info.attribute for info in Writer.relations()} == {
        "saved": "saved",
        "novel_by_writer": "novel_by_writer_set",
    }


def test_a_model_refers_to_itself() -> None:
    class Node(mdb.Model):
        id = key()
        parent_id = integer(sa.ForeignKey("r8_nodes.id"))

        class Meta:
            table, using = "r8_nodes", "lib"
            relations = {"parent_id": {"related_name": "children"}}  # noqa: RUF012 - read once

    assert names(Node) == {"parent": ("parent", "forward", "Node"), "children": ("children", "backward", "Node")}


def test_keys_of_several_columns_and_fields_that_are_called_otherwise() -> None:
    class Shelf(mdb.Model):
        room = sa.Column("Room", sa.String(5), primary_key=True)
        number = sa.Column("No", sa.Integer, primary_key=True)

        class Meta:
            table, using = "r9_shelves", "lib"

    class Copy(mdb.Model):
        id = key()
        room = sa.Column("CopyRoom", sa.String(5))
        number = integer()
        place = sa.ForeignKeyConstraint(["CopyRoom", "number"], ["r9_shelves.Room", "r9_shelves.No"])

        class Meta:
            table, using = "r9_copies", "lib"

    class Spare(mdb.Model):
        id = key()
        room = sa.Column(sa.String(5))
        number = integer()

        class Meta:
            table, using = "r9_spares", "lib"
            relations = {("room", "number"): {"to": ("r9_shelves.Room", "r9_shelves.No"), "name": "home"}}  # noqa: RUF012 - read once

    assert names(Copy) == {"place": ("place", "forward", "Shelf")}
    hop = Copy.place.relation.hops[0]
    assert (hop.columns, hop.target_columns) == (("room", "number"), ("room", "number"))
    assert names(Spare) == {"home": ("home", "forward", "Shelf")}
    assert names(Shelf) == {"copy": ("copy_set", "backward", "Copy"), "spare": ("spare_set", "backward", "Spare")}


def test_link_tables_are_named_in_meta() -> None:
    class Tag(mdb.Model):
        id = key()

        class Meta:
            table, using = "r10_tags", "lib"

    class BookTag(mdb.Model):
        id = key()
        book_id = integer(sa.ForeignKey("r10_books.id"))
        tag_id = integer(sa.ForeignKey("r10_tags.id"))

        class Meta:
            table, using = "r10_book_tags", "lib"

    class Book(mdb.Model):
        id = key()

        class Meta:
            table, using = "r10_books", "lib"
            relations = {"tags": {"through": "r10_book_tags"}}  # noqa: RUF012 - read once

    assert names(Book) == {
        "tags": ("tags", "link", "Tag"),
        "booktag": ("booktag_set", "backward", "BookTag"),
    }
    assert names(Tag)["book"] == ("book_set", "link", "Book")
    assert Book.relations()["tags"].through == "booktag"
    near, far = Book.tags.relation.hops
    assert (near.columns, near.target_columns, near.many) == (("id",), ("book_id",), True)
    assert (far.columns, far.target_columns, far.many) == (("tag_id",), ("id",), False)


def test_a_table_is_linked_to_itself() -> None:
    class Person(mdb.Model):
        id = key()

        class Meta:
            table, using = "r11_people", "lib"
            relations = {  # noqa: RUF012 - read once
                "friends": {
                    "through": "r11_friends",
                    "source_columns": "one_id",
                    "target_columns": "other_id",
                    "related_name": "friend_of",
                }
            }

    class Friend(mdb.Model):
        id = key()
        one_id = integer(sa.ForeignKey("r11_people.id"))
        other_id = integer(sa.ForeignKey("r11_people.id"))

        class Meta:
            table, using = "r11_friends", "lib"

    friends, back = Person.friends.relation, Person.friend_of.relation
    assert [hop.columns for hop in friends.hops] == [("id",), ("other_id",)]
    assert [hop.columns for hop in back.hops] == [("id",), ("one_id",)]
    assert Friend.one.relation.target.model is Person


def test_a_model_derived_from_another_is_not_what_a_key_means() -> None:
    class Writer(mdb.Model):
        id = key()

        class Meta:
            table, using = "r12_writers", "lib"

    class Poet(Writer):
        pass

    class Novel(mdb.Model):
        id = key()
        writer_id = integer(sa.ForeignKey("r12_writers.id"))

        class Meta:
            table, using = "r12_novels", "lib"

    assert Poet._meta.table == "r12_writers"
    assert Novel.writer.relation.target.model is Writer
    assert set(names(Poet)) == {"novel"}


def test_schemas_keep_tables_of_one_name_apart() -> None:
    def writer(name: str, schema: str | None) -> type[mdb.Model]:
        meta = type("Meta", (), {"table": "r13_writers", "schema": schema, "using": "lib"})
        return type(name, (mdb.Model,), {"id": key(), "Meta": meta})

    here, there = writer("Here", None), writer("There", "crm")

    class Novel(mdb.Model):
        id = key()
        here_id = integer(sa.ForeignKey("r13_writers.id"))
        there_id = integer(sa.ForeignKey("crm.r13_writers.id"))

        class Meta:
            table, using = "r13_novels", "lib"

    assert Novel.here.relation.target.model is here
    assert Novel.there.relation.target.model is there
    forward, backward = list(here._source.relations(databases["lib"])), list(there._source.relations(databases["lib"]))
    assert (forward, backward) == (["novel"], ["novel"])


def test_a_key_without_a_type_takes_that_of_its_target() -> None:
    class Writer(mdb.Model):
        code = sa.Column(sa.String(7), primary_key=True)

        class Meta:
            table, using = "r14_writers", "lib"

    class Novel(mdb.Model):
        id = key()
        writer_code = sa.Column(sa.ForeignKey("r14_writers.code"))

        class Meta:
            table, using = "r14_novels", "lib"

    field = Novel._source.bind(databases["lib"]).field("writer_code")
    assert (field.kind.name, field.kind.length) == ("text", 7)
    assert Writer.novel_set.relation.many


@pytest.mark.parametrize(
    ("relations", "error", "message"),
    [
        ({"mentr_id": {"related_name": "x"}}, FieldError, "Did you mean 'mentor_id'"),
        ({"mentor_id": {"relatedname": "x"}}, ImproperlyConfigured, "Did you mean 'related_name'"),
        ({"mentor_id": {"name": "a__b"}}, ImproperlyConfigured, "without '__'"),
        ({"mentor_id": {"name": "title"}}, ImproperlyConfigured, "'title' is a field"),
        ({"mentor_id": {"name": "save"}}, ImproperlyConfigured, "something else on every model"),
        ({"title": {"related_name": "x"}}, ImproperlyConfigured, "{'to': 'table.column'}"),
        ({"title": {"to": "nowhere"}}, ImproperlyConfigured, "such as 'users.id'"),
        ({"mentor_id": "mentor"}, ImproperlyConfigured, "is a mapping"),
        (["mentor_id"], ImproperlyConfigured, "is a mapping"),
        ({"title": {"through": "x", "to": "y"}}, ImproperlyConfigured, "no option 'to'"),
    ],
)
def test_typing_errors_are_said_when_the_class_is_made(relations: object, error: type[Exception], message: str) -> None:
    meta = type("Meta", (), {"table": "r15_writers", "using": "lib", "relations": relations})
    body = {
        "id": key(), "title": sa.Column(sa.String(9)), "mentor_id": integer(sa.ForeignKey("r15_writers.id")),
        "Meta": meta,
    }  # fmt: skip
    with pytest.raises(error, match=None) as caught:
        type("Writer", (mdb.Model,), body)
    assert message in str(caught.value)


def test_a_link_table_that_leads_nowhere_is_said_when_it_is_used() -> None:
    class Tag(mdb.Model):
        id = key()

        class Meta:
            table, using = "r16_tags", "lib"

    class Book(mdb.Model):
        id = key()

        class Meta:
            table, using = "r16_books", "lib"
            relations = {"tags": {"through": "r16_tags"}}  # noqa: RUF012 - read once

    with pytest.raises(ImproperlyConfigured, match="no foreign key that could lead to Book"):
        Book.relations()
    assert list(Tag.relations()) == []
