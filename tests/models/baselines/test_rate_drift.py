"""Wandering rates by known truth: read from earlier looks, they make intervals hold; steady rates widen nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from penchant.errors import InputError
from penchant.models.baselines.rate_drift import EarlierPromise, RateDrift, drift_of

N, WANDERS = 4000, 2e-4
BUSY, DAYS = 0.3, 240  # orders a day; days of each life


def lives(wanders: float, seed: int, leap: float = 1.0) -> Any:
    """Return orders on each day, (customers, days): rates that walk at random; ``leap``: what the last 60 days have."""
    rng = np.random.default_rng(seed)
    rate = np.maximum(rng.gamma(6.0, BUSY / 6.0, N), 1e-3)
    found = np.empty((N, DAYS))
    for day in range(DAYS):
        rate = np.maximum(rate + np.sqrt(wanders * rate) * rng.normal(size=N), 0.0)
        found[:, day] = rng.poisson(rate * (leap if day >= DAYS - 60 else 1.0))
    return found


def promise(days: Any, at: int, horizon: int) -> EarlierPromise:
    """Return what a model of steady rates says at a day, its prior known, and what came; an order is worth 10."""
    shape, rate = 6.0 + days[:, :at].sum(axis=1), 6.0 / BUSY + at
    chance = rate / (rate + horizon)
    orders = {"": shape * horizon / rate}
    orders |= {end: nbinom.ppf(level, shape, chance) for end, level in (("_low", 0.025), ("_high", 0.975))}
    promised = pd.DataFrame(
        {f"{name}{end}": n * worth for name, worth in (("orders", 1), ("amount", 10)) for end, n in orders.items()}
    )
    came = days[:, at : at + horizon].sum(axis=1)
    return EarlierPromise(promised, {"orders": came, "amount": 10 * came}, np.full(N, float(at)), float(horizon))


def held(one: EarlierPromise, drift: RateDrift, name: str) -> float:
    wide = drift.widened(one.promised, one.age, one.horizon_days)
    return float(((one.came[name] >= wide[f"{name}_low"]) & (one.came[name] <= wide[f"{name}_high"])).mean())


def test_what_two_short_looks_say_holds_for_a_longer_horizon_and_history() -> None:
    days = lives(WANDERS, 0)
    drift = drift_of([promise(days, 60, 60), promise(days, 80, 40)])
    assert drift.n_looks == 2
    later = promise(days, 120, 120)
    alone = RateDrift({}, 0)
    for name in ("orders", "amount"):
        assert held(later, alone, name) < 0.9
        assert 0.93 <= held(later, drift, name) <= 0.97
    assert 0.3 * WANDERS < drift.drift["orders"] < 3 * WANDERS
    wide = drift.widened(later.promised, later.age, later.horizon_days)
    assert (wide["orders_high"] % 1 == 0).all()
    assert (wide["orders_low"] <= later.promised["orders_low"]).all()
    pd.testing.assert_series_equal(wide["orders"], later.promised["orders"])


def test_steady_rates_and_a_season_at_one_look_widen_nothing() -> None:
    steady = lives(0.0, 1)
    drift = drift_of([promise(steady, 60, 60), promise(steady, 120, 60)])
    later = promise(steady, 120, 120)
    assert held(later, drift, "orders") <= 0.97
    rush = lives(0.0, 2, leap=1.6)
    calm, hurried = promise(rush, 60, 60), promise(rush, 180, 60)
    assert drift_of([hurried]).drift["orders"] > 0
    assert drift_of([calm, hurried]).drift["orders"] == drift_of([calm]).drift["orders"]


def test_without_an_earlier_look_nothing_is_widened() -> None:
    drift = drift_of([])
    later = promise(lives(WANDERS, 0), 120, 120)
    assert (drift.drift, drift.n_looks) == ({}, 0)
    pd.testing.assert_frame_equal(drift.widened(later.promised, later.age, 120.0), later.promised)


def test_one_sided_intervals_stay_so() -> None:
    promised = pd.DataFrame({"orders": [0.4, 30.0], "orders_low": [0.0, 20.0], "orders_high": [2.0, 41.0]})
    wide = RateDrift({"orders": 2e-4}, 1).widened(promised, [200.0, 200.0], 180.0)
    assert wide["orders_low"].tolist()[0] == 0.0
    assert wide["orders_high"].tolist()[0] > 2.0
    assert wide["orders_low"].tolist()[1] < 20.0
    with pytest.raises(InputError, match="age"):
        RateDrift({"orders": 2e-4}, 1).widened(promised, [200.0], 180.0)
