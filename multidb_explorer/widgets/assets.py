"""Join the browser's modules into one text.

anywidget imports a widget's module from a blob address, where relative imports fail. So the modules are written as
plain ES modules, which tests and the type checker read as they are, and are put one after the other here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["STATIC", "module_names", "script", "style"]

STATIC = Path(__file__).parent / "static"

_IMPORT = re.compile(r'^import\s[^;]*?from "\./(?P<name>\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|function|class)\b)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default [^;]+;\n", re.MULTILINE)


@cache
def module_names(stem: str) -> tuple[str, ...]:
    """Give a module and all that it imports, what is imported first.

    Examples
    --------
    >>> module_names("alias_picker")
    ('core', 'popup', 'sheet', 'alias_dialog', 'alias_picker')
    """
    names: list[str] = []
    for found in _IMPORT.finditer(_read(f"{stem}.js")):
        names += [name for name in module_names(found["name"]) if name not in names]
    return (*names, stem)


@cache
def script(stem: str) -> str:
    """Give the one module of a widget.

    Examples
    --------
    >>> script("alias_picker").rstrip().endswith("export default { render: renderAliasPicker };")
    True
    """
    parts = [_joined(name, own=name == stem) for name in module_names(stem)]
    return "\n".join(parts)


def _joined(name: str, *, own: bool) -> str:
    text = _EXPORT.sub("", _IMPORT.sub("", _read(f"{name}.js")))
    return text if own else _DEFAULT.sub("", text)


@cache
def style(stem: str) -> str:
    """Give the stylesheet of a widget: those of its modules, in the same order."""
    return "\n".join(_read(f"{name}.css") for name in module_names(stem) if (STATIC / f"{name}.css").exists())


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
