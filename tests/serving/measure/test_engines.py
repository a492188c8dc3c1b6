"""Two engines, same numbers: a campaign measured on DuckDB and on Spark."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.shop import shop_from_tables
from penchant.serving.measure.campaign import measure
from penchant.serving.measure.settings import MeasureSettings

pytestmark = pytest.mark.spark
END = pd.Timestamp("2025-09-01").to_pydatetime()


def test_engines_agree(spark: Any, trial_tables: Any, make_trial: Any) -> None:
    tables = trial_tables(make_trial(n=500))
    assignments = tables["assignments"]
    second = assignments[::2].assign(wave=2, assigned_at=assignments["assigned_at"] + pd.Timedelta(days=9))
    tables["assignments"] = pd.concat([assignments, second], ignore_index=True)
    tables["interactions"] = pd.DataFrame(
        {
            "customer_id": tables["orders"]["customer_id"],
            "occurred_at": tables["orders"]["ordered_at"] - pd.Timedelta(minutes=5),
            "kind": "view",
            "channel": "app",
        }
    )
    config = Config.model_validate({"shop": {"extract_end": END}})
    with shop_from_tables(tables, config) as shop:
        settings = MeasureSettings(reads_stage=True)
        one = measure(shop, "spring", settings).as_dict()
    with shop_from_tables(tables, config, spark) as shop:
        assert measure(shop, "spring", settings).as_dict() == one
