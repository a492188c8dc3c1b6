"""The catalogue of goals, and the priors' figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.serving.goals.catalogue import (
    GOALS,
    LAPSING,
    SECOND_ORDERS,
    STILL_ACTIVE,
    Prior,
    Rung,
    after_order,
    goal_named,
)
from penchant.serving.goals.offers import Arm, Offer

NORMAL_95 = 1.959964


def test_the_goals_of_the_domain_are_there_in_order() -> None:
    assert list(GOALS) == [
        *("seed", "acquire", "activate", "harvest", "collect", "second", "retain", "reactivate", "winback"),
        *("welcome", "enrol", "renew", "exchange", "review", "refer"),
    ]
    assert all(0 < goal.holdout < 1 and goal.ranked_by[0] == "uplift" for goal in GOALS.values())
    assert GOALS["winback"].prior is None


def test_a_mistyped_goal_is_answered_with_the_nearest_and_own_goals_are_known() -> None:
    with pytest.raises(InputError, match="Did you mean 'retain'"):
        goal_named("retian")
    own = replace(GOALS["retain"], name="keep_tea_drinkers")
    assert goal_named("keep_tea_drinkers", [own]) is own


def test_the_next_order_works_for_any_number() -> None:
    third = after_order(2)
    people = pd.DataFrame({"n_orders": [0, 1, 2, 3, 2], "stage": ["lead", "new", "regular", "loyal", "churned"]})
    assert third.eligible.holds(people, "").tolist() == [False, False, True, False, False]
    assert after_order(1) == GOALS["second"]
    assert goal_named("after_order_2") == third
    with pytest.raises(InputError, match="one order or more"):
        after_order(0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: replace(GOALS["seed"], holdout=0.0), "holdout inside"),
        (lambda: replace(GOALS["seed"], phases=("warmup",)), "Did you mean 'warm-up'"),
        (lambda: replace(GOALS["seed"], arms=()), "at least one"),
        (lambda: replace(GOALS["collect"], arms=GOALS["seed"].arms), "arms of the goal"),
        (lambda: Rung(1, {"mid": "reminder"}), "an arm for each of 'low', 'middle', 'high'"),
        (lambda: Offer("cupon"), "Did you mean 'coupon'"),
        (lambda: Offer("coupon", value=5), "a threshold"),
        (lambda: Offer("cash_coupon", value=5, threshold=10), "no threshold"),
        (lambda: Offer("gift", value=-1), "value and threshold"),
        (lambda: Offer("gift", redeem_rate=2), "redeem_rate"),
        (lambda: Arm("control"), "not 'control'"),
        (lambda: Arm("a", unit_cost=-1), "unit_cost"),
    ],
)
def test_what_is_no_goal_offer_or_arm_is_refused(make: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()  # type: ignore[operator]


@pytest.fixture
def trial(shared_data: Path) -> pd.DataFrame:
    trial = pd.read_parquet(shared_data / "hillstrom_email" / "hillstrom.parquet")
    return trial.assign(treated=trial["segment"] != "No E-Mail")


@pytest.mark.parametrize(
    ("prior", "column", "who"),
    [
        (GOALS["seed"].prior, "visit", "recency <= 12"),
        (GOALS["activate"].prior, "conversion", "recency <= 12"),
        (SECOND_ORDERS, "conversion", "newbie == 1"),
        (STILL_ACTIVE, "conversion", "recency <= 6"),
        (LAPSING, "conversion", "recency >= 7"),
    ],
)
def test_priors_are_the_trials_figures(trial: pd.DataFrame, prior: Prior, column: str, who: str) -> None:
    groups = trial.query(who).groupby("treated")[column].agg(["mean", "size"])
    (p0, n0), (p1, n1) = (tuple(groups.loc[arm]) for arm in (False, True))
    if prior.of == "odds":
        log_ratio = np.log(p1 / (1 - p1) / (p0 / (1 - p0)))
        half = NORMAL_95 * np.sqrt(1 / (n1 * p1 * (1 - p1)) + 1 / (n0 * p0 * (1 - p0)))
        measured = np.exp(log_ratio + np.array([0, -half, half])) - 1
    else:
        half = NORMAL_95 * np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
        measured = (p1 - p0 + np.array([0, -half, half])) / (1 - p0)
    told = np.array([prior.effect, prior.low, prior.high])
    assert np.allclose(told, measured, rtol=0.015)


def test_a_prior_says_whether_it_was_measured() -> None:
    assert "assumed" in str(GOALS["collect"].prior and GOALS["collect"].prior.words)
    assert "measured elsewhere" in LAPSING.words
    assert "0.46%" in STILL_ACTIVE.words
