"""The configuration of a simulated shop."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from penchant.output import write_text
from penchant.simulate.shop import TABLES

SHOP_TOML = """\
# A simulated shop: its files are in the contract's own form, so nothing needs to be renamed.
[shop]
name = "demo"
currency = "EUR"
"""
TASKS_TOML = """\
# Fewer windows and snapshots than usual, so that all of it is done in minutes.
[features]
windows = [90, 365]

[tasks.churn]
n_snapshots = 2

[tasks.second_purchase]
n_snapshots = 1
horizon_days = 60

[tasks.engagement]
n_snapshots = 1

[tasks.conversion]
n_snapshots = 2

[tasks.repurchase]
n_snapshots = 1

[tasks.open]  # judged while the shop's own campaigns still ran
n_snapshots = 2
test_as_of = 2025-09-25T00:00:00

[tasks.click]
n_snapshots = 2
test_as_of = 2025-09-25T00:00:00

[scenes.wardrobe]  # a theme page: penchant insight scene wardrobe
categories = ["fashion", "shoes"]

[gate]  # lower than usual: the shop is small
min_buyers = 300
min_positives = 40
min_negatives = 40

"""


def write_config(path: Path, ends_at: datetime | None = None, data: str = "") -> None:
    """Write the configuration of a simulated shop: the end of its data and their folder, where they are known."""
    end = "" if ends_at is None else f"extract_end = {ends_at.isoformat()}\n"
    place = f'data = "{data}"\n' if data else ""
    tables = [f'[tables.{name}]\npath = "{name}.parquet"\n' for name in TABLES]
    write_text(path, SHOP_TOML + end + place + "\n" + TASKS_TOML + "\n".join(tables))
