"""Transactions of one alias: blocks of code, functions, and what waits for the commit."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from multidb_explorer.connections.atomicity import Atomic
from multidb_explorer.connections.confirming import with_word
from multidb_explorer.connections.registry import databases

__all__ = ["AtomicBlock", "atomic", "on_commit"]

P = ParamSpec("P")
T = TypeVar("T")


class AtomicBlock:
    """What `atomic` gives: a block for ``with``, or a decorator that runs each call in a block of its own."""

    def __init__(self, using: str, *, durable: bool, savepoint: bool, confirm: str | None) -> None:
        self._using = using
        self._durable = durable
        self._savepoint = savepoint
        self._confirm = confirm
        self._entered = _Entered()

    def __enter__(self) -> None:
        database = databases[self._using]
        made = Atomic(database, durable=self._durable, savepoint=self._savepoint, on_purpose=True)
        with with_word(database, self._confirm):
            block = made.begin()
        self._entered.blocks = (*self._entered.blocks, made)
        # The last step: a block that is not entered is rolled back by whoever finds it.
        block.entered = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        *outer, made = self._entered.blocks
        self._entered.blocks = tuple(outer)
        return made.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Make each call of a function a block."""
        _refuse_unfit(function)

        @functools.wraps(function)
        def run(*arguments: P.args, **named: P.kwargs) -> T:
            with self:
                return function(*arguments, **named)

        return run


class _Entered(threading.local):
    """The blocks that this thread entered and did not leave yet: a function may call itself."""

    blocks: tuple[Atomic, ...] = ()


@overload
def atomic(
    using: str = "default", *, durable: bool = False, savepoint: bool = True, confirm: str | None = None
) -> AtomicBlock: ...
@overload
def atomic(using: Callable[P, T]) -> Callable[P, T]: ...
def atomic(using: Any = "default", *, durable: bool = False, savepoint: bool = True, confirm: str | None = None) -> Any:
    """Make everything that this thread writes to one alias in the block one transaction.

    It is a block for ``with``, and a decorator: ``@mdb.atomic`` and ``@mdb.atomic("archive")`` make each call of a
    function a block. Nested blocks of one alias are savepoints: an error that is handled outside of the inner one
    undoes that one alone. Writes to other aliases are not part of it, of which a notice tells.

    After an error of the database that was handled inside the block, and that took the transaction along, nothing
    more can be done in it: the next statement is refused, and the block is rolled back.

    Parameters
    ----------
    using
        The alias.
    durable
        Whether the block must be the outermost one of its alias, so that its end is the commit.
    savepoint
        Whether a nested block can be undone alone; without, its failure undoes the whole.
    confirm
        The alias once more, where it asks before writes.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias, on entering.
    ReadOnlyAlias
        For an alias that only reads.
    ConfirmationRequired
        For one that asks first, where nobody confirmed the write.
    TransactionError
        For a durable block inside another one, and for a block that can't be committed after what failed in it.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> with mdb.atomic("default"):
    ...     pass
    >>> @mdb.atomic
    ... def settle_accounts():
    ...     return "done"
    >>> settle_accounts()
    'done'
    """
    if not isinstance(using, str) and callable(using):
        return AtomicBlock("default", durable=durable, savepoint=savepoint, confirm=confirm)(using)
    return AtomicBlock(using, durable=durable, savepoint=savepoint, confirm=confirm)


def on_commit(call: Callable[[], object], using: str = "default") -> None:
    """Call a function after the commit of the transaction that this thread has open on an alias.

    Functions are called in their order. One that was given in a block that is rolled back is forgotten. Where no
    transaction is open, the function is called at once. An error of one surfaces; what was committed stays, and the
    functions behind it are not called.

    Parameters
    ----------
    call
        A function without arguments.
    using
        The alias.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> with mdb.atomic():
    ...     on_commit(lambda: print("committed"))
    ...     print("written")
    written
    committed
    """
    if not callable(call):
        raise TypeError(f"on_commit() takes a function without arguments, not {type(call).__name__}.")
    databases[using].on_commit(call)


def _refuse_unfit(function: Any) -> None:
    """Refuse functions whose body runs after the call has returned, and so after the commit."""
    plain = inspect.unwrap(function) if callable(function) else function
    while isinstance(plain, functools.partial):
        plain = plain.func
    kinds = {
        "a generator": inspect.isgeneratorfunction,
        "a coroutine": inspect.iscoroutinefunction,
        "an asynchronous generator": inspect.isasyncgenfunction,
    }
    for kind, test in kinds.items():
        if test(plain):
            raise TypeError(
                f"{getattr(plain, '__name__', plain)!r} is {kind}: it runs after its call has returned, so a block "
                f"around the call would be over by then. Write 'with mdb.atomic(...):' inside of it."
            )
    if not callable(plain) or inspect.isclass(plain):
        raise TypeError(f"atomic decorates functions, not {plain!r}.")
