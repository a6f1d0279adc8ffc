"""The same programs, answered by Django and by us from the same SQLite file.

A failure prints the smallest programs that differ, with both answers and both SQLs. The fresh programs of a run are
repeated with the seed that the failure names: ``MULTIDB_TEST_SEED=... pytest tests/differential -k fresh``.
"""

from __future__ import annotations

import os
import secrets

import pytest
from programs import program
from trials import Trial, by_django, by_ourselves, report, shrunk_trial

SEED = 2026
# Read once: the tests' own isolation takes MULTIDB_* out of the environment.
FRESH = int(os.environ.get("MULTIDB_TEST_SEED") or secrets.randbelow(10**9))
CHUNK = 500
SHOWN = 3
CHUNKS = [pytest.param(chunk, marks=pytest.mark.slow if chunk > 4 else ()) for chunk in range(20)]


def _agree(seed: int, chunk: int) -> None:
    texts = [program(seed, number) for number in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
    trials = [Trial(text, by_django(text), by_ourselves(text)) for text in texts]
    differing = [trial for trial in trials if trial.verdict == "differ"]
    smallest = [shrunk_trial(trial, by_django, by_ourselves) for trial in differing[:SHOWN]]
    assert not differing, f"{len(differing)} of {CHUNK} programs of MULTIDB_TEST_SEED={seed} differ\n{report(smallest)}"


@pytest.mark.parametrize("chunk", CHUNKS)
def test_ten_thousand_programs_agree_with_django(on_sqlite: str, chunk: int) -> None:
    _agree(SEED, chunk)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(4))
def test_two_thousand_fresh_programs_agree_with_django(on_sqlite: str, chunk: int) -> None:
    _agree(FRESH, chunk)
