from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from penchant.errors import InputError
from penchant.models.evaluation.curves import calibration_curve, decile_table
from penchant.models.evaluation.metrics import evaluate
from penchant.models.evaluation.ranking import without_dust

Array = npt.NDArray[Any]


@st.composite
def scored_rows(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Return outcomes of both kinds, scores with many ties, and whole weights."""
    n = draw(st.integers(2, 60))
    y = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))])
    score = np.array(draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))) / 8
    weight = np.array([1, 1, *draw(st.lists(st.integers(0, 3), min_size=n - 2, max_size=n - 2))])
    return y, score, weight


def values(*args: Any, **options: Any) -> dict[str, float]:
    return {name: found.value for name, found in evaluate(*args, n_draws=0, **options).items()}


def simulated(n: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    score = rng.beta(1, 3, n)
    return (rng.random(n) < score).astype(int), score


@given(scored_rows())
@settings(deadline=None, max_examples=60)
def test_metrics_agree_with_scikit_learn_ties_and_weights_included(rows: tuple[Array, Array, Array]) -> None:
    y, score, weight = rows
    found = values(y, score, sample_weight=weight)
    weighted = {"sample_weight": weight}
    assert found["auc"] == pytest.approx(roc_auc_score(y, score, **weighted))
    assert found["average_precision"] == pytest.approx(average_precision_score(y, score, **weighted))
    assert found["brier"] == pytest.approx(brier_score_loss(y, score, **weighted))
    inside = np.clip(score, 0.01, 0.99)
    assert values(y, inside, **weighted)["log_loss"] == pytest.approx(log_loss(y, inside, **weighted))


@given(scored_rows())
@settings(deadline=None, max_examples=40)
def test_a_weight_of_k_means_k_rows(rows: tuple[Array, Array, Array]) -> None:
    y, score, weight = rows
    amount = y * (1 + score)
    names = ["auc", "average_precision", "brier", "lift_top_tenth", "captured_top_tenth", "spend_top_tenth"]
    by_weight = values(y, score, amount=amount, sample_weight=weight)
    by_rows = values(*(np.repeat(x, weight) for x in (y, score)), amount=np.repeat(amount, weight))
    for name in names:
        assert by_weight[name] == pytest.approx(by_rows[name], nan_ok=True), name
    value, predicted = amount * 10, score
    weighted = values(value, predicted, kind="value", sample_weight=weight)
    repeated = values(np.repeat(value, weight), np.repeat(predicted, weight), kind="value")
    for name in weighted:
        assert weighted[name] == pytest.approx(repeated[name], nan_ok=True), name


@given(scored_rows(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_order_of_rows_changes_nothing(rows: tuple[Array, Array, Array], random: Any) -> None:
    y, score, _ = rows
    shuffled = np.array(random.sample(range(len(y)), len(y)))
    one = values(y, score, amount=y * 2.0)
    other = values(y[shuffled], score[shuffled], amount=y[shuffled] * 2.0)
    assert one == pytest.approx(other, nan_ok=True)


def test_brier_is_reliability_less_resolution_plus_uncertainty_by_hand() -> None:
    # three distinct scores, a bin each: Murphy's own decomposition, without anything inside the bins
    score = np.repeat([0.1, 0.4, 0.8], 10)
    y = np.concatenate([np.repeat([0, 1], c) for c in ([8, 2], [7, 3], [1, 9])])
    found = values(y, score)
    rates, base = np.array([0.2, 0.3, 0.9]), 14 / 30
    assert found["reliability"] == pytest.approx(np.mean((rates - [0.1, 0.4, 0.8]) ** 2))
    assert found["resolution"] == pytest.approx(np.mean((rates - base) ** 2))
    assert found["uncertainty"] == pytest.approx(base * (1 - base))
    assert found["brier"] == pytest.approx(found["reliability"] - found["resolution"] + found["uncertainty"], abs=1e-12)
    assert found["calibration_error"] == pytest.approx(0.1)


def test_a_tie_over_the_cut_gives_its_average_part() -> None:
    y = np.array([1] * 5 + [0] * 15)
    flat = values(y, np.full(20, 0.3), amount=np.arange(20.0))
    assert flat["captured_top_tenth"] == pytest.approx(0.1)
    assert flat["lift_top_tenth"] == pytest.approx(1.0)
    assert flat["spend_top_tenth"] == pytest.approx(0.1)
    assert flat["auc"] == 0.5


def test_errors_of_amounts_by_hand() -> None:
    y, score = np.array([0.0, 0, 0, 10]), np.array([1.0, 1, 2, 4])
    found = values(y, score, kind="value")
    assert found["rmse"] == pytest.approx(np.sqrt((1 + 1 + 4 + 36) / 4))
    assert (found["mae"], found["mae_all_zero"]) == (2.5, 2.5)
    assert found["bias_percent"] == pytest.approx(-20)
    assert found["spearman"] == pytest.approx(spearmanr(y, score).statistic)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    inside = dict.fromkeys(["auc", "brier", "base_rate"], 0)
    y, score = simulated(400_000, seed=1)
    truth = values(y, score)
    for seed in range(60):
        found = evaluate(*simulated(400, seed=seed + 100), n_draws=200, seed=seed)
        for name in inside:
            inside[name] += found[name].low <= truth[name] <= found[name].high
    assert min(inside.values()) >= 51, inside  # of 60; 57 is what 95 % promises


def test_customers_are_drawn_whole() -> None:
    y, score = simulated(500)
    alone = evaluate(y, score, n_draws=300)["auc"]
    customers = np.tile(np.arange(500), 4)
    together = evaluate(np.tile(y, 4), np.tile(score, 4), groups=customers, n_draws=300)["auc"]
    rows = evaluate(np.tile(y, 4), np.tile(score, 4), n_draws=300)["auc"]
    width = alone.high - alone.low
    assert together.high - together.low == pytest.approx(width, rel=0.2)
    assert rows.high - rows.low < 0.7 * width


def test_the_same_seed_gives_the_same_interval() -> None:
    y, score = simulated(300)
    assert evaluate(y, score, n_draws=50, seed=3) == evaluate(y, score, n_draws=50, seed=3)
    assert evaluate(y, score, n_draws=50, seed=3) != evaluate(y, score, n_draws=50, seed=4)


def test_what_does_not_exist_is_nan_and_the_rest_is_there() -> None:
    found = evaluate(np.zeros(20), np.full(20, 0.1), n_draws=10)
    assert np.isnan(found["auc"].value)
    assert found["brier"].value == pytest.approx(0.01)


def test_deciles_start_at_the_highest_scores_and_add_up() -> None:
    y, score = simulated(2000)
    table = decile_table(y, score, n_draws=30)
    assert table["decile"].tolist() == list(range(1, 11))
    top = np.sort(score)[-200:]
    assert table["mean_score"][0] == pytest.approx(top.mean())
    assert table["rate"][0] == pytest.approx(y[np.argsort(-score)][:200].mean())
    assert table["lift"].mean() == pytest.approx(1)
    assert table["gains"].iloc[-1] == pytest.approx(1)
    assert (table["lift_low"] <= table["lift"]).all()
    assert values(y, score)["lift_top_tenth"] == pytest.approx(table["lift"][0])


def test_the_calibration_curve_keeps_equal_scores_together() -> None:
    y, score = simulated(3000)
    curve = calibration_curve(y, np.round(score, 1))
    assert curve["n"].sum() == 3000
    assert curve["mean_score"].is_monotonic_increasing
    assert np.average(curve["rate"], weights=curve["n"]) == pytest.approx(y.mean())
    assert (curve["rate_low"] <= curve["rate"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1, 2], [0.1, 0.2, 0.3]), "outcomes are 0 or 1"),
        (([0, 1], [0.5, 1.5]), "probabilities lie in 0..1"),
        (([0, 1], [0.5, np.nan]), "missing or infinite"),
        (([0, 1], [0.5]), "as many rows as"),
        (([], []), "at least one customer"),
    ],
)
def test_bad_input_is_named(arguments: tuple[Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(*arguments)


def test_misaligned_frames_are_refused() -> None:
    y = pd.Series([0, 1, 1], index=[1, 2, 3])
    with pytest.raises(InputError, match="index must equal"):
        evaluate(y, pd.Series([0.1, 0.2, 0.3], index=[3, 2, 1]))


def test_an_unknown_kind_and_a_negative_amount_are_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'binary'"):
        evaluate([0, 1], [0.1, 0.2], kind="binery")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="negative amounts"):
        evaluate([0, 1], [0.1, 0.2], amount=[-1, 2])


def test_rounding_does_not_part_equal_scores() -> None:
    rng = np.random.default_rng(0)
    tied = rng.integers(1, 8, 3000) / 10
    dusty = tied + rng.choice([0.0, 1e-16, -1e-16], 3000)
    y = (rng.random(3000) < tied).astype(float)
    assert len(np.unique(dusty)) > len(np.unique(tied))
    one, other = (evaluate(y, score, n_draws=0) for score in (tied, dusty))
    assert {name: found.value for name, found in other.items()} == pytest.approx(
        {name: found.value for name, found in one.items()}, rel=1e-12
    )
    assert np.unique(without_dust(dusty)).size == np.unique(tied).size


def test_deciles_and_bins_have_bounds_where_nobody_responded() -> None:
    """A bootstrap of nobody knows nothing of a responder: its bounds of an empty bin were 0 to 0."""
    score = np.linspace(0.001, 0.2, 400)
    y = (np.arange(400) % 20 == 0) & (score > 0.1)
    curve, table = calibration_curve(y.astype(float), score), decile_table(y.astype(float), score)
    assert (curve["rate"][0], curve["rate_low"][0]) == (0.0, 0.0)
    assert 0.05 < curve["rate_high"][0] < 0.1  # 0 of 40
    assert (table["lift"].iloc[-1], table["lift_low"].iloc[-1]) == (0.0, 0.0)
    assert table["lift_high"].iloc[-1] > 1
    assert table["gains_high"].iloc[-1] == 1.0
    rows = np.repeat(np.arange(400), 2)
    again = decile_table(y[rows].astype(float), score[rows], groups=rows)
    assert again["lift_high"].to_numpy() == pytest.approx(table["lift_high"].to_numpy())
