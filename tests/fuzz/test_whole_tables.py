"""Tables as shops write them, from init to an audience: no traceback, no wrong sum, every row accounted for."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ..trained_shop import penchant
from .effort import try_out
from .shops import KnownShop, known_shops

AS_OF = "2024-06-01"
SECTIONS = '\n[features]\ngroups = ["recency", "frequency", "monetary"]\nwindows = [90]\n'


def test_tables_as_shops_write_them(store: Path) -> None:
    ends: list[str] = []

    def check(shop: KnownShop) -> None:
        with TemporaryDirectory() as place:
            folder = Path(place)
            shop.write(folder)
            ends.append("refused")
            if is_understood(folder, shop):
                signals_add_up(folder, shop)
                lists_add_up(folder, store, shop)
                ends[-1] = "whole"

    try_out(check, 2, shop=known_shops())
    assert ends.count("whole") >= len(ends) / 2  # else nothing was shown


def is_understood(folder: Path, shop: KnownShop) -> bool:
    """Hold what `init` and `check` understood against what is known; refused in words is right, too."""
    if penchant(folder, "init", ".", "--yes").code:
        return False
    page = folder / "penchant.toml"
    page.write_text(re.sub(r'name = ".*"', 'name = "fuzz"', page.read_text(), count=1) + SECTIONS)
    checked = penchant(folder, "check")
    if checked.code == 2:
        return False
    orders = checked.told["tables"]["orders"]
    assert orders["n_read"] == orders["n_accepted"] + orders["n_set_aside"] + orders["n_excluded"]
    assert orders["n_read"] == sum(source["n_read"] for source in orders["sources"]) == len(shop.rows) + shop.n_bad
    totals = checked.told["totals"]["orders"]
    assert totals["n_customers"] == shop.rows["customer_id"].nunique()
    if totals.get("revenue") is None:  # no column of money was found: said as a doubt
        return False
    assert round(100 * totals["revenue"]) == shop.rows["cents"].sum()
    assert totals["first_day"] == f"{shop.rows['ordered_at'].min():%Y-%m-%d}"
    return True


def signals_add_up(folder: Path, shop: KnownShop) -> None:
    built = penchant(folder, "features", "--as-of", AS_OF)
    assert built.code == 0, built.said
    signals = pd.read_parquet(folder / built.told["out"] / "features.parquet")
    before = shop.rows[shop.rows["ordered_at"] < AS_OF]
    assert len(signals) == built.told["n_rows"] == before["customer_id"].nunique()
    spent = before.groupby("customer_id")["cents"].sum()
    found = (signals.set_index("customer_id")["amount_total"] * 100).round().astype(int)
    pd.testing.assert_series_equal(found.sort_index(), spent.sort_index(), check_names=False, check_index_type=False)


def lists_add_up(folder: Path, store: Path, shop: KnownShop) -> None:
    scored = penchant(folder, "score", "--as-of", AS_OF, "--store", str(store))
    assert scored.code == 0, scored.said
    scores = pd.read_parquet(folder / scored.told["out"] / "repurchase.parquet")
    assert scores["customer_id"].is_unique
    assert len(scores) == scored.told["tasks"]["repurchase"]["n_customers"]
    assert set(scores["customer_id"]) <= set(shop.rows["customer_id"])
    assert scores["probability"].between(0, 1).all()
    drawn = penchant(folder, "audience", "second", "--as-of", AS_OF, "--store", str(store), "--assume-consent")
    if drawn.code == 2:  # nobody has exactly one order
        return
    told = drawn.told
    sent = pd.read_parquet(folder / told["out"] / "send_list.parquet")
    assert len(sent) == told["n_treated"]
    assert told["n_treated"] + told["n_control"] == told["n_chosen"] == sum(arm["customers"] for arm in told["arms"])
    assert told["n_chosen"] <= told["n_ranked"] <= told["n_eligible"] <= told["n_candidates"]
    assert sum(reason["first_reason"] for reason in told["excluded"].values()) == told["n_eligible"] - told["n_ranked"]
    ones = shop.rows[shop.rows["ordered_at"] < AS_OF].groupby("customer_id").size()
    assert set(sent["customer_id"].astype(str)) <= set(ones[ones == 1].index)
