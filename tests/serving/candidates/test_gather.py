"""What audiences are drawn from: questions to the past, worth, look-alikes, scores put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, LeftOutError
from penchant.features.goods.roles import products
from penchant.features.history import evaluate
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.signals.group import unmet_needs
from penchant.features.spine import Spine
from penchant.serving.audience.draw import draw_audience
from penchant.serving.audience.exclusions import Cap, Protection, Wave
from penchant.serving.audience.settings import AudienceSettings
from penchant.serving.candidates.from_shop import candidates_at, known_at
from penchant.serving.candidates.gather import candidates_for, joined_past, measured_arms, past_of, within
from penchant.serving.candidates.known import FACTS, known_and
from penchant.serving.candidates.lookalike import lookalike
from penchant.serving.candidates.programmes import PROGRAMME_FACTS
from penchant.serving.candidates.rates import goal_rates
from penchant.serving.candidates.shown import SHOWN_FACTS
from penchant.serving.candidates.values import GoalRate, Known, Score
from penchant.serving.candidates.worth import MARGIN_SHARE, rates_of
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal

NOW = datetime(2025, 3, 1)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


INTERACTIONS = [
    ("cart", "cart", 5, "tea", 900),  # interest, and the price has dropped since
    ("fresh", "cart", 1, "pot", 500),  # too fresh for the interest crowd; stock is low
    ("fresh", "cart", 2, "jug", 400),  # sold out: nothing to speak of
    ("fresh", "cart", 1.5, "cosy", 450),  # low and about to leave, but put in before the pot
    ("late2", "cart", 5, "mat", 100),  # its last day is past
    ("buyer", "cart", 5, "tea", 700),
    ("buyer", "pay", 4, "tea", 700),  # bought since
    ("gone", "favorite", 5, "cup", 300),
    ("gone", "cart", 4, "cup", 300),  # the cup is no longer in the range: too late
    ("coupon", "coupon_claim", 3, None, None),
    ("coupon", "login", 3, None, None),
    ("used", "coupon_claim", 3, None, None),
    ("used", "coupon_redeem", 2, None, None),
    ("late", "cart", -1, "tea", 900),  # after as_of
]
ORDERS = [
    ("buyer", 4, "o1", "tea", 700, 4),
    ("buyer", 40, "o2", "pot", 300, 40),
    ("owes", 8, "o3", "tea", 700, None),
    ("owes", 31, "o4", "tea", 500, None),
    ("paid", 9, "o5", "tea", 700, -2),  # paid after as_of: unpaid as seen from there
]


def hand_made() -> dict[str, pd.DataFrame]:
    """Return the tables of a small shop."""
    interactions = pd.DataFrame(INTERACTIONS, columns=["customer_id", "kind", "days", "item_id", "price"])
    interactions["occurred_at"] = [ago(days) for days in interactions.pop("days")]
    orders = pd.DataFrame(ORDERS, columns=["customer_id", "days", "order_id", "item_id", "amount", "paid"])
    orders["ordered_at"] = [ago(days) for days in orders.pop("days")]
    orders["paid_at"] = [ago(days) if pd.notna(days) else pd.NaT for days in orders.pop("paid")]
    orders["category_id"] = orders["item_id"].map({"tea": "drinks", "pot": "ware"})
    ids = sorted({*interactions["customer_id"], *orders["customer_id"], "listed"})
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "registered_at": [ago(100) if name != "listed" else pd.NaT for name in ids],
            "region": "north",
            "consent_email": True,
        }
    )
    items = pd.DataFrame(
        {
            "item_id": ["tea", "pot", "jug", "cosy", "mat"],
            "category_id": ["drinks", "ware", "ware", "ware", "ware"],
            "list_price": [700, 500, 300, 450, 90],
            "unit_cost": [350, 250, 100, 200, 50],
            "stock": [100.0, 2.0, 0.0, 1.0, 3.0],
            "delisted_at": pd.to_datetime([pd.NaT, pd.NaT, ago(-3), ago(-3), ago(1)]).astype("datetime64[us]"),
        }
    )
    campaigns = pd.DataFrame({"campaign_id": ["old"], "channel": ["sms"]})
    assignments = pd.DataFrame(
        {
            "campaign_id": "old",
            "customer_id": ["owes", "paid"],
            "arm": ["control", "mail"],
            "assigned_at": [ago(9), ago(-1)],
        }
    )
    return {
        "interactions": interactions.astype({"price": "Int64"}),
        "orders": orders,
        "customers": customers,
        "items": items,
        "campaigns": campaigns,
        "assignments": assignments,
    }


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with shop_from_tables(hand_made()) as shop:
        yield shop


@pytest.fixture(scope="module")
def seen(shop: Shop) -> Known:
    return known_and(shop, NOW, {})[0]


@pytest.fixture(scope="module")
def known(seen: Known) -> pd.DataFrame:
    assert not seen.left_out
    assert {"customer_id", "consent_email", *FACTS} - set(PROGRAMME_FACTS) <= set(seen.frame)
    return seen.frame.set_index("customer_id")


def who(known: pd.DataFrame, flag: str) -> set[str]:
    return set(known.index[known[flag].astype(bool)])


def test_crowds_and_triggers_are_those_of_the_hand_made_shop(known: pd.DataFrame) -> None:
    assert who(known, "in_interest") == {"cart", "gone", "late2"}
    assert who(known, "in_coupon_holders") == {"coupon"}
    assert who(known, "cart_price_dropped") == {"cart"}
    assert who(known, "cart_stock_low") == {"fresh"}
    assert who(known, "cart_leaves_range") == {"fresh"}
    assert "listed" not in who(known, "is_registered")


def test_the_category_of_the_open_cart_is_that_of_what_was_put_in_last(known: pd.DataFrame) -> None:
    waiting = known["open_cart_category"].dropna().to_dict()
    assert waiting["cart"] == "drinks"
    assert waiting["fresh"] == "ware"
    assert "buyer" not in waiting
    assert known["due_category"].isna().all()  # nobody has bought twice in a category


def test_a_trigger_names_the_item_that_was_put_in_last_and_its_price(known: pd.DataFrame) -> None:
    named = known[[f"cart_{name}_{what}" for name in ("stock_low", "leaves_range") for what in ("item", "price")]]
    assert named.loc["fresh"].tolist() == ["pot", 5.0, "cosy", 4.5]
    assert known.loc["cart", ["cart_price_dropped_item", "cart_price_dropped_price"]].tolist() == ["tea", 7.0]
    assert pd.isna(known.loc["gone", "cart_leaves_range_item"])


def test_sql_of_what_goals_ask_serves_the_next_night(shop: Shop) -> None:
    asked = {name: ask for name, (ask, needs) in FACTS.items() if not unmet_needs(needs, shop.has)}
    assert set(SHOWN_FACTS) <= set(asked)
    _program, serves_again = evaluate._compiled(shop, Spine.at(shop, NOW), asked, ())
    assert serves_again


def test_orders_are_seen_as_they_stood(known: pd.DataFrame) -> None:
    assert known["unpaid_days"].dropna().to_dict() == {"owes": 8.0, "paid": 9.0}
    assert known["amount_unpaid"].to_dict()["owes"] == 12.0
    assert known["n_orders"].to_dict()["buyer"] == 2
    assert known["amount_mean"].to_dict()["buyer"] == 5.0
    assert known["bought_category"].dropna().to_dict() == {"buyer": "drinks"}
    assert pd.isna(known.loc["late", "last_visit_at"])
    assert known.loc["buyer", "last_order_at"] == ago(4)


def test_a_shop_that_has_less_says_what_it_lacks() -> None:
    orders = pd.DataFrame({"customer_id": ["a"], "ordered_at": [ago(3)], "amount": [100]})
    with shop_from_tables({"orders": orders}) as small:
        found = candidates_at(small, NOW, [GOALS["reactivate"]])
        assert past_of(small, NOW) is None
    assert "interactions" in found.left_out["in_interest"]
    assert not [why for why in found.left_out.values() if "|" in why]
    assert {"stage", "n_orders", "amount_mean"} <= set(found.frame)
    assert "items.unit_cost" in found.notes[0]
    with pytest.raises(LeftOutError, match="is_registered"):
        draw_audience(of_goal(found.frame, "activate"), None, GOALS["activate"], AudienceSettings(Wave("x", 1, NOW)))


def test_the_category_to_show_has_its_role(shop: Shop, known: pd.DataFrame) -> None:
    found = candidates_at(shop, NOW, [GOALS["reactivate"]]).frame.set_index("customer_id")
    roles = products(shop, NOW, "category").set_index("category_id")["role"].to_dict()
    shown = known["top_category"].dropna()
    assert len(shown) >= 1
    assert found["category_role"].dropna().to_dict() == {name: roles[one] for name, one in shown.items()}


def test_margin_is_the_shops_own_where_it_knows_its_costs(seen: Known, known: pd.DataFrame) -> None:
    assert rates_of(known).margin_share == pytest.approx((1000 - 600) / 1000)
    assert rates_of(known.drop(columns="margin_365d")).margin_share == MARGIN_SHARE
    frame = candidates_for(seen, [GOALS["collect"], GOALS["reactivate"]]).frame.set_index("customer_id")
    assert frame["collect:margin"].to_dict()["owes"] == pytest.approx(12.0 * 0.4)
    assert frame["reactivate:margin"].to_dict()["buyer"] == pytest.approx(5.0 * 0.4)


def test_an_open_order_counts_with_the_shops_mean_where_no_model_is_in_use(seen: Known) -> None:
    seen = replace(seen, rates={"collect": GoalRate(0.5, 1.0, 10)})
    collect = candidates_for(seen, [GOALS["collect"]])
    assert collect.frame["collect:propensity"].unique() == pytest.approx([0.5])
    assert "payment" in " ".join(collect.notes)
    owes = pd.DataFrame({"customer_id": ["owes"], "score": [0.1]})
    scored = candidates_for(seen, [GOALS["collect"]], [Score("payment", owes, 7)])
    assert scored.frame["collect:propensity"].dropna().tolist() == pytest.approx([0.1])
    assert "payment" not in " ".join(scored.notes)


def test_a_visit_is_worth_what_comes_with_a_strangers_next_one() -> None:
    """Of ten strangers of each of four fortnights four visit, and one of them buys; old customers do not count."""
    visits, orders, people = [], [], []
    for window in range(4):
        start = 14 * (window + 1)
        for place in range(10):
            who = f"s{window}{place}"
            people.append((who, ago(400)))
            if place < 4:
                visits.append((who, ago(start - 2), "view"))
            if place == 0:
                orders.append((who, ago(start - 3), 1000))
    for place in range(20):  # buyers whose visits say nothing of strangers
        people.append((f"b{place}", ago(400)))
        visits += [(f"b{place}", ago(days), "view") for days in (0.001, 20, 40, 70)]
        orders += [(f"b{place}", ago(days), 1000) for days in (5, 20, 40, 70)]
    tables = {
        "interactions": pd.DataFrame(visits, columns=["customer_id", "occurred_at", "kind"]),
        "orders": pd.DataFrame(orders, columns=["customer_id", "ordered_at", "amount"]),
        "customers": pd.DataFrame(people, columns=["customer_id", "registered_at"]),
    }
    with shop_from_tables(tables) as shop:
        rates = goal_rates(shop, NOW, [GOALS["seed"]])
        found = candidates_at(shop, NOW, [replace(GOALS["seed"], ranked_by=("uplift", "visit"))], margin_share=0.5)
    # 40 strangers before the first window, then those who have not visited within 90 days
    n_eligible = sum(40 - 4 * window for window in range(4))
    assert rates["seed"].n == n_eligible
    assert rates["seed"].success == pytest.approx(16 / n_eligible)
    assert rates["seed"].bought == 0.25
    assert found.frame["seed:margin"].to_numpy() == pytest.approx(0.25 * 10.0 * 0.5)
    assert found.frame["seed:propensity"].to_numpy() == pytest.approx(16 / n_eligible)


def test_strangers_and_prospects_have_their_own_rates() -> None:
    """Of ten strangers two put something into the cart and nobody buys; of ten prospects six do, and three buy.

    The strangers were there in the three fortnights before as well, in which nothing happened.
    """
    people = [(f"{kind}{place}", ago({"s": 400, "p": 15}[kind])) for kind in "sp" for place in range(10)]
    visits = [(f"p{place}", ago(14.5), "view") for place in range(10)]
    visits += [(who, ago(5), "cart") for who in ("s0", "s1", *(f"p{place}" for place in range(6)))]
    visits.append(("last", ago(0.001), "view"))  # the data ends with it
    tables = {
        "customers": pd.DataFrame(people, columns=["customer_id", "registered_at"]),
        "interactions": pd.DataFrame(visits, columns=["customer_id", "occurred_at", "kind"]),
        "orders": pd.DataFrame({"customer_id": ["p0", "p1", "p2"], "ordered_at": ago(4), "amount": 1000}),
    }
    with shop_from_tables(tables) as shop:
        found = candidates_at(shop, NOW, [GOALS["acquire"]], margin_share=0.5).frame.set_index("customer_id")
        rates = goal_rates(shop, NOW, [GOALS["acquire"]])["acquire"]
    assert (rates.success, rates.bought, rates.n) == (8 / 50, 3 / 8, 50)
    own = {name: (rate.success, rate.bought, rate.n) for name, rate in rates.by_stage.items()}
    assert own["stranger"] == pytest.approx(((2 + 20 * 0.16) / 60, (0 + 20 * 0.375) / 22, 40))
    assert own["prospect"] == pytest.approx(((6 + 20 * 0.16) / 30, (3 + 20 * 0.375) / 26, 10))
    worth = {"s9": own["stranger"][1] * 10.0 * 0.5, "p9": own["prospect"][1] * 10.0 * 0.5}
    assert found.loc[["s9", "p9"], "stage"].tolist() == ["stranger", "prospect"]
    assert found["acquire:margin"][["s9", "p9"]].to_dict() == pytest.approx(worth)


def test_likeness_ranks_strangers_and_leaves_the_worth_of_their_visits_as_it_is() -> None:
    """Of the buyers of the north all are loyal, of the south none; on the list two in three are of the south."""
    buyers = [(f"{region}{place}", region) for region in ("north", "south") for place in range(30)]
    listed = [(f"x{place}", "north" if place % 3 == 0 else "south") for place in range(90)]
    people = pd.DataFrame([*buyers, *listed], columns=["customer_id", "region"]).assign(registered_at=ago(400))
    bought = [
        (who, ago(days)) for who, region in buyers for days in ((3, 40, 80, 120, 160) if region == "north" else (3,))
    ]
    tables = {
        "customers": people,
        "orders": pd.DataFrame(bought, columns=["customer_id", "ordered_at"]).assign(amount=1000),
        "interactions": pd.DataFrame({"customer_id": ["x0", "x1"], "occurred_at": ago(5), "kind": "view"}),
    }
    with shop_from_tables(tables) as shop:
        known = replace(known_at(shop, NOW), rates={"seed": GoalRate(0.1, 0.2, 100)})
    found = candidates_for(known, [GOALS["seed"]], margin_share=0.5).frame
    strangers = found[found["stage"] == "stranger"]
    assert len(strangers) == 88
    worth = strangers.groupby("region")["seed:margin"].mean()
    assert worth["north"] > 3 * worth["south"]
    assert strangers["seed:margin"].mean() == pytest.approx(0.2 * 10.0 * 0.5)


def test_earlier_assignments_are_seen_as_they_were_known(shop: Shop) -> None:
    past = past_of(shop, NOW)
    assert past is not None
    assert past[["customer_id", "arm", "wave", "channel"]].to_numpy().tolist() == [["owes", "control", 1, "sms"]]
    record = pd.DataFrame(
        {
            "campaign_id": "old",
            "customer_id": ["owes"],
            "arm": "control",
            "wave": 1,
            "assigned_at": [ago(9)],
            "contacted_at": pd.NaT,
            "channel": None,
            "probability": 0.5,
            "expected_cost": 1.0,
        }
    )
    both = past_of(shop, NOW, record)
    assert both is not None
    assert both["probability"].tolist() == [0.5]  # the record says more than the table


def test_a_cap_counts_from_the_contact_that_the_shop_tells_of_and_not_from_the_draw() -> None:
    drawn = {"campaign_id": "old", "wave": 1, "arm": "reminder", "assigned_at": ago(12), "channel": "email"}
    record = pd.DataFrame({**drawn, "customer_id": ["late", "soon"], "contacted_at": pd.NaT})
    own = record.assign(contacted_at=[pd.Timestamp(ago(3)), pd.NaT], channel=None)
    past = joined_past(own, record)
    assert past is not None
    assert past["channel"].tolist() == ["email", "email"]
    assert past["contacted_at"].tolist() == [pd.Timestamp(ago(3)), pd.NaT]
    people = pd.DataFrame({"customer_id": ["late", "soon"], "stage": "loyal", "consent_email": True})
    people = people.assign(margin=20.0, propensity=0.1)
    protection = Protection((Cap(7, 1),), universal_control=0.0)
    found = draw_audience(people, past, GOALS["retain"], AudienceSettings(Wave("new", 1, NOW), protection=protection))
    assert found.record["customer_id"].tolist() == ["soon"]
    assert found.excluded["contact fatigue"] == (1, 1)


def test_scores_are_taken_for_the_goals_own_horizon_and_the_first_model_that_knows(seen: Known) -> None:
    churn = Score("churn", pd.DataFrame({"customer_id": ["buyer"], "score": [0.36]}), 180, version="churn@2")
    conversion = Score("conversion", pd.DataFrame({"customer_id": ["cart"], "score": [0.19]}), 28)
    again = Score("repurchase", pd.DataFrame({"customer_id": ["cart", "buyer"], "score": [0.5, 0.75]}), 28)
    found = candidates_for(seen, [GOALS["retain"], GOALS["harvest"]], [churn, again, conversion])
    frame = found.frame.set_index("customer_id")
    assert frame["retain:propensity"].to_dict()["buyer"] == pytest.approx(1 - 0.36**0.5)
    assert frame["harvest:propensity"].to_dict()["cart"] == pytest.approx(0.1)
    assert frame["harvest:propensity"].to_dict()["buyer"] == pytest.approx(0.5)
    assert found.scores["retain"] == ("churn@2",)
    with pytest.raises(InputError, match="one row per customer"):
        candidates_for(seen, [GOALS["retain"]], [Score("churn", pd.concat([churn.frame] * 2), 90)])


def test_an_uplift_is_taken_for_its_own_goal_alone(seen: Known) -> None:
    frame = pd.DataFrame({"customer_id": ["buyer"], "uplift_mail": [0.1], "uplift_mail_low": [0.05], "reason_1": ["x"]})
    uplift = Score("uplift", frame, 30, goal="retain", version="uplift@1")
    found = candidates_for(seen, [GOALS["retain"], GOALS["reactivate"]], [uplift]).frame
    assert {"retain:uplift_mail", "retain:uplift_mail_low", "retain:reason_1"} <= set(found)
    assert not any(name.startswith("reactivate:uplift") for name in found)


def test_what_a_model_expects_to_be_spent_goes_before_the_usual_order(seen: Known) -> None:
    ids = pd.DataFrame({"customer_id": ["buyer"]})
    scores = [Score("repurchase", ids.assign(score=0.5), 90), Score("value", ids.assign(score=20.0), 90)]
    frame = candidates_for(seen, [GOALS["reactivate"]], scores).frame.set_index("customer_id")
    assert frame["reactivate:margin"].to_dict()["buyer"] == pytest.approx(20 / 0.5 * 0.4)


def test_seed_ranks_strangers_who_resemble_the_best_customers() -> None:
    rng, n = np.random.default_rng(0), 4000
    north = rng.random(n) < 0.5
    profile = pd.DataFrame({"region": np.where(north, "north", "south"), "noise": rng.integers(1950, 2000, n)})
    best = (rng.random(n) < np.where(north, 0.3, 0.1)) & (np.arange(n) < 3000)
    strangers = np.arange(n) >= 3000  # a half of them from the north, of the best three quarters
    factor = lookalike(profile, best, strangers)
    assert factor[3000:][north[3000:]].mean() == pytest.approx(1.5, rel=0.15)
    assert factor[3000:][~north[3000:]].mean() == pytest.approx(0.5, rel=0.15)
    unknown = lookalike(profile.assign(region=profile["region"].where(strangers, None)), best, strangers)
    assert np.allclose(unknown[3000:], 1.0, atol=0.4)  # what is known of strangers alone tells nothing
    with pytest.raises(LeftOutError, match="0 attributes"):
        lookalike(profile[[]], best, np.ones(n, bool))


def test_an_even_pace_adds_up() -> None:
    p = np.array([0.0, 0.3, 1.0])
    assert np.allclose(within(within(p, 90, 30), 30, 90), p)


def test_the_one_arm_that_an_uplift_was_measured_for_is_named(seen: Known) -> None:
    frame = pd.DataFrame({"customer_id": ["buyer"], "uplift": [0.1]})
    mail = Score("uplift", frame, 30, goal="retain", arms=("mail",))
    assert "measured for the arm 'mail'" in " ".join(candidates_for(seen, [GOALS["retain"]], [mail]).notes)
    assert "measured" not in " ".join(candidates_for(seen, [GOALS["harvest"]], [mail]).notes)


def test_the_arms_that_were_measured_are_the_usual_ones_where_the_goal_has_them() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "uplift": [0.1]})
    coupon = Score("uplift", frame, 30, goal="second", arms=("coupon",))
    assert [arm.name for arm in measured_arms(GOALS["second"], [coupon])] == ["coupon"]
    assert measured_arms(GOALS["retain"], [coupon]) == ()
    assert measured_arms(GOALS["second"], [replace(coupon, arms=("welcome_mail",))]) == ()
    assert measured_arms(GOALS["collect"], [replace(coupon, goal="collect", arms=("reminder",))]) == ()
