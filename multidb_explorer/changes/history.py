"""What was committed, and when: the change sets that were written down, read back."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multidb_explorer.changes.coding import decoded
from multidb_explorer.changes.committed import Applied, Counts
from multidb_explorer.changes.recording import FORMAT, VERSION, FileName, history_folder
from multidb_explorer.changes.records import Change, Delete, Insert, Update
from multidb_explorer.display import notice
from multidb_explorer.errors import WriteRefused

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recorded", "clear_history", "history", "recorded", "undone_by"]

_log = logging.getLogger(__name__)

When = dt.date | dt.datetime | str

_DTYPES = {
    "id": "str",
    "at": "datetime64[us, UTC]",
    "alias": "str",
    "state": "str",
    "tables": "str",
    "inserted": "int64",
    "updated": "int64",
    "deleted": "int64",
    "statements": "str",
    "undone_by": "str",
    "undoes": "str",
}


@dataclass(frozen=True)
class Recorded:
    """A change set as it was written down.

    Attributes
    ----------
    state
        ``committed``, or ``unknown`` where the process ended between writing it down and hearing from the database.
    counts
        Inserts, updates and deletes by table.
    statements
        Their texts, each once.
    undoes, undone_by
        The change sets that this one is the inverse of, and that is the inverse of this one.
    images
        The changes as they stand in the file, or ``None`` where they were not kept.
    """

    id: str
    at: dt.datetime
    alias: str
    fingerprint: str
    state: str
    counts: Mapping[str, Counts]
    statements: tuple[str, ...]
    undoes: str | None = None
    undone_by: str | None = None
    images: list[dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def changes(self) -> tuple[Applied, ...]:
        """Every row as it was before and after; empty where that was not kept.

        Raises
        ------
        ValueError
            Where the file was changed by somebody else.
        """
        return tuple(map(_applied, self.images or ()))


def history(
    alias: str | None = None, *, since: When | None = None, table: str | None = None, limit: int | None = None
) -> pd.DataFrame:
    """List the change sets that were committed from this computer, the newest first.

    Parameters
    ----------
    alias
        Only those of one alias.
    since
        Only those from then on; a time without a zone is in UTC.
    table
        Only those that changed a table.
    limit
        The most to list.

    Returns
    -------
    DataFrame
        A row for each: its id, time, alias, state, tables, counts, statements, and which other change set it undoes or
        is undone by. The state ``unknown`` says that the process ended before the database had answered.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> list(history("default").columns[:4])
    ['id', 'at', 'alias', 'state']
    """
    import pandas as pd

    if limit is not None and limit < 0:
        raise ValueError(f"limit is a number of change sets, not {limit!r}.")
    found = (
        one
        for one in _entries(_instant(since))
        if (alias is None or one.alias == alias) and (table is None or table in one.counts)
    )
    rows = [_row(one) for one in islice(found, limit)]
    return pd.DataFrame(rows, columns=list(_DTYPES)).astype(_DTYPES)


def recorded(id: str) -> Recorded:  # noqa: A002 - what it is called everywhere
    """Give one change set of the history.

    Raises
    ------
    WriteRefused
        For an id that the history does not know.

    Examples
    --------
    >>> from multidb_explorer.errors import WriteRefused
    >>> try:
    ...     recorded("0f")
    ... except WriteRefused as error:
    ...     print(error)
    The history knows no change set '0f'. mdb.history() lists those that it knows.
    """
    found = _find(id)
    if found is not None:
        return found
    raise WriteRefused(f"The history knows no change set {id!r}. mdb.history() lists those that it knows.")


def undone_by(id: str) -> str | None:  # noqa: A002 - what it is called everywhere
    """Give the change set that undid another one, if one did and was not undone itself.

    Examples
    --------
    >>> undone_by("0f")
    """
    found = _find(id)
    return None if found is None else found.undone_by


def _find(id: str) -> Recorded | None:  # noqa: A002 - what it is called everywhere
    return next((one for one in _entries() if one.id == id), None)


def clear_history(alias: str | None = None, *, before: When | None = None) -> int:
    """Remove change sets from the history, which keeps everything until told otherwise.

    Parameters
    ----------
    alias
        Only those of one alias.
    before
        Only those older than that; a time without a zone is in UTC.

    Returns
    -------
    int
        How many were removed. They can't be undone any more.

    Examples
    --------
    >>> clear_history("scratch")
    0
    """
    end = _instant(before)
    removed = 0
    for path, name in _files():
        if (end is None or name.at < end) and (alias is None or _alias(path, name) == alias):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _instant(when: When | None) -> dt.datetime | None:
    import pandas as pd

    return None if when is None else pd.to_datetime(when, utc=True).to_pydatetime()


def _alias(path: Path, name: FileName) -> str | None:
    try:
        return _read(path, name).alias
    except (OSError, _Broken):
        return None


# What a row of the list shows


def _row(one: Recorded) -> dict[str, Any]:
    inserted, updated, deleted = (sum(counts[kind] for counts in one.counts.values()) for kind in range(3))
    return {
        "id": one.id,
        "at": one.at,
        "alias": one.alias,
        "state": one.state,
        "tables": ", ".join(one.counts),
        "inserted": inserted,
        "updated": updated,
        "deleted": deleted,
        "statements": ";\n".join(one.statements),
        "undone_by": one.undone_by,
        "undoes": one.undoes,
    }


# Reading the files


class _Broken(Exception):
    """A file that has the name of a change set and is none."""


def _files(since: dt.datetime | None = None) -> list[tuple[Path, FileName]]:
    """List the files, the newest first."""
    try:
        paths = list(history_folder().iterdir())
    except FileNotFoundError:
        return []
    named = [(path, name) for path in paths if (name := FileName.of(path.name)) is not None]
    wanted = [one for one in named if since is None or one[1].at >= since]
    return sorted(wanted, key=lambda one: one[1], reverse=True)


def _entries(since: dt.datetime | None = None) -> Iterator[Recorded]:
    """Read the change sets, the newest first, so that whatever undoes one is known before it."""
    undone_by: dict[str, str] = {}
    broken: list[str] = []
    try:
        for one in _readable(_files(since), broken):
            entry = replace(one, undone_by=undone_by.get(one.id))
            # The inverse of an inverse brings back what was undone.
            if entry.undoes and entry.state == "committed" and entry.undone_by is None:
                undone_by.setdefault(entry.undoes, entry.id)
            yield entry
    finally:
        if broken:
            _tell_of(broken)


def _readable(files: Iterable[tuple[Path, FileName]], broken: list[str]) -> Iterator[Recorded]:
    for path, name in files:
        try:
            yield _read(path, name)
        except FileNotFoundError:
            # Its commit failed just now.
            continue
        except (OSError, _Broken) as error:
            broken.append(f"{path.name} ({error})")


def _tell_of(broken: list[str]) -> None:
    more = f" and {len(broken) - 1:,} more" if len(broken) > 1 else ""
    text = f"Left out of the history, since it can't be read: {broken[0]}{more}, in {str(history_folder())!r}."
    _log.info("%s", text)
    notice(text)


def _read(path: Path, name: FileName) -> Recorded:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if not name.pending:
            raise
        # Its commit succeeded just now.
        name = replace(name, pending=False)
        content = path.with_name(str(name)).read_bytes()
    try:
        return _recorded(json.loads(content.decode("utf-8", "surrogatepass")), name)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise _Broken(f"{type(error).__name__}: {error}") from None


def _recorded(found: Mapping[str, Any], name: FileName) -> Recorded:
    if found["format"] != FORMAT or found["id"] != name.id:
        raise ValueError("not a change set of this name")
    if found["version"] != VERSION:
        raise ValueError(f"written by another version of this package, in format {found['version']}")
    return Recorded(
        id=found["id"],
        at=name.at,
        alias=found["alias"],
        fingerprint=found["fingerprint"],
        state="unknown" if name.pending else "committed",
        counts={
            table: (int(made), int(changed), int(gone)) for table, (made, changed, gone) in found["counts"].items()
        },
        statements=tuple(statement["sql"] for statement in found["statements"]),
        undoes=found["undoes"],
        images=found["changes"],
    )


def _applied(image: Mapping[str, Any]) -> Applied:
    before, after = _values(image["before"]), _values(image["after"])
    return Applied(_change(image, before or {}, after or {}), before, after)


def _values(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: decoded(value) for name, value in row.items()}


def _change(image: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    table, schema = image["table"], image["schema"]
    key = _values(image["key"]) or {}
    given = {name: after[name] for name in image["columns"] or () if name in after}
    match image["kind"]:
        case "insert":
            return Insert(table, given, schema=schema)
        case "update":
            return Update(table, key, given, before, schema)
        case "delete":
            return Delete(table, key, before, schema)
    raise ValueError(f"not a change: {image['kind']!r}")
