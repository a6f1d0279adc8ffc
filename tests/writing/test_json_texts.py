"""JSON is known by a pattern only where Python reads it, however much else looks like it."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from multidb_explorer.writing.json_texts import _pattern, all_json, is_json

SCALARS = ["1", "-0", "1.5", "-2.50E+3", "1e5", '""', '"é\u2028\x7f"', '"\\u12aB\\n\\ud800"', "true", "false", "null"]
PIECES = [
    *'{}[],:"\\-+.0eE \n\t',
    '"a"',
    "NaN",
    "Infinity",
    "01",
    "\\u12",
    "\x01",
    "\x00",
    "\x0b",
    "\xa0",
    "\ufeff",
    "é",
]


def value(dice: random.Random, depth: int) -> str:
    kind, gap = dice.random(), dice.choice(["", " ", "\n\t\r "])
    if depth == 0 or kind < 0.3:
        return dice.choice(SCALARS)
    items = [value(dice, depth - 1) for _ in range(dice.randrange(4))]
    between = f"{gap},{gap}"
    if kind < 0.6:
        return f"[{gap}{between.join(items)}{gap}]"
    pairs = between.join(f'"k"{gap}:{gap}{item}' for item in items)
    return f"{{{gap}{pairs}{gap}}}"


def broken(dice: random.Random, text: str) -> str:
    place = dice.randrange(len(text) + 1)
    return text[:place] + dice.choice(["", *PIECES]) + text[place + dice.randrange(3) :]


@pytest.mark.parametrize("depth", [2, 3])
def test_a_pattern_speaks_for_nothing_that_is_no_json_and_for_all_that_lies_flat(depth) -> None:
    dice = random.Random(depth)
    texts = [value(dice, depth) for _ in range(2_000)]
    assert pc.all(pc.match_substring_regex(pa.array(texts), _pattern(depth))).as_py()
    wrong = [broken(dice, text) for text in texts] + ["".join(dice.choices(PIECES, k=4)) for _ in texts]
    simple = pc.match_substring_regex(pa.array(wrong), _pattern(depth)).to_pylist()
    assert [text for text, said in zip(wrong, simple, strict=True) if said and not is_json(text)] == []


@pytest.mark.parametrize("last", ["1,", "NaN", "[" * 9 + "]" * 9, "[" * 9, "1" * 5_000, f'"{"x" * 5_000}"', "1\n"])
@pytest.mark.parametrize("usual", ['{"n": 1, "tags": ["a"]}', '{"a": [{"b": "c"}]}', "[[[[1]]]]"])
def test_one_text_among_many_is_judged_as_if_it_were_alone(usual, last) -> None:
    assert all_json(pa.array([*[usual] * 1_500, last])) == is_json(last)
