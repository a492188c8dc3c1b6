"""A shop gets what it can have: tables and columns taken away leave no signal that cannot be built."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from penchant.errors import LeftOutError
from penchant.features.matrix import build
from penchant.features.outcomes.labels import label
from penchant.features.outcomes.tasks import MARGIN
from penchant.features.shop import shop_from_tables
from penchant.features.signals.crowds import CROWDS, lacking_of
from penchant.features.spine import Spine
from penchant.serving.insight.tags import tags_of

AT = pd.Timestamp("2023-10-15")
NAMED = {"in_repurchase_due", "bought_cycle_days", "price_percentile_bought", "margin_30d", "category_top_1"}
AWAY: Mapping[str, tuple[list[str], set[str]]] = {
    "orders do not name items": (["orders.item_id", "interactions"], NAMED),
    "interactions name items alone": (["orders.item_id"], NAMED - {"category_top_1"}),
    "no orders": (["orders"], {"margin_30d", "amount_total"}),
    "prices without categories": (["items.category_id"], {"price_tier", "category_top_1"}),
    "categories without prices": (["orders.amount", "interactions.price"], {"price_tier", "rfm_monetary"}),
}


def without(tables: Mapping[str, pd.DataFrame], away: list[str]) -> dict[str, pd.DataFrame]:
    left = {name: rows for name, rows in tables.items() if name not in away}
    for table, _dot, column in (one.partition(".") for one in away):
        if column:
            left[table] = left[table].drop(columns=column)
    return left


@pytest.mark.slow
@pytest.mark.parametrize("away", AWAY)
def test_what_cannot_be_had_is_named_and_the_rest_is_built(world_tables: dict[str, pd.DataFrame], away: str) -> None:
    columns, named = AWAY[away]
    with shop_from_tables(without(world_tables, columns)) as shop:
        matrix = build(shop, Spine.at(shop, AT), windows=[30])
        assert named <= set(matrix.left_out)
        assert not set(matrix.left_out) & set(matrix.frame)
        dead = [one.name for one in matrix.columns if matrix.frame[one.name].isna().all()]
        assert not dead
        tags = tags_of(shop, AT.to_pydatetime())
        assert sum(batch.num_rows for batch in tags.batches) > 0


def test_half_a_way_is_told_with_the_other_half(world_tables: dict[str, pd.DataFrame]) -> None:
    with shop_from_tables(without(world_tables, ["orders.item_id", "interactions.item_id"])) as shop:
        due = next(crowd for crowd in CROWDS if crowd.name == "repurchase_due")
        expected = "the shop has no 'orders.category_id' or 'items.category_id with orders.item_id'"
        assert lacking_of(shop, [due]) == {"repurchase_due": expected}
        with pytest.raises(LeftOutError, match=r"items\.unit_cost with orders\.item_id"):
            label(shop, MARGIN, AT.to_pydatetime())
