"""Read every column type with values at its ends, our ways and others', and count what came back as it is stored.

``python benchmarks/fidelity.py [engine ...]`` prints the table, writes ``benchmarks/results/fidelity.json``, and puts
the table into ``docs/types.md``. Servers are started as the tests start them; a library that is not installed is left
out.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "fidelity")]

import targets  # noqa: E402
from extremes import CASES, create  # noqa: E402
from fidelity_table import (  # noqa: E402
    TITLES,
    counted,
    our_cells,
    peer_cells,
    replaced,
    summary,
    types_table,
    written,
)

import multidb_explorer as mdb  # noqa: E402
from benchmarks.common.measuring import machine, stored  # noqa: E402
from multidb_explorer.connections.registry import databases  # noqa: E402

PAGE = ROOT / "docs" / "types.md"
PACKAGES = {
    "pandas": "pandas", "pyarrow": "pyarrow", "polars": "polars", "connectorx": "connectorx", "duckdb": "duckdb",
    "adbc_driver_postgresql": "adbc-driver-postgresql", "adbc_driver_sqlite": "adbc-driver-sqlite",
    "sqlalchemy": "SQLAlchemy", "psycopg": "psycopg", "pymysql": "PyMySQL",
}  # fmt: skip


def of_engine(name: str) -> dict[str, Any]:
    """Read all cases of one engine by everybody."""
    url = targets.by_name(name).new_database(Path(tempfile.mkdtemp()))
    mdb.connect(name, url)
    with databases[name].begin() as connection:
        for statement in create(name):
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    cells = our_cells(name, name)
    # A file of DuckDB's is open in one process at a time.
    mdb.disconnect(name)
    return cells | peer_cells(name, url)


def main(engines: Sequence[str]) -> None:
    warnings.simplefilter("ignore")
    page = PAGE.read_text(encoding="utf-8")
    counts = {}
    result: dict[str, Any] = {"machine": machine(*(PACKAGES[name] for name in PACKAGES if find_spec(name)))}
    for name in engines or CASES:
        cells = of_engine(name)
        counts[name] = counted(cells)
        page = replaced(page, f"types of {name}", types_table(name, cells))
        page = replaced(page, f"cells of {name}", written(name, cells))
        print(f"\n{TITLES[name]}\n{written(name, cells)}")
        result[name] = {
            reader: [
                {"column": case.declared, "values": case.label, **vars(found)}
                for case, found in zip(CASES[name], cells[reader], strict=True)
            ]
            for reader in cells
        }
    print(f"\n{summary(counts)}")
    if not engines:
        page = replaced(page, "summary", summary(counts))
        stored("fidelity", {"counts": counts, **result})
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
