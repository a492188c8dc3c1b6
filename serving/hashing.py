"""Draws that depend on nothing but a key and the customer: the same again, whatever the order or the machine."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import pandas as pd

from ..models.inputs import Floats


def uniforms(names: Iterable[object], key: str) -> Floats:
    """Return a number in [0, 1) for each name, fixed by the name and the key.

    Parameters
    ----------
    names
        Customers, or strata.
    key
        What the draw is for; other keys give independent numbers.

    Returns
    -------
    ndarray of shape (n,)
        The first 53 bits of BLAKE2b over key and name.

    References
    ----------
    Aumasson et al. (2013), BLAKE2: simpler, smaller, fast as MD5. RFC 7693.

    Examples
    --------
    >>> one, again = uniforms(["anna", "ben"], "7|spring|1"), uniforms(["ben"], "7|spring|1")
    >>> bool(one[1] == again[0]), bool(((one >= 0) & (one < 1)).all())
    (True, True)
    """
    start = blake2b(f"{len(key)}|{key}|".encode(), digest_size=8).copy
    digests = bytearray()
    for name in names.tolist() if isinstance(names, pd.Series) else names:
        state = start()
        state.update(str(name).encode())
        digests += state.digest()
    return (np.frombuffer(bytes(digests), dtype=">u8") >> np.uint64(11)).astype(np.float64) * 2.0**-53
