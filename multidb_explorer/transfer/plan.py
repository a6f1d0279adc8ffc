"""The plan of a copy or move: what is taken and why, what it becomes, what is in the way. It can be edited, and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from multidb_explorer.display import Cell, html_table, phrase_rows, text_table
from multidb_explorer.errors import TransferRefused
from multidb_explorer.schema.inspector import Catalog
from multidb_explorer.transfer.closure import Closure, named_table
from multidb_explorer.transfer.records import Objection, Step, TableName, digest_of
from multidb_explorer.transfer.sides import Key

if TYPE_CHECKING:
    from multidb_explorer.transfer.progress import TransferProgress
    from multidb_explorer.transfer.report import TransferReport
    from multidb_explorer.transfer.wishes import Wishes

__all__ = ["TransferPlan"]


@dataclass(frozen=True)
class TransferPlan:
    """What a copy or move would do. Nothing was written for it.

    Attributes
    ----------
    kind
        ``copy`` or ``move``.
    source, target
        The aliases.
    mode
        ``COPY_VERIFY_DELETE``, ``SAME_TRANSACTION`` or ``TWO_PHASE``.
    steps
        One for each table, in the order in which they are filled.
    objections
        What keeps it from being run, and what was accepted.
    whole
        Whether all rows come together or not at all; else they come in units of ``batch_size`` rows.
    notes
        What is worth knowing: rows that the user does not see, commits that a power cut may take back.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "new": "sqlite://"})
    >>> for alias in ("default", "new"):
    ...     with mdb.aliases[alias].database.begin() as connection:
    ...         _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> plan = mdb.copy("users", to="new", dry_run=True)
    >>> plan.rows, plan.objections
    (0, ())
    """

    kind: str
    source: str
    target: str
    mode: str
    steps: tuple[Step, ...]
    objections: tuple[Objection, ...]
    whole: bool
    identity: str
    schema: str
    deleting: tuple[int, ...] = ()
    loosened: tuple[tuple[int, tuple[str, ...]], ...] = ()
    notes: tuple[str, ...] = ()
    wishes: Wishes | None = field(default=None, repr=False, compare=False)
    closure: Closure | None = field(default=None, repr=False, compare=False)
    leaving: Mapping[TableName, set[Key]] | None = field(default=None, repr=False, compare=False)
    skipped: Mapping[TableName, set[Key]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """How many rows are taken."""
        return sum(step.rows for step in self.steps)

    @property
    def bytes(self) -> int:
        """About how much they weigh."""
        return sum(step.bytes for step in self.steps)

    @property
    def digest(self) -> str:
        """What stands for everything that is planned."""
        return digest_of(
            self.kind, self.source, self.target, self.mode, self.schema, [repr(step) for step in self.steps]
        )

    @property
    def refused(self) -> tuple[Objection, ...]:
        """What keeps it from being run."""
        clashes = [
            Objection(
                step.table,
                "",
                f"the target has others in the place of {phrase_rows(step.conflicts)} "
                f"({step.clashes[0].examples[0]}, …): choose "
                f"what happens to them with on_conflict=, or plan.conflicts({step.table!r}, 'skip')",
            )
            for step in self.steps
            if step.conflicts and step.policy == "error"
        ]
        return (*(objection for objection in self.objections if objection.stands), *clashes)

    # Editing

    def _again(self, **changes: Any) -> TransferPlan:
        from multidb_explorer.transfer.planning import plan

        assert self.wishes is not None  # noqa: S101 -- only a plan that was read from a journal has none
        return plan(replace(self.wishes, **changes))

    def _table(self, name: str) -> TableName:
        assert self.wishes is not None  # noqa: S101
        return named_table(Catalog(self.wishes.roots.database), name, {step.name: step for step in self.steps})

    def without(self, table: str) -> TransferPlan:
        """Plan the same without the rows of one table.

        Raises
        ------
        TableDoesNotExist
            For a table that is not in the plan.
        """
        assert self.wishes is not None  # noqa: S101
        return self._again(without=(*self.wishes.without, self._table(table)))

    def conflicts(self, table: str, policy: str) -> TransferPlan:
        """Plan the same with another fate of the rows of one table that meet other ones.

        Parameters
        ----------
        policy
            ``error``, ``skip``, ``overwrite`` (of a copy only) or ``newkey``.
        """
        assert self.wishes is not None  # noqa: S101
        return self._again(policies={**self.wishes.policies, self._table(table): policy})

    def mapped(self, table: str, columns: Mapping[str, str]) -> TransferPlan:
        """Plan the same with other columns for the values of one table: ``{"FirstName": "first_name"}``."""
        assert self.wishes is not None  # noqa: S101
        name = self._table(table)
        return self._again(mapped={**self.wishes.mapped, name: {**self.wishes.mapped.get(name, {}), **columns}})

    # Running

    def refuse(self) -> None:
        """Refuse to run where something is in the way.

        Raises
        ------
        TransferRefused
            With every reason.
        """
        found = self.refused
        if found:
            listed = "\n".join(f"  {_said(objection)}" for objection in found)
            raise TransferRefused(
                f"This {self.kind} from {self.source!r} to {self.target!r} is refused, and nothing was written:\n"
                f"{listed}",
                plan=self,
            )

    def run(
        self,
        *,
        confirm: str | Sequence[str] | None = None,
        on_progress: Callable[[TransferProgress], object] | None = None,
        progress: bool | None = None,
        client: Any = None,
    ) -> TransferReport:
        """Do it.

        Parameters
        ----------
        confirm
            The alias that is written, or both, where they ask before writes.
        on_progress
            Called with how far it is, instead of a bar.
        progress
            Whether a bar is drawn; as the options say if not given.
        client
            Of a Dask cluster (`distributed.Client`), whose workers carry the units of a copy over. They get references
            to secrets and look them up themselves.

        Raises
        ------
        TransferRefused
            Where something is in the way.
        TransferError
            When tables were altered since, or another process does the same.
        TransferStopped
            When rows are not what they were; what was done so far is in its report and in the journal.
        """
        from multidb_explorer.transfer.running import run

        return run(self, confirm=confirm, on_progress=on_progress, progress=progress, client=client)

    # Showing

    def _title(self) -> str:
        unit = "in one unit" if self.whole else "in units"
        size = f", about {self.bytes / 10**6:,.1f} MB" if self.bytes else ""
        return f"{self.kind} from {self.source} to {self.target}: {phrase_rows(self.rows)}{size}, {unit}, {self.mode}"

    def _tables(self) -> Iterator[list[Cell]]:
        for step in self.steps:
            kept = f", {step.rows - step.leaving:,} stay" if step.leaves and step.leaving < step.rows else ""
            gone = (
                f"{step.leaving:,} leave{kept}"
                if step.leaves
                else "copied"
                if self.kind == "copy"
                else "copied, all stay"
            )
            why = "; ".join(f"{way.rows:,} {way.path}" for way in step.ways)
            met = [f"{step.there:,} there already"] if step.there else []
            met += [f"{clash.rows:,} others by {', '.join(clash.key)}: {step.policy}" for clash in step.clashes]
            along = len(self.skipped.get(step.name, ())) - step.conflicts
            met += [f"{along:,} skipped since they belong to such"] if along > 0 else []
            yield [step.table, step.target, f"{step.rows:,}", why, gone, "; ".join(met)]

    def _kept(self) -> list[str]:
        return [f"{k.rows:,} of {step.table!r}, {k.reason}" for step in self.steps for k in step.kept if k.rows]

    def _columns(self) -> Iterator[list[Cell]]:
        for step in self.steps:
            for pair in step.pairs:
                verdict = f"accepted: {pair.objection}" if pair.lossy else pair.objection or pair.proof
                yield [step.table, pair.source, str(pair.source_kind), pair.target, str(pair.target_kind), verdict]

    def __repr__(self) -> str:
        parts = [self._title(), text_table(_TABLES, self._tables())]
        parts += [f"stays: {each}" for each in self._kept()]
        parts += [f"refused: {_said(objection)}" for objection in self.refused]
        parts += [f"accepted: {_said(objection)}" for objection in self.objections if objection.accepted]
        parts += [f"note: {each}" for each in self.notes]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        parts = [html_table(_TABLES, self._tables(), caption=self._title(), right=[2], whole=[3, 5])]
        said = [["refused", _said(one)] for one in self.refused]
        said += [["accepted", _said(one)] for one in self.objections if one.accepted]
        said += [["stays", each] for each in self._kept()]
        said += [["note", each] for each in self.notes]
        if said:
            parts.append(html_table(("", "why"), said, whole=[1]))
        columns = html_table(_COLUMNS, self._columns(), whole=[5])
        parts.append(f"<details><summary>columns</summary>{columns}</details>")
        return "".join(parts)


_TABLES = ("table", "into", "rows", "why", "source", "target")
_COLUMNS = ("table", "column", "type", "into", "type there", "nothing is lost since")


def _said(objection: Objection) -> str:
    return f"{objection.table}: {objection.reason}" if objection.table else objection.reason
