"""Routers as they are configured: asked in their order until one answers."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from multidb_explorer.errors import ImproperlyConfigured, one_of

__all__ = ["Answer", "Routers"]

METHODS = ("db_for_read", "db_for_write", "allow_relation")


@dataclass(frozen=True)
class Answer:
    """What a router said, and who it is, for messages."""

    value: Any
    router: str


class Routers:
    """A chain of routers, which may be empty.

    Parameters
    ----------
    chain
        The routers, in the order in which they are asked.

    Examples
    --------
    >>> class Reports:
    ...     def db_for_read(self, model, **hints):
    ...         return "replica"
    >>> Routers.load([Reports]).answer("db_for_read", None)
    Answer(value='replica', router='Reports.db_for_read')
    """

    def __init__(self, chain: tuple[object, ...] = ()) -> None:
        self._chain = chain

    @classmethod
    def load(cls, routers: Iterable[object]) -> Routers:
        """Make a chain of objects, classes and dotted paths.

        Raises
        ------
        ImproperlyConfigured
            For what can't be imported or is no router.
        """
        if isinstance(routers, str) or not isinstance(routers, Iterable):
            raise ImproperlyConfigured(f"routers is a list of routers, not {type(routers).__name__}.")
        return cls(tuple(_made(given) for given in routers))

    def __bool__(self) -> bool:
        return bool(self._chain)

    def answer(self, method: str, *arguments: Any, **hints: Any) -> Answer | None:
        """Give the first answer that is not ``None``; routers without the method are skipped."""
        for router in self._chain:
            # Looked up apart from the call, so that an AttributeError inside a router is seen.
            call = getattr(router, method, None)
            found = call(*arguments, **hints) if call is not None else None
            if found is not None:
                return Answer(found, f"{type(router).__name__}.{method}")
        return None


def _made(given: object) -> object:
    found = _imported(given) if isinstance(given, str) else given
    if inspect.isclass(found):
        try:
            found = found()
        except TypeError as error:
            raise ImproperlyConfigured(
                f"Router {given!r} can't be made without arguments ({error}). Give an object of it instead."
            ) from None
    if not any(callable(getattr(found, method, None)) for method in METHODS):
        raise ImproperlyConfigured(f"{given!r} is no router: it has none of the methods {one_of(METHODS)}.")
    return found


def _imported(path: str) -> object:
    module, _, name = path.rpartition(".")
    if not module:
        raise ImproperlyConfigured(f"Router {path!r} is no dotted path such as 'project.routing.Reports'.")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ImproperlyConfigured(f"Router {path!r}: there is no module {error.name!r}.") from None
    except AttributeError:
        raise ImproperlyConfigured(f"Router {path!r}: module {module!r} has no {name!r}.") from None
