"""What rows become: instances with their relatives, dictionaries, tuples or single values."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.query.aggregates import Aggregate
from multidb_explorer.query.arithmetic import Combined
from multidb_explorer.query.choices import Case
from multidb_explorer.query.expressions import Expression, Func, Value
from multidb_explorer.query.selection import Output
from multidb_explorer.query.state import Annotated, Chosen, Step

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["groups_by_values", "has_aggregate", "instances", "of_nothing", "shaped"]

Row = tuple[Any, ...]


def shaped(queryset: QuerySet[Any], rows: Sequence[Row]) -> list[Any]:
    """Turn rows as they were read into what the QuerySet gives."""
    outputs = queryset.compiled().outputs
    names = [output.name for output in outputs]
    match queryset._state.shape:
        case "dict":
            return [dict(zip(names, row, strict=True)) for row in rows]
        case "tuple":
            return list(rows)
        case "value":
            return [row[0] for row in rows]
        case "named":
            # A column whose name is no identifier is reached by its place.
            row_type: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024
            return [row_type(*row) for row in rows]
    return instances(queryset, outputs, rows)


def instances(queryset: QuerySet[Any], outputs: Sequence[Output], rows: Sequence[Row]) -> list[Any]:
    """Make instances of rows, with what was read along with them."""
    source, alias = queryset._source, queryset.db
    own = [place for place, output in enumerate(outputs) if output.field is not None and not output.relative]
    names = [outputs[place].name for place in own]
    annotated = [p for p, output in enumerate(outputs) if output.field is None and not output.relative]
    if len(own) == len(outputs):
        return [source.instance(names, row, alias) for row in rows]
    relatives = _relatives(queryset, outputs)
    found = []
    for row in rows:
        extra = {outputs[place].name: row[place] for place in annotated}
        instance = source.instance(names, [row[place] for place in own], alias, extra)
        _attach(instance, relatives, row, alias)
        found.append(instance)
    return found


def _relatives(queryset: QuerySet[Any], outputs: Sequence[Output]) -> list[tuple[tuple[str, ...], Any, list[int]]]:
    """Give every relation that was read along: its path, what it leads to and where its columns stand."""
    paths = dict.fromkeys(output.relative for output in outputs if output.relative)
    found = []
    for path in paths:
        bound = queryset.bound
        for word in path:
            bound = bound.relations[word].target.bind(bound.database)
        found.append((path, bound, [place for place, output in enumerate(outputs) if output.relative == path]))
    return found


def _attach(instance: Any, relatives: Iterable[tuple[tuple[str, ...], Any, list[int]]], row: Row, alias: str) -> None:
    made: dict[tuple[str, ...], Any] = {(): instance}
    for path, bound, places in relatives:
        owner = made.get(path[:-1])
        if owner is None:
            continue
        values = [row[place] for place in places]
        names = [field.name for field in bound.fields]
        missing = all(value is None for value in values)
        made[path] = None if missing else bound.source.instance(names, values, alias)
        owner._source.related(owner, path[-1], made[path])


def has_aggregate(expression: Expression) -> bool:
    """Tell by its looks whether an expression contains an aggregate."""
    match expression:
        case Aggregate():
            return True
        case Combined():
            return has_aggregate(expression.left) or has_aggregate(expression.right)
        case Func():
            return any(map(has_aggregate, expression.arguments))
        case Case():
            return any(has_aggregate(case.then) for case in expression.cases) or has_aggregate(expression.default)
    return False


def groups_by_values(steps: Iterable[Step]) -> bool:
    """Tell whether ``values()`` was followed by an aggregate, so that rows are groups."""
    chosen = False
    for step in steps:
        chosen = chosen or isinstance(step, Chosen)
        if chosen and isinstance(step, Annotated) and any(has_aggregate(each) for _, each in step.items):
            return True
    return False


def of_nothing(expression: Expression, name: str) -> Any:
    """Give what an aggregate gives of no rows.

    Raises
    ------
    TypeError
        For an expression that is no aggregate.
    """
    if not has_aggregate(expression):
        raise TypeError(f"{name}={expression!r} is no aggregate, so aggregate() can't give one value of it.")
    if not isinstance(expression, Aggregate):
        return None
    default = expression.default
    if default is None:
        return expression.empty
    return default.value if isinstance(default, Value) else default
