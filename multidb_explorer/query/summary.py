"""Names for aggregates over a derived table: what they need is read by the inner query."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import sqlalchemy as sa

from multidb_explorer.query.expressions import Resolved
from multidb_explorer.query.filtering import compiled_condition
from multidb_explorer.query.paths import Path
from multidb_explorer.query.scope import Scope
from multidb_explorer.query.selection import Output

__all__ = ["Summary"]


class Summary(Scope):
    """The scope around a derived table.

    Parameters
    ----------
    inner
        The scope of the query inside.

    Attributes
    ----------
    exported
        What the inner query has to read, under the names that are used here.
    """

    summarizes: ClassVar[bool] = True

    def __init__(self, inner: Scope) -> None:
        super().__init__(inner.bound, conditions=compiled_condition)
        self.inside = inner
        self.exported: list[Output] = []

    def named(self, name: str) -> Resolved:
        own, _ = self._annotation(name)
        return super().named(name) if own is not None else self._export(self.inside.named(name))

    def operand(self, keyword: str) -> tuple[Resolved | None, Path | None, tuple[str, ...]]:
        annotation, path, rest = self.inside.operand(keyword)
        if annotation is not None:
            annotation = replace(annotation, stored=False)
        elif path is not None:
            annotation = self.inside.column(path)
        return (None if annotation is None else self._export(annotation)), None, rest

    def _export(self, found: Resolved) -> Resolved:
        for known in self.exported:
            if known.found.column is found.column:
                return _outside(known)
        self.exported.append(Output(f"inner_{len(self.exported)}", found))
        return _outside(self.exported[-1])


def _outside(output: Output) -> Resolved:
    found = output.found
    column: sa.ColumnElement[object] = sa.column(output.name, found.column.type)
    return Resolved(column, found.kind, found.nullable, (column,), stored=found.stored, strict=found.strict)
