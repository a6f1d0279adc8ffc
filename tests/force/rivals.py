"""Two processes that change the same few rows: each reads, decides, and writes what it decided.

Nothing is computed in the database (``amount = amount + 1`` would never lose an update): a rival writes the amounts
that it worked out from those that it read, so an update between the two is lost unless the write looks for it.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import sqlalchemy as sa

from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.connections.database import Database
from multidb_explorer.errors import ChangeConflict, ConnectionFailed, OperationalError

__all__ = ["FIRST", "RIVALS", "Rival", "compete"]

TILLS, FIRST = 4, 1_000
TABLE = sa.Table(
    "tills",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("amount", sa.Integer, nullable=False),
)
AGAIN = ("try again", "try the transaction again", "Another process has the file open")
"""What the hint of an error says that a second try may mend."""
LEAST = 10
"""So many changes are made on a machine that does much else."""

Say = Callable[..., object]


class Rival(ABC):
    """One who changes several tills in one transaction.

    Parameters
    ----------
    database
        Where the tills are.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def prepare(self) -> None:
        """Make the tills."""
        with self.database.begin() as connection:
            TABLE.create(connection)
            connection.execute(sa.insert(TABLE), [{"id": number, "amount": FIRST} for number in range(TILLS)])

    def amounts(self) -> dict[int, int]:
        """Read what is in each till."""
        with self.database.connect() as connection:
            return {row.id: row.amount for row in connection.execute(sa.select(TABLE))}

    @abstractmethod
    def change(self, before: Mapping[int, int], after: Mapping[int, int]) -> None:
        """Write the new amounts of some tills where the old ones are still there.

        Raises
        ------
        ChangeConflict
            Where another rival was faster; nothing is written.
        """


class Guarded(Rival):
    """UPDATEs that look for the old amount, in one transaction."""

    def change(self, before: Mapping[int, int], after: Mapping[int, int]) -> None:
        with self.database.begin() as connection:
            for till, amount in after.items():
                same = (TABLE.c.id == till) & (TABLE.c.amount == before[till])
                statement = sa.update(TABLE).where(same).values(amount=amount)
                if self.database.backend.matched(connection, statement) != 1:
                    raise ChangeConflict(f"till {till} has changed")


class Edits(Rival):
    """A change set."""

    def change(self, before: Mapping[int, int], after: Mapping[int, int]) -> None:
        changes = ChangeSet(self.database.alias)
        for till, amount in after.items():
            changes.update("tills", till, {"amount": amount}, {"amount": before[till]})
        changes.commit()


class Careless(Rival):
    """UPDATEs that look for nothing: what the test must see."""

    def change(self, before: Mapping[int, int], after: Mapping[int, int]) -> None:
        with self.database.begin() as connection:
            for till, amount in sorted(after.items()):
                connection.execute(sa.update(TABLE).where(TABLE.c.id == till).values(amount=amount))


RIVALS: dict[str, type[Rival]] = {"edits": Edits, "guarded": Guarded, "careless": Careless}


def compete(rival: Rival, say: Say, *, seed: str, seconds: float) -> None:
    """Move money between two tills, or put some into one, until the time is over; each is tried until it is done.

    What was committed is told as ``changed till by`` and every try in vain by its reason.
    """
    dice, end = random.Random(seed), time.monotonic() + seconds
    for number in count():
        if number >= LEAST and time.monotonic() > end:
            return
        first, second = dice.sample(range(TILLS), 2)
        some = dice.randint(1, 9)
        changes = {first: some} if dice.random() < 0.3 else {first: -some, second: some}
        while not _done(rival, changes, dice, say):
            pass
        for till, by in changes.items():
            say("changed", till, by)


def _done(rival: Rival, changes: Mapping[int, int], dice: random.Random, say: Say) -> bool:
    try:
        before = rival.amounts()
        # Time in which the other one may come between.
        time.sleep(dice.uniform(0, 0.004))
        rival.change(before, {till: before[till] + by for till, by in changes.items()})
    except ChangeConflict:
        say("conflict")
        return False
    except (OperationalError, ConnectionFailed) as error:
        if not any(hint in str(error) for hint in AGAIN):
            raise
        say("again", type(error).__name__)
        return False
    return True


def totals(logs: list[list[list[str]]]) -> dict[int, int]:
    """Add up what rivals said that they changed."""
    found: dict[int, Any] = dict.fromkeys(range(TILLS), FIRST)
    for log in logs:
        for till, by in log:
            found[int(till)] += int(by)
    return found
