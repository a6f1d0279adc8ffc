"""What one source says about one alias: known keys in their usual spelling, values checked strictly."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from multidb_explorer.backends.functions import zone_of
from multidb_explorer.connections.colors import checked_color
from multidb_explorer.connections.redaction import redact
from multidb_explorer.connections.secrets import Secret
from multidb_explorer.errors import ConnectionDoesNotExist, FieldError, ImproperlyConfigured, near, one_of

__all__ = ["CREDENTIALS", "KEYS", "LOCATION", "Entry", "checked_alias", "read_entry", "refused"]

CONFIRM = ("never", "writes", "production")
HISTORY = ("images", "statements", "off")

LOCATION = ("URL", "ENGINE", "NAME", "HOST", "PORT")
CREDENTIALS = ("USER", "PASSWORD", "OPTIONS")

# Django's, whose meaning is the life of a web request: to accept them would promise something that nobody does here.
_DJANGO_ONLY = {
    "ATOMIC_REQUESTS",
    "AUTOCOMMIT",
    "CONN_HEALTH_CHECKS",
    "CONN_MAX_AGE",
    "DISABLE_SERVER_SIDE_CURSORS",
    "TEST",
}


class _UnfitError(Exception):
    """A value that a setting can't have; the text is the rest of a sentence that begins with the setting's name."""


@dataclass(frozen=True)
class Entry:
    """What one source says about one alias, keys checked and in their usual spelling.

    Attributes
    ----------
    origin
        Where it was said, for messages: ``argument``, ``environment NAME`` or a path.
    folder
        What relative paths in it are relative to.
    values
        The settings, by key.
    trusted
        Whether the user said it in this session: a file that lies in the working directory may be a stranger's.
    """

    origin: str
    folder: Path
    values: Mapping[str, Any] = field(repr=False)
    trusted: bool = True

    def gives(self, *keys: str) -> bool:
        """Tell whether any of the settings is given here."""
        return any(key in self.values for key in keys)


# Checks of single values: each gives the value in its final form or says what is wrong with it.


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _UnfitError(f"must be text, not {_shown(value)}")
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in value):
        raise _UnfitError("must not contain control characters or line breaks")
    return value


def _path_or_text(value: object) -> str:
    return _text(str(value) if isinstance(value, Path) else value)


def _color(value: object) -> str:
    try:
        return checked_color(_text(value))
    except ValueError as error:
        raise _UnfitError(str(error)) from None


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError(f"must be true or false, not {_shown(value)}")
    return value


def _confirm(value: object) -> str:
    if value not in CONFIRM:
        raise _UnfitError(f"must be one of {one_of(CONFIRM)}, not {_shown(value)}")
    return str(value)


def _history(value: object) -> str:
    if value not in HISTORY:
        raise _UnfitError(f"must be one of {one_of(HISTORY)}, not {_shown(value)}")
    return str(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise _UnfitError(f"must be a number of seconds above 0, not {_shown(value)}")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _UnfitError(f"must be a whole number of at least 1, not {_shown(value)}")
    return value


def _port(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 65_536:
        raise _UnfitError(f"must be a port from 1 to 65535, not {_shown(value)}")
    return number


def _engine(value: object) -> str:
    name = _text(value)
    if name.startswith("django.db.backends."):
        # Django's modules are named after the product, with a version or driver behind it.
        name = re.sub(r"[^a-z].*", "", name.rpartition(".")[2])
    if not re.fullmatch(r"[A-Za-z]\w*(\+\w+)?", name):
        raise _UnfitError(f"must be the name of a database product or SQLAlchemy dialect, not {_shown(value)}")
    return name.lower()


def _password(value: object) -> object:
    if not (isinstance(value, str | Secret) or callable(value)):
        raise _UnfitError(f"must be text, a reference such as env:NAME or a function, not {type(value).__name__}")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _UnfitError(f"must be a mapping of names to values, not {type(value).__name__}")
    return value


def _url(value: object) -> URL:
    # No message quotes the text: in a URL that can't be parsed, nobody knows which part is the password.
    if isinstance(value, URL):
        return value
    if not isinstance(value, str):
        raise _UnfitError(f"must be a URL such as dialect://user@host/database, not {type(value).__name__}")
    try:
        url = make_url(value.strip())
    except (ArgumentError, ValueError):
        raise _UnfitError(
            "can't be parsed. Write dialect://user@host:port/database; special characters of a user or "
            "password are percent-encoded, or give the password under PASSWORD"
        ) from None
    if url.password is not None and "@" in f"{url.host}{url.database}":
        raise _UnfitError("has an unencoded @ in its password. Write it as %40, or give the password under PASSWORD")
    return url


def _time_zone(value: object) -> str:
    name = _text(value)
    try:
        zone_of(name)
    except FieldError as error:
        raise _UnfitError(f"is unknown: {error}") from None
    return name


_CHECKS: dict[str, Callable[[object], Any]] = {
    "URL": _url,
    "ENGINE": _engine,
    "NAME": _path_or_text,
    "USER": _text,
    "PASSWORD": _password,
    "HOST": _text,
    "PORT": _port,
    "OPTIONS": _mapping,
    "label": _text,
    "color": _color,
    "read_only": _flag,
    "confirm": _confirm,
    "history": _history,
    "statement_timeout": _seconds,
    "pool_size": _count,
    "schema": _text,
    "time_zone": _time_zone,
}
KEYS = tuple(_CHECKS)
_SPELLING = {key.casefold(): key for key in _CHECKS}


def _shown(value: object) -> str:
    text = redact(repr(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def checked_alias(alias: object, origin: str = "argument") -> str:
    """Give a name that an alias may have.

    Parameters
    ----------
    alias
        What was given as a name.
    origin
        Where it was given.

    Raises
    ------
    ConnectionDoesNotExist
        For anything that is no text: it can't name a database.
    ImproperlyConfigured
        For an empty name, or one with control characters or blanks around it.

    Examples
    --------
    >>> checked_alias("legacy_users")
    'legacy_users'
    """
    if not isinstance(alias, str):
        raise ConnectionDoesNotExist.unknown(alias, ())
    if not alias or alias != alias.strip() or any(unicodedata.category(part) in {"Cc", "Zl", "Zp"} for part in alias):
        raise ImproperlyConfigured(
            f"{alias!r} can't be an alias: it must be some text, without control characters or blanks around it. "
            f"It was given by: {origin}."
        )
    return alias


def refused(alias: str, key: str, problem: str, origin: str) -> ImproperlyConfigured:
    """Word an error about one setting of one alias from one source."""
    end = "" if problem.endswith(("?", ".")) else "."
    return ImproperlyConfigured(f"Alias {alias!r}: {key} {problem}{end} It was given by: {origin}.")


def read_entry(
    alias: str, raw: object, origin: str = "argument", folder: Path | None = None, *, trusted: bool = True
) -> Entry:
    """Check what one source says about an alias.

    Parameters
    ----------
    alias
        The alias, for messages.
    raw
        One URL, or a mapping of settings with keys in any case.
    origin
        Where it was said.
    folder
        What relative paths are relative to; the working directory where it is not given.
    trusted
        See `Entry`.

    Raises
    ------
    ImproperlyConfigured
        For an unknown key or a value that can't be meant; the message names alias, key and source.

    Examples
    --------
    >>> read_entry("shop", {"engine": "sqlite", "name": "shop.db"}).values["ENGINE"]
    'sqlite'
    """
    given = raw if isinstance(raw, Mapping) else {"URL": raw}
    values: dict[str, Any] = {}
    for name, value in given.items():
        key = _known_key(alias, name, origin)
        if key in values:
            raise refused(alias, key, "is given twice, in two spellings", origin)
        # An empty text says "nothing" in Django's settings; so does an empty variable of the environment.
        if value is not None and value != "":
            values[key] = _checked(alias, key, value, origin)
    folder = folder or Path.cwd()
    if "PASSWORD" in values and not isinstance(values["PASSWORD"], Secret):
        values["PASSWORD"] = Secret(values["PASSWORD"], alias=alias, folder=folder)
    if "URL" in values and len(values.keys() & LOCATION) > 1:
        both = one_of(values.keys() & set(LOCATION) - {"URL"})
        raise refused(alias, "URL", f"can't be given together with {both}: say where the database is once", origin)
    return Entry(origin, folder, values, trusted)


def _known_key(alias: str, name: object, origin: str) -> str:
    key = _SPELLING.get(name.casefold()) if isinstance(name, str) else None
    if key is None and str(name).upper() in _DJANGO_ONLY:
        raise refused(alias, str(name), "is a setting of Django's that has no meaning here. Remove it", origin)
    if key is None:
        matches = [_SPELLING[match] for match in near(str(name), _SPELLING)]
        hint = f" Did you mean {' or '.join(matches)}?" if matches else ""
        raise refused(alias, _shown(name), f"is no setting.{hint} There are: {', '.join(_CHECKS)}", origin)
    return key


def _checked(alias: str, key: str, value: object, origin: str) -> Any:
    try:
        return _CHECKS[key](value)
    except _UnfitError as error:
        # Without the cause: its frames hold the value.
        raise refused(alias, key, str(error), origin) from None
