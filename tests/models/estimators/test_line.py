"""The line beside the trees: what it learns, that trees hold it, and that it stays out where it harms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from penchant.errors import InputError
from penchant.models.estimators.boosting import Training, parameters_of
from penchant.models.estimators.line import PENALTY, as_trees, fit_lines, line_contributions, scaled, steps_of
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.explain.contributions import contributions
from penchant.models.inputs.categories import Columns
from penchant.models.inputs.folds import grouped_folds

N = 4000


def rows_of(X: np.ndarray, y: np.ndarray, categories: dict[str, tuple[str, ...]] | None = None) -> Training:
    names = tuple(f"x{i}" for i in range(X.shape[1]))
    return Training(X, y, np.ones(len(y)), Columns(names, categories or {}), grouped_folds(y, None, 5, 0))


@pytest.fixture(scope="module")
def planted() -> Training:
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.lognormal(2, 1, N),
            rng.normal(size=N),
            rng.choice([0.0, 1.0, 2.0, np.nan], N),
            np.where(rng.random(N) < 0.2, np.nan, rng.gamma(2, 3, N)),
            np.ones(N),
        ]
    )
    at = 0.8 * np.log1p(X[:, 0]) - 2 + 0.5 * (X[:, 2] == 1) - 0.7 * np.isnan(X[:, 3])
    return rows_of(X, (rng.random(N) < 1 / (1 + np.exp(-at))).astype(float), {"x2": ("a", "b", "c")})


def test_it_is_scikit_learns_ridge_on_the_same_columns(planted: Training) -> None:
    line = fit_lines(planted, {}, seed=0).line
    design = line.spread.columns(planted.matrix)
    oracle = LogisticRegression(C=1 / PENALTY, tol=1e-8, max_iter=1000).fit(design, planted.y)
    assert np.allclose(line.slopes, oracle.coef_[0], atol=5e-3)
    assert line.intercept == pytest.approx(oracle.intercept_[0], abs=5e-3)
    assert np.abs(design.mean(axis=0)).max() < 0.02
    assert 4 not in line.spread.place  # a constant says nothing


def test_a_direction_is_kept_and_left_out_rows_are_not_learned_from(planted: Training) -> None:
    assert (fit_lines(planted, {0: -1}, seed=0).line.slopes[0]) == 0
    noise = np.random.default_rng(1)
    X, y = noise.normal(size=(200, 60)), (noise.random(200) < 0.5).astype(float)
    rows = rows_of(X, y)
    found = fit_lines(rows, {}, seed=0)
    assert np.corrcoef(found.line.log_odds(X), y)[0, 1] > 0.4
    assert abs(np.corrcoef(found.left_out, y)[0, 1]) < 0.25


def test_trees_hold_the_line_and_a_share_of_it(planted: Training) -> None:
    line = fit_lines(planted, {}, seed=0).line
    booster = as_trees(line, 0.5, planted, parameters_of({}, None, 0, 1))
    gap = booster.predict(planted.matrix, raw_score=True) - 0.5 * line.log_odds(planted.matrix)
    assert np.abs(gap).max() < 0.15
    assert np.sqrt((gap**2).mean()) < 0.02
    before = booster.predict(planted.matrix, raw_score=True)
    by_lightgbm = booster.predict(planted.matrix, pred_contrib=True)
    assert np.allclose(line_contributions(booster, steps_of(booster), planted.matrix, 1), by_lightgbm)
    assert np.allclose(scaled(booster, 0.3).predict(planted.matrix, raw_score=True), 0.3 * before)


def test_contributions_still_add_up_to_the_log_odds(planted: Training) -> None:
    X = pd.DataFrame(planted.matrix, columns=list("abcde"))
    model = PropensityModel(n_threads=1, calibration="none").fit(X, planted.y)
    assert set(model.boosters_) == {"propensity", "line"}
    p = model.predict_proba(X)[:, 1]
    assert np.allclose(contributions(model, X).sum(axis=1), np.log(p / (1 - p)))


def test_it_stays_out_where_trees_alone_are_surely_better() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    y = (rng.random(N) < np.where(np.abs(X[:, 0]) > 0.7, 0.9, 0.1)).astype(float)  # nothing a line could see
    assert set(PropensityModel(n_threads=1).fit(X, y).boosters_) == {"propensity"}
    assert set(PropensityModel(n_threads=1, line_share=0.0).fit(X[:, :1], y).boosters_) == {"propensity"}
    with pytest.raises(InputError, match="line_share"):
        PropensityModel(line_share=1.0).fit(X, y)
