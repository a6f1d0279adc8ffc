"""The settings of one alias, merged from what several sources say about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.util import immutabledict

from multidb_explorer.backends import backend_for
from multidb_explorer.connections.entries import CREDENTIALS, KEYS, LOCATION, Entry, refused
from multidb_explorer.connections.redaction import is_secret_name, redact_forms
from multidb_explorer.connections.secrets import PROMPT, Secret, is_reference
from multidb_explorer.errors import ImproperlyConfigured

__all__ = ["DEFAULT", "AliasSettings", "build"]

DEFAULT = "default"


@dataclass(frozen=True)
class AliasSettings:
    """Everything that was said about one alias. Two are equal when they mean the same, wherever it was said.

    Attributes
    ----------
    alias
        The name it is registered under.
    url
        Where it is, without password and secret parameters; ``None`` for a ``default`` with nothing in it.
    password
        The password, to be looked up when a connection is made.
    label, color
        What people call it, and the CSS colour of its marks.
    read_only
        Whether every write is refused.
    confirm
        Which writes ask first: ``never``, ``writes`` or ``production``.
    history
        What the journal of changes keeps: ``images`` of rows before and after, ``statements`` alone, or it is ``off``.
    statement_timeout
        Seconds after which a statement is stopped.
    pool_size
        The most connections that are kept open.
    schema
        The schema that unqualified tables are looked up in.
    time_zone
        The zone in which parts of instants (their hour, their date) are taken; UTC if it is not said.
    options
        Arguments for the driver's ``connect``; secret ones are `Secret` objects.
    query_secrets
        Parameters of the URL that are secret.
    origins
        ``{key: source}``: which source gave each setting.

    Examples
    --------
    >>> from multidb_explorer.connections.entries import read_entry
    >>> settings = build("shop", [read_entry("shop", "postgresql://ann:pw@db/shop")])
    >>> settings.url, settings.password
    (postgresql://ann@db/shop, Secret('***'))
    """

    alias: str
    url: URL | None = None
    password: Secret | None = None
    label: str | None = None
    color: str | None = None
    read_only: bool = False
    confirm: str = "never"
    history: str = "images"
    statement_timeout: float | None = None
    pool_size: int | None = None
    schema: str | None = None
    time_zone: str | None = None
    options: Mapping[str, Any] = field(default_factory=immutabledict)
    query_secrets: Mapping[str, Secret] = field(default_factory=immutabledict)
    origins: Mapping[str, str] = field(default_factory=immutabledict, compare=False)

    def __hash__(self) -> int:
        return hash((self.alias, self.url))

    def connect_url(self) -> URL:
        """Give the URL with its secrets looked up: for making an engine, never for showing.

        Raises
        ------
        ImproperlyConfigured
            When a secret is not where its reference says, or when the alias has no URL.
        """
        if self.url is None:
            raise ImproperlyConfigured(
                f"Alias {self.alias!r} is registered without a database. Give it one: mdb.connect({self.alias!r}, url)."
            )
        url = self.url.set(password=self.password.reveal()) if self.password else self.url
        return url.update_query_dict({name: secret.reveal() for name, secret in self.query_secrets.items()})

    def connect_args(self) -> dict[str, Any]:
        """Give OPTIONS with their secrets looked up: for the driver, never for showing.

        Raises
        ------
        ImproperlyConfigured
            When a secret is not where its reference says.
        """
        return {name: _revealed(value) for name, value in self.options.items()}


def build(alias: str, entries: Sequence[Entry]) -> AliasSettings:
    """Merge what several sources say about one alias.

    Where the database is, is taken whole from the strongest source that says anything about it. User, password and
    options are taken only from sources at least as strong, so that a password never travels to a server that it was
    not written for.

    Parameters
    ----------
    alias
        The alias.
    entries
        What each source says, the strongest first.

    Raises
    ------
    ImproperlyConfigured
        When nothing says where the database is.

    Examples
    --------
    >>> from multidb_explorer.connections.entries import read_entry
    >>> strong = read_entry("shop", {"read_only": True})
    >>> build("shop", [strong, read_entry("shop", "sqlite://")]).read_only
    True
    """
    place = next((index for index, entry in enumerate(entries) if entry.gives(*LOCATION)), None)
    chosen: dict[str, Entry] = {}
    for key in KEYS:
        reach = entries if key not in LOCATION + CREDENTIALS or place is None else entries[: place + 1]
        found = next((entry for entry in reach if key in entry.values), None)
        if found is not None:
            chosen[key] = found
    origins = {key: entry.origin for key, entry in chosen.items()}
    if place is not None:
        return _Builder(alias, chosen, entries[place], origins).settings()
    if alias != DEFAULT or chosen.keys() & set(CREDENTIALS):
        # Only `default` may be empty, so that a project can do without one on purpose.
        said = ", ".join(dict.fromkeys(entry.origin for entry in entries)) or "argument"
        raise refused(alias, "URL", "is missing, and so is ENGINE. Say where the database is", said)
    return AliasSettings(alias, origins=immutabledict(origins), **_plain_settings(chosen))


def _plain_settings(chosen: Mapping[str, Entry]) -> dict[str, Any]:
    return {key: entry.values[key] for key, entry in chosen.items() if key not in LOCATION + CREDENTIALS}


@dataclass(frozen=True)
class _Builder:
    """One alias in the making: which source gives each key, and which says where the database is."""

    alias: str
    chosen: Mapping[str, Entry]
    place: Entry
    origins: Mapping[str, str]

    def settings(self) -> AliasSettings:
        self._check_options()
        url = self._location()
        secret = {key: self._query_secret(key, value) for key, value in url.query.items() if _holds_secret(key, value)}
        password = self._password(url)
        origins = dict(self.origins)
        if password is not None:
            origins.setdefault("PASSWORD", self.place.origin)
        return AliasSettings(
            self.alias,
            url=_without_password(url.difference_update_query(secret)),
            password=password,
            options=self._options(),
            query_secrets=immutabledict(secret),
            origins=immutabledict((key, origins[key]) for key in KEYS if key in origins),
            **_plain_settings(self.chosen),
        )

    def _check_options(self) -> None:
        """Refuse OPTIONS of a file that some folder brought along for a server whose password stands elsewhere.

        OPTIONS may name another host, to which the password would then go.
        """
        options = self.chosen.get("OPTIONS")
        if options is not None and options is not self.place and not options.trusted:
            raise refused(
                self.alias,
                "OPTIONS",
                f"can't be given without URL or ENGINE beside it, since the server is named by {self.place.origin}",
                options.origin,
            )

    def _value(self, key: str) -> Any:
        return self.chosen[key].values[key] if key in self.chosen else None

    def _location(self) -> URL:
        origin = self.place.origin
        if "URL" in self.chosen:
            url: URL = self._value("URL")
        elif "ENGINE" in self.chosen:
            host, port, name = self._value("HOST"), self._value("PORT"), self._value("NAME")
            url = URL.create(self._value("ENGINE"), host=host, port=port, database=name)
        else:
            raise refused(self.alias, "ENGINE", "is missing. Name the product, or give a URL instead", origin)
        user = self._value("USER")
        url = url.set(username=user) if user is not None else url
        return _with_home(_anchored(url, self.place.folder))

    def _password(self, url: URL) -> Secret | None:
        given: Secret | None = self._value("PASSWORD")
        return self._plain("PASSWORD", str(url.password)) if given is None and url.password else given

    def _query_secret(self, name: str, value: str | tuple[str, ...]) -> Secret:
        if not isinstance(value, str):
            raise refused(self.alias, "URL", f"gives the parameter {name!r} more than once", self.place.origin)
        return self._plain(f"parameter {name}", value)

    def _plain(self, key: str, text: str) -> Secret:
        if text == PROMPT or is_reference(text):
            problem = "looks like a reference, and a URL can't hold one. Give it under PASSWORD or OPTIONS"
            raise refused(self.alias, f"the {key} in the URL", problem, self.place.origin)
        return Secret(text, alias=self.alias, key=key)

    def _options(self) -> Mapping[str, Any]:
        given: Mapping[str, Any] = self._value("OPTIONS") or {}
        return immutabledict(
            (name, self._option(name, value, secret=is_secret_name(name))) for name, value in given.items()
        )

    def _option(self, name: str, value: Any, *, secret: bool) -> Any:
        """Wrap what is secret in one option, however deep; below a secret name everything is."""
        if isinstance(value, Mapping):
            return immutabledict(
                (key, self._option(f"{name}.{key}", part, secret=secret or is_secret_name(str(key))))
                for key, part in value.items()
            )
        if isinstance(value, list | tuple):
            parts = [self._option(name, part, secret=secret) for part in value]
            return parts if isinstance(value, list) else tuple(parts)
        if isinstance(value, str):
            hidden = value and (secret or is_reference(value) or _shows_secret(value))
            return self._option_secret(name, value) if hidden else _home(value)
        if secret and isinstance(value, bytes | bytearray | int | float) and not isinstance(value, bool):
            problem = f"must be text, a reference such as env:NAME or a function, not {type(value).__name__}"
            raise refused(self.alias, f"OPTIONS {name}", problem, self.origins["OPTIONS"])
        return self._option_secret(name, value) if secret and callable(value) else value

    def _option_secret(self, name: str, value: str | Callable[[], str]) -> Secret:
        return Secret(value, alias=self.alias, key=f"OPTIONS {name}", folder=self.chosen["OPTIONS"].folder)


def _without_password(url: URL) -> URL:
    """Leave the password out; ``URL.set(password=None)`` would keep it."""
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)


def _shows_secret(text: str) -> bool:
    return redact_forms(text) != text


def _holds_secret(name: str, value: str | tuple[str, ...]) -> bool:
    texts = [value] if isinstance(value, str) else value
    return any(text and (is_secret_name(name) or _shows_secret(text)) for text in texts)


def _revealed(value: Any) -> Any:
    """Undo what `_Builder._option` wrapped."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: _revealed(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [_revealed(part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def _anchored(url: URL, folder: Path) -> URL:
    """Make the path of a file database independent of the working directory."""
    name = url.database or ""
    # Names such as ":memory:" and "file:…" are for the driver to read; one letter before a colon is a drive.
    if url.host is not None or not name or re.match(r":|[A-Za-z][\w+.-]+:", name) or not _is_file(url):
        return url
    return url.set(database=str(folder / _home(name)))


def _is_file(url: URL) -> bool:
    return backend_for(url.get_backend_name()).features.files


def _with_home(url: URL) -> URL:
    """Expand ``~`` in parameters such as ``sslrootcert``, which drivers take literally."""
    changed = {name: _home(value) for name, value in url.query.items() if isinstance(value, str) and value[:1] == "~"}
    return url.update_query_dict({name: value for name, value in changed.items() if not is_secret_name(name)})


def _home(text: str) -> str:
    return str(Path(text).expanduser()) if text == "~" or text.startswith("~/") else text
