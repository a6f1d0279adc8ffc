"""Whether a column of one database can take everything that a column of another one may hold.

A proof is a promise about every value that the source column could ever hold: what the target column stores is the
same value. An objection names what would be lost. In between, it depends on the values that are there, which can be
looked at. All of it is judged by `Backend.to_column`, which knows what its product keeps: here it is asked about the
ends of what a kind holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.moving import Keeps
from multidb_explorer.schema.catalog import Column
from multidb_explorer.transfer.misfits import Test, empty
from multidb_explorer.transfer.rules import Objection, judged
from multidb_explorer.writing.into import Slot
from multidb_explorer.writing.validating import fit

__all__ = ["NeedsCheck", "Objection", "Proof", "Verdict", "proof"]


@dataclass(frozen=True)
class Proof:
    """Nothing can be lost, and why."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, eq=False)
class NeedsCheck:
    """Something may be lost; the values that are there decide.

    Attributes
    ----------
    reason
        What may be lost.
    """

    reason: str
    _slot: Slot
    _backend: Backend
    _tests: tuple[Test, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.reason

    def misfits(self, array: pa.Array, where: str = "") -> dict[int, str]:
        """Give the rows of an array of the source's values that the target would not keep as they are, and why.

        Parameters
        ----------
        where
            The target's table and alias, for the sentences.
        """
        found = {row: reason.message for row, reason in fit(array, self._slot, self._backend, where).reasons.items()}
        for test in self._tests:
            found |= {row: test.reason for row in test.rows(array) if row not in found}
        return dict(sorted(found.items()))


Verdict: TypeAlias = Proof | NeedsCheck | Objection


def proof(source: Column, target: Column, backend: Backend, keeps: Keeps | None = None) -> Verdict:
    """Prove that a column takes whatever another one holds, or say what it would lose.

    Parameters
    ----------
    backend
        The target's.
    keeps
        What `Backend.keeps` said of the target's column.

    Examples
    --------
    >>> import sqlalchemy as sa
    >>> from multidb_explorer.backends.kinds import Kind
    >>> from multidb_explorer.backends import backend_for
    >>> small = Column("n", sa.SmallInteger(), Kind("integer", bits=16))
    >>> large = Column("n", sa.BigInteger(), Kind("integer"))
    >>> print(proof(small, large, backend_for("postgresql")))
    every 16-bit integer is a 64-bit integer
    >>> print(proof(large, small, backend_for("postgresql")))
    a 64-bit integer may be beyond -32,768 to 32,767
    """
    found = judged(source, target, backend, keeps or Keeps())
    if isinstance(found, Objection):
        return found
    if source.nullable and not target.nullable:
        found.doubts.append("it may be NULL, and the target's column can't")
        found.tests.append(empty())
    if not found.doubts:
        return Proof(found.why)
    slot = Slot(target.name, target.kind, target.nullable, optional=True)
    return NeedsCheck(", and ".join(found.doubts), slot, backend, tuple(found.tests))
