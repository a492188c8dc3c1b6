"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from penchant.config import Config
from penchant.features.catalogue import groups_of
from penchant.features.prove import prove
from penchant.features.shop import shop_from_tables

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_own_group_of_the_readme_keeps_every_promise(tmp_path: Path) -> None:
    (code,) = [part for part in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "GROUPS" in part]
    module = tmp_path / "my_groups.py"
    module.write_text(code, encoding="utf-8")
    days = pd.date_range("2024-01-01", periods=60, freq="5D")
    orders = pd.DataFrame({"customer_id": ["a", "b", "c"] * 20, "ordered_at": days, "amount": range(0, 30_000, 500)})
    with shop_from_tables({"orders": orders}, Config(modules=(str(module),))) as shop:
        (group,) = groups_of(shop, ["big_orders"])
        assert [column.name for column in group.columns((7, 30))] == ["n_big_orders_7d", "n_big_orders_30d"]
        assert not prove(shop, ["big_orders"]).broken
