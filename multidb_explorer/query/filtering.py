"""From trees of conditions to SQL, with Django's rules for NULL and for relations to several rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from multidb_explorer.backends.kinds import Kind
from multidb_explorer.backends.values import canonical
from multidb_explorer.errors import CrossDatabaseError, FieldError, FieldValueError
from multidb_explorer.query.conditions import Condition, Q
from multidb_explorer.query.expressions import Expression, Resolved
from multidb_explorer.query.lookups import LOOKUPS, TRANSFORMS, Lookup, Operand
from multidb_explorer.query.paths import Path
from multidb_explorer.query.scope import Join, Scope, stored
from multidb_explorer.query.spans import as_span
from multidb_explorer.query.subqueries import compared_rows

__all__ = ["Filtering", "Held", "Piece", "asks_many", "compiled_condition", "pieces"]

_BOOLEAN = Kind("boolean")


@dataclass(frozen=True, eq=False, init=False)
class Held:
    """A compiled condition.

    Attributes
    ----------
    required
        Joins without which no row can fulfil it.
    """

    found: Resolved
    required: frozenset[Join] = frozenset()

    def __init__(self, found: Resolved, required: frozenset[Join] = frozenset()) -> None:
        self.__dict__["found"], self.__dict__["required"] = found, required


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a condition that must hold by itself.

    Attributes
    ----------
    negated
        Whether it must not hold.
    below
        Whether it stood below a negation, be it an even number of them.
    """

    condition: Q
    negated: bool = False
    below: bool = False


def pieces(condition: Q, *, negated: bool = False, below: bool = False) -> Iterator[Piece]:
    """Take a condition apart into pieces that must all hold.

    Examples
    --------
    >>> [piece.condition for piece in pieces(Q(a=1) & Q(b=2))]
    [Q(a=1), Q(b=2)]
    """
    inside = negated ^ condition.negated
    if condition.connector != ("OR" if inside else "AND"):
        yield Piece(condition, negated, below)
        return
    below = below or condition.negated
    for child in condition.children:
        if isinstance(child, Q):
            yield from pieces(child, negated=inside, below=below)
        else:
            yield Piece(Q._made((child,), "AND"), inside, below)


class Filtering:
    """One ``filter()`` call on a scope.

    Parameters
    ----------
    scope
        What names mean.
    reuse
        The joins of this call, which its conditions share; ``None`` to share any.
    separate
        Whether a negated condition on a relation to several rows asks for the absence of such a row, as filters do.
    """

    def __init__(self, scope: Scope, reuse: set[Join] | None, *, separate: bool) -> None:
        self.scope = scope
        self.reuse = reuse
        self.separate = separate

    def compile(self, node: Q | Condition | Expression, *, negated: bool = False, below: bool = False) -> Held:
        """Compile a tree.

        Parameters
        ----------
        negated
            Whether an odd number of negations stands above.
        below
            Whether any negation does.
        """
        if isinstance(node, Condition):
            return self.scope.sharing(self.reuse, lambda: self._condition(node, negated=negated, below=below))
        if isinstance(node, Expression):
            return self._expression(node)
        inside, below = negated ^ node.negated, below or node.negated
        if len(node.children) == 1 and not node.negated and isinstance(node.children[0], Condition | Q):
            return self.compile(node.children[0], negated=inside, below=below)
        held = [self.compile(child, negated=inside, below=below) for child in node.children]
        column = _connected(node.connector, [part.found.column for part in held])
        found = _together(sa.not_(column) if node.negated else column, [part.found for part in held])
        required = [part.required for part in held]
        if node.negated or node.connector == "XOR" or not held:
            return Held(found)
        return Held(found, frozenset.union(*required) if node.connector == "AND" else frozenset.intersection(*required))

    def _expression(self, expression: Expression) -> Held:
        found = self.scope.sharing(self.reuse, lambda: expression.resolve(self.scope))
        if found.kind.name not in ("boolean", "any"):
            raise TypeError(f"{expression!r} is {found.kind} and no condition; compare it: name__lookup=value.")
        column = found.column if not found.stored else self.scope.database.backend.equals(found.column, True)
        return Held(replace(found, column=column, kind=_BOOLEAN))

    # One keyword

    def _condition(self, condition: Condition, *, negated: bool, below: bool) -> Held:
        annotation, path, rest = self.scope.operand(condition.keyword)
        transforms, lookup = _split(condition.keyword, rest)
        if annotation is not None or path is None:
            if annotation is None:
                raise FieldError(f"{condition.keyword!r} names nothing to compare.")
            value = self._value(condition.value, None, lookup)
            strict = negated and self.scope.summarizes and annotation.stored
            return Held(self._compared(annotation, condition.keyword, transforms, lookup, value, strict=strict))
        value = self._value(condition.value, path, lookup)
        if path.many and below and self.separate:
            return Held(self._absence(path, transforms, lookup, value))
        join = self.scope.join(path)
        found = self._at(join, path, transforms, lookup, value, strict=negated)
        required = frozenset() if negated or _asks_null(lookup, value) else frozenset(join.chain())
        return Held(found, required)

    def _at(
        self, join: Join, path: Path, transforms: Sequence[str], lookup: Lookup, value: Any, *, strict: bool
    ) -> Resolved:
        if len(path.fields) > 1:
            return self._key(join, path, lookup, value)
        column = stored(join, path.fields[0])
        return self._compared(column, path.fields[0].name, transforms, lookup, value, strict=strict)

    def _compared(
        self,
        left: Resolved,
        name: str,
        transforms: Sequence[str],
        lookup: Lookup,
        value: Any,
        *,
        strict: bool,
    ) -> Resolved:
        operand = Operand(name, left.column, left.kind, self.scope.database)
        span = as_span(operand, transforms[0], lookup, value) if len(transforms) == 1 else None
        if span is None:
            for transform in transforms:
                operand = TRANSFORMS[transform].apply(operand)
        column = lookup.compile(operand, value) if span is None else span
        right = [part for part in _flat(value) if isinstance(part, Resolved)]
        if strict and not lookup.asks_null(value):
            # NOT of an unknown is unknown: a row whose column is NULL does not fulfil the condition, so exclude()
            # keeps it.
            known = [left.column] if left.nullable else []
            known += [part.column for part in right if part.stored and not part.strict]
            column = sa.and_(column, *(part.is_not(None) for part in known))
        return _together(column, [left, *right])

    def _key(self, join: Join, path: Path, lookup: Lookup, value: Any) -> Resolved:
        """Compare a key of several columns with a tuple, or with a list of tuples."""
        names = ", ".join(field.name for field in path.fields)
        columns = [stored(join, field) for field in path.fields]
        if lookup.name == "isnull":
            nulls = [LOOKUPS["isnull"].compile(self._operand(c, names), value) for c in columns]
            return _together(sa.or_(*nulls) if value else sa.and_(*nulls), columns)
        if lookup.name not in ("exact", "in"):
            raise FieldError(f"The key of {path.bound.name} is ({names}); only = and __in work on it.")
        if lookup.name == "exact":
            return _together(self._equal_key(columns, names, path, value), columns)
        keys = [tuple(self._key_parts(columns, names, path, row)) for row in value]
        backend = self.scope.database.backend
        return _together(backend.member_keys([each.column for each in columns], keys), columns)

    def _operand(self, column: Resolved, name: str) -> Operand:
        return Operand(name, column.column, column.kind, self.scope.database)

    def _key_parts(self, columns: Sequence[Resolved], names: str, path: Path, row: Any) -> Iterator[Any]:
        """Give a key's values by the kinds of its columns."""
        self._check_key(columns, names, path, row)
        for column, field, part in zip(columns, path.fields, row, strict=True):
            yield canonical(part, column.kind, column=field.name, where=path.bound.name)

    def _equal_key(self, columns: Sequence[Resolved], names: str, path: Path, row: Any) -> sa.ColumnElement[bool]:
        self._check_key(columns, names, path, row)
        exact = LOOKUPS["exact"]
        pairs = zip(columns, path.fields, row, strict=True)
        return sa.and_(*(exact.compile(self._operand(column, field.name), part) for column, field, part in pairs))

    @staticmethod
    def _check_key(columns: Sequence[Resolved], names: str, path: Path, row: Any) -> None:
        if not isinstance(row, tuple | list) or len(row) != len(columns):
            raise FieldValueError(
                f"The key of {path.bound.name} is ({names}); give it as a tuple of {len(columns)} values."
            )

    # Relations to several rows, negated

    def _absence(self, path: Path, transforms: Sequence[str], lookup: Lookup, value: Any) -> Resolved:
        """Ask whether some related row fulfils the condition; the negation around it makes that 'none does'."""
        first = next(index for index, (_, hop) in enumerate(path.hops) if hop.many)
        step, hop = path.hops[first]
        left = self.scope.join(replace(path, hops=path.hops[:first]))
        inner = self.scope.inner(hop.target.bind(self.scope.database))
        links = [
            inner.base.column(theirs).__eq__(left.column(mine))
            for mine, theirs in zip(hop.columns, hop.target_columns, strict=True)
        ]
        nothing = _asks_null(lookup, value)
        shared = next((join for join in self.reuse or () if join.parent is left and join.step == step), None)
        if shared is not None and not nothing:
            # An earlier condition of this call chose the related row; this one speaks of the same.
            links += [inner.base.column(name).__eq__(shared.column(name)) for name in shared.bound.key]
        join = inner.join(replace(path, hops=path.hops[first + 1 :]))
        found = Filtering(inner, set(), separate=self.separate)._at(join, path, transforms, lookup, value, strict=False)
        some = _exists(inner, [*links, found.column])
        if nothing:
            some = sa.or_(some, sa.not_(_exists(inner, links, joins=False)))
        return Resolved(some, _BOOLEAN, nullable=False, groups=tuple(left.column(name) for name in hop.columns))

    # Right sides

    def _value(self, value: Any, path: Path | None, lookup: Lookup) -> Any:
        """Prepare what a keyword is compared with: expressions are resolved, instances become their keys."""
        if isinstance(value, Expression):
            return value.resolve(self.scope)
        if hasattr(value, "_source") and hasattr(value, "to_arrow"):
            return compared_rows(value, self.scope, path.relation if path is not None else None, lookup.name)
        if hasattr(value, "_source") and hasattr(value, "_values"):
            return self._instance(value, path)
        if lookup.name in ("in", "range") and not isinstance(value, str | bytes) and isinstance(value, Iterable):
            return [self._value(item, path, LOOKUPS["exact"]) for item in value]
        return value

    def _instance(self, instance: Any, path: Path | None) -> Any:
        alias = self.scope.database.alias
        if instance._state.db not in (None, alias):
            raise CrossDatabaseError.mixed(repr(instance), instance._state.db, alias)
        if instance.pk is None:
            raise FieldValueError(f"{instance!r} is not saved, so no row can refer to it.")
        hop = path.relation if path is not None else None
        if hop is None:
            return instance.pk
        names = instance._source.key if hop.many else hop.target_columns
        expected = path.target_name if path is not None else None
        if expected is not None and instance._source.name != expected:
            raise FieldValueError(f"{instance!r} is compared with a relation to {expected}.")
        values = tuple(instance[name] for name in names)
        return values[0] if len(values) == 1 else values


def _split(keyword: str, rest: Sequence[str]) -> tuple[Sequence[str], Lookup]:
    """Tell transforms from the lookup at the end."""
    words = list(rest)
    lookup = LOOKUPS[words.pop() if words and words[-1] in LOOKUPS else "exact"]
    for word in words:
        if word not in TRANSFORMS:
            raise FieldError.unknown("lookup", word, f"Keyword {keyword!r}", [*LOOKUPS, *TRANSFORMS])
    return words, lookup


def _asks_null(lookup: Lookup, value: Any) -> bool:
    return value is True if lookup.name == "isnull" else lookup.asks_null(value)


def _flat(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _together(column: sa.ColumnElement[bool], parts: Sequence[Resolved]) -> Resolved:
    if len(parts) == 1:
        (part,) = parts
        return Resolved(column, _BOOLEAN, part.nullable, part.groups, part.aggregate, part.window)
    return Resolved(
        column,
        _BOOLEAN,
        nullable=any(part.nullable for part in parts),
        groups=tuple(group for part in parts for group in part.groups),
        aggregate=any(part.aggregate for part in parts),
        window=any(part.window for part in parts),
    )


def _connected(connector: str, parts: Sequence[sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    if len(parts) == 1 and connector != "XOR":
        return parts[0]
    if connector == "AND":
        return sa.and_(*parts) if parts else sa.true()
    if connector == "OR":
        return sa.or_(*parts) if parts else sa.false()
    # An odd number must hold; one that is unknown counts as one that does not.
    held = [sa.case((part, 1), else_=0) for part in parts]
    return sum(held[1:], start=held[0]) % 2 == 1


def _exists(
    inner: Scope, conditions: Sequence[sa.ColumnElement[bool]], *, joins: bool = True
) -> sa.ColumnElement[bool]:
    tables: sa.FromClause = inner.base.table
    for join in inner.joins if joins else ():
        tables = tables.outerjoin(join.table, join.onclause)
    own = [inner.base.table, *(join.table for join in inner.joins)]
    return sa.exists(sa.literal_column("1")).select_from(tables).where(*conditions).correlate_except(*own)


def compiled_condition(scope: Scope, condition: Q) -> Resolved:
    """Compile a condition that is a part of an expression: its joins are shared with the whole query."""
    return Filtering(scope, None, separate=False).compile(condition).found


def names_of(condition: Q) -> Iterator[str]:
    """Give the keywords of a condition."""
    for child in condition.children:
        if isinstance(child, Q):
            yield from names_of(child)
        elif isinstance(child, Condition):
            yield child.keyword


def asks_many(condition: Q, scope: Scope) -> bool:
    """Tell whether a condition follows a relation to several rows."""
    for keyword in names_of(condition):
        annotation, path, _ = scope.operand(keyword)
        if annotation is None and path is not None and path.many:
            return True
    return False
