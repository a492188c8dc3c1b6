from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.models.uplift.arms import read_arms
from penchant.models.uplift.randomisation import assignment_is_random, covariate_balance, sample_ratio


def features(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "spend": rng.gamma(1, 50, n),
            "visits": np.where(rng.random(n) < 0.2, np.nan, rng.poisson(3, n)),
            "region": rng.choice(["north", "south", None], n),
            "joined_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )


def keen_first(X: pd.DataFrame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a treatment that goes to the big spenders, and its probability by row."""
    p = np.where(X.spend > 50, 0.75, 0.35)
    return np.random.default_rng(seed).random(len(X)) < p, p


def test_a_targeted_assignment_is_found_and_known_probabilities_explain_it() -> None:
    X = features(0, 4000)
    treated, p = keen_first(X, 1)
    found = assignment_is_random(X, read_arms(treated))
    assert found.outcome == "issue"
    assert found.facts["auc"].low > 0.6
    assert "p_treatment" in found.explanation
    assert assignment_is_random(X, read_arms(treated, p)).outcome == "passed"
    balance = covariate_balance(X, read_arms(treated))
    assert balance.outcome == "issue"
    assert next(iter(balance.facts["largest"])) == "spend (treated)"
    assert covariate_balance(X, read_arms(treated, p)).outcome == "passed"


@pytest.mark.parametrize("column", ["region", "visits", "joined_at"])
def test_categories_missing_values_and_dates_give_an_assignment_away_too(column: str) -> None:
    X = features(2, 3000)
    sign = {"region": X.region == "north", "visits": X.visits.isna(), "joined_at": X.joined_at > "2025-03-01"}
    treated = np.random.default_rng(2).random(3000) < np.where(sign[column], 0.8, 0.4)
    assert assignment_is_random(X, read_arms(treated)).is_issue
    balance = covariate_balance(X, read_arms(treated))
    assert next(iter(balance.facts["largest"])).startswith(column)


@pytest.mark.slow
@pytest.mark.parametrize("n", [120, 1000])
def test_random_trials_do_not_alarm(n: int) -> None:
    alarms = 0
    for seed in range(25):
        X = features(seed, n)
        arms = read_arms(np.random.default_rng(seed + 500).choice(["control", "mail", "call"], n))
        alarms += assignment_is_random(X, arms, seed=seed).is_issue + covariate_balance(X, arms).is_issue
    assert alarms <= 1


def test_a_customer_with_many_rows_counts_once() -> None:
    X = features(3, 60)
    rows = np.repeat(np.arange(60), 40)
    treated = np.arange(60) % 2 == 1
    many = X.iloc[rows].reset_index(drop=True)
    arms = read_arms(treated[rows])
    assert assignment_is_random(many, arms).is_issue  # the classifier knows the customers again
    assert not assignment_is_random(many, arms, customer=rows).is_issue
    assert not covariate_balance(many, arms, customer=rows).is_issue


def test_a_few_rows_are_no_evidence() -> None:
    assert assignment_is_random(features(4, 8), read_arms([0, 1] * 4)).outcome == "not applicable"
    assert covariate_balance(pd.DataFrame(index=range(8)), read_arms([0, 1] * 4)).outcome == "not applicable"


@pytest.mark.parametrize(("n_treated", "outcome"), [(5000, "passed"), (5040, "passed"), (5400, "issue")])
def test_lost_customers_show_in_the_shares(n_treated: int, outcome: str) -> None:
    arms = read_arms([1] * n_treated + [0] * 5000, 0.5)
    assert sample_ratio(arms).outcome == outcome
    twice = read_arms(np.repeat(arms.codes, 2), 0.5)
    customers = np.repeat(np.arange(len(arms)), 2)
    assert sample_ratio(twice, customers).facts["p_value"] == sample_ratio(arms).facts["p_value"]


def test_the_balance_is_the_standardised_difference_of_means() -> None:
    X = features(5, 500)[["spend"]]
    treated, p = keen_first(X, 5)
    found = covariate_balance(X, read_arms(treated, p)).facts["largest"]["spend (treated)"]
    weights = {True: 1 / p, False: 1 / (1 - p)}
    mean, variance = {}, {}
    for arm, weight in weights.items():
        mine = treated == arm
        mean[arm] = np.average(X.spend[mine], weights=weight[mine])
        variance[arm] = np.average((X.spend[mine] - mean[arm]) ** 2, weights=weight[mine])
    assert found == pytest.approx((mean[True] - mean[False]) / np.sqrt(sum(variance.values()) / 2))


def households(shared_data: Path, campaign: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return what was known of households before one campaign, and who got it."""
    folder = shared_data / "complete_journey" / "full_2yr_tables"
    rows = pd.read_parquet(folder / "agg_household_campaign_lift.parquet")
    rows = rows.set_index("CAMPAIGN").loc[campaign].set_index("household_key")
    surveyed = pd.read_parquet(folder / "dim_household.parquet").set_index("household_key")
    X = surveyed.loc[rows.index, ["AGE_DESC", "INCOME_DESC", "HOUSEHOLD_SIZE_DESC"]]
    return X.assign(spend_before=rows.Pre_Spend), rows.Exposed


@pytest.mark.parametrize("campaign", [5, 18, 26])
def test_the_guard_speaks_on_campaigns_that_were_not_randomised(shared_data: Any, campaign: int) -> None:
    X, exposed = households(shared_data, campaign)
    assert assignment_is_random(X, read_arms(exposed)).facts["auc"].low > 0.55
    assert assignment_is_random(X, read_arms(exposed)).is_issue
    assert covariate_balance(X, read_arms(exposed)).is_issue


def test_the_guard_stays_silent_on_hillstrom(shared_data: Any) -> None:
    mails = pd.read_parquet(shared_data / "hillstrom_email" / "hillstrom.parquet")
    X = mails.drop(columns=["segment", "visit", "conversion", "spend"])
    planned = dict.fromkeys(["Mens E-Mail", "Womens E-Mail"], 1 / 3)
    arms = read_arms(mails.segment, planned, control="No E-Mail")
    assert assignment_is_random(X, arms).outcome == "passed"
    assert covariate_balance(X, arms).outcome == "passed"
    assert sample_ratio(arms).outcome == "passed"


def test_a_column_that_is_the_same_for_everyone_is_in_balance() -> None:
    """Weighted, its variance is what rounding leaves, and must not be divided by."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"void": np.full(2202, np.nan), "same": 0.1, "a": rng.normal(size=2202)})
    arms = read_arms(rng.random(2202) < 0.7, 0.7)
    assert covariate_balance(X, arms).outcome == "passed"
