"""A matrix is written batch by batch, and is then what the frame shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd

from penchant.features.matrix import build
from penchant.features.shop import shop_from_tables
from penchant.features.spine import Spine


def test_batches_and_files_hold_what_the_frame_holds(tmp_path: Path) -> None:
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{number % 7}" for number in range(60)],
            "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(range(60), unit="D"),
            "amount": range(100, 6100, 100),
        }
    )
    with shop_from_tables({"orders": orders}) as shop:
        matrix = build(shop, Spine.at(shop, [datetime(2024, 2, 1), datetime(2024, 3, 1)]))
        assert [batch.num_rows for batch in matrix.batches(10)] == [10, 4]
        assert matrix.write(tmp_path) == 14
        written = pd.read_parquet(tmp_path / "features.parquet")
        pd.testing.assert_frame_equal(written, matrix.frame, check_dtype=False)
