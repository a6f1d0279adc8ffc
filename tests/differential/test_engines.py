"""The same programs, answered by us from the same rows on SQLite and on every other engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from programs import program
from targets import TARGETS, Target
from trials import Trial, by_ourselves, other_bookshop, report

SEED = 2026
SOME, ALL = 250, 12_000
SHOWN = 3
OTHERS = [
    pytest.param(target, id=target.name, marks=[] if target.embedded else pytest.mark.server)
    for target in TARGETS
    if target.name != "sqlite"
]


def _agree(target: Target, new_database: Callable[..., str], texts: list[str]) -> None:
    expected = [by_ourselves(text) for text in texts]
    with other_bookshop(new_database(target)):
        trials = [
            Trial(text, theirs, by_ourselves(text), same=True) for text, theirs in zip(texts, expected, strict=True)
        ]
    differing = [trial for trial in trials if trial.verdict == "differ"]
    shown = report(sorted(differing, key=lambda trial: len(trial.text))[:SHOWN], ("SQLite", target.title))
    assert not differing, f"{len(differing)} of {len(texts)} programs differ\n{shown}"


@pytest.mark.parametrize("target", OTHERS)
def test_some_programs_agree_with_sqlite(target: Target, on_sqlite: str, new_database: Callable[..., str]) -> None:
    _agree(target, new_database, [program(SEED, number) for number in range(SOME)])


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("target", OTHERS)
def test_all_programs_agree_with_sqlite(target: Target, on_sqlite: str, new_database: Callable[..., str]) -> None:
    _agree(target, new_database, [program(SEED, number) for number in range(SOME, ALL)])
