"""A trial: one program on both sides, and the report on it where they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bookshop
import judge
import ours
import sqlalchemy as sa
from outcomes import Failure, Outcome, Rows, is_ordered, judged, outcome
from shrinking import shrunk

from multidb_explorer.connections.registry import databases

__all__ = ["Trial", "by_django", "by_ourselves", "made_bookshop", "other_bookshop", "report", "shrunk_trial"]

Side = Callable[[str], Outcome]


@dataclass(frozen=True)
class Trial:
    """What two sides say about one program.

    Attributes
    ----------
    same
        Whether both sides are ours: then an engine may refuse what it has no function for.
    """

    text: str
    theirs: Outcome
    ours: Outcome
    same: bool = False

    @property
    def verdict(self) -> str:
        """``agree``, ``differ`` or ``unjudged``."""
        if self.same and isinstance(self.ours, Failure) and "NotSupportedError" in self.ours.kinds:
            return "unjudged"
        return judged(self.theirs, self.ours, ordered=is_ordered(self.text))


def by_django(text: str) -> Outcome:
    """Ask Django."""
    return outcome(judge.answer, text)


def by_ourselves(text: str) -> Outcome:
    """Ask our own models, on the database that they read now."""
    return outcome(ours.answer, text)


def made_bookshop(folder: Path) -> str:
    """Make the SQLite file that both sides read; give its URL."""
    path = folder / "bookshop.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    bookshop.tables().create_all(engine)
    engine.dispose()
    judge.open_bookshop(path)
    judge.fill(bookshop.rows())
    return f"sqlite:///{path}"


@contextmanager
def other_bookshop(url: str) -> Iterator[None]:
    """Fill an empty database on another engine, and let our models read it."""
    databases.connect("held", url)
    bookshop.fill(databases["held"].engine)
    ours.open_bookshop(url)
    # As long as one connection is open, an embedded engine need not open the file for every query.
    with databases["held"].connect():
        yield


def shrunk_trial(trial: Trial, theirs: Side, ours: Side) -> Trial:
    """Give the smallest trial found that differs in the same way: by an error, or by its rows."""
    way = _way(trial)

    def tried(text: str) -> Trial:
        return Trial(text, theirs(text), ours(text), trial.same)

    def differs(text: str) -> bool:
        made = tried(text)
        return made.verdict == "differ" and _way(made) == way

    return tried(shrunk(trial.text, differs))


def _way(trial: Trial) -> tuple[Any, ...]:
    failures = [side if isinstance(side, Failure) else None for side in (trial.theirs, trial.ours)]
    return tuple(failure and (failure.kinds, failure.message.partition(":")[0]) for failure in failures)


def report(trials: Iterable[Trial], names: tuple[str, str] = ("Django", "ours")) -> str:
    """Tell about trials: the program, both answers, and the SQL of both sides where Django is one."""
    return "\n\n".join(_told(trial, names) for trial in trials)


def _told(trial: Trial, names: tuple[str, str]) -> str:
    lines = [trial.text, f"  {names[0]}: {_shown(trial.theirs)}", f"  {names[1]}: {_shown(trial.ours)}"]
    if names[0] == "Django":
        lines += [f"  Django ran: {sql}" for sql in judge.statements(trial.text)]
    lines += [f"  we ran: {sql}" for sql in ours.statements(trial.text)]
    return "\n".join(lines)


def _shown(side: Outcome, most: int = 600) -> str:
    match side:
        case Failure(message=message):
            text = message
        case Rows(rows=rows):
            text = f"{len(rows)} rows: {list(rows)}"
        case _:
            text = repr(side)
    return text if len(text) <= most else f"{text[:most]} ..."
