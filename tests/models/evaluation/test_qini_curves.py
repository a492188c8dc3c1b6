from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.models.evaluation.qini_curves import (
    Ranked,
    area,
    at,
    autoc,
    coefficient,
    knots,
    pooled,
    rank,
    thinned,
    unseen_share,
)
from penchant.models.uplift.trial import draw_customers, read_trial

Columns = dict[str, np.ndarray]


def columns(seed: int, n: int, n_scores: int) -> Columns:
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.4
    treated[:2] = [True, False]
    return {
        "y": rng.exponential(10, n).round(1) * (rng.random(n) < 0.5),
        "score": rng.integers(0, n_scores, n) / 7,
        "treated": treated,
        "p": rng.uniform(0.2, 0.7, n),
        "weight": rng.integers(0, 3, n) + (rng.random(n) < 0.5) + 0.25,
    }


def slow_curve(c: Columns) -> list[tuple[float, float]]:
    """Return the corners by the written definition, one pass over all rows for each distinct score."""
    corners = [(0.0, 0.0)]
    for threshold in sorted(set(c["score"]), reverse=True):
        top = [i for i in range(len(c["y"])) if c["score"][i] >= threshold]
        sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
        for i in top:
            t = bool(c["treated"][i])
            share = c["weight"][i] / (c["p"][i] if t else 1 - c["p"][i])
            sums[t][0] += share
            sums[t][1] += share * c["y"][i]
        if sums[True][0] > 0 and sums[False][0] > 0:
            q = sum(c["weight"][i] for i in top) / c["weight"].sum()
            corners.append((q, q * (sums[True][1] / sums[True][0] - sums[False][1] / sums[False][0])))
    return corners


def slow_numbers(corners: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Return AUUC, Qini and AUTOC by summing small slices of the straight pieces."""
    end, auuc, toc = corners[-1][1], 0.0, 0.0
    for (q0, g0), (q1, g1) in pairwise(corners):
        auuc += (q1 - q0) * (g0 + g1) / 2
        q = q0 + (q1 - q0) * (np.arange(4000) + 0.5) / 4000
        toc += float(np.sum((g0 + (g1 - g0) * (q - q0) / (q1 - q0)) / q - end)) * (q1 - q0) / 4000
    return auuc, auuc - end / 2, toc


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 60), n_scores=st.integers(1, 50))
def test_the_fast_curve_equals_the_slow_one(seed: int, n: int, n_scores: int) -> None:
    c = columns(seed, n, n_scores)
    trial = read_trial(c["y"], {"s": c["score"]}, c["treated"], p_treatment=c["p"], sample_weight=c["weight"])
    depth, gain = knots(rank(trial, trial.scores[0]))
    slow_depth, slow_gain = np.array(slow_curve(c)).T
    assert at(depth, gain, slow_depth) == pytest.approx(slow_gain, abs=1e-9)
    assert at(slow_depth, slow_gain, depth) == pytest.approx(gain, abs=1e-9)
    found = area(depth, gain), coefficient(depth, gain), autoc(depth, gain)
    assert found == pytest.approx(slow_numbers(slow_curve(c)), abs=1e-5)


@pytest.mark.parametrize("n_scores", [5, 1000])
def test_a_draw_equals_the_curve_of_the_repeated_rows(n_scores: int) -> None:
    c = columns(1, 80, n_scores)
    trial = read_trial(c["y"], {"s": c["score"]}, c["treated"], p_treatment=c["p"])
    counts = next(draw_customers(trial.is_treated, trial.customer, 1, seed=3))
    assert counts[trial.is_treated].sum() == trial.is_treated.sum()
    again = np.repeat(np.arange(len(trial)), counts)
    repeated = read_trial(
        trial.y[again], {"s": trial.scores[0][again]}, trial.is_treated[again], p_treatment=trial.p_treated[again]
    )
    drawn, expected = knots(rank(trial, trial.scores[0]), counts), knots(rank(repeated, repeated.scores[0]))
    grid = np.linspace(0, 1, 30)
    assert at(*drawn, grid) == pytest.approx(at(*expected, grid), abs=1e-9)


def test_pooled_neighbours_give_nearly_the_same_numbers() -> None:
    c = columns(2, 20_000, 10**9)
    ranked = rank(trial := read_trial(c["y"], {"s": c["score"]}, c["treated"]), trial.scores[0])
    pooled = thinned(ranked, most=1000)
    assert len(knots(pooled)[0]) == 1001
    assert coefficient(*knots(pooled)) == pytest.approx(coefficient(*knots(ranked)), abs=2e-4)
    assert knots(pooled)[1][-1] == pytest.approx(knots(ranked)[1][-1], abs=1e-12)


def four(treated: list[int], score: list[float], weight: list[float] | None = None) -> Ranked:
    trial = read_trial([4, 1, 2, 3], {"s": score}, treated, p_treatment=0.5, sample_weight=weight)
    return rank(trial, trial.scores[0])


def test_four_customers_by_hand() -> None:
    """Best first: treated 4, control 1, treated 2, control 3. Up to the second one arm is missing: a straight line."""
    depth, gain = knots(four([1, 0, 1, 0], [4, 3, 2, 1]))
    assert depth.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert gain.tolist() == pytest.approx([0, 0.75, 0.5 * (4 - 1), 0.75 * (3 - 1), 3 - 2])
    assert area(depth, gain) == pytest.approx(0.25 * (0.75 / 2 + 2.25 / 2 + 1.5 + 2.5 / 2))
    assert coefficient(depth, gain) == pytest.approx(area(depth, gain) - 0.5)
    assert autoc(depth, gain) == pytest.approx(3 * 0.5 + 1.5 * np.log(1.5) + 3 * np.log(4 / 3) - 2 * 0.25 - 1)
    assert at(depth, gain, np.array([0.125, 0.6, 1.0])).tolist() == pytest.approx([0.375, 1.5, 1.0])


def test_equal_scores_and_weights_by_hand() -> None:
    depth, gain = knots(four([1, 0, 1, 0], [4, 4, 2, 2]))
    assert (depth.tolist(), gain.tolist()) == ([0, 0.5, 1], pytest.approx([0, 1.5, 1]))
    depth, gain = knots(four([1, 0, 1, 0], [4, 3, 2, 1], [2, 1, 1, 1]))
    assert depth.tolist() == pytest.approx([0, 0.4, 0.6, 0.8, 1])
    assert gain.tolist() == pytest.approx([0, 1.2, 0.6 * 3, 0.8 * (10 / 3 - 1), 10 / 3 - 2])
    drawn = np.array([1, 3, 0, 2])  # of the trial's rows: the controls of 1 and 3, the treated of 2 and 4
    depth, gain = knots(four([1, 0, 1, 0], [4, 3, 2, 1]), drawn)
    assert depth.tolist() == pytest.approx([0, 2 / 6, 3 / 6, 3 / 6, 1])
    assert gain[[2, 4]].tolist() == pytest.approx([0.5 * (4 - 1), 4 - 10 / 4])


def test_the_best_scored_of_whom_one_arm_has_nobody_are_unseen() -> None:
    assert unseen_share(four([1, 0, 1, 0], [4, 3, 2, 1])) == 0.25
    assert unseen_share(four([1, 1, 0, 0], [4, 3, 2, 1])) == 0.5
    assert unseen_share(four([0, 0, 0, 1], [4, 3, 2, 1], [2, 1, 1, 1])) == 0.8
    assert unseen_share(four([1, 0, 1, 0], [4, 4, 2, 1])) == 0.0
    assert unseen_share(four([1, 1, 0, 0], [4, 3, 3, 1])) == 0.25


def test_steps_are_pooled_evenly_over_the_rows_where_there_are_too_many() -> None:
    assert pooled(np.arange(10), 10, 4).tolist() == [0, 3, 5, 8]
    assert pooled(np.array([0, 1, 2, 9]), 10, 2).tolist() == [0, 9]
    c = columns(3, 21, 10**9)
    trial = read_trial(c["y"], {"s": c["score"]}, c["treated"])
    ranked = rank(trial, trial.scores[0])
    assert ranked.starts is None
    assert thinned(ranked, most=11) is ranked  # twice as many are not too many
    assert thinned(ranked, most=10) is not ranked
