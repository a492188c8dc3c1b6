"""RFM scores and segments of buyers whose cuts are counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd

from penchant.features.matrix import build
from penchant.features.shop import Shop
from penchant.features.signals.rfm import rfm_group, segment_of, value_tier
from penchant.features.spine import Spine

AS_OF = datetime(2024, 6, 1)
# by recency, from a mean of frequency and monetary of 1 to one of 5 in steps of a half
GRID = {
    5: "recent recent potential_loyal potential_loyal potential_loyal loyal champion champion champion",
    4: "promising promising potential_loyal potential_loyal potential_loyal loyal champion champion champion",
    3: "about_to_sleep about_to_sleep needs_attention needs_attention needs_attention loyal loyal loyal loyal",
    2: "lost hibernating hibernating hibernating at_risk at_risk at_risk at_risk at_risk",
    1: "lost lost lost lost at_risk at_risk cannot_lose cannot_lose cannot_lose",
}


def orders(who: str, *bought: tuple[float, int]) -> list[dict[str, Any]]:
    """Return a customer's orders: (days ago, amount in cents)."""
    return [
        {"customer_id": who, "ordered_at": str(AS_OF - timedelta(days=days)), "order_id": f"{who}{n}", "amount": amount}
        for n, (days, amount) in enumerate(bought)
    ]


def scores(shop: Shop, group: Any) -> pd.DataFrame:
    frame = build(shop, Spine.at(shop, AS_OF), [group]).frame.set_index("customer_id").sort_index()
    return frame.rename(columns=lambda name: name.removeprefix("rfm_"))


def test_segments_lie_on_the_usual_grid() -> None:
    rows = [
        {"recency": float(recency), "frequency": 1.0 + step // 2, "monetary": 1.0 + (step + 1) // 2, "segment": name}
        for recency, names in GRID.items()
        for step, name in enumerate(names.split())
    ]
    assert len(rows) == 45
    table = ibis.memtable(pd.DataFrame([*rows, {"segment": None}]))
    found = table.select("segment", found=segment_of(table)).to_pandas()
    assert found["found"].fillna("").tolist() == found["segment"].fillna("").tolist()


def test_a_tier_is_that_of_the_monetary_score() -> None:
    table = ibis.memtable(pd.DataFrame({"score": [1.0, 2.0, 3.0, 4.0, 5.0, None]}))
    found = table.select(tier=value_tier(table.score)).to_pandas()["tier"].fillna("").tolist()
    assert found == ["low", "low", "middle", "middle", "high", ""]


def test_scores_by_fixed_cuts_count_what_lies_beyond_them(shop_of: Any) -> None:
    cuts = {"recency": (10.0, 20.0, 30.0, 40.0), "frequency": (1.0, 2.0, 3.0, 4.0), "monetary": (5.0, 10.0, 20.0, 40.0)}
    shop = shop_of(
        orders=[
            *orders("a", (9.9, 4001), *[(50, 0)] * 4),
            *orders("b", (10, 4000), (100, 0)),  # the hundredth day is counted
            *orders("c", (39, 499), (100.1, 9000)),  # what is older is not
            *orders("d", (200, 9000)),
        ]
    )
    found = scores(shop, rfm_group(100, cuts))
    assert found["recency"].to_dict() == {"a": 5, "b": 4, "c": 2, "d": 1}
    assert found["frequency"].to_dict() == {"a": 5, "b": 2, "c": 1, "d": 1}
    assert found["monetary"].to_dict() == {"a": 5, "b": 4, "c": 1, "d": 1}
    assert found["total"].to_dict() == {"a": 15, "b": 10, "c": 4, "d": 3}
    assert found["segment"].to_dict() == {"a": "champion", "b": "potential_loyal", "c": "lost", "d": "lost"}


def test_scores_are_fifths_of_all_buyers_by_what_counts_in_the_window(shop_of: Any) -> None:
    """Five buyers of 10 to 50 days ago, of 5 to 1 purchases, of 100 to 500 cents; what is older counts for none."""
    rows = []
    for place in range(1, 6):
        last, spent = 10 * place, 100 * place
        rows += orders(f"b{place}", (last, spent), *[(90, 0)] * (5 - place), *[(91, 5000)] * place)
    visits = [{"customer_id": "looks", "occurred_at": "2024-05-01", "kind": "view"}]
    found = scores(shop_of(orders=rows, interactions=visits), rfm_group(90))
    buyers = [f"b{place}" for place in range(1, 6)]
    assert found.loc[buyers, "recency"].tolist() == [5, 4, 3, 2, 1]
    assert found.loc[buyers, "frequency"].tolist() == [5, 4, 3, 2, 1]
    assert found.loc[buyers, "monetary"].tolist() == [1, 2, 3, 4, 5]
    assert found.loc["looks"].drop("as_of").isna().all()
    assert scores(shop_of(orders=[{"customer_id": "a", "ordered_at": "2024-05-01"}]), rfm_group()).columns.tolist() == [
        "as_of", "recency", "frequency",
    ]  # fmt: skip
