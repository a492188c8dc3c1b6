from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.evaluation.qini import qini
from penchant.models.evaluation.trial_checks import (
    TrialDates,
    arm_sizes,
    check_trial,
    customers_across_folds,
    detectable_gap,
    features_before_assignment,
    outcome_after_assignment,
    outcome_unknown,
)
from penchant.models.uplift.trial import read_experiment


def trial(n: int, effect: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    return (rng.random(n) < 0.2 + effect * treated).astype(float), treated


def test_a_sound_trial_passes_everything_that_can_be_asked() -> None:
    y, treated = trial(5000, 0.1)
    X = pd.DataFrame({"spend": np.random.default_rng(1).gamma(1, 50, 5000)})
    day = pd.Timestamp("2025-03-01")
    dates = TrialDates(day, np.where(y > 0, day + pd.Timedelta("2D"), pd.NaT), day)
    found = check_trial(X, y, treated, dates=dates, p_treatment=0.5, groups=np.arange(5000), folds=np.arange(5000) % 5)
    assert [check.outcome for check in found] == ["passed"] * 9
    assert len({check.code for check in found}) == 9


def test_what_is_not_given_is_not_asked_and_arrays_will_do() -> None:
    y, treated = trial(5000, 0.1)
    found = {check.code: check.outcome for check in check_trial(np.ones((5000, 2)), y, treated)}
    unknown = {code for code, outcome in found.items() if outcome == "not applicable"}
    assert unknown >= {
        "sample-ratio",
        "outcome-after-assignment",
        "features-before-assignment",
        "customers-across-folds",
    }


def test_an_arm_without_a_responder_is_named() -> None:
    y, treated = trial(1000, 0.0)
    found = arm_sizes(read_experiment(np.where(treated, 0, y), treated))
    assert found.is_issue
    assert f"'treated' has {treated.sum()} customers, 0 with an outcome" in found.explanation
    assert arm_sizes(read_experiment(y, treated)).outcome == "passed"


@pytest.mark.parametrize("kind", ["money", "flag", "category", "present", "boolean"])
def test_a_column_that_is_a_part_of_the_outcome_is_named(kind: str) -> None:
    y, treated = trial(5000, 0.05)
    bought = (y > 0) & (np.random.default_rng(1).random(5000) < 0.1)
    money = np.where(bought, np.random.default_rng(2).gamma(2, 30, 5000), 0.0)
    leak = {
        "money": money,
        "flag": bought.astype(int),
        "category": np.where(bought, "buyer", "none"),
        "present": np.where(bought, money, np.nan),
        "boolean": pd.array(bought, dtype="boolean"),
    }[kind]
    honest = pd.DataFrame({"visits": np.random.default_rng(3).poisson(1 + y), "id": np.arange(5000)})
    assert outcome_unknown(honest, read_experiment(y, treated)).outcome == "passed"
    found = outcome_unknown(honest.assign(leak=leak), read_experiment(y, treated))
    assert found.is_issue
    assert list(found.facts["rates"]) == ["leak"]


def test_the_detectable_gap_is_that_of_noise_rankings() -> None:
    y, treated = trial(3000, 0.1)
    rng = np.random.default_rng(2)
    noise = [qini(y, rng.normal(size=3000), treated, n_draws=0).value for _ in range(300)]
    found = detectable_gap(read_experiment(y, treated))
    assert found.facts["gap of treated"] == pytest.approx(2.8 * np.std(noise), rel=0.12)


@pytest.mark.parametrize(("n", "outcome"), [(400, "issue"), (40_000, "passed")])
def test_a_trial_too_small_to_tell_rankings_apart_says_so(n: int, outcome: str) -> None:
    found = detectable_gap(read_experiment(*trial(n, 0.05)))
    assert found.outcome == outcome
    assert "a ranking stands out from chance from a Qini of" in found.explanation


def test_outcomes_before_the_assignment_are_counted() -> None:
    assigned = pd.Series(pd.to_datetime(["2025-01-10 00:00", "2025-01-10 00:00", "2025-01-10 12:00"]))
    outcome = pd.Series(pd.to_datetime(["2025-01-10 00:00", None, "2025-01-10 11:59"]))
    found = outcome_after_assignment(TrialDates(assigned, outcome), 3)
    assert found.is_issue
    assert found.facts == {"n_early": 1, "n_outcomes": 2}
    same_zone = TrialDates(assigned.dt.tz_localize("UTC"), "2025-01-11")
    assert outcome_after_assignment(same_zone, 3).outcome == "passed"


def test_features_after_the_assignment_are_named() -> None:
    X = pd.DataFrame({"n": [1, 2], "opened_at": pd.to_datetime(["2025-01-09", "2025-01-12"])})
    found = features_before_assignment(X, TrialDates("2025-01-10", features_at="2025-01-11"))
    assert found.facts == {"n_late": {"opened_at": 1, "features_at": 2}}
    assert found.is_issue
    at_the_instant = TrialDates("2025-01-10", features_at="2025-01-10")
    assert features_before_assignment(X[["n"]], at_the_instant).outcome == "passed"


def test_a_customer_in_two_folds_is_counted() -> None:
    found = customers_across_folds(["ann", "ann", "bob", "bob"], [0, 1, 1, 1], 4)
    assert found.facts == {"n_torn": 1, "n_customers": 2}
    assert found.is_issue
    assert customers_across_folds(["ann", "ann", "bob"], [0, 0, 1], 3).outcome == "passed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dates": TrialDates("soon", "2025-01-01")}, "assigned_at: dates are needed"),
        ({"dates": TrialDates(["2025-01-01"] * 3, "2025-01-01")}, "50 rows are needed"),
        ({"y": np.full(50, np.nan)}, "y: every customer needs a finite number"),
        ({"treatment": np.zeros(50)}, "two to 127 arms"),
        ({"X": pd.DataFrame({"a": range(49)})}, "Got 49 rows"),
    ],
)
def test_what_cannot_be_checked_is_refused(change: dict[str, Any], message: str) -> None:
    y, treated = trial(50, 0.1)
    given = {"X": pd.DataFrame({"a": range(50)}), "y": y, "treatment": treated} | change
    with pytest.raises(InputError, match=message):
        check_trial(**given)


def test_nullable_booleans_and_lone_customers_can_be_asked_about() -> None:
    y, treated = trial(600, 0.1)
    flags = pd.array(np.arange(600) % 3 > 0, dtype="boolean")
    flags[:50] = pd.NA
    found = check_trial(pd.DataFrame({"flag": flags, "n": np.arange(600)}), y, treated)
    assert len(found) == 9
    alone = check_trial(pd.DataFrame({"n": np.arange(600)}), y, treated, groups=np.zeros(600))
    assert {check.code: check.outcome for check in alone}["assignment-random"] == "not applicable"
    with pytest.raises(InputError, match="shape"):
        check_trial(None, y, treated)


def test_strong_differences_that_cancel_out_in_the_mean_can_be_told() -> None:
    rng = np.random.default_rng(0)
    treated, kind = rng.integers(0, 2, 5000), rng.choice([-1, 1], 5000)
    y = (rng.random(5000) < 0.3 + 0.15 * kind * treated).astype(float)
    assert qini(y, kind, treated, n_draws=100).low > 0
    assert detectable_gap(read_experiment(y, treated)).outcome == "passed"
    assert detectable_gap(read_experiment(y[:150], treated[:150])).outcome == "issue"
