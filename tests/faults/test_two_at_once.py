"""Two runs at once: both come through, or one says that the other is at it; never half of each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from penchant.models.store.registry import Registry

from ..trained_shop import run, started
from .conftest import leftovers, results_in

TRAIN = ("train", "repurchase", "--horizon", "30", "--json")


def both(shop: Path, one: tuple[str, ...], other: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return exit code and messages of two commands that run at once."""
    processes = [started(shop, *command) for command in (one, other)]
    ended = [(process.communicate(timeout=600), process.returncode) for process in processes]
    assert not any("Traceback" in err for (_, err), _code in ended), ended
    return [(code, err) for (_, err), code in ended]


def test_two_trainings_of_two_tasks_come_through(shop: Path) -> None:
    ended = both(shop, TRAIN, ("train", "value", "--horizon", "30", "--json"))
    assert [code for code, _ in ended] == [0, 0], ended
    registry = Registry(shop / "mlruns")
    assert [version.version for version in registry.versions("fuzz.repurchase")] == [2, 1]
    assert [version.version for version in registry.versions("fuzz.value")] == [1]
    assert "RUNNING" not in {one.status for name in registry.names() for one in registry.runs(name)}


def test_two_trainings_into_a_store_that_is_not_there_yet_come_through(shop: Path) -> None:
    commands = [(*TRAIN, "--store", "new"), ("train", "value", "--horizon", "30", "--store", "new", "--json")]
    ended = both(shop, commands[0], commands[1])
    assert [code for code, _ in ended] == [0, 0], ended
    assert Registry(shop / "new").names() == ["fuzz.repurchase", "fuzz.value"]


def test_two_trainings_of_one_task_exclude_each_other_in_words(shop: Path) -> None:
    ended = both(shop, TRAIN, TRAIN)
    assert sorted(code for code, _ in ended) in ([0, 2], [0, 0]), ended
    assert all("one run at a time" in err for code, err in ended if code == 2)
    versions = Registry(shop / "mlruns").versions("fuzz.repurchase")
    assert len(versions) == 1 + sum(code == 0 for code, _ in ended)


def test_two_campaigns_drawn_at_once_leave_each_others_control_alone(shop: Path) -> None:
    draw = ("audience", "second", "--as-of", "2024-08-01", "--holdout", "0.5", "--json")
    ended = both(shop, (*draw, "--campaign", "one"), (*draw, "--campaign", "other"))
    assert [code for code, _ in ended if code not in (0, 2)] == [], ended
    drawn = pd.concat([pd.read_parquet(path) for path in (shop / "out").rglob("assignments.parquet")])
    held_out, contacted = (
        {name: set(rows["customer_id"]) for name, rows in drawn[is_one].groupby("campaign_id")}
        for is_one in (drawn["arm"] == "control", drawn["arm"] != "control")
    )
    first = [one for one, other in (("one", "other"), ("other", "one")) if not held_out[one] & contacted[other]]
    assert first, (held_out, contacted)  # whichever was second knew whom the first holds out


def test_two_nights_of_one_shop_exclude_each_other(shop: Path) -> None:
    night = ("nightly", "--as-of", "2024-08-20", "--json")
    ended = both(shop, night, night)
    assert {code for code, _ in ended} <= {0, 2, 3}, ended
    assert run(shop, *night).returncode in (0, 3)
    assert "fuzz/score/2024-08-20" in results_in(shop / "out")
    assert leftovers(shop) == []
