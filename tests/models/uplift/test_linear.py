"""Ridge and logistic slopes, read in pieces, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from penchant.models.inputs.categories import learn_columns
from penchant.models.uplift import linear
from penchant.models.uplift.linear import Linear, LinearBench
from penchant.models.uplift.problem import Given, ProblemReading, UpliftProblem, read_problem

N = 900


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "ROWS_AT_ONCE", 128)


@pytest.fixture
def problem() -> UpliftProblem:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=N), "b": np.exp(rng.normal(size=N))})
    frame["c"] = np.array(["x", "y", "z"])[rng.integers(0, 3, N)]
    frame.loc[rng.random(N) < 0.2, "a"] = np.nan
    columns = learn_columns(frame)
    y = frame.a.fillna(1) + (frame.c == "x") + rng.normal(size=N)
    given = Given(y, np.arange(N) % 2, None, None, None)
    return read_problem(columns.encode(frame), columns, given, ProblemReading())


def test_slopes_are_those_of_scikit_learn(problem: UpliftProblem) -> None:
    rows, weight = np.arange(N), np.random.default_rng(1).uniform(0.5, 2, N)
    bench = LinearBench(Linear(penalty=0.1), problem)
    found = bench.fit_mean(rows, problem.y, weight, "continuous").predict(problem.matrix, rows)
    design = bench.design(rows, None)[:, 1:]
    theirs = Ridge(alpha=0.1 * weight.sum()).fit(design, problem.y, sample_weight=weight).predict(design)
    np.testing.assert_allclose(found, theirs, atol=1e-6)


def test_logistic_slopes_are_those_of_scikit_learn(problem: UpliftProblem) -> None:
    rows, y = np.arange(N), (problem.y > 1) * 1.0
    bench = LinearBench(Linear(penalty=0.1), problem)
    found = bench.fit_mean(rows, y, np.ones(N), "binary").predict(problem.matrix, rows)
    design = bench.design(rows, None)[:, 1:]
    c = 1 / (0.1 * y.mean() * (1 - y.mean()) * N)
    theirs = LogisticRegression(C=c, tol=1e-10, max_iter=1000).fit(design, y).predict_proba(design)[:, 1]
    np.testing.assert_allclose(found, theirs, atol=1e-5)


def test_predictions_for_left_out_rows_come_from_the_other_folds(problem: UpliftProblem) -> None:
    rows, weight, bench = np.arange(N), np.ones(N), LinearBench(Linear(penalty=0.1), problem)
    left_out, models = bench.left_out(rows, problem.y, weight, problem.fold)
    for fold, model in enumerate(models):
        others, own = np.flatnonzero(problem.fold != fold), np.flatnonzero(problem.fold == fold)
        alone = bench.fit_mean(others, problem.y[others], weight[others], "continuous")
        np.testing.assert_allclose(left_out[own], alone.predict(problem.matrix, own), atol=1e-9)
        np.testing.assert_allclose(left_out[own], model.predict(problem.matrix, own), atol=1e-9)


def test_noise_asks_for_a_large_penalty_and_signal_for_a_small_one(problem: UpliftProblem) -> None:
    bench, rows, weight = LinearBench(Linear(), problem), np.arange(N), np.ones(N)
    noise = np.random.default_rng(3).normal(size=N)
    of_noise = bench.fit_mean(rows, noise, weight, "difference").predict(problem.matrix, rows)
    of_signal = bench.fit_mean(rows, problem.y, weight, "difference").predict(problem.matrix, rows)
    assert of_noise.std() < 0.1
    assert np.corrcoef(of_signal, problem.y)[0, 1] > 0.6
