from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.evaluation.qini import compare_qini, qini, rate_autoc, uplift_at_k


def trial(seed: int, n: int = 4000, effect: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, true uplift and treatment: half the customers gain ``effect``, half gain nothing."""
    rng = np.random.default_rng(seed)
    treated, uplift = rng.random(n) < 0.5, effect * (rng.random(n) < 0.5)
    return (rng.random(n) < 0.3 + treated * uplift).astype(float), uplift, treated


def numbers(found: Any) -> list[float]:
    return [found.value, found.low, found.high, found.auuc.value, *found.curve.gain, *found.curve.high]


def test_a_perfect_ranking_earns_what_the_planted_effect_says() -> None:
    y, uplift, treated = trial(0, 400_000)
    found = qini(y, uplift, treated, n_draws=20)
    # 0.2 for half the customers: the curve rises to 100 per 1,000 at depth 0.5 and stays there.
    assert found.curve.at(0.5).value == pytest.approx(100, abs=3)
    assert found.average_effect.value == pytest.approx(100, abs=5)
    assert found.value == pytest.approx(25, abs=2)
    assert found.auuc.value == pytest.approx(75, abs=4)
    assert uplift_at_k(y, uplift, treated, 0.5, n_draws=20).value == pytest.approx(200, abs=6)
    # uplift 200 up to q = 0.5, then 100 / q, less 100: 100 / 2 + 100 log 2 - 50
    assert rate_autoc(y, uplift, treated, n_draws=20).value == pytest.approx(100 * np.log(2), abs=4)


@pytest.mark.parametrize("options", [{}, {"groups": np.arange(500) // 3}, {"p_treatment": np.linspace(0.2, 0.8, 500)}])
def test_a_constant_score_gives_exactly_zero(options: dict[str, Any]) -> None:
    y, _, treated = trial(1, 500)
    found = qini(y * 7.7, np.full(500, 0.1), treated, n_draws=50, **options)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert rate_autoc(y * 7.7, np.full(500, 0.1), treated, n_draws=50, **options).value == 0


def test_equal_outcomes_give_exactly_zero() -> None:
    _, _, treated = trial(1, 50)
    found = qini(np.full(50, 0.1), np.arange(50), treated, n_draws=50)
    is_known = np.isfinite(numbers(found))  # nothing is known of the very best, all of one arm
    assert is_known[:5].all()
    assert is_known.mean() > 0.9
    assert not np.array(numbers(found))[is_known].any()


@pytest.mark.parametrize("n_scores", [3, 10**9])
def test_the_order_of_the_rows_changes_nothing_at_all(n_scores: int) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "y": rng.exponential(3, 900),
            "score": rng.integers(0, n_scores, 900) / 3,
            "treated": rng.random(900) < 0.3,
            "p": rng.choice([0.2, 0.35], 900),
            "weight": rng.random(900),
            "customer": rng.integers(0, 400, 900),
        }
    )

    def measured(f: pd.DataFrame) -> list[float]:
        found = qini(f.y, f.score, f.treated, n_draws=20, p_treatment=f.p, sample_weight=f.weight, groups=f.customer)
        return numbers(found)

    np.testing.assert_array_equal(measured(frame.sample(frac=1, random_state=0)), measured(frame))


def test_swapped_arms_flip_the_sign() -> None:
    y, uplift, treated = trial(3)
    one, other = qini(y, uplift, treated, n_draws=0), qini(y, uplift, ~treated, n_draws=0)
    assert one.value == pytest.approx(-other.value, abs=1e-9)


def test_a_constant_added_to_every_outcome_changes_nothing() -> None:
    y, uplift, treated = trial(3)
    p = np.where(uplift > 0, 0.45, 0.55)
    one, other = (qini(y + c, uplift, treated, n_draws=0, p_treatment=p).value for c in (0, 1e6))
    assert one == pytest.approx(other, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [1, 3])
def test_the_interval_of_a_noise_ranking_covers_zero_as_often_as_it_says(repeats: int) -> None:
    covered = []
    for seed in range(150):
        y, _, treated = (np.repeat(column, repeats) for column in trial(seed, 600))
        noise = np.repeat(np.random.default_rng(seed + 1000).normal(size=600), repeats)
        found = qini(y, noise, treated, n_draws=150, groups=np.repeat(np.arange(600), repeats))
        covered.append(found.low <= 0 <= found.high)
    assert 0.89 <= np.mean(covered) <= 0.99


def test_repeated_customers_do_not_narrow_the_interval() -> None:
    y, uplift, treated = trial(4, 800)
    once = qini(y, uplift, treated)
    columns = [np.repeat(c, 4) for c in (y, uplift, treated)]
    clustered = qini(*columns, groups=np.repeat(np.arange(800), 4))
    naive = qini(*columns)
    assert clustered.value == pytest.approx(once.value)
    assert (clustered.high - clustered.low) == pytest.approx(once.high - once.low, rel=0.15)
    assert (naive.high - naive.low) < 0.7 * (once.high - once.low)


def test_probabilities_by_row_undo_a_targeted_assignment() -> None:
    rng = np.random.default_rng(5)
    n = 100_000
    keen = rng.random(n) < 0.5
    p = np.where(keen, 0.8, 0.2)
    treated = rng.random(n) < p
    y = rng.random(n) < 0.1 + 0.4 * keen + 0.05 * treated  # the keen buy anyway; the effect is one for all
    score = rng.normal(size=n) + keen
    assert qini(y, score, treated, n_draws=0).average_effect.value > 250
    known = qini(y, score, treated, p_treatment=p)
    assert known.average_effect.value == pytest.approx(50, abs=10)
    assert known.low < 0 < known.high


def test_a_better_score_is_told_from_noise_and_a_copy_is_not() -> None:
    y, uplift, treated = trial(6)
    noise = np.random.default_rng(6).normal(size=len(y))
    found = compare_qini(y, {"truth": uplift, "noise": noise, "copy": 2 * noise}, treated, "noise")
    assert found["truth"].verdict == "better"
    assert found["copy"].verdict == "not separable"
    assert found["copy"].difference.value == found["copy"].difference.high == 0
    assert compare_qini(y, {"truth": uplift, "noise": noise}, treated, "truth")["noise"].verdict == "worse"
    alone = qini(y, uplift, treated)
    assert found["truth"].qini.value == pytest.approx(alone.value)
    assert found["truth"].difference.value == pytest.approx(alone.value - found["noise"].qini.value)


def test_one_of_several_arms_is_measured_as_if_it_were_alone() -> None:
    y, uplift, treated = trial(7, 900)
    arm = np.where(np.arange(900) % 3 == 0, "call", np.where(treated, "mail", "control"))
    rows = arm != "call"
    one = qini(y, uplift, arm, arm="mail", n_draws=20)
    alone = qini(y[rows], uplift[rows], arm[rows] == "mail", n_draws=20)
    assert numbers(one) == pytest.approx(numbers(alone))
    with pytest.raises(InputError, match=r"2 \('call', 'mail'\)\. Say which with arm="):
        qini(y, uplift, arm)
    with pytest.raises(InputError, match="Did you mean 'mail'"):
        qini(y, uplift, arm, arm="mial")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("y", np.nan, "y: every customer needs a finite number"),
        ("uplift", np.inf, "uplift: every customer needs a finite number"),
        ("treatment", np.nan, "every customer needs an arm"),
        ("sample_weight", -1.0, "zero or more"),
        ("p_treatment", 1.0, r"inside \(0, 1\)"),
    ],
)
def test_one_bad_value_is_refused_by_name(column: str, value: float, message: str) -> None:
    y, uplift, treated = trial(8, 50)
    columns = {"y": y, "uplift": uplift, "treatment": treated.astype(float)}
    columns |= {"sample_weight": np.ones(50), "p_treatment": np.full(50, 0.5)}
    columns[column] = columns[column].copy()
    columns[column][7] = value
    with pytest.raises(InputError, match=message):
        qini(**columns)


def test_columns_of_other_customers_are_refused() -> None:
    y, uplift, treated = (pd.Series(column) for column in trial(8, 50))
    with pytest.raises(InputError, match="its index must equal that of 'y'"):
        qini(y, uplift, treated[::-1])
    with pytest.raises(InputError, match="Got 49 rows"):
        qini(y, uplift, treated.to_numpy()[1:])
    with pytest.raises(InputError, match="arm 'control' needs some weight"):
        qini(y, uplift, treated, sample_weight=treated)


def test_fifty_rows_and_an_arm_without_responders_give_an_honest_interval() -> None:
    y, uplift, treated = trial(9, 50)
    found = qini(y * treated, uplift, treated)
    assert found.low <= found.value <= found.high
    assert found.average_effect.value > 0


def test_hillstrom_women_is_ranked_by_one_column(shared_data: Any) -> None:
    mails = pd.read_parquet(shared_data / "hillstrom_email" / "hillstrom.parquet")
    found = qini(mails.visit, mails.womens, mails.segment, control="No E-Mail", arm="Womens E-Mail", n_draws=100)
    assert found.average_effect.value == pytest.approx(1000 * (0.1514 - 0.1062), abs=0.1)
    assert found.low > 4


def test_nothing_is_known_of_the_best_where_one_arm_is_missing() -> None:
    rng = np.random.default_rng(0)
    treated = rng.integers(0, 2, 4000)
    y = (rng.random(4000) < 0.2 + 0.045 * treated).astype(int)
    score = treated + rng.random(4000) / 10
    found = uplift_at_k(y, score, treated, 0.1)
    assert np.isnan([found.value, found.low, found.high]).all()
    whole = qini(y, score, treated, n_draws=50)
    assert np.isnan([whole.value, whole.auuc.value, rate_autoc(y, score, treated, n_draws=50).value]).all()
    assert whole.average_effect.low < 45 < whole.average_effect.high


@pytest.mark.parametrize(("n", "control", "k"), [(4000, 0.1, 0.05), (2000, 0.05, 0.1), (5000, 0.02, 0.05)])
def test_the_interval_of_a_top_with_few_controls_holds_the_truth(n: int, control: float, k: float) -> None:
    held = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        score, treated = rng.random(n), rng.random(n) >= control
        y = (rng.random(n) < 0.10 + 0.05 * treated).astype(int)
        found = uplift_at_k(y, score, treated, k, p_treatment=1 - control)
        held.append(found.low <= 50 <= found.high)
    assert np.mean(held) >= 0.9


def test_rounding_does_not_part_equal_scores() -> None:
    y, _, treated = trial(5, 3000)
    tied = np.random.default_rng(1).integers(1, 8, 3000) / 10
    dusty = (tied * 3) / 3 + np.random.default_rng(2).choice([0.0, 1e-16], 3000)
    assert qini(y, dusty, treated, n_draws=0).value == pytest.approx(qini(y, tied, treated, n_draws=0).value, rel=1e-9)
    assert uplift_at_k(y, dusty, treated, 0.3).value == pytest.approx(
        uplift_at_k(y, tied, treated, 0.3).value, rel=1e-9
    )
