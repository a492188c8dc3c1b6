from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from penchant.errors import InputError, TooLittleDataError
from penchant.models.baselines.btyd import Purchases
from penchant.models.baselines.btyd_estimators import (
    PurchaseChance,
    PurchaseValue,
    longest_history,
    purchase_amounts,
    purchases_of,
)
from penchant.models.baselines.leaderboard import baselines_for, recency_amount
from penchant.models.baselines.regressions import LogisticBaseline, ValueRegression
from penchant.models.baselines.simple import BaseRate, MeanValue, OneColumn, recency
from penchant.models.estimators.next_order import NextOrder


def shop(n: int = 2500, seed: int = 0, horizon: float = 90) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return features of customers who buy at gamma rates until they stop, whether they buy again, and for how much."""
    rng = np.random.default_rng(seed)
    rate, end = rng.gamma(0.8, 1 / 60, n), rng.exponential(400, n)
    age = rng.uniform(60, 400, n)
    times = np.cumsum(rng.exponential(1 / rate[:, None], (n, 150)), axis=1)
    alive = times < end[:, None]
    seen, later = (alive & (times < age[:, None]), alive & (times >= age[:, None]) & (times < age[:, None] + horizon))
    mean, count = 100 / rng.gamma(4, 1, n), seen.sum(axis=1) + 1
    last = np.where(seen, times, 0).max(axis=1)
    X = pd.DataFrame(
        {
            "n_purchases": count,
            "days_since_first_purchase": age,
            "days_since_last_purchase": age - last,
            "amount_total": mean * rng.gamma(6 * count, 1 / 6),
            "rfm_total": rng.integers(3, 16, n),
            "gap_days_mean": np.where(seen.any(axis=1), age / np.maximum(seen.sum(axis=1), 1), np.nan),
            "region": rng.choice(["north", "south", None], n),
        }
    )
    return X, later.any(axis=1).astype(int), later.sum(axis=1) * mean


def test_every_binary_baseline_learns_and_returns_probabilities() -> None:
    (X, y, _), (new, new_y, _) = shop(), shop(seed=1)
    estimators, left_out = baselines_for("binary", X.columns, 90)
    assert list(estimators) == ["base_rate", "recency", "rfm_sum", "logistic", "bg_nbd", "pareto_nbd"]
    assert list(left_out) == ["visit_recency"]  # visits are not among the columns
    auc = {}
    for name, estimator in estimators.items():
        p = estimator.fit(X, y).predict_proba(new)
        assert p.shape == (len(new), 2)
        assert p[:, 1].mean() == pytest.approx(new_y.mean(), rel=0.2), name
        auc[name] = roc_auc_score(new_y, p[:, 1])
    assert auc["base_rate"] == 0.5
    assert min(auc["logistic"], auc["pareto_nbd"]) > auc["recency"] > 0.6
    assert abs(auc["rfm_sum"] - 0.5) < 0.05  # the scores are random here


def test_every_value_baseline_learns_the_level() -> None:
    (X, _, amount), (new, _, new_amount) = shop(), shop(seed=1)
    estimators, _ = baselines_for("value", X.columns, 90)
    assert list(estimators) == [
        *("all_zero", "mean", "recency", "rfm_sum"),
        *("poisson", "gamma", "bg_nbd", "pareto_nbd"),
    ]
    for name, estimator in estimators.items():
        found = estimator.fit(X, amount).predict(new)
        assert np.isfinite(found).all()
        expected = 0 if name == "all_zero" else new_amount.mean()
        assert found.mean() == pytest.approx(expected, rel=0.25), name


def test_what_a_matrix_or_an_outcome_does_not_allow_is_left_out_by_name() -> None:
    estimators, left_out = baselines_for("binary", ["n_visits_30d"], 30, "other")
    assert list(estimators) == ["base_rate", "logistic"]
    visited, _ = baselines_for("binary", ["days_since_last_visit"], 30, "other")
    assert list(visited) == ["base_rate", "visit_recency", "logistic"]
    assert left_out["recency"] == "the matrix lacks days_since_last_purchase"
    X, _, _ = shop(10)
    assert baselines_for("binary", X.columns, 30, "other")[1]["bg_nbd"] == "the outcome is not a purchase"


def test_recency_alone_keeps_the_order_of_recency_either_way() -> None:
    X, y, _ = shop()
    X.loc[:50, "days_since_last_purchase"] = np.nan
    for outcome in (y, 1 - y):
        p = recency().fit(X, outcome).predict_proba(X)[51:, 1]
        rank = X["days_since_last_purchase"][51:].rank()
        assert abs(rank.corr(pd.Series(p, index=rank.index).rank())) == pytest.approx(1)
    never = recency().fit(X, y).predict_proba(X)[:51, 1]
    assert never == pytest.approx(np.full(51, never.min()))


def test_one_column_that_says_nothing_of_anybody_is_no_baseline() -> None:
    X, y, _ = shop(50)
    with pytest.raises(TooLittleDataError, match="'days_since_last_purchase': a value in some row"):
        recency().fit(X.assign(days_since_last_purchase=np.nan), y)


def test_churn_is_the_other_side_of_a_purchase() -> None:
    X, y, _ = shop(800)
    buys = PurchaseChance(90).fit(X, y).predict_proba(X)
    churns = PurchaseChance(90, outcome="none").fit(X, 1 - y).predict_proba(X)
    assert churns[:, 1] == pytest.approx(buys[:, 0])


def test_counts_and_days_are_turned_into_the_literatures_numbers() -> None:
    X = pd.DataFrame(
        {
            "n_purchases": [1, 3, 2],
            "days_since_first_purchase": [50, 60, 9.0],
            "days_since_last_purchase": [50, 20, 9.0],
        }
    )
    found = purchases_of(X)
    expected = Purchases([0, 2, 0], [0, 40, 0], [50, 60, 9])  # two purchases at one instant are one
    for part in ("n_repeats", "last", "age"):
        assert getattr(found, part).tolist() == getattr(expected, part).tolist()


def test_orders_of_one_day_are_one_purchase() -> None:
    """By the days that a frame counts, else at most one for each day between the first and the last."""
    X = pd.DataFrame(
        {
            "n_purchases": [9, 9, 9, 2, 9],
            "days_since_first_purchase": [50, 50, 50.5, 50.2, 50],
            "days_since_last_purchase": [49.9, 48.5, 50.4, 49.9, 20],
            "amount_total": [90.0, 90, 90, 90, 90],
        }
    )
    assert purchases_of(X).n_repeats.tolist() == [1, 2, 1, 1, 8]
    counted = X.assign(n_purchase_days=[1, 2, 1, 2, 5])
    assert purchases_of(counted).n_repeats.tolist() == [0, 1, 0, 1, 4]
    assert purchases_of(counted).last.tolist() == pytest.approx([0, 1.5, 0, 0.3, 30])
    assert purchase_amounts(counted)[1].tolist() == [90, 45, 90, 45, 18]


def test_of_a_customers_snapshots_the_longest_history_counts_once() -> None:
    age, customer = np.array([10.0, 40, 70, 5, 35]), np.array(["a", "a", "a", "b", "b"])
    assert sorted(longest_history(age, customer)) == [2, 4]
    X, _, _ = shop(600)
    grown = X.assign(days_since_first_purchase=lambda x: x["days_since_first_purchase"] + 30)
    grown["days_since_last_purchase"] += 30
    twice, who = pd.concat([X, grown], ignore_index=True), np.tile(np.arange(600), 2)
    pooled = PurchaseChance(90).fit(twice, groups=who)
    assert pooled.model_.parameters_ == pytest.approx(PurchaseChance(90).fit(grown).model_.parameters_, rel=1e-3)


def test_weights_count_in_the_base_rate_and_the_mean() -> None:
    X = pd.DataFrame({"a": [1.0, 2, 3]})
    assert BaseRate().fit(X, [0, 1, 1], sample_weight=[2, 1, 1]).predict_proba(X)[0, 1] == 0.5
    assert MeanValue().fit(X, [0, 4, 8], sample_weight=[0, 1, 1]).predict(X)[0] == 6


def test_regressions_take_missing_columns_and_new_categories() -> None:
    X, y, amount = shop(500)
    X["empty"] = np.nan
    new = X.assign(region="elsewhere")
    for model, outcome in ((LogisticBaseline(), y), (ValueRegression("poisson"), amount)):
        assert np.isfinite(model.fit(X, outcome).predict(new)).all()


@pytest.mark.parametrize(
    ("estimator", "y", "error", "message"),
    [
        (OneColumn("days_since_last_purchas"), [0, 1] * 10, InputError, "Did you mean 'days_since_last_purchase'"),
        (OneColumn("region"), [0, 1] * 10, InputError, "numbers in column 'region'"),
        (OneColumn("n_purchases"), [0] * 20, InputError, "one class"),
        (LogisticBaseline(), [0, 2] * 10, InputError, "0 or 1"),
        (ValueRegression(), [-1, 2] * 10, InputError, "0 or more"),
        (ValueRegression(), [0, 0] * 10, TooLittleDataError, "somebody who spent"),
    ],
)
def test_what_does_not_fit_is_named(estimator: Any, y: Any, error: type[Exception], message: str) -> None:
    X, _, _ = shop(20)
    with pytest.raises(error, match=message):
        estimator.fit(X, y)


def test_customers_without_a_purchase_are_refused_by_the_purchase_stories() -> None:
    X, y, _ = shop(50)
    with pytest.raises(InputError, match="1 of 50 rows without"):
        PurchaseChance(90).fit(X.assign(n_purchases=[0, *X["n_purchases"][1:]]), y)


BY_NAME = (
    recency(), recency_amount(), PurchaseChance(90), PurchaseValue(90), LogisticBaseline(), ValueRegression("gamma"),
)  # fmt: skip


@pytest.mark.parametrize("estimator", [*BY_NAME, NextOrder()], ids=lambda one: type(one).__name__)
def test_an_array_has_no_names_and_is_refused_in_words(estimator: Any) -> None:
    outcome = None if isinstance(estimator, NextOrder) else np.arange(20) % 2
    with pytest.raises(InputError, match=r"X: a frame with named columns\. Got ndarray without names\. Pass the frame"):
        estimator.fit(np.ones((20, 3)), outcome)


@pytest.mark.parametrize("estimator", BY_NAME, ids=lambda one: type(one).__name__)
def test_frames_of_other_libraries_give_the_same_and_arrays_are_refused_when_predicting(estimator: Any) -> None:
    X, y, amount = shop(200)
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    y = y if method == "predict_proba" else amount
    ours = getattr(estimator.fit(X, y), method)(X)
    theirs = pl.from_pandas(X)
    assert np.allclose(getattr(estimator.fit(theirs, y), method)(theirs), ours)
    with pytest.raises(InputError, match="a frame with named columns"):
        getattr(estimator, method)(np.ones((20, 3)))
