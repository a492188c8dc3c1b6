"""Customers' scores: unbiased, the usual formula, and blind to the row's own outcome."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.models.inputs.categories import Columns
from penchant.models.uplift import Linear, Trees, outcomes
from penchant.models.uplift.outcomes import OutcomeModels, doubly_robust, residual_scores, response
from penchant.models.uplift.problem import Given, Pair, ProblemReading, UpliftProblem, read_problem


def problem_of(y: np.ndarray, treated: np.ndarray, X: np.ndarray, p: float | None = None) -> UpliftProblem:
    columns = Columns(tuple(f"x{i}" for i in range(X.shape[1])))
    return read_problem(X, columns, Given(y, treated, p, None, None), ProblemReading())


@pytest.fixture
def pair() -> Pair:
    rng = np.random.default_rng(0)
    treated = rng.random(5000) < 0.3
    y = rng.normal(size=5000) + 0.5 * treated
    return problem_of(y, treated, rng.normal(size=(5000, 1)), 0.3).pair(1)


def test_doubly_robust_scores_are_those_of_the_usual_formula(pair: Pair) -> None:
    rng = np.random.default_rng(1)
    mu0, mu1 = rng.normal(size=(2, len(pair)))
    w, p, y = pair.is_treated, pair.p, pair.y
    usual = mu1 - mu0 + w * (y - mu1) / p - ~w * (y - mu0) / (1 - p)
    np.testing.assert_allclose(doubly_robust(pair, mu0, mu1).value, usual)


def test_scores_are_unbiased_whatever_the_outcome_model_says(pair: Pair) -> None:
    nonsense = np.random.default_rng(1).normal(3, 1, len(pair))
    assert doubly_robust(pair, nonsense, nonsense).mean == pytest.approx(0.5, abs=0.3)
    assert residual_scores(pair, nonsense).mean == pytest.approx(0.5, abs=0.3)


def test_doubly_robust_scores_survive_wrong_probabilities_with_the_right_outcomes(pair: Pair) -> None:
    wrong = problem_of(pair.y, pair.is_treated, np.zeros((len(pair), 1)), 0.7).pair(1)
    right = np.zeros(len(pair))
    assert doubly_robust(wrong, right, right + 0.5).mean == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("base", [Trees(n_trees=5), Linear()])
def test_a_rows_own_outcome_does_not_move_its_expectation(base: Trees | Linear) -> None:
    rng = np.random.default_rng(0)
    X, y, treated = rng.normal(size=(400, 2)), rng.normal(size=400), np.arange(400) % 2
    one = problem_of(y, treated, X)
    changed = y.copy()
    changed[7] += 1e-6  # too little to move the row to another fold
    other = problem_of(changed, treated, X)
    np.testing.assert_array_equal(one.fold, other.fold)
    said = [response(p, p.pair(1), base.bench(p, 0, 1)) for p in (one, other)]
    assert said[0][7] == said[1][7]
    assert (said[0] != said[1]).any()


def test_an_expectation_is_learned_from_some_of_many_rows_and_said_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "MOST_FOR_EXPECTATIONS", 300)
    rng = np.random.default_rng(0)
    X, treated = rng.normal(size=(2000, 1)), np.arange(2000) % 2  # every second row: a step would take one arm alone
    problem = problem_of(X[:, 0] + 2.0 * treated, treated, X)
    bench, learned = Linear().bench(problem, 0, 1), []
    fit = bench.fit_mean
    monkeypatch.setattr(bench, "fit_mean", lambda rows, *given: learned.append(rows) or fit(rows, *given))
    said = response(problem, problem.pair(1), bench)
    assert [len(rows) for rows in learned] == [300] * problem.n_folds
    assert all((np.diff(rows) > 0).all() and 0.4 < treated[rows].mean() < 0.6 for rows in learned)
    assert all((problem.fold[rows] != fold).all() for fold, rows in enumerate(learned))
    assert np.corrcoef(said, X[:, 0])[0, 1] > 0.95
    assert said.mean() == pytest.approx(1.0, abs=0.2)


def test_the_controls_model_is_fitted_once_for_all_treatments() -> None:
    rng = np.random.default_rng(0)
    arm = rng.choice(["control", "call", "mail"], 300)
    problem = problem_of(rng.normal(size=300), arm, rng.normal(size=(300, 2)))
    models = OutcomeModels(problem, Trees(n_trees=5).bench(problem, 0, 1))
    assert models.model(0, 1) is models.model(0, 1)
    assert models.model(0) is not models.model(1)
