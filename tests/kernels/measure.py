"""How long stopping takes: ``python tests/kernels/measure.py`` prints a table in Markdown, in seconds.

Per engine and way to stop: the median of some presses while a statement has no row yet, and while rows are fetched.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "kernels")]

import endless  # noqa: E402 -- found beside this file only now
import servers  # noqa: E402
from button import Kernel  # noqa: E402
from endless import Endless  # noqa: E402
from targets import TARGETS, Target  # noqa: E402

import multidb_explorer as mdb  # noqa: E402
from multidb_explorer.connections.registry import databases  # noqa: E402
from multidb_explorer.connections.stopping import stoppable  # noqa: E402
from multidb_explorer.errors import QueryCancelled  # noqa: E402

TIMES = 3
AFTER = 0.4
LIMIT = 0.5

ASKED: dict[str, Callable[[], object]] = {
    "count": lambda: Endless.objects.count(),
    "to_pandas": lambda: Endless.objects.to_pandas(),
    "list": lambda: list(Endless.objects.all()),
}


@contextmanager
def new_url(target: Target) -> Iterator[str]:
    """Give an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        if target.server is None:
            yield f"{target.url_prefix}{folder}/x.db"
        else:
            yield target.require_server().create_database()


def by_button(url: str, asked: str) -> float:
    """Press the button of a kernel; the time until it is idle."""
    call = {"list": "list(Endless.objects.all())"}.get(asked, f"Endless.objects.{asked}()")
    kernel = Kernel(20.0)
    try:
        kernel.follow(
            f"import sys; sys.path.append({str(TESTS)!r})\nfrom endless import Endless, Number, make\n"
            f"make({url!r})\nfound = Number.objects.to_pandas()",
            None,
        )
        answers = [kernel.follow(f"print('begun', flush=True)\n{call}", AFTER) for _ in range(TIMES)]
    finally:
        kernel.close()
    if any(answer["error"] != "KeyboardInterrupt" for answer in answers):
        return float("nan")
    return statistics.median(answer["seconds"] for answer in answers)


def by_thread(url: str, asked: str) -> float:
    """Throw the switch from another thread; the time until the reading thread has ended."""
    database = endless.make(url)
    return statistics.median(_thrown(database, ASKED[asked]) for _ in range(TIMES))


def _thrown(database: object, ask: Callable[[], object]) -> float:
    def work() -> None:
        try:
            stop.watch_this_thread()
            ask()
        except QueryCancelled:
            pass

    with stoppable(database) as stop:  # type: ignore[arg-type]
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(AFTER)
        thrown = time.monotonic()
        stop()
        thread.join()
        return time.monotonic() - thrown


def by_limit(url: str, asked: str) -> float:
    """Let a time limit end it; the time beyond the limit."""
    endless.make(url)
    mdb.connect("here", url, statement_timeout=LIMIT)
    databases["here"].check()
    return statistics.median(_limited(ASKED[asked]) for _ in range(TIMES))


def _limited(ask: Callable[[], object]) -> float:
    started = time.monotonic()
    try:
        ask()
    except QueryCancelled:
        return time.monotonic() - started - LIMIT
    return float("nan")


WAYS = {"stop button": by_button, "other thread": by_thread, "statement_timeout": by_limit}


def main() -> None:
    """Print the table."""
    print("| engine | way | " + " | ".join(ASKED) + " |\n|---|---|" + "---:|" * len(ASKED))
    try:
        for target in TARGETS:
            for name, way in WAYS.items():
                cells = []
                for asked in ASKED:
                    with new_url(target) as url:
                        cells.append(f"{way(url, asked):.3f}")
                        mdb.configure({})
                print(f"| {target.title} | {name} | {' | '.join(cells)} |", flush=True)
    finally:
        servers.stop_shared()


if __name__ == "__main__":
    main()
