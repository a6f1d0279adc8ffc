"""Chance that falls the same way every time, on every version of Python."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """A seeded generator built on ``random()`` alone: only that method is promised to give the same numbers for ever.

    Parameters
    ----------
    seed
        Dice of the same seed fall alike.

    Examples
    --------
    >>> Dice(1).whole(1, 6) == Dice(1).whole(1, 6)
    True
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def chance(self, probability: float) -> bool:
        """Say yes as often as the probability tells.

        Examples
        --------
        >>> Dice(1).chance(1.0)
        True
        """
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """Give a whole number, both ends included.

        Examples
        --------
        >>> 1 <= Dice(1).whole(1, 6) <= 6
        True
        """
        return low + int(self.random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Give one of several, each as often as the others.

        Examples
        --------
        >>> Dice(1).pick(["only"])
        'only'
        """
        return choices[int(self.random() * len(choices))]

    def weighed(self, choices: Sequence[T], weights: Sequence[float]) -> T:
        """Give one of several, the heavier the more often.

        Examples
        --------
        >>> Dice(1).weighed(["always", "never"], [1, 0])
        'always'
        """
        limits = list(accumulate(weights))
        return choices[bisect(limits, self.random() * limits[-1], hi=len(limits) - 1)]
