"""Which signals a model learns from, by group, name and pattern."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError
from penchant.features.outcomes.tasks import REPURCHASE, Span
from penchant.features.shop import Shop, shop_from_tables
from penchant.training.dataset import SignalChoice, with_signals

AS_OF = datetime(2025, 3, 1)


@pytest.fixture(scope="module")
def shop() -> Shop:
    rng = np.random.default_rng(0)
    days = pd.to_timedelta(rng.uniform(0, 200, 90), unit="D").round("s")
    orders = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)], "ordered_at": AS_OF - days, "amount": 500})
    return shop_from_tables({"orders": orders}, read_config({"features": {"groups": ["recency", "monetary", "rfm"]}}))


def columns(shop: Shop, *without: str, groups: tuple[str, ...] = ()) -> set[str]:
    labels = pd.DataFrame(
        {"customer_id": ["c1", "c2"], "as_of": pd.Timestamp(AS_OF - timedelta(days=40)), "label": [0.0, 1.0]}
    )
    rows = with_signals(shop, REPURCHASE, labels, Span(0, 30), SignalChoice(groups, without))
    assert [column.name for column in rows.columns] == list(rows.features.columns)
    return set(rows.features.columns)


def test_groups_names_and_patterns_choose(shop: Shop) -> None:
    every = columns(shop)
    assert "rfm_total" in every
    assert columns(shop, groups=("rfm",)) == {name for name in every if name.startswith("rfm_")}
    assert columns(shop, "rfm_total") == every - {"rfm_total"}
    assert columns(shop, "rfm", "days_*") == {n for n in every if not n.startswith(("rfm_", "days_"))}


@pytest.mark.parametrize(
    ("without", "groups", "message"),
    [
        (("rfm_totl",), (), r"--without: the name of a signal or group.*Did you mean 'rfm_total'"),
        ((), ("recencies",), r"--group: the name of a feature group.*Did you mean 'recency'"),
        ((), ("frequency",), "--group.*Got 'frequency'"),  # not configured: it could not be scored
        (("rfm",), ("rfm",), "at least one signal that is left"),
    ],
)
def test_a_choice_of_nothing_is_refused(
    shop: Shop, without: tuple[str, ...], groups: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        columns(shop, *without, groups=groups)
