from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

from penchant.errors import InputError
from penchant.models.evaluation.comparison import compare


def rows(n: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.beta(1, 3, n)
    noisy = np.clip(truth + rng.normal(0, 0.15, n), 0.001, 0.999)
    return (rng.random(n) < truth).astype(int), truth, noisy


def test_the_better_score_is_called_better_and_the_other_way_round_worse() -> None:
    y, truth, noisy = rows()
    found = compare(y, {"truth": truth, "noisy": noisy}, "noisy", n_draws=200)["truth"]
    back = compare(y, {"truth": truth, "noisy": noisy}, "truth", n_draws=200)["noisy"]
    for metric in ("auc", "brier", "log_loss"):
        assert found[metric].verdict == "better"
        assert back[metric].verdict == "worse"
        assert back[metric].difference.value == -found[metric].difference.value
    assert str(found["auc"]).startswith("better: auc +0.")


def test_a_score_is_not_separable_from_itself() -> None:
    y, truth, _ = rows()
    found = compare(y, {"a": truth, "b": truth}, "a", n_draws=50)["b"]
    assert {part.verdict for part in found.values()} == {"not separable"}
    assert {part.difference.value for part in found.values()} == {0.0}


def test_pairing_sees_what_two_separate_intervals_cannot() -> None:
    y, truth, _ = rows()
    nudged = np.clip(truth + np.random.default_rng(1).normal(0, 0.02, len(y)), 0.001, 0.999)
    auc = compare(y, {"nudged": nudged, "truth": truth}, "truth", n_draws=200)["nudged"]["auc"]
    assert auc.smallest_difference < 0.01


def test_the_smallest_difference_is_seen_as_often_as_it_says() -> None:
    n, seen, smallest, side = 200, 0, [], np.where(np.arange(200) % 2, 1, -1)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = (rng.random(n) < 0.5 + 0.14 * side).astype(int)
        scores = {"score": 0.5 + 0.07 * side, "half": np.full(n, 0.5)}
        brier = compare(y, scores, "half", n_draws=120, seed=seed)["score"]["brier"]
        smallest.append(brier.smallest_difference)
        seen += brier.verdict == "better"
    true_difference = 2 * 0.07 * 0.14 - 0.07**2
    standard_error = np.mean(smallest) / (norm.ppf(0.975) + norm.ppf(0.8))
    expected = 60 * norm.cdf(true_difference / standard_error - norm.ppf(0.975))
    assert 30 < expected < 58
    assert abs(seen - expected) < 9  # three standard deviations of a count of 60


def test_nearness_to_zero_decides_about_the_bias() -> None:
    y, truth, _ = rows(4000)
    found = compare(y, {"half": truth / 2, "truth": truth}, "half", n_draws=100)["truth"]
    assert found["bias_percent"].verdict == "better"
    assert "base_rate" not in found


def test_a_comparison_is_json_and_an_unknown_reference_is_refused() -> None:
    y, truth, noisy = rows(300)
    found = compare(y, {"a": truth, "b": noisy}, "a", n_draws=20)["b"]["auc"]
    assert set(json.loads(json.dumps(found.as_dict()))) == {"metric", "difference", "verdict", "smallest_difference"}
    with pytest.raises(InputError, match="one of the scores"):
        compare(y, {"a": truth}, "c")
