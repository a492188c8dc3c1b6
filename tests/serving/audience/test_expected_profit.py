"""What contacting is expected to change and to cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import LeftOutError, NoModelError
from penchant.serving.audience.expected_profit import expected_gain, uplift_by_prior
from penchant.serving.goals.catalogue import GOALS, Prior
from penchant.serving.goals.offers import Arm, Offer

ODDS = Prior(0.8, 0.4, 1.2, "odds", "a test", False)
REST = Prior(0.01, 0.005, 0.02, "rest", "a test", False)
COUPON = Arm("coupon", offer=Offer("cash_coupon", value=10.0, redeem_rate=0.5), unit_cost=0.1)


@given(st.floats(0, 1), st.sampled_from([ODDS, REST]), st.integers(1, 365))
def test_a_prior_never_moves_more_customers_than_would_stay_away(p: float, prior: Prior, days: int) -> None:
    moved = uplift_by_prior(np.array([p]), prior, prior.effect, days)[0]
    assert 0 <= moved <= 1 - p + 1e-12


def test_a_prior_moves_those_whom_a_simulation_moves() -> None:
    rng, n, p, days = np.random.default_rng(0), 400_000, 0.3, 70
    daily = 1 - (1 - p) ** (1 / days)
    first = rng.geometric(daily, n)  # the day on which each would come
    q = 1 - (1 - daily) ** 14
    raised = q / (1 - q) * 1.8
    chance = (raised / (1 + raised) - q) / (1 - q)  # of those who would not come in the window, so many do
    moved = (first > days) & (rng.random(n) < chance)
    assert uplift_by_prior(np.array([p]), ODDS, 0.8, days)[0] == pytest.approx(moved.mean(), abs=0.001)


def test_the_offer_is_paid_for_those_too_who_would_have_come_anyway() -> None:
    people = pd.DataFrame({"margin": [30.0], "propensity": [0.4], "uplift": [0.1]})
    gain = expected_gain(people, GOALS["reactivate"], [Arm("mail", unit_cost=0.1), COUPON])
    assert gain.basis == "uplift"
    assert gain.cost[0].round(9).tolist() == [0.1, 0.1 + 0.5 * 10 * 0.5]
    assert gain.profit[0].round(9).tolist() == [2.9, 0.4]


def test_an_uplift_of_each_arm_goes_before_one_for_all_and_none_is_left_out() -> None:
    people = pd.DataFrame({"margin": [10.0], "uplift": [0.1], "uplift_a": [0.2], "uplift_b": [0.3]})
    both = expected_gain(people, GOALS["retain"], [Arm("a"), Arm("b")])
    assert both.uplift.tolist() == [[0.2, 0.3]]
    with_c = expected_gain(people, GOALS["retain"], [Arm("a"), Arm("c")])
    assert with_c.uplift.tolist() == [[0.1, 0.1]]
    with pytest.raises(NoModelError, match="none for 'c'"):
        expected_gain(people.drop(columns="uplift"), GOALS["retain"], [Arm("a"), Arm("c")])


def test_what_is_missing_is_named() -> None:
    people = pd.DataFrame({"margin": [10.0], "uplift": [0.1]})
    with pytest.raises(LeftOutError, match="'propensity' is needed"):
        expected_gain(people, GOALS["retain"], [COUPON])
    with pytest.raises(LeftOutError, match="'margin'"):
        expected_gain(people.drop(columns="margin"), GOALS["retain"], [Arm("a")])
    with pytest.raises(NoModelError, match="'churn'"):
        expected_gain(people.drop(columns="uplift"), GOALS["retain"], [Arm("a")])
    with pytest.raises(LeftOutError, match="lower bound"):
        expected_gain(people, GOALS["winback"], [Arm("a")])


def test_a_customer_without_a_score_is_counted_and_has_no_profit() -> None:
    people = pd.DataFrame({"margin": [10.0, 10.0], "propensity": [0.1, np.nan]})
    gain = expected_gain(people, GOALS["reactivate"], [Arm("a")])
    assert gain.n_unknown == 1
    assert np.isnan(gain.profit[1, 0])


def test_bounds_stay_in_order_where_a_success_costs_money() -> None:
    people = pd.DataFrame({"margin": [-5.0], "uplift": [0.1], "uplift_low": [0.0], "uplift_high": [0.2]})
    gain = expected_gain(people, replace(GOALS["retain"]), [Arm("a")])
    assert gain.value_low[0, 0] <= gain.value[0, 0] <= gain.value_high[0, 0]
