"""Small tables for a notebook cell and a terminal: everything that comes from outside is text, never HTML."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from html import escape
from itertools import zip_longest

__all__ = ["Cell", "html_table", "notice", "phrase_rows", "text_table"]

Cell = str | None
"""What one cell shows; ``None`` is shown as NULL, apart from every text."""

_WHOLE = "text-align:left;padding:2px 10px;white-space:pre-wrap;overflow-wrap:anywhere;min-width:14em;max-width:46em"
_STYLE = "text-align:left;padding:2px 10px;white-space:pre;max-width:32em;overflow:hidden;text-overflow:ellipsis"


def html_table(
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    caption: str = "",
    color: str | None = None,
    dots: Sequence[str | None] = (),
    right: Iterable[int] = (),
    whole: Iterable[int] = (),
) -> str:
    """Render a small HTML table whose colours follow the notebook's theme.

    Parameters
    ----------
    header, rows
        Texts; they are escaped here.
    caption
        A line above the table, escaped too.
    color
        A CSS colour for the bar beside the caption; it is validated where aliases are configured.
    dots
        A CSS colour a row, for a dot before its first cell.
    right
        Positions of the columns that are aligned to the right.
    whole
        Positions of the columns whose texts are wrapped and never cut.

    Examples
    --------
    >>> "&lt;b&gt;" in html_table(["name"], [["<b>"]])
    True
    """
    styles = [_STYLE] * len(header)
    for index in right:
        styles[index] = _STYLE.replace("left", "right")
    for index in whole:
        styles[index] = _WHOLE
    head = "".join(f'<th style="{style}">{escape(name)}</th>' for name, style in zip(header, styles, strict=True))
    body = "".join(
        _html_row(row, styles, dot) for row, dot in zip_longest(rows, dots, fillvalue=None) if row is not None
    )
    bar = f"border-left:4px solid {escape(color, quote=True)};padding-left:8px;" if color else ""
    above = f'<div style="{bar}margin:4px 0;opacity:.85">{escape(caption)}</div>' if caption else ""
    return f'<div>{above}<table style="margin:0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _html_row(row: Sequence[Cell], styles: Sequence[str], dot: str | None) -> str:
    mark = f'<span style="color:{escape(dot, quote=True)}">●</span> ' if dot else ""
    cells = (
        _html_cell(value, style, mark * (not place))
        for place, (value, style) in enumerate(zip(row, styles, strict=True))
    )
    return f"<tr>{''.join(cells)}</tr>"


def _html_cell(value: Cell, style: str, mark: str) -> str:
    if value is None:
        return f'<td style="{style}">{mark}<em style="opacity:.5">NULL</em></td>'
    return f'<td style="{style}">{mark}{escape(value)}</td>'


def text_table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Render a small table for a terminal.

    Examples
    --------
    >>> print(text_table(["id", "name"], [["1", None]]))
    id  name
    1   NULL
    """
    lines = [[*header], *([("NULL" if cell is None else cell) for cell in row] for row in rows)]
    flat = [[cell.replace("\n", "⏎") for cell in line] for line in lines]
    widths = [max(len(line[index]) for line in flat) for index in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in flat
    )


def notice(text: str) -> None:
    """Say one line beside a result: that it was cut, or that a part of it is missing.

    Examples
    --------
    >>> notice("only the first 10 rows are shown")
    """
    # Looked up now: a notebook puts its own stream in the place of the terminal's.
    sys.stderr.write(f"{text}\n")


def phrase_rows(count: int) -> str:
    """Count rows in words.

    Examples
    --------
    >>> phrase_rows(1), phrase_rows(2000)
    ('1 row', '2,000 rows')
    """
    return f"{count:,} row{'' if count == 1 else 's'}"
