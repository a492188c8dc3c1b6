"""What a learner is given, read and checked once, and the two-armed problem of each treatment."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from penchant.errors import InputError, TooLittleDataError, quoted

from ..inputs.arrays import Floats, Ints, read_groups, read_numbers, read_weights, refuse_misaligned
from ..inputs.categories import Columns
from ..inputs.folds import grouped_folds
from .arms import Arms, read_arms
from .giants import Giants, giants_in

Outcome = Literal["binary", "count", "continuous"]
Bools = npt.NDArray[np.bool_]
Folds = npt.NDArray[np.int16]
Rows = npt.NDArray[np.intp]

FEWEST_PER_ARM = 10  # below, folds hold single customers


@dataclass(frozen=True)
class Given:
    """The columns beside X that `fit` was given, as they came.

    Parameters
    ----------
    y, treatment, p_treatment, sample_weight, groups
        As in `UpliftLearner.fit`.
    """

    y: Any
    treatment: Any
    p_treatment: Any
    sample_weight: Any
    groups: Any


@dataclass(frozen=True)
class ProblemReading:
    """How a learner reads what it is given; parameters as in `UpliftLearner`."""

    control: Any = None
    outcome: str = "auto"
    n_folds: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class UpliftProblem:
    """Customers, arms and outcomes of a trial with any number of treatments.

    Attributes
    ----------
    matrix
        (n, columns) features as numbers.
    columns
        Their names and categories.
    y
        (n,) outcomes, finite.
    arms
        Who was in which arm, with what probability.
    weight
        (n,) customers that a row stands for.
    customer
        (n,) codes of the customers where they repeat, else None.
    fold
        (n,) fold of each row; all rows of a customer share one.
    outcome
        What y holds.
    p_is_estimated
        Whether the probabilities were learned from the features.
    giants
        Where a few amounts carry much of the variance: how they were capped in ``y``, whose mean is as it was.
    """

    matrix: Floats
    columns: Columns
    y: Floats
    arms: Arms
    weight: Floats
    customer: Ints | None
    fold: Folds
    outcome: Outcome
    p_is_estimated: bool = False
    giants: Giants | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.y)

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1

    def pair(self, code: int) -> Pair:
        """Return one treatment against the control; rows of other treatments are absent."""
        if self.arms.n_arms == 2:  # everyone is in the pair: nothing is copied
            own = (self.y, self.weight, self.fold)
            rows = np.arange(len(self))
            return Pair(rows, self.arms.codes == 1, self.arms.probability[:, 1], *own, self.outcome)
        rows, arms = self.arms.against_control(code)
        own = (self.y[rows], self.weight[rows], self.fold[rows])
        return Pair(rows, arms.codes == 1, arms.probability[:, 1].copy(), *own, self.outcome)


@dataclass(frozen=True, eq=False)
class Pair:
    """One treatment against the control.

    Attributes
    ----------
    rows
        (n,) positions in the problem's matrix.
    is_treated
        (n,) bool.
    p
        (n,) probability of the treatment, given one of the two.
    y, weight
        (n,) outcomes and weights.
    fold
        (n,) fold of each row, 0 to the number of folds - 1.
    outcome
        What y holds.
    """

    rows: Rows
    is_treated: Bools
    p: Floats
    y: Floats
    weight: Floats
    fold: Folds
    outcome: Outcome

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @property
    def share(self) -> float:
        """Mean probability of the treatment."""
        return float(np.average(self.p, weights=self.weight))


def folds_for(n_rows: int) -> int:
    """Return how many folds a number of rows asks for: few rows cannot spare many, many can spare half."""
    return 5 if n_rows < 20_000 else 3 if n_rows < 100_000 else 2


def read_problem(matrix: Floats, columns: Columns, given: Given, reading: ProblemReading) -> UpliftProblem:
    """Return the problem that the columns describe.

    Parameters
    ----------
    matrix, columns
        Features as numbers, and their columns.
    given
        The columns beside them.
    reading
        How to read them.

    Raises
    ------
    InputError
        Lengths or indexes that do not match, missing outcomes, one arm only, impossible probabilities.
    TooLittleDataError
        An arm with fewer than 10 customers.
    """
    named = {"treatment": given.treatment, "sample_weight": given.sample_weight, "groups": given.groups}
    refuse_misaligned(y=given.y, **named)
    y = read_numbers("y", given.y)
    if len(y) != len(matrix):
        raise InputError("y", f"one outcome for each of the {len(matrix):,} rows of X", f"{len(y):,}")
    p = None if _asks_for_estimate(given.p_treatment) else given.p_treatment
    arms = read_arms(given.treatment, p, reading.control)
    _refuse_small_arms(arms)
    kind = outcome_of(y) if reading.outcome == "auto" else _checked(reading.outcome, y)
    weight = read_weights(given.sample_weight, len(y))
    _refuse_weightless_arms(arms, weight)
    customer = read_groups(given.groups, len(y))
    fold = _folds(y, arms, customer, reading)
    _refuse_empty_folds(arms, fold)
    giants = giants_in(y) if kind == "continuous" else None
    y = y if giants is None else giants.scale * giants.capped(y)
    return UpliftProblem(matrix, columns, y, arms, weight, customer, fold, kind, p is not given.p_treatment, giants)


def _folds(y: Floats, arms: Arms, customer: Ints | None, reading: ProblemReading) -> Folds:
    """Return folds in which no arm's outcomes decide where another arm's customers go."""
    n_folds = reading.n_folds or folds_for(len(y))
    if customer is not None:
        return grouped_folds(np.zeros(len(y)), customer, n_folds, reading.seed).astype(np.int16)
    fold = np.empty(len(y), dtype=np.int16)
    for code, name in enumerate(arms.names):
        own = np.flatnonzero(arms.codes == code)
        fold[own] = grouped_folds(y[own], None, n_folds, reading.seed + zlib.crc32(name.encode()))
    return fold


def outcome_of(y: Floats) -> Outcome:
    """Return what outcomes look like: 0 and 1, whole numbers from 0 on, or amounts."""
    distinct = np.unique(y[:1000])
    if np.isin(distinct, (0, 1)).all() and np.isin(y, (0, 1)).all():
        return "binary"
    return "count" if (y >= 0).all() and (y == np.floor(y)).all() and y.max() <= 100 else "continuous"


def _checked(outcome: str, y: Floats) -> Outcome:
    if outcome not in get_args(Outcome):
        raise InputError("outcome", f"one of {quoted((*get_args(Outcome), 'auto'))}", f"'{outcome}'")
    if outcome == "binary" and not np.isin(y, (0, 1)).all():
        raise InputError("y", "0 and 1 for a binary outcome", f"values up to {y.max():g}")
    if outcome == "count" and (y < 0).any():
        raise InputError("y", "counts of zero or more", f"{y.min():g}")
    return outcome  # type: ignore[return-value]


def _asks_for_estimate(p_treatment: Any) -> bool:
    if not isinstance(p_treatment, str):
        return False
    if p_treatment != "estimate":
        raise InputError("p_treatment", "probabilities, or 'estimate' to learn them", f"'{p_treatment}'")
    return True


def _refuse_small_arms(arms: Arms) -> None:
    sizes = np.bincount(arms.codes, minlength=arms.n_arms)
    if sizes.min() < FEWEST_PER_ARM:
        raise TooLittleDataError(
            f"arm '{arms.names[int(sizes.argmin())]}'",
            f"at least {FEWEST_PER_ARM} customers are needed in each arm",
            f"{sizes.min():,}",
            "Leave the arm out, or wait for more customers",
        )


def _refuse_weightless_arms(arms: Arms, weight: Floats) -> None:
    held = np.bincount(arms.codes, weights=weight, minlength=arms.n_arms)
    if not held.all():
        empty = arms.names[int(np.argmin(held))]
        raise InputError("sample_weight", f"arm '{empty}' needs some weight", "zero everywhere")


def _refuse_empty_folds(arms: Arms, fold: Folds) -> None:
    """Refuse folds without which an arm has no customer left to learn from."""
    n_folds = int(fold.max()) + 1
    held = np.bincount(arms.codes.astype(np.intp) * n_folds + fold, minlength=arms.n_arms * n_folds)
    held = held.reshape(arms.n_arms, n_folds)
    alone = np.flatnonzero(held.max(axis=1) == held.sum(axis=1))
    if len(alone):
        raise TooLittleDataError(
            f"arm '{arms.names[int(alone[0])]}'",
            "customers (groups) in at least two folds are needed in each arm",
            "all of them in one",
            "Too few different customers are in the arm: check groups",
        )
