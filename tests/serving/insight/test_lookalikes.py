"""Look-alikes: the trait that was made to foretell is found, the past is the judge, and lists come back scored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, LeftOutError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.likeness_judged import LookalikeRules
from penchant.serving.insight.lookalikes import lookalikes_page

END = datetime(2025, 6, 1)
RULES = LookalikeRules(best_share=0.5, days=100)
DAY = timedelta(days=1)


def tables(lift: float = 0.75, n: int = 1_200) -> dict[str, pd.DataFrame]:
    """Return a shop where so many of the islanders, and a tenth of the others, buy in the end; half of them late.

    Everybody came 300 days ago. Whoever buys is later given a card, and the shop does not know since when.
    """
    rng = np.random.default_rng(1)
    ids = [f"c{place:04}" for place in range(n)]
    on_island, by_app = np.arange(n) % 2 == 0, rng.uniform(size=n) < 0.5
    buys = rng.uniform(size=n) < np.where(on_island, lift, 0.1)
    late = rng.uniform(size=n) < 0.5
    at = [END - DAY * (50 if is_late else 150) for is_late in late]
    region = np.where(on_island, "islands", "north")
    people = pd.DataFrame({"customer_id": ids, "region": region, "card": np.where(buys, "gold", "none")})
    orders = pd.DataFrame({"customer_id": ids, "ordered_at": at, "order_id": ids, "amount": 5_000})[buys]
    seen = {"customer_id": ids, "occurred_at": END - DAY * 300, "kind": "view"}
    seen |= {"channel": np.where(by_app, "app", "web")}
    return {"customers": people, "orders": orders, "interactions": pd.DataFrame(seen)}


def opened(given: dict[str, pd.DataFrame]) -> Shop:
    return shop_from_tables(given, read_config({"shop": {"extract_end": END}}))


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with opened(tables()) as one:
        yield one


def test_the_trait_of_the_best_is_found_and_holds_later(shop: Shop) -> None:
    page = lookalikes_page(shop, rules=RULES).as_dict()
    told = {row["value"]: row["index"].value for row in page["traits_found"]}
    assert told["islands"] > 130
    assert told["north"] < 70
    assert not {"app", "web"} & set(told)
    auc = {row["order"]: row["auc"] for row in page["judged"]}
    assert auc["likeness"].low > 0.6
    assert auc["last seen first"].value == pytest.approx(0.5)


def test_a_trait_that_is_written_after_buying_is_left_out_by_name(shop: Shop) -> None:
    page = lookalikes_page(shop, rules=RULES)
    assert "card" not in page.facts["traits"]
    assert "after they bought" in page.left_out["card"]


def test_strangers_alone_are_ranked_and_the_most_alike_first(shop: Shop) -> None:
    ranked = next(table for table in lookalikes_page(shop, rules=RULES).tables if table.name == "strangers").flat()
    given = tables()
    assert not set(ranked["customer_id"]) & set(given["orders"]["customer_id"])
    region = given["customers"].set_index("customer_id")["region"].reindex(ranked["customer_id"])
    n_islanders = int((region == "islands").sum())
    assert set(region.iloc[:n_islanders]) == {"islands"}
    assert ranked["likeness"].is_monotonic_decreasing


def test_what_comes_later_changes_nothing_in_what_is_learned(shop: Shop) -> None:
    at = END - DAY * 20
    later = tables()
    more = {"customer_id": [f"c{place:04}" for place in range(300)], "occurred_at": END - DAY, "kind": "cart"}
    later["interactions"] = pd.concat([later["interactions"], pd.DataFrame(more)])
    with opened(later) as other:
        first, second = (lookalikes_page(one, at, RULES).as_dict() for one in (shop, other))
    assert first == second


def test_nothing_is_ranked_where_the_traits_foretell_nothing() -> None:
    with opened(tables(lift=0.1)) as plain:
        page = lookalikes_page(plain, rules=RULES)
        assert "not surely better than chance" in page.left_out["the customers ranked"]
        assert "strangers" not in {table.name for table in page.tables}
        with pytest.raises(TooLittleDataError, match="surely better than chance"):
            lookalikes_page(plain, rules=RULES, outside=pd.DataFrame({"region": ["north"]}))


def test_a_list_of_ids_plain_or_hashed_comes_back_in_its_order(shop: Shop) -> None:
    buyer = tables()["orders"]["customer_id"].iloc[0]
    strangers = sorted(set(tables()["customers"]["customer_id"]) - set(tables()["orders"]["customer_id"]))
    ids = [strangers[0], "nobody", buyer]
    hashes = [sha256(name.encode()).hexdigest().upper() for name in ids]
    lists = pd.DataFrame({"customer_id": ids}), pd.DataFrame({"customer_id_sha256": hashes})
    plain, hashed = (scored(shop, one) for one in lists)
    assert plain["status"].tolist() == hashed["status"].tolist() == ["stranger", "not known", "customer"]
    assert plain["customer_id"].tolist() == ids
    pd.testing.assert_series_equal(plain["likeness"], hashed["likeness"])
    assert np.isnan(plain["likeness"].iloc[1])


def test_a_list_of_attributes_is_scored_by_these_alone(shop: Shop) -> None:
    found = scored(shop, pd.DataFrame({"name": ["A", "B", "C"], "region": ["north", "islands", None]}))
    assert found["likeness"].iloc[1] > 1.0 > found["likeness"].iloc[0]
    assert found["likeness"].iloc[2] == 1.0
    assert found["name"].tolist() == ["A", "B", "C"]


def scored(shop: Shop, outside: pd.DataFrame) -> pd.DataFrame:
    tables = lookalikes_page(shop, rules=RULES, outside=outside).tables
    return next(table for table in tables if table.name == "list").flat()


def test_a_list_without_anything_that_is_known_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="'customer_id_sha256'"):
        lookalikes_page(shop, outside=pd.DataFrame({"shoe_size": [42]}))
    with pytest.raises(InputError, match="at least one row"):
        lookalikes_page(shop, outside=pd.DataFrame({"region": []}))


def test_too_few_best_or_nothing_known_of_both_is_refused() -> None:
    with opened(tables(n=60)) as small, pytest.raises(TooLittleDataError, match="30 best customers or more"):
        lookalikes_page(small, rules=RULES)
    given = tables()
    bare = {"orders": given["orders"], "customers": given["customers"][["customer_id"]]}
    with opened(bare) as one, pytest.raises(LeftOutError, match="something known of best customers and strangers"):
        lookalikes_page(one, rules=RULES)
