"""Random numbers that depend on who and what alone, never on the order in which they are drawn.

Each number is a function of (seed, customer, purpose, counter). That is what makes the shop counterfactual: a
customer's visit on day 400 rolls the same dice whoever else was contacted, however the customers are cut into
blocks, and however far the simulation runs.

References
----------
Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3 (counter-based generators).
Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators (the mixing function used here).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from penchant.simulate.columns import ColumnBlock

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Key = NDArray[np.uint64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _mixed(z: Key) -> Key:
    """Return the bits of each number stirred; the argument is used up."""
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return z


def _mixed_one(z: int) -> int:
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        z = ((z ^ (z >> shift)) * factor) & _MASK
    return z ^ (z >> 31)


@cache
def _purpose_key(purpose: str) -> int:
    return int.from_bytes(blake2b(purpose.encode(), digest_size=8).digest())


def _counter_key(purpose: str, counter: int | Int) -> np.uint64 | Key:
    start = _purpose_key(purpose)
    if isinstance(counter, int):
        return np.uint64(_mixed_one((start + _GOLDEN * counter) & _MASK))
    return _mixed(counter.astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(start))


@dataclass(frozen=True)
class Streams(ColumnBlock):
    """The dice of some customers.

    Parameters
    ----------
    keys
        One 64-bit key per customer.
    """

    keys: Key

    @classmethod
    def of(cls, seed: int, numbers: Int) -> Streams:
        """Return the dice of the customers (or items) with these numbers."""
        start = np.uint64(_mixed_one((seed + _GOLDEN) & _MASK))
        return cls(_mixed(numbers.astype(np.uint64) * np.uint64(_GOLDEN) + start))

    def uniform(self, purpose: str, counter: int | Int = 0) -> Float:
        """Return one number per row in the open interval (0, 1).

        Parameters
        ----------
        purpose
            What the number decides; different purposes are independent.
        counter
            Which of the numbers for this purpose: a day, or one counter per row.
        """
        bits = _mixed(self.keys ^ _counter_key(purpose, counter))
        return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, purpose: str, counter: int | Int = 0) -> Float:
        """Return one standard normal number per row."""
        return np.asarray(ndtri(self.uniform(purpose, counter)))

    def exponential(self, purpose: str, counter: int | Int = 0) -> Float:
        """Return one exponential number with mean 1 per row."""
        return -np.log(self.uniform(purpose, counter))
