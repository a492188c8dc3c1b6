"""BG/NBD: after each purchase a customer may stop for good; MBG/NBD: after the first one, too."""

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
        n = self.n_chances(purchases)
        of_counts = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        of_staying = gammaln(a + b) + gammaln(b + n) - gammaln(b) - gammaln(a + b + n)
        in_use = -(r + x) * np.log(alpha + purchases.age)
        return np.asarray(
            of_counts + of_staying + in_use + np.logaddexp(0.0, self._log_odds_gone(parameters, purchases))
        )

    def p_alive(self, purchases: Purchases) -> Floats:
        """Return the probability that a customer has not stopped for good by as_of; BG/NBD: 1 for one-time buyers."""
        return np.asarray(expit(-self._log_odds_gone(self.parameters_, purchases)))

    def expected_purchases(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the expected number of purchases within a horizon after as_of.

        Euler's transformation of the published hypergeometric function leaves only small parameters in it,
        which keeps it finite for customers with hundreds of purchases.
        """
        x, r, alpha, a, b = self._parts(self.parameters_, purchases)
        n = self.n_chances(purchases)
        if abs(a - 1) < NEAR_ONE:  # a removable singularity
            a = 1 + NEAR_ONE
        z = horizon / (alpha + purchases.age + horizon)
        stays = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a + b - 1 - r + n - x, a - 1, a + b + n - 1, z)
        return np.asarray((a + b + n - 1) / (a - 1) * (1 - stays) * self.p_alive(purchases))

    def n_chances(self, purchases: Purchases) -> Floats:
        """Return the number of purchases after which a customer might have stopped: all but the first."""
        return purchases.n_repeats

    def _log_odds_gone(self, parameters: Mapping[str, float], purchases: Purchases) -> Floats:
        """Return the log-odds of having stopped; who had no chance to stop has not."""
        x, r, alpha, a, b = self._parts(parameters, purchases)
        n = self.n_chances(purchases)
        silence = (r + x) * (np.log(alpha + purchases.age) - np.log(alpha + purchases.last))
        return np.where(n > 0, np.log(a) - np.log(b + np.maximum(n, 1) - 1) + silence, -np.inf)

    @staticmethod
    def _parts(parameters: Mapping[str, float], purchases: Purchases) -> tuple[Floats, float, float, float, float]:
        return purchases.n_repeats, *(parameters[name] for name in BGNBD.names)  # type: ignore[return-value]


class MBGNBD(BGNBD):
    """BG/NBD in which a customer may stop after the first purchase as well: one-time buyers are not alive for ever.

    Attributes
    ----------
    parameters_ : dict
        As of `BGNBD`.

    References
    ----------
    Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
    International Journal of Research in Marketing 24(3).

    Examples
    --------
    >>> model = MBGNBD()
    >>> model.parameters_ = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}
    >>> model.p_alive(Purchases([0, 0, 2], [0, 0, 30.43], [4.0, 38.86, 38.86])).round(2)
    array([0.58, 0.39, 0.71])
    """

    def n_chances(self, purchases: Purchases) -> Floats:
        """Return the number of purchases after which a customer might have stopped: all of them."""
        return purchases.n_repeats + 1
