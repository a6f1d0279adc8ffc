"""What is on screen as a file: written while it is read, in the background, whole or not there at all."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from multidb_explorer.controllers.base import BadRequest, Job, Message, Reply
from multidb_explorer.controllers.grid_part import GridPart
from multidb_explorer.controllers.stopping import Switch
from multidb_explorer.display import phrase_rows
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.results.exports import markdown_lines, write_inserts, write_jsonl, write_text
from multidb_explorer.results.files import CsvForm, checked_path, write_csv, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from multidb_explorer.controllers.grid import GridController

__all__ = ["FORMATS", "Exporting", "Format"]

MOST_BYTES = 20 * 2**20
"""Of a file that goes to the browser: it stands in its memory as a whole, and in one message."""
MOST_COPIED = 5000
"""Rows that go to the clipboard."""
_BATCH = 10_000
_TOLD_EVERY = 0.25

Batches = Iterator["pa.RecordBatch"]


@dataclass(frozen=True, eq=False)
class Task:
    """A file that is being written."""

    rows: QuerySet[Any]
    schema: pa.Schema
    batches: Batches
    path: Path
    overwrite: bool


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    module, extra
        What has to be installed for it.
    """

    title: str
    suffix: str
    write: Callable[[Task], int]
    module: str = ""
    extra: str = ""

    @property
    def refusal(self) -> str:
        """Why it can't be written here, or empty."""
        if not self.module or find_spec(self.module) is not None:
            return ""
        return f"pip install 'multidb-explorer[{self.extra}]'"


def _csv(task: Task) -> int:
    return write_csv(task.batches, task.schema, task.path, CsvForm(), overwrite=task.overwrite)


def _tsv(task: Task) -> int:
    return write_csv(task.batches, task.schema, task.path, CsvForm(delimiter="\t"), overwrite=task.overwrite)


def _parquet(task: Task) -> int:
    return write_parquet(task.batches, task.schema, task.path, compression="zstd", overwrite=task.overwrite)


def _excel(task: Task) -> int:
    from multidb_explorer.results.excel import sheet_for, write_excel

    sheet = sheet_for(str(task.rows.bound.table.name))
    return write_excel(task.batches, task.schema, task.path, sheet=sheet, overwrite=task.overwrite)


def _jsonl(task: Task) -> int:
    return write_jsonl(task.batches, task.rows._json(), task.path, overwrite=task.overwrite)  # noqa: SLF001


def _sql(task: Task) -> int:
    return write_inserts(task.batches, task.rows._insert_form(None, 100), task.path, overwrite=task.overwrite)  # noqa: SLF001


def _markdown(task: Task) -> int:
    return write_text(markdown_lines(task.batches, task.schema), task.path, overwrite=task.overwrite)


FORMATS: dict[str, Format] = {
    "csv": Format("CSV", ".csv", _csv),
    "parquet": Format("Parquet", ".parquet", _parquet),
    "excel": Format("Excel", ".xlsx", _excel, "xlsxwriter", "excel"),
    "jsonl": Format("JSON lines", ".jsonl", _jsonl),
    "sql": Format("SQL inserts", ".sql", _sql),
    "markdown": Format("Markdown", ".md", _markdown),
    "tsv": Format("Tab-separated", ".tsv", _tsv),
}


class Exporting(GridPart):
    """The part of a grid that writes its rows to files, and hands small ones to the browser.

    Examples
    --------
    >>> from multidb_explorer import demo
    >>> from multidb_explorer.controllers.grid import GridController
    >>> from multidb_explorer.models import reflect
    >>> _ = demo.start("demo")
    >>> grid = GridController(reflect("categories").objects)
    >>> export = {"type": "export", "id": "1", "format": "csv", "path": "kinds.csv", "overwrite": True}
    >>> grid.answer(export).message["text"].partition(" to ")[0]
    'Wrote 13 rows of categories'
    """

    name = "export"

    def __init__(self, grid: GridController) -> None:
        super().__init__(grid)
        self.intents = {"export_formats": self._formats, "export": self._export, "export_copy": self._copy}

    def _formats(self, _: Message) -> Reply:
        """Say what can be written, and where to if nobody says otherwise."""
        listed = [
            {"name": name, "title": form.title, "suffix": form.suffix, "refused": form.refusal}
            for name, form in FORMATS.items()
        ]
        stem = re.sub(r"[^\w.-]+", "_", self.grid.title).strip("._") or "rows"
        return Reply({"type": "formats", "formats": listed, "stem": stem, "folder": str(Path.cwd())})

    # Intents

    def _export(self, request: Message) -> Reply | Job:
        """Write to a path of the kernel's machine, or give the file to the browser."""
        form, rows = self._form(request), self._rows(request)
        if request.get("download") is True:
            return self._job(
                request, lambda switch: self._given(request, form, rows, _Watch(switch, most_bytes=4 * MOST_BYTES))
            )
        given = request.get("path")
        if not isinstance(given, str) or not given.strip():
            raise BadRequest("Say which file to write.")
        overwrite = request.get("overwrite") is True
        wanted = _path(given.strip())
        if wanted.is_file() and not overwrite:
            return Reply({"type": "exists", "text": f"There is a file {wanted} already."})
        try:
            path = checked_path(wanted, overwrite=overwrite)
        except OSError as error:
            raise BadRequest(str(error)) from None
        return self._job(request, lambda switch: self._written(request, form, rows, path, switch))

    def _copy(self, request: Message) -> Job:
        """Give a few rows as text, for the clipboard."""
        form, rows = self._form(request), self._rows(request)
        return self._job(request, lambda switch: self._given(request, form, rows, _Watch(switch, MOST_COPIED)))

    def _form(self, request: Message) -> Format:
        form = FORMATS.get(str(request.get("format")))
        if form is None:
            raise BadRequest(f"A format is one of {', '.join(FORMATS)}.")
        if form.refusal:
            raise BadRequest(f"{form.title} needs a package that is not installed: {form.refusal}")
        return form

    def _rows(self, request: Message) -> QuerySet[Any]:
        """Give the rows and columns that are meant: all that the filters leave, or those that are selected."""
        rows = self.grid.shown
        if request.get("selected") is True:
            rows = self.grid.selected()
            rows = rows.order_by(*self.grid.sort) if self.grid.sort else rows
        columns = request.get("columns")
        if columns is None:
            return rows
        known = [column["name"] for column in self.grid.columns]
        if not isinstance(columns, list) or not columns or not set(columns) <= set(known):
            raise BadRequest("Columns are chosen by their names.")
        return rows if columns == known else rows.values(*columns)

    def _job(self, request: Message, work: Callable[[Switch], Reply]) -> Job:
        def run(switch: Switch) -> Reply:
            # Sorting the grid meanwhile is no reason to end it: these rows were asked for.
            self.grid.release(switch)
            self.grid.tell(request, rows=0, estimate=self._estimate(request))
            return work(switch)

        return self.grid.job(run)

    def _estimate(self, request: Message) -> int | None:
        if request.get("selected") is True:
            return self.grid.selected_count
        return self.grid.row_count or self.grid.row_estimate

    # Work

    def _written(self, request: Message, form: Format, rows: QuerySet[Any], path: Path, switch: Switch) -> Reply:
        started = monotonic()
        try:
            count = self._write(request, form, rows, path, _Watch(switch))
        except OSError as error:
            raise BadRequest(f"{path} can't be written: {error.strerror or type(error).__name__}.") from None
        text = f"Wrote {phrase_rows(count)} of {self.grid.title} to {path}"
        seconds = monotonic() - started
        return Reply(
            {"type": "exported", "text": text, "rows": count, "bytes": path.stat().st_size, "seconds": seconds}
        )

    def _given(self, request: Message, form: Format, rows: QuerySet[Any], watch: _Watch) -> Reply:
        """Write into a folder of its own, and hand over what was written."""
        with tempfile.TemporaryDirectory(prefix="multidb-") as folder:
            path = Path(folder) / f"export{form.suffix}"
            count = self._write(request, form, rows, path, watch)
            if path.stat().st_size > MOST_BYTES:
                raise _too_large()
            data = path.read_bytes()
        return Reply({"type": "exported", "rows": count, "bytes": len(data)}, (data,))

    def _write(self, request: Message, form: Format, rows: Any, path: Path, watch: _Watch) -> int:
        chosen = rows._without_generated() if form.write is _sql else rows  # noqa: SLF001
        with chosen._stream("", _BATCH) as stream:  # noqa: SLF001
            batches = watch.batches(stream.batches, lambda count: self.grid.tell(request, rows=count))
            return form.write(Task(chosen, stream.schema, batches, path, request.get("overwrite") is True))


@dataclass(frozen=True)
class _Watch:
    """Looks after batches on their way into a file: tells of them, and ends them where somebody or a limit says so.

    Attributes
    ----------
    most_rows, most_bytes
        More are refused.
    """

    switch: Switch
    most_rows: int | None = None
    most_bytes: int | None = None

    def batches(self, batches: Iterable[pa.RecordBatch], tell: Callable[[int], None]) -> Batches:
        """Give the batches one by one."""
        rows, size, told = 0, 0, monotonic()
        for batch in batches:
            self.switch.check()
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if self.most_rows is not None and rows > self.most_rows:
                raise BadRequest(f"More than {self.most_rows:,} rows are too many for the clipboard: write a file.")
            if self.most_bytes is not None and size > self.most_bytes:
                raise _too_large()
            if monotonic() - told >= _TOLD_EVERY:
                told = monotonic()
                tell(rows)
            yield batch
        # Before the file takes its place.
        self.switch.check()


def _path(given: str) -> Path:
    """Make a path of what was typed, or refuse what the system takes for no name at all."""
    try:
        wanted = Path(given).expanduser()
        wanted.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise BadRequest(f"This path can't be used: {error.strerror}.") from None
    except ValueError:
        raise BadRequest("This path can't be used: it holds a character that no name can have.") from None
    except RuntimeError as error:
        raise BadRequest(str(error)) from None
    return wanted


def _too_large() -> BadRequest:
    return BadRequest(f"This is more than {MOST_BYTES // 2**20} MB, too much for a download: write a file instead.")
