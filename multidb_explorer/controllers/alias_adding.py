"""A new alias from the panel: its settings are checked, tested and registered; its secret is never told again.

A secret that was typed is kept in this process alone, in a function; no answer, trait or text of ours holds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from multidb_explorer.backends import backend_for, products
from multidb_explorer.connections.database import Database
from multidb_explorer.connections.entries import checked_alias
from multidb_explorer.connections.redaction import is_secret_name, remember
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.secrets import is_reference
from multidb_explorer.connections.sources import gather_one
from multidb_explorer.controllers.base import BadRequest, Controller, Job, Message, Reply
from multidb_explorer.controllers.marks import alias_mark

__all__ = ["AliasAdding", "toml_entry"]

_TEXTS = {"engine": "ENGINE", "name": "NAME", "host": "HOST", "port": "PORT", "user": "USER", "url": "URL"}
_LOOKS = ("label", "color", "confirm")
_MOST = 2000


class AliasAdding:
    """The part of a panel that adds aliases.

    Parameters
    ----------
    controller
        The panel; it is told when there is a new alias.

    Examples
    --------
    >>> databases.configure({"default": "sqlite://"})
    >>> adding = AliasAdding(Controller())
    >>> reply = adding.intents["describe_alias"]({"alias": "crm", "engine": "postgresql", "host": "db",
    ...     "name": "crm", "user": "ann", "secret": "hunter2"})
    >>> print(reply.message["toml"])
    [aliases.crm]
    ENGINE = "postgresql"
    NAME = "crm"
    HOST = "db"
    USER = "ann"
    PASSWORD = "env:CRM_PASSWORD"
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.intents: dict[str, Callable[[Message], Reply | Job]] = {
            "engines": self._engines,
            "describe_alias": self._describe,
            "test_alias": self._test,
            "add_alias": self._add,
        }

    def _engines(self, _: Message) -> Reply:
        listed = [
            {"name": name, "title": backend.title, "also": list(also), "file": features.files, "port": features.port}
            for name, also in products().items()
            for backend in [backend_for(name)]
            for features in [backend.features]
        ]
        return Reply({"type": "engines", "engines": listed})

    def _describe(self, request: Message) -> Reply:
        """Give the text by which the alias is there in every session: with a reference in the secret's place."""
        wanted = _Wanted.of(request)
        gather_one(wanted.alias, wanted.settings)
        return Reply({"type": "described", "toml": toml_entry(wanted.alias, wanted.settings, wanted.reference)})

    def _test(self, request: Message) -> Job:
        """Connect, and tell what answered; the alias is not registered by it."""
        wanted = _Wanted.of(request)
        database = Database(gather_one(wanted.alias, wanted.settings))
        path = database.backend.file(database.url)
        if path is not None and not path.exists():
            found = Reply({"type": "tested", "new_file": True, "text": f"There is no file {path} yet."})
            return Job(lambda: found)

        def work() -> Reply:
            try:
                return Reply({"type": "tested", "new_file": False, "text": f"{database.check()} answered."})
            finally:
                database.dispose()

        return Job(work)

    def _add(self, request: Message) -> Reply:
        wanted = _Wanted.of(request)
        if wanted.alias in databases:
            raise BadRequest(f"There is an alias {wanted.alias!r} already. Choose another name.")
        added = databases.connect(wanted.alias, wanted.settings)
        self._controller.changed()
        return Reply({"type": "added", "alias": added.alias, "mark": alias_mark(added)})


class _Wanted:
    """The alias that a message describes.

    Attributes
    ----------
    settings
        As `mdb.connect` takes them, the secret as a function or a reference.
    reference
        What stands for the secret in a file; ``None`` where there is none.
    """

    def __init__(self, alias: str, settings: dict[str, Any], reference: str | None) -> None:
        self.alias, self.settings, self.reference = alias, settings, reference

    @classmethod
    def of(cls, request: Message) -> _Wanted:
        """Take the description out of a message, its secret first."""
        secret = _text(request, "secret", pop=True)
        alias = checked_alias(_text(request, "alias").strip())
        settings: dict[str, Any] = {key: _text(request, name).strip() for name, key in _TEXTS.items()}
        settings |= {name: _text(request, name).strip() for name in _LOOKS}
        settings = {name: value for name, value in settings.items() if value}
        if request.get("read_only") is True:
            settings["read_only"] = True
        if not settings.keys() & {"URL", "ENGINE"}:
            raise BadRequest("Choose the engine, or give a URL.")
        if "URL" in settings:
            settings["URL"], inside = _parted(settings["URL"])
            secret = secret or inside
        reference = _text(request, "reference").strip()
        if reference and not is_reference(reference):
            raise BadRequest("A reference is written env:NAME, file:PATH or keyring:service/user.")
        if reference or secret:
            settings["PASSWORD"] = reference or _kept(secret)
        named = reference or (f"env:{_variable(alias)}_PASSWORD" if secret else None)
        return cls(alias, settings, named)


def _text(request: Message, name: str, *, pop: bool = False) -> str:
    value = request.pop(name, "") if pop else request.get(name)
    text = "" if value is None else str(value)
    if len(text) > _MOST:
        raise BadRequest(f"{name} is too long.")
    return text


def _parted(text: str) -> tuple[str | URL, str]:
    """Take the password out of a URL; what can't be parsed is refused later, in words that don't quote it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return text, ""
    if any(is_secret_name(name) for name in url.query):
        raise BadRequest("A URL with a secret parameter can't be added here: use mdb.connect() and OPTIONS.")
    plain = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return plain, url.password or ""


def _kept(secret: str) -> Callable[[], str]:
    """Keep a secret where no attribute shows it."""
    remember(secret)

    def typed_in_the_panel() -> str:
        return secret

    typed_in_the_panel.__qualname__ = "typed_in_the_panel"
    return typed_in_the_panel


def _variable(alias: str) -> str:
    return "".join(character if character.isalnum() and character.isascii() else "_" for character in alias).upper()


def toml_entry(alias: str, settings: Mapping[str, Any], reference: str | None) -> str:
    """Write an alias as an entry of ``multidb.toml``, with a reference where its secret would be.

    Examples
    --------
    >>> print(toml_entry("my shop", {"URL": "sqlite:///shop.db", "read_only": True}, None))
    [aliases."my shop"]
    URL = "sqlite:///shop.db"
    read_only = true
    """
    bare = alias.replace("-", "").replace("_", "")
    name = alias if bare.isascii() and bare.isalnum() else _quoted(alias)
    given = {key: value for key, value in settings.items() if key != "PASSWORD"}
    if reference is not None:
        given["PASSWORD"] = reference
    lines = [f"{key} = {_toml(key, value)}" for key, value in given.items()]
    return "\n".join([f"[aliases.{name}]", *lines])


def _toml(key: str, value: object) -> str:
    if value is True:
        return "true"
    text = value.render_as_string(hide_password=True) if isinstance(value, URL) else str(value)
    return text if key == "PORT" and text.isdecimal() else _quoted(text)


def _quoted(text: str) -> str:
    # JSON's strings are TOML's basic strings, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
