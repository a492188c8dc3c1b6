"""Pareto/NBD: a customer may stop for good at any time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import digamma, gammaln, hyp2f1

from ..inputs.arrays import Floats
from .btyd import BuyTillYouDie, Purchases

NEAR_ONE = 1e-6
N_NODES = 24  # of the means over the time of stopping, in the slopes alone


class ParetoNBD(BuyTillYouDie):
    """Poisson purchases at gamma rates; lifetimes exponential, at rates that are gamma over customers.

    Attributes
    ----------
    parameters_ : dict
        ``r`` and ``alpha`` of the purchase rates, ``s`` and ``beta`` of the rates of stopping; alpha and beta in
        units of time.

    References
    ----------
    Schmittlein, Morrison & Colombo (1987), Counting your customers: who are they and what will they do next?,
    Management Science 33(1); Fader & Hardie (2005), A note on deriving the Pareto/NBD model and related
    expressions.
    """

    names = ("r", "alpha", "s", "beta")
    times = ("alpha", "beta")
    has_slopes = True  # four differences cost four times the hypergeometric functions

    def log_likelihood_of(self, parameters: Mapping[str, float], purchases: Purchases) -> Floats:
        """Return the log-likelihood of each customer's history at given parameters."""
        either = np.logaddexp(*self._ways(parameters, purchases))
        return self._of_counts(parameters, purchases.n_repeats) + either

    def with_slopes_of(self, parameters: Mapping[str, float], purchases: Purchases) -> tuple[Floats, Floats]:
        """Return each customer's log-likelihood, and its slope by each parameter, shape (4, n)."""
        r, alpha, s, beta = (parameters[name] for name in self.names)
        x, age = purchases.n_repeats, purchases.age
        alive, gone = self._ways(parameters, purchases)
        either = np.logaddexp(alive, gone)
        p_gone = np.exp(gone - either)
        time, share = self._times_of_stopping(parameters, purchases)

        def by(of_alive: Floats, of_gone: Floats) -> Floats:
            return np.asarray((1 - p_gone) * of_alive + p_gone * (share * of_gone).sum(axis=0))

        slopes = [
            digamma(r + x) - digamma(r) + np.log(alpha) - by(np.log(alpha + age), np.log(alpha + time)),
            r / alpha - (r + x) * by(1 / (alpha + age), 1 / (alpha + time)),
            np.log(beta) - by(np.log(beta + age), np.log(beta + time) - 1 / s),
            s / beta - by(s / (beta + age), (s + 1) / (beta + time)),
        ]
        return self._of_counts(parameters, x) + either, np.stack(slopes)

    def _times_of_stopping(self, parameters: Mapping[str, float], purchases: Purchases) -> tuple[Floats, Floats]:
        """Return times between the last purchase and as_of, and the chance of each in which a customer stopped.

        Gaussian quadrature: nodes fall off as the density does just after the last purchase, later they lie closer.
        """
        r, alpha, s, beta = (parameters[name] for name in self.names)
        last, n_most = purchases.last, r + purchases.n_repeats
        start = min(alpha, beta)
        fall = (start + last) * (n_most / (alpha + last) + (s + 1) / (beta + last)) - 1
        fall = np.where(np.abs(fall) < NEAR_ONE, NEAR_ONE, fall)
        node, weight = (column[:, None] for column in np.polynomial.legendre.leggauss(N_NODES))
        place = (node + 1) / 2
        least = ((start + last) / (start + purchases.age)) ** fall
        passed = -np.log(least + (1 - least) * place**3) / fall  # the logarithm of what the time has grown by
        time = (start + last) * np.exp(passed) - start
        early = n_most * np.log((alpha + time) / (alpha + last)) + (s + 1) * np.log((beta + time) / (beta + last))
        density = weight * place**2 * np.exp((fall + 1) * passed - early)
        return np.asarray(time), np.asarray(density / density.sum(axis=0))

    def p_alive(self, purchases: Purchases) -> Floats:
        """Return the probability that a customer has not stopped for good by as_of."""
        alive, gone = self._ways(self.parameters_, purchases)
        return np.asarray(np.exp(alive - np.logaddexp(alive, gone)))

    def expected_purchases(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the expected number of purchases within a horizon after as_of."""
        r, alpha, s, beta = (self.parameters_[name] for name in self.names)
        if abs(s - 1) < NEAR_ONE:  # a removable singularity
            s = 1 + NEAR_ONE
        age = purchases.age
        stays = -np.expm1((s - 1) * (np.log(beta + age) - np.log(beta + age + horizon)))
        rate = (r + purchases.n_repeats) / (alpha + age)
        return np.asarray(rate * (beta + age) / (s - 1) * stays * self.p_alive(purchases))

    def _of_counts(self, parameters: Mapping[str, float], x: Floats) -> Floats:
        r, alpha, s, beta = (parameters[name] for name in self.names)
        return np.asarray(gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta))

    def _ways(self, parameters: Mapping[str, float], purchases: Purchases) -> tuple[Floats, Floats]:
        """Return the log-likelihoods of being alive at as_of, and of having stopped since the last purchase."""
        r, alpha, s, beta = (parameters[name] for name in self.names)
        x, age = purchases.n_repeats, purchases.age
        alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        since_last, since_now = (self._stopped_after(parameters, x, time) for time in (purchases.last, age))
        more = np.minimum(since_now - since_last, -1e-300)
        return alive, since_last + np.log(-np.expm1(more))

    def _stopped_after(self, parameters: Mapping[str, float], x: Floats, time: Floats) -> Floats:
        """Return the log of the integral, from a time on, of s (alpha+t)^-(r+x) (beta+t)^-(s+1).

        The closed form has a Gaussian hypergeometric function whose argument must not be negative, hence the two
        cases; in the second one Euler's transformation keeps it finite for customers with many purchases.
        """
        r, alpha, s, beta = (parameters[name] for name in self.names)
        total = r + s + x
        head = np.log(s) - np.log(total)
        if alpha >= beta:
            z = (alpha - beta) / (alpha + time)
            return np.asarray(head - total * np.log(alpha + time) + np.log(hyp2f1(total, s + 1, total + 1, z)))
        z = (beta - alpha) / (beta + time)
        series = np.log(hyp2f1(1.0, s + 1, total + 1, z)) + (1 - r - x) * np.log1p(-z)
        return np.asarray(head - total * np.log(beta + time) + series)
