"""Arrow batches as the lines that LOAD DATA reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from multidb_explorer.backends.columns import ResultColumn
from multidb_explorer.backends.tabbed import hexadecimal, lines, texts

__all__ = ["Lines"]

# A text is no number to these types: "1" would be 49 in a BIT, and "0" the year 2000.
_NUMBERS = ("bit", "year")
_BYTES = "UNHEX({})"
_WHOLE = "CAST({} AS UNSIGNED)"


class Lines:
    r"""How the values of some columns are written.

    Parameters
    ----------
    columns
        What the batches hold.
    types
        The server's own name of each column's type.

    Attributes
    ----------
    read_as
        By column, the function that the server reads its text by, with a place for the text.

    Examples
    --------
    >>> from multidb_explorer.backends.kinds import Kind
    >>> columns = [ResultColumn("a", Kind("text")), ResultColumn("b", Kind("binary"))]
    >>> made = Lines(columns, {"a": "text", "b": "blob"})
    >>> made.read_as, bytes(made.encoded(pa.record_batch({"a": ["x"], "b": [b"y"]})))
    ({'b': 'UNHEX({})'}, b'x\t79\n')
    """

    def __init__(self, columns: Sequence[ResultColumn], types: Mapping[str, str]) -> None:
        self._kinds = [column.kind.name for column in columns]
        self.read_as = {
            column.name: function
            for column in columns
            if (function := _function(column.kind.name, types.get(column.name, "")))
        }

    def encoded(self, batch: pa.RecordBatch) -> memoryview:
        """Write whole rows."""
        return lines([_texts(array, kind) for array, kind in zip(batch.columns, self._kinds, strict=True)])


def _function(kind: str, type_: str) -> str:
    if kind == "binary":
        return _BYTES
    return _WHOLE if type_.startswith(_NUMBERS) else ""


def _texts(array: pa.Array, kind: str) -> pa.Array:
    return hexadecimal(array) if kind == "binary" else texts(array)
