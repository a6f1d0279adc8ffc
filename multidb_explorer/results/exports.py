"""Rows as lines of text for other programs: JSON, SQL statements, a table in Markdown."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from multidb_explorer.backends.base import Backend
from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.literals import written
from multidb_explorer.results.decoding import python_rows
from multidb_explorer.results.files import Sink, replacing
from multidb_explorer.results.spelling import spelt

__all__ = ["SqlForm", "markdown_lines", "write_inserts", "write_jsonl", "write_text"]


def write_text(lines: Iterable[tuple[int, str]], target: Path | Sink, *, overwrite: bool) -> int:
    """Write pieces of text to a file, or to one that is open, and give the number of rows in them.

    Parameters
    ----------
    lines
        Pairs of a number of rows and their text.
    """
    if isinstance(target, Path):
        with replacing(target, overwrite=overwrite) as file:
            return write_text(lines, file, overwrite=overwrite)
    rows, as_text = 0, isinstance(target, io.TextIOBase)
    for count, text in lines:
        target.write(text if as_text else text.encode())
        rows += count
    return rows


# JSON lines


def write_jsonl(
    batches: Iterable[pa.RecordBatch], json_columns: Collection[str], target: Path | Sink, *, overwrite: bool
) -> int:
    """Write each row as one line of JSON and give the number of rows.

    Parameters
    ----------
    json_columns
        Those that hold JSON already.
    """
    lines = ((batch.num_rows, _json_rows(batch, json_columns)) for batch in batches)
    return write_text(lines, target, overwrite=overwrite)


def _json_rows(batch: pa.RecordBatch, json_columns: Collection[str]) -> str:
    if not batch.num_rows:
        return ""
    parts: list[Any] = ["{"]
    for place, (name, array) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        head = f"{', ' if place else ''}{json.dumps(name, ensure_ascii=False)}: "
        parts += [head, _json_values(array, stored=name in json_columns)]
    parts += ["}\n"]
    large = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return "".join(pc.binary_join_element_wise(*large, pa.scalar("", pa.large_string())).to_pylist())


def _json_values(array: pa.Array, *, stored: bool) -> pa.Array:
    """Write each value as JSON: numbers with all their digits, everything without a form of its own as text."""
    type_ = array.type
    if pa.types.is_boolean(type_) or pa.types.is_integer(type_) or pa.types.is_decimal(type_):
        texts = spelt(array).cast(pa.large_string())
    elif stored:
        texts = _each(array, _json_text)
    elif pa.types.is_floating(type_):
        finite = pc.fill_null(pc.is_finite(array), fill_value=True)
        plain = spelt(array).cast(pa.large_string())
        texts = plain if pc.all(finite).as_py() is not False else pc.if_else(finite, plain, _quoted(plain))
    elif pa.types.is_list(type_):
        texts = spelt(array).cast(pa.large_string())
    else:
        texts = _quoted(spelt(array).cast(pa.large_string()))
    return pc.fill_null(texts, pa.scalar("null", pa.large_string()))


def _quoted(texts: pa.Array) -> pa.Array:
    """Write texts as JSON strings, all at once where nothing in them needs an escape."""
    special = pc.match_substring_regex(texts, '["\\\\\x00-\x1f]')
    if pc.any(special).as_py():
        return _each(texts, lambda text: json.dumps(text, ensure_ascii=False))
    mark = pa.scalar('"', pa.large_string())
    return pc.binary_join_element_wise(mark, texts, mark, pa.scalar("", pa.large_string()))


def _each(array: pa.Array, write: Callable[[str], str]) -> pa.Array:
    return pa.array([None if value is None else write(value) for value in array.to_pylist()], pa.large_string())


def _json_text(text: str) -> str:
    """Give stored JSON as it is, on one line; what is none after all, or too deep to tell, is a text."""
    try:
        json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)
    # Line breaks stand between the parts of JSON only: inside of its strings they are escaped.
    return text.replace("\r", " ").replace("\n", " ")


def _refused(constant: str) -> Any:
    """Refuse NaN and infinities, which Python reads and JSON does not have."""
    raise ValueError(constant)


# SQL


class SqlForm:
    """How rows of one table are written as INSERT statements of its database.

    Parameters
    ----------
    backend, dialect
        Whose SQL it is.
    table
        Where the rows go.
    columns
        The columns of the table, and what is read of each.
    rows_each
        Rows a statement.
    name
        The name of another table that the statements fill.
    """

    def __init__(
        self,
        backend: Backend,
        dialect: Dialect,
        table: sa.Table,
        columns: Sequence[tuple[str, ResultColumn]],
        rows_each: int,
        name: str | None = None,
    ) -> None:
        self._read = tuple(column for _, column in columns)
        self._quoting = backend.quoting
        self._rows_each = rows_each
        names = [name for name, _ in columns]
        self._insert = backend.insert_text(dialect, table, names, name)
        types = [table.c[name].type for name in names]
        self._binds = [type_.dialect_impl(dialect).bind_processor(dialect) for type_ in types]

    def text(self, batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, str]]:
        """Give the statements, with the number of rows in each."""
        if self._quoting.head:
            yield 0, f"{self._quoting.head}\n"
        for batch in batches:
            for start in range(0, batch.num_rows, self._rows_each):
                part = batch.slice(start, self._rows_each)
                rows = ",\n".join(map(self._row, python_rows(part, self._read)))
                yield part.num_rows, f"{self._insert}\n{rows};\n"

    def _row(self, values: Sequence[Any]) -> str:
        bound = (
            bind(value) if bind and value is not None else value
            for bind, value in zip(self._binds, values, strict=True)
        )
        return f"  ({', '.join(written(value, self._quoting) for value in bound)})"


def write_inserts(batches: Iterable[pa.RecordBatch], form: SqlForm, target: Path | Sink, *, overwrite: bool) -> int:
    """Write rows as INSERT statements and give the number of rows."""
    return write_text(form.text(batches), target, overwrite=overwrite)


# Markdown

# What would begin a cell, code, emphasis, a link or picture, a formula or a tag.
_MARKUP = str.maketrans({**{sign: f"\\{sign}" for sign in "|\\`*_~[]$"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"})


def markdown_lines(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[tuple[int, str]]:
    r"""Give a table in Markdown, in which every value stands for itself; NULL is an empty cell.

    Examples
    --------
    >>> table = pa.table({"n": [1], "name": ["a|b"]})
    >>> print("".join(text for _, text in markdown_lines(table.to_batches(), table.schema)), end="")
    | n | name |
    | ---: | --- |
    | 1 | a\|b |
    """
    numbers = [_is_number(field.type) for field in schema]
    yield (
        0,
        f"| {' | '.join(map(_marked, schema.names))} |\n| {' | '.join('---:' if n else '---' for n in numbers)} |\n",
    )
    for batch in batches:
        columns = [spelt(array).to_pylist() for array in batch.columns]
        for row in zip(*columns, strict=True):
            yield 1, f"| {' | '.join('' if text is None else _marked(text) for text in row)} |\n"


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def _marked(text: str) -> str:
    lines = text.translate(_MARKUP).replace("\r\n", "\n").replace("\r", "\n")
    return lines.replace("\n", "<br>")
