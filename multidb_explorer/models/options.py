"""What a model's inner ``Meta`` says, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from multidb_explorer.errors import ImproperlyConfigured, near
from multidb_explorer.models.relation_options import RelationOptions, relation_options

__all__ = ["Options"]

_KNOWN = ("table", "schema", "using", "key", "abstract", "relations")


@dataclass(frozen=True)
class Options:
    """Settings of one model.

    Attributes
    ----------
    table
        The table's name; the class's name in snake_case where ``Meta`` names none.
    using
        The alias that the model belongs to.
    key
        Columns that tell rows apart where the table declares no key.
    relations
        Names of relations, link tables, and references that the database has no foreign key for.
    """

    model: str
    table: str
    schema: str | None = None
    using: str | None = None
    key: tuple[str, ...] = ()
    abstract: bool = False
    relations: RelationOptions = ()

    @classmethod
    def of(cls, name: str, meta: type | None, *, inherited: bool = False) -> Options:
        """Read an inner ``Meta`` class.

        Parameters
        ----------
        inherited
            Whether it is a parent's: then it is not abstract any more, and what an abstract parent calls its table
            says nothing about the child's.

        Raises
        ------
        ImproperlyConfigured
            For a name that ``Meta`` does not know.

        Examples
        --------
        >>> Options.of("OrderLine", None).table
        'order_line'
        """
        given = {key: getattr(meta, key) for key in dir(meta) if not key.startswith("_")} if meta else {}
        if inherited and given.pop("abstract", False):
            given.pop("table", None)
        for setting in given:
            if setting not in _KNOWN:
                hint = f" Did you mean {near(setting, _KNOWN)[0]!r}?" if near(setting, _KNOWN) else ""
                raise ImproperlyConfigured(
                    f"Meta of model {name} has no setting {setting!r}.{hint} It has: {', '.join(_KNOWN)}."
                )
        key: str | tuple[str, ...] | list[str] = given.get("key") or ()
        return cls(
            model=name,
            table=given.get("table") or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(),
            schema=given.get("schema"),
            using=given.get("using"),
            key=(key,) if isinstance(key, str) else tuple(key),
            abstract=bool(given.get("abstract", False)),
            relations=relation_options(given.get("relations"), f"model {name}"),
        )
