"""How relations are called, and what happens where two would be called the same.

The rules, in the order in which they give names:

1. A field always keeps its name; so does ``pk`` and every method of models.
2. Names given in ``Meta.relations`` come next.
3. Forward: the column's name less ``_id`` or ``Id`` (``user_id``: ``user``, ``CustomerId``: ``Customer``); where the
   column does not end so, or the key has several columns, the name of what it refers to, in lower case.
   A field of that name: ``<name>_row``.
4. Backward: the name of what refers, in lower case; the attribute is that with ``_set``.
5. Through a link table: the name of what it leads to, in lower case; the attribute is that with ``_set``.
   A foreign key back has the name already: ``<name>_by_<link table>``.

What refers or is referred to is called by its class where that was declared, and by its table where it was reflected.
Several that would be called the same are all renamed, ``<name>_by_<column>`` (``orders_by_billing``,
``orders_by_shipping``), so that none of them is taken for the only one. `Model.relations` shows what came out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from multidb_explorer.query.source import Hop, Relation

__all__ = ["Names", "Plan", "clean", "forward_name", "label"]

_ID = re.compile(r"(?P<name>.*[^_])(?:_[iI][dD]|(?<=[^\W_A-Z])(?:Id|ID))")


def clean(name: str) -> str:
    """Make a table's or column's name one that keywords and attributes can hold.

    Examples
    --------
    >>> clean("Order Details"), clean("a__b"), clean("2026")
    ('Order_Details', 'a_b', 'table_2026')
    """
    found = re.sub(r"_{2,}", "_", re.sub(r"\W", "_", name)).strip("_")
    return found if found.isidentifier() else f"table_{found}".rstrip("_")


def forward_name(columns: Sequence[str]) -> str | None:
    """Name a foreign key after its column, if that says more than which column it is.

    Examples
    --------
    >>> forward_name(["user_id"]), forward_name(["CustomerId"]), forward_name(["paid"]), forward_name(["a_id", "b_id"])
    ('user', 'Customer', None, None)
    """
    found = _ID.fullmatch(columns[0]) if len(columns) == 1 else None
    return clean(found["name"]) if found else None


def label(columns: Sequence[str]) -> str:
    """Name a foreign key among several of the same two tables."""
    return (forward_name(columns) or clean("_".join(columns))).lower()


@dataclass(frozen=True)
class Plan:
    """A relation that has no name yet.

    Attributes
    ----------
    wanted
        What it is called unless that is taken.
    label
        What tells it from others that want the same name.
    attribute
        What instances call it, if someone said so.
    given
        Whether someone named it.
    through
        The name of its link table.
    """

    kind: str
    hops: tuple[Hop, ...]
    wanted: str
    label: str
    attribute: str | None = None
    given: bool = False
    through: str | None = None

    def named(self, name: str) -> Relation:
        """Make the relation."""
        attribute = self.attribute if self.attribute and name == self.wanted else None
        suffix = "" if self.kind == "forward" or self.given else "_set"
        return Relation(name, self.kind, self.hops, attribute or f"{name}{suffix}")

    def others(self) -> Iterator[str]:
        """Give more names, for when the wanted one is taken."""
        if self.kind == "forward" and not self.given:
            yield f"{self.wanted}_row"
        yield f"{self.wanted}_by_{self.label}"
        yield from (f"{self.wanted}_by_{self.label}_{number}" for number in count(2))


class Names:
    """The relations of one table by name, filled step by step; what has its name keeps it.

    Parameters
    ----------
    fields
        The table's fields.
    is_reserved
        Tells what models call something else.
    promised
        Names that are given to relations which are found later.
    """

    def __init__(
        self, fields: Collection[str], is_reserved: Callable[[str], bool], promised: Collection[str] = ()
    ) -> None:
        self.fields = fields
        self.is_reserved = is_reserved
        self.promised = set(promised)
        self.relations: dict[str, Relation] = {}
        self.attributes: dict[str, Relation] = {}
        self.through: dict[str, str] = {}
        self.notes: dict[str, str] = {}

    def add(self, plans: Iterable[Plan]) -> None:
        """Name relations that are found together."""
        found = list(plans)
        for plan in found:
            if plan.given:
                self._place(plan, self._trouble(plan, plan.wanted), [plan.wanted])
        for kind in ("forward", "backward", "link"):
            self._add([plan for plan in found if plan.kind == kind and not plan.given])

    def _add(self, plans: Sequence[Plan]) -> None:
        wanted = Counter(plan.wanted for plan in plans)
        for plan in plans:
            same = wanted[plan.wanted]
            trouble = f"{same} relations would be called {plan.wanted!r}" if same > 1 else ""
            trouble = trouble or self._trouble(plan, plan.wanted)
            several = [f"{plan.wanted}_by_{plan.label}"] if same > 1 else [plan.wanted]
            self._place(plan, trouble, several)

    def _place(self, plan: Plan, trouble: str, first: Sequence[str]) -> None:
        name = next(name for names in (first, plan.others()) for name in names if not self._trouble(plan, name))
        relation = plan.named(name)
        self.relations[name] = self.attributes[relation.attribute] = relation
        if plan.through:
            self.through[name] = plan.through
        if trouble:
            self.notes[name] = trouble

    def _trouble(self, plan: Plan, name: str) -> str:
        """Say what has a name already, or nothing."""
        relation = plan.named(name)
        if name in self.fields or relation.attribute in self.fields:
            return f"{(name if name in self.fields else relation.attribute)!r} is a field"
        if name == "pk" or self.is_reserved(relation.attribute):
            return f"{relation.attribute!r} means something else on every model"
        if not plan.given and self.promised.intersection((name, relation.attribute)):
            return f"{name!r} is a name given in relations"
        taken = name in self.relations or relation.attribute in self.attributes
        return f"{name!r} is another relation" if taken else ""
