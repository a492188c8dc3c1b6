"""One-column rules against a search through every cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.models.inputs.categories import Columns
from penchant.models.uplift.outcomes import Scores
from penchant.models.uplift.problem import Given, ProblemReading, UpliftProblem, read_problem
from penchant.models.uplift.rules import best_rule


def problem_of(X: np.ndarray, *categories: str) -> UpliftProblem:
    names = tuple(f"x{i}" for i in range(X.shape[1]))
    columns = Columns(names, dict.fromkeys(categories, ("a", "b", "c", "d")))
    n = len(X)
    return read_problem(X, columns, Given(np.zeros(n), np.arange(n) % 2, None, None, None), ProblemReading())


def apart(inside: np.ndarray, value: np.ndarray) -> float:
    """Return how many standard errors apart two sides are, 0 where one is too small."""
    if not 0.05 <= inside.mean() <= 0.95:
        return 0.0
    noise = (value - value.mean()) ** 2
    error = [noise[side].sum() / side.sum() ** 2 for side in (inside, ~inside)]
    gap = value[inside].mean() - value[~inside].mean()
    return abs(gap) / np.sqrt(sum(error)) if sum(error) > 0 else 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_the_rule_is_the_best_of_all_cuts(seed: int, n_levels: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, n_levels, size=(80, 2)).astype(float)
    value = rng.normal(size=80) + (X[:, 1] > n_levels / 2)
    rule = best_rule(problem_of(X), np.arange(80), Scores(value, np.ones(80)))
    inside = X[:, rule.position] > rule.threshold
    all_cuts = [apart(X[:, j] > cut, value) for j in range(2) for cut in np.unique(X[:, j])]
    assert apart(inside, value) == pytest.approx(max(all_cuts))
    np.testing.assert_allclose(np.unique(rule.predict(X)), np.unique([rule.inside, rule.outside]))
    assert rule.inside == pytest.approx(value[inside].mean())


def test_categories_are_joined_and_missing_ones_stay_outside() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 2000).astype(float)
    codes[:100] = np.nan
    value = np.isin(codes, (1.0, 3.0)) + rng.normal(0, 0.1, 2000)
    rule = best_rule(problem_of(codes[:, None], "x0"), np.arange(2000), Scores(value, np.ones(2000)))
    assert set(rule.codes) == {1.0, 3.0}
    assert rule.predict(np.array([[1.0], [np.nan], [0.0]])).round(1).tolist() == [1.0, 0.0, 0.0]


def test_columns_that_say_nothing_give_the_mean() -> None:
    rule = best_rule(problem_of(np.ones((50, 1))), np.arange(50), Scores(np.arange(50.0), np.ones(50)))
    assert rule.predict(np.array([[1.0], [5.0], [np.nan]])).tolist() == [24.5] * 3
