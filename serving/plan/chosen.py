"""What an allocation gives to each crowd, and what that is expected to bring and may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ..audience.expected_result import Expected
from ..audience.holdout import SAFETY
from ..goals.eligible import Mask
from .options import CampaignCrowd


@dataclass(frozen=True, eq=False)
class Allotment:
    """What the allocation gives to one crowd.

    Attributes
    ----------
    crowd
        The campaign's customers and options.
    option
        (n,) the option of each customer, -1 for none.
    """

    crowd: CampaignCrowd
    option: npt.NDArray[np.intp]

    @property
    def taken(self) -> Mask:
        """(n,) who is in the campaign's audience."""
        return self.option >= 0

    def of(self, by_option: Floats) -> Floats:
        """Return (m,) the values of the chosen options of those taken."""
        rows = np.flatnonzero(self.taken)
        return by_option[rows, self.option[rows]]

    def by_arm(self, values: Floats) -> float:
        """Return the expected sum of (n, k) values over those treated, the holdout left out."""
        rows = np.flatnonzero(self.taken)
        if self.crowd.is_split:
            shares = self.crowd.shares[rows]
            total = np.where(shares > 0, shares * values[rows], 0.0).sum()
        else:
            total = values[rows, self.option[rows]].sum()
        return float(total * (1.0 - self.crowd.holdout))

    @property
    def expected(self) -> Expected:
        """What the campaign is expected to bring, all its waves together."""
        gain = self.crowd.gain
        moved, worth = (gain.uplift, gain.low, gain.high), (gain.value, gain.value_low, gain.value_high)
        return Expected(Estimate(*map(self.by_arm, moved)), Estimate(*map(self.by_arm, worth)), self.by_arm(gain.cost))


def most_spent(chosen: Sequence[Allotment]) -> float:
    """Return what the draws may spend: expected cost and four standard deviations, or all if that is less."""
    mean, variance, everyone = 0.0, 0.0, 0.0
    for each in chosen:
        treated = 1.0 - each.crowd.holdout
        cost, square = each.of(each.crowd.costs()), each.of(each.crowd.squared_costs())
        mean += float(cost.sum()) * treated
        variance += float((square * treated - (cost * treated) ** 2).sum())
        everyone += float(each.of(each.crowd.dearest()).sum())
    return min(everyone, mean + SAFETY * float(np.sqrt(max(variance, 0.0))))
