"""The baselines that stand in every leaderboard, as an explicit list for each kind of task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .btyd_estimators import NEEDED, PurchaseChance, PurchaseValue
from .regressions import LogisticBaseline, OneColumnAmount, ValueRegression
from .simple import (
    AMOUNT_TOTAL,
    DAYS_SINCE_LAST,
    DAYS_SINCE_VISIT,
    RFM_TOTAL,
    BaseRate,
    MeanValue,
    absent_columns,
    recency,
    rfm_sum,
    visit_recency,
)


@dataclass(frozen=True)
class Baseline:
    """A baseline, by name, and what it needs.

    Parameters
    ----------
    name
        How leaderboards call it.
    make
        From the horizon in days and the meaning of the outcome (``"purchase"`` or ``"none"``), an estimator.
    columns
        The columns that it reads; empty: any.
    only_buyers
        Whether it makes sense only for customers and outcomes of purchases.
    """

    name: str
    make: Callable[[float, Any], Any]
    columns: tuple[str, ...] = ()
    only_buyers: bool = False


BINARY = (
    Baseline("base_rate", lambda days, outcome: BaseRate()),
    Baseline("recency", lambda days, outcome: recency(), (DAYS_SINCE_LAST,)),
    Baseline("visit_recency", lambda days, outcome: visit_recency(), (DAYS_SINCE_VISIT,)),
    Baseline("rfm_sum", lambda days, outcome: rfm_sum(), (RFM_TOTAL,)),
    Baseline("logistic", lambda days, outcome: LogisticBaseline()),
    Baseline("bg_nbd", lambda days, outcome: PurchaseChance(days, "bgnbd", outcome), NEEDED, True),
    Baseline("pareto_nbd", lambda days, outcome: PurchaseChance(days, "pareto_nbd", outcome), NEEDED, True),
)


def recency_amount() -> OneColumnAmount:
    """Return the baseline of days since the last purchase alone, for amounts."""
    return OneColumnAmount(DAYS_SINCE_LAST, log=True, missing="highest")


def rfm_amount() -> OneColumnAmount:
    """Return the baseline of the sum of the RFM scores alone, for amounts."""
    return OneColumnAmount(RFM_TOTAL)


VALUE = (
    Baseline("all_zero", lambda days, outcome: MeanValue(zero=True)),
    Baseline("mean", lambda days, outcome: MeanValue()),
    Baseline("recency", lambda days, outcome: recency_amount(), (DAYS_SINCE_LAST,)),
    Baseline("rfm_sum", lambda days, outcome: rfm_amount(), (RFM_TOTAL,)),
    Baseline("poisson", lambda days, outcome: ValueRegression("poisson")),
    Baseline("gamma", lambda days, outcome: ValueRegression("gamma")),
    Baseline("bg_nbd", lambda days, outcome: PurchaseValue(days, "bgnbd"), (*NEEDED, AMOUNT_TOTAL), True),
    Baseline("pareto_nbd", lambda days, outcome: PurchaseValue(days, "pareto_nbd"), (*NEEDED, AMOUNT_TOTAL), True),
)


def baselines_for(
    kind: Literal["binary", "value"],
    columns: Iterable[str],
    horizon_days: float,
    outcome: Literal["purchase", "none", "other"] = "purchase",
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the baselines that a matrix allows, not yet fitted, and why others are left out.

    Parameters
    ----------
    kind
        ``"binary"`` or ``"value"``.
    columns
        Columns of the matrix.
    horizon_days
        Length of the horizon.
    outcome
        What the outcome 1 means: a ``"purchase"``, ``"none"`` (churn), or something ``"other"`` (a visit), of
        which purchase histories say nothing.

    Returns
    -------
    estimators, left_out
        By name: the estimators in the order of the list; and a reason in words.
    """
    columns = list(columns)
    estimators: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for baseline in BINARY if kind == "binary" else VALUE:
        absent = absent_columns(columns, baseline.columns)
        if absent:
            left_out[baseline.name] = f"the matrix lacks {', '.join(absent)}"
        elif baseline.only_buyers and outcome == "other":
            left_out[baseline.name] = "the outcome is not a purchase"
        else:
            estimators[baseline.name] = baseline.make(horizon_days, outcome)
    return estimators, left_out
