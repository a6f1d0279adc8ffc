"""The command line: which aliases there are, whether they answer, and what a query gives."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

from multidb_explorer.connections.redaction import redact, safe_url
from multidb_explorer.connections.registry import databases
from multidb_explorer.display import text_table
from multidb_explorer.errors import MultiDBError
from multidb_explorer.options import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidb_explorer.connections.config import AliasSettings
    from multidb_explorer.connections.database import Database

__all__ = ["main"]

DEMO_FOLDER = "demo"
ROWS = 100


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints about an argument don't show the secrets in it."""

    def error(self, message: str) -> NoReturn:
        super().error(redact(message))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0, 1 for a database that failed its check, 2 for an error.

    Parameters
    ----------
    arguments
        The words of the command; those of the process where they are not given.

    Examples
    --------
    >>> from multidb_explorer.connections.registry import databases
    >>> databases.configure({"default": {}})
    >>> main(["check"])
    default: not configured
    0
    """
    asked = _parser().parse_args(arguments)
    try:
        if asked.config is not None:
            databases.configure(asked.config)
        code: int = asked.run(asked)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except MultiDBError as error:
        return _failed(str(error))
    except Exception as error:  # noqa: BLE001 - a terminal gets one line, whatever it was
        return _failed(f"{type(error).__name__}: {error}")
    return code


def _failed(message: str, code: int = 2) -> int:
    print(f"multidb: {_line(message)}", file=sys.stderr)
    return code


def _line(text: str) -> str:
    return _printable(" ".join(redact(text).split()))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="multidb", description="Explore several databases at once.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('multidb_explorer')}")
    parser.add_argument("--config", metavar="PATH", help="take the aliases from this TOML file and the environment")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    aliases = commands.add_parser("aliases", help="list the aliases")
    aliases.add_argument("--format", choices=["table", "json"], default="table")
    aliases.add_argument("--origins", action="store_true", help="say where every setting came from")
    aliases.set_defaults(run=_aliases)

    check = commands.add_parser("check", help="connect to aliases and say what answers")
    check.add_argument("alias", metavar="ALIAS", nargs="*", help="default: all of them")
    check.set_defaults(run=_check)

    demo = commands.add_parser("demo", help="build the sample databases")
    demo.add_argument("folder", metavar="FOLDER", nargs="?", default=DEMO_FOLDER)
    demo.set_defaults(run=_demo)

    _add_query(commands.add_parser("query", help="run SQL that reads, and print its rows"))
    return parser


def _add_query(query: argparse.ArgumentParser) -> None:
    query.add_argument("alias", metavar="ALIAS")
    query.add_argument("sql", metavar="SQL", help="parameters are written :name")
    query.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        type=_parameter,
        default=[],
        help="bind a text to :NAME; NAME:=VALUE binds a number, true, false or null",
    )
    query.add_argument("--limit", metavar="N", type=_limit, default=ROWS, help=f"rows (default {ROWS}; 0 for all)")
    query.add_argument("--format", choices=["table", "csv", "json"], default="table")
    query.set_defaults(run=_query)


def _parameter(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    typed = name.endswith(":")
    name = name.removesuffix(":")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError("must be NAME=VALUE or NAME:=VALUE")
    if not typed:
        return name, value
    try:
        found: object = json.loads(value)
    except json.JSONDecodeError:
        found = ()
    if isinstance(found, list | dict | tuple):
        raise argparse.ArgumentTypeError(f"the value of {name} must be a number, true, false, null or a quoted text")
    return name, found


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a number of rows, or 0 for all of them")
    return int(text)


# aliases


def _aliases(asked: argparse.Namespace) -> int:
    known = [database.settings for database in databases.values()]
    if asked.format == "json":
        print(json.dumps([_described(settings, origins=asked.origins) for settings in known], indent=2))
    elif not known:
        print("multidb: no aliases. Set DATABASE_URL or MULTIDB_<ALIAS>_URL, or write multidb.toml.", file=sys.stderr)
    elif asked.origins:
        rows = [(settings.alias, *row) for settings in known for row in _settings_rows(settings)]
        _print_table(("alias", "setting", "value", "given by"), rows)
    else:
        rows = [(item.alias, _engine(item), _where(item), _access(item)) for item in known]
        _print_table(("alias", "engine", "database", "access"), rows)
    return 0


def _described(settings: AliasSettings, *, origins: bool) -> dict[str, object]:
    names = ("label", "color", "read_only", "confirm", "history", "statement_timeout", "pool_size", "schema")
    described: dict[str, object] = {
        "alias": settings.alias,
        "engine": _engine(settings) or None,
        "url": safe_url(settings.url) or None,
        **{name: getattr(settings, name) for name in names},
    }
    return described | {"origins": dict(settings.origins)} if origins else described


def _settings_rows(settings: AliasSettings) -> list[tuple[str, str, str]]:
    """Give each setting with its value, secrets by their reference, and the source that gave it."""
    url = settings.url
    parts: dict[str, object] = {
        "URL": _where(settings),
        "PASSWORD": settings.password,
        "OPTIONS": dict(settings.options),
    }
    if url is not None:
        parts |= {"ENGINE": url.drivername, "NAME": url.database, "USER": url.username}
        parts |= {"HOST": url.host, "PORT": url.port}
    values = {key: parts[key] if key in parts else getattr(settings, key) for key in settings.origins}
    return [(key, redact(str(values[key])), origin) for key, origin in settings.origins.items()]


def _engine(settings: AliasSettings) -> str:
    return settings.url.get_backend_name() if settings.url is not None else ""


def _where(settings: AliasSettings) -> str:
    return safe_url(settings.url) or "(not configured)"


def _access(settings: AliasSettings) -> str:
    return "read-only" if settings.read_only else "read and write"


# check


def _check(asked: argparse.Namespace) -> int:
    # Every name is looked up before the first connection, which may take long to fail.
    chosen = [databases[alias] for alias in asked.alias] or list(databases.values())
    failed = False
    for database in chosen:
        if database.settings.url is None and not asked.alias:
            print(f"{database.alias}: not configured")
        else:
            failed = not _answers(database) or failed
    return 1 if failed else 0


def _answers(database: Database) -> bool:
    began = time.perf_counter()
    try:
        info = database.check()
    except Exception as error:  # noqa: BLE001 - one alias that fails in a new way must not hide the others
        print(f"{database.alias}: FAILED: {_line(str(error) or type(error).__name__)}", flush=True)
        return False
    finally:
        database.dispose()
    milliseconds = (time.perf_counter() - began) * 1000
    print(f"{database.alias}: ok: {info.product} {info.version} ({milliseconds:,.0f} ms)", flush=True)
    return True


# query


def _query(asked: argparse.Namespace) -> int:
    from multidb_explorer.results.typed import read_sql_text

    database = databases[asked.alias]
    try:
        # One row more than is shown tells whether there are more.
        limit = asked.limit + 1 if asked.limit else None
        table = read_sql_text(database, asked.sql, dict(asked.param), limit)
    finally:
        database.dispose()
    if not table.num_columns:
        print("multidb: the statement gives no rows.", file=sys.stderr)
        return 0
    cut = bool(asked.limit) and table.num_rows > asked.limit
    shown = table.slice(0, asked.limit) if cut else table
    columns = [column.to_pylist() for column in shown.columns]
    _WRITERS[asked.format](_unique(shown.column_names), list(zip(*columns, strict=True)))
    if cut:
        print(f"multidb: only the first {asked.limit:,} rows are shown; --limit 0 gives all of them.", file=sys.stderr)
    return 0


def _unique(names: Sequence[str]) -> list[str]:
    """Give columns of the same name a number, since JSON would keep the last of them only."""
    seen: dict[str, int] = {}
    for name in names:
        count, candidate = 1, name
        while candidate in seen:
            count += 1
            candidate = f"{name}_{count}"
        seen[candidate] = 1
    return list(seen)


def _write_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    _print_table(names, [[None if value is None else _short(_as_text(value)) for value in row] for row in rows])


def _write_csv(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([["" if value is None else _as_text(value) for value in row] for row in rows])


def _write_json(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    found = [dict(zip(names, map(_as_json, row), strict=True)) for row in rows]
    print(json.dumps(found, indent=2, ensure_ascii=False, default=_as_text, allow_nan=False))


_WRITERS = {"table": _write_table, "csv": _write_csv, "json": _write_json}


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_as_text)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _as_json(value: object) -> object:
    """Give a value that JSON has: it knows no NaN and no infinity."""
    return str(value) if isinstance(value, float) and not -float("inf") < value < float("inf") else value


def _short(text: str) -> str:
    most = options.preview_characters
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    clean = [[None if cell is None else _printable(cell) for cell in row] for row in rows]
    print(text_table([_printable(name) for name in header], clean))


def _printable(text: str) -> str:
    """Escape what would move the cursor or change the colours of a terminal."""
    return "".join(part if part.isprintable() or part == "\n" else repr(part)[1:-1] for part in text)


# demo


def _demo(asked: argparse.Namespace) -> int:
    from multidb_explorer.demo import build

    with warnings.catch_warnings(record=True, action="always") as said:
        made = build(asked.folder)
    for warning in said:
        print(f"multidb: {_line(str(warning.message))}", file=sys.stderr)
    _print_table(("alias", "file"), [(alias, str(settings["NAME"])) for alias, settings in made.items()])
    return 0
