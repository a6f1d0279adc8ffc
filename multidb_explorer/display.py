"""Small tables for a notebook cell and a terminal: everything that comes from outside is text, never HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["Cell", "html_table", "text_table"]

Cell = str | None
"""What one cell shows; ``None`` is shown as NULL, apart from every text."""

_STYLE = "text-align:left;padding:2px 10px;white-space:pre;max-width:32em;overflow:hidden;text-overflow:ellipsis"


def html_table(
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    caption: str = "",
    color: str | None = None,
    right: Iterable[int] = (),
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
    right
        Positions of the columns that are aligned to the right.

    Examples
    --------
    >>> "&lt;b&gt;" in html_table(["name"], [["<b>"]])
    True
    """
    aligned = set(right)
    styles = [_STYLE.replace("left", "right") if index in aligned else _STYLE for index in range(len(header))]
    head = "".join(f'<th style="{style}">{escape(name)}</th>' for name, style in zip(header, styles, strict=True))
    body = "".join(
        "<tr>" + "".join(_html_cell(value, style) for value, style in zip(row, styles, strict=True)) + "</tr>"
        for row in rows
    )
    bar = f"border-left:4px solid {escape(color, quote=True)};padding-left:8px;" if color else ""
    above = f'<div style="{bar}margin:4px 0;opacity:.85">{escape(caption)}</div>' if caption else ""
    return f'<div>{above}<table style="margin:0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _html_cell(value: Cell, style: str) -> str:
    if value is None:
        return f'<td style="{style}"><em style="opacity:.5">NULL</em></td>'
    return f'<td style="{style}">{escape(value)}</td>'


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
