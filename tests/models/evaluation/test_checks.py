from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from penchant.config import GateSection
from penchant.errors import InputError, TooLittleDataError
from penchant.models.evaluation.checks import (
    DataSize,
    beats_baselines,
    calibration_holds,
    columns_moved,
    enough_data,
    enough_positives,
    label_leakage,
    one_row_each,
    refuse_too_little,
    same_horizon,
    single_feature,
    stable_across_snapshots,
    told_apart,
    too_good_to_be_true,
)
from penchant.models.evaluation.comparison import compare
from penchant.models.evaluation.drift import adversarial_auc, one_column_aucs, population_stability
from penchant.models.inputs.check import Check
from penchant.models.inputs.estimate import Estimate

NAN = float("nan")
SURE = Estimate(0.8, 0.78, 0.82)


def frame(n: int = 1500, seed: int = 0, shift: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    days = rng.gamma(2, 30, n) + 20 * y + shift
    X = pd.DataFrame(
        {
            "days": np.where(rng.random(n) < 0.1, np.nan, days),
            "noise": rng.normal(size=n),
            "region": rng.choice(["north", "south", None], n),
        }
    )
    return X, y


def outcomes(*checks: Check) -> list[str]:
    for check in checks:
        assert json.dumps(check.as_dict())
        assert check.explanation.endswith(".")
    return [check.outcome for check in checks]


def test_each_question_passes_and_fails() -> None:
    too_good = outcomes(too_good_to_be_true(SURE), too_good_to_be_true(Estimate(0.99, 0.98, 1.0)))
    one = outcomes(single_feature(pd.Series({"a": 0.5, "b": 0.5})), single_feature(pd.Series({"a": 9.0, "b": 1.0})))
    leak = outcomes(label_leakage(pd.Series({"a": 0.7})), label_leakage(pd.Series({"a": 0.99})))
    apart = outcomes(told_apart(Estimate(0.81, 0.79, 0.83)), told_apart(Estimate(0.9, 0.88, 0.92)))
    few = outcomes(enough_positives(100, 100), enough_positives(99, 1000))
    days = {"gap_days": 0, "horizon_days": 90}
    horizon = outcomes(same_horizon(days, days), same_horizon(days, {"gap_days": 0, "horizon_days": 30}))
    rows = outcomes(one_row_each(["a", "a"], [1, 2]), one_row_each(["a", "a", "b"], [1, 1, 1]))
    for found in (too_good, one, leak, apart, few, horizon, rows):
        assert found == ["passed", "issue"]


def test_what_cannot_be_asked_is_not_applicable() -> None:
    unknown = Estimate(NAN, NAN, NAN)
    assert set(
        outcomes(
            too_good_to_be_true(unknown),
            single_feature(pd.Series({"a": 1.0})),
            label_leakage(pd.Series(dtype=float)),
            told_apart(unknown),
            stable_across_snapshots({"2024-01-01": SURE}),
            beats_baselines({}),
            calibration_holds(unknown, unknown),
        )
    ) == {"not applicable"}


def test_calibration_is_off_only_beyond_its_interval() -> None:
    error = Estimate(0.02, 0.01, 0.03)
    assert outcomes(
        calibration_holds(Estimate(12, 8, 16), error),
        calibration_holds(Estimate(14, 11, 17), error),
        calibration_holds(Estimate(-14, -17, -11), error),
        calibration_holds(Estimate(1, -2, 4), Estimate(0.08, 0.06, 0.1)),
    ) == ["passed", "issue", "issue", "issue"]


def test_snapshots_that_differ_by_chance_or_by_little_are_stable() -> None:
    def at(*values: float, half: float) -> dict[str, Estimate]:
        return {f"2024-0{i + 1}-01": Estimate(v, v - half, v + half) for i, v in enumerate(values)}

    assert outcomes(
        stable_across_snapshots(at(0.75, 0.82, 0.78, half=0.06)),
        stable_across_snapshots(at(0.80, 0.82, half=0.002)),
        stable_across_snapshots(at(0.82, 0.71, 0.81, half=0.02)),
    ) == ["passed", "passed", "issue"]
    assert "2024-02-01" in stable_across_snapshots(at(0.82, 0.71, 0.81, half=0.02)).explanation


def test_a_baseline_that_does_better_is_named() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 2, 1500)
    y = (rng.random(1500) < p).astype(int)
    scores = {"model": np.clip(p + rng.normal(0, 0.2, 1500), 0, 1), "simple": p, "twin": p}
    worse = compare(y, scores, "simple", n_draws=100)
    check = beats_baselines({"simple": worse["model"]["auc"]})
    assert check.outcome == "issue"
    assert "'simple'" in check.explanation
    nothing = beats_baselines({"base_rate": worse["twin"]["auc"]})
    assert nothing.is_issue
    assert "no better than the base rate" in nothing.explanation
    check = beats_baselines({"twin": worse["twin"]["auc"]})
    assert (check.outcome, check.explanation) == ("passed", "Not separable from 'twin'.")


def test_the_gate_says_all_that_is_missing_at_once() -> None:
    small = DataSize(n_buyers=120, n_positives=20, n_negatives=900, n_horizons=1.4)
    assert enough_data(DataSize(500, 100, 100, 2.0)).outcome == "passed"
    assert enough_data(small).outcome == "issue"
    with pytest.raises(TooLittleDataError, match=r"120 customers .* 500 .*20 positives .* 100 .*1.4 horizons .* 2 "):
        refuse_too_little("task 'churn'", small)
    refuse_too_little(
        "task 'churn'", small, GateSection(min_buyers=1, min_positives=1, min_negatives=1, min_horizons=1)
    )


def test_stability_is_nothing_for_the_same_and_large_for_what_moved() -> None:
    (X, _), (again, _), (later, _) = frame(), frame(seed=1), frame(seed=2, shift=60)
    assert (population_stability(X, X) == 0).all()
    assert population_stability(X, again).max() < 0.05
    index = population_stability(X, later.assign(region="south"))
    assert index["days"] > 0.5
    assert index["region"] > 0.5
    assert index["noise"] < 0.05
    assert outcomes(columns_moved(X, again), columns_moved(X, later)) == ["passed", "issue"]
    index = population_stability(X, later)
    assert outcomes(*(columns_moved(X, later, usual=index * share) for share in (0.5, 1.0))) == ["issue", "passed"]


def test_the_stability_index_by_hand() -> None:
    before = pd.DataFrame({"c": ["a"] * 60 + ["b"] * 40})
    after = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 70})
    by_hand = (0.3 - 0.6) * np.log(0.3 / 0.6) + (0.7 - 0.4) * np.log(0.7 / 0.4)
    assert population_stability(before, after)["c"] == pytest.approx(by_hand)


def test_rows_of_one_kind_cannot_be_told_apart_and_others_can() -> None:
    (X, _), (again, _), (later, _) = frame(), frame(seed=1), frame(seed=2, shift=60)
    assert adversarial_auc(X, again, n_draws=50).value == pytest.approx(0.5, abs=0.04)
    assert adversarial_auc(X, later, n_draws=50).low > 0.8
    assert np.isnan(adversarial_auc(X[:5], again[:5]).value)


def test_a_planted_leak_is_found_as_a_number_a_category_or_a_missing_value() -> None:
    X, y = frame()
    leaky = X.assign(
        number=-y + np.random.default_rng(0).normal(0, 0.1, len(y)),
        category=np.where(y == 1, "yes", "no"),
        is_missing=np.where(y == 1, np.nan, 1.0),
    )
    found = one_column_aucs(leaky, y)
    assert set(found.index[:3]) == {"number", "category", "is_missing"}
    assert 0.55 < found["days"] < 0.8
    assert label_leakage(found).facts["columns"].keys() == {"number", "category", "is_missing"}
    assert label_leakage(one_column_aucs(X, y)).outcome == "passed"


def test_a_category_that_names_each_row_tells_nothing() -> None:
    X, y = frame()
    names = X.assign(name=[f"customer {i}" for i in range(len(X))])
    assert one_column_aucs(names, y)["name"] == pytest.approx(0.5, abs=0.03)


def test_frames_with_other_columns_are_refused() -> None:
    X, _ = frame(50)
    with pytest.raises(InputError, match="noise"):
        population_stability(X, X.drop(columns="noise"))
    with pytest.raises(InputError, match="rows on both sides"):
        adversarial_auc(X, X[:0])
