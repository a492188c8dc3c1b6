"""BG/NBD: after each purchase a customer may stop for good."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit, gammaln, hyp2f1

from ..inputs.arrays import Floats
from .btyd import BuyTillYouDie, Purchases

NEAR_ONE = 1e-6


class BGNBD(BuyTillYouDie):
    """Poisson purchases at gamma rates; after each purchase a chance, beta over customers, of never buying again.

    Attributes
    ----------
    parameters_ : dict
        ``r`` and ``alpha`` of the rates (alpha in units of time), ``a`` and ``b`` of the chance of stopping.

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting your customers" the easy way: an alternative to the Pareto/NBD model,
    Marketing Science 24(2), equations 6, 7 and 10.

    Examples
    --------
    >>> model = BGNBD()
    >>> model.parameters_ = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    >>> model.expected_purchases(Purchases([2], [30.43], [38.86]), 39).round(3)
    array([1.226])
    """

    names = ("r", "alpha", "a", "b")
    times = ("alpha",)

    def log_likelihood_of(self, parameters: Mapping[str, float], purchases: Purchases) -> Floats:
        """Return the log-likelihood of each customer's history at given parameters."""
        x, r, alpha, a, b = self._parts(parameters, purchases)
        of_counts = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        of_staying = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        in_use = -(r + x) * np.log(alpha + purchases.age)
        return np.asarray(
            of_counts + of_staying + in_use + np.logaddexp(0.0, self._log_odds_gone(parameters, purchases))
        )

    def p_alive(self, purchases: Purchases) -> Floats:
        """Return the probability that a customer has not stopped for good by as_of; 1 for one-time buyers."""
        return np.asarray(expit(-self._log_odds_gone(self.parameters_, purchases)))

    def expected_purchases(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the expected number of purchases within a horizon after as_of.

        Euler's transformation of the published hypergeometric function leaves only small parameters in it,
        which keeps it finite for customers with hundreds of purchases.
        """
        x, r, alpha, a, b = self._parts(self.parameters_, purchases)
        if abs(a - 1) < NEAR_ONE:  # a removable singularity
            a = 1 + NEAR_ONE
        z = horizon / (alpha + purchases.age + horizon)
        stays = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
        return np.asarray((a + b + x - 1) / (a - 1) * (1 - stays) * self.p_alive(purchases))

    def _log_odds_gone(self, parameters: Mapping[str, float], purchases: Purchases) -> Floats:
        """Return the log-odds of having stopped; one-time buyers had no purchase to stop after."""
        x, r, alpha, a, b = self._parts(parameters, purchases)
        silence = (r + x) * (np.log(alpha + purchases.age) - np.log(alpha + purchases.last))
        repeats = np.maximum(x, 1)
        return np.where(x > 0, np.log(a) - np.log(b + repeats - 1) + silence, -np.inf)

    @staticmethod
    def _parts(parameters: Mapping[str, float], purchases: Purchases) -> tuple[Floats, float, float, float, float]:
        return purchases.n_repeats, *(parameters[name] for name in BGNBD.names)  # type: ignore[return-value]
