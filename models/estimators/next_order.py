"""When a customer orders next, and what they will have ordered by the horizon: whole distributions, not only means.

Buy-till-you-die models say how chances fall with silence; trees see what those cannot (season, category, visits). The
trees learn the hazard of the next order, with the model's own chance among their columns, and are used where they are
surely better on a later snapshot. What follows the next order comes from the model again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError

from ..baselines.btyd import Purchases
from ..baselines.btyd_estimators import STORIES, alive_by, longest_history, purchase_amounts, purchases_of
from ..baselines.futures import Amounts, Futures, draw_futures, evenness_of
from ..baselines.gamma_gamma import GammaGamma
from ..baselines.simple import AMOUNT_TOTAL, DAYS_SINCE_FIRST, column_of
from ..inputs.arrays import Floats, read_groups, read_numbers, read_weights, refuse_lengths
from ..inputs.frames import as_named_frame
from .calibration import gains_surely
from .propensity import PropensityModel

PERIODS = (30.0, 60.0, 90.0, 180.0, 365.0)  # days after as_of at which the hazard of the next order steps
FEWEST_EVENTS = 100  # next orders that a hazard is learned from
LEAST_CHANCE = 1e-6
ROWS_AT_ONCE = 4_000  # of which every draw stays in the processor's cache
LIKELIEST_OF = ("bgnbd", "pareto_nbd")
START, LENGTH, CHANCE = "period_starts_after_days", "period_days", "btyd_log_odds"


@dataclass(frozen=True, eq=False)
class NextOrders:
    """When the next order of each row came, as far as it was watched.

    Parameters
    ----------
    days_to_next
        Days from as_of to the next order, (n,); nan where none has come.
    known_days
        Days for which each row was watched after as_of; an order after them counts as none. 0: nothing is known yet.
    at
        When each row looks, datetimes; None: all at one moment.
    amount
        What the next order was worth, nan where unknown; None: of all. Without it, single orders are taken for as even
        as means of several let them look.

    Raises
    ------
    InputError
        Days are negative, or of another number.
    """

    days_to_next: Floats
    known_days: Floats
    at: Any = None
    amount: Any = None

    def __post_init__(self) -> None:
        """Read the columns; an order that was not watched becomes inf."""
        known = read_numbers("known_days", self.known_days)
        came = np.asarray(self.days_to_next, dtype=np.float64)
        refuse_lengths(len(known), days_to_next=came, at=self.at, amount=self.amount)
        if (came < 0).any() or (known < 0).any():
            raise InputError("days_to_next", "days of 0 or more", "negative ones")
        at = np.zeros(len(known)) if self.at is None else days_of(self.at)
        for name, values in (("days_to_next", np.where(came < known, came, np.inf)), ("known_days", known), ("at", at)):
            object.__setattr__(self, name, values)

    def latest(self) -> Any:
        """Return which rows look from the latest moment of which the first period is over."""
        finished = self.known_days >= PERIODS[0]
        return finished & (self.at == self.at[finished].max(initial=-np.inf))

    def before(self, moment: float) -> NextOrders:
        """Return what was known at a moment."""
        known = np.clip(np.minimum(self.known_days, moment - self.at), 0.0, None)
        return NextOrders(self.days_to_next, known, self.at, self.amount)

    def only(self, rows: Any) -> NextOrders:
        """Return the same of some rows, and nothing of the others."""
        return NextOrders(self.days_to_next, np.where(rows, self.known_days, 0.0), self.at, self.amount)


def days_of(at: Any) -> Floats:
    """Return moments as days; numbers stay as they are."""
    values = np.asarray(at)
    if values.dtype.kind in "fiu":
        return values.astype(np.float64)
    moments = pd.to_datetime(pd.Series(values))
    return np.asarray((moments - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1), dtype=np.float64)


class NextOrder(BaseEstimator):
    """Date of the next order, chance of being alive and of ordering soon, orders and amount by the horizon.

    Parameters
    ----------
    horizon_days
        Length of the horizon for orders and amounts.
    story
        ``"bgnbd"``, ``"mbgnbd"``, ``"pareto_nbd"``; ``"auto"``: the likelier of the first and the last (each has four
        parameters).
    level
        Probability that an interval holds what comes.
    n_draws
        Futures drawn of each customer. Their random numbers follow from the customer's own history, so that nobody's
        numbers depend on who else is asked about.
    seed
        Of the draws and of the trees.
    n_threads
        As in `penchant.models.estimators.propensity.PropensityModel`.
    with_trees
        Whether trees are tried beside the model where next orders were seen.
    evenness
        How alike the amounts of a customer's single orders are; None: learned.

    Attributes
    ----------
    model_ : BuyTillYouDie
        How purchases come and stop.
    alive_ : BuyTillYouDie
        Who has not stopped yet: the same, or MBG/NBD where that is BG/NBD, to which one-time buyers never stop.
    amounts_ : GammaGamma or None
        What an order is worth; None where the frame holds no amounts.
    evenness_ : float
        How alike the amounts of a customer's single orders are.
    hazard_ : PropensityModel or None
        Chance of the next order by period; None where the model alone is as good.
    gain_ : float
        By how much the hazard's log loss was lower where it was judged, per period; nan where not tried.

    References
    ----------
    Fader, Hardie & Lee (2005), Marketing Science 24(2); Schmittlein, Morrison & Colombo (1987), Management Science
    33(1); Singer & Willett (1993), It's about time: using discrete-time survival analysis to study duration and the
    timing of events, Journal of Educational Statistics 18.
    """

    def __init__(
        self,
        horizon_days: float = 365.0,
        story: Literal["auto", "bgnbd", "mbgnbd", "pareto_nbd"] = "auto",
        level: float = 0.95,
        n_draws: int = 200,
        seed: int = 0,
        n_threads: int | None = None,
        with_trees: bool = True,
        evenness: float | None = None,
    ) -> None:
        self.horizon_days = horizon_days
        self.story = story
        self.level = level
        self.n_draws = n_draws
        self.seed = seed
        self.n_threads = n_threads
        self.with_trees = with_trees
        self.evenness = evenness

    def fit(self, X: Any, seen: NextOrders | None = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from purchase histories and, where given, from when the next orders came.

        Parameters
        ----------
        X
            Frame of signals of customers with a purchase, among them the columns of `purchases_of`; several snapshots
            of a customer may stand in it.
        seen
            When each row's next order came. None: the histories alone.
        sample_weight
            Weight of each row.
        groups
            The customer of each row. None: a row each.

        Raises
        ------
        InputError
            A column is absent, a row has no purchase, or days are negative.
        TooLittleDataError
            Hardly anybody bought again.
        """
        X = as_named_frame(X)
        if not 0 < self.level < 1:
            raise InputError("level", "a probability inside (0, 1)", f"{self.level}")
        weight = read_weights(sample_weight, len(X))
        longest = longest_history(column_of(X, DAYS_SINCE_FIRST), groups)
        purchases = purchases_of(X.iloc[longest])
        names = LIKELIEST_OF if self.story == "auto" else (self.story,)
        tried = [STORIES[name]().fit(purchases, weight[longest]) for name in names]
        self.model_ = max(tried, key=lambda model: model.log_likelihood_)
        self.alive_ = alive_by(self.model_, purchases, weight[longest])
        self.amounts_ = None
        if AMOUNT_TOTAL in X:
            self.amounts_ = GammaGamma().fit(*purchase_amounts(X.iloc[longest]), weight[longest])
        self.evenness_ = self.amounts_.parameters_["p"] if self.amounts_ else float("nan")
        self.hazard_: PropensityModel | None = None
        self.gain_ = float("nan")
        if seen is not None:
            refuse_lengths(len(X), days_to_next=seen.days_to_next)
            codes = read_groups(groups, len(X))
            if self.with_trees:
                self._learn_hazard(X, seen, weight, np.arange(len(X)) if codes is None else codes)
            if self.amounts_ is not None and seen.amount is not None:
                amount = np.where(np.isfinite(seen.days_to_next), np.asarray(seen.amount, dtype=np.float64), np.nan)
                self.evenness_ = evenness_of(self.amounts_, *purchase_amounts(X), amount)
        if self.evenness is not None:
            self.evenness_ = float(self.evenness)
        return self

    def _learn_hazard(self, X: pd.DataFrame, seen: NextOrders, weight: Floats, customers: Any) -> None:
        """Learn the chance of the next order in each period, and keep it where it surely beats the model's own.

        It is judged on the latest snapshot of which a period is over, by trees that knew nothing after that moment;
        where there is but one snapshot, on customers that were left out.
        """
        own = self._model_chances(purchases_of(X))
        is_latest = seen.latest()
        early = seen.before(seen.at[is_latest][0]) if is_latest.any() and not is_latest.all() else None
        judged = seen if early is None else seen.only(is_latest)
        rows, y, period = person_periods(judged)
        trees = self._hazard_of(X, seen if early is None else early, own, weight, customers)
        if trees is None or trees.left_out_ is None or not len(rows):
            return
        found = trees.left_out_
        if early is not None:
            found = trees.predict_proba(self._with_period(X.iloc[rows], period, own[rows, period]))[:, 1]
        gain = loss_of(own[rows, period], y) - loss_of(found, y)
        per_row = np.bincount(rows, weights=gain, minlength=len(X))[np.unique(rows)]
        self.gain_ = float(gain.mean())
        if gains_surely(per_row, weight[np.unique(rows)]):
            self.hazard_ = trees if early is None else self._hazard_of(X, seen, own, weight, customers)

    def _hazard_of(
        self, X: pd.DataFrame, seen: NextOrders, own: Floats, weight: Floats, customers: Any
    ) -> PropensityModel | None:
        """Return trees of the chance of an order in each period; None where hardly any came."""
        rows, y, period = person_periods(seen)
        if y.sum() < FEWEST_EVENTS or y.all():
            return None
        frame = self._with_period(X.iloc[rows], period, own[rows, period])
        trees = PropensityModel(seed=self.seed, n_threads=self.n_threads)
        return trees.fit(frame, y.astype(int), weight[rows], customers[rows])

    def predict(self, X: Any, as_of: Any = None) -> pd.DataFrame:
        """Return what is to be expected of each row.

        Parameters
        ----------
        X
            The columns of training.
        as_of
            The moment that all rows look from; the next order is then given as dates too.

        Returns
        -------
        DataFrame
            ``p_alive``; ``p_order_30d``, ``_60d``, ``_90d``; ``days_to_next_order`` (the day by which half of such
            customers have ordered) with ``_low`` and ``_high``, inf where it may never come; ``orders`` and, with
            amounts, ``amount`` expected within the horizon, each with ``_low`` and ``_high``; with ``as_of``,
            ``next_order_at`` and its bounds, NaT where there is none. In the rows' order, with their index.
        """
        check_is_fitted(self, "model_")
        X = as_named_frame(X)
        pieces = [self._piece(X.iloc[start : start + ROWS_AT_ONCE]) for start in range(0, max(len(X), 1), ROWS_AT_ONCE)]
        found = pd.concat(pieces)
        if as_of is not None:
            for name in ("", "_low", "_high"):
                days = found[f"days_to_next_order{name}"]
                found[f"next_order_at{name}"] = pd.Timestamp(as_of) + pd.to_timedelta(
                    days.where(np.isfinite(days)), unit="D"
                )
        return found

    def stays_away(self, X: Any, days: Sequence[float] | Floats) -> Floats:
        """Return the probability of no order within each number of days, (n, days); falling along a row."""
        check_is_fitted(self, "model_")
        X = as_named_frame(X)
        purchases, times = purchases_of(X), np.asarray(days, dtype=np.float64)
        own = np.column_stack([cumulative_hazard(self.model_.p_purchase(purchases, time)) for time in times])
        if self.hazard_ is None:
            return np.exp(-own)
        edges = np.array([0.0, *PERIODS])
        at_edges = np.column_stack([cumulative_hazard(self.model_.p_purchase(purchases, edge)) for edge in edges])
        stepped = np.hstack([np.zeros((len(X), 1)), self._stepped_hazard(X, at_edges).cumsum(axis=1)])
        found = np.empty_like(own)
        for place, time in enumerate(times):
            step = int(np.searchsorted(edges, time, side="left")) - 1
            if time <= 0:
                found[:, place] = 0.0
            elif step >= len(PERIODS):  # beyond the last period, as the model goes on
                found[:, place] = stepped[:, -1] + own[:, place] - at_edges[:, -1]
            else:
                whole = np.maximum(at_edges[:, step + 1] - at_edges[:, step], 1e-12)
                share = np.clip((own[:, place] - at_edges[:, step]) / whole, 0.0, 1.0)
                found[:, place] = stepped[:, step] + share * (stepped[:, step + 1] - stepped[:, step])
        return np.exp(-found)

    def _stepped_hazard(self, X: pd.DataFrame, at_edges: Floats) -> Floats:
        """Return each period's own cumulative hazard, (n, periods), by the trees."""
        assert self.hazard_ is not None  # noqa: S101  # asked only where there is one
        chances = -np.expm1(-np.diff(at_edges, axis=1))
        columns = []
        for period in range(len(PERIODS)):
            rows = self._with_period(X, np.full(len(X), period), chances[:, period])
            columns.append(cumulative_hazard(self.hazard_.predict_proba(rows)[:, 1]))
        return np.column_stack(columns)

    def _model_chances(self, purchases: Purchases) -> Floats:
        """Return the model's own chance of an order in each period, given none before, (n, periods)."""
        at_edges = [cumulative_hazard(self.model_.p_purchase(purchases, edge)) for edge in (0.0, *PERIODS)]
        return np.asarray(-np.expm1(-np.diff(np.column_stack(at_edges), axis=1)))

    def _with_period(self, X: pd.DataFrame, period: Any, chance: Floats) -> pd.DataFrame:
        edges = np.array([0.0, *PERIODS])
        chance = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
        told = {START: edges[period], LENGTH: np.diff(edges)[period], CHANCE: np.log(chance) - np.log1p(-chance)}
        return X.assign(**told)

    def _piece(self, X: pd.DataFrame) -> pd.DataFrame:
        purchases = purchases_of(X)
        found: dict[str, Floats] = {"p_alive": self.alive_.p_alive(purchases)}
        for days, away in zip((30, 60, 90), self.stays_away(X, (30, 60, 90)).T, strict=True):
            found[f"p_order_{days}d"] = 1 - away
        found |= dict(self.futures(X).summaries(self.level))
        if self.hazard_ is None:  # the model knows its means exactly
            found["orders"] = self.model_.expected_purchases(purchases, self.horizon_days)
        if self.amounts_ is not None:
            each = self.amounts_.expected_amount(*purchase_amounts(X))
            found["amount"] = np.where(np.isnan(each), found["amount"], found["orders"] * each)
        return pd.DataFrame(found, index=X.index)

    def futures(self, X: Any) -> Futures:
        """Return drawn futures of each row: when the next order comes, how many come, and what they are worth."""
        X = as_named_frame(X)
        grid = np.unique(np.concatenate([np.linspace(0, self.horizon_days, 53), self.horizon_days * np.arange(1, 13)]))
        amounts = None
        if self.amounts_ is not None:
            amounts = Amounts(self.amounts_, *purchase_amounts(X), self.evenness_)
        away = self.stays_away(X, grid)
        return draw_futures(
            self.model_, purchases_of(X), (grid, away), self.horizon_days, amounts, self.n_draws, self.seed
        )


def person_periods(seen: NextOrders) -> tuple[Any, Floats, Any]:
    """Return one row for each period that a customer entered without an order and that was watched to its end.

    Returns
    -------
    rows, y, period
        Position of the customer, whether the order came in the period, and the period's number.

    Examples
    --------
    >>> rows, y, period = person_periods(NextOrders([40.0, np.nan], [100.0, 70.0]))
    >>> list(zip(rows.tolist(), period.tolist(), y.tolist()))
    [(0, 0, 0.0), (1, 0, 0.0), (0, 1, 1.0), (1, 1, 0.0)]
    """
    rows, outcomes, periods = [], [], []
    for period, (start, end) in enumerate(zip((0.0, *PERIODS), PERIODS, strict=False)):
        is_in = (seen.days_to_next >= start) & (seen.known_days >= end)  # who was not watched to its end tells nothing
        own = np.flatnonzero(is_in)
        rows.append(own)
        outcomes.append((seen.days_to_next[own] < end).astype(np.float64))
        periods.append(np.full(len(own), period))
    return np.concatenate(rows), np.concatenate(outcomes), np.concatenate(periods)


def cumulative_hazard(p: Floats) -> Floats:
    """Return minus the logarithm of the probability that nothing comes."""
    return np.asarray(-np.log1p(-np.clip(p, 0.0, 1 - 1e-12)))


def loss_of(p: Floats, y: Floats) -> Floats:
    """Return the log loss of each row."""
    p = np.clip(p, LEAST_CHANCE, 1 - LEAST_CHANCE)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))
