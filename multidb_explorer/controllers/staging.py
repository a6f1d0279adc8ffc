"""Edits in the grid: staged in a change set, mirrored by the browser, and committed by nobody but `saving`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.addressing import Place, place_of
from multidb_explorer.changes.changeset import ChangeSet
from multidb_explorer.changes.records import Change, Delete, Insert, Update
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import BadRequest, Handler, Job, Message, Reply, intervals
from multidb_explorer.controllers.fields import FormField, default_value
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.references import key_of
from multidb_explorer.controllers.shown_rows import ShownRows, encode_each, named_key, new_name, staged_name
from multidb_explorer.controllers.typed_values import Unreadable, parsed, reason_of
from multidb_explorer.errors import ConnectionFailed, KeyRequired, ValueNotRepresentable, WriteRefused
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.catalog import TableSchema
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    import pyarrow as pa

    from multidb_explorer.controllers.grid import GridController

__all__ = ["Staging", "changes_for", "why_read_only"]

_MOST_CELLS = 50_000
_MOST_NEW = 5_000


def why_read_only(queryset: QuerySet[Any]) -> str:
    """Say why the rows of a QuerySet can't be edited; empty where they can.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from multidb_explorer import demo
    >>> _ = demo.start("demo")
    >>> why_read_only(mdb.reflect("products").objects)
    ''
    >>> why_read_only(mdb.reflect("products").objects.values("name"))
    'The key of these rows is not among their columns, so they are shown read-only.'
    """
    database = databases[queryset.db]
    if database.read_only:
        return f"Alias {database.alias!r} is read-only."
    try:
        place_of(queryset, database)
    except KeyRequired as error:
        return str(error)
    if not queryset.has_key:
        return "The key of these rows is not among their columns, so they are shown read-only."
    return ""


def changes_for(queryset: QuerySet[Any], editable: bool | None) -> ChangeSet | None:
    """Make the change set of a grid of its own.

    Parameters
    ----------
    editable
        What the caller said; ``None`` for nothing.

    Raises
    ------
    WriteRefused
        For rows that shall be edited and can't be.
    """
    if editable is False or (editable is None and databases[queryset.db].read_only):
        return None
    refused = why_read_only(queryset) if editable else ""
    if refused:
        raise WriteRefused(f"{refused} editable=True asks for more than that.")
    return ChangeSet(queryset.db)


class Staging(GridPart):
    """The part of a grid that stages edits.

    Parameters
    ----------
    changes
        Where edits are staged; others may stage there too.
    """

    name = "edit"

    def __init__(self, grid: GridController, changes: ChangeSet) -> None:
        super().__init__(grid)
        self.changes = changes
        self.problems: dict[str, dict[str, str]] = {}
        self.conflicts: dict[str, dict[str, str]] = {}
        self.intents: dict[str, Handler] = {
            "edit": self._edit,
            "fill": self._fill,
            "check": self._check,
            "paste": self._paste,
            "insert": self._insert,
            "delete": self._delete,
            "revert": self._revert,
            "undo": self._undo,
            "redo": self._undo,
            "staged": lambda _: self.told({}),
        }

    # What is edited

    @property
    def alias(self) -> str:
        """The alias of the rows."""
        return self.grid.queryset.db

    @cached_property
    def place(self) -> Place:
        """The table."""
        return place_of(self.grid.queryset, databases[self.alias])

    @cached_property
    def live(self) -> TableSchema:
        """The table as it is in the database."""
        table = self.place.into.table
        return catalog_of(databases[self.alias]).table(str(table.name), table.schema)

    @cached_property
    def columns(self) -> dict[str, str]:
        """The database's column of each column that is shown and belongs to the table."""
        bound = self.grid.queryset.bound
        outputs = self.grid.queryset.compiled().outputs
        plain = [one.name for one in outputs if one.field is not None and one.field is bound.by_name.get(one.name)]
        return {name: self.place.slot(bound.by_name[name].column.name).name for name in plain}

    @cached_property
    def names(self) -> dict[str, str]:
        """What the grid calls each column of the database that it shows."""
        return {column: name for name, column in self.columns.items()}

    @cached_property
    def fields(self) -> dict[str, FormField]:
        """What an editor has to know of each column that is shown."""
        found = {}
        for name, column in self.columns.items():
            key = key_of(self.live, column)
            target = (key.target_table,) if key else ()
            found[name] = FormField(name, self.live.column(column), column in self.place.key, target)
        return found

    @cached_property
    def shown(self) -> ShownRows:
        """What was on the screen lately."""
        return ShownRows(self.place, [self.columns.get(field.name, "") for field in self.grid.queryset.fields])

    @property
    def refusal(self) -> str:
        """Why nothing can be staged, or empty; what was found once holds while the database can't be reached."""
        database = databases.get(self.alias)
        if database is None:
            return f"There is no alias {self.alias!r} any more."
        if database.read_only:
            return f"Alias {database.alias!r} is read-only."
        try:
            return self._refusal
        except ConnectionFailed:
            return f"Alias {database.alias!r} can't be reached now."

    @cached_property
    def _refusal(self) -> str:
        return why_read_only(self.grid.queryset)

    @property
    def state(self) -> Message:
        """Whether rows can be edited, how, and how many are."""
        refused = self.refusal
        if refused:
            return {"refused": refused}
        fields = {name: field.message for name, field in self.fields.items()}
        return {"refused": "", "fields": fields, "pending": self.pending, "key": list(self.place.key)}

    @property
    def pending(self) -> Message:
        """What the bar of pending changes says."""
        new, changed, deleted = (sum(column) for column in zip((0, 0, 0), *self._counts().values(), strict=True))
        return {
            "new": new,
            "changed": changed,
            "deleted": deleted,
            "tables": len(self._counts()),
            "undo": self.changes.can_undo,
            "redo": self.changes.can_redo,
        }

    def _counts(self) -> Mapping[str, tuple[int, int, int]]:
        return self.changes.counts.get(self.alias, {})

    # What the browser mirrors

    def page(self, table: pa.Table, keys: Sequence[Any]) -> Message | None:
        """Name the rows of a page, and give what is staged for them."""
        if not keys or self.refusal:
            return None
        named = self.grid.queryset.key_required()
        rows = [dict(zip(named, key if len(named) > 1 else (key,), strict=True)) for key in keys]
        names = self.shown.remember(table, [self._by_column(row) for row in rows])
        staged, there = self.staged(), set(names)
        return {"keys": names, "marks": self.marks({name: staged[name] for name in staged.keys() & there})}

    def _by_column(self, key: Mapping[str, Any]) -> dict[str, Any]:
        return {self.place.slot(name).name: value for name, value in key.items()}

    def staged(self) -> dict[str, Change]:
        """Give what is staged for this table, by the names of the rows, in order."""
        place = self.place
        mine = (one for one in self.changes.changes if one.table == place.name and one.schema == place.schema)
        return {staged_name(place, change): change for change in mine}

    def marks(self, staged: Mapping[str, Change]) -> dict[str, Message]:
        """Say how staged rows look, each with its new values as the cells of a page are encoded."""
        cells: dict[str, Message] = {name: {} for name in staged}
        for column, shown in self.names.items():
            rows = {n: c.values[column] for n, c in staged.items() if not isinstance(c, Delete) and column in c.values}
            values = encode_each(list(rows.values()), self.place.kind(column))
            for name, value in zip(rows, values, strict=True):
                cells[name][shown] = value
        return {name: self._mark(name, change, cells[name]) for name, change in staged.items()}

    def _mark(self, name: str, change: Change, cells: Message) -> Message:
        state = {Insert: "new", Update: "changed", Delete: "deleted"}[type(change)]
        found: Message = {"state": state, "cells": cells, "problems": self.problems.get(name, {})}
        return {**found, "conflicts": self.conflicts[name]} if name in self.conflicts else found

    def told(self, before: Mapping[str, Change], **more: Any) -> Reply:
        """Answer with all that differs from what was staged before, and the counts."""
        now = self.staged()
        self.problems = {name: found for name, found in self.problems.items() if name in now}
        marks: dict[str, Message | None] = {**self.marks({n: c for n, c in now.items() if before.get(n) is not c})}
        marks |= dict.fromkeys(before.keys() - now.keys())
        new = [name for name, change in now.items() if isinstance(change, Insert)]
        return Reply({"type": "staged", "marks": marks, "new": new, "pending": self.pending, **more})

    # Reading what was typed

    def refuse(self) -> None:
        """Refuse to stage where nothing can be written, whatever the browser offers."""
        refused = self.refusal
        if refused:
            raise BadRequest(refused)

    def field(self, name: object) -> FormField:
        """Find a column by the name that the grid has for it."""
        field = self.fields.get(str(name))
        if field is None:
            raise BadRequest(f"{str(name)[:80]!r} is no column of this table.")
        return field

    def value(self, item: Mapping[str, Any], *, new: bool) -> Any:
        """Read the value that an item of an edit gives, and check all that the column itself says.

        Raises
        ------
        Unreadable, ValueNotRepresentable
            In words for the cell.
        """
        field = self.field(item.get("col"))
        if item.get("default") is True:
            if not field.column.made_by_server or field.column.default is None:
                raise Unreadable("This column has no default.")
            return default_value(databases[self.alias], field.column)
        value = None if item.get("null") is True else parsed(str(item.get("text", "")), field.kind)
        failures: list[ValueNotRepresentable] = []
        found = self.place.values({field.column.name: value}, failures, new=new)
        if failures:
            raise failures[0]
        return found.get(field.column.name)

    # Intents

    def _edit(self, request: Message) -> Reply | Job:
        """Stage what was typed into cells; what does not fit is told cell by cell, and the rest is staged."""
        self.refuse()
        items = [one for one in request.get("items") or () if isinstance(one, Mapping)]
        if not items or len(items) > _MOST_CELLS:
            raise BadRequest(f"An edit names its cells, {_MOST_CELLS:,} at most.")
        if any(one.get("default") is True for one in items):
            # The database is asked for its default.
            return Job(lambda: self._edited(items))
        return self._edited(items)

    def _edited(self, items: Sequence[Mapping[str, Any]]) -> Reply:
        before = self.staged()
        values: dict[str, dict[str, Any]] = {}
        errors: list[Message] = []
        unset: list[tuple[str, str]] = []
        for item in items:
            name, field = str(item.get("key")), self.field(item.get("col"))
            if item.get("default") is True and name.startswith(new_name("")):
                unset.append((name, field.column.name))
                continue
            try:
                value = self.value(item, new=name.startswith(new_name("")))
            except (Unreadable, ValueNotRepresentable) as error:
                errors.append({"key": name, "col": item.get("col"), "error": _reason(error)})
                continue
            values.setdefault(name, {})[field.column.name] = value
            self.problems.get(name, {}).pop(field.name, None)
        with self.changes.one_step():
            self.stage(values)
            for name, column in unset:
                self.changes.revert(self.place, named_key(self.place, name), column)
        return self.told(before, errors=errors)

    def stage(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Stage new values of rows, each guarded by what the user saw there."""
        if values:
            keys = [named_key(self.place, name) for name in values]
            originals = [
                {} if isinstance(key, Insert) else self.shown.original(n) for n, key in zip(values, keys, strict=True)
            ]
            self.changes.update(self.place, keys, list(values.values()), originals)

    def _fill(self, request: Message) -> Reply:
        """Put the values of one row into others."""
        self.refuse()
        columns = [self.field(name).column for name in request.get("cols") or ()]
        rows = [str(name) for name in request.get("keys") or ()]
        if len(columns) * len(rows) > _MOST_CELLS:
            raise BadRequest(f"{_MOST_CELLS:,} cells can be filled at once.")
        source = self.row(str(request.get("from")))
        before = self.staged()
        values = {
            column.name: source[column.name] for column in columns if column.name in source and not column.generated
        }
        self.stage(dict.fromkeys(rows, values))
        return self.told(before, errors=[])

    def row(self, name: str) -> dict[str, Any]:
        """Give what a row holds with what is staged on top."""
        change = self.staged().get(name)
        staged = change.values if isinstance(change, Insert | Update) else {}
        return {**self.shown.original(name), **staged}

    def _insert(self, request: Message) -> Reply:
        """Stage new rows: empty ones, or as another row without its key."""
        self.refuse()
        number = min(int(request.get("count") or 1), _MOST_NEW)
        values: dict[str, Any] = {}
        if request.get("like") is not None:
            slots = self.place.into.by_name
            own = self.row(str(request["like"]))
            values = {n: v for n, v in own.items() if n not in self.place.key and not slots[n].generated}
        before = self.staged()
        made = self.changes.insert(self.place, [values] * number)
        return self.told(before, made=[new_name(insert.token) for insert in made])

    def _delete(self, request: Message) -> Reply:
        """Stage the end of rows, named by keys or by the intervals of a selection; new ones just go."""
        self.refuse()
        names = [str(name) for name in request.get("keys") or ()]
        keys: list[Any] = [named_key(self.place, name) for name in names]
        originals: list[Any] = [self._whole(name) for name in names]
        if request.get("rows"):
            named = self.grid.queryset.key_required()
            found = self.grid.keys_of(intervals(request["rows"]))
            rows = [self._by_column(dict(zip(named, k if len(named) > 1 else (k,), strict=True))) for k in found]
            keys += rows
            originals += [self._whole(staged_name(self.place, Delete(self.place.name, row))) for row in rows]
        before = self.staged()
        with self.changes.one_step():
            known = [(key, row) for key, row in zip(keys, originals, strict=True) if row is not None]
            unknown = [key for key, row in zip(keys, originals, strict=True) if row is None]
            if known:
                self.changes.delete(self.place, [key for key, _ in known], [row for _, row in known])
            if unknown:
                self.changes.delete(self.place, unknown)
        return self.told(before, deleted=len(keys))

    def _whole(self, name: str) -> dict[str, Any] | None:
        """Give a row as it was shown, if all of its columns were."""
        original = self.shown.original(name)
        needed = {slot.name for slot in self.place.into.slots if not slot.generated}
        return original if needed <= original.keys() or name.startswith(new_name("")) else None

    def _revert(self, request: Message) -> Reply:
        """Take back what is staged: some cells, some rows, or everything of the alias."""
        before = self.staged()
        with self.changes.one_step():
            if request.get("all") is True:
                self.changes.revert(using=self.alias)
            for name in request.get("keys") or ():
                if name in before:
                    self.changes.revert(self.place, named_key(self.place, name))
            for item in request.get("items") or ():
                self._revert_cell(before, item)
        return self.told(before)

    def _revert_cell(self, before: Mapping[str, Change], item: Mapping[str, Any]) -> None:
        change, column = before.get(str(item.get("key"))), self.field(item.get("col")).column.name
        key = named_key(self.place, item.get("key"))
        if isinstance(change, Insert | Update) and column in change.values:
            self.changes.revert(self.place, key, column)

    def _undo(self, request: Message) -> Reply:
        before = self.staged()
        done = self.changes.undo() if request["type"] == "undo" else self.changes.redo()
        return self.told(before, done=done)

    # Paste

    def _check(self, request: Message) -> Job:
        """Say how pasted cells would fit, without staging any."""
        self.refuse()
        rows, columns, keys = _block(request)

        def work() -> Reply:
            cells = list(self._read(rows, columns, keys))
            errors = [[r, c, _reason(value)] for r, c, value in cells if isinstance(value, Exception)]
            return Reply({"type": "check", "errors": errors, "cells": len(cells)})

        return Job(work)

    def _paste(self, request: Message) -> Job:
        """Stage the pasted cells that fit; rows beyond the last one become new rows."""
        self.refuse()
        rows, columns, keys = _block(request)
        if len(rows) - len(keys) > _MOST_NEW:
            raise BadRequest(f"{_MOST_NEW:,} new rows can be pasted at once.")
        return Job(lambda: self._pasted(rows, columns, keys))

    def _pasted(self, rows: list[list[Any]], columns: list[str], keys: list[str]) -> Reply:
        values: dict[str, dict[str, Any]] = {}
        new: list[dict[str, Any]] = [{} for _ in rows[len(keys) :]]
        for r, c, value in self._read(rows, columns, keys):
            if not isinstance(value, Exception):
                row = values.setdefault(keys[r], {}) if r < len(keys) else new[r - len(keys)]
                row[self.field(columns[c]).column.name] = value
        before = self.staged()
        with self.changes.one_step():
            self.stage(values)
            made = self.changes.insert(self.place, [row for row in new if row]) if any(new) else []
        return self.told(before, errors=[], made=[new_name(insert.token) for insert in made])

    def _read(
        self, rows: Sequence[Sequence[Any]], columns: Sequence[str], keys: Sequence[str]
    ) -> Iterable[tuple[int, int, Any]]:
        """Read pasted cells: each a value, or the error that says why it is none."""
        for r, row in enumerate(rows):
            new = r >= len(keys) or keys[r].startswith(new_name(""))
            for c, (name, text) in enumerate(zip(columns, row, strict=False)):
                field = self.field(name)
                if new and text == "" and field.column.made_by_server:
                    continue
                empty = text == "" and (field.column.nullable or field.kind.name not in ("text", "enum"))
                try:
                    yield r, c, self.value({"col": name, "text": text, "null": text is None or empty}, new=new)
                except (Unreadable, ValueNotRepresentable) as error:
                    yield r, c, error


def _block(request: Message) -> tuple[list[list[Any]], list[str], list[str]]:
    rows, columns, keys = request.get("cells"), request.get("cols"), request.get("keys")
    if not (isinstance(rows, list) and isinstance(columns, list) and isinstance(keys, list)) or not rows:
        raise BadRequest("A paste names its cells, columns and rows.")
    if len(rows) * len(columns) > _MOST_CELLS:
        raise BadRequest(f"{len(rows) * len(columns):,} cells are too many to paste at once (at most {_MOST_CELLS:,}).")
    return rows, [str(name) for name in columns], [str(key) for key in keys]


def _reason(error: Exception) -> str:
    """Give a refusal in words for a cell."""
    text = reason_of(error)
    return "It can't be NULL." if "can't be NULL" in text else text
