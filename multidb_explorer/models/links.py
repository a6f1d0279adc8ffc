"""Foreign keys between two sources, link tables made of two of them, and the relations that follow from either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from multidb_explorer.errors import ImproperlyConfigured
from multidb_explorer.models.naming import Plan, forward_name, label
from multidb_explorer.models.relation_options import KeyOptions, LinkOptions
from multidb_explorer.models.sources import ModelSource
from multidb_explorer.query.source import Hop, Source
from multidb_explorer.schema.catalog import TableSchema

if TYPE_CHECKING:
    from multidb_explorer.models.registry import TableSource

    AnySource = ModelSource | TableSource

__all__ = ["Key", "Link", "backward", "forward", "is_pure", "link_back", "link_by_rule", "link_there", "linked"]


@dataclass(frozen=True, eq=False)
class Key:
    """A foreign key: fields of its owner that equal fields of its target."""

    owner: AnySource
    columns: tuple[str, ...]
    target: AnySource
    target_columns: tuple[str, ...]
    optional: bool
    options: KeyOptions

    @property
    def there(self) -> Hop:
        """The step from its owner to its target."""
        return Hop(_source(self.target), self.columns, self.target_columns, many=False, optional=self.optional)

    @property
    def back(self) -> Hop:
        """The step from its target to its owners."""
        return Hop(_source(self.owner), self.target_columns, self.columns, many=True, optional=True)


@dataclass(frozen=True, eq=False)
class Link:
    """A link table: one foreign key leads back to where one came from, the other one further."""

    near: Key
    far: Key

    @property
    def hops(self) -> tuple[Hop, Hop]:
        """The two steps."""
        return self.near.back, self.far.there


def forward(key: Key | None) -> Iterator[Plan]:
    """Plan the relation from a key's owner to its target."""
    if key is not None:
        given = key.options.name
        wanted = given or forward_name(key.columns) or key.target.short
        yield Plan("forward", (key.there,), wanted, label(key.columns), attribute=given, given=given is not None)


def backward(key: Key | None) -> Iterator[Plan]:
    """Plan the relation from a key's target to its owners, unless its options want none."""
    if key is not None and key.options.related_name != "+":
        said = key.options
        wanted = said.related_query_name or said.related_name or key.owner.short
        given = wanted != key.owner.short or said.related_name is not None
        attribute = said.related_name or (f"{key.owner.short}_set" if given else None)
        yield Plan("backward", (key.back,), wanted, label(key.columns), attribute=attribute, given=given)


def link_there(link: Link, option: LinkOptions) -> Plan:
    """Plan a named relation through a link table."""
    through = link.near.owner.short
    return Plan("link", link.hops, option.name, through, attribute=option.name, given=True, through=through)


def link_back(link: Link, option: LinkOptions) -> Plan:
    """Plan the way back of a named relation."""
    through, source = link.near.owner.short, link.near.target.short
    wanted = option.related_query_name or option.related_name or source
    given = option.related_name is not None or option.related_query_name is not None
    attribute = option.related_name or (f"{source}_set" if given else None)
    hops = Link(link.far, link.near).hops
    return Plan("link", hops, wanted, through, attribute=attribute, given=given, through=through)


def link_by_rule(link: Link) -> Plan:
    """Plan the relation that a pure link table makes."""
    through = link.near.owner.short
    turns_back = link.near.target is link.far.target
    return Plan(
        "link", link.hops, link.far.target.short, label(link.far.columns) if turns_back else through, through=through
    )


def is_pure(live: TableSchema) -> bool:
    """Tell whether a table does nothing but link two others: two foreign keys that are a key together."""
    if live.kind != "table" or len(live.foreign_keys) != 2:
        return False
    first, second = (set(key.columns) for key in live.foreign_keys)
    more = {column.name for column in live.columns} - first - second
    keys = [set(live.primary_key), *map(set, live.uniques)]
    return not first & second and first | second in keys and (not more or more == set(live.primary_key))


def linked(
    owner: ModelSource, option: LinkOptions, through: AnySource, keys: Sequence[Key], target: AnySource | None
) -> Link:
    """Find out which of a link table's foreign keys lead where.

    Raises
    ------
    ImproperlyConfigured
        When there is none, or when there are several and nothing says which.
    """
    where = f"relations[{option.name!r}] of {owner.name}: link table {option.through[1]!r}"
    listed = ", ".join(f"({', '.join(key.columns)}) to {key.target.name}" for key in keys) or "none"
    near = _chosen(keys, owner, option.source_columns, through)
    far = _chosen(keys, target, option.target_columns, through)
    if len(near) == 1:
        far = [key for key in far if key.columns != near[0].columns]
    elif len(far) == 1:
        near = [key for key in near if key.columns != far[0].columns]
    elif len(near) == 2 and near == far:
        # A table linked to itself: the first key is this side, unless the options say otherwise.
        near, far = near[:1], far[1:]
    for what, found, side in (("source_columns", near, owner.name), ("target_columns", far, "its target")):
        if len(found) != 1:
            count = "several foreign keys" if found else "no foreign key"
            raise ImproperlyConfigured(
                f"{where} has {count} that could lead to {side}; name the columns with {what}. Its keys: {listed}."
            )
    return Link(near[0], far[0])


def _chosen(keys: Sequence[Key], target: AnySource | None, columns: tuple[str, ...], through: AnySource) -> list[Key]:
    """Give the keys that lead to a table, or the one of some columns, made where the database has none."""
    if not columns:
        return [key for key in keys if target is None or key.target.is_table(target.node)]
    fields = through.fields(columns) or columns
    found = [key for key in keys if key.columns == fields]
    if found or target is None:
        return found
    return [Key(through, fields, target, target.key, optional=True, options=KeyOptions(fields))]


def _source(source: AnySource) -> Source:
    return cast("Source", source)
