from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from penchant.errors import InputError, TooLittleDataError
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.inputs.categories import UnseenCategoryWarning


@parametrize_with_checks([PropensityModel(n_threads=1)])
def test_it_is_a_scikit_learn_classifier(estimator: Any, check: Any) -> None:
    check(estimator)


def simulated(n: int = 4000, seed: int = 0, base: float = -1.0) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """Return features of all kinds, the outcome, and its true probability."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "days_since_last_order": rng.gamma(2, 40, n),
            "n_orders": rng.geometric(0.3, n),
            "region": pd.Series(rng.choice(["north", "south", "west", None], n, p=[0.4, 0.3, 0.2, 0.1])),
            "has_coupon": rng.random(n) < 0.3,
            "amount_90d": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(3, 1, n)),
            "tier": pd.Categorical(rng.choice(["a", "b"], n)),
        }
    )
    log_odds = base - X["days_since_last_order"] / 60 + 0.3 * X["n_orders"] + 0.8 * (X["region"] == "south")
    p = (1 / (1 + np.exp(-log_odds))).to_numpy()
    return X, pd.Series((rng.random(n) < p).astype(int)), p


@pytest.fixture(scope="module")
def fitted() -> PropensityModel:
    X, y, _ = simulated()
    return PropensityModel(n_threads=1).fit(X, y)


def test_it_finds_what_was_planted_and_its_probabilities_come_true(fitted: PropensityModel) -> None:
    X, y, p = simulated(20_000, seed=1)
    found = fitted.predict_proba(X)[:, 1]
    assert roc_auc_score(y, found) > roc_auc_score(y, p) - 0.015
    assert np.mean(np.abs(found - p)) < 0.04
    assert found.mean() == pytest.approx(y.mean(), rel=0.04)


def test_a_rare_outcome_keeps_its_rate() -> None:
    X, y, _ = simulated(20_000, base=-4.8)
    new, new_y, _ = simulated(40_000, seed=1, base=-4.8)
    assert y.mean() < 0.02
    found = PropensityModel(n_threads=1).fit(X, y).predict_proba(new)[:, 1]
    assert found.mean() == pytest.approx(new_y.mean(), rel=0.15)
    assert roc_auc_score(new_y, found) > 0.7


def test_weights_stand_for_a_population() -> None:
    X, y, _ = simulated(8000)
    kept = (y == 1) | (np.arange(8000) % 4 == 0)  # three of four negatives thrown away, the rest weigh four
    weight = np.where(y[kept] == 1, 1.0, 4.0)
    model = PropensityModel(n_threads=1).fit(X[kept], y[kept], sample_weight=weight)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), rel=0.05)


def test_the_same_seed_gives_the_same_scores_and_fit_leaves_its_input_alone() -> None:
    X, y, _ = simulated(1500)
    before = X.copy(deep=True)
    first, again = (PropensityModel(n_threads=t).fit(X, y).predict_proba(X) for t in (1, 2))
    pd.testing.assert_frame_equal(X, before)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, PropensityModel(seed=1).fit(X, y).predict_proba(X))


def test_it_survives_pickling(fitted: PropensityModel) -> None:
    X, _, _ = simulated(200, seed=3)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def test_a_customers_snapshots_share_a_fold_and_so_are_not_learnt_by_heart() -> None:
    rng = np.random.default_rng(0)
    fingerprint = rng.normal(size=(400, 8))  # tells customers apart, and says nothing about the outcome
    outcome = rng.integers(0, 2, 400)
    X, y, customer = np.repeat(fingerprint, 6, axis=0), np.repeat(outcome, 6), np.repeat(np.arange(400), 6)
    honest = PropensityModel(n_threads=1).fit(X, y, groups=customer)
    fooled = PropensityModel(n_threads=1).fit(X, y)
    assert roc_auc_score(y, honest.left_out_) < 0.6
    assert roc_auc_score(y, fooled.left_out_) > 0.75


def test_a_monotone_column_never_goes_the_wrong_way() -> None:
    X, y, _ = simulated(3000)
    noisy = y.where(np.random.default_rng(0).random(3000) > 0.4, 1 - y)
    model = PropensityModel(monotone={"days_since_last_order": -1}, n_threads=1).fit(X, noisy)
    row = X.iloc[[5] * 200].assign(days_since_last_order=np.linspace(0, 500, 200))
    falling = model.predict_proba(row)[:, 1]
    assert (np.diff(falling) <= 1e-12).all()
    assert falling[0] > falling[-1]


def test_unseen_categories_are_counted_and_score_alike_whatever_their_name(fitted: PropensityModel) -> None:
    X, _, _ = simulated(50, seed=4)
    strange = X.assign(region=["east"] * 3 + list(X["region"][3:]))
    with pytest.warns(UnseenCategoryWarning, match=r"'region': 3 rows .*'east'"):
        found = fitted.predict_proba(strange)
    with pytest.warns(UnseenCategoryWarning, match="zz top"):
        assert np.array_equal(found, fitted.predict_proba(strange.replace("east", "zz top")))
    assert np.array_equal(found[3:], fitted.predict_proba(X)[3:])


def test_the_kind_of_frame_does_not_matter(fitted: PropensityModel) -> None:
    X, _, _ = simulated(300, seed=5)
    as_objects = X.astype(object)
    as_nullable = X.convert_dtypes()
    as_other_order_of_categories = X.assign(region=pd.Categorical(X["region"], ["south", "west", "north"]))
    for other in (as_objects, as_nullable, as_other_order_of_categories):
        assert np.array_equal(fitted.predict_proba(other), fitted.predict_proba(X))


def test_one_row_scores_as_it_does_among_many(fitted: PropensityModel) -> None:
    X, _, _ = simulated(100, seed=6)
    alone = np.concatenate([fitted.predict_proba(X.iloc[[i]]) for i in range(20)])
    assert np.array_equal(alone, fitted.predict_proba(X)[:20])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monotone": {"n_order": 1}}, "Did you mean 'n_orders'"),
        ({"monotone": {"region": 1}}, "for categories"),
        ({"calibration": "plat"}, "Did you mean 'platt'"),
        ({"n_folds": 1}, "2 or more"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    X, y, _ = simulated(400)
    with pytest.raises(InputError, match=message):
        PropensityModel(**options).fit(X, y)


def test_wrong_columns_are_named_with_the_difference(fitted: PropensityModel) -> None:
    X, _, _ = simulated(20)
    with pytest.raises(InputError, match="n_orders"):
        fitted.predict_proba(X.drop(columns="n_orders"))
    with pytest.raises(InputError, match=r"'n_orders' held numbers"):
        fitted.predict_proba(X.assign(n_orders="many"))
    with pytest.raises(InputError, match=r"'n_orders' holds infinite"):
        fitted.predict_proba(X.assign(n_orders=np.inf))


def test_dates_rows_in_another_order_and_a_single_class_are_refused() -> None:
    X, y, _ = simulated(400)
    with pytest.raises(InputError, match="dates in 'since'"):
        PropensityModel().fit(X.assign(since=pd.Timestamp("2024-01-01")), y)
    with pytest.raises(InputError, match="another order"):
        PropensityModel().fit(X, y[::-1])
    with pytest.raises(TooLittleDataError, match="both outcomes"):
        PropensityModel().fit(X, np.zeros(400))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"params": {"num_leaves": "many"}}, "params: parameters that LightGBM takes"),
        ({"n_trees": 0}, "n_trees: a whole number"),
        ({"n_trees": "ten"}, "n_trees: a whole number"),
        ({"line_share": "half"}, "line_share: a share"),
    ],
)
def test_options_that_are_none_are_refused_in_our_words(options: dict[str, Any], named: str) -> None:
    X, y = np.random.default_rng(0).normal(size=(200, 2)), np.arange(200) % 2
    with pytest.raises(InputError, match=named):
        PropensityModel(n_threads=1, **options).fit(X, y)


def test_columns_of_one_name_are_refused() -> None:
    X = pd.DataFrame(np.zeros((4, 2)), columns=["days", "days"])
    with pytest.raises(InputError, match="occur once"):
        PropensityModel(n_threads=1).fit(X, [0, 1, 0, 1])
