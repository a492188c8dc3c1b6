"""What an order is worth over the year goes into a goal's worth, with its interval, and nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.models.inputs.estimate import Estimate
from penchant.serving.audience.expected_profit import expected_gain
from penchant.serving.candidates.worth import Rates, success_worth
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.goals.eligible import of_goal

WORTH = {"new": Estimate(2.0, 1.0, 4.0)}
RATES = Rates(0.5, False, 100.0, WORTH)


def people() -> pd.DataFrame:
    return pd.DataFrame({"stage": ["new", "regular"], "amount_mean": 100.0, "n_orders": [1, 9], "amount_unpaid": 10.0})


def test_an_order_counts_with_what_follows_by_stage() -> None:
    found = success_worth(people(), GOALS["second"], RATES, np.array([500.0, 500.0]), np.array([1.0, 1.0]))
    assert {name: values.tolist() for name, values in found.items()} == {
        "margin": [100.0, 50.0],
        "margin_low": [50.0, 50.0],
        "margin_high": [200.0, 50.0],
    }
    assert "new x2.0" in " ".join(RATES.notes)


def test_the_payment_of_an_open_order_is_worth_that_order() -> None:
    found = success_worth(people(), GOALS["collect"], RATES)
    assert {name: values.tolist() for name, values in found.items()} == {"margin": [5.0, 5.0]}


def test_the_interval_of_the_worth_is_in_that_of_the_value() -> None:
    found = success_worth(people(), GOALS["second"], RATES)
    scored = people().assign(uplift=0.1, uplift_low=-0.1, uplift_high=0.2, propensity=0.3, **found)
    gain = expected_gain(scored, GOALS["second"], GOALS["second"].arms)
    assert gain.value[:, 0] == pytest.approx([10.0, 5.0])
    assert gain.value_low[:, 0] == pytest.approx([-20.0, -5.0])
    assert gain.value_high[:, 0] == pytest.approx([40.0, 10.0])
    both = pd.DataFrame({"second:margin": [1.0], "second:margin_low": [0.5], "retain:margin_low": [0.2]})
    assert of_goal(both, "second").columns.tolist() == ["margin", "margin_low"]
