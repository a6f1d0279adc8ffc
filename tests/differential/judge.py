"""The judge: Django's models of the bookshop, and the names that a program may use there."""

from __future__ import annotations

import datetime as dt
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import django.conf
from django.apps import AppConfig, apps

if not django.conf.settings.configured:
    # One database, whose file `open_bookshop` names; no logging of Django's own.
    django.conf.settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        USE_TZ=False,
        LOGGING_CONFIG=None,
    )
    # This module is an application; the way back of a relation is known to applications only.
    apps.populate([AppConfig("judge", sys.modules[__name__])])

from django.db import connection, models
from django.db.models import functions
from outcomes import told

__all__ = ["MODELS", "NAMES", "answer", "close_bookshop", "fill", "open_bookshop", "statements"]


class Record(models.Model):
    """What all tables have."""

    id = models.IntegerField(primary_key=True)

    class Meta:
        abstract = True
        app_label = "judge"
        managed = False


def _text(**options: Any) -> models.CharField:
    return models.CharField(max_length=80, **options)


def _link(target: type[models.Model] | str, name: str | None = None, **options: Any) -> models.ForeignKey:
    return models.ForeignKey(target, models.DO_NOTHING, related_name=name, **options)


class Author(Record):
    name = _text()
    nick = _text(null=True)
    slug = _text()
    country = _text(null=True)
    age = models.IntegerField(null=True)
    rating = models.FloatField(null=True)
    born = models.DateField(null=True)
    active = models.BooleanField(null=True)
    mentor = _link("self", "mentees", null=True)

    class Meta(Record.Meta):
        db_table = "authors"


class Publisher(Record):
    name = _text()
    founded = models.IntegerField(null=True)
    revenue = models.DecimalField(max_digits=12, decimal_places=2, null=True)

    class Meta(Record.Meta):
        db_table = "publishers"


class Tag(Record):
    label = _text()
    rank = models.IntegerField(null=True)

    class Meta(Record.Meta):
        db_table = "tags"


class Book(Record):
    title = _text()
    slug = _text(null=True)
    isbn = _text()
    pages = models.IntegerField(null=True)
    copies = models.IntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    weight = models.FloatField(null=True)
    published = models.DateField(null=True)
    printed = models.DateTimeField(null=True)
    in_print = models.BooleanField()
    author = _link(Author, "books")
    editor = _link(Author, "edited", null=True)
    publisher = _link(Publisher, null=True)
    prequel = _link("self", "sequels", null=True)
    tags = models.ManyToManyField(Tag, db_table="book_tags")

    class Meta(Record.Meta):
        db_table = "books"


class Review(Record):
    book = _link(Book, "reviews")
    reviewer = _link(Author, "reviews_written", null=True)
    stars = models.IntegerField(null=True)
    note = _text(null=True)
    score = models.DecimalField(max_digits=8, decimal_places=2)
    at = models.DateTimeField()

    class Meta(Record.Meta):
        db_table = "reviews"


MODELS = (Author, Publisher, Tag, Book, Review)

TYPES = {
    "INTEGER": models.IntegerField(),
    "FLOAT": models.FloatField(),
    "DECIMAL": models.DecimalField(max_digits=24, decimal_places=12),
    "TEXT": models.CharField(max_length=200),
    "BOOLEAN": models.BooleanField(),
    "DATE": models.DateField(),
    "DATETIME": models.DateTimeField(),
}

NAMES: dict[str, Any] = (
    {name: getattr(models, name) for name in models.__all__}
    | {name: getattr(functions, name) for name in functions.__all__}
    | {model.__name__: model for model in MODELS}
    | TYPES
    | {"date": dt.date, "datetime": dt.datetime, "time": dt.time, "timedelta": dt.timedelta, "Decimal": Decimal}
)


def _spread(measure: Callable[[Sequence[float]], float], least: int) -> type[list[Any]]:
    """Make an SQLite aggregate that passes NULLs over and is NULL for too few numbers; Django's own ones fail."""

    class Spread(list[Any]):
        def step(self, value: Any) -> None:
            if value is not None:
                self.append(value)

        def finalize(self) -> float | None:
            return measure(self) if len(self) >= least else None

    return Spread


_SPREADS = (
    ("STDDEV_POP", statistics.pstdev, 1),
    ("STDDEV_SAMP", statistics.stdev, 2),
    ("VAR_POP", statistics.pvariance, 1),
    ("VAR_SAMP", statistics.variance, 2),
)


class _Budget:
    """Ends a statement of SQLite, in which no signal and no time limit of the tests is heard, after enough steps."""

    EACH = 1_000_000

    def __init__(self) -> None:
        self.left = 0

    def __call__(self) -> int:
        self.left -= self.EACH
        return self.left < 0

    def renew(self) -> None:
        self.left = STEPS


_budget = _Budget()


def _upper(text: str | None) -> str | None:
    return text if text is None else str(text).upper()


def _lower(text: str | None) -> str | None:
    return text if text is None else str(text).lower()


STEPS = 200_000_000
"""Steps of SQLite's machine, some ten seconds, after which a program is given up: chance products never end."""


def open_bookshop(path: Path) -> None:
    """Let the models read an SQLite file, with upper() and lower() that know all letters, as other databases do."""
    close_bookshop()
    connection.settings_dict["NAME"] = str(path)
    connection.ensure_connection()
    driver = connection.connection
    driver.create_function("UPPER", 1, _upper, deterministic=True)
    driver.create_function("LOWER", 1, _lower, deterministic=True)
    for name, measure, least in _SPREADS:
        driver.create_aggregate(name, 1, _spread(measure, least))
    driver.set_progress_handler(_budget, _Budget.EACH)


def fill(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Put rows into the empty tables, in the form in which Django writes times and decimals."""
    for model in (*MODELS, Book.tags.through):
        model.objects.bulk_create([model(**row) for row in rows[model._meta.db_table]])


def close_bookshop() -> None:
    """Close the file."""
    connection.close()


def answer(text: str) -> Any:
    """Give what a program says."""
    _budget.renew()
    return eval(text, dict(NAMES))  # noqa: S307


def statements(text: str) -> list[str]:
    """Give the SQL that a program runs, whether or not it succeeds."""
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        try:
            found = answer(text)
            _ = list(found) if isinstance(found, models.QuerySet) else found
        except Exception as error:  # noqa: BLE001
            return [*(query["sql"] for query in captured.captured_queries), told(error)]
    return [query["sql"] for query in captured.captured_queries]
