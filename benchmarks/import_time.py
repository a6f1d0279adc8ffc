"""What `import multidb_explorer` costs beside `import sqlalchemy`.

Fresh interpreters, one statement after the other and round by round, so that a busy moment of the
machine meets all of them alike. What counts is the ratio in one run; the empty interpreter's own time
is taken off.

    python benchmarks/import_time.py [rounds]
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from statistics import median

STATEMENTS = {
    "nothing": "pass",
    "import multidb_explorer": "import multidb_explorer",
    "import sqlalchemy": "import sqlalchemy",
    "import pandas": "import pandas",
}
PEER = "import sqlalchemy"


def seconds(statement: str) -> float:
    """Return how long a fresh interpreter takes from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, float]:
    """Return each statement's median time, without that of the bare interpreter."""
    for statement in STATEMENTS.values():
        # Once for the byte code and the disk's cache.
        seconds(statement)
    times = [{name: seconds(statement) for name, statement in STATEMENTS.items()} for _ in range(rounds)]
    medians = {name: median(row[name] for row in times) for name in STATEMENTS}
    bare = medians.pop("nothing")
    return {name: max(taken - bare, 0.0) for name, taken in medians.items()}


def main() -> None:
    """Measure and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    packages = ", ".join(f"{name} {version(name)}" for name in ("multidb_explorer", "SQLAlchemy", "pandas"))
    print(f"Import time: median of {rounds} fresh interpreters, alternating")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}; {packages}\n")
    taken = measure(rounds)
    for name, value in taken.items():
        print(f"{name:26}{value * 1000:8.1f} ms{value / taken[PEER]:8.2f} x {PEER}")


if __name__ == "__main__":
    main()
