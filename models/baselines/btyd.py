"""Buy till you die: customers buy at a rate of their own until, unseen, they stop.

What the two models share. They read three numbers of each customer, in one unit of time. The literature calls
them frequency, recency and T; here these words mean something else, so:

- ``n_repeats``: purchases after the first one (the literature's frequency, x);
- ``last``: age at the last purchase, 0 for one-time buyers (the literature's recency, t_x);
- ``age``: time from the first purchase to as_of (T).

Purchases on one day count once, as in the published fits.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError, TooLittleDataError

from ..inputs.arrays import Floats, read_numbers, read_weights, refuse_lengths

FARTHEST = 5.0  # of the parameters' logarithms from 0, in units of the mean age: beyond it nothing changes
FEWEST_REPEATS = 10
FLAT = 1e-5  # slope of the mean log-likelihood at which a maximum is reached
EXACTLY = {"ftol": 1e-11, "gtol": 1e-8, "maxiter": 500}


@dataclass(frozen=True)
class Purchases:
    """The three numbers of each customer.

    Parameters
    ----------
    n_repeats, last, age
        As in the module's docstring, shape (n,), each of 0 or more, ``last`` not above ``age``.

    Raises
    ------
    InputError
        The numbers contradict each other.

    Examples
    --------
    >>> Purchases([0, 2], [0, 20.5], [30, 38]).age
    array([30., 38.])
    """

    n_repeats: Floats
    last: Floats
    age: Floats

    def __post_init__(self) -> None:
        """Read the columns as numbers, and refuse what no customer can have done."""
        for name in ("n_repeats", "last", "age"):
            object.__setattr__(self, name, read_numbers(name, getattr(self, name)))
        refuse_lengths(len(self.n_repeats), last=self.last, age=self.age)
        wrong = {
            "n_repeats": (self.n_repeats < 0, "0 or more purchases after the first"),
            "last": ((self.last < 0) | (self.last > self.age), "a last purchase between the first and as_of"),
            "n_repeats and last": ((self.n_repeats == 0) != (self.last == 0), "both 0, or both above 0"),
        }
        for name, (rows, expected) in wrong.items():
            if rows.any():
                got = f"{int(rows.sum()):,} of {len(rows):,} customers without (row {np.flatnonzero(rows)[0]})"
                raise InputError(name, expected, got)

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.age)

    def later(self, horizon: float) -> Purchases:
        """Return the same customers a horizon later, if none of them had bought since."""
        return Purchases(self.n_repeats, self.last, self.age + horizon)


def distinct(purchases: Purchases, weight: Floats) -> tuple[Purchases, Floats]:
    """Return each different history once, with its weight: most customers bought once, on a common day."""
    rows = np.column_stack([purchases.n_repeats, purchases.last, purchases.age])
    found, place = np.unique(rows, axis=0, return_inverse=True)
    held = np.bincount(place.reshape(-1), weights=weight).astype(np.float64)
    return Purchases(*found.T), held


def lowest(loss: Callable[[Floats], Any], start: Floats, has_slope: bool = False) -> tuple[Floats, str]:
    """Return the logarithms of the parameters with the lowest loss, and why they are not; empty if they are.

    A loss that has its slope returns both.
    """
    jac = has_slope or "2-point"
    bounds = [(-FARTHEST, FARTHEST)] * len(start)
    found = minimize(loss, start, method="L-BFGS-B", jac=jac, bounds=bounds, options=EXACTLY)
    if (np.abs(found.x) >= FARTHEST).any():
        return found.x, "a parameter runs off, for the data do not limit it"
    if not found.success and np.abs(found.jac).max() > FLAT:  # else it only ran out of digits
        return found.x, str(found.message).strip(" :")
    return found.x, ""


class BuyTillYouDie(BaseEstimator):
    """Fit by maximum likelihood, and what follows from the likelihood alone.

    Attributes
    ----------
    parameters_ : dict of str to float
        By name, in the unit of time of the purchases.
    log_likelihood_ : float
        Of all customers, at the fit.
    converged_ : bool
        Whether the fit stopped at a maximum.
    """

    names: tuple[str, ...]  # of the parameters
    times: tuple[str, ...]  # of those that are in units of time
    has_slopes = False  # whether the likelihood's slopes are known, or taken from differences

    def fit(self, purchases: Purchases, sample_weight: Any = None) -> Self:
        """Find the parameters with the highest likelihood.

        Parameters
        ----------
        purchases
            One row for each customer.
        sample_weight
            Weight of each customer.

        Raises
        ------
        TooLittleDataError
            Fewer than ten customers bought again.

        Warns
        -----
        ConvergenceWarning
            The likelihood has no maximum within reach; the last parameters are kept.
        """
        weight = read_weights(sample_weight, len(purchases))
        n_repeaters = int((purchases.n_repeats[weight > 0] > 0).sum())
        if n_repeaters < FEWEST_REPEATS:
            expected = f"at least {FEWEST_REPEATS} customers who bought again"
            raise TooLittleDataError("purchases", expected, f"{n_repeaters:,} of {len(purchases):,}")
        scale = float(np.average(purchases.age, weights=weight)) or 1.0
        rows, held = distinct(purchases, weight)
        rows = Purchases(rows.n_repeats, rows.last / scale, rows.age / scale)
        held = held / held.sum()

        def loss(logs: Floats) -> Any:
            parameters = dict(zip(self.names, np.exp(logs), strict=True))
            if not self.has_slopes:
                return -float((held * self.log_likelihood_of(parameters, rows)).sum())
            likelihood, slopes = self.with_slopes_of(parameters, rows)
            return -float((held * likelihood).sum()), -np.exp(logs) * (slopes @ held)

        logs, trouble = lowest(loss, np.zeros(len(self.names)), self.has_slopes)
        self.converged_ = not trouble
        values = zip(self.names, np.exp(logs), strict=True)
        self.parameters_ = {n: float(v * (scale if n in self.times else 1)) for n, v in values}
        self.log_likelihood_ = float((weight * self.log_likelihood(purchases)).sum())
        if trouble:
            warnings.warn(f"{type(self).__name__} did not converge: {trouble}.", ConvergenceWarning, stacklevel=2)
        return self

    def log_likelihood(self, purchases: Purchases) -> Floats:
        """Return the log-likelihood of each customer's history at the fitted parameters."""
        check_is_fitted(self, "parameters_")
        return self.log_likelihood_of(self.parameters_, purchases)

    def p_purchase(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the probability of at least one purchase within a horizon after as_of.

        To buy nothing more is to have the same history at a greater age, so this is one minus the ratio of two
        likelihoods. (The probability of being alive is no ranking: BG/NBD's is 1 for every one-time buyer.)

        Parameters
        ----------
        purchases
            Histories up to as_of.
        horizon
            Length, in the purchases' unit of time, 0 or more.
        """
        if not horizon >= 0:
            raise InputError("horizon", "a length of 0 or more", f"{horizon}")
        gone_by = self.log_likelihood(purchases.later(horizon)) - self.log_likelihood(purchases)
        return np.asarray(-np.expm1(np.minimum(gone_by, 0.0)))

    @abstractmethod
    def log_likelihood_of(self, parameters: Mapping[str, float], purchases: Purchases) -> Floats:
        """Return the log-likelihood of each customer's history at given parameters."""

    def with_slopes_of(self, parameters: Mapping[str, float], purchases: Purchases) -> tuple[Floats, Floats]:
        """Return each customer's log-likelihood, and its slope by each parameter, shape (parameters, n)."""
        raise NotImplementedError

    @abstractmethod
    def p_alive(self, purchases: Purchases) -> Floats:
        """Return the probability that a customer has not stopped for good by as_of."""

    @abstractmethod
    def expected_purchases(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the expected number of purchases within a horizon after as_of."""
