"""What a champion says of customers: the bounds of an uplift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.features.signals.group import Column
from penchant.models.plain_inputs import Inputs
from penchant.models.plain_parts import RulePart
from penchant.models.plain_scorer import EffectError, Output, Scorer, Term
from penchant.serving.score.champion import Champion


def champion(error: EffectError | None) -> Champion:
    arm = Output("mail", 0.0, (Term(0),), error)
    scorer = Scorer("uplift", Inputs(("n",)), (RulePart(0, 2.0, (), 0.05, 0.01),), (arm,))
    return Champion(scorer, "uplift", 30, (Column("n", "orders"),), "it/1", "retain", {"mail": (0.01, 0.02)})


def bounds(error: EffectError | None) -> pd.DataFrame:
    people = pd.DataFrame({"customer_id": ["a", "b"], "n": [1.0, 3.0]})
    return champion(error).scored(people, with_reasons=False).to_pandas()


def test_bounds_are_as_far_as_the_average_may_be_off_where_a_model_knows_no_more() -> None:
    found = bounds(None)
    assert (found["uplift"] - found["uplift_low"]).tolist() == pytest.approx([0.01, 0.01])
    assert (found["uplift_high"] - found["uplift"]).tolist() == pytest.approx([0.02, 0.02])


def test_bounds_widen_with_the_distance_from_the_average_and_leave_out_what_is_the_customers_own() -> None:
    found = bounds(EffectError(centre=0.01, shared=9.0, own=9.0, slope=0.25))
    apart = 1.959964 * 0.5 * 0.04
    assert (found["uplift"] - found["uplift_low"]).tolist() == pytest.approx([0.01, np.hypot(0.01, apart)])
    assert (found["uplift_high"] - found["uplift"]).tolist() == pytest.approx([0.02, np.hypot(0.02, apart)])
