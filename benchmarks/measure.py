"""Measuring a campaign: how often its intervals hold the truth, and how fast it is.

    python -m benchmarks.measure [--json] [--seeds 200] [--customers 12000] [--assignments 1000000]

The truth is the simulator's, for the customers who were treated; each seed is another shop. Speed is measured on a
made-up shop with twenty events for each assignment, beside the floor: the engine reading the same tables and counting
each customer's order lines. Nothing is downloaded; no peer measures campaigns.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from penchant.config import Config
from penchant.features.shop import Shop, open_shop, shop_from_tables
from penchant.serving.measure.campaign import measure
from penchant.simulate import SimulatedArm, SimulatedCampaign, SimulatedOffer, SimulationSettings, simulate

TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments")
AT = datetime(2024, 8, 1, tzinfo=UTC)
CAMPAIGNS = (
    SimulatedCampaign(
        "reactivate", "reactivate", AT, (SimulatedArm("sms", "sms", SimulatedOffer("coupon", 8, 40), 0.06),), 0.4, 1.0
    ),
    SimulatedCampaign("retain", "retain", AT, (SimulatedArm("email", "email"),), 0.2, 1.0),
)
SECONDS_PER_MILLION = 10.0


def coverage(n_seeds: int, n_customers: int) -> dict[str, Any]:
    """Return how often the intervals of simulated campaigns hold the true effect, by campaign and number."""
    found: list[dict[str, Any]] = []
    for seed in range(n_seeds):
        for campaign in CAMPAIGNS:
            with tempfile.TemporaryDirectory() as folder:
                found += _one_seed(campaign, seed, n_customers, Path(folder) / "shop")
    frame = pd.DataFrame(found)
    rows = []
    for keys, group in frame.groupby(["campaign", "number"], sort=True):
        n_held = int(group["held"].sum())
        interval = stats.binomtest(n_held, len(group)).proportion_ci()
        rows.append(
            {
                "campaign": keys[0],
                "number": keys[1],
                "n_seeds": len(group),
                "held": {"value": n_held / len(group), "low": interval.low, "high": interval.high},
                "mean_truth": float(group["truth"].mean()),
                "mean_error": float((group["value"] - group["truth"]).mean()),
                "mean_half_width": float(group["half"].mean()),
            }
        )
    return {"rows": rows, "held": float(frame["held"].mean())}


def _one_seed(campaign: SimulatedCampaign, seed: int, n_customers: int, folder: Path) -> list[dict[str, Any]]:
    ends_at = datetime(2024, 9, 1, tzinfo=UTC)
    settings = SimulationSettings(n_customers, seed, ends_at=ends_at, campaigns=(campaign,), pace_days=244)
    made = simulate(settings, folder)
    effects = pd.read_parquet(made.truth["effects"])
    effects = effects[effects["assigned_arm"] != "control"]
    tables = {name: {"path": f"{name}.parquet"} for name in TABLES}
    config = Config.model_validate({"tables": tables, "shop": {"extract_end": ends_at}})
    with open_shop(config, made.folder, checked=False) as shop:
        result = measure(shop, campaign.campaign_id).headline
    numbers = {
        "response, adjusted": (result.difference(), "effect_probability"),
        "response, plain": (result.difference(adjusted=False), "effect_probability"),
        "revenue, adjusted": (result.difference("revenue"), "effect_amount"),
        "profit, adjusted": (result.difference("profit"), "effect_profit"),
    }
    return [
        {
            "campaign": campaign.campaign_id,
            "number": name,
            "held": interval.low <= effects[column].mean() <= interval.high,
            "truth": effects[column].mean(),
            "value": interval.value,
            "half": (interval.high - interval.low) / 2,
        }
        for name, (interval, column) in numbers.items()
    ]


def speed(n: int, n_runs: int) -> dict[str, Any]:
    """Return seconds and memory of measuring n assignments, and of the floor, medians of several runs."""
    shop = shop_from_tables(made_up(n), Config())
    try:
        own = [_timed(lambda: measure(shop, "big")) for _ in range(n_runs)]
        floor = [_timed(lambda: _floor(shop)) for _ in range(n_runs)]
    finally:
        shop.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "assignments": n,
        "events": 20 * n,
        "measure": _median(own),
        "floor": _median(floor),
        "peak_gb": peak,
        "load_before": Path("/proc/loadavg").read_text().split()[0] if Path("/proc/loadavg").exists() else None,
    }


def _floor(shop: Shop) -> Any:
    rows = shop.tables["assignments"].select("customer_id")
    counts = rows.inner_join(shop.tables["orders"], "customer_id").group_by("customer_id")
    seen = shop.tables["interactions"].inner_join(rows, "customer_id").group_by("customer_id")
    return counts.aggregate(n=lambda t: t.count()).to_pyarrow(), seen.aggregate(n=lambda t: t.count()).to_pyarrow()


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _median(runs: list[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = (float(np.median(values)) for values in zip(*runs, strict=True))
    return {"wall_seconds": wall, "cpu_seconds": cpu}


def made_up(n: int, seed: int = 0) -> dict[str, pa.Table]:
    """Return a shop of n customers, all in one campaign: four order lines and sixteen visits for each."""
    rng = np.random.default_rng(seed)
    ids = _names("c", np.arange(n))
    begin, end = np.datetime64("2025-01-01", "us"), np.datetime64("2026-03-01", "us")

    def moments(k: int) -> Any:
        return begin + (rng.random(k) * 500 * 86_400e6).astype("timedelta64[us]")

    weight = rng.gamma(0.5, 1.0, n)
    edges = np.cumsum(weight) / weight.sum()
    buyer, at = np.searchsorted(edges, rng.random(2 * n)).clip(max=n - 1), moments(2 * n)
    order, item = np.repeat(np.arange(2 * n), 2), rng.integers(0, 5000, 4 * n)
    visitor = np.searchsorted(edges, rng.random(16 * n)).clip(max=n - 1)
    arm = rng.choice(3, n, p=[0.2, 0.4, 0.4])
    contacted = np.where(arm > 0, end + np.timedelta64(9, "h"), np.datetime64("NaT", "us"))
    return {
        "orders": pa.table(
            {
                "customer_id": ids.take(pa.array(buyer[order])),
                "ordered_at": at[order],
                "order_id": _names("o", np.arange(2 * n)).take(pa.array(order)),
                "item_id": _names("i", np.arange(5000)).take(pa.array(item)),
                "category_id": _names("k", np.arange(30)).take(pa.array(item % 30)),
                "quantity": np.ones(4 * n),
                "amount": rng.integers(200, 9000, 4 * n),
                "paid_at": (at + np.timedelta64(600, "s"))[order],
            }
        ),
        "interactions": pa.table(
            {
                "customer_id": ids.take(pa.array(visitor)),
                "occurred_at": moments(16 * n),
                "kind": pa.array(["view", "cart", "favorite", "login"]).take(pa.array(rng.integers(0, 4, 16 * n))),
                "channel": pa.array(["web", "app"]).take(pa.array(rng.integers(0, 2, 16 * n))),
            }
        ),
        "items": pa.table({"item_id": _names("i", np.arange(5000)), "unit_cost": rng.integers(100, 3000, 5000)}),
        "campaigns": pa.table({"campaign_id": ["big"], "goal": ["reactivate"], "unit_cost": [2]}),
        "assignments": pa.table(
            {
                "campaign_id": pa.array(["big"] * n),
                "customer_id": ids,
                "arm": pa.array(["control", "mail", "sms"]).take(pa.array(arm)),
                "assigned_at": np.full(n, end),
                "wave": np.ones(n, np.int64),
                "probability": np.array([0.2, 0.4, 0.4])[arm],
                "contacted_at": pa.array(contacted),
            }
        ),
    }


def _names(letter: str, numbers: Any) -> pa.Array:
    return pa.array([f"{letter}{number:07d}" for number in numbers.tolist()])


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--seeds", type=int, default=200, help="simulated shops per campaign; 0: none")
    parser.add_argument("--customers", type=int, default=12_000, help="of each simulated shop")
    parser.add_argument("--assignments", type=int, default=1_000_000, help="for the speed; 0: not measured")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    options = parser.parse_args()
    result: dict[str, Any] = {"aims": []}
    if options.seeds:
        result["coverage"] = coverage(options.seeds, options.customers)
        held = result["coverage"]["held"]
        result["aims"].append(
            {
                "name": "intervals hold the truth in about 95 % of seeds",
                "value": held,
                "aim": "0.93 to 0.97",
                "met": 0.93 <= held <= 0.97,
            }
        )
    if options.assignments:
        result["speed"] = speed(options.assignments, options.runs)
        seconds = result["speed"]["measure"]["wall_seconds"] * 1e6 / options.assignments
        result["aims"].append(
            {
                "name": "seconds for a million assignments",
                "value": seconds,
                "aim": f"at most {SECONDS_PER_MILLION:g}",
                "met": seconds <= SECONDS_PER_MILLION,
            }
        )
    print(json.dumps(result) if options.json else told(result))


def told(result: dict[str, Any]) -> str:
    """Return the result as lines for a person."""
    lines = []
    for row in result.get("coverage", {}).get("rows", ()):
        lines.append(
            f"{row['campaign']:<11} {row['number']:<19} held in {row['held']['value']:.1%} of {row['n_seeds']} seeds "
            f"[{row['held']['low']:.1%}, {row['held']['high']:.1%}]; truth {row['mean_truth']:.4g}, "
            f"bias {row['mean_error']:+.3g}, half width {row['mean_half_width']:.3g}"
        )
    if "speed" in result:
        own, floor = result["speed"]["measure"], result["speed"]["floor"]
        lines.append(
            f"{result['speed']['assignments']:,} assignments: {own['wall_seconds']:.1f} s wall, "
            f"{own['cpu_seconds']:.1f} s CPU; floor {floor['wall_seconds']:.1f} s wall; "
            f"peak {result['speed']['peak_gb']:.1f} GB"
        )
    lines += [f"{'met' if aim['met'] else 'MISSED'}: {aim['name']}: {aim['value']:.3g}" for aim in result["aims"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
