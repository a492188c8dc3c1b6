"""Drawn futures of customers: when they order next, how often they order, and what that is worth.

Given the next order, the models say all of what follows: the customer was alive then, and the history is one order
longer. Random numbers are spread evenly over a customer's draws, and turned by an angle that follows from the
customer's own history (Cranley & Patterson 1976): errors cancel over customers, and nobody's draws depend on who else
is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, ndtri

from ..inputs.arrays import Floats
from .bgnbd import BGNBD
from .btyd import BuyTillYouDie, Purchases
from .gamma_gamma import GammaGamma

CHANCES = ("first", "rate", "stop", "stop_root", "beta", "end", "own", "sum")
WAITS = 1 << 16  # exponential waits between orders, from which each draw takes a stretch
LEAST_CHANCE = 1e-9
FEWEST_AMOUNTS = 50  # next orders that single amounts are learned from


@dataclass(frozen=True, eq=False)
class Futures:
    """Futures of each customer, (n, draws) each.

    Parameters
    ----------
    days_to_next
        Days to the next order; inf: none comes.
    n_orders
        Orders within the horizon.
    amount
        What they are worth; None where amounts are unknown.
    """

    days_to_next: Floats
    n_orders: Floats
    amount: Floats | None

    def summaries(self, level: float) -> Iterator[tuple[str, Floats]]:
        """Yield names and values of what is told of each customer: means, and bounds that hold ``level``."""
        first = np.sort(self.days_to_next, axis=1)
        never = np.isinf(first).mean(axis=1) > 1 - level  # then nothing lies above
        yield "days_to_next_order", quantile(first, 0.5)
        low = np.where(never, quantile(first, 1 - level), quantile(first, (1 - level) / 2))
        yield "days_to_next_order_low", low
        yield "days_to_next_order_high", quantile(first, (1 + level) / 2)
        for name, values in (("orders", self.n_orders), ("amount", self.amount)):
            if values is not None:
                rising = np.sort(values, axis=1)
                none = (values == 0).mean(axis=1) > 1 - level  # then nothing lies below, and all may lie above
                yield name, values.mean(axis=1)
                yield f"{name}_low", np.where(none, 0.0, quantile(rising, (1 - level) / 2))
                yield f"{name}_high", np.where(none, quantile(rising, level), quantile(rising, (1 + level) / 2))


def quantile(rising: Floats, level: float) -> Floats:
    """Return a quantile of each row of sorted draws, one of the draws itself."""
    place = int(np.clip(np.ceil(level * rising.shape[1]) - 1, 0, rising.shape[1] - 1))
    return np.asarray(rising[:, place])


def draw_futures(
    model: BuyTillYouDie,
    purchases: Purchases,
    away: tuple[Floats, Floats],
    horizon: float,
    amounts: Amounts | None,
    n_draws: int,
    seed: int,
) -> Futures:
    """Return futures of customers.

    Parameters
    ----------
    model
        Fitted BG/NBD, MBG/NBD or Pareto/NBD.
    purchases
        Histories up to as_of.
    away
        Days after as_of, rising from 0, and (n, days) the probability of no order up to each.
    horizon
        Length of the horizon, in days.
    amounts
        What orders are worth; None: no amounts.
    n_draws, seed
        How many futures, and of which random numbers.
    """
    rng = np.random.default_rng(seed)
    shape = (n_draws, len(purchases))  # each draw's customers side by side; the result has it the other way round
    first, orders = np.empty(shape), np.empty(shape)
    worth = None if amounts is None else np.empty(shape)
    falling = np.ascontiguousarray(away[1].T)
    logs = np.log(falling)
    spread = {name: evenly(n_draws, rng) for name in CHANCES}
    turn = angles(purchases, len(CHANCES) + 1)
    waits = np.cumsum(rng.exponential(size=WAITS))
    for draw in range(n_draws):
        u = {name: turned(values[draw], turn[:, place]) for place, (name, values) in enumerate(spread.items())}
        start = (inside(turn[:, -1] + draw / n_draws) * (WAITS // 2)).astype(np.intp)
        first[draw] = first_order(away[0], falling, logs, u["first"])
        orders[draw] = orders_by(model, purchases, first[draw], horizon, u, (waits, start))
        if amounts is not None and worth is not None:
            worth[draw] = amounts.worth(orders[draw], u)
    amount = None if worth is None else np.ascontiguousarray(worth.T)
    return Futures(np.ascontiguousarray(first.T), np.ascontiguousarray(orders.T), amount)


def angles(purchases: Purchases, n: int) -> Floats:
    """Return numbers in [0, 1) that follow from each customer's history alone, (customers, n)."""
    mixed = np.zeros(len(purchases), dtype=np.uint64)
    for own in (purchases.n_repeats, purchases.last, purchases.age):
        mixed = (mixed ^ np.ascontiguousarray(own).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    found = np.empty((len(mixed), n))
    for place in range(n):
        mixed = (mixed + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(31)
        found[:, place] = (mixed >> np.uint64(11)) / 2.0**53
    return found


def turned(u: float, turn: Floats) -> Floats:
    """Return a random number turned by each customer's angle, inside (0, 1)."""
    return np.clip(inside(u + turn), LEAST_CHANCE, 1 - LEAST_CHANCE)


def inside(turn: Floats) -> Floats:
    """Return what is left of turns of less than two when a whole one is taken away."""
    return np.asarray(turn - (turn >= 1.0))


def evenly(n: int, rng: Any) -> Floats:
    """Return numbers from the middle of each n-th of (0, 1), shuffled."""
    return np.asarray(rng.permutation((np.arange(n) + 0.5) / n))


def first_order(days: Floats, away: Floats, logs: Floats, u: Floats) -> Floats:
    """Return the day on which the probability of no order falls below u; inf where it never does.

    The probabilities are (days, n), ``logs`` are their logarithms.
    """
    place = (away > u).sum(axis=0)
    after = np.minimum(place, len(days) - 1)
    before = np.maximum(after - 1, 0)
    customer = np.arange(len(u))
    high, low = logs[before, customer], logs[after, customer]
    share = np.where(high > low, (high - np.log(u)) / np.maximum(high - low, 1e-300), 1.0)
    found = days[before] + np.clip(share, 0.0, 1.0) * (days[after] - days[before])
    return np.where(place >= len(days), np.inf, found)


def orders_by(
    model: BuyTillYouDie, purchases: Purchases, first: Floats, horizon: float, u: dict[str, Floats], waits: Any
) -> Floats:
    """Return the number of orders within the horizon, given when the first of them comes."""
    comes = first < horizon
    at = np.where(comes, first, 0.0)
    left = horizon - at
    own = model.parameters_
    age, x = purchases.age + at, purchases.n_repeats + 1
    rate = gamma(own["r"] + x, u["rate"]) / (own["alpha"] + age)
    if isinstance(model, BGNBD):
        stays = gamma(np.full(len(x), own["a"] + 1), u["stop"]) * u["stop_root"] ** (1 / own["a"])
        goes_on = gamma(own["b"] + model.n_chances(purchases), u["beta"])
        stop = np.clip(stays / (stays + goes_on), 1e-12, 1 - 1e-12)
        most = np.floor(np.log(u["end"]) / np.log1p(-stop))  # orders after the first, until none can follow
    else:
        stop_rate = gamma(np.full(len(x), own["s"] + 1), u["stop"]) * u["stop_root"] ** (1 / own["s"])
        left = np.minimum(left, -np.log(u["end"]) * (own["beta"] + age) / np.maximum(stop_rate, 1e-300))
        most = np.full(len(x), np.inf)
    times, start = waits
    until = times[start] + rate * left
    rising = np.argsort(until)  # neighbours are found in the same part of the waits
    more = np.empty(len(start), np.intp)
    more[rising] = np.searchsorted(times, until[rising], side="right")
    more -= start + 1
    return np.where(comes, 1 + np.minimum(more, most), 0.0)


@dataclass(frozen=True, eq=False)
class Amounts:
    """What orders are worth.

    Parameters
    ----------
    model
        A fitted Gamma-Gamma.
    n, mean
        Each customer's number and mean amount of purchases.
    evenness
        Shape of the gamma distribution of a customer's single orders; the higher, the more alike they are.
    """

    model: GammaGamma
    n: Floats
    mean: Floats
    evenness: float

    def worth(self, orders: Floats, u: dict[str, Floats]) -> Floats:
        """Return what orders are worth: amounts around the customer's own mean, which is not known surely."""
        shape, rate = self.posterior()
        own_mean = self.model.parameters_["p"] * rate / gamma(shape, u["own"])
        total = own_mean * gamma(np.maximum(self.evenness * orders, 1e-9), u["sum"]) / self.evenness
        return np.where(orders > 0, total, 0.0)

    def posterior(self) -> tuple[Floats, Floats]:
        """Return shape and rate of the gamma distribution of what divides each customer's mean amount."""
        p, q, v = (self.model.parameters_[name] for name in self.model.names)
        return q + p * self.n, v + self.n * np.maximum(self.mean, 0.0)


def evenness_of(model: GammaGamma, n: Floats, mean: Floats, amount: Floats) -> float:
    """Return how even a customer's orders are, by what the next order of each was worth.

    Gamma-Gamma reads it from means alone, which say little of it: of CDNOW 10.8, where single orders say 2.7.

    Parameters
    ----------
    model
        A fitted Gamma-Gamma.
    n, mean
        Number and mean amount of purchases before the next order.
    amount
        Of the next order; nan where it is unknown.
    """
    known = amount > 0
    if known.sum() < FEWEST_AMOUNTS:
        return float(model.parameters_["p"])
    z = amount[known]
    shape, rate = Amounts(model, n[known], mean[known], 1.0).posterior()

    def loss(log: float) -> float:
        own = np.exp(log)
        c = own / model.parameters_["p"]
        likely = gammaln(own + shape) - gammaln(own) - gammaln(shape) + own * np.log(c) + (own - 1) * np.log(z)
        return -float((likely + shape * np.log(rate) - (own + shape) * np.log(rate + c * z)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.1), np.log(1000)), method="bounded").x))


def gamma(shape: Floats, u: Floats) -> Floats:
    """Return the u-quantile of gamma distributions of scale 1 and shapes from about 1 on.

    References
    ----------
    Wilson & Hilferty (1931), The distribution of chi-square, PNAS 17: its cube root is nearly normal.
    """
    ninth = 1 / (9 * shape)
    return np.asarray(shape * np.maximum(1 - ninth + ndtri(u) * np.sqrt(ninth), 1e-3) ** 3)
