"""From rows to results: which rows a comparison takes, with what weight, and what it found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.evaluation.ranking import without_dust
from ...models.inputs.arrays import Floats
from ...models.inputs.distributions import chi_square_tail, normal_ppf
from ...models.inputs.estimate import Estimate
from .design import MeasuredWindow
from .effect import Effect, Sample, measure_effects
from .material import Material, Positions
from .result import Breakdown, Result

LEAST_ROWS = 20  # in each arm of a group; smaller ones are not shown
MOST_GROUPS = 12
MOST_LABELS = 10
TINY = 1e-12
MOST_ARMS = 6  # more are not compared among themselves
N_DECILES = 10
MONEY = ("revenue", "margin", "cost", "profit")


@dataclass(frozen=True)
class ComparedArms:
    """Which arms are compared: some treatments, taken together, with the control or another treatment.

    Arms are positions of ``Assigned.names``; no treatments: all of them.
    """

    here: tuple[int, ...] = ()
    other: int = 0


ANY_TREATMENT = ComparedArms()


def compare_arms(
    material: Material, view: MeasuredWindow, label: str, arms: ComparedArms = ANY_TREATMENT, level: float | None = None
) -> Result:
    """Return the result of one comparison in one window; ``level`` is the settings' unless given."""
    rows, sample = sample_of(material, view, arms)
    return result_of(sample, material.outcomes(view, rows), label, view.days, level or material.settings.level)


def sample_of(material: Material, view: MeasuredWindow, arms: ComparedArms = ANY_TREATMENT) -> tuple[Positions, Sample]:
    """Return the rows that a comparison takes in a window, and their arms, weights and covariates."""
    return sample_among(material, material.design.rows_of(view, material.assigned), arms)


def sample_among(material: Material, rows: Positions, arms: ComparedArms = ANY_TREATMENT) -> tuple[Positions, Sample]:
    """Return those of some rows that a comparison takes, and their arms, weights and covariates.

    A control takes part if it could have been in one of the treatments: where the arm that was meant for it is
    recorded, if it is one of them; where lots decided, with the share of them among the treated of its wave.
    """
    arm, weight = material.assigned.arm[rows], material.design.weight[rows]
    is_treated = arm > 0
    if arms.here:
        takes_part, weight, is_treated = _chosen(material, rows, arms)
        rows, weight, is_treated = rows[takes_part], weight[takes_part], is_treated[takes_part]
    customer = material.assigned.customer[rows] if material.design.kind == "redrawn" else None
    covariates = material.covariates[:, rows]
    if len(material.assigned.waves[0]) > 1:
        covariates = np.vstack([covariates, _waves(material.assigned.wave[rows])])
    return rows, Sample(is_treated, weight, covariates, customer)


def _chosen(
    material: Material, rows: Positions, arms: ComparedArms
) -> tuple[npt.NDArray[np.bool_], Floats, npt.NDArray[np.bool_]]:
    """Return which rows take part in a comparison of chosen arms, their weights, and which are treated."""
    arm, weight = material.assigned.arm[rows], material.design.weight[rows]
    is_here = np.isin(np.arange(len(material.assigned.names)), arms.here)
    is_treated = is_here[arm]
    chance = material.shares[:, is_here].sum(axis=1)[material.assigned.waves[1][rows]]
    planned = None if material.planned is None else material.planned[rows]
    if arms.other:
        other = material.shares[:, arms.other][material.assigned.waves[1][rows]]
        takes_part = is_treated | (arm == arms.other)
        if planned is not None:
            takes_part &= planned < 0
        return takes_part, np.where(is_treated, 1.0, chance / np.maximum(other, TINY)), is_treated
    if planned is None:
        return is_treated | (arm == 0), np.where(is_treated, 1.0, weight * chance), is_treated
    meant = (planned < 0) | is_here[planned]
    return (
        is_treated | ((arm == 0) & meant),
        np.where(is_treated | (planned >= 0), weight, weight * chance),
        is_treated,
    )


def _waves(wave: npt.NDArray[np.int64]) -> Floats:
    """Return (waves - 1, n) which wave a row is in, less its mean: what differs by wave is no chance of the arms."""
    numbers = np.unique(wave)[1:MOST_GROUPS]
    members = np.array([wave == number for number in numbers], dtype=np.float64).reshape(-1, len(wave))
    return members - members.mean(axis=1, keepdims=True)


def result_of(sample: Sample, outcomes: dict[str, Floats], label: str, days: int, level: float) -> Result:
    """Return the effects on outcomes as a result."""
    measured = measure_effects(sample, np.stack(list(outcomes.values())), [name in MONEY for name in outcomes])
    effects = dict(zip(outcomes, measured, strict=True))
    if "profit" in effects and math.isnan(effects["margin"].plain.error):
        effects["profit"] = _unsure(effects["profit"])
    return Result(label, days, effects, level)


def _unsure(profit: Effect) -> Effect:
    """Return a profit without intervals: where nobody bought, that costs hardly vary says nothing of what may come."""
    plain, adjusted = (replace(one, error=math.nan) for one in (profit.plain, profit.adjusted))
    return replace(profit, plain=plain, adjusted=adjusted)


def sidak(level: float, n: int) -> float:
    """Return the level of each of n intervals that together hold with ``level``.

    References
    ----------
    Sidak (1967), Rectangular confidence regions for the means of multivariate normal distributions, JASA 62:626.
    It holds however normal estimates are correlated: arms that share a control included.

    Examples
    --------
    >>> round(sidak(0.95, 10), 4)
    0.9949
    """
    return level ** (1 / max(n, 1))


def by_arm(material: Material, view: MeasuredWindow) -> tuple[Result, ...]:
    """Return each treatment against the control; nothing where there is only one."""
    names = material.assigned.names
    return _family(material, view, {names[code]: ComparedArms((code,)) for code in range(1, len(names))})


def by_means(material: Material, view: MeasuredWindow, attribute: str) -> tuple[Result, ...]:
    """Return the treatments of each channel or kind of offer against the control; nothing where there is only one."""
    return _family(material, view, {value: ComparedArms(codes) for value, codes in material.arms_by(attribute).items()})


def between_arms(material: Material, view: MeasuredWindow) -> tuple[Result, ...]:
    """Return the treatments against each other, among customers whose treatment was left to lots."""
    names = material.assigned.names
    if len(names) > MOST_ARMS:
        return ()
    pairs = [(i, j) for i in range(1, len(names)) for j in range(i + 1, len(names))]
    return _family(material, view, {f"{names[i]} against {names[j]}": ComparedArms((i,), j) for i, j in pairs}, least=1)


def _family(
    material: Material, view: MeasuredWindow, wanted: Mapping[str, ComparedArms], least: int = 2
) -> tuple[Result, ...]:
    """Return comparisons whose intervals hold together; nothing where fewer than ``least`` can be made."""
    rows = material.design.rows_of(view, material.assigned)
    samples = {label: sample_among(material, rows, arms) for label, arms in wanted.items()}
    large = {label: found for label, found in samples.items() if is_large(found[1])}
    if len(wanted) < least or not large:
        return ()
    level = sidak(material.settings.level, len(large))
    return tuple(
        result_of(sample, material.outcomes(view, own), label, view.days, level)
        for label, (own, sample) in large.items()
    )


def by_label(material: Material, view: MeasuredWindow, found: pd.DataFrame) -> tuple[Result, ...]:
    """Return the effect on having each of the most frequent labels, such as buying from a category.

    Parameters
    ----------
    material, view
        The campaign and the window.
    found
        Pairs of ``unit`` and ``label``, each once.

    Returns
    -------
    tuple of Result
        The response is having the label; the most frequent first. Intervals hold together.
    """
    rows, sample = sample_of(material, view)
    place = np.full(len(material.assigned), -1)
    place[rows] = np.arange(len(rows))
    found = found[place[found["unit"]] >= 0]
    labels = found["label"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    bare = replace(sample, covariates=np.empty((0, len(rows))))
    results = []
    for label in labels[:MOST_LABELS]:
        has = np.zeros(len(rows))
        has[place[found.loc[found["label"] == label, "unit"]]] = 1.0
        level = sidak(material.settings.level, min(len(labels), MOST_LABELS))
        results.append(result_of(bare, {"response": has}, str(label), view.days, level))
    return tuple(results)


def is_large(sample: Sample) -> bool:
    """Say whether both arms have rows enough to be compared."""
    return min(sample.counts) >= LEAST_ROWS


def break_down(material: Material, view: MeasuredWindow, name: str) -> Breakdown | None:
    """Return the results of the groups that a column of the record makes; None where it makes none."""
    column = material.assigned.extras.get(name)
    if column is None or column.isna().all():
        return None
    codes, labels = pd.factorize(column.astype("str").where(column.notna(), "not known"), sort=True)
    if len(labels) < 2:
        return None
    return _groups(material, view, name, codes, [str(label) for label in labels])


def by_decile(material: Material, view: MeasuredWindow) -> Breakdown | None:
    """Return the results by tenth of predicted uplift, the highest first: did the model rank rightly?

    Where a prediction hangs on the arm that was drawn, customers are told apart by their rank in the audience.
    """
    last_first = material.predicted if material.predicted is None else -material.predicted
    order = material.number("rank") if last_first is None else last_first
    if order is None or np.nanstd(order) == 0:
        return None
    listed = order[material.design.rows]
    listed[np.isfinite(listed)] = without_dust(listed[np.isfinite(listed)])
    rank = pd.Series(listed).rank(pct=True)
    codes = np.full(len(material.assigned), -1)
    codes[material.design.rows] = np.ceil(rank.fillna(0).to_numpy(np.float64) * N_DECILES).astype(np.int64) - 1
    found = _groups(
        material, view, "decile of predicted uplift", codes, [str(decile) for decile in range(1, N_DECILES + 1)]
    )
    return None if found is None else replace(found, trend=_trend(found.results, material.settings.level))


def _groups(
    material: Material, view: MeasuredWindow, name: str, codes: npt.NDArray[np.int64], labels: Sequence[str]
) -> Breakdown | None:
    """Return the results of groups of rows; the largest where there are many, none of too few rows."""
    rows, sample = sample_of(material, view)
    own = codes[rows]
    order = np.argsort(own, kind="stable")
    edges = np.searchsorted(own[order], np.arange(len(labels) + 1))
    outcomes = {key: values[order] for key, values in material.outcomes(view, rows).items()}
    ordered = sample.take(order)
    groups = [(i, slice(edges[i], edges[i + 1])) for i in range(len(labels))]
    groups = [group for group in groups if is_large(ordered.take(group[1]))]
    groups = sorted(sorted(groups, key=lambda group: edges[group[0]] - edges[group[0] + 1])[:MOST_GROUPS])
    if len(groups) < 2:
        return None
    level = sidak(material.settings.level, len(groups))
    found = []
    for i, part in groups:
        values = {key: column[part] for key, column in outcomes.items()}
        result = result_of(ordered.take(part), values, labels[i], view.days, level)
        predicted = None if material.predicted is None else material.predicted[rows[order[part]]]
        found.append(result if predicted is None else replace(result, predicted=float(np.nanmean(predicted))))
    n_left_out = len(rows) - sum(part.stop - part.start for _, part in groups)
    return Breakdown(name, tuple(found), _p_same(found), n_left_out=int(n_left_out))


def _p_same(results: Sequence[Result]) -> float:
    """Return the p-value of Cochran's Q: whether groups differ in their effect on the response.

    References
    ----------
    Cochran (1954), The combination of estimates from different experiments, Biometrics 10:101.
    """
    value, error = _responses(results)
    weight = 1 / error**2
    q = float((weight * (value - (weight @ value) / weight.sum()) ** 2).sum())
    return chi_square_tail(q, len(value) - 1)


def _trend(results: Sequence[Result], level: float) -> Estimate:
    """Return the change of the effect from one decile to the next, by weighted least squares."""
    value, error = _responses(results)
    place = np.array([float(result.label) for result in results])
    weight = 1 / error**2
    centred = place - (weight @ place) / weight.sum()
    spread = float(weight @ centred**2)
    slope = float(weight @ (centred * value)) / spread
    half = float(normal_ppf((1 + level) / 2)) / spread**0.5
    return Estimate(slope, slope - half, slope + half)


def _responses(results: Sequence[Result]) -> tuple[Floats, Floats]:
    found = [result.response.adjusted for result in results]
    return np.array([one.value for one in found]), np.array([one.error for one in found])
