"""The form's behaviour: all fields of one row, edited as drafts that are checked while they are typed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from multidb_explorer.connections.database import Database
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.routers import for_write
from multidb_explorer.controllers.base import BadRequest, Controller, Job, Message, Reply, Stale
from multidb_explorer.controllers.fields import DEFAULT, Draft, FormField, default_value, fields_of
from multidb_explorer.controllers.marks import alias_mark, alias_marks
from multidb_explorer.controllers.paging import Pager
from multidb_explorer.controllers.references import choices, key_of, label_of
from multidb_explorer.controllers.row_saving import RefusedField, checked_choices, delete_row, question, save_row
from multidb_explorer.controllers.values import key_text
from multidb_explorer.controllers.writes import Done, Refused
from multidb_explorer.errors import DoesNotExist, MultiDBError, ReadOnlyAlias
from multidb_explorer.models import Model
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.schema.catalog import ForeignKey, TableSchema

__all__ = ["RowFormController"]

_PAGE = 200


class RowFormController(Controller):
    r"""Answers one form.

    What is typed stays here as drafts until it is saved; the instance is touched by a save that succeeded and by
    nothing else.

    Parameters
    ----------
    source
        An instance; a model, for a new row; or a QuerySet, to go from row to row.
    using
        The alias that *Save* means; by default the row's own.

    Raises
    ------
    ConnectionDoesNotExist, TableDoesNotExist
        For an alias or a table that is not there.
    DoesNotExist
        For a QuerySet without rows.
    TypeError
        For anything else.

    Examples
    --------
    >>> from multidb_explorer import demo
    >>> from multidb_explorer.models import reflect
    >>> _ = demo.start("demo")
    >>> form = RowFormController(reflect("categories").objects.get(pk=2))
    >>> form.attach(lambda reply: print(reply.buffers[0].decode()))
    >>> form.receive({"type": "set", "id": "1", "column": "name", "null": True})
    {"name":{"changed":true,"problem":"It can't be NULL.","default":false,"text":null}}
    """

    def __init__(self, source: object, using: str | None = None) -> None:
        super().__init__()
        self.drafts: dict[str, Draft] = {}
        self.epoch = 1
        self.place = 0
        self.rows: QuerySet[Any] | None = None
        self._page: list[Any] = []
        self._page_start = -1
        if isinstance(source, QuerySet):
            self.rows = source if using is None else source.using(using)
            self._pager = Pager(self.rows)
            self.instance = self._row_at(0)
        elif isinstance(source, Model):
            self.instance = source
        elif isinstance(source, type) and issubclass(source, Model):
            self.instance = source()
        else:
            raise TypeError(f"A form shows an instance, a model or a QuerySet, not {type(source).__name__}.")
        own = self.instance._state.db or for_write(self.model, None, self.instance)
        self.alias = databases[using or own].alias
        self._mark = alias_mark(databases[self.alias])
        self._refusal = ""
        self._look()
        self.intents |= {"row": self._row, "labels": self._labels, "set": self._set, "revert": self._revert}
        self.intents |= {"refer": self._refer, "plan": self._plan, "write": self._write, "reread": self._reread}
        self.intents |= {"go": self._go}

    def _look(self) -> None:
        """Read the table once: whoever hears of another alias later must not ask a database for it."""
        self.title, self._kind = self.live.name, self.live.kind
        _ = self.fields

    # What is shown

    @property
    def model(self) -> type[Model]:
        """The class of the row."""
        return type(self.instance)

    @property
    def database(self) -> Database:
        """The form's own database."""
        return databases[self.alias]

    @property
    def live(self) -> TableSchema:
        """The table as it is there."""
        return self._live(self.alias)

    def _live(self, alias: str) -> TableSchema:
        return self.model._source.live(databases[alias])

    @cached_property
    def fields(self) -> dict[str, FormField]:
        """The fields, by name."""
        return {field.name: field for field in fields_of(self.model, self.database, self.live)}

    @property
    def refusal(self) -> str:
        """Why nothing can be written to the form's own alias, or empty."""
        if self.database.read_only:
            return "read-only"
        if self._kind != "table":
            return "a view"
        return "" if self.model._source.key else "no primary key"

    @property
    def edited(self) -> tuple[str, ...]:
        """The fields that hold something else than what was read."""
        return tuple(name for name, field in self.fields.items() if self._shown(field)["changed"])

    @property
    def state(self) -> Message:
        """What a view needs before the row itself; no value of it is here, since this may be saved into a notebook."""
        if self.alias in databases:
            self._mark, self._refusal = alias_mark(self.database), self.refusal
        else:
            # Disconnected meanwhile: the form still shows what it showed.
            self._refusal = "no longer connected"
        return {
            "title": self.title,
            "alias": self._mark,
            "fields": [field.message for field in self.fields.values()],
            "choices": alias_marks(),
            "refusal": self._refusal,
            "browses": self.rows is not None,
            "epoch": self.epoch,
        }

    def _shown(self, field: FormField) -> Message:
        values = self.instance._values
        draft = self.drafts.get(field.name)
        if draft is None and field.name not in values and self.instance._state.adding:
            # A new row: nobody said anything yet, so the database will.
            made = field.column.made_by_server
            return {"changed": False, "problem": "", "default": made, "text": None}
        return field.shown(values.get(field.name), draft)

    def _encoded(self, names: Iterable[str]) -> bytes:
        shown = {name: self._shown(self.fields[name]) for name in names}
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()

    # Looking

    def _row(self, _: Message) -> Reply:
        with self.lock:
            self.instance.to_dict()
            return self._whole("row")

    def _whole(self, kind: str, **more: Any) -> Reply:
        """Give the whole row; its values travel in the buffer."""
        instance = self.instance
        key = "" if instance.pk is None else key_text(instance.pk)
        about = {"adding": instance._state.adding, "place": self._placed(), "epoch": self.epoch}
        head = json.dumps({"key": key, "db": instance._state.db}, ensure_ascii=False).encode()
        return Reply({"type": kind, **about, **more}, (self._encoded(self.fields), head))

    def _placed(self) -> Message | None:
        return None if self.rows is None else {"row": self.place, "row_count": self._pager.row_count}

    def _labels(self, _: Message) -> Job:
        """Look up what foreign keys refer to, so that a person need not know numbers by heart."""
        return Job(lambda: Reply({"type": "labels"}, (json.dumps(self._found_labels()).encode(),)))

    def _found_labels(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, field in self.fields.items():
            key = key_of(self.live, field.column.name) if field.target else None
            values = self._values_of(key) if key else None
            choice = label_of(self.database, self.live, key, values) if key and values else None
            if choice is not None:
                found[name] = choice.label
        return found

    def _values_of(self, key: ForeignKey) -> list[Any] | None:
        """Give the values of a foreign key as they stand in the form; ``None`` where one is missing or wrong."""
        by_column = {field.column.name: field.name for field in self.fields.values()}
        found = []
        for column in key.columns:
            name = by_column.get(column, "")
            draft = self.drafts.get(name)
            if draft is not None and (draft.value is DEFAULT or (draft.problem and not draft.here)):
                return None
            found.append(draft.value if draft else self.instance._values.get(name))
        return None if None in found else found

    # Editing

    def _field(self, request: Message) -> FormField:
        field = self.fields.get(str(request.get("column")))
        if field is None:
            raise BadRequest("An edit names a field of the form.")
        return field

    def _editable(self, request: Message) -> FormField:
        field = self._field(request)
        if self.refusal:
            raise (
                ReadOnlyAlias.refused(self.alias) if self.database.read_only else BadRequest(f"This is {self.refusal}.")
            )
        if field.column.generated:
            raise BadRequest(f"{field.name} is computed by the database and takes no value.")
        if field.primary_key and not self.instance._state.adding:
            raise BadRequest(f"{field.name} is the key of a row that exists; it stays as it is.")
        return field

    def _set(self, request: Message) -> Reply | Job:
        """Take what was typed. Whether another row exists, or what a default gives, is asked in the background."""
        field = self._editable(request)
        if request.get("default") is True:
            return Job(lambda: self._defaulted(field))
        with self.lock:
            self.drafts[field.name] = field.draft(
                request, f"table {self.title!r} on alias {self.alias!r}", self.database
            )
            key = key_of(self.live, field.column.name)
            wanted = self._values_of(key) if key else None
        if key is None or wanted is None:
            return self._set_reply(field)
        return Job(lambda: self._referred(field, key, wanted))

    def _defaulted(self, field: FormField) -> Reply:
        """Leave the field of a new row to the database; ask it for the value of one that exists."""
        if not field.column.made_by_server:
            raise BadRequest(f"{field.name} has no default.")
        adding = self.instance._state.adding
        value = DEFAULT if adding else default_value(self.database, field.column)
        with self.lock:
            self.drafts[field.name] = Draft(value, None) if value is DEFAULT else field.given(value)
        return self._set_reply(field)

    def _referred(self, field: FormField, key: ForeignKey, values: list[Any]) -> Reply:
        """Check that the row that is referred to exists, and tell what it is called."""
        choice = label_of(self.database, self.live, key, values)
        draft = self.drafts.get(field.name)
        if choice is None and draft is not None and not draft.problem:
            named = ", ".join(map(key_text, values))
            problem = f"There is no row {named} in {key.target_table}."
            with self.lock:
                self.drafts[field.name] = Draft(draft.value, draft.text, problem, here=True)
        return self._set_reply(field, "" if choice is None else choice.label)

    def _set_reply(self, field: FormField, label: str | None = None) -> Reply:
        buffers = (self._encoded([field.name]), json.dumps(label).encode())
        return Reply({"type": "set", "column": field.name}, buffers[: 1 if label is None else 2])

    def _revert(self, request: Message) -> Reply:
        with self.lock:
            if request.get("column") is None:
                self.drafts.clear()
            else:
                self.drafts.pop(self._field(request).name, None)
            return self._whole("row")

    def _refer(self, request: Message) -> Job:
        """Find rows that a foreign key may refer to."""
        field, search = self._field(request), str(request.get("search") or "")[:200]
        key = key_of(self.live, field.column.name)
        if key is None:
            raise BadRequest(f"{field.name} is no foreign key.")
        names = {each.column.name: each.name for each in self.fields.values()}

        def work() -> Reply:
            found = choices(self.database, self.live, key, search)
            listed = [
                {"values": dict(zip(map(names.get, key.columns), one.values, strict=True)), "label": one.label}
                for one in found
            ]
            return Reply({"type": "refer", "table": key.target_table}, (json.dumps(listed).encode(),))

        return Job(work)

    # Writing

    def _target(self, request: Message) -> tuple[str, str]:
        action, target = request.get("action"), request.get("target")
        if action not in ("save", "delete") or not isinstance(target, str):
            raise BadRequest("A write names what to do and its alias.")
        database = databases[target]
        if database.read_only:
            raise ReadOnlyAlias.refused(target)
        return str(action), database.alias

    def _plan(self, request: Message) -> Reply:
        action, target = self._target(request)
        if action == "delete" and self.instance._state.adding:
            raise BadRequest("A row that is in no database yet can't be deleted.")
        source = self.instance._state.db or self.alias
        return Reply({"type": "plan", **question(action, self.instance, source, target)})

    def _write(self, request: Message) -> Reply | Job:
        action, target = self._target(request)
        given = checked_choices(action, request.get("choices"))
        if databases[target].confirm == "production" and request.get("typed") != target:
            return _refused(Refused(f"{target!r} is production: type its alias to go on."))
        return Job(lambda: self._saved(target, given) if action == "save" else self._deleted(target, given))

    def _saved(self, target: str, given: Mapping[str, Any]) -> Reply:
        with self.lock:
            wrong = [
                name for name, one in self.drafts.items() if one.problem and (target == self.alias or not one.here)
            ]
            if wrong:
                return _refused(Refused(f"Nothing was saved: look at {', '.join(wrong)}."), fields=wrong)
            values = {name: self.drafts[name].value for name in self.edited}
            if given.get("on_conflict") == "theirs":
                return self._theirs()
            try:
                outcome = save_row(self.instance, target, values, given)
            except RefusedField as error:
                return self._beside(error)
            if isinstance(outcome, Refused):
                return _refused(outcome)
            if self.instance._state.db == target:
                self.drafts.clear()
                self._follow(target)
            return self._written(outcome)

    def _follow(self, alias: str) -> None:
        """Go along with the row to the database that it lives in now, where its fields are all there."""
        try:
            fields = {field.name: field for field in fields_of(self.model, databases[alias], self._live(alias))}
        except MultiDBError:
            return
        self.alias, self.fields, self._kind = alias, fields, self._live(alias).kind

    def _theirs(self) -> Reply:
        self.drafts.clear()
        self.instance.refresh_from_db()
        return self._written(Done("Their values are kept; nothing was written"))

    def _beside(self, error: RefusedField) -> Reply:
        """Show beside its field what the target refused."""
        by_column = {field.column.name.casefold(): name for name, field in self.fields.items()}
        name = by_column.get(error.column.casefold(), error.column)
        return _refused(Refused(f"{name}: {error}"), fields=[name] if name in self.fields else [], reason=str(error))

    def _deleted(self, target: str, given: Mapping[str, Any]) -> Reply:
        with self.lock:
            outcome = delete_row(self.instance, target, given)
            return _refused(outcome) if isinstance(outcome, Refused) else self._written(outcome)

    def _written(self, done: Done) -> Reply:
        self.epoch += 1
        self.changed()
        return self._whole("done", text=done.text)

    # Going on

    def reread(self) -> Reply:
        """Read the row again; what was typed stays."""
        with self.lock:
            if not self.instance._state.adding:
                self.instance.refresh_from_db()
            self.epoch += 1
            reply = self._whole("row")
        self.changed()
        return reply

    def _reread(self, _: Message) -> Job:
        return Job(self.reread)

    def _go(self, request: Message) -> Job:
        step = request.get("step")
        if self.rows is None or step not in (-1, 1):
            raise BadRequest("This form shows one row.")
        if self.edited:
            raise BadRequest("Save or revert the changes of this row first.")
        return Job(lambda: self._gone(int(step)))

    def _gone(self, step: int) -> Reply:
        with self.lock:
            place = self.place + step
            if place < 0:
                raise Stale("This is the first row.")
            try:
                self.instance = self._row_at(place)
            except DoesNotExist:
                raise Stale("This is the last row.") from None
            self.place, self.epoch = place, self.epoch + 1
            self.drafts.clear()
            reply = self._whole("row")
        self.changed()
        return reply

    def _row_at(self, place: int) -> Model:
        """Read a row of the QuerySet by its number; its key is found as the grid finds it."""
        rows: Any = self.rows
        start = place - place % _PAGE
        if start != self._page_start:
            self._page, self._page_start = self._pager.keys(self._pager.page(start, _PAGE)), start
        if place - start >= len(self._page):
            raise DoesNotExist(f"There is no row {place + 1:,} of {rows.bound.table.name} on alias {rows.db!r}.")
        found: Model = QuerySet(rows._source).using(rows.db).get(pk=self._page[place - start])
        return found


def _refused(refused: Refused, **more: Any) -> Reply:
    ways = [{"label": way.label, "choices": dict(way.choices), "danger": way.danger} for way in refused.ways]
    answer = {"type": "refused", "message": refused.message, "ways": ways, "heads": refused.heads, **more}
    # Values travel in the buffer, like every other.
    return Reply(answer, (json.dumps([list(line) for line in refused.differences]).encode(),))
