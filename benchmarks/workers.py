"""10 million rows inside a memory limit that `to_pandas` exceeds: the workers of `to_dask` give the same answer.

Twice a `LocalCluster` of one worker asks the same SQLite file; its nanny ends a worker that comes near the limit. The
first worker reads the whole table with `to_pandas()`, the second the parts of `to_dask()`. The right answer is worked
out by the database. ``ROWS=200000 LIMIT_MB=...`` tries it on less.

Run it alone: ``python benchmarks/workers.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.measuring import machine, stored

ROWS = int(os.environ.get("ROWS", "10000000"))
# Above what Python and its libraries take, less than the table takes as a DataFrame.
LIMIT_MB = int(os.environ.get("LIMIT_MB", "700"))
PARTS = int(os.environ.get("PARTS", "40"))
TABLE = "CREATE TABLE big (id INTEGER PRIMARY KEY, k INTEGER NOT NULL, v DOUBLE NOT NULL, s TEXT NOT NULL)"
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO big SELECT i * 3, (i * 7919) % 10, ((i * 104729) % 100003) * 0.25, 'name ' || ((i * 31) % 5003) FROM n
"""


def made(folder: Path) -> Path:
    """Make the table: keys with gaps, numbers that floats add up exactly."""
    import sqlalchemy as sa

    path = folder / "big.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(sa.text(TABLE))
        connection.execute(sa.text(FILL), {"rows": ROWS})
    engine.dispose()
    return path


def rows_of(path: Path) -> Any:
    """Give the QuerySet of the table."""
    import multidb_explorer as mdb

    mdb.connect("big", f"sqlite:///{path}", read_only=True)
    return mdb.reflect("big", using="big").objects


def answer(frame: Any, compute: Any) -> dict[str, Any]:
    """Work the answer out of a frame: sums by group, and both ends of every column."""
    groups = frame.groupby("k").agg({"v": "sum", "id": "count"})
    ends = [getattr(frame[name], end)() for name in ("id", "k", "v", "s") for end in ("min", "max")]
    groups, *ends = compute(groups, *ends)
    by_key = {str(k): [float(v), int(n)] for k, v, n in groups.sort_index().itertuples()}
    return {"groups": by_key, "ends": [each.item() if hasattr(each, "item") else each for each in ends]}


def asked_of_the_database(path: Path) -> dict[str, Any]:
    import sqlite3

    with sqlite3.connect(path) as connection:
        groups = connection.execute("SELECT k, sum(v), count(id) FROM big GROUP BY k ORDER BY k").fetchall()
        columns = ", ".join(f"min({name}), max({name})" for name in ("id", "k", "v", "s"))
        ends = connection.execute(f"SELECT {columns} FROM big").fetchone()
    return {"groups": {str(k): [v, n] for k, v, n in groups}, "ends": list(ends)}


# In a process of its own


@contextmanager
def worker() -> Iterator[Any]:
    """Start one worker that is ended when it takes more than its memory: nothing is spilled, nothing begun again."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set(
        {
            "distributed.worker.memory.target": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.terminate": 0.95,
            "distributed.scheduler.allowed-failures": 0,
        }
    )
    limit = f"{LIMIT_MB}MB"
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, memory_limit=limit, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def whole(path: Path) -> dict[str, Any]:
    with worker() as client:
        found: dict[str, Any] = client.submit(lambda: answer(rows_of(path).to_pandas(), lambda *each: each)).result()
        return found


def parts(path: Path) -> dict[str, Any]:
    import dask

    with worker():
        return answer(rows_of(path).to_dask(npartitions=PARTS), dask.compute)


def run(side: str, path: Path) -> dict[str, Any]:
    """Run one side in a process of its own and say what came of it."""
    start = time.perf_counter()
    command = [sys.executable, str(Path(__file__).resolve()), side, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    seconds = round(time.perf_counter() - start, 1)
    if done.returncode:
        return {"seconds": seconds, "failed": (done.stderr.strip().splitlines() or ["killed"])[-1][:300]}
    return {"seconds": seconds, "answer": json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="multidb-workers-") as folder:
        path = made(Path(folder))
        right = asked_of_the_database(path)
        found = {side: run(side, path) for side in ("whole", "parts")}
    for side in found.values():
        side["right"] = side.pop("answer", None) == right
        said = side.get("failed") or ("the right answer" if side["right"] else "a wrong answer")
        print(f"{'to_pandas' if side is found['whole'] else 'to_dask':10}{side['seconds']:8.1f} s  {said}")
    result = {
        "rows": ROWS,
        "limit_mb": LIMIT_MB,
        "parts": PARTS,
        "to_pandas": found["whole"],
        "to_dask": found["parts"],
    }
    stored("workers", {**machine("dask", "distributed", "pandas", "pyarrow", "SQLAlchemy"), **result})
    if not found["parts"]["right"] or found["whole"]["right"]:
        sys.exit("to_dask must give the right answer inside the limit, and to_pandas must exceed it")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps({"whole": whole, "parts": parts}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main()
