"""What a customer will spend within the horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import lightgbm as lgb
import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError, TooLittleDataError, did_you_mean

from ..inputs.arrays import Floats, Ints, read_numbers, read_weights
from ..inputs.frames import read_new_table, read_outcome, read_training_table, refuse_other_order
from ..plain_parts import LinearPart, TreesPart
from ..plain_scorer import Output, Scorer, Term
from .boosted import BoostedModel
from .boosting import Grown, Training
from .calibration import Calibration, fit_calibration
from .own_rate import own_rate, positions_of

Form = Literal["two_part", "tweedie", "squared_error"]

FORMS: tuple[Form, ...] = ("two_part", "tweedie", "squared_error")
POWER = 1.5  # of the Tweedie distribution: between counts (1) and amounts that are never zero (2)
FEWEST_BUYERS_PER_FOLD = 10


class ValueModel(RegressorMixin, BoostedModel):
    """Expected amount from LightGBM trees: whether, times how much, or both at once.

    Most customers spend nothing and few spend much. ``"two_part"`` multiplies the calibrated probability of
    buying with the amount that buyers spend (gamma); ``"tweedie"`` models both with one set of trees. The one
    with the lower Tweedie deviance on left-out customers is used. Amounts that can be negative (a margin) take
    ``"squared_error"``. The level is set so that the left-out predictions sum to what was spent.

    Where ``rate`` names what a customer has spent and in how many days, the trees start from that (`own_rate`): they
    learn how far the horizon departs from it, which is as large for giants as for anybody.

    Parameters
    ----------
    params, n_trees, monotone, n_folds, seed, n_threads
        As in `penchant.models.estimators.propensity.PropensityModel`.
    form
        ``"auto"``, or one of the three.
    rate
        Names of two columns: a sum so far, and the days in which it came together. None: trees start from the mean.

    Attributes
    ----------
    form_ : str
        The form in use.
    boosters_ : dict of str to lightgbm.Booster
        The trees, under ``"amount"``, and with two parts ``"propensity"``.
    start_ : LinearPart or None
        The logarithm of each customer's own rate, where trees of the amount start from it.
    calibration_ : Calibration
        Of the probability of buying.
    factor_ : float
        From the trees' level to amounts.
    columns_ : Columns
        Names and categories of the training columns.
    scorer_ : Scorer
        All of it, as it is saved.
    deviance_ : dict of str to float
        By form that was tried, the mean Tweedie deviance on left-out customers (scaled amounts).

    References
    ----------
    Tweedie (1984), An index which distinguishes between some important exponential families; Duan, Manning,
    Morris & Newhouse (1983), A comparison of alternative models for the demand for medical care (two parts).
    """

    def __init__(
        self,
        params: Mapping[str, Any] | None = None,
        n_trees: int | None = None,
        monotone: Mapping[str, int] | None = None,
        form: Form | Literal["auto"] = "auto",
        rate: Sequence[str] | None = None,
        n_folds: int = 5,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        super().__init__(params, n_trees, monotone, n_folds, seed, n_threads)
        self.form = form
        self.rate = rate

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from rows of several customers and snapshots.

        Parameters
        ----------
        X
            DataFrame of numbers, booleans and categories (or an array of numbers), shape (n, columns).
        y
            Amount within the horizon, in any unit, shape (n,).
        sample_weight
            Weight of each row, not negative.
        groups
            The customer of each row. None: a row each.

        Raises
        ------
        InputError
            Rows, columns or parameters that do not fit.
        TooLittleDataError
            Nobody spent anything.
        """
        matrix, self.columns_ = read_training_table(self, X)
        amount = read_numbers("y", read_outcome(y, len(matrix)))
        refuse_other_order(X=X, y=y, sample_weight=sample_weight, groups=groups)
        weight = read_weights(sample_weight, len(matrix))
        folds = self._folds(amount, groups, [amount != 0], FEWEST_BUYERS_PER_FOLD)
        forms = self._forms(amount, folds)
        scale = 1.0 if forms == ("squared_error",) else float(np.average(amount, weights=weight))
        if scale <= 0 or len(amount) < 2:
            got = "1 sample" if len(amount) < 2 else f"none of {len(amount):,} rows"
            raise TooLittleDataError("y", "several rows, and somebody who spent something", got)
        rows = Training(matrix, amount / scale, weight, self.columns_, folds)
        tried = {form: self._grow(form, rows) for form in forms}
        self.deviance_ = {form: part.deviance for form, part in tried.items()}
        self.form_ = min(tried, key=lambda form: self.deviance_[form])
        best = tried[self.form_]
        self.boosters_, self.start_, self.calibration_ = dict(best.boosters), best.start, best.calibration
        self.learning_curve_ = dict(best.curve)
        self.factor_ = scale * best.level
        return self

    @property
    def scorer_(self) -> Scorer:
        """What scores rows: trees, and the rate that the amount starts from."""
        names = [name for name in ("propensity", "amount") if name in self.boosters_]
        trees = tuple(TreesPart(self.boosters_[name], True, self.n_threads) for name in names)
        start = () if self.start_ is None else (self.start_,)
        terms = {name: [Term(place)] for place, name in enumerate(names)}
        terms["amount"] += [Term(len(trees))] if start else []
        outputs = tuple(Output(name, 0.0, tuple(own)) for name, own in terms.items())
        calibration = self.calibration_.as_dict()
        return Scorer(self.form_, self.columns_, (*trees, *start), outputs, calibration, self.factor_)

    def predict(self, X: Any) -> Floats:
        """Return the expected amount of each row, in the unit of ``y``.

        Raises
        ------
        InputError
            Columns are absent, or hold something else than in training.
        """
        check_is_fitted(self)
        return self.scorer_.score(read_new_table(self, X, self.columns_))

    def _forms(self, amount: Floats, folds: Ints | None) -> tuple[Form, ...]:
        """Return the forms to try: one where there is nothing to choose, or nothing to choose by."""
        if self.form != "auto":
            if self.form not in FORMS:
                hint = did_you_mean(str(self.form), ["auto", *FORMS])
                raise InputError("form", "a known form", f"'{self.form}'", hint)
            if self.form != "squared_error" and amount.min() < 0:
                raise InputError("y", "amounts of 0 or more", f"{amount.min():g}", "Use form='squared_error'")
            return (self.form,)
        if amount.min() < 0:
            return ("squared_error",)
        return ("tweedie",) if folds is None else ("two_part", "tweedie")

    def _grow(self, form: Form, rows: Training) -> FittedForm:
        """Return the trees of one form, and how they did on left-out customers."""
        if form == "two_part":
            buys = self._trees({"objective": "binary"}, replace(rows, y=(rows.y > 0).astype(np.float64)))
            spends, start = self._from_rate({"objective": "gamma"}, replace(rows, learns=rows.y > 0))
            return two_part(rows, buys, spends, start)
        if form == "tweedie":
            objective = {"objective": "tweedie", "tweedie_variance_power": POWER}
            return tweedie(rows, *self._from_rate(objective, rows))
        if self.rate is not None:
            positions_of(self.columns_, self.rate)
        grown = self._trees({"objective": "regression"}, rows)
        return FittedForm({"amount": grown.booster}, curve=grown.curve)

    def _from_rate(self, objective: Mapping[str, Any], rows: Training) -> tuple[Grown, LinearPart | None]:
        """Return trees that start from each customer's own rate, and that; None where none is asked or none varies."""
        start = own_rate(rows, self.rate)
        if start is None:
            return self._trees(objective, rows), None
        return self._trees(objective, replace(rows, start=start.predict(rows.matrix))), start


@dataclass(frozen=True)
class FittedForm:
    """Trees of one form, the calibration and level that go with them, and their deviance on left-out rows."""

    boosters: Mapping[str, lgb.Booster]
    start: LinearPart | None = None
    calibration: Calibration = field(default_factory=Calibration)
    level: float = 1.0
    deviance: float = float("nan")
    curve: Mapping[str, Sequence[float]] = field(default_factory=dict)


def two_part(rows: Training, buys: Grown, spends: Grown, start: LinearPart | None) -> FittedForm:
    """Return whether times how much."""
    boosters = {"propensity": buys.booster, "amount": spends.booster}
    curve = {**buys.curve, **spends.curve}
    if rows.folds is None or buys.left_out is None or spends.left_out is None:
        return FittedForm(boosters, start)
    calibration = fit_calibration(buys.left_out, (rows.y > 0).astype(np.float64), rows.weight, rows.folds)
    left_out = calibration(buys.left_out) * np.exp(spends.left_out)
    return levelled(FittedForm(boosters, start, calibration, curve=curve), rows, left_out)


def tweedie(rows: Training, grown: Grown, start: LinearPart | None) -> FittedForm:
    """Return both at once."""
    fitted = FittedForm({"amount": grown.booster}, start, curve=grown.curve)
    return fitted if grown.left_out is None else levelled(fitted, rows, np.exp(grown.left_out))


def levelled(fitted: FittedForm, rows: Training, left_out: Floats) -> FittedForm:
    """Return trees with the factor that makes left-out predictions sum to what was spent."""
    level = float((rows.weight * rows.y).sum() / (rows.weight * left_out).sum())
    return replace(fitted, level=level, deviance=tweedie_deviance(rows.y, level * left_out, rows.weight))


def tweedie_deviance(y: Floats, mean: Floats, weight: Floats | None = None, power: float = POWER) -> float:
    """Return the mean Tweedie deviance of predicted amounts, a proper score for a mean; lower is better.

    Parameters
    ----------
    y
        Amounts, 0 or more.
    mean
        Predicted amounts, above 0.
    weight
        Weight of each row. None: one each.
    power
        Above 1 and below 2.

    References
    ----------
    Jorgensen (1997), The Theory of Dispersion Models; Gneiting (2011), Making and evaluating point forecasts.
    """
    if mean.min() <= 0:
        raise InputError("mean", "predicted amounts above 0", f"{mean.min():g}")
    a, b = 1 - power, 2 - power
    deviance = 2 * (y**b / (a * b) - y * mean**a / a + mean**b / b)
    return float(np.average(deviance, weights=weight))
