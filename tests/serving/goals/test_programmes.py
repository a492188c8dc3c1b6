"""Standing programmes on a shop made by hand: who is eligible, who can pay in points, whose complaint is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, LeftOutError
from penchant.features.outcomes.success import read_outcomes
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Protection, Wave
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.candidates.from_shop import candidates_at
from penchant.serving.candidates.rates import goal_rates
from penchant.serving.candidates.values import Candidates
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal
from penchant.serving.goals.offers import Offer
from penchant.serving.insight.loyalty import loyalty_page

NOW = datetime(2025, 3, 1)
NAMES = ("welcome", "enrol", "renew", "exchange", "review", "refer")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def orders(*rows: tuple[str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "days"])
    made = {"ordered_at": frame["days"].map(ago), "order_id": [f"o{n}" for n in range(len(frame))], "amount": 2000}
    return frame.drop(columns="days").assign(**made)


TABLES: dict[str, Any] = {
    "orders": orders(
        *(("ann", days) for days in (10, 40, 70, 100, 130, 160, 200)), ("bob", 15), ("cid", 20), ("dan", 8), ("eve", 65)
    ),
    "customers": pd.DataFrame(
        {
            "customer_id": ["ann", "bob", "cid", "dan", "eve", "new"],
            "registered_at": [ago(300), ago(90), ago(90), ago(90), ago(80), ago(3)],
            "consent_email": True,
        }
    ),
    "memberships": pd.DataFrame(
        {
            "customer_id": ["ann", "bob", "bob"],
            "level": ["gold", "silver", "silver"],
            "starts_at": [ago(100), ago(345), ago(720)],
            "ends_at": [ago(-265), ago(-20), ago(355)],
        }
    ),
    "points": pd.DataFrame(
        {"customer_id": ["ann", "ann", "cid"], "at": [ago(90), ago(9), ago(20)], "points": [500.0, -100.0, 150.0]}
    ),
    "feedback": pd.DataFrame(
        {
            "customer_id": ["cid", "dan"],
            "at": [ago(30), ago(5)],
            "kind": ["review", "complaint"],
            "closed_at": [pd.NaT, pd.NaT],
        }
    ),
    "referrals": pd.DataFrame({"customer_id": ["ann", "ann"], "referred_id": ["eve", "new"], "at": [ago(70), ago(3)]}),
}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with shop_from_tables(TABLES, read_config({"shop": {"extract_end": NOW}})) as shop:
        yield shop


@pytest.fixture(scope="module")
def candidates(shop: Shop) -> Candidates:
    return candidates_at(shop, NOW, [GOALS[name] for name in NAMES])


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("welcome", {"new"}),
        ("enrol", {"cid", "dan", "eve"}),
        ("renew", {"bob"}),
        ("exchange", {"ann"}),
        ("review", {"ann", "bob", "dan"}),
        ("refer", {"ann"}),
    ],
)
def test_a_programme_is_for_its_own_crowd(candidates: Candidates, name: str, who: set[str]) -> None:
    people = candidates.frame
    assert set(people.loc[GOALS[name].eligible.holds(people, name), "customer_id"]) == who


def test_a_shop_without_the_table_is_told_what_the_programme_needs_and_others_are_not() -> None:
    tables = {name: TABLES[name] for name in ("orders", "customers")}
    with shop_from_tables(tables) as small:
        found = candidates_at(small, NOW, [GOALS["renew"], GOALS["retain"]])
    assert not any("membership" in name or "points" in name for name in found.left_out)
    with pytest.raises(LeftOutError, match="days_to_membership_end"):
        GOALS["renew"].eligible.holds(found.frame, "goal 'renew'")


def drawn(candidates: Candidates, name: str, **protection: Any) -> Any:
    usual = Protection(universal_control=0.0, **protection)
    settings = AudienceSettings(Wave("x", 1, NOW), GOALS[name].arms, protection=usual)
    return draw_audience(of_goal(candidates.frame, name), None, GOALS[name], settings)


def test_whoever_has_an_open_complaint_is_left_alone_unless_the_shop_says_otherwise(candidates: Candidates) -> None:
    assert drawn(candidates, "review").excluded["a complaint is open"] == (1, 1)
    assert drawn(candidates, "review", open_complaints=False).excluded["a complaint is open"] == (0, 0)


def test_an_offer_for_points_goes_to_those_who_can_pay_it(candidates: Candidates) -> None:
    poor = candidates.frame.assign(points_balance=199.0)
    rich = candidates.frame.assign(points_balance=200.0)
    goal = replace(GOALS["exchange"], eligible=GOALS["refer"].eligible)
    ask = AudienceSettings(Wave("x", 1, NOW), goal.arms[1:], protection=Protection(universal_control=0.0))
    assert draw_audience(of_goal(poor, "exchange"), None, goal, ask).n_ranked == 0
    assert draw_audience(of_goal(rich, "exchange"), None, goal, ask).n_ranked == 1
    without = of_goal(candidates.frame.drop(columns="points_balance"), "exchange")
    with pytest.raises(LeftOutError, match="offer for points"):
        draw_audience(without, None, goal, ask)
    with pytest.raises(InputError, match="points >= 0"):
        Offer("points", points=-1)


def test_successes_of_programmes_are_read_from_their_own_tables(shop: Shop) -> None:
    rows = pd.DataFrame({"customer_id": ["ann", "bob", "cid"], "assigned_at": [ago(80), ago(350), ago(40)]})
    found = {
        name: read_outcomes(shop, rows, name, 30)["success"].tolist()
        for name in ("membership", "points_used", "review", "referral")
    }
    assert found["membership"] == [0, 1, 0]
    assert found["points_used"] == [0, 0, 0]
    assert found["review"] == [0, 0, 1]
    assert found["referral"] == [1, 0, 0]


def test_a_referral_is_worth_the_orders_of_the_referred(shop: Shop) -> None:
    """Within 60 days before: ann referred new, who did not buy; within the 60 before those: eve, who bought since."""
    rate = goal_rates(shop, NOW, [GOALS["refer"]])["refer"]
    assert rate.success > 0
    assert rate.bought == 0.5


def test_loyalty_counts_members_points_and_referrals_by_hand(shop: Shop) -> None:
    page = loyalty_page(shop, NOW, days=30).as_dict()
    gold, silver = page["members"]
    assert (gold["n_members"], gold["n_end_soon"], gold["n_ended"]) == (1, 0, 0)
    assert (silver["n_members"], silver["n_end_soon"], silver["n_ended"]) == (1, 1, 1)
    assert silver["renewed"].value == 1.0
    assert silver["renewed"].low < 0.5
    held, earned, used = page["points"]
    assert (held["n_customers"], held["points"], held["each"]) == (2, 550.0, None)  # too few for a mean
    assert (earned["points"], used["points"]) == (650.0, 100.0)
    referred = page["referrals"][0]
    assert (referred["n_customers"], referred["bought"]) == (1, None)
