"""What one success of a goal is worth to the shop, in major units: the margin that comes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ..goals.catalogue import Goal

MARGIN_SHARE = 0.3  # an assumption, where the shop does not know what its goods cost
SHOP_COUNTS_AS = 1.4  # orders: the weight of the shop's mean beside a customer's own; see `usual_amount`
LEAST_CHANCE = 0.05  # what a likely buyer spends is not blown up by dividing through less


@dataclass(frozen=True)
class Rates:
    """What the shop's orders say of the worth of a success.

    Attributes
    ----------
    margin_share
        Margin as a share of the amount paid.
    is_assumed
        Whether that share is not the shop's own.
    order_amount
        Mean amount of a customer's purchases, averaged over customers, major units.
    order_worth
        Stage -> how many times its own margin an order is worth over the year, as `stage_values` finds it; a stage
        that is not there: once.
    """

    margin_share: float
    is_assumed: bool
    order_amount: float
    order_worth: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is taken for granted, in words."""
        found = []
        if self.is_assumed:
            text = f"a margin of {self.margin_share:.0%} is assumed, because the shop does not have items.unit_cost"
            found.append(text)
        if self.order_worth:
            factors = ", ".join(f"{name} x{factor:.1f}" for name, factor in self.order_worth.items())
            found.append(f"an order counts with what follows from it within a year: {factors}")
        return tuple(found)


def rates_of(known: pd.DataFrame, margin_share: float | None = None) -> Rates:
    """Return what the shop's customers, as `known_and` gives them, say of the worth of a success.

    Parameters
    ----------
    known
        All customers.
    margin_share
        The shop's margin as a share of sales; None: as its costs say, else assumed.
    """
    amount = known["amount_mean"] if "amount_mean" in known else pd.Series(dtype=float)
    share = _margin_share(known) if margin_share is None else margin_share
    order_amount = float(amount.mean()) if amount.notna().any() else float("nan")
    return Rates(MARGIN_SHARE if share is None else share, share is None, order_amount)


def _margin_share(known: pd.DataFrame) -> float | None:
    if not {"margin_365d", "amount_365d"} <= set(known) or not known["amount_365d"].sum() > 0:
        return None
    return float(known["margin_365d"].sum() / known["amount_365d"].sum())


def success_worth(
    known: pd.DataFrame, goal: Goal, rates: Rates, value: Floats | None = None, chance: Floats | None = None
) -> dict[str, Floats]:
    """Return what one success of a goal is worth for each customer.

    Parameters
    ----------
    known
        (n,) customers as `known_and` gives them.
    goal
        Says what counts as success.
    rates
        The shop's.
    value, chance
        (n,) expected amount within a horizon, and probability of a purchase within the same, where models say so:
        whoever comes then spends ``value / chance``.

    Returns
    -------
    dict of str to ndarray of shape (n,)
        ``margin``, major units. Where it is known what orders are worth over the year, a usual order of the customer
        (`usual_amount`) times that, with ``margin_low`` and ``margin_high``; else of one order: of what a model
        expects, or a usual one. For a payment, of the open order. A visit or an interest is worth the share of it that
        `goal_rates` gives.
    """
    amount = usual_amount(known, rates)
    if rates.order_worth and goal.outcome != "payment" and "stage" in known:
        once = Estimate(1.0, 1.0, 1.0)
        factors = [rates.order_worth.get(name, once) for name in known["stage"]]
        margin = amount * rates.margin_share
        ends = {"": "value", "_low": "low", "_high": "high"}
        return {f"margin{end}": margin * np.array([getattr(f, n) for f in factors]) for end, n in ends.items()}
    if value is not None and chance is not None:
        expected = np.maximum(value, 0.0) / np.maximum(chance, LEAST_CHANCE)
        amount = np.where(np.isfinite(expected), expected, amount)
    if goal.outcome == "payment" and "amount_unpaid" in known:
        amount = known["amount_unpaid"].to_numpy(np.float64, na_value=np.nan)
    return {"margin": np.asarray(amount * rates.margin_share, np.float64)}


def usual_amount(known: pd.DataFrame, rates: Rates) -> Floats:
    """Return what each customer's next order is expected to amount to, major units.

    A mean of few orders is mostly chance, and where it ranks customers, chance ranks them: it is drawn towards the
    shop's mean as if the customer had placed 1.4 further orders of that amount. On CDNOW's next orders, at three
    moments, 1 to 2 further orders gave the least squared error, 12 to 19 % less than the customer's own mean.

    References
    ----------
    Bühlmann (1967), Experience rating and credibility, ASTIN Bulletin 4(3), 199-207.
    """
    if "amount_mean" not in known:
        return np.full(len(known), rates.order_amount)
    own = known["amount_mean"].to_numpy(np.float64, na_value=np.nan)
    n = known["n_orders"].to_numpy(np.float64, na_value=np.nan) if "n_orders" in known else np.ones(len(known))
    weight = n / (n + SHOP_COUNTS_AS)
    return np.where(np.isnan(own), rates.order_amount, weight * own + (1.0 - weight) * rates.order_amount)
