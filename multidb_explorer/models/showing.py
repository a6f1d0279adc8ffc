"""A model's relations as a small table in a notebook cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multidb_explorer.display import html_table, text_table
from multidb_explorer.models.related import relations_at

if TYPE_CHECKING:
    from multidb_explorer.models.model import Model

__all__ = ["RelationInfo", "RelationList"]

_HEADER = ("name", "attribute", "kind", "to", "through", "columns", "note")


@dataclass(frozen=True)
class RelationInfo:
    """One relation.

    Attributes
    ----------
    name
        How lookups call it.
    attribute
        How instances call it.
    kind
        ``forward``, ``backward`` or ``link``.
    to
        The model that it leads to.
    through
        The link table.
    columns
        Which columns are equal.
    note
        Why it is not called what the rules say.
    """

    name: str
    attribute: str
    kind: str
    to: str
    through: str
    columns: str
    note: str


class RelationList:
    """The relations of a model.

    Parameters
    ----------
    model
        The model's name.
    found
        Its relations.
    """

    def __init__(self, model: str, found: tuple[RelationInfo, ...]) -> None:
        self.model = model
        self._found = found

    @classmethod
    def of(cls, model: type[Model], using: str | None = None) -> RelationList:
        """Find all relations of a model on an alias."""
        relations = relations_at(model, using)
        found = []
        for name, relation in relations.complete().items() if relations is not None else ():
            far = relation.hops[-1]
            columns = f"{', '.join(relation.hops[0].columns)} = {', '.join(far.target_columns)}"
            note = f"renamed: {relations.note(name)}" if relations is not None and relations.note(name) else ""
            through = relations.through(name) if relations is not None else ""
            found.append(
                RelationInfo(name, relation.attribute, relation.kind, relation.target.name, through, columns, note)
            )
        return cls(model.__name__, tuple(found))

    def __iter__(self) -> Iterator[RelationInfo]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, name: str) -> RelationInfo:
        return {info.name: info for info in self._found}[name]

    def _rows(self) -> list[list[str]]:
        return [
            [info.name, info.attribute, info.kind, info.to, info.through, info.columns, info.note]
            for info in self._found
        ]

    def __repr__(self) -> str:
        return f"relations of {self.model}\n{text_table(_HEADER, self._rows())}"

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows(), caption=f"relations of {self.model}")
