"""``%db`` and ``%%db``: SQL in a notebook cell, its result as a DataFrame.

``%load_ext multidb_explorer`` adds them. They never touch a ``%sql`` that somebody else brought.
"""

from __future__ import annotations

import argparse
import keyword
import re
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.magic import needs_local_scope

from multidb_explorer.connections.confirming import with_word
from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.completion import complete
from multidb_explorer.errors import MultiDBError, ReadOnlyAlias, near
from multidb_explorer.results.text import braces_to_names
from multidb_explorer.results.typed import read_sql_text
from multidb_explorer.schema.aliases import Aliases, Tables, aliases
from multidb_explorer.schema.inspector import catalog_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from IPython.core.interactiveshell import InteractiveShell

    from multidb_explorer.connections.database import Database

__all__ = ["MagicError", "db", "register", "unregister"]

LIMIT = 10_000

_NAME = "db"
_COMPLETER = "complete_command"
_MATCHER = "multidb_explorer"
_ASSIGNED = re.compile(r"(?:^|\s)(\S+?)\s*<<")
_SCREEN = (20, 2_000)
"""Lines and characters of an error that are shown."""


class MagicError(MultiDBError):
    """A ``%db`` or ``%%db`` line that can't be understood, or a variable that is not there."""


def register(ipython: InteractiveShell) -> None:
    """Add ``%db`` and ``%%db`` to a shell, and completion of fields, lookups, aliases and tables.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> register(InteractiveShell.instance())
    """
    for kind in ("line", "cell"):
        ipython.register_magic_function(db, kind, _NAME)  # type: ignore[arg-type]
    for typed in (f"%{_NAME}", f"%%{_NAME}"):
        ipython.set_hook(_COMPLETER, _complete, str_key=typed)  # type: ignore[no-untyped-call]
    _forget_matcher(ipython)
    ipython.Completer.custom_matchers.append(_matcher(ipython))


def unregister(ipython: InteractiveShell) -> None:
    """Take the magics away, unless somebody else's stand under their name by now.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> unregister(InteractiveShell.instance())
    """
    for magics in ipython.magics_manager.magics.values():
        if magics.get(_NAME) is db:
            del magics[_NAME]
    for typed in (f"%{_NAME}", f"%%{_NAME}"):
        ipython.strdispatchers[_COMPLETER].strs.pop(typed, None)
    _forget_matcher(ipython)


@needs_local_scope
def db(line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
    """Look at the databases, or ask one of them.

    ``%db``
        lists the aliases.
    ``%db ALIAS``
        lists the tables of one.
    ``%%db ALIAS``
        runs the SQL of the cell and gives a DataFrame.
    ``%%db ALIAS name <<``
        puts the DataFrame into a variable instead.

    ``{name}`` in the SQL is the value of that variable, bound as a parameter. After ``in``, a list or a column of a
    frame stands for its members.

    ``--limit N``
        Rows to read at most (10,000 unless you say so; 0 for all).
    ``--write``
        Let the statement write. Otherwise the database itself refuses.
    ``--confirm ALIAS``
        Needed as well where the alias asks before writes.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> db("default", "select 6 * 7 as answer")
       answer
    0      42
    """
    try:
        return _look(line) if cell is None else _Cell(line, cell, {} if local_ns is None else local_ns).run()
    except MultiDBError as error:
        # IPython asks the error how it wants to be shown. It stays the error that it is, for code that catches it.
        lines = _shown(error)
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        raise


def _shown(error: MultiDBError) -> list[str]:
    """Show what happened and what to do, without the frames of our own code."""
    most_lines, most = _SCREEN
    text = str(error)
    text = text if len(text) <= most else f"{text[:most]}…"
    lines = f"{type(error).__name__}: {text}".splitlines()
    return lines if len(lines) <= most_lines else [*lines[:most_lines], "…"]


def _look(line: str) -> Aliases | Tables:
    alias, *more = _words(line) or [""]
    if more:
        raise MagicError(
            f"%{_NAME} takes one alias. SQL goes into a cell of its own, below a line '%%{_NAME} {alias}'."
        )
    return aliases[alias].tables if alias else aliases


class _Cell:
    """One ``%%db`` cell.

    Parameters
    ----------
    line
        What follows ``%%db``.
    sql
        The rest of the cell.
    variables
        The variables that the cell sees, and where it puts a new one.
    """

    def __init__(self, line: str, sql: str, variables: dict[str, Any]) -> None:
        self.name, options = _assigned(line)
        asked = _PARSER.parse_args(_words(options))
        self.database: Database = databases[asked.alias]
        self.limit: int = asked.limit
        self.write: bool = asked.write
        self.confirmed: str | None = asked.confirm
        self.sql = sql.strip()
        self.variables = variables

    def run(self) -> pd.DataFrame | None:
        """Run the SQL; give its rows, or assign them, or say that there are none."""
        if not self.sql:
            raise MagicError(f"There is no SQL below '%%{_NAME} {self.database.alias}'.")
        sql, names = braces_to_names(self.sql)
        values = {name: _bindable(_value(name, self.variables)) for name in names}
        if self.write:
            self._announce()
        # One row more than is wanted tells whether there are more.
        wanted = self.limit + 1 if self.limit else None
        with with_word(self.database, self.confirmed if self.write else None):
            table = read_sql_text(self.database, sql, values, wanted, write=self.write)
        if self.write:
            # The statement may have made or changed a table.
            catalog_of(self.database).refresh()
        if not table.num_columns:
            _say(f"done on {self.database.alias!r}, no rows to show")
            return None
        return self._give(table)

    def _announce(self) -> None:
        """Name the database before anything is written to it, and hold an alias that asks first to its word."""
        database = self.database
        if database.read_only:
            raise ReadOnlyAlias.refused(database.alias)
        if database.confirm != "never" and self.confirmed != database.alias:
            raise MagicError(
                f"Alias {database.alias!r} asks before writes, so nothing was written. "
                f"If you mean it: '%%{_NAME} {database.alias} --write --confirm {database.alias}'."
            )
        label = "" if database.label == database.alias else f" ({database.label})"
        _say(f"writing to {database.alias!r}{label}: {database.safe_url}")

    def _give(self, table: pa.Table) -> pd.DataFrame | None:
        from multidb_explorer.results.frames import to_pandas

        cut = bool(self.limit) and table.num_rows > self.limit
        frame = to_pandas(table.slice(0, self.limit) if cut else table)
        if cut:
            _say(f"only the first {self.limit:,} rows were read; '--limit 0' reads all of them", sys.stderr)
        if self.name is None:
            return frame
        self.variables[self.name] = frame
        rows, columns = frame.shape
        _say(f"{self.name}: {_count(rows, 'row')} × {_count(columns, 'column')}")  # noqa: RUF001 - no letter x
        return None


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _say(text: str, stream: Any = None) -> None:
    # Looked up now: a notebook puts its own stream in the place of the terminal's.
    (stream or sys.stdout).write(f"{text}\n")


# The line


class _Parser(argparse.ArgumentParser):
    """A parser that leaves the process alone when it is not understood."""

    def error(self, message: str) -> NoReturn:
        raise MagicError(f"%%{_NAME}: {message}. {_USAGE}")


_USAGE = (
    f"Write '%%{_NAME} ALIAS', and where needed 'name <<', --limit N, --write, --confirm ALIAS; the SQL goes below."
)


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a number of rows, or 0 for all of them")
    return int(text)


def _parser() -> _Parser:
    parser = _Parser(prog=f"%%{_NAME}", add_help=False, allow_abbrev=False)
    parser.add_argument("alias")
    parser.add_argument("--limit", type=_limit, default=LIMIT)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--confirm", metavar="ALIAS")
    return parser


_PARSER = _parser()


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise MagicError(f"%%{_NAME}: {error} in {line.strip()!r}.") from None


def _assigned(line: str) -> tuple[str | None, str]:
    """Take ``name <<`` out of a line."""
    found = _ASSIGNED.search(line)
    if found is None:
        return None, line
    name = found[1]
    if not name.isidentifier() or keyword.iskeyword(name):
        raise MagicError(f"%%{_NAME}: {name!r} can't be the name of a variable. Write '%%{_NAME} ALIAS name <<'.")
    return name, line[: found.start()] + line[found.end() :]


# Variables


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        known = [variable for variable in variables if not variable.startswith("_")]
        close = near(name, known)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise MagicError(
            f"There is no variable {name!r} for {{{name}}}, so nothing was run.{hint} "
            f"Braces that belong to the SQL stand in quotes."
        )
    return variables[name]


def _bindable(value: Any) -> Any:
    """Give a column of a frame as the list of its values; every other value is the binding's own affair."""
    return value.tolist() if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist") else value


# Completion


def _complete(_shell: Any, event: Any) -> list[str]:
    """Complete aliases and options; whatever is wrong with the settings must not disturb the typing."""
    typed = event.line.split()
    if event.symbol.startswith("-"):
        return ["--confirm", "--limit", "--write"]
    first = len(typed) < 2 or (len(typed) == 2 and not event.line.endswith(" "))
    try:
        return [*databases] if first or typed[-1] == "--confirm" else []
    except MultiDBError:
        return []


def _matcher(ipython: InteractiveShell) -> Any:
    """Make the function that completes Python code; it is asked before IPython's own."""

    @context_matcher(priority=200, identifier=_MATCHER)  # type: ignore[untyped-decorator]
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line]
        found = complete("\n".join([*lines, context.text_until_cursor]), ipython.user_ns)
        if found is None:
            return SimpleMatcherResult(completions=[])
        return SimpleMatcherResult(
            completions=[SimpleCompletion(word, type=found.kind) for word in found.words],
            matched_fragment=found.fragment,
            ordered=True,
            # Otherwise every name of Python would stand among the fields, and in a text every file.
            suppress=True,
        )

    return matcher


def _forget_matcher(ipython: InteractiveShell) -> None:
    matchers = ipython.Completer.custom_matchers
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", None) != _MATCHER]
