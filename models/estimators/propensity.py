"""The probability that a customer does something within the horizon."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from penchant.errors import InputError, TooLittleDataError

from ..inputs.arrays import Floats, read_weights
from ..inputs.frames import read_new_table, read_outcome, read_training_table, refuse_other_order
from ..inputs.row_groups import ParquetTable, read_parquet
from ..plain_parts import LinearPart, ScorerPart, TreesPart
from ..plain_scorer import Output, Scorer, Term
from .boosted import BoostedModel
from .boosting import Training
from .calibration import Calibration, Method, fit_calibration, gains_surely
from .line import fit_lines

FEWEST_PER_FOLD = 4  # customers of the rarer outcome that each fold must hold, else none is left out


class PropensityModel(ClassifierMixin, BoostedModel):
    """Calibrated, regularised LightGBM trees for a yes-or-no outcome, with a logistic line beside them.

    The number of trees, the line's share and the calibration are chosen on folds of customers that were left out;
    trees and line are then learned from all rows. An imbalance of the outcomes is not weighted away, which would break
    the probabilities: leaves must hold enough positives instead. With ``sample_weight`` the probabilities are those of
    the weighted population. A category that training has not seen, and a missing value where it (nearly) always knew
    one, score as the mean over the usual values of the column, with a warning.

    Parameters
    ----------
    params
        LightGBM parameters that replace the defaults of `penchant.models.estimators.boosting`.
    n_trees
        A fixed number of trees; None: as many as do best on the left-out folds.
    monotone
        By column name, 1 where the probability may only rise with the column and -1 where it may only fall.
    line_share
        Share of a logistic line in the log-odds, in [0, 1); the trees have the rest. It is used unless trees alone are
        surely better on left-out folds; 0: trees alone.
    calibration
        ``"auto"`` chooses between ``"none"``, ``"platt"`` and ``"isotonic"`` by the log loss on left-out folds.
    n_folds
        Number of folds, at least 2.
    seed
        Same rows and seed, same model.
    n_threads
        Threads of LightGBM; 0: all; None: one for small tables, all for large ones.

    Attributes
    ----------
    columns_ : Columns
        Names and categories of the training columns.
    boosters_ : dict of str to lightgbm.Booster
        The trees, under ``"propensity"``.
    line_ : LinearPart or None
        The line, where it is used.
    share_ : float
        Its share in the log-odds.
    calibration_ : Calibration
        From the log-odds to probabilities.
    scorer_ : Scorer
        All of it, as it is saved.
    left_out_ : ndarray of shape (n,) or None
        The calibrated probability of each training row by trees that did not see its customer.
    learning_curve_ : dict of str to sequence of float
        Loss -> its mean over the left-out customers by number of trees; empty where none were left out.
    classes_ : ndarray of shape (2,)
        The outcomes; the second one's probability is what is modelled.

    References
    ----------
    Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree; Clemen (1989), Combining
    forecasts: a review and annotated bibliography (why equal shares are hard to beat).
    """

    def __init__(
        self,
        params: Mapping[str, Any] | None = None,
        n_trees: int | None = None,
        monotone: Mapping[str, int] | None = None,
        line_share: float = 0.5,
        calibration: Method | Literal["auto"] = "auto",
        n_folds: int = 5,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        super().__init__(params, n_trees, monotone, n_folds, seed, n_threads)
        self.line_share = line_share
        self.calibration = calibration

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from rows of several customers and snapshots.

        Parameters
        ----------
        X
            DataFrame of numbers, booleans and categories (or an array of numbers), shape (n, columns); or a
            `ParquetTable`, whose rows are read a row group at a time: more than memory holds.
        y
            Two different outcomes, shape (n,).
        sample_weight
            Weight of each row, not negative.
        groups
            The customer of each row: a customer's snapshots stay in one fold. None: a row each.

        Raises
        ------
        InputError
            Rows, columns or parameters that do not fit.
        TooLittleDataError
            Only one class of outcomes has any weight.
        """
        matrix, self.columns_ = read_parquet(self, X) if isinstance(X, ParquetTable) else read_training_table(self, X)
        outcome = self._learn_classes(read_outcome(y, len(matrix)))
        refuse_other_order(X=X, y=y, sample_weight=sample_weight, groups=groups)
        weight = read_weights(sample_weight, len(matrix))
        refuse_one_class(outcome, weight)
        each = [(outcome == c) & (weight > 0) for c in (0, 1)]
        folds = self._folds(outcome, groups, each, FEWEST_PER_FOLD)
        rows = Training(matrix, outcome, weight, self.columns_, folds)
        refuse_no_share(self.line_share)
        grown = self._trees({"objective": "binary"}, rows)
        self.boosters_, self.learning_curve_ = {"propensity": grown.booster}, dict(grown.curve)
        self.line_: LinearPart | None = None
        self.share_ = 0.0
        self.calibration_, self.left_out_ = Calibration(), None
        if grown.left_out is not None and folds is not None:
            log_odds = self._with_line(rows, grown.left_out)
            self.calibration_ = fit_calibration(log_odds, outcome, weight, folds, self.calibration)
            self.left_out_ = self.calibration_(log_odds)
        return self

    def _with_line(self, rows: Training, alone: Floats) -> Floats:
        """Return left-out log-odds; where the line does not surely harm, it is remembered and is in them."""
        share = self.line_share
        if not share:
            return alone
        monotone = self.monotone or {}
        directions = {self.columns_.names.index(name): way for name, way in monotone.items()}
        lines = fit_lines(rows, directions, self.seed)
        together = (1 - share) * alone + share * lines.left_out
        harm = loss_of_log_odds(together, rows.y) - loss_of_log_odds(alone, rows.y)
        if not lines.part.columns or gains_surely(harm, rows.weight):
            return alone
        self.line_, self.share_ = lines.part, share
        return together

    @property
    def scorer_(self) -> Scorer:
        """What scores rows: trees and line, each with its share."""
        parts: list[ScorerPart] = [TreesPart(self.boosters_["propensity"], True, self.n_threads)]
        terms = [Term(0, 1 - self.share_)]
        if self.line_ is not None:
            parts.append(self.line_)
            terms.append(Term(1, self.share_))
        outputs = (Output("propensity", 0.0, tuple(terms)),)
        return Scorer("propensity", self.columns_, tuple(parts), outputs, self.calibration_.as_dict())

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, shape (n, 2), columns in the order of ``classes_``.

        Raises
        ------
        InputError
            Columns are absent, or hold something else than in training.
        """
        check_is_fitted(self)
        p = self.scorer_.score(read_new_table(self, X, self.columns_))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the more probable class of each row."""
        is_second = self.predict_proba(X)[:, 1] > 0.5
        return np.asarray(self.classes_[is_second.astype(int)])

    def _learn_classes(self, y: npt.NDArray[Any]) -> Floats:
        """Remember the two classes, and return the outcome as 0 and 1."""
        check_classification_targets(y)
        self.classes_, outcome = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            got = f"Only binary classification is supported. The type of the target is {type_of_target(y)}"
            raise InputError("y", "two different outcomes", got)
        return outcome.astype(np.float64)

    def __sklearn_tags__(self) -> Tags:
        """Say that more than two classes are not welcome."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def loss_of_log_odds(log_odds: Floats, y: Floats) -> Floats:
    """Return the log loss of each row."""
    return np.asarray(np.logaddexp(0.0, log_odds) - y * log_odds)


def refuse_no_share(share: float) -> None:
    """Raise InputError where the line's share leaves nothing to the trees, or is none."""
    if not isinstance(share, Real) or not 0 <= share < 1:
        raise InputError("line_share", "a share in [0, 1)", f"{share!r}")


def refuse_one_class(outcome: Floats, weight: Floats) -> None:
    """Raise TooLittleDataError where all the weight is on one outcome."""
    if len(np.unique(outcome[weight > 0])) < 2:
        raise TooLittleDataError(
            "y",
            "rows of both outcomes are needed",
            f"one class in {len(outcome):,} rows",
            "Look at the label, or train on more customers or snapshots",
        )
