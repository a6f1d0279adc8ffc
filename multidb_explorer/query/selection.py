"""A QuerySet's steps, taken one after the other on one database: what is read, kept, grouped and computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.errors import FieldError, FieldValueError
from multidb_explorer.query.conditions import Q
from multidb_explorer.query.expressions import Expression, F, Ordering, Resolved
from multidb_explorer.query.filtering import Filtering, Held, Piece, asks_many, compiled_condition, pieces
from multidb_explorer.query.paths import Path
from multidb_explorer.query.scope import Scope, stored
from multidb_explorer.query.source import Bound, Field
from multidb_explorer.query.state import Annotated, Chosen, OrderTerm, QueryState, Where

__all__ = ["Output", "Selection", "as_ordering"]


@dataclass(frozen=True, eq=False)
class Output:
    """One column that is read.

    Attributes
    ----------
    relative
        The path to the related row that it belongs to, for ``select_related``.
    field
        The field, where it is one of the model's own as it is stored.
    """

    name: str
    found: Resolved
    field: Field | None = None
    relative: tuple[str, ...] = ()

    @cached_property
    def result(self) -> ResultColumn:
        """What the column of the result holds."""
        return ResultColumn(self.name, self.found.kind, self.found.nullable, computed=not self.found.stored)


@dataclass(eq=False)
class Selection:
    """Everything that one SELECT is made of.

    Attributes
    ----------
    compared
        Whether its rows are compared with those of another one, as set operations do.
    where, having, windowed
        Conditions on rows, on groups, and on what window functions gave.
    grouping
        ``None``; ``rows`` for one group a row of the table; ``values`` for a group per value of `keys`.
    """

    bound: Bound
    state: QueryState
    outer: Scope | None = None
    compared: bool = False
    where: list[Resolved] = field(default_factory=list)
    having: list[Resolved] = field(default_factory=list)
    windowed: list[Resolved] = field(default_factory=list)
    grouping: str | None = None
    keys: list[sa.ColumnElement[Any]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    chosen: list[str] | None = None

    def __post_init__(self) -> None:
        self.scope = Scope(self.bound, self.outer, conditions=compiled_condition)
        self._definitions: dict[str, Expression] = {}
        self._outputs: dict[str, list[Output]] = {}
        self._asked: tuple[str, ...] = ()
        for step in self.state.steps:
            match step:
                case Where():
                    self._filter(step.condition)
                case Annotated():
                    self._annotate(step)
                case Chosen():
                    self._choose(step.names)

    def whole(self) -> Selection:
        """Give the same rows as one group."""
        self.grouping, self.keys, self.chosen = "values", [], []
        return self

    # Steps

    def _filter(self, condition: Q) -> None:
        call = Filtering(self.scope, set(), separate=True)
        splitting = []
        for piece in pieces(condition):
            if self.grouping is not None and self._splits_groups(piece.condition):
                splitting.append(piece)
            else:
                held = call.compile(piece.condition, negated=piece.negated, below=piece.below)
                self._keep(held, negated=piece.negated)
        if splitting:
            self.where.append(self._some_row(splitting))

    def _keep(self, held: Held, *, negated: bool) -> None:
        found = held.found
        if negated:
            found = Resolved(
                sa.not_(found.column), found.kind, found.nullable, found.groups, found.aggregate, found.window
            )
        elif not found.aggregate and not found.window:
            for join in held.required:
                join.required = True
        self._kept_by(found).append(found)

    def _kept_by(self, found: Resolved) -> list[Resolved]:
        """Choose where a condition is tested: on rows, on groups, or on what a derived table gives."""
        if not found.aggregate and not found.window:
            return self.where
        named = self.bound.database.backend.features.having_names_keys or not found.groups
        return self.having if named and not found.window else self.windowed

    def _splits_groups(self, piece: Q) -> bool:
        """Tell whether a filter after an aggregate would multiply what was aggregated."""
        return asks_many(piece, self.scope) and not compiles_to_aggregate(piece, self.scope)

    def _some_row(self, found: Sequence[Piece]) -> Resolved:
        """Keep the rows for which some related row fulfils the conditions, without joining those."""
        inner = Selection(self.bound, QueryState(), self.scope)
        for name, expression in self._definitions.items():
            if not self.scope.annotations[name].aggregate:
                inner.scope.annotations[name] = expression.resolve(inner.scope)
        call = Filtering(inner.scope, set(), separate=True)
        conditions = []
        for piece in found:
            column = call.compile(piece.condition, negated=piece.negated, below=piece.below).found.column
            conditions.append(sa.not_(column) if piece.negated else column)
        if not self.bound.key:
            raise FieldError(f"{self.bound.name} has no key, so groups of it can't be filtered by relatives.")
        links = [inner.scope.base.column(name).__eq__(self.scope.base.column(name)) for name in self.bound.key]
        tables = inner.tables(inner.scope.row_joins)
        statement = sa.exists(sa.literal_column("1")).select_from(tables).where(*links, *conditions)
        return Resolved(statement.correlate_except(*inner.own_tables), Kind("boolean"), nullable=False)

    def _annotate(self, step: Annotated) -> None:
        aggregate = False
        for name, expression in step.items:
            if name in self._reserved():
                raise FieldValueError(f"The annotation {name!r} conflicts with a field of {self.bound.name}.")
            found = expression.resolve(self.scope)
            self.scope.annotations[name] = found
            self._definitions[name] = expression
            aggregate = aggregate or found.aggregate
            if not step.shown:
                continue
            if name not in self.shown:
                self.shown.append(name)
            if self.chosen is not None and name not in self.chosen:
                self.chosen.append(name)
        if aggregate:
            self._group()

    def _reserved(self) -> Collection[str]:
        """Give the names that an annotation can't have: what was named by ``values()``, else every field."""
        if self.chosen is not None:
            return [name for name in self._asked if name not in self.scope.annotations]
        return {*self.bound.by_name, *self.bound.relations, "pk"}

    def _group(self) -> None:
        """Group by what ``values()`` chose before, else by row."""
        if self.chosen is None:
            self.grouping = "rows"
            return
        self.grouping = "values"
        self.keys = []
        for name in self.chosen:
            annotation = self.scope.annotations.get(name)
            if annotation is None:
                self.keys += [output.found.column for output in self._named(name)]
            elif not annotation.aggregate and annotation.groups:
                self.keys.append(annotation.column)

    def _choose(self, names: tuple[str, ...]) -> None:
        if self.grouping == "rows":
            # What was grouped by row stays so, whatever is read of it.
            self.keys = [self.scope.base.column(each.name) for each in self.bound.fields]
        fields = [each.name for each in self.bound.fields]
        self._asked = names
        if not self.scope.annotations:
            self._outputs.update({each.name: [each] for each in self._shared()})
        self.chosen = list(names) if names else [*fields, *self.shown]
        for name in self.chosen:
            self._named(name)

    # What is read

    def _named(self, name: str) -> list[Output]:
        """Resolve one name of ``values()`` to the columns it stands for."""
        annotation = self.scope.annotations.get(name)
        if annotation is not None:
            return [Output(name, annotation)]
        if name not in self._outputs:
            self._outputs[name] = self._resolved(name)
        return self._outputs[name]

    def _resolved(self, name: str) -> list[Output]:
        path = self.scope.path(name)
        if len(path.fields) == 1:
            own = path.fields[0] if not path.hops and not path.rest else None
            return [Output(name, self.scope.named(name), own)]
        join = self.scope.join(path)
        prefix = name.removesuffix("pk") if name.rsplit("__", maxsplit=1)[-1] == "pk" else f"{name}__"
        return [Output(f"{prefix}{each.name}", stored(join, each), each) for each in path.fields]

    def outputs(self) -> list[Output]:
        """Give the columns that are read, in their order."""
        if self.chosen is not None:
            return self._told_apart([output for name in self.chosen for output in self._named(name)])
        annotated = [Output(name, self.scope.annotations[name]) for name in self.shown]
        return [*self._own(), *annotated, *self._relatives()]

    def _own(self) -> Iterable[Output]:
        """Give the columns of the table itself."""
        every = self._shared() if self.state.fields is None else ()
        return every or [Output(each.name, stored(self.scope.base, each), each) for each in self._loaded()]

    def _shared(self) -> Sequence[Output]:
        """Give all columns of the table, one list for all queries; none where the table has another name here."""
        base, kept = self.scope.base, self.bound.kept
        if base.table is not self.bound.table:
            return ()
        if "outputs" not in kept:
            kept["outputs"] = [Output(each.name, stored(base, each), each) for each in self.bound.fields]
        found: Sequence[Output] = kept["outputs"]
        return found

    def _told_apart(self, outputs: list[Output]) -> list[Output]:
        """Read a name that was asked for twice twice where places count, and else once."""
        if len({output.name for output in outputs}) == len(outputs):
            return outputs
        if self.state.shape != "tuple":
            return list({output.name: output for output in outputs}.values())
        found: dict[str, Output] = {}
        for output in outputs:
            name, number = output.name, 1
            while name in found:
                number += 1
                name = f"{output.name}_{number}"
            found[name] = replace(output, name=name)
        return list(found.values())

    def _loaded(self) -> tuple[Field, ...]:
        """Give the fields that instances are loaded with; the key always is."""
        state, fields = self.state, self.bound.fields
        if state.fields is None:
            return fields
        named = {each.name for name in state.fields for each in self.scope.path(name).fields}
        return tuple(each for each in fields if each.name in self.bound.key or (each.name in named) != state.deferred)

    def _relatives(self) -> list[Output]:
        found: dict[tuple[str, ...], None] = {}
        for name in self.state.related:
            words = tuple(name.split("__"))
            found.update({words[: length + 1]: None for length in range(len(words))})
        return [output for words in found for output in self._relative(words)]

    def _relative(self, words: tuple[str, ...]) -> list[Output]:
        bound, hops = self.bound, []
        for word in words:
            relation = bound.relations.get(word)
            if relation is None or relation.many:
                known = [name for name, each in bound.relations.items() if not each.many]
                raise FieldError.unknown("relation to one row", word, bound.name, known)
            hops += [((word, index), hop) for index, hop in enumerate(relation.hops)]
            bound = relation.target.bind(self.bound.database)
        join = self.scope.join(Path(tuple(hops), bound, ()))
        prefix = "__".join(words)
        return [Output(f"{prefix}__{each.name}", stored(join, each), relative=words) for each in bound.fields]

    # Order

    def orderings(self, terms: Iterable[OrderTerm]) -> list[tuple[Resolved, Ordering]]:
        """Resolve the terms of an order; a key of several columns becomes several."""
        found: list[tuple[Resolved, Ordering]] = []
        for term in terms:
            ordering = as_ordering(term)
            expression = ordering.expression
            if type(expression) is F and expression.name in (self.chosen or ()):
                found += [(output.found, ordering) for output in self._named(expression.name)]
                continue
            if type(expression) is F and expression.name not in self.scope.annotations:
                path = self.scope.path(expression.name)
                if len(path.fields) > 1:
                    join = self.scope.join(path)
                    found += [(stored(join, each), ordering) for each in path.fields]
                    continue
            found.append((expression.resolve(self.scope), ordering))
        return found

    # FROM

    def tables(self, joins: Iterable[Any]) -> sa.FromClause:
        """Join tables to the one that the query starts at."""
        wanted = set(joins)
        found: sa.FromClause = self.scope.base.table
        for join in self.scope.joins:
            if join in wanted:
                needed = all(each.required for each in join.chain())
                found = found.join(join.table, join.onclause, isouter=not needed)
        return found

    @property
    def own_tables(self) -> list[sa.FromClause]:
        """Every table of this query itself."""
        return [self.scope.base.table, *(join.table for join in self.scope.joins)]


def as_ordering(term: OrderTerm) -> Ordering:
    """Read a term of an order: ``name``, ``-name``, ``?`` or an expression."""
    if isinstance(term, Ordering):
        return term
    if isinstance(term, Expression):
        return Ordering(term)
    if term in ("?", "-?"):
        from multidb_explorer.query.functions import Random

        return Ordering(Random())
    return Ordering(F(term.removeprefix("-")), descending=term.startswith("-"))


def compiles_to_aggregate(condition: Q, scope: Scope) -> bool:
    """Tell whether a condition speaks of an aggregate."""
    for child in condition.children:
        if isinstance(child, Q):
            if compiles_to_aggregate(child, scope):
                return True
        elif not isinstance(child, Expression):
            annotation, _, _ = scope.operand(child.keyword)
            value = child.value
            named = value if isinstance(value, F) else None
            right = scope.annotations.get(named.name) if named is not None else None
            if any(found is not None and found.aggregate for found in (annotation, right)):
                return True
    return False
