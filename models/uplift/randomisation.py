"""Was the assignment random, or as random as it says? Asked before any number of uplift is believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..inputs.arrays import Floats, Ints
from ..inputs.check import Check
from ..inputs.distributions import chi_square_tail, normal_ppf
from ..inputs.estimate import Estimate
from .arms import Arms

MOST_ROWS = 20_000  # of control and one treatment, for the classifier
N_TREES = 60
FOLDS_SPREAD = 1.4  # the AUC over folds varies so much more than over independent rows: 1.31 to 1.35 in random trials
MOST_LEVELS = 20  # of a category, for the balance
MOST_NAMED = 5


def assignment_is_random(
    X: pd.DataFrame, arms: Arms, customer: Ints | None = None, most: float = 0.51, seed: int = 0
) -> Check:
    """Ask whether the features predict who was treated, beyond the given probabilities.

    A classifier learns each treatment against the control and is judged on customers it has not seen, every
    customer weighted by the inverse of the probability of the own arm. Where assignment is random, its AUC is 0.5
    but for chance, and how far chance goes is known: a small trial does not alarm falsely.

    Parameters
    ----------
    X
        Features as they were known before the assignment.
    arms
        Who was where, with what probability.
    customer
        Codes of the customers where they repeat: the first row of each is looked at.
    most
        Largest AUC that does no harm, however sure it is.
    seed
        Of the sample of at most 20,000 rows, and of the trees.

    References
    ----------
    Hanley & McNeil (1982), Radiology 143 (AUC and the rank-sum test).
    Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests.
    """
    code, title = "assignment-random", "Assignment cannot be predicted from the features"
    rows = np.arange(len(arms)) if customer is None else np.unique(customer, return_index=True)[1]
    found = {
        name: auc
        for i, name in enumerate(arms.names[1:], start=1)
        if (auc := _auc(X, *_sampled(arms, rows, i, seed), seed)) is not None
    }
    if not found:
        return Check(code, title, "There are too few customers to learn it.", "not applicable")
    name, auc = max(found.items(), key=lambda item: item[1].value)
    sure = -normal_ppf(0.0005 / len(found)) * (auc.high - auc.low) / (2 * -normal_ppf(0.025))
    facts = {"auc": auc, "arm": name, "most": most}
    if auc.value <= max(most, 0.5 + sure):
        return Check(code, title, f"AUC {auc:.3f} for '{name}'; by chance it is 0.5.", "passed", facts)
    told = (
        f"'{name}' can be told from the control with AUC {auc:.3f}: the arms hold different customers. Give the "
        "probabilities of assignment (p_treatment); without them no uplift can be believed."
    )
    return Check(code, title, told, "issue", facts)


def _sampled(arms: Arms, rows: Ints, code: int, seed: int) -> tuple[Ints, Arms]:
    """Return some rows in the control or one treatment, and their two-armed trial."""
    among, pair = arms.take(rows).against_control(code)
    kept = np.sort(np.random.default_rng(seed).permutation(len(among))[:MOST_ROWS])
    return rows[among[kept]], pair.take(kept)


def _auc(X: pd.DataFrame, rows: Ints, pair: Arms, seed: int) -> Estimate | None:
    """Return how well unseen customers' arms are told apart; None with too few of either arm."""
    weight = 1 / pair.own_probability
    if min(np.bincount(pair.codes, minlength=2)) < 2:
        return None
    from sklearn.metrics import roc_auc_score  # as the classifier: measurements, which ask for balance, do without

    from ..estimators.propensity import PropensityModel  # scikit-learn and LightGBM

    model = PropensityModel(n_trees=N_TREES, calibration="none", n_folds=3, seed=seed, n_threads=1)
    model.fit(without_dates(X).iloc[rows].reset_index(drop=True), pair.codes, sample_weight=weight)
    if model.left_out_ is None:
        return None
    auc = float(roc_auc_score(pair.codes, model.left_out_, sample_weight=weight))
    n_c, n_t = (effective_size(weight[pair.codes == i]) for i in (0, 1))
    half = -normal_ppf(0.025) * FOLDS_SPREAD * np.sqrt((n_c + n_t + 1) / (12 * n_c * n_t))
    return Estimate(auc, auc - half, auc + half)


def sample_ratio(arms: Arms, customer: Ints | None = None, least_p: float = 0.001) -> Check:
    """Ask whether the arms have the sizes that the planned probabilities give (sample-ratio mismatch).

    Parameters
    ----------
    arms
        With planned probabilities, not the observed shares.
    customer
        Codes of the customers where they repeat: each counts once.
    least_p
        An issue below this probability of such a deviation by chance.

    References
    ----------
    Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD.
    """
    if customer is not None:
        arms = arms.take(np.unique(customer, return_index=True)[1])
    seen = np.bincount(arms.codes, minlength=arms.n_arms)
    planned = arms.probability.sum(axis=0)
    p = chi_square_tail(((seen - planned) ** 2 / planned).sum(), arms.n_arms - 1)
    told = ", ".join(
        f"'{name}' {n:,} of {m:,.0f} planned" for name, n, m in zip(arms.names, seen, planned, strict=True)
    )
    facts = {"p_value": p, "seen": dict(zip(arms.names, seen.tolist(), strict=True))}
    code, title = "sample-ratio", "The arms have the planned shares"
    if p >= least_p:
        return Check(code, title, f"{told} (p = {p:.2g}).", "passed", facts)
    told += f" (p = {p:.1g}): customers were lost or added after the assignment. Find out which before reading on."
    return Check(code, title, told, "issue", facts)


@dataclass(frozen=True)
class Difference:
    """How far a feature lies apart in one treatment and the control, in standard deviations."""

    feature: str
    arm: str
    value: float


def covariate_balance(X: pd.DataFrame, arms: Arms, customer: Ints | None = None, most: float = 0.1) -> Check:
    """Ask whether the features have the same means in all arms.

    Standardised mean differences, weighted by the inverse of the probability of the own arm. Categories are
    compared level by level, missing values are a level. One counts if it exceeds ``most`` and what chance gives
    to the largest of so many in arms of this size.

    Parameters
    ----------
    X, arms, customer
        As in `assignment_is_random`.
    most
        Largest difference that does no harm, in standard deviations.

    References
    ----------
    Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates, Stat. Med. 28.
    """
    rows = np.arange(len(arms)) if customer is None else np.unique(customer, return_index=True)[1]
    table, names = _indicators(without_dates(X).iloc[rows])
    arms = arms.take(rows)
    found, noise = [], 0.0
    sizes = np.bincount(arms.codes, minlength=arms.n_arms)
    for code in (np.flatnonzero(sizes[1:] * sizes[0]) + 1).tolist():  # first rows of customers may leave an arm empty
        differences, error = _differences(table, arms, code)
        noise = max(noise, error)
        found += [Difference(n, arms.names[code], d) for n, d in zip(names, differences.tolist(), strict=True)]
    found.sort(key=lambda d: -abs(d.value))
    limit = max(most, float(-normal_ppf(0.0005 / max(len(found), 1))) * noise)
    off = [d for d in found if abs(d.value) > limit]
    facts = {
        "n_compared": len(found),
        "largest": {f"{d.feature} ({d.arm})": d.value for d in found[:MOST_NAMED]},
        "limit": limit,
    }
    code_name, title = "covariate-balance", "The arms hold the same kind of customers"
    if not found:
        return Check(code_name, title, "There is no feature to compare.", "not applicable")
    worst = ", ".join(f"'{d.feature}' {d.value:+.2f} in '{d.arm}'" for d in (off or found)[:MOST_NAMED])
    if not off:
        return Check(code_name, title, f"Largest: {worst}; up to {limit:.2f} is chance.", "passed", facts)
    told = f"{len(off)} of {len(found)} differ by more than {limit:.2f} standard deviations: {worst}."
    return Check(code_name, title, told, "issue", facts)


def _differences(table: Floats, arms: Arms, code: int) -> tuple[Floats, float]:
    """Return each column's standardised difference, and the standard error they have by chance."""
    among, pair = arms.against_control(code)
    weight = 1 / pair.own_probability
    means, spreads, sizes = [], [], []
    for arm in (0, 1):
        mine = pair.codes == arm
        w, x = weight[mine] / weight[mine].sum(), table[among[mine]]
        means.append(w @ x)
        spreads.append(w @ (x - means[-1]) ** 2)
        sizes.append(effective_size(weight[mine]))
    varies = np.ptp(table[among], axis=0) > 0  # a constant's variance is what rounding leaves
    spread = np.where(varies, np.sqrt((spreads[0] + spreads[1]) / 2), 0.0)
    difference = np.divide(means[1] - means[0], spread, out=np.zeros(len(spread)), where=spread > 0)
    return difference, float(np.sqrt(1 / sizes[0] + 1 / sizes[1]))


def _indicators(X: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Return numbers (missing ones as the mean), one 0/1 column for each level, and one for what is missing."""
    columns: dict[str, Floats] = {}
    for name, column in X.items():
        missing = column.isna().to_numpy()
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
            mean = np.nanmean(numbers) if not missing.all() else 0.0
            columns[str(name)] = np.where(missing, mean, numbers)
        else:
            for level in column.value_counts().index[:MOST_LEVELS]:
                columns[f"{name} = {level}"] = (column == level).fillna(False).to_numpy(dtype=np.float64)
        if missing.any():
            columns[f"{name} missing"] = missing.astype(np.float64)
    table = np.column_stack(list(columns.values())) if columns else np.empty((len(X), 0))
    return table, list(columns)


def without_dates(X: pd.DataFrame) -> pd.DataFrame:
    """Return features with dates as days since the first one, so that they can be compared too."""
    dates = [name for name in X.columns if pd.api.types.is_datetime64_any_dtype(X[name])]
    days = {name: (X[name] - X[name].min()) / pd.Timedelta(days=1) for name in dates}
    return X.assign(**days) if days else X


def effective_size(weight: Floats) -> float:
    """Return how many customers of equal weight carry as much as weighted ones (Kish)."""
    return float(weight.sum() ** 2 / (weight**2).sum())
