"""Draws that depend on nothing but a key and the customer: the same again, whatever the order or the machine."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.inputs.arrays import Floats


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
        The first 53 bits of SipHash-2-4 over the name, as pandas mixes them, with a key that BLAKE2b makes of
        ``key``.

    References
    ----------
    Aumasson & Bernstein (2012), SipHash: a fast short-input PRF. Aumasson et al. (2013), BLAKE2. RFC 7693.

    Examples
    --------
    >>> one, again = uniforms(["anna", "ben"], "7|spring|1"), uniforms(["ben"], "7|spring|1")
    >>> bool(one[1] == again[0]), bool(((one >= 0) & (one < 1)).all())
    (True, True)
    """
    bits = pd.util.hash_array(_texts(names), hash_key=_short(key), categorize=False)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _texts(names: Iterable[object]) -> npt.NDArray[np.object_]:
    """Return names as Python's strings in an array."""
    if isinstance(names, pd.Series) and isinstance(names.dtype, pd.StringDtype):
        return names.to_numpy(object)
    listed = [str(name) for name in (names.tolist() if isinstance(names, pd.Series) else names)]
    return np.array(listed, dtype=object)


def _short(key: str) -> str:
    """Return 96 bits of a key as the 16 characters that SipHash takes."""
    return b64encode(blake2b(key.encode(), digest_size=12).digest()).decode()
