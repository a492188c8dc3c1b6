"""The elasticity of a price test, planted and found; and what is no test is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.goals.offers import Arm, Offer
from penchant.serving.measure.elasticity import arms_told, elasticity_page

END = datetime(2025, 6, 1)
TRUE = -2.0  # orders fall by 2 % for 1 % of price
PAYING = [f"c{k:04}" for k in range(0, 6000, 3)]  # pay for the delivery if they buy
ARMS = (Arm("full", offer=Offer("price", 0.0)), Arm("less", offer=Offer("price", 20.0)))


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return 6,000 customers in two arms; an order costs 100, or 80; others, who set the usual price, paid 100."""
    rng, n = np.random.default_rng(0), 6000
    who, arm = np.array([f"c{k:04}" for k in range(n)]), np.where(np.arange(n) % 2, "full", "less")
    since = END - timedelta(days=60)
    buys = rng.random(n) < 0.10 * np.where(arm == "less", 0.8**TRUE, 1.0)
    bought = pd.DataFrame({"customer_id": who[buys], "ordered_at": since + timedelta(days=9), "amount": 10000})
    others = pd.DataFrame({"customer_id": [f"o{k}" for k in range(200)], "ordered_at": since, "amount": 10000})
    orders = pd.concat([bought, others], ignore_index=True)
    orders = orders.assign(order_id=[f"n{k}" for k in range(len(orders))])
    orders["freight"] = np.where(orders["customer_id"].isin(PAYING), 500, 0)
    sent = pd.DataFrame({"campaign_id": "test", "customer_id": who, "arm": arm, "assigned_at": since})
    with shop_from_tables({"orders": orders, "assignments": sent}, read_config({"shop": {"extract_end": END}})) as one:
        yield one


def test_the_planted_elasticity_lies_in_the_interval_and_zero_does_not(shop: Shop) -> None:
    page = elasticity_page(shop, "test", ARMS)
    [row] = page.as_dict()["elasticity"]
    assert row["elasticity"].low < TRUE < row["elasticity"].high < 0
    assert row["elasticity"].high - row["elasticity"].low < 2
    assert page.facts["usual_price"] == pytest.approx(100.0)
    assert [arm["price"] for arm in page.as_dict()["arms"]] == [100.0, 80.0]
    assert row["ratio"].value < 1


def test_what_is_no_test_of_a_price_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="no record of its arms"):
        elasticity_page(shop, "test", ())
    with pytest.raises(InputError, match="price or free freight that differ"):
        elasticity_page(shop, "test", (Arm("full"), Arm("less")))
    with pytest.raises(InputError, match="Did you mean 'test'"):
        elasticity_page(shop, "tset", ARMS)
    with pytest.raises(TooLittleDataError, match="a window that is over"):
        elasticity_page(shop, "test", ARMS, days=90)


def test_a_test_drawn_elsewhere_is_described_by_what_its_arms_cost_less(shop: Shop) -> None:
    told = elasticity_page(shop, "test", arms_told(["full=0", "less = 20"], "price")).as_dict()
    assert told["elasticity"] == elasticity_page(shop, "test", ARMS).as_dict()["elasticity"]
    for wrong in ("full", "=3", "less=much", "less=-1", "less=inf", "less=nan"):
        with pytest.raises(InputError, match="ARM=AMOUNT"):
            arms_told([wrong], "price")


def test_who_buys_service_is_counted_beside_who_buys_goods(shop: Shop) -> None:
    orders = shop.tables["orders"].to_pandas()
    paying = set(orders.loc[orders["freight"] > 0, "customer_id"])
    for row in elasticity_page(shop, "test", ARMS).as_dict()["arms"]:
        mine = [who for who in paying if int(who[1:]) % 2 == (row["arm"] == "full")]
        assert row["service"].value == pytest.approx(len(mine) / 3000)
        assert row["service"].high < row["bought"].low


def test_an_order_outside_the_window_pays_for_no_service_in_it(shop: Shop) -> None:
    rows = elasticity_page(shop, "test", ARMS, days=30).as_dict()["arms"]
    with pytest.raises(TooLittleDataError, match="5 orders in each arm"):
        elasticity_page(shop, "test", ARMS, days=9)  # all orders are of the tenth day
    assert all(row["service"].value > 0 for row in rows)
