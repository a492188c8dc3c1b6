"""Product roles against those that the simulator planted: python -m benchmarks.roles [--json] [--seeds 7].

Shops of several seeds are simulated, and the products of all of them judged together, where their data can tell:
traffic and profit of items with ten orders or more, potential of items with 150 lookers or more at a moment when
planted growth is not over.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from penchant.config import Config
from penchant.features.goods.roles import products
from penchant.features.shop import open_shop
from penchant.simulate import SimulationSettings, simulate

AIM = 0.8
WHILE_GROWING = timedelta(days=450)  # before the end of the data
LEAST_ORDERS, LEAST_LOOKERS = 10, 150


def main() -> None:
    """Simulate, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=7, help="so many shops")
    parser.add_argument("--customers", type=int, default=40_000, help="of each shop")
    options = parser.parse_args()
    shops = [roles_of(seed, options.customers) for seed in range(1, options.seeds + 1)]
    counts = {role: np.sum([one[role] for one in shops], axis=0).tolist() for role in shops[0]}
    aims = [aim for role, (both, found, planted) in counts.items() for aim in _aims(role, both, found, planted)]
    if options.json:
        print(json.dumps({"counts": counts, "aims": aims}))
    else:
        print("\n".join(f"{'met   ' if aim['met'] else 'missed'} {aim['name']}: {aim['value']:.2f}" for aim in aims))


def roles_of(seed: int, n_customers: int) -> dict[str, tuple[int, int, int]]:
    """Return of each role how many items have it and were planted so, have it, were planted so."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        simulate(SimulationSettings(n_customers=n_customers, seed=seed), folder)
        tables = {path.stem: {"path": path.name} for path in folder.glob("*.parquet")}
        with open_shop(Config.model_validate({"tables": tables}), folder, checked=False) as shop:
            late, early = (products(shop, shop.extract_end - back) for back in (timedelta(0), WHILE_GROWING))
        planted = pq.read_table(folder / "truth" / "items.parquet").to_pandas().rename(columns={"role": "planted"})
    late, early = late.merge(planted, on="item_id"), early.merge(planted, on="item_id")
    sold = late[late["n_orders"] >= LEAST_ORDERS]
    seen = early[early["n_lookers_now"] + early["n_lookers_before"] >= LEAST_LOOKERS]
    judged = {"traffic": sold, "profit": sold, "potential": seen, "marginal": late}
    return {role: agreement(items, role) for role, items in judged.items()}


def agreement(items: pd.DataFrame, role: str) -> tuple[int, int, int]:
    """Return how many items have a role and were planted so, have it, were planted so."""
    is_found, is_planted = items["role"] == role, items["planted"] == role
    return int((is_found & is_planted).sum()), int(is_found.sum()), int(is_planted.sum())


def _aims(role: str, both: int, found: int, planted: int) -> Iterator[dict[str, Any]]:
    for name, of in (("precision", found), ("recall", planted)):
        value = both / of if of else float("nan")
        yield {"name": f"{role}: {name}", "value": value, "aim": f"at least {AIM}", "met": value >= AIM}


if __name__ == "__main__":
    main()
