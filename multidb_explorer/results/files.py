"""Rows as a file: streamed, whole or not there at all."""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from multidb_explorer.errors import FieldValueError, WriteRefused, one_of
from multidb_explorer.results.spelling import spelt

__all__ = [
    "CsvForm",
    "Sink",
    "checked_path",
    "checked_target",
    "parquet_schema",
    "replacing",
    "write_csv",
    "write_parquet",
]

# A row group of Parquet is kept in memory until it is written: whichever of the two is reached first ends it.
_GROUP_ROWS = 131_072
_GROUP_BYTES = 64 * 2**20
_SUBSTITUTE = b"multidb_explorer:type"
_PLAIN_DELIMITERS = frozenset(",;\t|")
_END = "\r\n"


class Sink(Protocol):
    """What can be written to: a text or binary file that is open."""

    def write(self, data: Any, /) -> Any:
        """Take some more."""
        ...


# Files


def checked_path(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Give the path of a file that may be written, before anything is read for it.

    Raises
    ------
    WriteRefused
        Where there is a file already and nobody said to replace it.
    FileNotFoundError
        Where its folder is missing.

    Examples
    --------
    >>> checked_path("fresh.csv", overwrite=False).name
    'fresh.csv'
    """
    wanted = Path(path).expanduser()
    if not wanted.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(wanted.parent)!r} to write {wanted.name!r} into.")
    if wanted.is_dir():
        raise IsADirectoryError(f"{str(wanted)!r} is a folder; name a file in it.")
    if wanted.exists() and not overwrite:
        raise WriteRefused(
            f"There is a file {str(wanted)!r} already, and it was left as it is. "
            f"Say overwrite=True to replace it, or name another one."
        )
    return wanted


def checked_target(target: str | os.PathLike[str] | Sink, *, overwrite: bool) -> Path | Sink:
    """Give what is written to: the path of a file as `checked_path` does, or what is open already.

    Examples
    --------
    >>> checked_target("fresh.csv", overwrite=False).name
    'fresh.csv'
    """
    return checked_path(target, overwrite=overwrite) if isinstance(target, str | os.PathLike) else target


@contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Write beside a file and put the whole in its place at the end; whatever goes wrong leaves nothing behind."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        checked_path(path, overwrite=overwrite)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


# Parquet


def parquet_schema(schema: pa.Schema) -> pa.Schema:
    """Give the schema of a Parquet file that every reader reads exactly.

    What Parquet can't hold, or many readers round, is text: intervals, and decimals of more than 38 digits. The
    field's metadata names the type that was meant.

    Examples
    --------
    >>> parquet_schema(pa.schema({"n": pa.decimal256(76, 38)})).field("n").type
    DataType(string)
    """
    return pa.schema([_storable(field) for field in schema])


def _storable(field: pa.Field) -> pa.Field:
    if not _foreign(field.type):
        return field
    return pa.field(field.name, pa.string(), field.nullable, {_SUBSTITUTE: str(field.type).encode()})


def _foreign(type_: pa.DataType) -> bool:
    if pa.types.is_list(type_):
        return _foreign(type_.value_type)
    return bool(pa.types.is_interval(type_) or pa.types.is_decimal256(type_))


def write_parquet(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path, *, compression: str, overwrite: bool
) -> int:
    """Write batches to a Parquet file and give the number of rows."""
    import pyarrow.parquet as pq

    stored = parquet_schema(schema)
    rows = 0
    with replacing(path, overwrite=overwrite) as file, pq.ParquetWriter(file, stored, compression=compression) as out:
        for group in _groups(batches):
            out.write_table(pa.Table.from_batches([_stored(batch, stored) for batch in group], stored))
            rows += sum(batch.num_rows for batch in group)
    return rows


def _stored(batch: pa.RecordBatch, stored: pa.Schema) -> pa.RecordBatch:
    arrays = [
        array if array.type == field.type else spelt(array) for array, field in zip(batch.columns, stored, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=stored)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(each.num_rows for each in group) >= _GROUP_ROWS or sum(each.nbytes for each in group) >= _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


# CSV


@dataclass(frozen=True)
class CsvForm:
    r"""How a CSV file is written; what could be misread is refused.

    Attributes
    ----------
    delimiter
        One character between the fields.
    header
        Whether the first line names the columns.
    null
        What stands for NULL; a value that looks like it is quoted.
    encoding
        ``utf-8``, or ``utf-8-sig`` with the mark by which Excel knows it.

    Examples
    --------
    >>> CsvForm(delimiter=";").delimiter
    ';'
    """

    delimiter: str = ","
    header: bool = True
    null: str = ""
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise FieldValueError(f"delimiter is one character, and no quote or line break; not {self.delimiter!r}.")
        if any(sign in self.null for sign in ('"', "\r", "\n", self.delimiter)):
            raise FieldValueError(
                f"null can't hold quotes, line breaks or the delimiter {self.delimiter!r}; not {self.null!r}."
            )
        if self.encoding not in ("utf-8", "utf-8-sig"):
            raise FieldValueError(f"encoding is one of {one_of(('utf-8', 'utf-8-sig'))}, not {self.encoding!r}.")


def write_csv(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, target: Path | Sink, form: CsvForm, *, overwrite: bool
) -> int:
    """Write batches to a CSV file, or to one that is open, and give the number of rows.

    Raises
    ------
    FieldValueError
        For a target that can't be written to.
    """
    if isinstance(target, Path):
        with replacing(target, overwrite=overwrite) as file:
            return _write_lines(batches, schema, file, form)
    return _write_lines(batches, schema, target, form)


def _write_lines(batches: Iterable[pa.RecordBatch], schema: pa.Schema, out: Sink, form: CsvForm) -> int:
    as_text = isinstance(out, io.TextIOBase)

    def write(data: bytes | memoryview) -> None:
        out.write(bytes(data).decode("utf-8") if as_text else data)

    if form.encoding == "utf-8-sig" and not as_text:
        write(b"\xef\xbb\xbf")
    if form.header:
        names = _field(pa.array(schema.names, pa.large_string()), form, free=True).to_pylist()
        write((form.delimiter.join(names) + _END).encode())
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        for line in _lines(batch, form):
            write(line)
    return rows


def _lines(batch: pa.RecordBatch, form: CsvForm) -> Iterator[memoryview]:
    """Give the lines of a batch as they stand one after the other in Arrow's own memory."""
    if not batch.num_rows or not batch.num_columns:
        return
    plain = form.delimiter in _PLAIN_DELIMITERS and not form.null
    fields = [
        _field(spelt(array).cast(pa.large_string()), form, free=_is_free(array.type) or not plain)
        for array in batch.columns
    ]
    lines = _joined([_joined(fields, form.delimiter), _text(_END)], "")
    offsets = memoryview(lines.buffers()[1]).cast("q")
    start, end = offsets[lines.offset], offsets[lines.offset + len(lines)]
    yield memoryview(lines.buffers()[2])[start:end]


def _joined(parts: Sequence[Any], between: str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _text(between))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _is_free(type_: pa.DataType) -> bool:
    """Tell whether any character may occur in the texts of a type."""
    return any(
        test(type_)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary, pa.types.is_nested)
    )


def _field(texts: pa.Array, form: CsvForm, *, free: bool) -> pa.Array:
    """Quote what would be read as something else: an empty text is quoted, since an empty field is NULL."""
    if free:
        unsafe = pc.match_substring_regex(texts, f'["\r\n{re.escape(form.delimiter)}]|^$')
        if form.null:
            unsafe = pc.or_(unsafe, pc.equal(texts, _text(form.null)))
        quoted = _joined([_text('"'), pc.replace_substring(texts, '"', '""'), _text('"')], "")
        texts = pc.if_else(unsafe, quoted, texts)
    return pc.fill_null(texts, _text(form.null))
