"""Guards before numbers: what must hold before a measured or learned uplift is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import InputError

from ..inputs.arrays import read_groups, refuse_lengths, refuse_misaligned
from ..inputs.categories import holds_categories, refuse_duplicate_columns
from ..inputs.check import Check
from ..inputs.estimate import Estimate
from ..uplift.randomisation import assignment_is_random, covariate_balance, sample_ratio
from ..uplift.trial import Assignment, Experiment, read_experiment
from .comparison import STANDARD_ERRORS_SEEN
from .outcome_scores import outcome_scores, weighted_mean

Bools = npt.NDArray[np.bool_]

STRONG_RANKING = 4  # where the best half gains by so much more than all do, the Qini is a quarter of that
STRONG_SHARE = 0.5  # of the natural rate: by as much a strong difference raises the best half and lowers the others


@dataclass(frozen=True, eq=False)
class TrialDates:
    """When things happened, one value per row or one for all; None: not known.

    Attributes
    ----------
    assigned_at
        When the customer was put into the arm.
    outcome_at
        When the outcome happened; missing where there was none.
    features_at
        The as_of of the features: they see what happened strictly before it.
    """

    assigned_at: Any = None
    outcome_at: Any = None
    features_at: Any = None


UNDATED = TrialDates()


def check_trial(
    X: Any,
    y: Any,
    treatment: Any,
    *,
    dates: TrialDates = UNDATED,
    folds: Any = None,
    seed: int = 0,
    is_planned: bool = True,
    **assignment: Unpack[Assignment],
) -> tuple[Check, ...]:
    """Ask all that must hold before an uplift is learned from a trial, or measured on it.

    Parameters
    ----------
    X
        (n, columns) features as they were known before the assignment: a DataFrame, or an array of numbers.
    y, treatment, **assignment
        Outcomes, arms, and how customers came into them: as in `policy_value`. Planned shares are checked where
        ``p_treatment`` is given.
    dates
        When customers were assigned, had their outcome, and were looked at.
    folds
        (n,) fold of each row, where the rows are split.
    seed
        Of the classifier that tries to predict the assignment.
    is_planned
        Whether ``p_treatment`` was known when the arms were drawn. False: it was read off the arms' sizes, which then
        say nothing about lost customers.

    Returns
    -------
    tuple of Check
        Assignment random, sample ratio, arm sizes, balance, detectable gap, outcome unknown to the features, outcome
        after assignment, features before assignment, customers across folds.

    Raises
    ------
    InputError
        Columns that do not fit together, one arm only, missing values.
    """
    frame = X if isinstance(X, pd.DataFrame) else _framed(X)
    refuse_duplicate_columns(frame)
    refuse_misaligned(y=y, X=frame if X is frame else frame.to_numpy())
    experiment = read_experiment(y, treatment, **assignment)
    arms, customer = experiment.arms, experiment.customer
    is_planned = is_planned and assignment.get("p_treatment") is not None
    return (
        assignment_is_random(frame, arms, customer, seed=seed),
        sample_ratio(arms, customer) if is_planned else _unplanned(),
        arm_sizes(experiment),
        covariate_balance(frame, arms, customer),
        detectable_gap(experiment),
        outcome_unknown(frame, experiment),
        outcome_after_assignment(dates, len(experiment)),
        features_before_assignment(frame, dates),
        customers_across_folds(assignment.get("groups"), folds, len(experiment)),
    )


def _framed(X: Any) -> pd.DataFrame:
    table = np.asarray(X)
    if table.ndim != 2:
        raise InputError("X", "a DataFrame or an array of shape (n, columns)", f"shape {table.shape}")
    return pd.DataFrame(table).add_prefix("x")


def _unplanned() -> Check:
    told = "The probabilities with which the arms were drawn are not known (p_treatment)."
    return Check("sample-ratio", "The arms have the planned shares", told, "not applicable")


def arm_sizes(experiment: Experiment, least: int = 100, least_outcomes: int = 20) -> Check:
    """Ask whether every arm has enough customers, and enough of them with an outcome other than zero.

    Parameters
    ----------
    least
        Fewest rows of an arm.
    least_outcomes
        Fewest rows of an arm whose outcome is not zero (for outcomes that are mostly zero).
    """
    arms = experiment.arms
    rows = np.bincount(arms.codes, minlength=arms.n_arms)
    active = np.bincount(arms.codes[experiment.y != 0], minlength=arms.n_arms)
    told = [
        f"'{name}' has {n:,} customers, {m:,} with an outcome"
        for name, n, m in zip(arms.names, rows.tolist(), active.tolist(), strict=True)
        if n < least or m < least_outcomes
    ]
    facts = {
        "rows": dict(zip(arms.names, rows.tolist(), strict=True)),
        "with_outcome": dict(zip(arms.names, active.tolist(), strict=True)),
    }
    code, title = "arm-sizes", "Every arm is large enough"
    if told:
        advice = f"At least {least} and {least_outcomes} are needed; little can be told."
        return Check(code, title, f"{'; '.join(told)}. {advice}", "issue", facts)
    smallest = f"The smallest has {rows.min():,} customers, {active.min():,} of them with an outcome."
    return Check(code, title, smallest, "passed", facts)


def detectable_gap(experiment: Experiment) -> Check:
    """Ask whether these customers can tell a useful ranking from chance, and say which they can.

    The Qini coefficient of a ranking that knows nothing has the standard deviation :math:`\\sigma / \\sqrt{12 n}`
    (the area of a Brownian bridge), with the standard deviation :math:`\\sigma` of the customers' doubly-robust
    effect scores. The gap that is seen in four of five repetitions is 2.8 of them; two rankings that correlate by
    one half are told apart by the same gap. Where the best half gains d more than the average, a perfect ranking has a
    coefficient of d / 4. A strong one has a d of the average effect (all of it among the best half), or of half of what
    comes anyway where that is more: effects that cancel out in the mean can differ as strongly as others. Where that
    cannot be seen, no comparison will tell anything.
    """
    arms = experiment.arms
    scores = outcome_scores(experiment)
    found: dict[str, tuple[float, Estimate]] = {}
    for code, name in enumerate(arms.names[1:], start=1):
        factor = (arms.codes == code) - arms.is_control.astype(np.float64)
        effect = weighted_mean(scores[:, code] - scores[:, 0], experiment, factor)
        error = (effect.high - effect.low) / (2 * 1.959964)
        found[name] = (STANDARD_ERRORS_SEEN * error / np.sqrt(12), effect)
    level = 1000 * float(np.average(np.abs(experiment.y), weights=experiment.weight * arms.is_control))
    strong = {
        name: max(abs(effect.value), STRONG_SHARE * level) / STRONG_RANKING for name, (_, effect) in found.items()
    }
    blind = [name for name, (gap, _) in found.items() if not gap <= strong[name]]
    told = " ".join(
        f"'{name}': a ranking stands out from chance from a Qini of {gap:.3g} per 1,000 customers on; contacting "
        f"everyone changes {effect:.3g} per 1,000, {level:.3g} come anyway, and a strong ranking has about "
        f"{strong[name]:.3g}."
        for name, (gap, effect) in found.items()
    )
    facts: dict[str, Any] = {f"gap of {name}": gap for name, (gap, _) in found.items()}
    facts |= {f"effect of {name}": effect for name, (_, effect) in found.items()}
    code_name, title = "detectable-gap", "The customers can tell a strong ranking from chance"
    return Check(code_name, title, told, "issue" if blind else "passed", facts)


def outcome_unknown(X: pd.DataFrame, experiment: Experiment, least: int = 50, most: float = 0.99) -> Check:
    """Ask whether some column knows the outcome: then it was written after the contact, such as another outcome.

    Looked at are the customers with the highest values of a column, with any but the commonest, with each category,
    and with any value at all. Where the outcome is rare, hardly any such group has it for certain.

    Parameters
    ----------
    least
        Fewest customers of a group that is looked at.
    most
        Highest share of them with an outcome that passes.
    """
    code, title = "outcome-unknown", "No column leaks the outcome"
    has_outcome = experiment.y != 0
    if has_outcome.mean() > 0.5:
        return Check(code, title, "Most customers have an outcome.", "not applicable")
    known = {str(name): rate for name in X.columns if (rate := _surest(X[name], has_outcome, least)) > most}
    if known:
        told = ", ".join(f"'{name}'" for name in known)
        advice = "Is it known before the contact? If not, leave it out: it is a part of the outcome."
        explained = f"Some values of {told} go with the outcome in {min(known.values()):.0%} of customers or more."
        return Check(code, title, f"{explained} {advice}", "issue", {"rates": known})
    return Check(code, title, f"None of {X.shape[1]} does.", "passed", {"rates": {}})


def _surest(column: pd.Series[Any], has_outcome: Bools, least: int) -> float:
    """Return the highest share with an outcome among the groups of a column's values."""
    codes, values = pd.factorize(column, sort=not holds_categories(column))
    sizes = np.bincount(codes + 1, minlength=len(values) + 1)
    active = np.bincount(codes + 1, weights=has_outcome, minlength=len(values) + 1)
    groups = [(sizes, active)]
    if not holds_categories(column):
        groups.append((np.cumsum(sizes[:0:-1]), np.cumsum(active[:0:-1])))
    for left in {0, int(np.argmax(sizes))}:
        groups.append((np.array([sizes.sum() - sizes[left]]), np.array([active.sum() - active[left]])))
    rates = [(n[n >= least], a[n >= least]) for n, a in groups]
    return max((float((a / n).max()) for n, a in rates if len(n)), default=0.0)


def outcome_after_assignment(dates: TrialDates, n: int) -> Check:
    """Ask whether every outcome happened at or after the assignment."""
    code, title = "outcome-after-assignment", "Outcomes happened after the assignment"
    if dates.assigned_at is None or dates.outcome_at is None:
        return Check(code, title, "The dates are not given.", "not applicable")
    assigned, outcome = _dates("assigned_at", dates.assigned_at, n), _dates("outcome_at", dates.outcome_at, n)
    early = int((outcome < assigned).sum())
    facts = {"n_early": early, "n_outcomes": int(outcome.notna().sum())}
    if early:
        told = (
            f"{early:,} of {facts['n_outcomes']:,} outcomes are dated before the assignment: they cannot be an effect."
        )
        return Check(code, title, told, "issue", facts)
    return Check(code, title, f"All {facts['n_outcomes']:,} are.", "passed", facts)


def features_before_assignment(X: pd.DataFrame, dates: TrialDates) -> Check:
    """Ask whether all features were known before the assignment: their as_of, and every date among them."""
    code, title = "features-before-assignment", "Features were known before the assignment"
    columns: dict[str, Any] = {
        str(name): X[name] for name in X.columns if pd.api.types.is_datetime64_any_dtype(X[name])
    }
    if dates.features_at is not None:
        columns["features_at"] = dates.features_at
    if dates.assigned_at is None or not columns:
        return Check(code, title, "The dates are not given.", "not applicable")
    assigned = _dates("assigned_at", dates.assigned_at, len(X))
    late = {name: int((_dates(name, values, len(X)) > assigned).sum()) for name, values in columns.items()}
    late = {name: n for name, n in late.items() if n}
    if late:
        told = ", ".join(f"'{name}' in {n:,} rows" for name, n in late.items())
        told = f"Dated after the assignment: {told}. Build them as of each customer's own assignment."
        return Check(code, title, told, "issue", {"n_late": late})
    return Check(code, title, f"{len(columns)} dated columns, none is later.", "passed", {"n_late": {}})


def customers_across_folds(groups: Any, folds: Any, n: int) -> Check:
    """Ask whether all rows of a customer lie in one fold."""
    code, title = "customers-across-folds", "No customer is in several folds"
    customer = read_groups(groups, n)
    fold = read_groups(folds, n)
    if customer is None or fold is None:
        return Check(code, title, "Customers' ids or folds are not given.", "not applicable")
    pairs = pd.DataFrame({"customer": customer, "fold": fold}).drop_duplicates()
    torn = int((pairs.groupby("customer").size() > 1).sum())
    facts = {"n_torn": torn, "n_customers": int(customer.max()) + 1}
    if torn:
        told = f"{torn:,} of {facts['n_customers']:,} customers are: the model is tested on customers it has seen."
        return Check(code, title, told, "issue", facts)
    return Check(code, title, f"{facts['n_customers']:,} customers, each in one.", "passed", facts)


def _dates(name: str, values: Any, n: int) -> pd.Series[Any]:
    """Return one instant per row, in UTC; NaT where there is none."""
    if not isinstance(values, pd.Series | pd.Index | list | tuple | np.ndarray):
        values = [values] * n
    refuse_lengths(n, **{name: values})
    try:
        return pd.Series(pd.to_datetime(np.asarray(values, dtype=object), format="ISO8601", utc=True))
    except (TypeError, ValueError) as error:
        raise InputError(name, "dates are needed", str(error)) from None
