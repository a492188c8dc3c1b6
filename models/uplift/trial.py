"""A two-armed trial with scores, read once: what every measure of uplift stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from penchant.errors import InputError, did_you_mean, quoted

from ..inputs.arrays import Floats, Ints, read_groups, read_numbers, read_weights, refuse_misaligned
from .arms import Arms, read_arms


class Assignment(TypedDict, total=False):
    """How customers came into their arms; every measure of uplift takes these as keywords.

    Attributes
    ----------
    p_treatment
        Probability of assignment, as in `read_arms`. Default: the observed shares.
    control
        Which value of the treatment column is the control, as in `read_arms`.
    sample_weight
        (n,) how many customers a row stands for, not negative. Default: one each.
    groups
        (n,) the customer of each row, where customers repeat. Draws take or leave whole customers.
    """

    p_treatment: Any
    control: Any
    sample_weight: Any
    groups: Any


class TrialDesign(Assignment, total=False):
    """As `Assignment`, for measures that compare one treatment with the control.

    Attributes
    ----------
    arm
        The treatment that is compared with the control, where there are several; other rows are left out.
    """

    arm: str


@dataclass(frozen=True, eq=False)
class Experiment:
    """Outcomes by arm, in the order of the rows.

    Attributes
    ----------
    y
        (n,) outcomes, any unit.
    arms
        Who was where, with what probability.
    weight
        (n,) customers that a row stands for.
    customer
        (n,) codes 0.. of the customers where they repeat, else None.
    """

    y: Floats
    arms: Arms
    weight: Floats
    customer: Ints | None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Trial:
    """One treatment against its control, with columns of scores, in an order that depends on values only.

    Attributes
    ----------
    y
        (n,) outcomes, any unit.
    is_treated
        (n,) bool. Rows of the control come first.
    p_treated
        (n,) probability of being treated, inside (0, 1).
    weight
        (n,) customers that a row stands for.
    customer
        (n,) codes 0.. of the customers where they repeat, else None.
    names
        Names of the scores.
    scores
        (n_scores, n).
    """

    y: Floats
    is_treated: npt.NDArray[np.bool_]
    p_treated: Floats
    weight: Floats
    customer: Ints | None
    names: tuple[str, ...]
    scores: Floats

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.y)


def read_experiment(
    y: Any,
    treatment: Any,
    *,
    p_treatment: Any = None,
    control: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
) -> Experiment:
    """Return the experiment that the columns describe; parameters as in `Assignment`.

    Raises
    ------
    InputError
        Missing values, text, lengths or indexes that do not match, one arm only, or an arm without weight.
    """
    refuse_misaligned(y=y, treatment=treatment, sample_weight=sample_weight, groups=groups)
    arms = read_arms(treatment, p_treatment, control)
    weight = read_weights(sample_weight, len(arms))
    held = np.bincount(arms.codes, weights=weight, minlength=arms.n_arms)
    if not held.all():
        empty = arms.names[int(np.argmin(held))]
        raise InputError("sample_weight", f"arm '{empty}' needs some weight", "zero everywhere")
    return Experiment(read_numbers("y", y), arms, weight, read_groups(groups, len(arms)))


def read_trial(
    y: Any, scores: Mapping[str, Any], treatment: Any, *, arm: str | None = None, **assignment: Unpack[Assignment]
) -> Trial:
    """Return the trial that the columns describe; keywords as in `Design`.

    Rows are brought into an order of their own, so that the order they came in changes no later number,
    not even in its last digit.

    Raises
    ------
    InputError
        As in `read_experiment`, or several treatments without ``arm``.
    """
    refuse_misaligned(y=y, **scores)
    whole = read_experiment(y, treatment, **assignment)
    table = np.vstack([read_numbers(name, score) for name, score in scores.items()])
    rows, pair = _pair(whole.arms, arm)
    outcome, weight, table = whole.y[rows], whole.weight[rows], table[:, rows]
    is_treated, p_treated = pair.codes == 1, pair.probability[:, 1]
    customer = None if whole.customer is None else np.unique(whole.customer[rows], return_inverse=True)[1]
    ids = [] if customer is None else [customer]
    order = np.lexsort((*ids, *table, p_treated, weight, outcome, is_treated))
    return Trial(
        outcome[order],
        is_treated[order],
        p_treated[order],
        weight[order],
        None if customer is None else customer[order],
        tuple(scores),
        table[:, order],
    )


def _pair(arms: Arms, arm: str | None) -> tuple[npt.NDArray[np.intp], Arms]:
    """Return the rows of one treatment and the control."""
    if arm is None and arms.n_arms > 2:
        raise InputError(
            "treatment",
            "one treatment is compared with the control at a time",
            f"{arms.n_arms - 1} ({quoted(arms.names[1:])})",
            "Say which with arm=, or see 'budget_curve' for all at once",
        )
    if arm is not None and arm not in arms.names[1:]:
        raise InputError("arm", "the name of a treatment is needed", f"'{arm}'", did_you_mean(str(arm), arms.names[1:]))
    return arms.against_control(1 if arm is None else arms.names.index(arm))


def draw_customers(arm: npt.NDArray[Any], customer: Ints | None, n_draws: int, seed: int) -> Iterator[Ints]:
    """Yield, for each bootstrap draw, how often each row was drawn: (n,) integers.

    Customers are drawn with replacement inside their arm, so that each draw has as many customers in each arm
    as the experiment. Customers with rows in several arms form a stratum of their own.

    Parameters
    ----------
    arm
        (n,) small whole numbers or booleans.
    customer
        (n,) codes 0.. of the customers where they repeat; None: each row is one.
    n_draws, seed
        Number of draws, and what they depend on.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 8 (two samples; whole units).
    """
    rng = np.random.default_rng(seed)
    strata = _strata(np.asarray(arm, dtype=np.int64), customer)
    n_customers = sum(len(members) for members in strata)
    for _ in range(n_draws):
        counts = np.empty(n_customers, dtype=np.int64)
        for members in strata:
            picks = rng.integers(0, len(members), len(members))
            counts[members] = np.bincount(picks, minlength=len(members))
        yield counts if customer is None else counts[customer]


def _strata(arm: Ints, customer: Ints | None) -> list[Ints]:
    """Return the customers of each arm, and last those of several arms."""
    stratum = arm
    if customer is not None:
        n = int(customer.max()) + 1
        stratum, lowest = np.zeros(n, dtype=np.int64), np.full(n, arm.max())
        np.maximum.at(stratum, customer, arm)
        np.minimum.at(lowest, customer, arm)
        stratum[stratum != lowest] = arm.max() + 1
    return [members for code in range(stratum.max() + 1) if len(members := np.flatnonzero(stratum == code))]
