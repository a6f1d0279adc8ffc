"""Secrets as references: where a password comes from, looked up when a connection is made and never before.

A new source of secrets is one function added to `_PROVIDERS`.
"""

from __future__ import annotations

import getpass
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, NoReturn

from multidb_explorer.connections.redaction import MASK, redact, remember
from multidb_explorer.errors import ImproperlyConfigured, MissingDriver

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Secret", "forget_prompted", "is_reference"]

PROMPT = "prompt"


class _NotThereError(Exception):
    """A source does not have the secret; the text says so without quoting any value."""


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise _NotThereError("that variable is not set. Set it before Jupyter starts, or in os.environ")
    return os.environ[name]


def _from_file(path: str) -> str:
    try:
        # Container secrets and editors end a file with a line break that is no part of the password.
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise _NotThereError(f"the file can't be read ({error.strerror or type(error).__name__})") from None
    except (UnicodeDecodeError, RuntimeError) as error:
        raise _NotThereError(f"the file can't be read ({type(error).__name__})") from None


def _from_keyring(entry: str) -> str:
    service, _, user = entry.rpartition("/")
    try:
        import keyring
    except ImportError:
        raise MissingDriver(
            "A keyring: secret needs the Python package keyring, which is not installed. "
            "Install it with: pip install 'multidb-explorer[secrets]'"
        ) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - each keyring of each system fails in its own way
        raise _NotThereError(f"the keyring refused ({type(error).__name__}: {redact(str(error))})") from None
    if value is None:
        raise _NotThereError(f"the keyring has no such entry. Add it with: keyring set {service} {user}")
    return value


_PROVIDERS: dict[str, Callable[[str], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}

# What follows the prefix must look like a name: a password that merely begins with "env:" must not end up in a message.
_SHAPES = {
    "env": (re.compile(r"[A-Za-z_][\w.-]*"), "env:NAME_OF_A_VARIABLE"),
    "file": (re.compile(r"[^\r\n\0]+"), "file:PATH"),
    "keyring": (re.compile(r"[^\r\n\0]+/[^/\r\n\0]+"), "keyring:service/user"),
}

_answers: dict[tuple[str, str], str] = {}
_asking = threading.RLock()


def is_reference(value: object) -> bool:
    """Tell whether a text points to a secret (``env:``, ``file:``, ``keyring:``) in place of being one.

    Parameters
    ----------
    value
        A setting.

    Examples
    --------
    >>> is_reference("env:LEGACY_PASSWORD"), is_reference("hunter2")
    (True, False)
    """
    return isinstance(value, str) and value.partition(":")[0] in _PROVIDERS and ":" in value


def forget_prompted(alias: str) -> None:
    """Forget what was typed for an alias, so that the next connection asks again.

    Parameters
    ----------
    alias
        The alias whose secrets are ``prompt``.

    Examples
    --------
    >>> forget_prompted("legacy_users")
    """
    with _asking:
        for key in [key for key in _answers if key[0] == alias]:
            del _answers[key]


@dataclass(frozen=True)
class _Place:
    """Which setting a secret belongs to, for its messages and its prompt."""

    alias: str
    key: str


class Secret:
    """A password, token or key that shows itself to nobody who does not ask for it by `reveal`.

    Two secrets are equal when they come from the same reference, or are the same text.

    Parameters
    ----------
    value
        A reference (``env:NAME``, ``file:PATH``, ``keyring:service/user``, ``prompt``), a function that gives the
        secret, or the secret itself. A secret that looks like a reference can be given as a function.
    alias, key
        Which setting of which alias it is, for messages.
    folder
        What a relative ``file:`` path is relative to; the working directory where it is not given.

    Examples
    --------
    >>> Secret("hunter2", alias="shop", key="PASSWORD")
    Secret('***')
    >>> Secret("env:SHOP_PASSWORD", alias="shop", key="PASSWORD")
    Secret('env:SHOP_PASSWORD')
    """

    # What is secret is only in closures, so that no attribute of the object shows it (a functools.partial would).
    __slots__ = ("_function", "_get", "_place", "_reference")

    def __init__(
        self, value: str | Callable[[], str], *, alias: str, key: str = "PASSWORD", folder: Path | None = None
    ) -> None:
        self._place = _Place(alias, key)
        self._function: Callable[[], Callable[[], str]] | None = None
        self._reference: str | None = None
        if not isinstance(value, str):
            self._function, self._get = (lambda: value), self._call
        elif value == PROMPT or is_reference(value):
            self._reference = _checked(value, folder, self._place)
            self._get = self._look_up
        else:
            remember(value)
            self._get = lambda: value

    @property
    def reference(self) -> str | None:
        """Where the secret is, or ``None`` when it was given as text or function."""
        return self._reference

    def reveal(self) -> str:
        """Give the secret itself, looked up now, and remember it for redaction.

        Raises
        ------
        ImproperlyConfigured
            When it is not where the reference says; the message names the reference and the alias.
        """
        value: object = self._get()
        if not isinstance(value, str):
            self._refuse(f"gave {type(value).__name__} where text is needed")
        if not value:
            self._refuse("is empty. Leave the setting out if there is no password")
        remember(value)
        return value

    def _look_up(self) -> str:
        reference = self._reference or ""
        if reference == PROMPT:
            return self._ask()
        kind, _, rest = reference.partition(":")
        try:
            return _PROVIDERS[kind](rest)
        except _NotThereError as error:
            return self._refuse(f"is not there: {error}")

    def _call(self) -> str:
        try:
            return self._function()() if self._function else ""
        except Exception as error:  # noqa: BLE001 - the user's own function may raise anything
            return self._refuse(f"can't be had: {type(error).__name__}: {redact(str(error))}")

    def _ask(self) -> str:
        place = (self._place.alias, self._place.key)
        with _asking:
            if place not in _answers:
                try:
                    typed = getpass.getpass(f"{self._place.key} of alias {self._place.alias!r}: ")
                except Exception as error:  # noqa: BLE001 - front ends without input raise errors of their own
                    self._refuse(
                        f"can't be asked for here ({type(error).__name__}). Use env:, file: or keyring: instead"
                    )
                if not typed:
                    self._refuse("was not typed in. Connect again to be asked again")
                _answers[place] = typed
            return _answers[place]

    def _refuse(self, problem: str) -> NoReturn:
        # Without a cause: the frames below hold the environment, the file or the user's function.
        raise ImproperlyConfigured(f"Alias {self._place.alias!r}: the {self._place.key} {self!s} {problem}.") from None

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __str__(self) -> str:
        if self._function is not None:
            function = self._function()
            return f"from {getattr(function, '__qualname__', type(function).__name__)}()"
        return self._reference or MASK

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        if self._reference or other._reference:
            return self._reference == other._reference
        if self._function and other._function:
            return _same_function(self._function(), other._function())
        return not (self._function or other._function) and self._get() == other._get()

    def __hash__(self) -> int:
        return hash(self._reference)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"A secret has no state to show ({self!s}).")

    def __reduce__(self) -> tuple[Callable[[str, str, str], Secret], tuple[str, str, str]]:
        if self._reference is None:
            raise TypeError(
                f"The {self._place.key} of alias {self._place.alias!r} can't be pickled, since it would be written in "
                f"plain text. Give it as a reference: env:NAME, file:PATH or keyring:service/user."
            )
        return _restored, (self._reference, self._place.alias, self._place.key)


def _restored(reference: str, alias: str, key: str) -> Secret:
    return Secret(reference, alias=alias, key=key)


def _checked(reference: str, folder: Path | None, place: _Place) -> str:
    """Give a reference whose shape is right and whose path no longer depends on the working directory."""
    kind, _, rest = reference.partition(":")
    if reference == PROMPT:
        return reference
    shape, wanted = _SHAPES[kind]
    if not shape.fullmatch(rest):
        raise ImproperlyConfigured(
            f"Alias {place.alias!r}: {place.key} begins like a reference to a secret, {kind!r}, but does not go on "
            f"like one. Write {wanted}; if the secret itself begins so, give it as a function: lambda: secret."
        )
    return f"file:{(folder or Path.cwd()) / _expanded(rest)}" if kind == "file" else reference


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _same_function(one: Callable[[], str], other: Callable[[], str]) -> bool:
    """Tell whether two functions do the same: a cell that is run again makes its lambdas anew."""
    if not (isinstance(one, FunctionType) and isinstance(other, FunctionType)):
        return one == other
    return (
        one.__code__ == other.__code__
        and one.__globals__ is other.__globals__
        and (one.__defaults__, one.__kwdefaults__) == (other.__defaults__, other.__kwdefaults__)
        and [cell.cell_contents for cell in one.__closure__ or ()]
        == [cell.cell_contents for cell in other.__closure__ or ()]
    )
