"""The rows that a browser was shown: what tells each apart in a message, and what it held on the screen.

A row is named by its key, never by its number: numbers move when somebody else inserts or deletes. A new row, which has
no key yet, is named by its token.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multidb_explorer.backends.arrow import to_array
from multidb_explorer.backends.kinds import Kind
from multidb_explorer.changes.addressing import Place
from multidb_explorer.changes.coding import decoded, encoded
from multidb_explorer.changes.records import Change, Insert, NewKey
from multidb_explorer.controllers.base import BadRequest
from multidb_explorer.controllers.values import encode_values

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ShownRows", "encode_each", "key_name", "named_key", "new_name", "staged_name"]

_MOST = 12_000
_NEW = "+"


def key_name(key: Iterable[Any]) -> str:
    """Name a row by the values of its key, exactly.

    Examples
    --------
    >>> key_name([5, "a"])
    '[5,"a"]'
    """
    return json.dumps([encoded(value) for value in key], ensure_ascii=False, separators=(",", ":"))


def new_name(token: str) -> str:
    """Name a new row."""
    return f"{_NEW}{token}"


def named_key(place: Place, name: object) -> dict[str, Any] | Insert:
    """Give the key that a name stands for; for a new row, what stands for it in a change set.

    Raises
    ------
    BadRequest
        For what `key_name` never makes.
    """
    if isinstance(name, str) and name.startswith(_NEW):
        return Insert(place.name, {}, name.removeprefix(_NEW), place.schema)
    try:
        values = decoded(json.loads(str(name)))
        return place.row_key(dict(zip(place.key, values, strict=True)))
    except (ValueError, TypeError):
        raise BadRequest("An edit names its row by the row's key.") from None


def encode_each(values: Sequence[Any], kind: Kind) -> list[Any]:
    """Encode values of one column as the cells of a page are; a key that waits for its row says so."""
    import pyarrow as pa

    waits = {place: {"waits": str(value)} for place, value in enumerate(values) if isinstance(value, NewKey)}
    plain = [None if isinstance(value, NewKey) else value for value in values]
    if not plain:
        return []
    found = encode_values(pa.chunked_array([to_array(plain, kind)]), kind)
    return [waits.get(place, value) for place, value in enumerate(found)]


class ShownRows:
    """What was on the screen lately, by the names of the rows.

    Parameters
    ----------
    place
        The table.
    columns
        The name of the database's column of each column that is shown; empty for one that is no column of the table.
    """

    def __init__(self, place: Place, columns: Sequence[str]) -> None:
        self.place = place
        self._columns = columns
        self._rows: OrderedDict[str, tuple[pa.Table, int]] = OrderedDict()

    def remember(self, table: pa.Table, keys: Sequence[Mapping[str, Any]]) -> list[str]:
        """Keep the rows of a page, and give their names."""
        names = [key_name(key[column] for column in self.place.key) for key in keys]
        for at, name in enumerate(names):
            self._rows[name] = (table, at)
            self._rows.move_to_end(name)
        while len(self._rows) > _MOST:
            self._rows.popitem(last=False)
        return names

    def original(self, name: str) -> dict[str, Any]:
        """Give what a row held when it was shown, of the columns that can be told exactly."""
        table, at = self._rows.get(name, (None, 0))
        if table is None:
            return {}
        found = {}
        for place, column in enumerate(self._columns):
            if column:
                try:
                    found[column] = table.column(place)[at].as_py()
                except (ValueError, OverflowError):
                    # Beyond Python's own dates: the change set reads it itself.
                    continue
        return found

    def holds(self, name: str) -> bool:
        """Tell whether a row was shown lately."""
        return name in self._rows


def staged_name(place: Place, change: Change) -> str:
    """Name the row of a change."""
    if isinstance(change, Insert):
        return new_name(change.token)
    return key_name(change.key[column] for column in place.key)
