"""Category, offer and message for a customer; the ladder; the cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.serving.audience.choice import Choice, choose_arms
from penchant.serving.audience.cut import ListLimits, Offered, cut_list
from penchant.serving.audience.expected_profit import expected_gain
from penchant.serving.candidates.recommend import message_keys, recommended_category, recommended_offer
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.offers import Arm, Offer


def test_the_category_that_is_due_goes_before_the_cart_and_the_favourite() -> None:
    people = pd.DataFrame(
        {
            "top_category": ["a", "a", "a", None],
            "open_cart_category": ["b", "b", None, None],
            "due_category": ["c", None, None, None],
        }
    )
    assert recommended_category(people).tolist() == ["c", "b", "a", None]
    assert recommended_category(people[[]]).tolist() == [None] * 4


def test_profit_goods_are_discounted_little_and_traffic_goods_are_for_promotions() -> None:
    people = pd.DataFrame(
        {"price_sensitivity": [0.9, 0.9, 0.1, np.nan], "category_role": ["traffic", "profit", "traffic", None]}
    )
    kinds = recommended_offer(people, GOALS["reactivate"]).tolist()
    assert kinds == ["cash_coupon", "reminder", "reminder", "reminder"]
    freight = pd.DataFrame({"freight_sensitivity": [0.9, 0.1]})
    assert recommended_offer(freight, GOALS["activate"]).tolist() == ["free_freight", "reminder"]


def test_messages_follow_what_was_bought() -> None:
    people = pd.DataFrame({"bought_category": ["baby", "baby", None], "n_orders": [1, 2, 1]})
    assert message_keys(people, {"baby": "small", "default": "hello"}, {}).tolist() == ["small", "small", "hello"]
    assert message_keys(people, {"baby": "small"}, {"baby": "first"}).tolist() == ["first", "small", None]
    assert message_keys(people, {}, {}).tolist() == [None] * 3


def test_best_takes_the_arm_that_earns_most_among_those_allowed() -> None:
    people = pd.DataFrame({"margin": [10.0] * 3, "uplift_a": [0.1] * 3, "uplift_b": [0.2] * 3})
    arms = (Arm("a"), Arm("b"))
    gain = expected_gain(people, GOALS["retain"], arms)
    allowed = np.array([[True, True], [True, False], [False, False]])
    choice = choose_arms(people, GOALS["retain"], arms, gain, allowed, "best")
    assert choice.planned.tolist() == [1, 0, -1]
    split = choose_arms(people, GOALS["retain"], arms, gain, allowed, "split")
    assert split.shares.tolist() == [[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]
    given = choose_arms(people.assign(planned_arm=["a", "b", "a"]), GOALS["retain"], arms, gain, allowed, "given")
    assert given.planned.tolist() == [0, -1, -1]
    with pytest.raises(InputError, match="planned_arm"):
        choose_arms(people, GOALS["retain"], arms, gain, allowed, "given")


def offered(profit: list[float], cost: float = 1.0) -> Offered:
    n = len(profit)
    choice = Choice(np.ones((n, 1)), np.zeros(n, np.intp))
    return Offered(
        pd.Series([f"c{i}" for i in range(n)]),
        pd.Series(["s"] * n),
        choice.probabilities(0.5),
        np.tile([0.0, cost], (n, 1)),
        np.array(profit),
        (Arm("a", offer=Offer("gift", value=1)),),
    )


def test_the_list_ends_at_the_first_limit_and_says_which() -> None:
    falling = [9.0, 5.0, 3.0, 1.0, -1.0, -2.0]
    assert cut_list(offered(falling), ListLimits()) == cut_list(offered(falling), ListLimits(size=6))
    assert (cut := cut_list(offered(falling), ListLimits())).n == 4
    assert cut.reason == "profit"
    assert cut_list(offered(falling), ListLimits(size=2)).reason == "size"
    assert cut_list(offered(falling), ListLimits(budget=3.0)).reason == "budget"
    assert cut_list(offered(falling), ListLimits(coupons=1)).reason == "coupons"
    assert cut_list(offered(falling), ListLimits(), by_profit=False).reason == "everyone"
    assert cut_list(offered([]), ListLimits(budget=1.0)).n == 0


def test_a_long_list_uses_most_of_its_budget_and_never_more() -> None:
    many = offered([1.0] * 20_000)
    n = cut_list(many, ListLimits(budget=1000.0)).n
    assert 1900 <= n <= 2000  # half of them are held out
    assert cut_list(many, ListLimits(budget=1000.0), surely=True).n == 1000


def test_limits_below_zero_are_refused() -> None:
    with pytest.raises(InputError, match="budget: zero or more"):
        ListLimits(budget=-1)
    with pytest.raises(InputError, match="zero or more"):
        ListLimits(budget=float("nan"))
