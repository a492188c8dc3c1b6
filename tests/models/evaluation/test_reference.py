"""What travels with a model of its rows: the index is that of the rows themselves, and chance is no movement."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from penchant.models.evaluation.drift import stability_of
from penchant.models.evaluation.reference import describe, movements, score_movement

LIMIT = 0.1


def rows(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.gamma(2, 10, n) * (1 + shift)
    return pd.DataFrame(
        {
            "spent": np.where(rng.random(n) < 0.2, np.nan, x),
            "n_orders": rng.poisson(1.5, n),
            "region": rng.choice(["north", "south", None], n, p=[0.5, 0.4, 0.1]),
        }
    )


def through_json(frame: pd.DataFrame) -> dict[str, object]:
    return json.loads(json.dumps(describe(frame, frame["n_orders"].to_numpy(float))))


@pytest.mark.parametrize("name", ["spent", "n_orders", "region"])
def test_the_index_is_that_of_the_rows_themselves(name: str) -> None:
    before, after = rows(3000, 0), rows(2000, 1, shift=0.7)
    found = {one.name: one.stability for one in movements(through_json(before), after)}
    assert found[name] == pytest.approx(stability_of(before[name], after[name]), abs=1e-9)


def test_what_moved_is_named_first_and_chance_is_not_called_movement() -> None:
    reference = through_json(rows(3000, 0))
    still = movements(reference, rows(150, 1))
    assert not [one.name for one in still if one.is_beyond(0.0)]
    moved = movements(reference, rows(1500, 2, shift=1.0))
    assert [one.name for one in moved if one.is_beyond(LIMIT)] == ["spent"]
    assert score_movement(reference, np.full(500, 9.0)).is_beyond(LIMIT)


def test_unseen_categories_and_missing_values_are_shares() -> None:
    reference = through_json(rows(3000, 0))
    after = rows(1000, 1).assign(region="west", spent=np.nan)
    found = {one.name: one for one in movements(reference, after)}
    assert found["region"].unseen == 1.0
    assert found["spent"].unseen is None
    assert (found["spent"].missing, found["region"].missing) == (1.0, 0.0)
    assert found["spent"].missing_before == pytest.approx(0.2, abs=0.03)


def test_what_was_usual_and_what_is_now_are_medians() -> None:
    before, after = rows(3000, 0), rows(1000, 1, shift=0.5)
    found = {one.name: one for one in movements(through_json(before), after)}
    for name in ("spent", "n_orders"):
        assert found[name].usual_before == pytest.approx(before[name].median(), rel=0.01)
        assert found[name].usual == after[name].median()
    assert (found["region"].usual_before, found["region"].usual) == (None, None)
    lost = {one.name: one for one in movements(through_json(before.assign(spent=np.nan)), after)}["spent"]
    assert lost.usual_before is None


def test_categories_that_the_model_has_learned_from_elsewhere_are_not_unseen() -> None:
    before, after = rows(3000, 0), rows(1000, 1).assign(region="west")
    reference = describe(before, np.zeros(len(before)), {"region": ("north", "south", "west")})
    moved = {one.name: one for one in movements(reference, after)}["region"]
    assert moved.unseen == 0.0
    assert moved.is_beyond(LIMIT)
