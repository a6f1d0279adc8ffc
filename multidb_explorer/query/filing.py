"""The files that rows become, written while they are read: Parquet, CSV, JSON lines, Excel, Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from multidb_explorer.errors import FieldValueError, MissingDriver, one_of

if TYPE_CHECKING:
    import os

    import pyarrow as pa

    from multidb_explorer.results.files import Sink

__all__ = ["Filed", "Stream", "required"]


@dataclass(frozen=True, eq=False)
class Stream:
    """Rows on their way: their schema, and batches that are read when they are taken."""

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Rows that nobody takes any more must not hold their connection until they are collected.
        close = getattr(self.batches, "close", None)
        if close is not None:
            close()


class Filed:
    """The part of what has rows that writes them to files."""

    if TYPE_CHECKING:

        def _stream(self, frame: str, batch_rows: int | None = None) -> Stream: ...
        def _json(self) -> list[str]: ...

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        *,
        batch_rows: int | None = None,
        compression: str = "zstd",
        overwrite: bool = False,
    ) -> int:
        """Write the rows to a Parquet file as they are read, in little memory, and give their number.

        The file appears when it is complete; after an error or a stop there is none, and an old one is as it was.
        What many readers of Parquet can't hold exactly is text: intervals (ISO 8601), and decimals of more than 38
        digits. No rows give a file with the columns.

        Parameters
        ----------
        batch_rows
            Rows that are fetched at a time; ``mdb.options.batch_rows`` if not given.
        compression
            ``zstd``, ``snappy``, ``gzip``, ``brotli``, ``lz4`` or ``none``.
        overwrite
            Whether a file that is there already is replaced.

        Raises
        ------
        WriteRefused
            Where there is a file already.
        FieldValueError
            For an unknown compression.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.to_parquet("categories.parquet", overwrite=True)
        13
        """
        from multidb_explorer.results.files import checked_path, write_parquet

        if compression not in _COMPRESSIONS:
            raise FieldValueError(f"compression is one of {one_of(_COMPRESSIONS)}, not {compression!r}.")
        target = checked_path(path, overwrite=overwrite)
        with self._stream("to_parquet", batch_rows) as stream:
            return write_parquet(stream.batches, stream.schema, target, compression=compression, overwrite=overwrite)

    def to_csv(
        self,
        path: str | os.PathLike[str] | Sink,
        *,
        delimiter: str = ",",
        header: bool = True,
        null: str = "",
        encoding: str = "utf-8",
        overwrite: bool = False,
    ) -> int:
        """Write the rows as CSV (RFC 4180) while they are read, in little memory, and give their number.

        Numbers have all their digits; dates and times are those of ISO 8601, bytes hexadecimal digits, lists JSON. An
        empty field is NULL and ``""`` an empty text. Texts are written as they are: one that begins with ``=`` is a
        formula to a spreadsheet.

        Parameters
        ----------
        path
            A file, which appears when it is complete, or something open to write text or bytes to.
        null
            What stands for NULL.
        encoding
            ``utf-8``, or ``utf-8-sig`` for Excel.
        overwrite
            Whether a file that is there already is replaced.

        Raises
        ------
        WriteRefused
            Where there is a file already.
        FieldValueError
            For options that could not be read back.

        Examples
        --------
        >>> import sys
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.filter(id__lt=3).order_by("id").to_csv(sys.stdout, delimiter=";")
        id;name;parent_id
        1;Kitchen;
        2;Tea;1
        2
        """
        from multidb_explorer.results.files import CsvForm, checked_target, write_csv

        form = CsvForm(delimiter, header, null, encoding)
        target = checked_target(path, overwrite=overwrite)
        with self._stream("to_csv") as stream:
            return write_csv(stream.batches, stream.schema, target, form, overwrite=overwrite)

    def to_jsonl(self, path: str | os.PathLike[str] | Sink, *, overwrite: bool = False) -> int:
        """Write each row as a line of JSON while they are read, in little memory, and give their number.

        Numbers have all their digits, also those that many readers round; JSON columns stand as they are stored; dates
        and times are those of ISO 8601, bytes hexadecimal digits; NaN and infinities are texts.

        Parameters
        ----------
        path, overwrite
            As for `to_csv`.

        Raises
        ------
        WriteRefused
            Where there is a file already.

        Examples
        --------
        >>> import sys
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> Category = mdb.reflect("categories")
        >>> Category.objects.filter(id__lt=3).order_by("id").to_jsonl(sys.stdout)
        {"id": 1, "name": "Kitchen", "parent_id": null}
        {"id": 2, "name": "Tea", "parent_id": 1}
        2
        """
        from multidb_explorer.results.exports import write_jsonl
        from multidb_explorer.results.files import checked_target

        target = checked_target(path, overwrite=overwrite)
        with self._stream("to_jsonl") as stream:
            return write_jsonl(stream.batches, self._json(), target, overwrite=overwrite)

    def to_excel(self, path: str | os.PathLike[str], *, sheet: str = "rows", overwrite: bool = False) -> int:
        """Write the rows to an Excel workbook as they are read, in little memory, and give their number.

        What a cell can't hold exactly is text: numbers of more than 15 digits, fractions of a millisecond, dates before
        March 1900 or after 9999, instants, which Excel has no time zones for. No text becomes a formula or a link. More
        than 1,048,575 rows go on in a second sheet.

        Parameters
        ----------
        sheet
            The name of the sheet.
        overwrite
            Whether a file that is there already is replaced.

        Raises
        ------
        MissingDriver
            Before any SQL, where XlsxWriter (the extra ``excel``) is not installed.
        WriteRefused
            Where there is a file already.
        ValueNotRepresentable
            For a text that is too long for a cell, and for more than 16,384 columns.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> mdb.reflect("categories").objects.to_excel("categories.xlsx", overwrite=True)
        13
        """
        from multidb_explorer.results.excel import checked_sheet, write_excel
        from multidb_explorer.results.files import checked_path

        required("xlsxwriter", "to_excel()", "excel")
        target, name = checked_path(path, overwrite=overwrite), checked_sheet(sheet)
        with self._stream("to_excel") as stream:
            return write_excel(stream.batches, stream.schema, target, sheet=name, overwrite=overwrite)

    def to_markdown(self) -> str:
        r"""Give the rows as a table in Markdown, for an issue or a message.

        Every value stands for itself, whatever marks it holds; NULL is an empty cell.

        Examples
        --------
        >>> import multidb_explorer as mdb
        >>> from multidb_explorer import demo
        >>> _ = demo.start("demo")
        >>> print(mdb.reflect("categories").objects.filter(id__lt=3).order_by("id").to_markdown())
        | id | name | parent\_id |
        | ---: | --- | ---: |
        | 1 | Kitchen |  |
        | 2 | Tea | 1 |
        """
        from multidb_explorer.results.exports import markdown_lines

        with self._stream("to_markdown") as stream:
            return "".join(text for _, text in markdown_lines(stream.batches, stream.schema)).rstrip("\n")


_COMPRESSIONS = ("zstd", "snappy", "gzip", "brotli", "lz4", "none")


def required(module: str, what: str, extra: str) -> None:
    """Refuse what needs a module that is not installed.

    Raises
    ------
    MissingDriver
        With the line that installs it.
    """
    if find_spec(module) is None:
        raise MissingDriver(
            f"{what} needs the Python module {module}, which is not installed. "
            f"Install it with: pip install 'multidb-explorer[{extra}]'"
        )
