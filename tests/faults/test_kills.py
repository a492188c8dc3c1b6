"""Runs that are killed at any moment: what was there stays whole, and the next run comes to the same end."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import duckdb
import numpy as np

from penchant.models.store.registry import Registry

from ..trained_shop import run, started
from .conftest import DAYS, leftovers, results_in

KILLS = 50


def night(day: str) -> tuple[str, ...]:
    return ("nightly", "--as-of", day, "--plan", f"{day}.toml", "--to", "crm.toml", "--json")


def test_fifty_nights_killed_at_random_moments_lose_nothing(shop: Path) -> None:
    calm = shutil.copytree(shop, shop.parent / "calm")
    before = time.monotonic()
    ended = [run(calm, *night(day)) for day in DAYS]
    assert {done.returncode for done in ended} <= {0, 3}, [done.stdout for done in ended]  # 3: its scores drift
    longest, rng, former = (time.monotonic() - before) / len(DAYS), np.random.default_rng(0), lasting(shop)
    n_killed = 0
    for day, calm_end in zip(DAYS, ended, strict=True):
        for _ in range(KILLS // len(DAYS)):
            process = started(shop, *night(day))
            time.sleep(rng.uniform(0.2, 1.0) * longest)
            n_killed += process.poll() is None
            process.kill()
            process.communicate()
            now = lasting(shop)
            assert {name: files for name, files in now.items() if name in former} == former
            former = now
        assert run(shop, *night(day)).returncode == calm_end.returncode
        former = lasting(shop)
    assert n_killed > KILLS / 2
    assert results_in(shop / "out") == results_in(calm / "out")
    assert sends(shop) == sends(calm)
    assert leftovers(shop) == []


def lasting(shop: Path) -> dict[str, dict[str, str]]:
    """Return the results but those of the night itself and of what it watches, which each run writes anew."""
    found = results_in(shop / "out")
    return {name: files for name, files in found.items() if not name.startswith(("fuzz/nightly", "fuzz/monitor"))}


def sends(shop: Path) -> list[tuple[str, ...]]:
    with duckdb.connect(str(shop / "crm.duckdb"), read_only=True) as base:
        return base.sql("select campaign_id, customer_id from sends order by all").fetchall()


def test_trainings_killed_at_random_moments_leave_no_run_open_and_no_half_a_version(shop: Path) -> None:
    train, rng = ("train", "repurchase", "--horizon", "30", "--seed", "1", "--json"), np.random.default_rng(1)
    before = time.monotonic()
    assert run(shop, *train).returncode == 0
    longest = time.monotonic() - before
    for _ in range(6):
        process = started(shop, *train)
        time.sleep(rng.uniform(0.5, 1.0) * longest)  # the later half: fitted, being recorded
        process.kill()
        process.communicate()
        assert run(shop, "score", "--as-of", "2024-08-01", "--json").returncode == 0
    assert run(shop, *train).returncode == 0
    registry = Registry(shop / "mlruns")
    assert "RUNNING" not in {one.status for one in registry.runs("fuzz.repurchase")}
    for version in registry.versions("fuzz.repurchase"):
        assert registry.folder(version).is_dir()  # whole: held against its hash
    assert leftovers(shop) == []
