"""What is asked of a model before anybody believes it: one function, one question, one `Check`.

Each function takes what it needs and nothing else, so that a training, a test and a notebook can ask the same.
The thresholds are parameters; their defaults are custom, not law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from penchant.config import GateSection
from penchant.errors import TooLittleDataError

from ..inputs.check import Check
from ..inputs.estimate import Estimate
from .comparison import Comparison
from .drift import population_stability
from .metrics import N_BINS

NORMAL_95 = 1.959964
MOST_NAMED = 5


@dataclass(frozen=True)
class DataSize:
    """How much there is to learn from and to judge on.

    Parameters
    ----------
    n_buyers
        Customers in the training snapshots.
    n_positives, n_negatives
        Outcomes in the test.
    n_horizons
        History before the test, in horizons.
    """

    n_buyers: int
    n_positives: int
    n_negatives: int
    n_horizons: float


def enough_data(found: DataSize, least: GateSection | None = None) -> Check:
    """Ask whether the data can carry a model at all.

    Parameters
    ----------
    found
        What there is.
    least
        The gate; None: 500 buyers, 100 positives and 100 negatives, two horizons.
    """
    title = "There is enough data for a model"
    missing = lacking(found, least or GateSection())
    if not missing:
        return Check("enough-data", title, "Every minimum of the gate is met.", "passed", asdict(found))
    return Check("enough-data", title, f"{'; '.join(missing)}.", "issue", asdict(found))


def refuse_too_little(where: str, found: DataSize, least: GateSection | None = None) -> None:
    """Raise TooLittleDataError with all that is missing, where the data cannot carry a model.

    Parameters
    ----------
    where
        What is refused: "task 'churn'".
    found, least
        As in `enough_data`.
    """
    missing = lacking(found, least or GateSection())
    if missing:
        advice = "Bring more customers or a longer history, or lower these keys of [gate] and trust the numbers less"
        raise TooLittleDataError(where, "enough data for a model that can be judged", "; ".join(missing), advice)


def lacking(found: DataSize, least: GateSection) -> list[str]:
    """Return what is missing, in words."""
    wanted = {
        "min_buyers": ("customers to learn from", found.n_buyers),
        "min_positives": ("positives in the test", found.n_positives),
        "min_negatives": ("negatives in the test", found.n_negatives),
        "min_horizons": ("horizons of history before the test", found.n_horizons),
    }
    return [
        f"{have:,.4g} {what}, at least {need:,.4g} needed ({key})"
        for key, (what, have) in wanted.items()
        if have < (need := getattr(least, key))
    ]


def too_good_to_be_true(auc: Estimate, most: float = 0.97) -> Check:
    """Ask whether the ranking is better than customers are predictable."""
    code, title = "too-good", "The model is not too good to be true"
    facts = {"auc": auc, "most": most}
    if not np.isfinite(auc.value):
        return Check(code, title, "There is no AUC: the outcome is not a yes or no.", "not applicable", facts)
    if auc.value > most:
        told = f"AUC {auc.value:.3f} is above {most}: look for a column that leaks the outcome."
        return Check(code, title, told, "issue", facts)
    return Check(code, title, f"AUC {auc.value:.3f} is below {most}.", "passed", facts)


def single_feature(importance: pd.Series[float], most: float = 0.6) -> Check:
    """Ask whether one column carries the model.

    Parameters
    ----------
    importance
        Of each column, 0 or more: mean absolute contributions.
    most
        Highest share of one column, 0..1.
    """
    code, title = "single-feature", "No single column explains everything"
    total = float(importance.sum())
    if total <= 0 or len(importance) < 2:
        return Check(code, title, "There are not two columns in use.", "not applicable")
    name, share = str(importance.idxmax()), float(importance.max()) / total
    told = f"'{name}' carries {share:.0%} of all contributions"
    facts = {"column": name, "share": share, "most": most}
    if share > most:
        return Check(code, title, f"{told}: check that it was known at as_of.", "issue", facts)
    return Check(code, title, f"{told}, the largest share.", "passed", facts)


def label_leakage(one_column_auc: pd.Series[float], most: float = 0.95) -> Check:
    """Ask whether a column alone knows the outcome.

    Parameters
    ----------
    one_column_auc
        By column, as `penchant.models.evaluation.drift.one_column_aucs` returns it.
    most
        Highest AUC of a column alone.
    """
    code, title = "label-leakage", "No column leaks the outcome"
    if not len(one_column_auc):
        return Check(code, title, "There is no column whose AUC is known.", "not applicable")
    suspects = one_column_auc[one_column_auc > most]
    named = {str(name): float(auc) for name, auc in suspects.head(MOST_NAMED).items()}
    facts = {"most": most, "columns": named}
    if len(suspects):
        told = ", ".join(f"'{name}' ({auc:.3f})" for name, auc in named.items())
        return Check(code, title, f"Alone they rank the outcome almost perfectly: {told}.", "issue", facts)
    best = f"The best column alone, '{one_column_auc.idxmax()}', has an AUC of {one_column_auc.max():.3f}."
    return Check(code, title, best, "passed", facts)


def told_apart(
    adversarial_auc: Estimate,
    most: float = 0.8,
    columns: Mapping[str, float] | None = None,
    usual: Estimate | None = None,
) -> Check:
    """Ask whether training and test rows are of one kind.

    Parameters
    ----------
    adversarial_auc
        As `penchant.models.evaluation.drift.adversarial_auc` returns it.
    most
        Highest AUC that passes; some difference there always is, for time has passed. An issue is only what lies
        beyond with its interval.
    columns
        The columns that separate the two best alone, with their AUC.
    usual
        The same AUC of the first training snapshot's rows and the last one's. Customers of a shop that ages, such as
        one cohort, are always told apart; an issue is only what is told apart better than those.
    """
    code, title = "train-test-drift", "Training and test rows are alike"
    facts = {"adversarial_auc": adversarial_auc, "most": most, "columns": dict(columns or {})}
    if not np.isfinite(adversarial_auc.value):
        return Check(code, title, "There are too few rows to tell.", "not applicable", facts)
    told = f"A classifier tells them apart with an AUC of {adversarial_auc.value:.3f} (0.5: not at all)"
    is_usual = usual is not None and usual.high >= adversarial_auc.low
    if adversarial_auc.low > most and usual is not None and is_usual:
        apart = f"no better than the first and the last training snapshot ({usual.value:.3f})"
        return Check(code, title, f"{told}, {apart}: this shop always moves so.", "passed", facts)
    if adversarial_auc.low > most:
        named = ", ".join(f"'{name}' ({auc:.2f})" for name, auc in (columns or {}).items())
        by = f", most of all by {named}" if named else ""
        advice = "The model learned from other customers than it will score: find out what changed, and retrain often"
        return Check(code, title, f"{told}{by}. {advice}.", "issue", facts)
    return Check(code, title, f"{told}: no more than usual, given the time between them.", "passed", facts)


def columns_moved(
    before: pd.DataFrame, after: pd.DataFrame, most: float = 0.25, usual: pd.Series[float] | None = None
) -> Check:
    """Ask whether columns moved between training and test: population stability index above a limit.

    Parameters
    ----------
    before, after
        Training and test rows with the same columns.
    most
        Highest index that passes.
    usual
        Each column's index from the first to the last training snapshot: what moves as far there always does, and an
        issue is only what moved further.
    """
    code, title = "column-drift", "The columns' distributions are stable"
    index = population_stability(before, after)
    far = index[index > most]
    moved = far if usual is None else far[far > usual.reindex(far.index).fillna(0.0)]
    facts = {"most": most, "n_moved": len(moved), "columns": index.head(MOST_NAMED).round(4).to_dict()}
    if len(moved):
        named = ", ".join(f"'{n}' ({v:.2f})" for n, v in moved.head(MOST_NAMED).items())
        told = f"{len(moved)} of {len(index)} columns moved (PSI above {most}): {named}"
        advice = "If a file or the tracking changed, fix it; if the shop did, retrain more often"
        return Check(code, title, f"{told}. {advice}.", "issue", facts)
    told = f"The largest PSI is {index.iloc[0]:.2f} ('{index.index[0]}')"
    if len(far):
        told += ": no more than between the first and the last training snapshot, this shop always moves so"
    return Check(code, title, f"{told}.", "passed", facts)


def stable_across_snapshots(auc_by_snapshot: Mapping[str, Estimate], largest_gap: float = 0.05) -> Check:
    """Ask whether the model ranks alike at all times: Cochran's test, and a gap that matters.

    Parameters
    ----------
    auc_by_snapshot
        By as_of, the AUC with its interval.
    largest_gap
        Between the best and the worst snapshot; a larger one counts where it is not chance (1 %).

    References
    ----------
    Cochran (1954), The combination of estimates from different experiments, Biometrics 10.
    """
    code, title = "unstable", "The model ranks equally well at all snapshots"
    usable = {at: e for at, e in auc_by_snapshot.items() if np.isfinite([e.value, e.low, e.high]).all()}
    if len(usable) < 2:
        return Check(code, title, "There are not two snapshots to compare.", "not applicable")
    value = np.array([e.value for e in usable.values()])
    error = np.maximum([(e.high - e.low) / 2 / NORMAL_95 for e in usable.values()], 1e-6)
    precision = 1 / error**2
    spread = float((precision * (value - np.average(value, weights=precision)) ** 2).sum())
    chance, gap = float(chi2.sf(spread, len(value) - 1)), float(value.max() - value.min())
    worst = list(usable)[int(value.argmin())]
    facts = {"gap": gap, "p_chance": chance, "worst": worst, "largest_gap": largest_gap}
    told = f"AUC from {value.min():.3f} (at {worst}) to {value.max():.3f}"
    if gap > largest_gap and chance < 0.01:
        return Check(code, title, f"{told}, which is not chance (p {chance:.2g}).", "issue", facts)
    return Check(code, title, f"{told}.", "passed", facts)


NOTHING = "base_rate"  # the baseline that gives everyone the same score


def beats_baselines(comparisons: Mapping[str, Comparison]) -> Check:
    """Ask whether a baseline does better, or the model cannot be told from the base rate.

    Parameters
    ----------
    comparisons
        By baseline, the model compared with it on one metric.
    """
    code, title = "worse-than-baseline", "No baseline does better, and it beats the base rate"
    if not comparisons:
        return Check(code, title, "There is no baseline.", "not applicable")
    facts = {name: found.as_dict() for name, found in comparisons.items()}
    worse = [f"'{name}' ({found})" for name, found in comparisons.items() if found.verdict == "worse"]
    if worse:
        return Check(code, title, f"The model is worse than {'; '.join(worse)}.", "issue", facts)
    if NOTHING in comparisons and comparisons[NOTHING].verdict != "better":
        told = f"It is no better than the base rate: {comparisons[NOTHING]}."
        return Check(code, title, told, "issue", facts)
    open_ones = [f"'{name}'" for name, found in comparisons.items() if found.verdict == "not separable"]
    told = f"Not separable from {', '.join(open_ones)}." if open_ones else "It is better than every baseline."
    return Check(code, title, told, "passed", facts)


def enough_positives(n_positives: int, n_negatives: int, least: int = 100) -> Check:
    """Ask whether the test holds enough of both outcomes for its numbers to mean something."""
    code, title = "few-positives", "The test has enough of both outcomes"
    told = f"{n_positives:,} positives and {n_negatives:,} negatives"
    facts = {"n_positives": n_positives, "n_negatives": n_negatives, "least": least}
    if min(n_positives, n_negatives) < least:
        return Check(code, title, f"{told}, at least {least:,} of each needed.", "issue", facts)
    return Check(code, title, f"{told}.", "passed", facts)


def calibration_holds(
    bias_percent: Estimate,
    calibration_error: Estimate | None = None,
    most_bias: float = 10.0,
    most_error: float = 0.05,
    chance: float = 0.0,
) -> Check:
    """Ask whether the promises come true: in the mean, and of probabilities along the curve.

    Parameters
    ----------
    bias_percent, calibration_error
        As `penchant.models.evaluation.metrics.evaluate` returns them; amounts have no curve.
    most_bias
        Largest bias of the mean, in per cent, that counts as none.
    most_error
        Largest calibration error that counts as none, 0..1. An issue is only what lies beyond with its interval.
    chance
        Calibration error that a perfect model would show on so few rows, as `chance_error` returns it.
    """
    code, title = "calibration", "Predictions come true"
    known = [bias_percent.low, bias_percent.high, *([calibration_error.low] if calibration_error else [])]
    facts = {"bias_percent": bias_percent} | ({"calibration_error": calibration_error} if calibration_error else {})
    if not np.isfinite(known).all():
        return Check(code, title, "There is nothing to compare with.", "not applicable", facts)
    is_off, told = promised(bias_percent, most_bias)
    if calibration_error:
        told += f"; the curve is off by {calibration_error.value:.3f}"
    if is_off or (calibration_error is not None and calibration_error.low > most_error + chance):
        return Check(code, title, f"{told}: use the scores as a ranking, not as probabilities.", "issue", facts)
    return Check(code, title, f"{told}.", "passed", facts)


def promised(bias_percent: Estimate, most: float = 10.0) -> tuple[bool, str]:
    """Return whether promises are surely off on average, and how far they were off, as a sentence without its stop.

    The one rule for reports and checks: off is only what lies beyond ``most`` with its whole interval.

    Examples
    --------
    >>> promised(Estimate(3.0, -1.0, 7.0))
    (False, 'Predictions were right on average (+3 %, -1 to +7)')
    >>> promised(Estimate(11.0, 8.0, 14.0))
    (False, 'Promises were 11 % too high on average (+8 to +14), which may still be within the 10 % that count as held')
    >>> promised(Estimate(-15.0, -18.0, -12.0))
    (True, 'Promises were 15 % too low on average (-18 to -12)')
    """
    span = f"{bias_percent.low:+.0f} to {bias_percent.high:+.0f}"
    if abs(bias_percent.value) <= most:
        return False, f"Predictions were right on average ({bias_percent.value:+.0f} %, {span})"
    way = "high" if bias_percent.value > 0 else "low"
    told = f"Predictions were {abs(bias_percent.value):.0f} % too {way} on average ({span})"
    if bias_percent.low > most or bias_percent.high < -most:
        return True, told
    return False, f"{told}, which may still be within the {most:.0f} % that count as held"


def chance_error(base_rate: float, n_rows: int) -> float:
    """Return about the calibration error that chance alone gives: outcomes scatter in each of the bins.

    The mean absolute deviation of a bin's rate, as if all bins had the base rate: a little too much.

    Examples
    --------
    >>> round(chance_error(0.5, 250), 3)
    0.08
    """
    return float(np.sqrt(2 / np.pi * base_rate * (1 - base_rate) * N_BINS / n_rows))


def one_row_each(customer_id: Any, as_of: Any) -> Check:
    """Ask whether a customer occurs once in each snapshot."""
    code, title = "duplicate-customers", "Each customer occurs once per snapshot"
    rows = pd.DataFrame({"customer_id": np.asarray(customer_id), "as_of": np.asarray(as_of)})
    twice = rows[rows.duplicated(keep=False)]
    facts = {"n_rows": len(twice), "n_customers": int(twice["customer_id"].nunique())}
    if len(twice):
        named = ", ".join(f"'{c}'" for c in twice["customer_id"].unique()[:MOST_NAMED])
        told = f"{facts['n_customers']:,} customers hold {len(twice):,} rows: {named}."
        return Check(code, title, told, "issue", facts)
    return Check(code, title, f"{len(rows):,} rows, none twice.", "passed", facts)


def same_horizon(trained: Mapping[str, float], used: Mapping[str, float]) -> Check:
    """Ask whether labels and scores speak of the same days.

    Parameters
    ----------
    trained, used
        ``gap_days`` and ``horizon_days`` of the labels and of the scoring.
    """
    code, title = "horizon-mismatch", "Labels and scores have the same horizon"
    facts = {"trained": dict(trained), "used": dict(used)}
    other = [name for name in ("gap_days", "horizon_days") if trained.get(name) != used.get(name)]
    if other:
        told = "; ".join(f"{n} {trained.get(n)} in the labels, {used.get(n)} in use" for n in other)
        advice = "the ranking does not show it, but the probabilities are for another period"
        return Check(code, title, f"{told}: {advice}.", "issue", facts)
    return Check(code, title, f"{trained.get('horizon_days')} days in both.", "passed", facts)
