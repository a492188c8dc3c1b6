"""The next order by known truth: customers who buy and stop as BG/NBD says, and a season that only trees can see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import gamma as exact_gamma

from penchant.errors import InputError
from penchant.models.baselines.btyd_estimators import purchases_of
from penchant.models.baselines.futures import evenness_of, gamma, quantile
from penchant.models.baselines.gamma_gamma import GammaGamma
from penchant.models.estimators.next_order import PERIODS, NextOrder, NextOrders, person_periods

N = 2500
ENDS = 1000.0


def shop(seed: int = 0, n: int = N) -> pd.DataFrame:
    """Return orders as (customer_id, day, amount)."""
    rng = np.random.default_rng(seed)
    found = []
    for customer in range(n):
        rate = rng.gamma(0.8, 1 / 40)
        stop, mean = rng.beta(0.8, 2.5), 200 / rng.gamma(4, 1)
        day = rng.uniform(0, 300)
        while day < ENDS:
            found.append((customer, day, rng.gamma(6, mean / 6)))
            if rng.random() < stop and found[-1][1] > 0 and len(found) > 1 and found[-2][0] == customer:
                break  # after a repeat, as the model has it
            day += rng.exponential(1 / rate)
    return pd.DataFrame(found, columns=["customer_id", "day", "amount"])


def signals(orders: pd.DataFrame, at: float) -> pd.DataFrame:
    past = orders[orders["day"] < at].groupby("customer_id")
    return pd.DataFrame(
        {
            "days_since_last_purchase": at - past["day"].max(),
            "days_since_first_purchase": at - past["day"].min(),
            "n_purchases": past.size().astype(float),
            "n_purchase_days": past.size().astype(float),
            "amount_total": past["amount"].sum(),
        }
    )


def with_looks(orders: pd.DataFrame, X: pd.DataFrame, at: float) -> pd.DataFrame:
    """Return signals with whether a customer has just looked around, as most do before they order."""
    soon = came(orders, X, at, 30)["orders"] > 0
    return X.assign(looked=(np.random.default_rng(int(at)).random(len(X)) < np.where(soon, 0.8, 0.1)).astype(float))


def came(orders: pd.DataFrame, X: pd.DataFrame, at: float, days: float) -> pd.DataFrame:
    after = orders[(orders["day"] >= at) & (orders["day"] < at + days)].groupby("customer_id")
    found = pd.DataFrame({"orders": after.size(), "amount": after["amount"].sum(), "next": after["day"].min() - at})
    return found.reindex(X.index).fillna({"orders": 0, "amount": 0, "next": np.inf})


@pytest.fixture(scope="module")
def truth() -> tuple[pd.DataFrame, pd.DataFrame, NextOrder, pd.DataFrame]:
    orders = shop()
    X = signals(orders, 500.0)
    model = NextOrder(horizon_days=365).fit(X)
    return orders, X, model, model.predict(X)


def test_intervals_hold_what_came_in_93_to_97_per_cent(truth: Any) -> None:
    orders, X, _, promised = truth
    found = came(orders, X, 500.0, 365)
    for name in ("orders", "amount"):
        holds = (found[name] >= promised[f"{name}_low"] - 1e-9) & (found[name] <= promised[f"{name}_high"] + 1e-9)
        assert 0.93 <= holds.mean() <= 0.97, name
    low, high = promised["days_to_next_order_low"], promised["days_to_next_order_high"]
    holds = ((found["next"] >= low) & (found["next"] <= high)).where(np.isfinite(found["next"]), high >= 365)
    assert 0.93 <= holds.mean() <= 0.97


def test_means_and_chances_come_true(truth: Any) -> None:
    orders, X, _, promised = truth
    found = came(orders, X, 500.0, 365)
    assert promised["orders"].sum() == pytest.approx(found["orders"].sum(), rel=0.08)
    assert promised["amount"].sum() == pytest.approx(found["amount"].sum(), rel=0.12)
    for days in (30, 60, 90):
        assert promised[f"p_order_{days}d"].mean() == pytest.approx((found["next"] < days).mean(), rel=0.1)
    likely = promised["p_order_90d"] > promised["p_order_90d"].median()
    assert (found["next"][likely] < 90).mean() > 3 * (found["next"][~likely] < 90).mean()
    assert (promised["p_order_30d"] <= promised["p_order_60d"]).all()


def test_drawn_futures_have_the_models_own_means(truth: Any) -> None:
    _, X, model, promised = truth
    futures = model.futures(X)
    assert futures.n_orders.mean() == pytest.approx(promised["orders"].mean(), rel=0.02)
    expected = model.model_.p_purchase(purchases_of(X), 365)
    assert (futures.n_orders > 0).mean() == pytest.approx(expected.mean(), rel=0.02)
    by_group = pd.Series(futures.n_orders.mean(axis=1), X.index).groupby(X["n_purchases"].clip(upper=6)).mean()
    own = promised["orders"].groupby(X["n_purchases"].clip(upper=6)).mean()
    assert by_group.to_numpy() == pytest.approx(own.to_numpy(), rel=0.08)


def test_pareto_nbd_draws_its_own_means_too(truth: Any) -> None:
    _, X, _, _ = truth
    model = NextOrder(story="pareto_nbd").fit(X)
    expected = model.model_.expected_purchases(purchases_of(X), 365)
    assert model.futures(X).n_orders.mean() == pytest.approx(expected.mean(), rel=0.03)


def test_nobodys_numbers_depend_on_who_else_is_asked(truth: Any) -> None:
    _, X, model, promised = truth
    some = X.iloc[[7, 3, 99]]
    pd.testing.assert_frame_equal(model.predict(some), promised.loc[some.index])
    pd.testing.assert_frame_equal(
        model.predict(pl.from_pandas(some)).reset_index(drop=True), model.predict(some).reset_index(drop=True)
    )


def test_the_next_order_is_a_date_and_none_where_it_may_never_come(truth: Any) -> None:
    _, X, model, _ = truth
    found = model.predict(X, as_of="2024-03-01")
    never = ~np.isfinite(found["days_to_next_order"])
    assert 0.1 < never.mean() < 0.9
    assert found["next_order_at"].isna().equals(never)
    days = (found["next_order_at"] - pd.Timestamp("2024-03-01")) / pd.Timedelta(days=1)
    assert days[~never].to_numpy() == pytest.approx(found["days_to_next_order"][~never].to_numpy(), abs=1e-6)
    assert (found["days_to_next_order_low"] <= found["days_to_next_order"]).all()


def snapshots(orders: pd.DataFrame, moments: tuple[float, ...], now: float) -> tuple[pd.DataFrame, NextOrders, Any]:
    frames = [with_looks(orders, signals(orders, moment), moment) for moment in (*moments, now)]
    outcomes = [came(orders, f, m, now - m)["next"] for f, m in zip(frames, (*moments, now), strict=True)]
    at = np.concatenate([np.full(len(f), m) for f, m in zip(frames, (*moments, now), strict=True)])
    groups = np.concatenate([f.index.to_numpy() for f in frames])
    return pd.concat(frames), NextOrders(np.concatenate(outcomes), now - at, at), groups


def test_trees_are_used_where_they_see_what_the_model_cannot() -> None:
    orders = shop()
    X, seen, groups = snapshots(orders, (350.0, 450.0), 600.0)
    model = NextOrder(n_threads=1).fit(X, seen, groups=groups)
    assert model.hazard_ is not None
    assert model.gain_ > 0
    now = with_looks(orders, signals(orders, 600.0), 600.0)
    alone = NextOrder().fit(now)
    outcome = came(orders, now, 600.0, 90)["next"] < 90
    losses = [
        -np.where(outcome, np.log(p), np.log1p(-p)).mean()
        for p in (m.predict(now)["p_order_90d"].clip(1e-6, 1 - 1e-6) for m in (model, alone))
    ]
    assert losses[0] < 0.95 * losses[1]
    away = model.stays_away(now, [0, 10, 30, 45, 90, 200, 365, 500])
    assert (np.diff(away, axis=1) <= 1e-12).all()
    assert (away[:, 0] == 1).all()


def test_trees_stay_out_where_the_model_says_it_all() -> None:
    orders = shop(seed=3)
    X, seen, groups = snapshots(orders, (350.0, 450.0), 600.0)
    model = NextOrder(n_threads=1).fit(X.drop(columns="looked"), seen, groups=groups)
    assert model.hazard_ is None
    assert np.isfinite(model.gain_)


def test_periods_end_where_watching_did() -> None:
    seen = NextOrders([10.0, 50.0, np.nan, 400.0], [365.0, 45.0, 90.0, 365.0])
    rows, y, period = person_periods(seen)
    per_row = {row: y[rows == row].tolist() for row in range(4)}
    assert per_row == {0: [1.0], 1: [0.0], 2: [0.0, 0.0, 0.0], 3: [0.0] * len(PERIODS)}
    assert period[rows == 2].tolist() == [0, 1, 2]


def test_what_was_not_known_yet_is_not_learned_from() -> None:
    at = pd.to_datetime(["2024-01-01", "2024-01-01", "2024-03-01"])
    seen = NextOrders([70.0, 20.0, 5.0], [100.0, 100.0, 40.0], at)
    assert seen.latest().tolist() == [False, False, True]
    early = seen.before(seen.at[2])
    assert early.known_days.tolist() == [60.0, 60.0, 0.0]
    assert early.days_to_next.tolist() == [np.inf, 20.0, np.inf]


def test_how_even_orders_are_is_read_from_single_ones() -> None:
    rng = np.random.default_rng(0)
    n, evenness = rng.integers(1, 6, 4000).astype(float), 2.0
    own = 60 / rng.gamma(4, 1, 4000)
    mean = own * rng.gamma(evenness * n) / (evenness * n)
    model = GammaGamma().fit(n, mean)
    found = evenness_of(model, n, mean, own * rng.gamma(evenness, 1 / evenness, 4000))
    assert found == pytest.approx(evenness, rel=0.15)
    assert evenness_of(model, n, mean, np.full(4000, np.nan)) == model.parameters_["p"]


def test_wrong_days_and_levels_are_refused() -> None:
    with pytest.raises(InputError, match="days of 0 or more"):
        NextOrders([-1.0], [30.0])
    with pytest.raises(InputError, match="known_days"):
        NextOrders([1.0], [np.nan])
    X = signals(shop(n=200), 500.0)
    with pytest.raises(InputError, match="level"):
        NextOrder(level=95).fit(X)


def test_the_quantiles_of_gamma_are_near_the_exact_ones() -> None:
    u, shape = np.linspace(0.02, 0.98, 25), np.array([1.2, 2.0, 8.0, 60.0])
    for one in shape:
        assert gamma(np.full(25, one), u) == pytest.approx(exact_gamma.ppf(u, one), rel=0.06, abs=0.02)
    assert quantile(np.array([[1.0, 2.0, 3.0, 4.0]]), 0.5).tolist() == [2.0]
