"""BG/NBD, Pareto/NBD and Gamma-Gamma as baselines that read a feature frame."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError

from ..inputs.arrays import Floats, read_groups, read_weights
from ..inputs.frames import as_named_frame
from .bgnbd import BGNBD, MBGNBD
from .btyd import FEWEST_REPEATS, BuyTillYouDie, Purchases
from .futures import angles
from .gamma_gamma import GammaGamma
from .pareto_nbd import ParetoNBD
from .simple import AMOUNT_TOTAL, DAYS_SINCE_FIRST, DAYS_SINCE_LAST, N_PURCHASES, Probabilities, column_of

Story = Literal["bgnbd", "mbgnbd", "pareto_nbd"]

STORIES: dict[str, type[BuyTillYouDie]] = {"bgnbd": BGNBD, "mbgnbd": MBGNBD, "pareto_nbd": ParetoNBD}
MOST_HISTORIES = 20_000  # that say who is alive: four parameters need no more
PURCHASE_DAYS = "n_purchase_days"
NEEDED = (N_PURCHASES, DAYS_SINCE_FIRST, DAYS_SINCE_LAST)


class PurchaseChance(Probabilities):
    """Probability of at least one purchase in the horizon, or of none, from three numbers of each customer.

    It does not learn the outcome: it reads purchases so far, and extrapolates to any horizon.

    Parameters
    ----------
    horizon_days
        Length of the horizon.
    story
        ``"bgnbd"``, ``"mbgnbd"`` or ``"pareto_nbd"``.
    outcome
        What the outcome 1 means: a ``"purchase"``, or ``"none"`` (churn).
    """

    def __init__(
        self, horizon_days: float, story: Story = "bgnbd", outcome: Literal["purchase", "none"] = "purchase"
    ) -> None:
        self.horizon_days = horizon_days
        self.story = story
        self.outcome = outcome

    def fit(self, X: pd.DataFrame, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fit to the purchase histories; of a customer with several snapshots (``groups``) to the longest one.

        Raises
        ------
        InputError
            A column is absent, or a row has no purchase.
        TooLittleDataError
            Hardly anybody bought again.
        """
        X = as_named_frame(X)
        longest = longest_history(column_of(X, DAYS_SINCE_FIRST), groups)
        weight = read_weights(sample_weight, len(X))[longest]
        self.model_ = STORIES[self.story]().fit(purchases_of(X.iloc[longest]), weight)
        self.classes_ = np.array([0, 1])
        return self

    def _probability(self, X: pd.DataFrame) -> Floats:
        p = self.model_.p_purchase(purchases_of(X), self.horizon_days)
        return p if self.outcome == "purchase" else 1 - p


class PurchaseValue(RegressorMixin, BaseEstimator):
    """Expected purchases in the horizon times the expected amount of each (Gamma-Gamma).

    Parameters
    ----------
    horizon_days
        Length of the horizon.
    story
        ``"bgnbd"``, ``"mbgnbd"`` or ``"pareto_nbd"``.
    """

    def __init__(self, horizon_days: float, story: Story = "bgnbd") -> None:
        self.horizon_days = horizon_days
        self.story = story

    def fit(self, X: pd.DataFrame, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fit to purchase histories and amounts; raises as `PurchaseChance.fit`."""
        X = as_named_frame(X)
        rows = longest_history(column_of(X, DAYS_SINCE_FIRST), groups)
        weight, X = read_weights(sample_weight, len(X))[rows], X.iloc[rows]
        self.model_ = STORIES[self.story]().fit(purchases_of(X), weight)
        self.amounts_ = GammaGamma().fit(*purchase_amounts(X), weight)
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the expected amount of each row within the horizon."""
        check_is_fitted(self, "model_")
        expected = self.model_.expected_purchases(purchases_of(X), self.horizon_days)
        return expected * self.amounts_.expected_amount(*purchase_amounts(X))


def purchases_of(X: pd.DataFrame) -> Purchases:
    """Return the purchase histories of a feature frame, in days.

    The frame counts every purchase and looks back from as_of; the models count repeats and look ahead from the
    first purchase. Purchases on one day are one.
    """
    n, first, last = days_bought(X), column_of(X, DAYS_SINCE_FIRST), column_of(X, DAYS_SINCE_LAST)
    without = ~(n >= 1) | np.isnan(first) | np.isnan(last)
    if without.any():
        got = f"{int(without.sum()):,} of {len(X):,} rows without"
        raise InputError("X", "rows of customers with a purchase", got, "Leave this baseline out")
    repeats = n - 1
    return Purchases(repeats, np.where(repeats > 0, np.maximum(first - last, 0.0), 0.0), first)


def days_bought(X: pd.DataFrame) -> Floats:
    """Return the number of days with a purchase of each row.

    At most one for each day from the first to the last, as where purchases alone are counted, or one column is tried
    with another customer's value.
    """
    n, first, last = (column_of(X, name) for name in NEEDED)
    between = np.maximum(first - last, 0.0)
    surely_two = between > 0
    if PURCHASE_DAYS in X:
        n, surely_two = column_of(X, PURCHASE_DAYS), between >= 1  # less may lie within one day
    return np.where(n >= 1, np.clip(n, np.where(surely_two, 2, 1), np.ceil(between) + 1), n)


def purchase_amounts(X: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return number and mean amount of each row's days with a purchase; none where it is unknown or not above 0."""
    n, total = days_bought(X), column_of(X, AMOUNT_TOTAL)
    known = (total > 0) & (n > 0)
    return np.where(known, n, 0.0), np.divide(total, n, out=np.zeros(len(n)), where=known)


def longest_history(age: Floats, groups: Any) -> Any:
    """Return the positions of one row for each customer: the one with the longest history."""
    codes = read_groups(groups, len(age))
    if codes is None:
        return np.arange(len(age))
    order = np.lexsort((age, codes))
    return order[np.append(np.diff(codes[order]) != 0, True)]


def alive_by(model: BuyTillYouDie, purchases: Purchases, weight: Floats) -> BuyTillYouDie:
    """Return what says who is alive: a fitted model itself, or MBG/NBD beside BG/NBD, whose one-time buyers never stop.

    The histories that it learns from do not depend on the rows' order.
    """
    if type(model) is not BGNBD:
        return model
    chosen = angles(purchases, 1)[:, 0] * len(purchases) < MOST_HISTORIES
    if (purchases.n_repeats[chosen] > 0).sum() < FEWEST_REPEATS:
        chosen[:] = True
    few = Purchases(purchases.n_repeats[chosen], purchases.last[chosen], purchases.age[chosen])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter that data do not limit changes nothing here
        return MBGNBD().fit(few, weight[chosen])
