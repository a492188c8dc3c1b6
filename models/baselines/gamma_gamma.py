"""Gamma-Gamma: what a customer's purchases will be worth on average."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from scipy.special import gammaln
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from penchant.errors import TooLittleDataError

from ..inputs.arrays import Floats, read_numbers, read_weights, refuse_lengths
from .btyd import FEWEST_REPEATS, lowest


class GammaGamma(BaseEstimator):
    """Amounts vary around a customer's own mean (gamma), and these means between customers (gamma again).

    A customer's expected amount is a mean of their own average and the shop's, and leans to their own the more
    purchases it rests on. It must not depend on how often they buy.

    Attributes
    ----------
    parameters_ : dict of str to float
        ``p``, ``q``, and ``v`` in the unit of the amounts.
    converged_ : bool
        Whether the fit stopped at a maximum.

    References
    ----------
    Fader & Hardie (2013), The Gamma-Gamma model of monetary value; Fader, Hardie & Lee (2005), RFM and CLV.
    """

    names = ("p", "q", "v")

    def fit(self, n_purchases: Any, mean_amount: Any, sample_weight: Any = None) -> Self:
        """Find the parameters with the highest likelihood.

        Parameters
        ----------
        n_purchases
            Number of purchases that the mean rests on, shape (n,). Customers with none are left out; the
            published fit counts repeat purchases only.
        mean_amount
            Mean amount of these purchases. Customers with a mean of 0 or less are left out: the model has none.
        sample_weight
            Weight of each customer.

        Raises
        ------
        TooLittleDataError
            Fewer than ten customers are left.
        """
        x, mean = read_counts(n_purchases, mean_amount)
        weight = read_weights(sample_weight, len(x))
        used = (x > 0) & (mean > 0) & (weight > 0)
        if used.sum() < FEWEST_REPEATS:
            expected = f"at least {FEWEST_REPEATS} customers with purchases of some amount"
            raise TooLittleDataError("n_purchases", expected, f"{int(used.sum()):,}")
        x, mean, weight = x[used], mean[used], weight[used] / weight[used].sum()
        scale = float(np.average(mean, weights=weight))

        def loss(logs: Floats) -> float:
            return -float((weight * log_likelihood(np.exp(logs), x, mean / scale)).sum())

        logs, trouble = lowest(loss, np.array([0.0, 1.0, 0.0]))
        self.converged_ = not trouble
        p, q, v = np.exp(logs)
        self.parameters_ = {"p": float(p), "q": float(q), "v": float(v * scale)}
        if trouble:
            warnings.warn(f"GammaGamma did not converge: {trouble}.", ConvergenceWarning, stacklevel=2)
        return self

    def expected_amount(self, n_purchases: Any, mean_amount: Any) -> Floats:
        """Return the expected amount of a customer's next purchase, shape (n,).

        Parameters
        ----------
        n_purchases, mean_amount
            As in `fit`; 0 purchases give the mean over customers (nan where q is at most 1: it has none).
        """
        check_is_fitted(self, "parameters_")
        x, mean = read_counts(n_purchases, mean_amount)
        p, q, v = (self.parameters_[name] for name in self.names)
        own = np.maximum(mean, 0.0)
        return np.asarray(p * (v + x * own) / np.where(p * x + q > 1, p * x + q - 1, np.nan))


def log_likelihood(parameters: Floats, x: Floats, mean: Floats) -> Floats:
    """Return the log-likelihood of each customer's mean amount over x purchases, at (p, q, v)."""
    p, q, v = parameters
    return np.asarray(
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
        + q * np.log(v) + (p * x - 1) * np.log(mean) + p * x * np.log(x)
        - (p * x + q) * np.log(v + mean * x)
    )  # fmt: skip


def read_counts(n_purchases: Any, mean_amount: Any) -> tuple[Floats, Floats]:
    """Return purchases and their mean amounts as numbers, one each for each customer."""
    x = read_numbers("n_purchases", n_purchases)
    refuse_lengths(len(x), mean_amount=mean_amount)
    return x, read_numbers("mean_amount", mean_amount)
