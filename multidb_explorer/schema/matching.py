"""Find the table or column that is meant when two databases spell names differently."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Ambiguous", "match"]


class Ambiguous(LookupError):
    """Several names fit equally well; the argument lists them."""


def match(name: str, names: Iterable[str]) -> str | None:
    """Find a name exactly, else ignoring case, else ignoring case and underscores.

    Returns
    -------
    str or None
        The one that fits, or ``None``.

    Raises
    ------
    Ambiguous
        When several fit equally well, since a guess could write into the wrong place.

    Examples
    --------
    >>> match("CustomerId", ["customer_id", "name"])
    'customer_id'
    """
    known = list(names)
    if name in known:
        return name
    for spell in (str.casefold, _folded):
        found = [other for other in known if spell(other) == spell(name)]
        if len(found) > 1:
            raise Ambiguous(found)
        if found:
            return found[0]
    return None


def _folded(name: str) -> str:
    return name.casefold().replace("_", "")
