"""The default: what it finds, what it says where there is nothing, how it is saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.models.evaluation.qini import qini
from penchant.models.uplift import UpliftStack
from penchant.models.uplift.models import Model
from penchant.models.uplift.outcomes import Scores
from penchant.models.uplift.weights import fit_weights

MAIL = "Womens E-Mail"


def trial(n: int, effect: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    treated = rng.integers(0, 2, n)
    base = 1 / (1 + np.exp(2 - X[:, 1]))
    truth = {"none": 0.0, "constant": 0.1, "step": 0.25 * (X[:, 0] > 0)}[effect] + np.zeros(n)
    y = (rng.random(n) < np.clip(base + treated * truth, 0, 1)) * 1.0
    return X, y, treated, truth


def test_no_effect_is_said_and_nearly_nothing_is_predicted() -> None:
    X, y, treated, _ = trial(3000, "none")
    stack = UpliftStack().fit(X, y, treated)
    finding = stack.findings_["treated"]
    assert not finding.average_effect.excludes_zero
    assert not finding.tells_apart
    assert "No effect to be found" in stack.describe()
    assert np.abs(stack.predict_uplift(X)).max() < 0.05


def test_an_effect_that_is_the_same_for_all_is_said() -> None:
    X, y, treated, _ = trial(3000, "constant", seed=1)
    stack = UpliftStack().fit(X, y, treated)
    assert "the same for all customers as far as these data can tell" in stack.describe()
    assert stack.predict_uplift(X).mean() == pytest.approx(0.1, abs=0.04)


def test_customers_that_differ_are_told_apart_and_the_parts_carry_all_of_it() -> None:
    X, y, treated, truth = trial(6000, "step")
    stack = UpliftStack().fit(X, y, treated)
    (parts,) = stack.parts_.values()
    uplift = stack.predict_uplift(X)
    assert stack.findings_["treated"].tells_apart
    assert "differs between customers" in stack.describe()
    assert sum(part.share for part in parts) == pytest.approx(1.0, abs=0.01)
    assert [part.share for part in parts] == sorted((part.share for part in parts), reverse=True)
    assert np.sqrt(np.mean((uplift - truth) ** 2)) < 0.5 * truth.std()


def test_outcomes_that_are_all_equal_are_said_to_be() -> None:
    X, _, treated, _ = trial(200, "none")
    stack = UpliftStack().fit(X, np.ones(200), treated)
    assert stack.describe() == "treated: All outcomes are equal: there is no effect to be found."
    np.testing.assert_array_equal(stack.predict_uplift(X), np.zeros(200))


@pytest.mark.slow
def test_the_stack_ranks_hillstroms_customers(shared_data: Path) -> None:
    customers = pd.read_parquet(shared_data / "hillstrom_email" / "hillstrom.parquet")
    customers = customers[customers.segment.isin([MAIL, "No E-Mail"])].reset_index(drop=True)
    features = customers.drop(columns=["segment", "visit", "conversion", "spend"])
    half = np.random.default_rng(0).random(len(customers)) < 0.5
    stack = UpliftStack(control="No E-Mail").fit(features[half], customers.visit[half], customers.segment[half])
    measured = qini(
        customers.visit[~half],
        stack.predict_uplift(features[~half]),
        customers.segment[~half],
        control="No E-Mail",
        n_draws=200,
    )
    assert measured.low > 0
    assert stack.findings_[MAIL].average_effect.low > 0.03


def test_a_member_that_learns_no_effect_is_held_back_harder() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    effect = rng.normal(size=n)
    scores = Scores(effect + 3 * rng.normal(size=n), np.ones(n))
    fold = (np.arange(n) % 3).astype(np.int16)
    both = [effect + 0.5 * rng.normal(size=n), effect + 0.5 * rng.normal(size=n), effect + 0.5 * rng.normal(size=n)]
    free, held = (fit_weights(both, scores, fold, None, prior) for prior in (None, [1.0, 1.0, 1e6]))
    assert free.weights[2] > 0.1
    assert held.weights[2] < 0.01
    assert held.tells_apart


def test_one_model_of_all_rows_predicts() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    treatment = rng.integers(0, 2, 3000)
    y = rng.normal(size=3000) + treatment * (X[:, 0] > 0)
    few, many = (UpliftStack(n_folds=n).fit(X, y, treatment) for n in (2, 5))
    assert len(many.scorer_.parts) <= 9
    assert len(few.scorer_.parts) <= 9
    assert np.corrcoef(many.predict_uplift(X), X[:, 0] > 0)[0, 1] > 0.8


def test_no_model_is_asked_twice_about_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, treated, _ = trial(1000, "step")
    asked, held, predict = [], [], Model.predict

    def counted(self: Model, matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
        held.append(self.part)  # a part that is gone would leave its id to another
        asked.append((id(self.part), self.treated, rows.tobytes()))
        return predict(self, matrix, rows)

    monkeypatch.setattr(Model, "predict", counted)
    UpliftStack(n_folds=2).fit(X, y, treated)
    assert len(asked) > 10
    assert len(set(asked)) == len(asked)
