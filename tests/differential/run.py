"""Run random programs on two sides and sum up where they disagree: ``python tests/differential/run.py --help``.

Without ``--engine`` the sides are Django and we, on SQLite; with one they are we on SQLite and we on that engine.
Programs that differ are grouped: by our error, by Django's error where we answer, else by what their smallest forms
call. A group shows its smallest programs with both answers and the SQL.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import judge
import ours
from outcomes import Failure, Outcome
from programs import program
from shrinking import skeleton
from targets import by_name
from trials import Side, Trial, by_django, by_ourselves, made_bookshop, other_bookshop, report, shrunk_trial

from multidb_explorer.connections.registry import databases


def main(arguments: argparse.Namespace) -> int:
    """Run, and print the summary; give 1 if any program differs."""
    # As in the tests.
    warnings.simplefilter("error")
    numbers = range(arguments.start, arguments.start + arguments.count)
    texts = arguments.text or [program(arguments.seed, number) for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        url = made_bookshop(Path(folder))
        with _sides(arguments.engine, url) as (theirs, ours_, names):
            differing = _compared(texts, theirs, ours_, same=bool(arguments.engine))
            for group, trials in _grouped(differing).items():
                _show(group, trials, (theirs, ours_), names, arguments)
        databases.clear()
        judge.close_bookshop()
    return int(bool(differing))


@contextmanager
def _sides(engine: str | None, url: str) -> Iterator[tuple[Side, Side, tuple[str, str]]]:
    """Give both sides and their names."""
    ours.open_bookshop(url)
    if engine is None:
        yield by_django, by_ourselves, ("Django", "ours")
        return
    target = by_name(engine)
    other = target.new_database()
    with other_bookshop(other):
        yield _reading(url), _reading(other), ("SQLite", target.title)
    databases.clear()
    target.drop_database(other)


def _reading(url: str) -> Side:
    """Make a side of ours that first turns to its own database."""

    def answered(text: str) -> Outcome:
        ours.open_bookshop(url)
        return by_ourselves(text)

    return answered


def _compared(texts: list[str], theirs: Side, ours_: Side, *, same: bool) -> list[Trial]:
    """Run all, one side after the other; print how many agree and give those that differ."""
    expected = [theirs(text) for text in texts]
    trials = [Trial(text, outcome, ours_(text), same) for text, outcome in zip(texts, expected, strict=True)]
    counts = Counter(trial.verdict for trial in trials)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return [trial for trial in trials if trial.verdict == "differ"]


def _grouped(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """Group trials by the error of either side; the largest group comes first, and shorter programs in each."""
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in sorted(trials, key=lambda trial: len(trial.text)):
        groups[_group(trial)].append(trial)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def _group(trial: Trial) -> str:
    if isinstance(trial.ours, Failure):
        both = isinstance(trial.theirs, Failure) and trial.ours.kinds
        refused = f", where it is {_error(trial.theirs)}" if both else ""
        return f"we raise {_error(trial.ours)}{refused}"
    if isinstance(trial.theirs, Failure):
        return f"we answer, where it is {_error(trial.theirs)}"
    return "answers differ"


def _error(failure: Failure) -> str:
    """Give an error's message; where it judges a program, without the names and values in it."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "_", failure.message)[:110]


def _show(
    group: str, trials: list[Trial], sides: tuple[Side, Side], names: tuple[str, str], arguments: argparse.Namespace
) -> None:
    """Print a group with its smallest programs, one of each kind."""
    print(f"\n=== {len(trials)} programs: {group}")
    most = arguments.shrink if group == "answers differ" else arguments.first
    alike: dict[str, list[tuple[Trial, Trial]]] = defaultdict(list)
    for trial in trials[:most]:
        small = shrunk_trial(trial, *sides)
        alike[skeleton(small.text)].append((small, trial))
    for calls, pairs in sorted(alike.items(), key=lambda item: -len(item[1])):
        small, trial = min(pairs, key=lambda pair: len(pair[0].text))
        print(f"\n--- {len(pairs)} of {min(most, len(trials))}: {calls}")
        print(report([small], names))
        print(f"  shrunk from: {trial.text}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500, help="how many programs")
    parser.add_argument("--start", type=int, default=0, help="the number of the first")
    parser.add_argument("--engine", choices=("postgresql", "mariadb", "duckdb"))
    parser.add_argument("--first", type=int, default=1, help="how many programs of a group of errors are shrunk")
    parser.add_argument("--shrink", type=int, default=30, help="how many programs with different answers are shrunk")
    parser.add_argument("--text", action="append", help="run this program instead; may be given again")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main(_arguments()))
