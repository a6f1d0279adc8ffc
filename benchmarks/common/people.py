"""One table as a model of ours and as Django's, which is configured when it is first asked for."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Double, Integer, String

import multidb_explorer as mdb

__all__ = ["Person", "django_alias", "django_person"]


class Person(mdb.Model):
    """A table as most are: a number, texts, a double, a truth and a moment."""

    id = Column(Integer, primary_key=True, autoincrement=False)
    name = Column(String(80), nullable=False)
    email = Column(String(80))
    country = Column(String(2))
    age = Column(Integer)
    rating = Column(Double)
    active = Column(Boolean)
    joined = Column(DateTime)

    class Meta:
        """Where it is."""

        table = "people"


ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgresql": "django.db.backends.postgresql",
    "mariadb": "django.db.backends.mysql",
}


def django_alias(name: str, url: str) -> str:
    """Tell Django of a database of ours, and give the alias that it has there."""
    django_person()
    from django.db import connections

    parts = sa.make_url(url)
    settings = {
        "ENGINE": ENGINES[name],
        "NAME": parts.database or "",
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.host or "",
        "PORT": str(parts.port or ""),
    }
    connections.settings[name] = connections.configure_settings({"default": {}, name: settings})[name]
    return name


@cache
def django_person() -> Any:
    """Make Django's model of the table."""
    import django.conf
    import pymysql
    from django.apps import AppConfig, apps

    # Django asks for mysqlclient by name and version.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
    django.conf.settings.configure(USE_TZ=False, LOGGING_CONFIG=None, DATABASES={})
    apps.populate([AppConfig("people", sys.modules[__name__])])
    from django.db import models

    class Meta:
        app_label = "people"
        managed = False
        db_table = "people"

    fields = {
        "id": models.IntegerField(primary_key=True),
        "name": models.CharField(max_length=80),
        "email": models.CharField(max_length=80, null=True),
        "country": models.CharField(max_length=2, null=True),
        "age": models.IntegerField(null=True),
        "rating": models.FloatField(null=True),
        "active": models.BooleanField(null=True),
        "joined": models.DateTimeField(null=True),
    }
    return type("DjangoPerson", (models.Model,), {"__module__": __name__, "Meta": Meta, **fields})
