"""Who came back, whole: what goes together, the path and the profile, as they were planted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.page import InsightPage
from penchant.serving.measure.returned import returned_page

START, END, N = datetime(2025, 3, 1), datetime(2025, 6, 1), 400


def at(day: float) -> datetime:
    return START + timedelta(days=day)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return 400 contacted: 100 buy tea, and half of them cups, which nobody else buys; 60 more buy ink; all from the
    north. 40 enter by the app and order nothing; what is bought after 30 days does not count."""
    who = np.array([f"c{n:03}" for n in range(N)])
    bought = [(name, "tea", 5) for name in who[:100]] + [(name, "cups", 6) for name in who[:50]]
    bought += [(name, "ink", 7) for name in who[100:160]] + [(name, "tea", 45) for name in who[300:]]
    orders = pd.DataFrame(bought, columns=["customer_id", "category_id", "day"])
    orders = orders.assign(ordered_at=orders["day"].map(at), item_id=orders["category_id"], amount=1000)
    orders = orders.assign(order_id=[f"o{n}" for n in range(len(orders))]).drop(columns="day")
    views = [(name, "web", 4, "view") for name in who[:160]] + [(name, "app", 3, "view") for name in who[160:200]]
    acts = pd.DataFrame(views, columns=["customer_id", "channel", "day", "kind"])
    acts["occurred_at"] = acts.pop("day").map(at)
    arms = np.where(np.arange(N) % 2, "mail", "text")
    sent = pd.DataFrame({"campaign_id": "spring", "customer_id": who, "arm": arms, "assigned_at": START})
    late = sent.head(5).assign(campaign_id="late", assigned_at=END - timedelta(days=3))
    people = {"customer_id": who, "registered_at": at(-30), "region": np.where(np.arange(N) < 160, "north", "south")}
    tables = {"orders": orders, "interactions": acts, "customers": pd.DataFrame(people)}
    tables["assignments"] = pd.concat([sent, late], ignore_index=True)
    with shop_from_tables(tables, read_config({"shop": {"extract_end": END}})) as shop:
        yield shop


@pytest.fixture(scope="module")
def page(shop: Shop) -> InsightPage:
    return returned_page(shop, "spring")


def test_what_goes_together_is_found_with_its_lift(page: InsightPage) -> None:
    told = page.as_dict()
    assert (told["n_contacted"], told["n_returned"]) == (N, 160)
    assert [(row["category"], row["n"]) for row in told["by_category"]] == [("tea", 100), ("ink", 60), ("cups", 50)]
    [pair] = told["together_category"]
    assert {pair["first"], pair["second"]} == {"tea", "cups"}
    assert pair["n"] == 50
    assert pair["lift"].value == pytest.approx((50 / 100) / (50 / 160))
    assert pair["lift"].low > 1


def test_the_path_is_counted_by_entry(page: InsightPage) -> None:
    rows = {row["who"]: row for row in page.as_dict()["path"]}
    assert rows["all contacted"]["came"].value == pytest.approx(200 / N)
    assert rows["entered by web"]["ordered"].value == 1.0
    assert rows["entered by app"]["favourite or cart"].value == 0.0
    assert rows["entered by app"]["n"] == 40


def test_the_profile_is_against_all_who_were_contacted(page: InsightPage) -> None:
    rows = {(row["trait"], row["value"]): row for row in page.as_dict()["profile"]}
    assert rows[("region", "north")]["index"].value == pytest.approx(250.0)
    assert rows[("region", "north")]["differs"] == "above"
    assert rows[("region", "south")]["n_crowd"] == 0


def test_too_few_or_an_unknown_campaign_are_refused(shop: Shop) -> None:
    with pytest.raises(TooLittleDataError, match="20 customers or more"):
        returned_page(shop, "late", days=2)
    with pytest.raises(InputError, match="Did you mean 'spring'"):
        returned_page(shop, "sprong")
