"""Concerns by category and topics of texts, as they were made up; Chinese texts are cut too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import LeftOutError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.insight.concerns import concerns_of, concerns_page, topics_of

END = datetime(2025, 6, 1)
SAID = {
    "size": ("shoes", "the size is too narrow and does not fit"),
    "skin": ("cream", "my skin turned red and itches"),
    "late": ("shoes", "the parcel came a week late by courier"),
}
ZH = {"size": "尺码太小不合适", "skin": "皮肤发红过敏", "late": "快递太慢迟到了"}


def ago(days: float) -> datetime:
    return END - timedelta(days=days)


def feedback(texts: dict[str, str] | None = None) -> pd.DataFrame:
    """Return 20 complaints of size, 15 of skin and 10 of delivery, of customers of their own."""
    rows = []
    for topic, n in (("size", 20), ("skin", 15), ("late", 10)):
        category, text = SAID[topic]
        for place in range(n):
            who = f"{'s' if topic != 'skin' else 'k'}{place + (20 if topic == 'late' else 0):02}"
            said = {"customer_id": who, "at": ago(30), "kind": "complaint", "topic": topic}
            rows.append({**said, "text": texts[topic] if texts else text, "category_id": category})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return 100 buyers of shoes, a half of them new, and 50 of cream; only returning ones complain of the size."""
    bought = [(f"s{n:02}", ago(60), "shoes") for n in range(100)] + [(f"k{n:02}", ago(60), "cream") for n in range(50)]
    bought += [(f"s{n:02}", ago(500), "shoes") for n in range(50)]
    orders = pd.DataFrame(bought, columns=["customer_id", "ordered_at", "category_id"])
    orders = orders.assign(order_id=[f"o{n}" for n in range(len(orders))], amount=100)
    with shop_from_tables(
        {"orders": orders, "feedback": feedback()}, read_config({"shop": {"extract_end": END}})
    ) as one:
        yield one


def test_concerns_are_shares_of_a_categorys_buyers_and_choose_its_message(shop: Shop) -> None:
    page = concerns_page(shop)
    rows = {(row["category"], row["topic"]): row for row in page.as_dict()["concerns"]}
    size = rows[("shoes", "size")]
    assert (size["n"], size["share"].value) == (20, 0.2)
    assert (size["of_returning"].value, size["of_new"].value) == (0.4, 0.0)
    assert rows[("cream", "skin")]["share"].value == pytest.approx(0.3)
    assert page.facts["messages"] == {"cream": "skin", "shoes": "size"}
    assert page.facts["messages_to_new"] == {}


def test_new_buyers_concerns_choose_a_message_of_their_own(shop: Shop) -> None:
    new = pd.DataFrame({"customer_id": [f"s{n}" for n in range(60, 66)], "topic": "courier", "category_id": "shoes"})
    said = pd.concat([feedback(), new.assign(at=ago(20), kind="complaint")], ignore_index=True)
    tables = {"orders": shop.tables["orders"].to_pandas(), "feedback": said}
    with shop_from_tables(tables, read_config({"shop": {"extract_end": END}})) as other:
        found = concerns_of(other, END)
        assert [(each.topic, each.n, each.n_new, each.n_returning) for each in found] == [
            ("size", 20, 0, 20),
            ("skin", 15, 15, 0),
            ("late", 10, 0, 10),
            ("courier", 6, 6, 0),
        ]
        assert concerns_page(other).facts["messages_to_new"] == {"shoes": "courier"}
        assert concerns_of(other, ago(30)) == ()


@pytest.mark.parametrize("texts", [None, ZH], ids=["english", "chinese"])
def test_topics_of_texts_are_found_without_their_names(texts: dict[str, str] | None) -> None:
    rows = feedback(texts)
    found = topics_of(rows["text"].tolist(), n_topics=3)
    assert found is not None
    which, words = found
    groups = pd.Series(which).groupby(rows["topic"].to_numpy()).nunique()
    assert (groups == 1).all()
    assert len(set(which)) == 3
    assert all(words)


def test_too_little_feedback_or_none_is_refused(shop: Shop) -> None:
    assert topics_of(["late"] * 10) is None
    with pytest.raises(TooLittleDataError, match="5 complaints"):
        concerns_page(shop, ago(100))
    with (
        shop_from_tables({"orders": shop.tables["orders"].to_pandas()}) as bare,
        pytest.raises(LeftOutError, match="feedback"),
    ):
        concerns_page(bare)
