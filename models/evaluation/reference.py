"""What rows and scores looked like at training, small enough to travel with a model; and how far others moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ..inputs.arrays import Floats
from ..inputs.categories import holds_categories
from .drift import N_BINS, SMALLEST_SHARE

REFERENCE = "reference.json"
SCORE = "score"
ROUNDING = 1e-9  # of a sum of shares
MOST_CATEGORIES = 300  # of a column; the rarer ones are summed under OTHERS
OTHERS = "(others)"
NONE_MORE: Mapping[str, Sequence[str]] = MappingProxyType({})
BY_CHANCE = 0.999  # a movement below this quantile of what equal distributions give is no movement


@dataclass(frozen=True)
class Movement:
    """How far one column moved.

    Attributes
    ----------
    name
        The column.
    stability
        Population stability index (PSI) against the reference; missing values are a bin of their own.
    by_chance
        What it can be without any movement, given the numbers of rows (99.9 %).
    missing_before, missing
        Share of missing values.
    unseen
        Share of values that are categories which the reference did not hold; None for numbers.
    usual_before, usual
        The median then, to the next decile, and now; None for categories, and where nothing is known.
    """

    name: str
    stability: float
    by_chance: float
    missing_before: float
    missing: float
    unseen: float | None = None
    usual_before: float | None = None
    usual: float | None = None

    def is_beyond(self, limit: float) -> bool:
        """Say whether it moved further than a limit, and further than chance explains."""
        return self.stability > max(limit, self.by_chance)


def describe(
    features: pd.DataFrame, scores: Floats, categories: Mapping[str, Sequence[str]] = NONE_MORE
) -> dict[str, Any]:
    """Return the shares of each column's deciles or categories, and of the scores', in types that JSON knows.

    Parameters
    ----------
    features
        Rows that the model learned from or was judged on.
    scores
        (n,) what it says of them.
    categories
        Column -> categories that the model has learned from in other rows: they are no unseen ones.
    """
    columns = {str(name): _shares(features[name]) for name in features.columns}
    for name, known in categories.items():
        shares = columns[name].setdefault("categories", {})
        shares |= {str(one): 0.0 for one in known if str(one) not in shares}
    return {"n_rows": len(features), "columns": columns, SCORE: _shares(pd.Series(scores))}


def _shares(column: pd.Series[Any]) -> dict[str, Any]:
    missing = float(column.isna().mean())
    if holds_categories(column):
        counts = column.dropna().astype(str).value_counts() / len(column)
        shares = {str(name): float(share) for name, share in counts.head(MOST_CATEGORIES).items()}
        rest = float(counts.iloc[MOST_CATEGORIES:].sum())
        return {"categories": shares | ({OTHERS: rest} if rest else {}), "missing": missing}
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values[~np.isnan(values)]
    cuts = np.linspace(0, 1, N_BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, cuts)) if len(known) else np.empty(0)
    return {"edges": edges.tolist(), "shares": _binned(values, edges).tolist(), "missing": missing}


def _binned(values: Floats, edges: Floats) -> Floats:
    """Return the shares of values between edges, missing ones last."""
    place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
    return np.bincount(place, minlength=len(edges) + 2) / max(len(values), 1)


def movements(reference: Mapping[str, Any], features: pd.DataFrame) -> list[Movement]:
    """Return how far each column that both know moved, furthest first.

    Parameters
    ----------
    reference
        As `describe` gave it.
    features
        Rows of another time.

    References
    ----------
    Yurdakul & Naranjo (2020), Statistical properties of the population stability index, J. Risk Model Validation
    14(4): without movement the index is (1/n + 1/m) times a chi-squared variable.
    """
    known = [name for name in reference["columns"] if name in features]
    found = [_movement(name, reference["columns"][name], features[name], reference["n_rows"]) for name in known]
    return sorted(found, key=lambda moved: -moved.stability)


def score_movement(reference: Mapping[str, Any], scores: Floats) -> Movement:
    """Return how far the scores moved."""
    return _movement(SCORE, reference[SCORE], pd.Series(scores), reference["n_rows"])


def _movement(name: str, before: Mapping[str, Any], column: pd.Series[Any], n_before: int) -> Movement:
    usual: tuple[float | None, float | None] = (None, None)
    if "categories" in before:
        p, q, unseen = _by_category(before, column)
    else:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        p, unseen = np.asarray(before["shares"]), None
        q = _binned(values, np.asarray(before["edges"]))
        usual = (_median_of(before), float(np.nanmedian(values)) if not np.isnan(values).all() else None)
    freedom = max(1, int(((p > 0) | (q > 0)).sum()) - 1)
    chance = float(chi2.ppf(BY_CHANCE, freedom)) * (1 / n_before + 1 / max(len(column), 1))
    p, q = np.maximum(p, SMALLEST_SHARE), np.maximum(q, SMALLEST_SHARE)
    stability = float(((q - p) * np.log(q / p)).sum())
    missing = float(column.isna().mean()) if len(column) else 0.0
    return Movement(name, stability, chance, before["missing"], missing, unseen, *usual)


def _median_of(before: Mapping[str, Any]) -> float | None:
    """Return the edge below which half of the known values were; None where nothing was known."""
    known = np.cumsum(before["shares"][:-1])
    if not before["edges"] or not known[-1] > 0:
        return None
    place = int(np.searchsorted(known, known[-1] / 2 - ROUNDING))
    return float(before["edges"][min(place, len(before["edges"]) - 1)])


def _by_category(before: Mapping[str, Any], column: pd.Series[Any]) -> tuple[Floats, Floats, float]:
    """Return the shares then and now of each category, of those not seen then, and of missing values."""
    shares: dict[str, float] = before["categories"]
    now = column.dropna().astype(str).value_counts() / max(len(column), 1)
    known = [name for name in shares if name != OTHERS]
    rest = float(now[~now.index.isin(known)].sum())
    p = [*(shares[name] for name in known), shares.get(OTHERS, 0.0), before["missing"]]
    q = [*(float(now.get(name, 0.0)) for name in known), rest, float(column.isna().mean())]
    unseen = 0.0 if OTHERS in shares else rest
    return np.asarray(p), np.asarray(q), unseen
