"""Two engines, same numbers: a campaign measured on DuckDB and on Spark."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features.engine import spark_backend
from penchant.features.shop import shop_from_tables
from penchant.serving.measure import measure

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),  # pyspark 4.0 on pandas 3
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # pyspark's own, to its engine
]
END = pd.Timestamp("2025-09-01").to_pydatetime()


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pytest.importorskip("pyspark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    backend = spark_backend(Config().engine)
    backend._session.conf.set("spark.sql.shuffle.partitions", "2")
    yield backend
    backend._session.stop()


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
        one = measure(shop, "spring").as_dict()
    with shop_from_tables(tables, config, spark) as shop:
        assert measure(shop, "spring").as_dict() == one
