"""Where settings are looked for: the call itself, the environment, a file of the project, a file of the user."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidb_explorer.connections.config import DEFAULT, AliasSettings, build
from multidb_explorer.connections.entries import Entry, checked_alias, read_entry, refused
from multidb_explorer.errors import ImproperlyConfigured, near, one_of

__all__ = ["gather", "gather_one"]

PROJECT_FILES = ("multidb.toml", ".multidb.toml", "pyproject.toml")
TOOL = "multidb_explorer"

_VARIABLE = re.compile(r"MULTIDB_(.+)_URL")


@dataclass(frozen=True)
class _Source:
    """What one source says about all aliases, read but not yet checked.

    Attributes
    ----------
    said
        ``{alias: (origin, settings)}``.
    folder
        What relative paths in it are relative to.
    trusted
        See `Entry`.
    """

    said: Mapping[str, tuple[str, object]]
    folder: Path
    trusted: bool = True

    def entry(self, alias: str) -> Entry:
        """Check what it says about one alias; an alias that nobody asks for can't be in the way."""
        origin, raw = self.said[alias]
        return read_entry(alias, raw, origin, self.folder, trusted=self.trusted)


def gather(target: Mapping[str, object] | str | os.PathLike[str] | None = None) -> dict[str, AliasSettings]:
    """Give the settings of every alias, in configured order.

    Parameters
    ----------
    target
        A mapping of aliases to settings: exactly these, their missing settings filled from environment and files.
        A path: the aliases of that file and of the environment. ``None``: those of environment, project and user.

    Raises
    ------
    ImproperlyConfigured
        For settings that can't work; the message says where they stand.

    Examples
    --------
    >>> list(gather({"default": "sqlite://", "archive": "sqlite:///archive.db"}))
    ['default', 'archive']
    """
    if target is None:
        return _merged([*_files()])
    if isinstance(target, Mapping):
        return _mapped(target)
    if not isinstance(target, str | os.PathLike):
        raise ImproperlyConfigured(
            f"configure() takes a mapping of aliases, the path of a TOML file or nothing, not {type(target).__name__}."
        )
    if "://" in os.fspath(target):
        raise ImproperlyConfigured(
            "configure() takes a mapping of aliases or the path of a file, not a URL. "
            "Name the alias: mdb.configure({'default': url}), or mdb.connect(alias, url) for one more."
        )
    return _merged([_explicit_file(Path(target).expanduser().absolute())])


def gather_one(alias: str, target: object = None, settings: Mapping[str, object] | None = None) -> AliasSettings:
    """Give the settings of one alias, its missing ones filled from environment and files.

    Parameters
    ----------
    alias
        The alias.
    target
        A URL or a mapping of settings; ``None`` where environment or files say where it is.
    settings
        More settings.

    Raises
    ------
    ImproperlyConfigured
        For settings that can't work.

    Examples
    --------
    >>> gather_one("shop", "sqlite://", {"label": "the shop"}).label
    'the shop'
    """
    given: dict[str, Any] = {} if target is None else dict(target) if isinstance(target, Mapping) else {"URL": target}
    taken = {str(key).casefold() for key in given}
    for key, value in (settings or {}).items():
        if key.casefold() in taken:
            raise refused(alias, key, "is given twice", "argument")
        given[key] = value
    argument = _Source({checked_alias(alias): ("argument", given)}, Path.cwd())
    return build(alias, _entries(alias, [argument, _environment([alias]), *_files()]))


def _mapped(target: Mapping[str, object]) -> dict[str, AliasSettings]:
    aliases = [checked_alias(alias) for alias in target]
    if aliases and DEFAULT not in aliases:
        raise ImproperlyConfigured(
            f"There is no {DEFAULT!r} among the aliases {one_of(aliases)}. Give the primary database that name, "
            f"or add {DEFAULT!r}: {{}} to do without one."
        )
    argument = _Source({alias: ("argument", raw) for alias, raw in target.items()}, Path.cwd())
    sources = [argument, _environment(aliases), *_files()]
    return {alias: build(alias, _entries(alias, sources)) for alias in aliases}


def _merged(files: Sequence[_Source]) -> dict[str, AliasSettings]:
    """Join the aliases of files and environment; those of the environment alone come last."""
    named = list(dict.fromkeys(alias for source in files for alias in source.said))
    environment = _environment(named)
    sources = [environment, *files]
    return {alias: build(alias, _entries(alias, sources)) for alias in dict.fromkeys([*named, *environment.said])}


def _entries(alias: str, sources: Iterable[_Source]) -> list[Entry]:
    return [source.entry(alias) for source in sources if alias in source.said]


# The environment


def _environment(known: Sequence[str]) -> _Source:
    """Read DATABASE_URL and every MULTIDB_<ALIAS>_URL; a name that fits no known alias makes one, in lower case."""
    found: dict[str, tuple[str, object]] = {}
    if os.environ.get("DATABASE_URL"):
        found[DEFAULT] = ("environment DATABASE_URL", os.environ["DATABASE_URL"])
    for variable in sorted(os.environ):
        match = _VARIABLE.fullmatch(variable)
        if match and os.environ[variable]:
            origin = f"environment {variable}"
            found[checked_alias(_alias_of(match[1], known), origin)] = (origin, os.environ[variable])
    return _Source(found, Path.cwd())


def _alias_of(name: str, known: Sequence[str]) -> str:
    """Find the alias that a variable's name means: variables can't be written in its case, nor with - or blanks."""
    wanted = name.casefold()
    exact = [alias for alias in known if alias.casefold() == wanted]
    similar = [alias for alias in known if re.sub(r"[-\s]", "_", alias).casefold() == wanted]
    return next(iter(exact + similar), name.lower())


# Files


def _files() -> list[_Source]:
    """Read the project's file and the user's, where there are any."""
    return [source for source in (_project_file(), _user_file()) if source is not None]


def _project_file() -> _Source | None:
    """Read the nearest file with our table, from the working directory upwards."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in PROJECT_FILES:
            path = folder / name
            table = _table(path) if os.path.isfile(path) else None  # noqa: PTH113 - an unreadable folder is no error
            if table is not None:
                # A folder that was cloned or unpacked may bring such a file along.
                return _file_source(path, table, trusted=False)
    return None


def _user_file() -> _Source | None:
    from platformdirs import user_config_path

    path = user_config_path(TOOL, appauthor=False) / PROJECT_FILES[0]
    return _file_source(path, _table(path) or {}) if path.is_file() else None


def _explicit_file(path: Path) -> _Source:
    if not path.is_file():
        raise ImproperlyConfigured(f"There is no settings file {str(path)!r}.")
    table = _table(path)
    if table is None:
        raise ImproperlyConfigured(f"{path} has no table [tool.{TOOL}.aliases.NAME] with settings of an alias.")
    return _file_source(path, table)


def _table(path: Path) -> Mapping[str, Any] | None:
    """Give our table of a TOML file, or ``None`` for a pyproject.toml that has none."""
    try:
        text = path.read_text(encoding="utf-8")
        inside = path.name == PROJECT_FILES[-1]
        if inside and TOOL not in text:
            # Whatever is wrong with somebody else's file is not ours to complain about.
            return None
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImproperlyConfigured(f"{path} is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{path} can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}."
        ) from None
    table = data.get("tool", {}).get(TOOL) if inside else data
    if table is not None and not isinstance(table, dict):
        raise ImproperlyConfigured(f"{path}: tool.{TOOL} must be a table.")
    return table


def _file_source(path: Path, table: Mapping[str, Any], *, trusted: bool = True) -> _Source:
    unknown = next((key for key in table if key != "aliases"), None)
    if unknown is not None:
        hint = " Did you mean 'aliases'?" if near(unknown, ["aliases"]) else ""
        raise ImproperlyConfigured(f"{path}: there is no setting {unknown!r}.{hint} Write tables [aliases.NAME].")
    aliases = table.get("aliases", {})
    if not isinstance(aliases, dict):
        raise ImproperlyConfigured(f"{path}: 'aliases' must be tables [aliases.NAME], not {type(aliases).__name__}.")
    said = {checked_alias(alias, str(path)): (str(path), raw) for alias, raw in aliases.items()}
    return _Source(said, path.parent, trusted)
