"""What penchant.toml changes about stages, crowds, scores and cycles; the channels of the contact group."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from penchant.config import Config
from penchant.errors import ConfigError
from penchant.features.catalogue import our_groups
from penchant.features.matrix import build
from penchant.features.shop import Shop
from penchant.features.signals.contact import channels_of
from penchant.features.spine import Spine

AS_OF = datetime(2024, 6, 1)


def ago(days: float) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def order(who: str, days: float, **more: Any) -> dict[str, Any]:
    return {"customer_id": who, "ordered_at": ago(days), "order_id": f"{who}{days}", "amount": 1000, **more}


def act(who: str, days: float, kind: str = "view") -> dict[str, Any]:
    return {"customer_id": who, "occurred_at": ago(days), "kind": kind}


def column(shop: Shop, name: str, group: str) -> dict[str, Any]:
    frame = build(shop, Spine.at(shop, AS_OF), [group]).frame
    return dict(zip(frame["customer_id"], frame[name], strict=True))


ACTS = [act("looks", 40), *[act("browses", 1)] * 3, act("late", 100, "cart")]
ORDERS = [order("fresh", 40), *[order("often", days) for days in (5, 12, 20)], order("again", 500), order("again", 9)]


@pytest.mark.parametrize(
    ("rules", "who", "before", "after"),
    [
        ({"look_back_days": 30}, "looks", "prospect", "stranger"),
        ({"look_back_days": 120}, "late", "stranger", "lead"),
        ({"deep_views": 3}, "browses", "prospect", "lead"),
        ({"new_days": 30}, "fresh", "new", "semi_active"),
        ({"new_span_days": 400}, "again", "regular", "new"),
        ({"loyal_orders": 3}, "often", "regular", "loyal"),
        ({"loyal_orders": 3, "loyal_days": 19}, "often", "regular", "regular"),
    ],
)
def test_stages_keep_to_the_configuration(
    shop_of: Any, rules: dict[str, int], who: str, before: str, after: str
) -> None:
    tables = {"interactions": ACTS, "orders": ORDERS}
    found = [column(shop_of(config=config, **tables), "stage", "lifecycle")[who] for config in ({}, {"stages": rules})]
    assert found == [before, after]


def test_crowds_keep_to_the_configuration_and_say_so(shop_of: Any) -> None:
    acts = [act("two", 2, "cart"), act("five", 5, "cart"), act("twelve", 12, "coupon_claim")]
    rules = {"interest_least_days": 1, "interest_most_days": 4, "coupon_days": 10}
    plain, own = (shop_of(interactions=acts, config=config) for config in ({}, {"crowds": rules}))
    assert column(plain, "in_interest", "crowds") == {"five": 1, "two": 0, "twelve": 0}
    assert column(own, "in_interest", "crowds") == {"five": 0, "two": 1, "twelve": 0}
    assert column(plain, "in_coupon_holders", "crowds")["twelve"] == 1
    assert column(own, "in_coupon_holders", "crowds")["twelve"] == 0
    declared = build(own, Spine.at(own, AS_OF), ["crowds"]).columns
    assert "1 to 4 days ago" in next(one.meaning for one in declared if one.name == "in_interest")


def test_the_repurchase_window_keeps_to_the_configuration(shop_of: Any) -> None:
    """Forty buyers with gaps of 10 to 49 days in one category; who bought 14 days ago is due early or not yet."""
    rows = [order(f"c{n}", 60 + gap, category_id="tea") for n, gap in enumerate(range(10, 50))]
    rows += [order(f"c{n}", 60, category_id="tea") for n in range(40)] + [order("x", 14, category_id="tea")]
    found = [
        column(shop_of(orders=rows, config=config), "in_repurchase_due", "crowds")["x"]
        for config in ({}, {"crowds": {"due_from": 0.05}})
    ]
    assert found == [0, 1]


def test_scores_have_the_configured_cuts(shop_of: Any) -> None:
    cuts = {"days": 365, "recency": [7, 30, 90, 180], "monetary": [5, 10, 20, 40]}
    shop = shop_of(orders=ORDERS, config={"rfm": cuts})
    assert column(shop, "rfm_recency", "rfm") == {"fresh": 3, "often": 5, "again": 4}
    assert column(shop, "rfm_monetary", "rfm") == {"fresh": 2, "often": 4, "again": 2}
    declared = {one.name: one.population for one in build(shop, Spine.at(shop, AS_OF), ["rfm"]).columns}
    assert declared["rfm_frequency"]
    assert not declared["rfm_recency"]


def test_days_may_stand_for_the_cycle_of_a_category(shop_of: Any) -> None:
    """Fixed for groceries alone: who buys both is between the two."""
    rows = [order(who, days, category_id=kind) for who, days, kind in (
        ("eats", 100, "food"), ("eats", 40, "food"), ("plays", 100, "toys"), ("plays", 40, "toys"),
        ("both", 100, "food"), ("both", 40, "toys"),
    )]  # fmt: skip
    fixed = {"cycle": {"fixed_days_of": {"food": 20}}}
    free, own = (
        column(shop_of(orders=rows, config=config), "churn_threshold_days", "lifecycle") for config in ({}, fixed)
    )
    assert own == {"eats": 40, "plays": free["plays"], "both": pytest.approx((40 + free["both"]) / 2)}
    stages = column(shop_of(orders=rows, config=fixed), "stage", "lifecycle")
    assert (stages["eats"], stages["plays"]) == ("churned", "regular")


def test_days_may_stand_for_the_cycle_of_a_segment(shop_of: Any) -> None:
    """The first attribute with a value that fits; who has none keeps the cycle; categories come on top."""
    rows = [order(who, days, category_id="food") for who in ("ann", "bob", "cy") for days in (100, 40)]
    people = [{"customer_id": "ann", "gender": "f", "os": "ios"}, {"customer_id": "bob", "gender": "m", "os": "ios"}]

    def asked(**cycle: Any) -> Any:
        shop = shop_of(orders=rows, customers=people, config={"cycle": cycle})
        return column(shop, "churn_threshold_days", "lifecycle")

    free = asked()
    days = asked(fixed_days_by={"gender": {"f": 15}, "os": {"ios": 50}})
    assert days == {"ann": 30, "bob": 100, "cy": free["cy"]}
    both = asked(fixed_days_by={"gender": {"f": 15}}, fixed_days_of={"food": 20})
    assert set(both.values()) == {40}
    for wrong, told in (({"gendr": {"f": 9}}, "Did you mean 'gender'"), ({"os": {"io": 9}}, "Did you mean 'ios'")):
        with pytest.raises(ConfigError, match=told):
            asked(fixed_days_by=wrong)


@pytest.mark.parametrize(
    ("orders", "told"),
    [([order("a", 5, category_id="food")], "Did you mean 'food'"), ([order("a", 5)], "that knows the category")],
)
def test_days_of_a_category_that_is_not_there_are_refused(shop_of: Any, orders: Any, told: str) -> None:
    shop = shop_of(orders=orders, config={"cycle": {"fixed_days_of": {"foot": 20}}})
    with pytest.raises(ConfigError, match=f"cycle.fixed_days_of: .*{told}"):
        build(shop, Spine.at(shop, AS_OF), ["lifecycle"])


@pytest.mark.parametrize(
    "sections",
    [
        {"stages": {"new_days": 0}},
        {"crowds": {"interest_least_days": 10}},
        {"crowds": {"due_from": 0.95}},
        {"rfm": {"recency": [7, 30, 30, 180]}},
        {"rfm": {"recency": [7, 30]}},
        {"features": {"windows": []}},
        {"features": {"windows": [10**9]}},
    ],
    ids=str,
)
def test_rules_that_cannot_be_meant_are_refused(sections: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(sections))):
        Config.model_validate(sections)


def test_contacts_are_counted_by_the_channels_of_the_shop(shop_of: Any) -> None:
    """Those that are called alike count together."""
    names = ["Direct Mail", "direct-mail", "sms"]
    campaigns = [{"campaign_id": f"k{n}", "channel": name} for n, name in enumerate(names)]
    sent = [{"campaign_id": f"k{n}", "customer_id": "a", "arm": "mail", "assigned_at": ago(n + 1)} for n in range(3)]
    sent = [{**one, "contacted_at": one["assigned_at"]} for one in sent]
    sent[0]["opened_at"] = ago(0.5)
    shop = shop_of(orders=[order("a", 20)], campaigns=campaigns, assignments=pd.DataFrame(sent).to_dict("records"))
    assert channels_of(shop) == ("email", "sms", "push", "phone", "Direct Mail", "direct-mail")
    row = build(shop, Spine.at(shop, AS_OF), ["contact"]).frame.iloc[0]
    assert (row["n_contacted_direct_mail_90d"], row["n_contacted_sms_90d"], row["n_contacted_90d"]) == (2, 1, 3)
    assert (row["n_opened_direct_mail_365d"], row["n_opened_sms_365d"]) == (1, 0)
    assert row["n_contacted_email_90d"] == 0  # a model's columns are there before and after the first campaigns
    assert {one.name for one in our_groups(shop)} >= {"contact", "crowds", "rfm"}
