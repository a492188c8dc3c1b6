"""Where a ranked list ends: at a marginal profit of nothing, or at the budget, the size or the coupons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from penchant.errors import InputError

from ...models.inputs.arrays import Floats
from ..goals.offers import Arm
from .holdout import cells_of, spending_bound

Reason = Literal["profit", "budget", "size", "coupons", "everyone"]


@dataclass(frozen=True)
class ListLimits:
    """The most that may be used; None: no limit.

    Parameters
    ----------
    budget
        Expected cost of contacts and offers, major units.
    size
        Customers in the audience, the control included.
    coupons
        Offers that may be issued to the treated.
    """

    budget: float | None = None
    size: int | None = None
    coupons: int | None = None

    def __post_init__(self) -> None:
        """Refuse limits below zero."""
        for name in ("budget", "size", "coupons"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 0:
                raise InputError(name, "zero or more", f"{limit}")

    def share(self, part: float) -> ListLimits:
        """Return a part of each limit, whole numbers rounded down."""
        return ListLimits(
            None if self.budget is None else self.budget * part,
            None if self.size is None else int(self.size * part + 1e-9),
            None if self.coupons is None else int(self.coupons * part + 1e-9),
        )


NO_LIMITS = ListLimits()


@dataclass(frozen=True, eq=False)
class Offered:
    """A ranked list, as far as cutting and drawing it needs: n customers, k arms.

    Attributes
    ----------
    customer_id, stratum
        (n,) in the order of rank.
    probabilities
        (n, k + 1) of control and arms.
    cost
        (n, k + 1) expected cost of each, the control's is zero.
    profit
        (n,) expected incremental profit of treating.
    arms
        The treatments.
    """

    customer_id: pd.Series
    stratum: pd.Series
    probabilities: Floats
    cost: Floats
    profit: Floats
    arms: Sequence[Arm]

    @property
    def issued(self) -> Floats:
        """(n, k + 1) how many coupons each takes."""
        per_arm = np.array([0.0, *(float(arm.offer.is_issued) for arm in self.arms)])
        return np.broadcast_to(per_arm, self.cost.shape)

    def head(self, n: int) -> Offered:
        """Return the first n."""
        return Offered(
            self.customer_id.iloc[:n],
            self.stratum.iloc[:n],
            self.probabilities[:n],
            self.cost[:n],
            self.profit[:n],
            self.arms,
        )


@dataclass(frozen=True)
class Cut:
    """How many of the ranked are taken, and what ended the list."""

    n: int
    reason: Reason


def cut_list(offered: Offered, limits: ListLimits, *, by_profit: bool = True, surely: bool = False) -> Cut:
    """Return where a ranked list ends.

    Parameters
    ----------
    offered
        The list, best first.
    limits
        What may be used. Decided before the arms are drawn, from what the draw can use at most, so that the cut
        tells nothing about anybody's arm.
    by_profit
        Whether the list also ends where the expected profit is no longer above zero.
    surely
        Whether no draw at all may pass the limits; else less than one in 30,000 does.
    """
    n = len(offered.profit)
    ends: dict[Reason, int] = {"everyone": n}
    if by_profit:
        ends["profit"] = int((offered.profit > 0).sum())
    if limits.size is not None:
        ends["size"] = min(limits.size, n)
    if limits.budget is not None:
        ends["budget"] = _within(offered, offered.cost, limits.budget, surely)
    if limits.coupons is not None:
        ends["coupons"] = _within(offered, offered.issued, limits.coupons, surely)
    reason = min(ends, key=lambda name: ends[name])  # of equals the first
    return Cut(ends[reason], reason)


def _within(offered: Offered, costs: Floats, limit: float, surely: bool) -> int:
    """Return how many of the first customers may be taken without using more than the limit."""
    if surely:
        most = np.where(offered.probabilities > 0, costs, 0.0).max(axis=1)
        used = np.cumsum(most)
    else:
        codes, _ = cells_of(offered.stratum, offered.probabilities)
        used = spending_bound(costs, offered.probabilities, codes)
    return int(np.searchsorted(used, limit * (1 + 1e-12), side="right"))
