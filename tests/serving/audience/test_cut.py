"""Where a list of few customers ends, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.serving.audience.cut import Cut, ListLimits, Offered, cut_list
from penchant.serving.goals.offers import Arm, Offer

MAIL, GIFT = Arm("mail"), Arm("gift", offer=Offer("gift", value=1.0))


def offered(profit: list[float], cost: float = 1.0, p: tuple[float, ...] = (0.5, 0.5), arm: Arm = MAIL) -> Offered:
    n = len(profit)
    return Offered(
        pd.Series([f"c{i}" for i in range(n)]),
        pd.Series(["all"] * n),
        np.tile(p, (n, 1)),
        np.tile([0.0, cost], (n, 1)),
        np.array(profit),
        (arm,),
    )


FIVE = offered([5.0, 4.0, 3.0, 0.0, -1.0])


@pytest.mark.parametrize(
    ("limits", "more", "expected"),
    [
        ({}, {}, Cut(3, "profit")),  # a profit of nothing is not above nothing
        ({}, {"by_profit": False}, Cut(5, "everyone")),
        ({"size": 2}, {}, Cut(2, "size")),
        ({"size": 3}, {}, Cut(3, "profit")),  # of equal ends the first reason is told
        ({"size": 9}, {"by_profit": False}, Cut(5, "everyone")),
        ({"size": 0}, {}, Cut(0, "size")),
        ({"budget": 2.0}, {"surely": True}, Cut(2, "budget")),
        ({"budget": 1.999}, {"surely": True}, Cut(1, "budget")),
        ({"budget": 0.0}, {"surely": True}, Cut(0, "budget")),
        ({"budget": 2.0, "size": 1}, {"surely": True}, Cut(1, "size")),
        ({"coupons": 0}, {"surely": True}, Cut(3, "profit")),  # a reminder takes no coupon
    ],
)
def test_a_list_ends_at_what_comes_first(limits: dict[str, Any], more: dict[str, Any], expected: Cut) -> None:
    assert cut_list(FIVE, ListLimits(**limits), **more) == expected


def test_coupons_are_counted_by_offers_that_are_issued() -> None:
    gifts = offered([1.0] * 5, arm=GIFT)
    assert gifts.issued.tolist() == [[0.0, 1.0]] * 5
    assert cut_list(gifts, ListLimits(coupons=4), surely=True) == Cut(4, "coupons")


def test_an_arm_that_nobody_can_get_uses_nothing() -> None:
    never = offered([1.0] * 5, cost=9.0, p=(1.0, 0.0))
    assert cut_list(never, ListLimits(budget=0.0), surely=True) == Cut(5, "everyone")


def test_unless_surely_a_budget_is_that_of_the_draw() -> None:
    """Of n customers half are drawn, and half a rounding times four deviations comes on top: n / 2 + 2."""
    many = offered([1.0] * 100)
    assert cut_list(many, ListLimits(budget=30.0)).n == 56
    assert cut_list(many, ListLimits(budget=30.0), surely=True).n == 30
    assert cut_list(many, ListLimits(budget=1.5)).n == 1  # or everyone is drawn


def test_a_part_of_limits_is_rounded_down() -> None:
    assert ListLimits(10.0, 10, 7).share(0.25) == ListLimits(2.5, 2, 1)
    assert ListLimits(size=10, coupons=10).share(0.3) == ListLimits(size=3, coupons=3)  # 10 * 0.3 is a bit less than 3
    assert ListLimits().share(0.5) == ListLimits()


@pytest.mark.parametrize("name", ["budget", "size", "coupons"])
def test_limits_below_nothing_are_refused(name: str) -> None:
    assert getattr(ListLimits(**{name: 0}), name) == 0
    with pytest.raises(InputError, match=f"{name}.*zero or more"):
        ListLimits(**{name: -1})
    with pytest.raises(InputError, match=name):
        ListLimits(**{name: float("nan")})


def test_a_head_keeps_everything_of_the_first() -> None:
    head = FIVE.head(2)
    assert head.customer_id.tolist() == ["c0", "c1"]
    assert [len(part) for part in (head.stratum, head.probabilities, head.cost, head.profit)] == [2, 2, 2, 2]
