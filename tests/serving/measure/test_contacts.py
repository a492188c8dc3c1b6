"""The contact's own funnel: counted by hand, and the best hour told where it was planted and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError, LeftOutError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.measure.contacts import contacts_page, read_contacts

START, END = datetime(2025, 1, 1), datetime(2025, 6, 1)


def at(day: float, hour: float = 9.0) -> datetime:
    return START + timedelta(days=day, hours=hour)


def shop_of(rows: pd.DataFrame, **tables: pd.DataFrame) -> Shop:
    channels = pd.DataFrame({"campaign_id": sorted(rows["campaign_id"].unique()), "channel": "email"})
    config = read_config({"shop": {"extract_end": END, "timezone": "Asia/Shanghai"}})
    return shop_from_tables({"assignments": rows, "campaigns": channels, **tables}, config)


def sent(who: str, day: float, opened: bool = False, arm: str = "mail", **more: Any) -> dict[str, Any]:
    own = {"campaign_id": f"c{day:.0f}", "customer_id": who, "arm": arm, "assigned_at": at(day, 0), "wave": 1}
    contacted = pd.NaT if arm == "control" else at(day, more.pop("hour", 9.0))
    return {**own, "contacted_at": contacted, "opened_at": at(day, 12) if opened else pd.NaT, **more}


@pytest.fixture(scope="module")
def by_hand() -> pd.DataFrame:
    """Return the messages of a small shop, as they are read."""
    rows = [sent("ann", day, opened=day == 10) for day in (0, 10, 25, 60)]
    rows += [sent("bob", 10), sent("cid", 10, arm="control"), sent("bob", 148)]  # the last one is not a week old
    acts = {"customer_id": ["ann", "ann", "bob"], "occurred_at": [at(2), at(20), at(9)], "kind": "view"}
    bought = {"customer_id": ["ann", "bob"], "ordered_at": [at(11), at(16.5)], "order_id": ["1", "2"], "amount": 100}
    tables = {"interactions": pd.DataFrame(acts), "orders": pd.DataFrame(bought)}
    with shop_of(pd.DataFrame(rows), **tables) as shop:
        return read_contacts(shop, None, END - timedelta(days=7))


def test_messages_are_counted_with_what_came_within_a_week_and_what_went_before(by_hand: pd.DataFrame) -> None:
    rows = by_hand.set_index(["customer_id", "campaign"])
    assert len(rows) == 5
    assert rows["hour"].unique().tolist() == [17]  # the shop's clock
    assert rows["opened"].sum() == 1
    assert rows.loc["ann", "came"].to_dict() == {"c0": True, "c10": False, "c25": False, "c60": False}
    assert rows.loc["ann", "bought"].to_dict() == {"c0": False, "c10": True, "c25": False, "c60": False}
    assert rows.loc[("bob", "c10"), "bought"]
    assert rows.loc["ann", "n_before"].to_dict() == {"c0": 0, "c10": 1, "c25": 2, "c60": 0}


def messages(seed: int, best: float) -> pd.DataFrame:
    """Return messages of four hours; at 8 o'clock (UTC) so many are opened, at the others 30 %."""
    rng, n = np.random.default_rng(seed), 2400
    hours, who = rng.choice([6, 7, 8, 9], n), rng.integers(0, 600, n)
    opened = rng.random(n) < np.where(hours == 8, best, 0.3)
    days = 3 * np.arange(n) // 60
    return pd.DataFrame(
        sent(f"p{one}", float(day), bool(yes), hour=float(hour)) | {"campaign_id": f"k{place % 2}", "wave": place}
        for place, (one, day, yes, hour) in enumerate(zip(who, days, opened, hours, strict=True))
    )


def test_the_best_hour_is_told_where_it_is_planted_and_only_there() -> None:
    found = []
    for seed, best in ((1, 0.5), (2, 0.3)):
        with shop_of(messages(seed, best)) as shop:
            page = contacts_page(shop)
            found.append(page.facts["send_hour"]["all"])
            rows = page.as_dict()["by_hour"]
            assert sum(row["sent"] for row in rows) == page.facts["n_messages"]
            assert all(row["opened"].low < row["opened"].value < row["opened"].high for row in rows)
    assert found == [16, None]  # the shop's clock is eight hours ahead


def test_what_cannot_be_told_is_refused_in_words() -> None:
    rows = messages(3, 0.3)
    with shop_of(rows) as shop:
        with pytest.raises(InputError, match="Did you mean 'k1'"):
            contacts_page(shop, campaign="k_1")
        assert "clicked" in contacts_page(shop, campaign="k1").left_out
    with shop_of(rows.head(20)) as shop, pytest.raises(TooLittleDataError, match="30 messages"):
        contacts_page(shop)
    with (
        shop_of(rows.drop(columns="contacted_at")) as shop,
        pytest.raises(LeftOutError, match="when messages went out"),
    ):
        contacts_page(shop)
