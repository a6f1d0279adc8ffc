"""The stop button of a notebook: the cell ends at once, nothing runs on in the database, and the next cell works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import endless
import pytest
from targets import Target

AT_ONCE = 5.0
"""Seconds on a machine that does much else; alone it is a tenth of one."""

TESTS = str(Path(__file__).parents[1])

BEFORE_THE_FIRST_ROW = {
    "count": "Endless.objects.count()",
    "%%db": "get_ipython().run_cell_magic('db', 'here', 'SELECT count(*) FROM endless')",
}
BETWEEN_ROWS = {
    "to_pandas": "Endless.objects.to_pandas()",
    "list": "list(Endless.objects.all())",
    "%%db": "get_ipython().run_cell_magic('db', 'here --limit 0', 'SELECT * FROM endless')",
}
MEMORY = {"sqlite": "sqlite://", "duckdb": "duckdb:///:memory:"}


def prepare(kernel: Any, url: str) -> None:
    """Make the database in the kernel, and let it import what a first query imports."""
    kernel.run(
        f"import sys; {TESTS!r} in sys.path or sys.path.append({TESTS!r})\n"
        "import multidb_explorer as mdb\n"
        "from endless import Endless, Number, make\n"
        "get_ipython().run_line_magic('load_ext', 'multidb_explorer')\n"
        f"database = make({url!r})\n"
        "frame = Number.objects.to_pandas()"
    )


def state(kernel: Any) -> str:
    """Ask again on the same alias, and for the connections that are out."""
    return kernel.run("print(Number.objects.count(), getattr(database.engine.pool, 'checkedout', lambda: 0)())")


@pytest.fixture
def stopped(kernel: Any) -> Callable[[str], None]:
    """Press the button while a cell runs, and see that it ended and that the kernel's next question is answered."""

    def stopped(cell: str) -> None:
        answer = kernel.stop(cell)
        print(f"{answer.seconds:.2f} s: {cell}\n{answer.text}")
        assert (answer.error, answer.shown) == (
            "KeyboardInterrupt",
            "KeyboardInterrupt: The statement on alias 'here' was stopped.",
        )
        assert answer.seconds < AT_ONCE
        assert state(kernel) == "1000 0"

    return stopped


@pytest.mark.parametrize("cell", BEFORE_THE_FIRST_ROW.values(), ids=BEFORE_THE_FIRST_ROW)
def test_a_statement_without_a_row_yet_is_stopped(
    target: Target, url: str, kernel: Any, stopped: Callable[[str], None], cell: str
) -> None:
    prepare(kernel, url)
    stopped(cell)

    assert endless.running(target) == []
    assert endless.database_is_free(target, url)


@pytest.mark.parametrize("cell", BETWEEN_ROWS.values(), ids=BETWEEN_ROWS)
def test_a_fetch_is_stopped(target: Target, url: str, kernel: Any, stopped: Callable[[str], None], cell: str) -> None:
    prepare(kernel, url)
    stopped(cell)

    assert endless.running(target) == []
    assert endless.database_is_free(target, url)


def test_a_stopped_block_is_undone(target: Target, url: str, kernel: Any, stopped: Callable[[str], None]) -> None:
    prepare(kernel, url)
    stopped("with mdb.atomic('here'):\n    Number(id=5000, name='new').save()\n    Endless.objects.count()")

    assert endless.running(target) == []
    assert endless.database_is_free(target, url)


@pytest.mark.parametrize("url", MEMORY.values(), ids=MEMORY)
def test_a_memory_database_keeps_its_rows(url: str, kernel: Any, stopped: Callable[[str], None]) -> None:
    prepare(kernel, url)
    for cell in (BEFORE_THE_FIRST_ROW["count"], BEFORE_THE_FIRST_ROW["%%db"], BETWEEN_ROWS["list"]):
        stopped(cell)

    kernel.run("Number(id=5000, name='new').save()")
    assert state(kernel) == "1001 0"


def test_a_stopped_cell_of_ones_own_shows_where_it_was(kernel: Any) -> None:
    prepare(kernel, "sqlite://")
    answer = kernel.stop("import time\nwith mdb.atomic('here'):\n    time.sleep(60)")

    assert answer.error == "KeyboardInterrupt"
    assert "time.sleep(60)" in answer.shown
