"""A QuerySet as the Python that makes it again: what stands on screen, ready to paste."""

from __future__ import annotations

import datetime as dt
import keyword
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from multidb_explorer.models.registry import class_name
from multidb_explorer.query.conditions import Condition, Q
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.query.state import Chosen, Where

__all__ = ["code_of", "literal"]

_WIDTH = 88
_TAKEN = frozenset({"mdb", "Q", "dt", "uuid", "Decimal", "rows"})
_IMPORTS = {
    "dt.": "import datetime as dt",
    "uuid.": "import uuid",
    "Decimal(": "from decimal import Decimal",
}


def code_of(queryset: QuerySet[Any], columns: Sequence[str] | None = None) -> str:
    """Write the code that reads the same rows of a reflected table, imports included.

    Parameters
    ----------
    queryset
        Filters, an order by columns, chosen columns and a slice; what a panel can ask for.
    columns
        The columns on screen in their order, where they are not all of the table's.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> from multidb_explorer.connections.registry import databases
    >>> with databases["default"].begin() as connection:
    ...     _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> print(code_of(mdb.reflect("users").objects.filter(name__startswith="A").order_by("-id")))
    import multidb_explorer as mdb
    <BLANKLINE>
    Users = mdb.reflect("users", using="default")
    rows = Users.objects.filter(name__startswith='A').order_by('-id')
    rows
    """
    state, table = queryset._state, queryset.bound.table
    name = _model_name(table.name)
    steps = [*_steps(queryset), *([f".values({_listed(columns)})"] if columns is not None else [])]
    if state.order:
        # Before the columns are chosen, so that rows can be ordered by one that is not.
        steps.insert(len(steps) - (columns is not None), f".order_by({_listed(map(str, state.order))})")
    if state.sliced:
        steps.append(f"[{state.start or ''}:{'' if state.stop is None else state.stop}]")
    body = f"{_reflected(queryset, name)}\n{_assigned(name, steps)}\nrows"
    return f"{_imports(body)}\n\n{body}"


def _model_name(table: str) -> str:
    name = class_name(table)
    return f"{name}Table" if keyword.iskeyword(name) or name in _TAKEN else name


def _reflected(queryset: QuerySet[Any], name: str) -> str:
    table, source = queryset.bound.table, queryset._source
    options = getattr(source, "options", None)
    more = f", schema={_quoted(table.schema)}" if table.schema and getattr(options, "schema", None) else ""
    key = getattr(options, "key", ())
    more += f", key={literal(key)}" if key else ""
    return f"{name} = mdb.reflect({_quoted(table.name)}, using={_quoted(queryset.db)}{more})"


def _quoted(text: str) -> str:
    """Write a name in the quotes that the documentation has, where it holds nothing special."""
    return f'"{text}"' if text.isprintable() and not set(text) & {'"', "\\"} else repr(text)


def _assigned(name: str, steps: Sequence[str]) -> str:
    line = f"rows = {name}.objects{''.join(steps)}"
    if len(line) <= _WIDTH or not steps:
        return line
    # A slice belongs to the call before it.
    calls: list[str] = []
    for step in steps:
        if step.startswith("[") and calls:
            calls[-1] += step
        else:
            calls.append(step)
    inside = "\n".join(f"    {call}" for call in calls)
    return f"rows = (\n    {name}.objects\n{inside}\n)"


def _imports(body: str) -> str:
    ours = "import multidb_explorer as mdb"
    others = [line for sign, line in _IMPORTS.items() if sign in body]
    lines = [*sorted(others, key=lambda line: not line.startswith("import")), "", ours] if others else [ours]
    if "Q(" in body:
        lines.append("from multidb_explorer import Q")
    return "\n".join(lines)


def _steps(queryset: QuerySet[Any]) -> Iterator[str]:
    for step in queryset._state.steps:
        if isinstance(step, Where):
            condition = _bare(step.condition)
            verb = "exclude" if condition.negated else "filter"
            yield f".{verb}({_arguments(~condition if condition.negated else condition)})"
        elif isinstance(step, Chosen):
            yield f".values({_listed(step.names)})"
        else:
            raise NotImplementedError("Only filters, an order, columns and a slice are written as code.")


def _bare(condition: Q) -> Q:
    """Take off the conditions around a single one."""
    while len(condition.children) == 1 and isinstance(inner := condition.children[0], Q):
        condition = ~inner if condition.negated else inner
    return condition


def _arguments(condition: Q) -> str:
    """Write a condition as what stands between the parentheses of ``filter``."""
    plain = [child for child in condition.children if isinstance(child, Condition)]
    whole = condition.connector == "AND" and len(plain) == len(condition.children)
    if not whole or len({child.keyword for child in plain}) < len(plain):
        return _condition(condition)
    return _keywords(plain)


def _keywords(conditions: Iterable[Condition]) -> str:
    named: list[tuple[str, str]] = []
    odd: list[tuple[str, str]] = []
    for each in conditions:
        fits = each.keyword.isidentifier() and not keyword.iskeyword(each.keyword)
        (named if fits else odd).append((each.keyword, literal(each.value)))
    parts = [f"{name}={value}" for name, value in named]
    if odd:
        parts.append(f"**{{{', '.join(f'{name!r}: {value}' for name, value in odd)}}}")
    return ", ".join(parts)


def _condition(condition: Q) -> str:
    sign = {"AND": " & ", "OR": " | ", "XOR": " ^ "}[condition.connector]
    parts = [_part(child, alone=len(condition.children) == 1) for child in condition.children]
    text = sign.join(parts)
    if not condition.negated:
        return text
    return f"~({text})" if len(parts) > 1 else f"~{text}"


def _part(child: Any, *, alone: bool) -> str:
    if isinstance(child, Condition):
        return f"Q({_keywords([child])})"
    if not isinstance(child, Q):
        raise NotImplementedError("Only conditions on columns are written as code.")
    inner = _bare(child)
    text = _condition(inner)
    return text if alone or inner.negated or len(inner.children) == 1 else f"({text})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def literal(value: Any) -> str:
    """Write a value so that Python reads the same one.

    Examples
    --------
    >>> from decimal import Decimal
    >>> literal(Decimal("1.50")), literal(dt.date(2026, 11, 27)), literal([1, None])
    ("Decimal('1.50')", 'dt.date(2026, 11, 27)', '[1, None]')
    """
    match value:
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            inner = ", ".join(map(literal, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case uuid.UUID():
            return f"uuid.{value!r}"
        case dt.date() | dt.time() | dt.timedelta():
            return repr(value).replace("datetime.", "dt.")
    return repr(value)
