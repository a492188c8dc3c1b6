from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_tweedie_deviance
from sklearn.utils.estimator_checks import parametrize_with_checks

from penchant.errors import InputError, TooLittleDataError
from penchant.models.estimators.value import ValueModel, tweedie_deviance
from penchant.models.evaluation.metrics import evaluate


@parametrize_with_checks([ValueModel(n_threads=1)])
def test_it_is_a_scikit_learn_regressor(estimator: Any, check: Any) -> None:
    check(estimator)


def simulated(n: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return features, amounts of which most are zero, and their true means."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "days": rng.gamma(2, 40, n),
            "mean_amount": rng.lognormal(3, 0.7, n),
            "tier": rng.choice(["gold", "basic"], n, p=[0.2, 0.8]),
        }
    )
    p = 1 / (1 + np.exp(X["days"] / 40 - 1))
    spent = X["mean_amount"] * np.where(X["tier"] == "gold", 2, 1)
    y = (rng.random(n) < p) * spent * rng.gamma(2, 0.5, n)
    return X, y.to_numpy(), (p * spent).to_numpy()


@pytest.fixture(scope="module")
def fitted() -> ValueModel:
    X, y, _ = simulated()
    return ValueModel(n_threads=1).fit(X, y)


def test_it_finds_the_planted_means_and_their_sum(fitted: ValueModel) -> None:
    X, y, mean = simulated(20_000, seed=1)
    found = fitted.predict(X)
    assert np.corrcoef(found, mean)[0, 1] > 0.9
    assert found.mean() == pytest.approx(mean.mean(), rel=0.06)
    metrics = evaluate(y, found, kind="value", n_draws=0)
    assert metrics["rmse"].value < 0.9 * metrics["rmse_all_zero"].value
    assert metrics["spend_top_tenth"].value > 0.3


def test_the_form_with_the_lower_deviance_on_left_out_customers_is_used(fitted: ValueModel) -> None:
    assert set(fitted.deviance_) == {"two_part", "tweedie"}
    assert fitted.form_ == min(fitted.deviance_, key=lambda form: fitted.deviance_[form])


@pytest.mark.parametrize("form", ["two_part", "tweedie"])
def test_the_unit_of_the_amount_changes_nothing(form: Any) -> None:
    X, y, _ = simulated(1500)
    euros, cents = (ValueModel(form=form, n_threads=1).fit(X, y * unit).predict(X) for unit in (1, 100))
    assert cents == pytest.approx(100 * euros, rel=1e-6)


def test_negative_margins_take_squared_error() -> None:
    X, y, _ = simulated(1500)
    model = ValueModel(n_threads=1).fit(X, y - 5)
    assert model.form_ == "squared_error"
    assert model.predict(X).mean() == pytest.approx((y - 5).mean(), rel=0.1)
    with pytest.raises(InputError, match="form='squared_error'"):
        ValueModel(form="tweedie").fit(X, y - 5)


def test_few_buyers_still_get_a_level_and_none_is_refused() -> None:
    X, y, _ = simulated(60)
    assert ValueModel(n_threads=1).fit(X, y).predict(X).mean() == pytest.approx(y.mean(), rel=0.3)
    with pytest.raises(TooLittleDataError, match="somebody who spent"):
        ValueModel().fit(X, np.zeros(60))
    with pytest.raises(InputError, match="Did you mean 'two_part'"):
        ValueModel(form="twopart").fit(X, y)  # type: ignore[arg-type]


def test_it_survives_pickling(fitted: ValueModel) -> None:
    X, _, _ = simulated(50, seed=2)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))


def test_the_deviance_is_scikit_learns() -> None:
    _, y, mean = simulated(500)
    assert tweedie_deviance(y, mean) == pytest.approx(mean_tweedie_deviance(y, mean, power=1.5))
    with pytest.raises(InputError, match="above 0"):
        tweedie_deviance(y, mean * 0)
