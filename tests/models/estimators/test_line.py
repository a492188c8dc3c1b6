"""The line beside the trees: what it learns, that trees hold it, and that it stays out where it harms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from penchant.errors import InputError
from penchant.models.estimators.boosting import Training
from penchant.models.estimators.line import PENALTY, SPREADING, fit_lines
from penchant.models.estimators.linear import NearbyLogistic, design_of, linear_part, logistic, spreads_of
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


@pytest.mark.parametrize("alike", [True, False])
def test_slopes_without_a_fold_are_those_of_the_longer_way(planted: Training, alike: bool) -> None:
    spreads = spreads_of(planted.matrix, planted.columns.category_positions, planted.weight, SPREADING)
    design = design_of(spreads, planted.matrix)
    weight = np.random.default_rng(1).gamma(2, 1, N)
    ways = [-1, 1, *[0] * (design.shape[1] - 2)]
    whole = logistic(design, planted.y, weight, PENALTY, ways)
    out = np.arange(N) % 5 == 0 if alike else (planted.matrix[:, 0] > 3) | (np.arange(N) % 3 > 0)
    found = NearbyLogistic(design, planted.y, weight, PENALTY, ways, whole).without(out)
    expected = logistic(design[~out], planted.y[~out], weight[~out], PENALTY, ways)
    assert np.abs(found - expected).max() < 2e-3 < np.abs(whole - expected).max()
    assert found[1] == 0  # it may not rise, and does


def test_it_is_scikit_learns_ridge_on_the_same_columns_and_scores_exactly(planted: Training) -> None:
    part = fit_lines(planted, {}, seed=0).part
    spreads = spreads_of(planted.matrix, planted.columns.category_positions, planted.weight, SPREADING)
    design = design_of(spreads, planted.matrix)
    oracle = LogisticRegression(C=1 / PENALTY, tol=1e-10, max_iter=1000).fit(design, planted.y)
    assert np.abs(part.predict(planted.matrix) - oracle.decision_function(design)).max() < 5e-3
    found = linear_part(spreads, oracle.intercept_[0], oracle.coef_[0]).predict(planted.matrix)
    assert np.abs(found - oracle.decision_function(design)).max() < 1e-12
    assert np.abs(design.mean(axis=0)).max() < 1e-9
    assert np.allclose(np.nanstd(design, axis=0)[0], 1)
    assert 4 not in [spread.position for spread in spreads]  # a constant says nothing


def test_a_direction_is_kept_and_left_out_rows_are_not_learned_from(planted: Training) -> None:
    assert [c["slope"] for c in fit_lines(planted, {0: -1}, seed=0).part.columns if c["position"] == 0] == [0.0]
    assert [c["slope"] > 0 for c in fit_lines(planted, {0: 1}, seed=0).part.columns if c["position"] == 0] == [True]
    noise = np.random.default_rng(1)
    X, y = noise.normal(size=(200, 60)), (noise.random(200) < 0.5).astype(float)
    rows = rows_of(X, y)
    found = fit_lines(rows, {}, seed=0)
    assert np.corrcoef(found.part.predict(X), y)[0, 1] > 0.4
    assert abs(np.corrcoef(found.left_out, y)[0, 1]) < 0.25


def test_each_column_adds_nothing_on_average(planted: Training) -> None:
    part = fit_lines(planted, {}, seed=0).part
    added = dict(part.effects(planted.matrix))
    assert set(added) == {0, 1, 2, 3}
    assert max(abs(effect.mean()) for effect in added.values()) < 1e-9
    assert part.predict(planted.matrix).mean() == pytest.approx(part.intercept)


def test_a_search_may_start_at_the_answer() -> None:
    design = np.random.default_rng(0).normal(size=(300, 3))
    y = (design[:, 0] + np.random.default_rng(1).normal(size=300) > 0).astype(float)
    from_zero = logistic(design, y, np.ones(300), 1.0)
    assert logistic(design, y, np.ones(300), 1.0, start=from_zero) == pytest.approx(from_zero, abs=1e-3)


def test_contributions_still_add_up_to_the_log_odds(planted: Training) -> None:
    X = pd.DataFrame(planted.matrix, columns=list("abcde"))
    model = PropensityModel(n_threads=1, calibration="none").fit(X, planted.y)
    assert model.line_ is not None
    assert set(model.boosters_) == {"propensity"}
    p = model.predict_proba(X)[:, 1]
    assert np.allclose(contributions(model, X).sum(axis=1), np.log(p / (1 - p)))


def test_it_stays_out_where_trees_alone_are_surely_better() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    y = (rng.random(N) < np.where(np.abs(X[:, 0]) > 0.7, 0.9, 0.1)).astype(float)  # nothing a line could see
    assert PropensityModel(n_threads=1).fit(X, y).line_ is None
    assert PropensityModel(n_threads=1, line_share=0.0).fit(X[:, :1], y).line_ is None
    with pytest.raises(InputError, match="line_share"):
        PropensityModel(line_share=1.0).fit(X, y)
