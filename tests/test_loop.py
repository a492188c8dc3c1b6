"""The proof of the product, on planted truth: a measured campaign teaches a list that earns more than others do."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

N_CUSTOMERS, SEEDS = 20_000, (0, 1, 2)
EFFECT_SIZE = 3.0  # of the simulator's: few seeds can then tell; benchmarks/loop.py takes more of them, and less effect
LEVEL = 0.9  # of an interval with two ends: 95 % that its lower end holds


def _module() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "loop.py"
    spec = spec_from_file_location("benchmark_of_the_loop", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


loop = _module()
UPLIFT = "uplift" + loop.ONE_WORTH


def swapped(rows: Any) -> Any:
    """Return the trial with treated and control mistaken for each other."""
    arm = np.where(rows.arm == "control", loop.ARM.name, "control").astype(object)
    return replace(rows, arm=arm, p_treatment=None if rows.p_treatment is None else 1 - rows.p_treatment)


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Return a turn of the loop in each of several shops; in the first, a list from swapped arms stands beside."""
    folder = tmp_path_factory.mktemp("loop")
    return [
        loop.play(seed, N_CUSTOMERS, folder / str(seed), {} if seed else {"swapped": swapped}, EFFECT_SIZE)
        for seed in SEEDS
    ]


def test_the_second_audience_earns_more_than_by_propensity_and_more_than_by_lot(turns: list[Any]) -> None:
    assert [turn.verdict.word for turn in turns] == ["worked"] * len(SEEDS)
    for measure in loop.MEASURES:
        for rival in loop.RIVALS:
            found = loop.difference(turns, measure, UPLIFT, rival, LEVEL)
            assert found["low"] > 0, (measure, rival, found)


def test_a_list_learned_from_swapped_arms_earns_less_than_by_lot(turns: list[Any]) -> None:
    earned = turns[0].earned  # of one shop; the orders of so short a list are a lottery, what they cost is not
    assert earned["swapped" + loop.ONE_WORTH]["profit"] < earned["random"]["profit"]
    assert earned["swapped" + loop.ONE_WORTH]["profit"] < 0
