"""How a QuerySet looks as the last line of a cell: one LIMITed query, its alias, and whether there is more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multidb_explorer.connections.registry import databases
from multidb_explorer.display import Cell, html_table, text_table
from multidb_explorer.errors import MultiDBError
from multidb_explorer.options import options

if TYPE_CHECKING:
    from multidb_explorer.query.queryset import QuerySet

__all__ = ["as_text", "bundle", "cell_text"]


@dataclass(frozen=True)
class _Preview:
    header: list[str]
    rows: list[list[Cell]]
    caption: str
    color: str | None
    right: list[int]

    def text(self) -> str:
        return f"{self.caption}\n{text_table(self.header, self.rows)}"

    def html(self) -> str:
        return html_table(self.header, self.rows, caption=self.caption, color=self.color, right=self.right)


def as_text(queryset: QuerySet[Any]) -> str:
    """Show a QuerySet in a terminal; a database that can't be asked is said, not raised."""
    try:
        return _preview(queryset).text()
    except MultiDBError as error:
        return f"<QuerySet on {queryset.db!r}: {type(error).__name__}: {error}>"


def bundle(queryset: QuerySet[Any]) -> dict[str, str]:
    """Show a QuerySet in a notebook: both forms from one query."""
    preview = _preview(queryset)
    return {"text/plain": preview.text(), "text/html": preview.html()}


def cell_text(value: Any, limit: int | None = None) -> Cell:
    """Show one value, cut where it would flood the page; ``None`` stays ``None``.

    Examples
    --------
    >>> cell_text(b"ab"), cell_text(None)
    ('0x6162', None)
    """
    if value is None:
        return None
    text = f"0x{value.hex()}" if isinstance(value, bytes) else str(value).replace("\n", "⏎")
    limit = limit or options.preview_characters
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _preview(queryset: QuerySet[Any]) -> _Preview:
    limit = options.preview_rows
    found = queryset[: limit + 1].to_arrow()
    rows = [list(row.values()) for row in found.slice(0, limit).to_pylist()] if found.num_columns else []
    more = found.num_rows > limit
    count = (
        f"first {limit} rows, there are more" if more else f"{found.num_rows} row{'' if found.num_rows == 1 else 's'}"
    )
    database = databases[queryset.db]
    mark = " · read-only" if database.read_only else ""
    numeric = [i for i, field in enumerate(queryset.fields) if field.kind.name in ("integer", "float", "decimal")]
    return _Preview(
        header=[field.name for field in queryset.fields],
        rows=[[cell_text(value) for value in row] for row in rows],
        caption=f"{queryset.bound.table.name} on {queryset.db}{mark} · {count}",
        color=database.color,
        right=numeric,
    )
