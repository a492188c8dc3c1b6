"""Giants: the few amounts, of wholesalers mostly, whose noise drowns what a contact changes for everybody else.

Where the largest one in a hundred amounts hold a third of the variance or more, they are counted as the hundredth's
bound when effects are learned (winsorised), and up to five in a hundred where one is not enough. The bound is the same
in all arms, and the mean stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..inputs.arrays import Floats

# Share of the amounts that are not zero, at each end that has any, and the share of the variance that must go with it.
CAPPED = ((0.01, 0.3), (0.02, 0.5), (0.05, 0.65))
MOST_SCALED = 3.0  # what capped amounts may be raised by, so that their mean is that of all


@dataclass(frozen=True)
class Giants:
    """Bounds beyond which amounts are giants.

    Parameters
    ----------
    low, high
        In units of the outcome.
    scale
        What capped amounts are multiplied by, so that their mean is that of the amounts.
    n
        Rows beyond the bounds.
    """

    low: float
    high: float
    scale: float
    n: int

    def capped(self, y: Floats) -> Floats:
        """Return amounts with the bound in place of whatever lies beyond it, shape (n,)."""
        return np.clip(y, self.low, self.high)

    @property
    def words(self) -> str:
        """The same in words, without a full stop."""
        bound = f"above {self.high:,.2f}" + (f" or below {self.low:,.2f}" if self.low < 0 else "")
        return f"amounts {bound} ({self.n:,} rows) counted as just that"


def giants_in(y: Floats) -> Giants | None:
    """Return the bounds of amounts (n,), where giants carry a third of the variance or more; None where they do not.

    Examples
    --------
    >>> y = np.r_[np.zeros(500), np.arange(1, 500) / 10, 9000.0]
    >>> giants_in(y).n, giants_in(y[:-1])
    (5, None)
    """
    paid = y[y != 0]
    if len(paid) < 1 / CAPPED[0][0]:
        return None
    found, variance = None, float(y.var())
    for share, gone in CAPPED:
        low, high = np.quantile(paid, (share, 1 - share), method="inverted_cdf")
        low, high = min(float(low), 0.0), max(float(high), 0.0)
        capped = np.clip(y, low, high)
        if capped.var() >= (1 - gone) * variance:
            continue
        mean, variance = float(capped.mean()), float(capped.var())
        scale = float(y.mean()) / mean if mean else 1.0
        found = Giants(low, high, scale if 1 / MOST_SCALED < scale < MOST_SCALED else 1.0, int((capped != y).sum()))
    return found
