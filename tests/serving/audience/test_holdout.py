"""The draw of arms: exact probabilities, balanced strata, spending within its bound."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from penchant.errors import InputError
from penchant.serving.audience.hashing import uniforms
from penchant.serving.audience.holdout import cells_of, draw_arms, spending_bound

IDS = pd.Series([f"c{i}" for i in range(30)])
STRATA = pd.Series(["a"] * 7 + ["b"] * 22 + ["c"])
THREE_ARMS = np.tile([0.3, 0.5, 0.2], (30, 1))


def test_uniforms_are_uniform_and_keys_independent() -> None:
    one, other = uniforms(range(20_000), "7|a|1"), uniforms(range(20_000), "7|a|2")
    assert np.abs(np.histogram(one, 20, (0, 1))[0] / 1000 - 1).max() < 0.15
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_the_hash_is_siphash_mixed_once_more() -> None:
    """The example in the appendix of Aumasson & Bernstein (2012), then the one-to-one mix that pandas adds."""
    key, message = ("".join(map(chr, range(n))) for n in (16, 15))
    bits = 0xA129CA6149BE45E5
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        bits = (bits ^ bits >> shift) * factor % 2**64
    assert pd.util.hash_array(np.array([message], object), hash_key=key)[0] == bits


def test_other_keys_give_independent_draws_to_the_same_customers() -> None:
    """Forty campaigns' draws, two by two, share out customers as by chance alone, however alike their keys are."""
    names = pd.Series([f"c{i:07d}" for i in range(5000)])
    quarters = [(uniforms(names, f"7|spring|{wave}") * 4).astype(int) for wave in range(40)]
    tables = [
        np.bincount(one * 4 + other, minlength=16).reshape(4, 4)
        for place, one in enumerate(quarters)
        for other in quarters[:place]
    ]
    p = np.array([stats.chi2_contingency(table).pvalue for table in tables])
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert p.min() > 1e-3 / len(p)


def test_a_name_has_its_number_whatever_it_came_in() -> None:
    names = ["anna", "名", "é", ""]
    wanted = uniforms(names, "k")
    for given_as in (pd.Series(names), pd.Series(names, dtype=object), np.array(names), iter(names)):
        assert (uniforms(given_as, "k") == wanted).all()
    assert (uniforms([7, 8], "k") == uniforms(["7", "8"], "k")).all()
    assert (uniforms(pd.Series(["7", None], dtype=object), "k") == uniforms(["7", "None"], "k")).all()
    assert len(uniforms([], "k")) == 0


def test_each_customer_gets_each_arm_as_often_as_recorded() -> None:
    n = 2500
    drawn = np.array([draw_arms(IDS, STRATA, THREE_ARMS, f"{seed}|x|1").arm for seed in range(n)])
    for arm, p in enumerate((0.3, 0.5, 0.2)):
        share = (drawn == arm).mean(axis=0)
        assert np.abs(share - p).max() < 4.5 * np.sqrt(p * (1 - p) / n)


def test_counts_in_every_stratum_come_out_as_their_shares() -> None:
    for seed in range(50):
        arm = draw_arms(IDS, STRATA, THREE_ARMS, f"{seed}").arm
        for name, rows in STRATA.groupby(STRATA).groups.items():
            counts = np.bincount(arm[rows], minlength=3)
            assert (np.abs(counts - len(rows) * THREE_ARMS[0]) < 1).all(), name


def test_the_draw_depends_on_no_order() -> None:
    order = np.random.default_rng(1).permutation(30)
    drawn = draw_arms(IDS, STRATA, THREE_ARMS, "k").arm
    again = draw_arms(IDS[order], STRATA[order], THREE_ARMS, "k").arm
    assert (drawn[order] == again).all()


def test_an_arm_that_is_not_allowed_is_never_drawn() -> None:
    p = np.where(np.arange(30)[:, None] % 2 == 0, [0.2, 0.8, 0.0], [0.2, 0.0, 0.8])
    for seed in range(300):
        arm = draw_arms(IDS, STRATA, p, f"{seed}").arm
        assert (p[np.arange(30), arm] > 0).all()


def test_probabilities_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        draw_arms(IDS, STRATA, THREE_ARMS * 0.9, "k")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0.02, 0.7), st.sampled_from([0.0, 1.0]))
def test_no_draw_spends_more_than_its_bound(seed: int, n: int, holdout: float, spread: float) -> None:
    rng = np.random.default_rng(seed)
    cost = np.column_stack([np.zeros(n), 1.0 + spread * rng.exponential(size=n)])
    p = np.tile([holdout, 1 - holdout], (n, 1))
    stratum = pd.Series(rng.choice(list("ab"), n))
    bound = spending_bound(cost, p, cells_of(stratum, p)[0])
    assert (np.diff(bound) >= 0).all()
    ids = pd.Series(np.arange(n))
    for key in range(30):
        arm = draw_arms(ids, stratum, p, f"{seed}|{key}").arm
        assert cost[np.arange(n), arm].sum() <= bound[-1] + 1e-9


def test_the_bound_wastes_little() -> None:
    n = 5000
    cost = np.column_stack([np.zeros(n), np.random.default_rng(0).exponential(size=n)])
    p = np.tile([0.2, 0.8], (n, 1))
    bound = spending_bound(cost, p, cells_of(pd.Series(["a"] * n), p)[0])
    assert bound[-1] < 1.05 * 0.8 * cost.sum()


def test_a_draw_is_the_same_in_every_release() -> None:
    """Who drew this wave before must find the same customers in the same arms."""
    ids, strata = pd.Series([f"c{i}" for i in range(12)]), pd.Series(["a", "b", "b"] * 4)
    drawn = draw_arms(ids, strata, np.tile([0.25, 0.5, 0.25], (12, 1)), "7|spring|1")
    assert drawn.arm.tolist() == [2, 1, 1, 1, 1, 2, 1, 0, 0, 0, 2, 1]
    assert drawn.probability.tolist() == [[0.25, 0.5, 0.25][arm] for arm in drawn.arm]
    assert uniforms(["c0", "c1"], "7|spring|1").tolist() == [0.9910286539153321, 0.5461242036493534]


def test_the_first_by_their_hash_get_the_control() -> None:
    arm, order = draw_arms(IDS, STRATA, THREE_ARMS, "k").arm, uniforms(IDS, "k")
    for rows in STRATA.groupby(STRATA).groups.values():
        assert np.diff(arm[rows][np.argsort(order[rows])]).min(initial=0) >= 0


def test_cells_are_strata_and_probabilities_in_the_order_of_their_first() -> None:
    p = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.5 + 1e-14, 0.5], [0.2, 0.8]])
    codes, names = cells_of(pd.Series(["b", "b", "a", "b", "b"]), p)
    assert codes.tolist() == [0, 1, 2, 0, 1]
    assert names == ["b|0.5", "b|0.2", "a|0.5"]


def test_the_bound_is_the_expected_cost_and_four_deviations() -> None:
    def last(costs: list[float], cells: list[int], p: float = 0.5) -> float:
        n = len(costs)
        found = spending_bound(np.column_stack([np.zeros(n), costs]), np.tile([1 - p, p], (n, 1)), np.array(cells))
        assert len(found) == n
        return float(found[-1])

    assert last([1.0] * 100, [0] * 100) == pytest.approx(50 + 4 * 0.5)  # rounding alone
    assert last([1.0] * 100, [0, 1] * 50) == pytest.approx(50 + 4 * 0.5 * np.sqrt(2))  # of two cells
    assert last([1.0, 3.0] * 50, [0] * 100) == pytest.approx(100 + 4 * (np.sqrt(100 * 2 * 0.25) + 0.5 * 3))
    assert last([1.0, 3.0] * 50, [0, 1] * 50) == pytest.approx(100 + 4 * 0.5 * np.sqrt(2) * 3)  # alike within each
    assert last([1.0], [0]) == 1.0  # no draw passes everyone's dearest arm
    assert last([2.0] * 3, [0] * 3, p=1.0) == 6.0
    assert last([2.0] * 3, [0] * 3, p=0.0) == 0.0
    assert len(spending_bound(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, int))) == 0
