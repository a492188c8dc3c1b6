"""Which rows of past waves form a trial."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.errors import CheckFailedError
from penchant.training.uplift.waves import arms_in_use, probabilities, trial_rows, without_certain


def wave(campaign: str, number: int, arms: list[str], first: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "campaign_id": campaign,
            "customer_id": [f"c{first + i}" for i in range(len(arms))],
            "arm": arms,
            "number": number,
            "wave": f"{campaign}, wave {number}",
            "probability": np.nan,
        }
    )


def drawn(n: int, seed: int) -> list[str]:
    return np.random.default_rng(seed).choice(["control", "mail"], n).tolist()


def test_a_wave_with_carried_arms_counts_once() -> None:
    arms = drawn(200, 0)
    rows = pd.concat([wave("spring", 1, arms), wave("spring", 2, arms[:150])], ignore_index=True)
    kept, told = trial_rows(rows)
    assert kept["number"].eq(1).all()
    assert len(kept) == 200
    assert told[0].startswith("150 rows of later waves whose arms were carried over")


def test_newcomers_of_a_later_wave_stay_even_where_arms_are_carried() -> None:
    arms = drawn(200, 0)
    later = pd.concat([wave("spring", 2, arms[:150]), wave("spring", 2, drawn(40, 1), first=500)])
    kept, _ = trial_rows(pd.concat([wave("spring", 1, arms), later], ignore_index=True))
    assert kept.groupby("number").size().to_dict() == {1: 200, 2: 40}


def test_waves_drawn_afresh_are_trials_of_their_own() -> None:
    rows = pd.concat([wave("a", 1, drawn(300, 0)), wave("a", 2, drawn(300, 1))], ignore_index=True)
    kept, told = trial_rows(rows)
    assert len(kept) == 600
    assert told == ()


def test_an_arm_is_compared_with_the_controls_of_its_own_waves() -> None:
    mail = ["control", "mail", "mail", "control"]
    both = ["control", "mail", "call", "control"]
    rows = pd.concat(
        [wave("a", 1, mail), wave("b", 1, both), wave("c", 1, mail * 2), wave("d", 1, ["control", "call"])],
        ignore_index=True,
    )
    kept, treatments, told = arms_in_use(rows)
    assert treatments == ("mail",)
    assert set(kept["campaign_id"]) == {"a", "b", "c"}
    assert "call" not in set(kept["arm"])
    assert told == (
        "3 rows outside the comparison of 'mail' with the control, of waves with other arms ('d, wave 1').",
    )


def test_without_a_control_there_is_no_trial() -> None:
    with pytest.raises(CheckFailedError, match="nobody knows what would have happened anyway"):
        arms_in_use(wave("a", 1, ["mail", "call"]))


def test_recorded_probabilities_are_used_row_by_row() -> None:
    rows = wave("a", 1, ["control", "mail", "call", "mail"]).assign(probability=[0.2, 0.5, 0.3, 0.5])
    p, is_planned = probabilities(rows, ("call", "mail"))
    assert is_planned
    np.testing.assert_allclose(p, np.tile([0.3, 0.5], (4, 1)))
    strata = wave("b", 1, ["control", "mail", "control", "mail"]).assign(probability=[0.1, 0.9, 0.4, 0.6])
    np.testing.assert_allclose(probabilities(strata, ("mail",))[0], [0.9, 0.9, 0.6, 0.6])


def test_without_probabilities_each_waves_own_shares_stand_in() -> None:
    rows = pd.concat(
        [wave("a", 1, ["control", "mail", "mail", "mail"]), wave("b", 1, ["control", "mail"])], ignore_index=True
    )
    p, is_planned = probabilities(rows, ("mail",))
    assert not is_planned
    np.testing.assert_allclose(p, [0.75] * 4 + [0.5] * 2)


def test_customers_whose_arm_was_certain_are_left_out_and_counted() -> None:
    rows = wave("a", 1, ["control", "mail", "mail"]).assign(probability=[0.5, 0.5, 1.0])
    kept, told = without_certain(rows)
    assert len(kept) == 2
    assert told == ("1 rows whose arm was certain (probability 1): they have no counterpart.",)
