"""Which signals a model learns from, by group, name and pattern."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import InputError
from penchant.features.outcomes.tasks import REPURCHASE, Span
from penchant.features.shop import Shop, shop_from_tables
from penchant.training.dataset import Dataset, SignalChoice, snapshot_rows, with_signals

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


def test_a_sample_is_of_whole_customers_and_leaves_their_rows_as_they_are(shop: Shop) -> None:
    """Outcome, signals (those that rank customers among all too) and amounts; the seed draws others."""
    moments, span = [AS_OF - timedelta(days=days) for days in (60, 40)], Span(0, 30)
    whole = snapshot_rows(shop, REPURCHASE, moments, span)

    def drawn(most: int, seed: int) -> tuple[set[str], Dataset]:
        config = shop.config.with_task("repurchase", max_customers=most).model_copy(update={"seed": seed})
        rows = snapshot_rows(replace(shop, config=config), REPURCHASE, moments, span)
        return set(rows.customer_id), rows

    ids, rows = drawn(12, 1)
    assert 4 < len(ids) < 20
    kept = whole.where(np.isin(whole.customer_id, list(ids)))
    assert set(rows.as_of) == set(whole.as_of)
    pd.testing.assert_frame_equal(rows.features, kept.features)
    assert rows.label.tolist() == kept.label.tolist()
    assert rows.amount is not None
    assert kept.amount is not None
    assert rows.amount.tolist() == kept.amount.tolist()
    assert drawn(12, 2)[0] != ids
    assert len(drawn(500, 1)[1]) == len(whole)
