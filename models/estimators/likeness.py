"""Who resembles a known few among many of whom it is not known: naive Bayes on positive and unlabelled rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..inputs.arrays import Floats

SMOOTHING = 20.0  # rows at the overall shares that the shares of each value are mixed with
N_BINS = 5


@dataclass(frozen=True)
class Likeness:
    """How much likelier each value is among the positives than among the unlabelled.

    Parameters
    ----------
    cuts
        Number's column -> where its bins begin, from the second.
    evidence
        Column -> value -> log of the ratio of its shares.
    """

    cuts: Mapping[str, Floats]
    evidence: Mapping[str, pd.Series]

    def log_ratio(self, frame: pd.DataFrame) -> Floats:
        """Return the log of how much likelier each row is a positive than an unlabelled row.

        Parameters
        ----------
        frame
            With some of the columns that were learned from; a column that is not there, a missing value and one never
            seen say nothing.
        """
        total = np.zeros(len(frame))
        for name, evidence in self.evidence.items():
            if name in frame:
                total += self.values_of(name, frame[name]).map(evidence).fillna(0.0).to_numpy(np.float64)
        return total

    def values_of(self, name: str, values: pd.Series) -> pd.Series:
        """Return a column's values as they are counted: texts, and the bins of a number."""
        return _values(values, self.cuts.get(name))

    def words_of(self, name: str, value: str) -> str:
        """Return a counted value in words: a bin by its bounds."""
        if name not in self.cuts:
            return value
        edges = [None, *(f"{cut:,.4g}" if abs(cut) >= 1e5 else f"{cut:g}" for cut in self.cuts[name]), None]
        low, high = edges[int(value)], edges[int(value) + 1]
        return f"under {high}" if low is None else f"{low} and over" if high is None else f"{low} to under {high}"


def learn_likeness(positive: pd.DataFrame, unlabelled: pd.DataFrame) -> Likeness:
    """Learn what tells positives from the unlabelled, each column for itself.

    Parameters
    ----------
    positive, unlabelled
        Rows with the same columns: texts, flags or numbers. Numbers are cut at the quintiles of both together.

    Notes
    -----
    The unlabelled hold positives yet to be found. Where those are like the known ones, the ranking by the ratio of the
    two is the ranking by the chance of being positive, though not its level. A missing value says nothing: what is
    known of buyers alone would tell who has bought, not who will.

    References
    ----------
    Elkan & Noto (2008), Learning classifiers from only positive and unlabeled data. KDD.
    Hand & Yu (2001), Idiot's Bayes: not so stupid after all? International Statistical Review 69.

    Examples
    --------
    >>> best = pd.DataFrame({"came_by": ["friend"] * 30 + ["ads"] * 30})
    >>> others = pd.DataFrame({"came_by": ["friend"] * 20 + ["ads"] * 80})
    >>> learned = learn_likeness(best, others)
    >>> np.exp(learned.log_ratio(pd.DataFrame({"came_by": ["friend", "ads", None]}))).round(2).tolist()
    [2.07, 0.7, 1.0]
    """
    cuts = {str(name): _cuts(pd.concat([positive[name], unlabelled[name]])) for name in positive}
    numbers = {name: one for name, one in cuts.items() if one is not None}
    evidence = {
        name: _evidence(_values(positive[name], numbers.get(name)), _values(unlabelled[name], numbers.get(name)))
        for name in cuts
    }
    return Likeness(numbers, evidence)


def _cuts(values: pd.Series) -> Floats | None:
    """Return where the bins of a number begin, from the second; None for texts, flags and few levels."""
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values) or values.nunique() <= N_BINS:
        return None
    return np.unique(np.quantile(values.dropna().to_numpy(np.float64), np.arange(1, N_BINS) / N_BINS))


def _values(values: pd.Series, cuts: Floats | None) -> pd.Series:
    """Return texts; a number as its bin, a missing value as it is."""
    if cuts is None:
        return pd.Series(values.map(_text, na_action="ignore").astype(object))
    numbers = pd.to_numeric(values, errors="coerce")
    bins = np.searchsorted(cuts, numbers.fillna(0.0).to_numpy(np.float64), side="right")
    return pd.Series(bins, values.index).astype("string").astype(object).where(numbers.notna(), None)


def _text(value: object) -> str:
    """Return a value as text, whole numbers without a decimal point, so that 1 and 1.0 are the same."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _evidence(positive: pd.Series, unlabelled: pd.Series) -> pd.Series:
    counts = pd.DataFrame({"best": positive.value_counts(), "rest": unlabelled.value_counts()}).fillna(0.0)
    best, rest = counts["best"], counts["rest"]
    overall = (best + rest) / max(float((best + rest).sum()), 1.0)
    shares = [(one + SMOOTHING * overall) / (one.sum() + SMOOTHING) for one in (best, rest)]
    return pd.Series(np.log(shares[0] / shares[1]))
