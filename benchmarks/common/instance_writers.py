"""Ways to write instances of a model: ours, Django's and SQLAlchemy's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from common.writing_ways import FEW, SERVERS, Place, Work, core, way


def _people(place: Place, make: Callable[..., Any], most: int | None) -> list[Any]:
    """Make the instances that are measured, or so many with numbers up to 0."""
    import datetime as dt

    start = dt.datetime(2024, 1, 1)  # noqa: DTZ001 -- the column has no zone
    return [
        make(
            id=number,
            name=f"Person {number}",
            email=f"person{number}@example.org" if number % 7 else None,
            country=("FR", "DE", "ES", None)[number % 4],
            age=number % 90,
            rating=number / 7,
            active=number % 3 > 0,
            joined=start + dt.timedelta(minutes=number),
        )
        for number in (range(1 - most, 1) if most else range(1, place["rows"] + 1))
    ]


@way("ours: bulk_create", group="instances")
def _bulk_create(place: Place) -> Iterator[Work]:
    import multidb_explorer as mdb
    from common.people import Person

    mdb.configure({"default": place["url"]})
    everyone, first = _people(place, Person, None), _people(place, Person, FEW)
    yield lambda most: Person.objects.bulk_create(first if most else everyone)


@way("Django: bulk_create", group="instances", engines=("sqlite", *SERVERS), needs="django")
def _django_bulk_create(place: Place) -> Iterator[Work]:
    from common.people import django_alias, django_person

    alias, person = django_alias(place["engine"], place["url"]), django_person()
    everyone, first = _people(place, person, None), _people(place, person, FEW)
    yield lambda most: person.objects.using(alias).bulk_create(first if most else everyone)


@contextmanager
def _orm(place: Place, write: Callable[[Any, type[Any], list[Any]], object], *, mapped: bool) -> Iterator[Work]:
    import sqlalchemy as sa
    from sqlalchemy.orm import Session, registry

    from common.people import Person

    class Mapped:
        pass

    registry().map_imperatively(Mapped, Person._source.table.to_metadata(sa.MetaData()))
    make: Callable[..., Any] = Mapped if mapped else dict
    everyone, first = _people(place, make, None), _people(place, make, FEW)
    with core(place) as engine:

        def work(most: int | None) -> None:
            with Session(engine) as session:
                write(session, Mapped, first if most else everyone)
                session.commit()

        yield work


@way("SQLAlchemy ORM: add_all", group="instances", share={"duckdb": 0.1})
def _add_all(place: Place) -> Iterator[Work]:
    with _orm(place, lambda session, _, rows: session.add_all(rows), mapped=True) as work:
        yield work


@way("SQLAlchemy ORM: bulk insert of dicts", group="instances", share={"duckdb": 0.1})
def _orm_bulk(place: Place) -> Iterator[Work]:
    import sqlalchemy as sa

    with _orm(place, lambda session, mapped, rows: session.execute(sa.insert(mapped), rows), mapped=False) as work:
        yield work
