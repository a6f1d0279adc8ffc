"""What a worker does: write until it is killed, or move money beside a rival."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# What the works import when they are first used is there before a worker is forked.
import adbc_driver_sqlite.dbapi
import duckdb
import families
import pandas as pd
import psycopg
import pymysql
import rivals
from sqlalchemy import event
from works import BATCHES, WORKS, open_alias

import multidb_explorer as mdb
from multidb_explorer.connections.database import Database

__all__ = ["POINTS", "TASKS"]

LOADED = (adbc_driver_sqlite.dbapi, duckdb, pd, psycopg, pymysql)

Say = Callable[..., object]

POINTS = ("second batch", "last batch", "first statement", "before commit", "after commit")
"""The moments that a worker can be killed at by its own hand."""


def write(say: Say, *, url: str, work: str, first: int = 0, until: int | None = None, point: str = "") -> None:
    """Do a work from a number on, until another or until it is killed; the second time may end at a named point."""
    database = open_alias(url)
    mine, fate = WORKS[work](database), Fate(database, point)
    # Nothing goes on for ever where nobody kills it.
    for number in range(first, until or first + (20 if point else 1_000)):
        fate.armed = number > first
        mine.do(number, fate.tick)
        say("done", number)


class Fate:
    """Kills this process at a point, once it is armed.

    Parameters
    ----------
    database
        The one whose transactions are watched.
    point
        One of `POINTS`; none where it is empty.
    """

    def __init__(self, database: Database, point: str) -> None:
        self.armed = False
        self._point = point
        engine = database.engine
        event.listen(engine, "after_cursor_execute", lambda *_: self.at("first statement"))
        commit = engine.dialect.do_commit

        def watched(connection: Any) -> None:
            self.at("before commit")
            commit(connection)
            self.at("after commit")

        engine.dialect.do_commit = watched  # type: ignore[method-assign]

    def at(self, point: str) -> None:
        """Pass a point, or die there."""
        if self.armed and point and point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)

    def tick(self, batch: int) -> None:
        """Pass a batch."""
        self.at({1: "second batch", BATCHES - 1: "last batch"}.get(batch, ""))


def compete(say: Say, *, url: str, rival: str, go: str, seed: str, seconds: float) -> None:
    """Change the same rows as another process, from the moment on in which both are ready: a file is there then."""
    mine = rivals.RIVALS[rival](open_alias(url))
    while not Path(go).exists():
        say("ready")
        time.sleep(0.01)
    rivals.compete(mine, say, seed=seed, seconds=seconds)


def hold(say: Say, *, url: str) -> None:
    """Keep a transaction open until somebody ends it."""
    with open_alias(url).atomic():
        say("held")
        time.sleep(60)


def move(say: Say, *, urls: Sequence[str], work: str, point: str, recover: bool) -> None:
    """Move rows until a point is reached, or to the end; the second time perhaps by recovering alone."""
    os.environ["MULTIDB_TEST_KILL_AT"] = point
    families.open_both(*urls)
    if recover:
        say("recovered", len(mdb.recover()))
    say("moved", families.moved(work).state)


TASKS: dict[str, Callable[..., None]] = {"write": write, "compete": compete, "hold": hold, "move": move}
