from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from penchant.errors import InputError
from penchant.models.decisions.allocation import Limits, allocate, read_gains


def relaxed_optimum(gain: np.ndarray, cost: np.ndarray, limits: Limits) -> float:
    """Return the optimum that a linear programme over all customers finds."""
    n, k = gain.shape
    rows, most = [*np.kron(np.eye(n), np.ones(k))], [1.0] * n
    if limits.budget is not None:
        rows, most = [*rows, cost.ravel()], [*most, limits.budget]
    groups = {(arm,): stock for arm, stock in limits.stock.items()} | dict(limits.capacity)
    for group, number in groups.items():
        rows.append(np.tile([str(j + 1) in group for j in range(k)], n).astype(float))
        most.append(number)
    upper = [(0, 0 if np.isnan(g) else None) for g in gain.ravel()]
    return -linprog(-np.nan_to_num(gain.ravel()), A_ub=np.array(rows), b_ub=most, bounds=upper).fun


@st.composite
def problems(draw: Any) -> tuple[np.ndarray, np.ndarray, Limits]:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, k = draw(st.integers(1, 25)), draw(st.integers(1, 4))
    gain, cost = rng.normal(1, 2, (n, k)), rng.exponential(1, (n, k)) * (rng.random((n, k)) < 0.9)
    if draw(st.booleans()):  # many ties
        gain, cost = np.round(gain), np.round(cost)
    if draw(st.booleans()):  # some arms not allowed
        gain[rng.random((n, k)) < 0.2] = np.nan
    budget = draw(st.none() | st.floats(0, n))
    stock = {"1": draw(st.integers(0, n))} if draw(st.booleans()) else {}
    capacity = {("1", str(k)): draw(st.integers(0, n))} if k > 1 and draw(st.booleans()) else {}
    return gain, cost, Limits(budget, stock, capacity)


def breaches(found: Any, limits: Limits) -> list[str]:
    over = [] if limits.budget is None or found.spent <= limits.budget * (1 + 1e-8) else ["budget"]
    over += [arm for arm, most in limits.stock.items() if found.n_by_arm[arm] > most]
    groups = limits.capacity.items()
    return over + [str(arms) for arms, most in groups if sum(found.n_by_arm[a] for a in arms) > most]


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_small_cases_reach_the_optimum_of_the_linear_programme(problem: tuple[np.ndarray, np.ndarray, Limits]) -> None:
    gain, cost, limits = problem
    found = allocate(gain, cost, limits)
    assert found.bound == pytest.approx(relaxed_optimum(gain, cost, limits), rel=1e-6, abs=1e-6)
    assert not breaches(found, limits)
    given = found.codes > 0
    assert found.gain == pytest.approx(np.nansum(gain[given, found.codes[given] - 1]))
    n_limits = (limits.budget is not None) + len(limits.stock) + len(limits.capacity)
    assert found.bound - found.gain <= 2 * n_limits * max(np.nanmax(gain, initial=0.0), 0.0) + 1e-6


@pytest.mark.parametrize(
    "limits",
    [
        Limits(budget=6000),
        Limits(stock={"a": 900, "b": 2000}),
        Limits(budget=6000, stock={"a": 900}, capacity={("b", "c"): 5000}),
    ],
)
def test_many_customers_lose_no_more_than_the_last_few(limits: Limits) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.gamma(2, 1, (20_000, 3)) * rng.random((20_000, 1)), columns=list("abc"))
    found = allocate(table, {"a": 0.2, "b": 0.5, "c": 1.0}, limits)
    assert not breaches(found, limits)
    assert -1e-6 <= found.bound - found.gain < 3  # sums in another order * table.max(axis=None)
    assert found.arm[0] in ("control", "a", "b", "c")


def test_many_customers_reach_the_optimum_of_the_linear_programme() -> None:
    rng = np.random.default_rng(1)
    gain, cost = rng.gamma(2, 1, (1800, 3)), rng.random((1800, 3))
    limits = Limits(budget=250, stock={"1": 300}, capacity={("2", "3"): 700})
    assert allocate(gain, cost, limits).bound == pytest.approx(relaxed_optimum(gain, cost, limits), rel=1e-7)


@pytest.mark.parametrize("spread_of_worth", [0.0, 1.0])
def test_arms_that_are_alike_for_everyone_are_no_trouble(spread_of_worth: float) -> None:
    worth = np.exp(spread_of_worth * np.random.default_rng(2).normal(size=30_000))
    limits = Limits(budget=5000, stock={"1": 4000, "2": 3000})
    found = allocate(np.column_stack([worth, worth]), 0.5, limits)
    best = np.sort(worth)[::-1][:7000].sum()
    assert found.gain == pytest.approx(best)
    assert sum(found.n_by_arm.values()) == 7000


def test_prices_say_what_one_more_unit_brings() -> None:
    rng = np.random.default_rng(3)
    gain = rng.gamma(2, 1, (5000, 2))
    cost = rng.uniform(0.5, 2, (5000, 2))
    base, step = Limits(budget=1500, stock={"1": 600}), 10
    found = allocate(gain, cost, base)
    richer = allocate(gain, cost, Limits(budget=1500 + step, stock={"1": 600}))
    fuller = allocate(gain, cost, Limits(budget=1500, stock={"1": 600 + step}))
    assert (richer.bound - found.bound) / step == pytest.approx(found.prices["budget"], rel=0.02)
    assert (fuller.bound - found.bound) / step == pytest.approx(found.prices["1"], rel=0.02)


def test_the_order_of_customers_does_not_matter() -> None:
    gain = np.random.default_rng(4).normal(1, 1, (2500, 3))
    limits = Limits(budget=300, stock={"2": 100})
    shuffled = np.random.default_rng(5).permutation(2500)
    one, other = allocate(gain, 1.0, limits), allocate(gain[shuffled], 1.0, limits)
    assert one.gain == pytest.approx(other.gain, rel=1e-6)
    assert one.bound == pytest.approx(other.bound, rel=1e-9)


def test_without_limits_everyone_gets_the_best_and_nobody_a_loss() -> None:
    found = allocate(pd.DataFrame({"mail": [1.0, -1.0, np.nan], "call": [2.0, -2.0, 0.5]}), 3.0)
    assert found.arm.tolist() == ["call", "control", "call"]
    assert found.gain == found.bound == 2.5
    assert found.spent == 6


def test_nothing_to_give_gives_nothing() -> None:
    found = allocate({"mail": [1.0, 2.0], "call": [3.0, 1.0]}, 1.0, Limits(budget=0, stock={"mail": 0}))
    assert found.arm.tolist() == ["control", "control"]
    assert found.gain == found.spent == 0
    assert found.prices["budget"] > 0


@pytest.mark.parametrize(
    ("gain", "cost", "limits", "message"),
    [
        ({"mail": [1.0, np.inf]}, 0, Limits(), "gain: every customer needs a finite number"),
        ({"mail": [1.0], "call": [1.0, 2.0]}, 0, Limits(), "as many rows as 'mail'"),
        ({"mail": []}, 0, Limits(), "and customers"),
        ({"mail": [1.0]}, -1, Limits(), "costs must be zero or more"),
        ({"mail": [1.0]}, {"call": 1}, Limits(), "one entry for each of 'mail'"),
        ({"mail": [1.0]}, 0, Limits(budget=-1), "zero or more is needed"),
        ({"mail": [1.0]}, 0, Limits(budget=float("nan")), "zero or more is needed"),
        ({"mail": [1.0]}, 0, Limits(stock={"mial": 3}), "Did you mean 'mail'"),
        ({"mail": [1.0]}, 0, Limits(capacity={("mail", "fax"): 3}), "'fax'"),
    ],
)
def test_what_cannot_be_allocated_is_refused(gain: Any, cost: Any, limits: Limits, message: str) -> None:
    with pytest.raises(InputError, match=message):
        allocate(gain, cost, limits)


THREE = {"mail": [1.0, 2.0, 3.0], "call": [4.0, 3.0, 3.5]}
COST = {"mail": 1.0, "call": 5.0}


@pytest.mark.parametrize(
    ("budget", "arms", "gain", "bound", "price"),
    [
        (2.0, ["control", "mail", "mail"], 5.0, 5.0, 1.0),  # next: a mail for the first, 1 for 1
        (3.0, ["mail", "mail", "mail"], 6.0, 6.0, 0.75),  # next: a call for the first instead, 3 for 4
        (5.0, ["mail", "mail", "mail"], 6.0, 7.5, 0.75),  # half of that is no call
        (7.0, ["call", "mail", "mail"], 9.0, 9.0, 0.25),
        (15.0, ["call", "call", "call"], 10.5, 10.5, 0.0),
    ],
)
def test_three_customers_within_a_budget(
    budget: float, arms: list[str], gain: float, bound: float, price: float
) -> None:
    found = allocate(THREE, COST, Limits(budget=budget))
    assert found.arm.tolist() == arms
    assert (found.gain, found.bound, found.prices["budget"]) == pytest.approx((gain, bound, price))
    assert found.spent == sum({"control": 0.0, **COST}[arm] for arm in arms)
    assert found.n_by_arm == {arm: arms.count(arm) for arm in COST}


def test_three_customers_within_numbers() -> None:
    one = allocate(THREE, COST, Limits(capacity={("mail", "call"): 1}))
    assert one.arm.tolist() == ["call", "control", "control"]
    assert list(one.prices) == ["mail + call"]
    assert 3.5 - 1e-6 <= one.prices["mail + call"] <= 4 + 1e-6
    calls = allocate(THREE, COST, Limits(stock={"call": 1}))
    assert calls.arm.tolist() == ["call", "mail", "mail"]  # a call gains 3 more of the first, then 1 and a half
    both = allocate(THREE, COST, Limits(budget=6.0, stock={"mail": 1}))
    assert both.arm.tolist() == ["call", "control", "mail"]
    assert list(both.prices) == ["budget", "mail"]


def test_gains_may_come_as_one_column_and_as_many_as_126() -> None:
    assert allocate([2.0, -1.0]).arm.tolist() == ["1", "control"]
    names, table = read_gains(np.array([[1.0, np.nan], [3.0, 4.0]]))
    assert names == ("1", "2")
    assert np.array_equal(table, [[1, np.nan], [3, 4]], equal_nan=True)
    assert len(read_gains(np.ones((1, 126)))[0]) == 126
    with pytest.raises(InputError, match="127 columns"):
        read_gains(np.ones((1, 127)))


def test_customers_of_one_gain_and_other_costs_are_told_apart() -> None:
    found = allocate([[10.0], [10.0]], [[1.0], [9.0]], Limits(5.0, {"1": 2}))
    assert found.codes.tolist() == [1, 0]
    assert found.spent == 1.0
    assert found.bound == pytest.approx(10 + 10 * 4 / 9)  # the rest of the budget for a part of the second
    assert allocate([[10.0], [10.0]]).spent == 0.0


def test_what_exactly_fits_the_rest_of_a_budget_is_given() -> None:
    gain = [[5.0, 8.0], [3.0, 7.0], [6.0, 1.0]]
    cost = [[1.0, 3.0], [2.0, 0.0], [3.0, 2.0]]
    found = allocate(gain, cost, Limits(5.0, {"1": 1}))
    assert found.codes.tolist() == [2, 2, 2]
    assert (found.gain, found.spent) == (16.0, 5.0)


def test_an_arm_that_loses_is_not_given_because_it_fits() -> None:
    gain = [[5.0, 8.0], [3.0, 7.0], [6.0, -1.0]]
    cost = [[1.0, 3.0], [2.0, 0.0], [3.0, 2.0]]
    assert allocate(gain, cost, Limits(5.0, {"1": 1})).codes.tolist() == [2, 2, 0]
