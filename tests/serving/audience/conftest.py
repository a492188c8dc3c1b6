"""Who is in the universal control, computed without the code that draws it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pytest

UniversalControl = Callable[[Iterable[str], int, float], npt.NDArray[np.bool_]]
MASK = 2**64 - 1


def _turned(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & MASK


def siphash(key: bytes, message: bytes) -> int:
    """Return SipHash-2-4 (Aumasson & Bernstein 2012)."""
    k0, k1 = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    a, b = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    c, d = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    padded = message + bytes(-(len(message) + 1) % 8) + bytes([len(message) % 256])
    words = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]
    for word, rounds in [*((word, 2) for word in words), (0, 4)]:
        d ^= word
        if rounds == 4:
            c ^= 0xFF
        for _ in range(rounds):
            a, c = (a + b) & MASK, (c + d) & MASK
            b, d = _turned(b, 13) ^ a, _turned(d, 16) ^ c
            a = _turned(a, 32)
            c, a = (c + b) & MASK, (a + d) & MASK
            b, d = _turned(b, 17) ^ c, _turned(d, 21) ^ a
            c = _turned(c, 32)
        a ^= word
    return a ^ b ^ c ^ d


def drawn(name: str, key: str) -> float:
    """Return a customer's number in [0, 1): SipHash under 96 bits of BLAKE2b of the key, mixed as pandas does."""
    bits = siphash(b64encode(blake2b(key.encode(), digest_size=12).digest()), name.encode())
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        bits = (bits ^ bits >> shift) * factor % 2**64
    return float((bits >> 11) * 2.0**-53)


@pytest.fixture(scope="session")
def held_out() -> UniversalControl:
    """Return a function that says who is never contacted, by a seed and the share held out."""

    def held(customer_id: Iterable[str], seed: int, share: float) -> npt.NDArray[np.bool_]:
        return np.array([drawn(name, f"{seed}|universal control") < share for name in customer_id], dtype=bool)

    return held
