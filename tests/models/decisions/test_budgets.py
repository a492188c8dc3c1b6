from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.decisions.allocation import Limits, allocate
from penchant.models.decisions.budgets import budget_curve
from penchant.models.decisions.policy import Stakes, policy_value, treat_top


def campaign(seed: int, n: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return outcomes with arms, the true gains of mail (0..2) and call (0..4), and their costs."""
    rng = np.random.default_rng(seed)
    gains = pd.DataFrame({"mail": rng.uniform(0, 2, n), "call": rng.uniform(0, 4, n)})
    arm = rng.choice(["control", "mail", "call"], n, p=[0.4, 0.4, 0.2])
    mean = np.select([arm == "mail", arm == "call"], [gains.mail, gains.call], 0.0)
    rows = pd.DataFrame({"y": 3 + mean + rng.normal(size=n), "arm": arm})
    return rows, gains, {"mail": 1.0, "call": np.where(gains.call > 2, 3.0, 2.0)}


KNOWN = {"mail": 0.4, "call": 0.2}


def test_the_true_gains_bring_what_they_promise() -> None:
    rows, gains, cost = campaign(0, 100_000)
    found = budget_curve(rows.y, gains, rows.arm, cost, p_treatment=KNOWN, n_draws=100)
    for budget in (200.0, 1000.0):
        limits = Limits(budget=budget * len(rows) / 1000)
        promised = allocate(gains, cost, limits).gain * 1000 / len(rows)
        assert found.at(budget).low < promised < found.at(budget).high
    assert found.over_untargeted.low > 0
    assert found.at(10**9).value == pytest.approx(1000 * gains.max(axis=1).mean(), rel=0.03)


def test_a_budget_brings_what_the_policy_of_its_allocation_is_worth() -> None:
    rows, gains, cost = campaign(1, 3000)
    stakes = Stakes(value=2.0, cost={"mail": 0.1, "call": 0.3})
    options: dict[str, Any] = {"p_treatment": KNOWN, "stakes": stakes}
    found = budget_curve(rows.y, gains, rows.arm, cost, n_draws=0, **options)
    index = 37
    limits = Limits(budget=float(found.budget[index]) * len(rows) / 1000)
    policy = policy_value(rows.y, allocate(gains, cost, limits).arm, rows.arm, **options)
    assert found.gain[index] == pytest.approx(policy.over_nobody.value, abs=10)  # one customer more or less


def test_one_arm_of_equal_cost_is_the_curve_of_the_policies_by_depth() -> None:
    rng = np.random.default_rng(2)
    y, treated, score = rng.normal(size=500), rng.random(500) < 0.5, rng.integers(1, 9, 500)
    found = budget_curve(y, score, treated, n_draws=0, p_treatment=0.5)
    top = policy_value(y, treat_top(score, 0.37), treated, p_treatment=0.5)
    assert found.budget[37] == pytest.approx(370)
    assert found.gain[37] == pytest.approx(top.over_nobody.value)


def test_gains_that_say_nothing_bring_less_than_the_best_arm_for_all() -> None:
    rows, gains, _ = campaign(3, 4000)
    rng = np.random.default_rng(33)
    noise = pd.DataFrame({name: rng.uniform(0.5, 1.5, len(rows)) for name in gains})
    found = budget_curve(rows.y, noise, rows.arm, p_treatment=KNOWN, n_draws=200)
    assert found.over_untargeted.high < 0  # half the mails would better have been calls
    alike = budget_curve(rows.y, noise * 0 + [1.0, 2.0], rows.arm, p_treatment=KNOWN, n_draws=20)
    assert alike.over_untargeted.value == pytest.approx(0, abs=1e-9)


def test_free_arms_gain_at_once() -> None:
    rows, gains, _ = campaign(4, 2000)
    found = budget_curve(rows.y, gains, rows.arm, {"mail": 0.0, "call": 1.0}, p_treatment=KNOWN, n_draws=0)
    mail = policy_value(rows.y, np.where(gains.mail > 0, "mail", "control"), rows.arm, p_treatment=KNOWN)
    assert found.at(0).value == pytest.approx(mail.over_nobody.value)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows, gains, cost = campaign(5, 600)
    shuffled = np.random.default_rng(0).permutation(600)
    customers = np.arange(600) // 2
    one, other = (
        budget_curve(
            rows.y[r].to_numpy(),
            gains.iloc[r].reset_index(drop=True),
            rows.arm[r].to_numpy(),
            {"mail": 1.0, "call": cost["call"][r]},
            groups=customers[r],
            n_draws=30,
        )
        for r in (np.arange(600), shuffled)
    )
    assert one.low == pytest.approx(other.low)
    assert one.over_untargeted.as_dict() == pytest.approx(other.over_untargeted.as_dict())


def test_gains_of_other_arms_are_refused() -> None:
    rows, gains, _ = campaign(6, 50)
    with pytest.raises(InputError, match="one column for each of 'call', 'mail' is needed"):
        budget_curve(rows.y, gains.rename(columns={"mail": "fax"}), rows.arm)
    with pytest.raises(InputError, match="50 rows are needed"):
        budget_curve(rows.y, gains[:49], rows.arm)
    with pytest.raises(InputError, match="zero or more"):
        budget_curve(rows.y, gains, rows.arm, n_draws=0).at(-1)
