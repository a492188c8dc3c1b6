from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score

from penchant.errors import InputError, TooLittleDataError
from penchant.models.baselines.bgnbd import BGNBD, MBGNBD
from penchant.models.baselines.btyd import BuyTillYouDie, Purchases
from penchant.models.baselines.btyd_estimators import alive_by
from penchant.models.baselines.gamma_gamma import GammaGamma
from penchant.models.baselines.pareto_nbd import ParetoNBD

WEEK = pd.Timedelta(weeks=1)
BG = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PARETO = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}


def fixed(model: BuyTillYouDie, parameters: dict[str, float]) -> BuyTillYouDie:
    model.parameters_ = parameters
    return model


@pytest.fixture(scope="module")
def cdnow(shared_data: Path) -> dict[str, Any]:
    """Return the 1/10 sample as published: purchase days to the end of week 39, in weeks."""
    orders = pd.read_parquet(shared_data / "cdnow" / "cdnow_sample.parquet")
    orders["date"] = pd.to_datetime(orders["date"])
    end = pd.Timestamp("1997-09-30")
    days = orders.groupby(["customer_id", "date"])["dollar_value"].sum().reset_index()
    seen = days[days["date"] <= end].groupby("customer_id")["date"]
    first, last = seen.min(), seen.max()
    repeats = days[(days["date"] <= end) & (days["date"] > days["customer_id"].map(first))]
    mean = repeats.groupby("customer_id")["dollar_value"].mean().reindex(first.index).fillna(0)
    purchases = Purchases(seen.size() - 1, (last - first) / WEEK, (end - first) / WEEK)
    return {
        "purchases": purchases,
        "mean_amount": mean.to_numpy(),
        "buys": first.index.isin(days.loc[days["date"] > end, "customer_id"]),
        "n_later": int((days["date"] > end).sum()),
    }


def test_bg_nbd_finds_the_published_parameters(cdnow: dict[str, Any]) -> None:
    model = BGNBD().fit(cdnow["purchases"])
    assert model.converged_
    assert model.parameters_ == pytest.approx(BG, abs=0.001)
    assert model.log_likelihood_ == pytest.approx(-9582.4, abs=0.1)


def test_mbg_nbd_finds_the_parameters_of_another_program(cdnow: dict[str, Any]) -> None:
    model = MBGNBD().fit(cdnow["purchases"])  # BTYDplus, an R package, on the same sample
    assert model.parameters_ == pytest.approx({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, abs=0.001)


def test_pareto_nbd_finds_the_published_parameters(cdnow: dict[str, Any]) -> None:
    model = ParetoNBD().fit(cdnow["purchases"])
    assert model.converged_
    assert model.parameters_ == pytest.approx(PARETO, abs=0.001)
    assert model.log_likelihood_ == pytest.approx(-9595.0, abs=0.1)


def test_gamma_gamma_finds_the_published_parameters(cdnow: dict[str, Any]) -> None:
    model = GammaGamma().fit(cdnow["purchases"].n_repeats, cdnow["mean_amount"])
    assert model.parameters_ == pytest.approx({"p": 6.25, "q": 3.74, "v": 15.44}, abs=0.01)


def test_the_chance_of_a_purchase_ranks_where_being_alive_does_not(cdnow: dict[str, Any]) -> None:
    model = BGNBD().fit(cdnow["purchases"])
    assert roc_auc_score(cdnow["buys"], model.p_purchase(cdnow["purchases"], 39)) > 0.75
    assert roc_auc_score(cdnow["buys"], model.p_alive(cdnow["purchases"])) < 0.4
    assert model.expected_purchases(cdnow["purchases"], 39).sum() == pytest.approx(cdnow["n_later"], rel=0.2)


def test_the_published_example_customer() -> None:
    # Fader, Hardie & Lee (2005): two repeats, the last at 30.43 weeks, 38.86 weeks old: 1.226 in the next 39.
    model = fixed(BGNBD(), BG)
    assert model.expected_purchases(Purchases([2], [30.43], [38.86]), 39) == pytest.approx([1.226], abs=0.001)


histories = st.tuples(st.integers(0, 30), st.floats(0.5, 40), st.floats(0, 30))


@given(histories, st.floats(0.1, 5), st.floats(0.5, 30), st.floats(0.1, 5), st.floats(0.5, 30))
@settings(deadline=None, max_examples=40)
def test_the_pareto_nbd_likelihood_is_its_integral(
    history: tuple[int, float, float], r: float, alpha: float, s: float, beta: float
) -> None:
    x, last, silence = history
    last = last if x else 0.0
    age = last + silence
    rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)

    def stopped_at(time: float) -> float:
        return s * beta**s * np.exp(rate - (r + x) * np.log(alpha + time) - (s + 1) * np.log(beta + time))

    alive = np.exp(rate - (r + x) * np.log(alpha + age) + s * np.log(beta / (beta + age)))
    whole = alive + quad(stopped_at, last, age, epsabs=0, epsrel=1e-11, limit=200)[0]
    model, purchases = (
        fixed(ParetoNBD(), {"r": r, "alpha": alpha, "s": s, "beta": beta}),
        Purchases([x], [last], [age]),
    )
    assert model.log_likelihood(purchases) == pytest.approx([np.log(whole)], rel=1e-8, abs=1e-8)
    assert model.p_alive(purchases) == pytest.approx([alive / whole], rel=1e-7)


@given(histories, st.tuples(*[st.floats(0.05, 20)] * 4))
@settings(deadline=None, max_examples=40)
def test_the_pareto_nbds_slopes_are_its_differences(history: tuple[int, float, float], of: tuple[float, ...]) -> None:
    x, last, silence = history
    purchases, model = Purchases([x], [last / 40 if x else 0.0], [(last + silence + 1) / 40]), ParetoNBD()
    parameters = dict(zip(model.names, of, strict=True))
    likelihood, slopes = model.with_slopes_of(parameters, purchases)
    assert likelihood == model.log_likelihood_of(parameters, purchases)
    for name, slope in zip(model.names, slopes, strict=True):
        step = 1e-4 * parameters[name]
        up, down = (
            model.log_likelihood_of({**parameters, name: parameters[name] + way}, purchases) for way in (step, -step)
        )
        assert slope * parameters[name] == pytest.approx((up - down) / 2e-4, rel=1e-5, abs=1e-6)


def test_bg_nbds_expectation_is_the_published_formula() -> None:
    r, alpha, a, b = BG.values()
    x, last, age, t = (np.array([0, 1, 5, 20.0]), np.array([0, 3, 20, 30.0]), np.array([30, 38, 25, 31.0]), 39.0)
    head = (a + b + x - 1) / (a - 1)
    series = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + age + t))
    gone = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + last)) ** (r + x), 0)
    published = head * (1 - ((alpha + age) / (alpha + age + t)) ** (r + x) * series) / (1 + gone)
    found = fixed(BGNBD(), BG).expected_purchases(Purchases(x, last, age), t)
    assert found == pytest.approx(published, rel=1e-9)


def simulated(model: BuyTillYouDie, n: int, age: float, horizon: float, seed: int) -> tuple[Purchases, Any]:
    """Return histories, and the purchases that follow within the horizon, drawn from a model's own story."""
    rng, p = np.random.default_rng(seed), model.parameters_
    rate = rng.gamma(p["r"], 1 / p["alpha"], n)
    gaps = rng.exponential(1 / rate[:, None], (n, 400))
    times = np.cumsum(gaps, axis=1)
    if isinstance(model, BGNBD):
        stops = rng.random((n, 400)) < rng.beta(p["a"], p["b"], n)[:, None]
        allowed = np.cumsum(stops, axis=1) - stops == 0  # up to and with the purchase after which one stops
        if isinstance(model, MBGNBD):  # the first purchase, at 0, is one of those after which one may stop
            allowed = np.cumsum(stops, axis=1) == 0
    else:
        allowed = times < rng.exponential(1 / rng.gamma(p["s"], 1 / p["beta"], n))[:, None]
    seen, later = allowed & (times <= age), allowed & (times > age) & (times <= age + horizon)
    last = np.where(seen, times, 0).max(axis=1)
    return Purchases(seen.sum(axis=1), last, np.full(n, age)), later.sum(axis=1)


@pytest.mark.parametrize(("kind", "truth"), [(BGNBD, BG), (MBGNBD, BG), (ParetoNBD, PARETO)])
def test_what_is_promised_comes_true_in_simulation(kind: type[Any], truth: dict[str, float]) -> None:
    purchases, later = simulated(fixed(kind(), truth), 8000, 39, 26, seed=1)
    model = kind().fit(purchases)
    p, expected = model.p_purchase(purchases, 26), model.expected_purchases(purchases, 26)
    for group in (purchases.n_repeats == 0, purchases.n_repeats == 1, purchases.n_repeats > 3):
        error = np.sqrt(p[group].mean() / group.sum())
        assert p[group].mean() == pytest.approx((later[group] > 0).mean(), abs=4 * error)
        assert expected[group].mean() == pytest.approx(later[group].mean(), rel=0.15)
    assert model.parameters_["r"] == pytest.approx(truth["r"], rel=0.2)


def test_who_bought_once_and_long_ago_is_hardly_alive() -> None:
    truth = fixed(MBGNBD(), {"r": 2.0, "alpha": 10.0, "a": 2.0, "b": 3.0})
    purchases, later = simulated(truth, 20_000, 39, 400, seed=4)  # who is alive buys again within 400 weeks
    found = alive_by(BGNBD().fit(purchases), purchases, np.ones(len(purchases)))
    once = purchases.n_repeats == 0
    assert found.p_alive(purchases)[once].mean() == pytest.approx((later[once] > 0).mean(), abs=0.02)
    young, old = found.p_alive(Purchases([0, 0], [0, 0], [2, 39]))
    assert young > 0.5 > 0.1 > old
    pareto = fixed(ParetoNBD(), PARETO)
    assert alive_by(pareto, purchases, np.ones(len(purchases))) is pareto


@pytest.mark.parametrize("kind", [BGNBD, ParetoNBD])
def test_the_unit_of_time_changes_nothing(kind: type[Any]) -> None:
    purchases, _ = simulated(fixed(kind(), BG if kind is BGNBD else PARETO), 1500, 39, 10, seed=2)
    in_days = Purchases(purchases.n_repeats, 7 * purchases.last, 7 * purchases.age)
    weeks, days = kind().fit(purchases), kind().fit(in_days)
    assert days.p_purchase(in_days, 70) == pytest.approx(weeks.p_purchase(purchases, 10), abs=1e-4)


@pytest.mark.parametrize("model", [fixed(BGNBD(), BG), fixed(MBGNBD(), BG), fixed(ParetoNBD(), PARETO)])
def test_extreme_histories_stay_finite_and_ordered(model: BuyTillYouDie) -> None:
    purchases = Purchases([0, 0, 1, 900, 900], [0, 0, 1e-3, 500, 20], [0, 5000, 5000, 500, 500])
    for horizon in (0, 1, 1e4):
        p = model.p_purchase(purchases, horizon)
        assert np.isfinite(model.expected_purchases(purchases, horizon)).all()
        assert ((p >= 0) & (p <= 1)).all()
        assert (model.p_purchase(purchases, horizon + 1) >= p).all()
    assert model.p_purchase(purchases, 0) == pytest.approx(np.zeros(5))
    regular, lapsed = model.p_purchase(purchases, 4)[3:]
    assert regular > 0.9 > 0.01 > lapsed


def test_a_fit_without_a_maximum_says_so() -> None:
    rng = np.random.default_rng(0)  # everyone at the same rate, nobody ever stops: b or beta runs off
    times = np.cumsum(rng.exponential(1.0, (400, 80)), axis=1)
    seen = times <= 30
    purchases = Purchases(seen.sum(axis=1), np.where(seen, times, 0).max(axis=1), np.full(400, 30.0))
    with pytest.warns(ConvergenceWarning, match="ParetoNBD did not converge"):
        model = ParetoNBD().fit(purchases)
    assert not model.converged_
    assert np.isfinite(model.p_purchase(purchases, 5)).all()


def test_impossible_histories_are_refused() -> None:
    with pytest.raises(InputError, match="between the first and as_of"):
        Purchases([1], [5], [4])
    with pytest.raises(InputError, match="both 0, or both above 0"):
        Purchases([0, 1], [1, 0], [4, 4])
    with pytest.raises(TooLittleDataError, match="bought again"):
        BGNBD().fit(Purchases([0, 1], [0, 1], [4, 4]))
    with pytest.raises(InputError, match="0 or more"):
        fixed(BGNBD(), BG).p_purchase(Purchases([0], [0], [4]), -1)


def test_expected_amounts_lean_to_the_customers_own_the_more_they_bought() -> None:
    rng = np.random.default_rng(3)
    n, x = 3000, rng.integers(1, 12, 3000)
    scale = 15 / rng.gamma(4, 1, n)
    amounts = rng.gamma(6 * x, scale) / x
    model = GammaGamma().fit(x, amounts)
    assert model.parameters_ == pytest.approx({"p": 6, "q": 4, "v": 15}, rel=0.15)
    once, often = model.expected_amount([1, 50], [100, 100])
    shop = model.expected_amount([0], [0])[0]
    assert shop == pytest.approx(6 * scale.mean(), rel=0.1)
    assert shop < once < often < 100
