"""Intervals of single customers' effects: what they hold, what widens them, how they travel with the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penchant.errors import InputError
from penchant.models.plain_scorer import EffectError, read_model
from penchant.models.store import artifact
from penchant.models.uplift import TLearner, UpliftStack
from penchant.models.uplift.doubt import effect_error
from penchant.models.uplift.outcomes import Scores
from penchant.models.uplift.weights import Weights, fit_weights


def trial(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    treated = rng.integers(0, 2, n)
    effect = 0.1 + 0.08 * X[:, 0]
    y = (rng.random(n) < np.clip(0.2 + treated * effect, 0, 1)) * 1.0
    return X, y, treated, effect


@pytest.fixture(scope="module")
def stack() -> UpliftStack:
    X, y, treated, _ = trial(4000, 0)
    return UpliftStack().fit(X, y, treated)


def test_nine_in_ten_true_effects_and_more_lie_inside_on_average_and_among_the_best(stack: UpliftStack) -> None:
    X, _, _, effect = trial(5000, 9)
    found = stack.predict_uplift(X, interval=True)
    held = (found.low <= effect) & (effect <= found.high)
    best = found.uplift >= np.quantile(found.uplift, 0.9)
    assert np.array_equal(found.uplift, stack.predict_uplift(X))
    assert held.mean() > 0.9
    assert held[best].mean() > 0.9
    assert np.mean(found.high - found.low) < 4 * 1.96 * effect.std()  # and they say something


def test_the_interval_travels_with_the_model(stack: UpliftStack, tmp_path: Path) -> None:
    X, *_ = trial(50, 3)
    artifact.save(stack.scorer_, tmp_path / "model")
    here, there = (
        stack.predict_uplift(X, interval=True),
        read_model(tmp_path / "model").predict_uplift(X, interval=True),
    )
    assert all(np.array_equal(one, other) for one, other in zip(here, there, strict=True))


def test_a_learner_without_intervals_says_so() -> None:
    X, y, treated, _ = trial(400, 1)
    learner = TLearner().fit(X, y, treated)
    with pytest.raises(InputError, match="an UpliftStack is needed"):
        learner.predict_uplift(X, interval=True)
    with pytest.raises(ValueError, match="holds no intervals of single effects"):
        learner.scorer_.predict_uplift(X, interval=True)


def test_each_of_several_treatments_has_its_own() -> None:
    X, y, treated, _ = trial(1500, 2)
    arms = np.where(treated == 0, "control", np.where(np.arange(1500) % 2, "mail", "call"))
    found = UpliftStack().fit(X, y, arms).predict_uplift(X, interval=True)
    assert found.low.shape == found.high.shape == found.uplift.shape == (1500, 2)
    assert (found.low < found.uplift).all()


def test_where_no_outcome_differs_the_rule_of_three_remains() -> None:
    X, _, treated, _ = trial(400, 4)
    found = UpliftStack().fit(X, np.zeros(400), treated).predict_uplift(X, interval=True)
    smaller = min(treated.sum(), 400 - treated.sum())
    assert found.high == pytest.approx(np.full(400, 3 / smaller))


def test_half_the_width_is_by_hand() -> None:
    error = EffectError(centre=0.1, shared=0.0009, own=0.0016, slope=0.25)
    assert error.half_width(np.array([0.1, 0.2])) == pytest.approx(1.959964 * np.sqrt([0.0025, 0.0025 + 0.25 * 0.01]))
    assert error.apart(np.array([0.1, 0.2])) == pytest.approx([0, 1.959964 * 0.05])


def weighed(scores: np.ndarray, customer: np.ndarray | None = None) -> tuple[Weights, EffectError]:
    """Return what is found where the one member says nothing, and rows alike share a leaf."""
    n = len(scores)
    rng = np.random.default_rng(8)
    member, fold = rng.normal(size=n), (np.arange(n) // 4 % 2).astype(np.int16)
    leaves = (np.arange(n) // 16 * 2 + np.arange(n) % 2)[:, None]  # four rows of each fold in a leaf
    given = Scores(scores, np.ones(n))
    weights = fit_weights([member], given, fold, customer)
    silent = replace(weights, weights=np.zeros(1))
    return silent, effect_error(silent, [member], given, leaves, fold, customer)


def test_an_error_that_customers_alike_share_is_found_and_noise_is_not_taken_for_it() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=4000)
    apart = np.where(np.arange(4000) % 2, 0.5, -0.5)
    unseen = [weights.level**2 + 2 * weights.variance for weights in (weighed(noise)[0], weighed(noise + apart)[0])]
    calm, shared = weighed(noise)[1].own - unseen[0], weighed(noise + apart)[1].own - unseen[1]
    assert shared == pytest.approx(0.25, abs=0.06)  # half a unit, squared
    assert 0 < calm < 0.05


def test_two_rows_of_one_customer_are_not_two_customers_alike() -> None:
    rng = np.random.default_rng(6)
    customer = np.repeat(np.arange(1000), 4) * 2 + np.tile([0, 1], 2000)  # twice each, in one leaf
    noise = rng.normal(size=2000)[customer]
    weights, told = weighed(noise, customer)
    assert told.own - weights.level**2 - 2 * weights.variance < 0.05
    assert weighed(noise)[1].own > 0.2  # taken for different customers they seem to share their noise
