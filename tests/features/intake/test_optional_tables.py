"""The tables around the core: read from files, checked, and asked by their signals."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from penchant.config import Config
from penchant.errors import ContractError
from penchant.features.goods.own_tags import own_tags_of
from penchant.features.matrix import build
from penchant.features.shop import open_shop
from penchant.features.spine import Spine

FILES = {
    "orders": "customer_id,ordered_at,amount\na,2024-01-01 10:00,5\n",
    "feedback": "customer_id,at,kind,rating,closed_at\na,2024-01-02 10:00,complaint,,\na,2024-01-03 10:00,review,4,\n",
    "memberships": "customer_id,level,starts_at,ends_at,price\na,gold,2024-01-01 10:00,2025-01-01 00:00,9.90\n",
    "points": "customer_id,at,points\na,2024-01-01 10:00,30\na,2024-01-02 10:00,-10\n",
    "referrals": "customer_id,referred_id,at\na,b,2024-01-02 10:00\n",
    "costs": "channel,at,amount\nads,2024-01-01 10:00,250\n",
    "item_tags": "item_id,tag,value\ncup,style,casual\ncup,style,casual\ncup,sturdy,\n",
}


def config(tmp_path: Path, **files: str) -> Config:
    for name, text in {**FILES, **files}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return Config.model_validate({"tables": {name: {"path": f"{name}.csv"} for name in FILES}})


def test_tables_around_the_core_are_read_and_asked(tmp_path: Path) -> None:
    with open_shop(config(tmp_path), tmp_path) as shop:
        assert not any(table.findings for table in shop.report.tables.values())  # points below zero are no fault
        assert shop.tables["costs"].to_pandas()["amount"].tolist() == [25_000]
        assert own_tags_of(shop) == {"cup": ["sturdy", "style:casual"]}
        spine = Spine.at(shop, datetime(2024, 2, 1), ["a"])
        row = build(shop, spine, ["satisfaction", "programme"]).frame.iloc[0]
    assert (row["n_open_complaints"], row["rating_mean"], row["member_level"]) == (1, 4, "gold")
    assert (row["points_balance"], row["n_points_used_365d"], row["n_referrals"]) == (20, 1, 1)


def test_feedback_of_an_unknown_kind_is_set_aside(tmp_path: Path) -> None:
    text = FILES["feedback"] + "a,2024-01-04 10:00,shouting,,\n"
    with open_shop(config(tmp_path, feedback=text), tmp_path) as shop:
        assert shop.report.tables["feedback"].set_aside == {"unknown_code": 1}
    with pytest.raises(ContractError, match="'kind'"):
        open_shop(config(tmp_path, feedback="customer_id,at\na,2024-01-02 10:00\n"), tmp_path)
