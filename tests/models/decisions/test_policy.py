from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.decisions.policy import Stakes, policy_value, read_policy, treat_top
from penchant.models.decisions.profit import profit_curve
from penchant.models.evaluation.outcome_scores import outcome_scores
from penchant.models.uplift.trial import read_experiment


def three_arms(seed: int, n: int) -> pd.DataFrame:
    """Return customers of two kinds: mail gains 2 for the first, a call gains 3 for the second."""
    rng = np.random.default_rng(seed)
    first = rng.random(n) < 0.5
    p_mail, p_call = np.where(first, 0.5, 0.2), np.where(first, 0.2, 0.4)
    draw = rng.random(n)
    arm = np.where(draw < p_mail, "mail", np.where(draw < p_mail + p_call, "call", "control"))
    mean = 5 * first + 2 * ((arm == "mail") & first) + 3 * ((arm == "call") & ~first)
    return pd.DataFrame({"y": mean + rng.normal(size=n), "arm": arm, "first": first, "mail": p_mail, "call": p_call})


def value(rows: pd.DataFrame, policy: Any, **options: Any) -> Any:
    return policy_value(rows.y, policy, rows.arm, p_treatment=rows[["mail", "call"]], **options)


def truth(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    first = rows["first"].to_numpy(float)
    return {"control": 5 * first, "mail": 7 * first, "call": 5 * first + 3 * (1 - first)}


def test_the_right_arm_for_each_kind_earns_what_was_planted() -> None:
    rows = three_arms(0, 100_000)
    found = value(rows, np.where(rows["first"], "mail", "call"), stakes=Stakes(cost={"mail": 0.5, "call": 1.0}))
    assert found.value == pytest.approx(1000 * (0.5 * 6.5 + 0.5 * 2.0), rel=0.02)
    assert found.over_nobody.value == pytest.approx(1000 * (0.5 * 1.5 + 0.5 * 2.0), rel=0.03)
    assert found.over_everyone["call"].value == pytest.approx(1000 * 0.5 * (1.5 + 1.0), rel=0.05)
    assert found.share["mail"] == pytest.approx(0.5, abs=0.01)


def test_the_scores_are_those_of_a_loop() -> None:
    rows = three_arms(1, 60)
    experiment = read_experiment(rows.y, rows.arm, p_treatment=rows[["mail", "call"]])
    scores = outcome_scores(experiment, truth(rows))
    for i, row in enumerate(rows.itertuples()):
        p = {"mail": row.mail, "call": row.call, "control": 1 - row.mail - row.call}
        for code, name in enumerate(experiment.arms.names):
            mu = truth(rows)[name][i]
            expected = mu + (row.y - mu) / p[name] if row.arm == name else mu
            assert scores[i, code] == pytest.approx(expected)


@pytest.mark.parametrize("predictions", ["none", "good", "wrong"])
def test_the_interval_covers_the_truth_whatever_the_predictions(predictions: str) -> None:
    covered, widths = [], []
    for seed in range(150):
        rows = three_arms(seed, 500)
        mu = {"none": None, "good": truth(rows), "wrong": dict.fromkeys(truth(rows), 20.0)}[predictions]
        found = value(rows, np.where(rows["first"], "mail", "call"), predicted=mu).over_nobody
        covered.append(found.low <= 2500 <= found.high)
        widths.append(found.high - found.low)
    assert 0.9 <= np.mean(covered) <= 0.99
    if predictions == "good":
        assert np.mean(widths) < 450  # the arms' means alone give twice that


def test_no_contact_gains_nothing_and_everyone_gains_the_effect() -> None:
    rows = three_arms(2, 5000)
    assert value(rows, np.full(5000, "control")).over_nobody.value == 0
    assert value(rows, np.full(5000, "mail")).over_everyone["mail"].value == 0
    plain = policy_value(rows.y, np.ones(5000), rows.arm == "mail")
    means = rows.groupby(rows.arm == "mail").y.mean()
    assert plain.over_nobody.value == pytest.approx(1000 * (means[True] - means[False]))


def test_a_customers_worth_can_differ_by_arm_and_by_customer() -> None:
    y, treated = [1.0, 1.0] * 50, [1, 0] * 50
    dear = Stakes(value={"control": 10.0, "treated": np.tile([8.0, 4.0], 50)}, cost=0.5)
    assert policy_value(y, np.ones(100), treated, stakes=dear).value == pytest.approx(1000 * (6 - 0.5))
    with pytest.raises(InputError, match="none for 'control'"):
        policy_value(y, np.ones(100), treated, stakes=Stakes(value={"treated": 8}))
    with pytest.raises(InputError, match=r"shape \(100, 2\) is needed"):
        policy_value(y, np.ones(100), treated, predicted=np.ones((100, 3)))


def test_repeated_customers_do_not_narrow_the_interval() -> None:
    rows = three_arms(3, 400)
    again = rows.loc[rows.index.repeat(4)].reset_index(drop=True)
    policy = np.where(again["first"], "mail", "call")
    once = value(rows, policy[::4])
    clustered = value(again, policy, groups=np.repeat(np.arange(400), 4))
    assert clustered.as_dict() == pytest.approx(once.as_dict())


def test_ties_at_the_cut_are_contacted_in_part() -> None:
    assert treat_top([1, 1, 1, 5], 0.5, [1, 1, 1, 3]).tolist() == [0, 0, 0, 1]
    assert treat_top([2, 2, 2, 2], 0.3).tolist() == pytest.approx([0.3] * 4)
    assert treat_top([3, 2], 0).tolist() == [0, 0]
    assert treat_top([3, 2], 1).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (["mial", "call", "mail"], "Did you mean 'mail'"),
        ([0.5, 0.5, 0.5], "names of arms are needed"),
        (np.full((3, 3), 0.5), "sum to 1"),
        (["mail", "call"], "'y' are needed"),
    ],
)
def test_what_is_no_policy_is_refused(policy: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        policy_value([1, 2, 3], policy, ["mail", "call", "control"])


def test_a_handful_of_controls_gives_a_policy_no_bounds() -> None:
    """With ten controls the bounds held the truth too rarely: none are given, of the value, its gain or the profit."""
    rng = np.random.default_rng(0)
    score, treated = rng.random(1000), np.arange(1000) >= 10
    y = (rng.random(1000) < 0.1 + 0.1 * score * treated).astype(float)
    found = policy_value(y, treat_top(score, 0.2), treated, p_treatment=0.99)
    at = profit_curve(y, score, treated, p_treatment=0.99, n_draws=20).curve.at(0.2)
    for unknown in (found, found.over_nobody, found.over_everyone["treated"], at):
        assert np.isnan([unknown.low, unknown.high]).all()
    many = policy_value(y, treat_top(score, 0.2), np.arange(1000) % 2 == 0)
    assert many.low < many.value < many.high


FOUR: dict[str, Any] = {"y": [4.0, 2.0, 3.0, 1.0], "treatment": [1, 1, 0, 0]}  # means of 3 and 2, at even odds
# Scores by hand: of being treated 5, 1, 3, 3; of not 2, 2, 4, 0.


def test_four_customers_are_worth_what_their_scores_say() -> None:
    found = policy_value(policy=[1, 0, 1, 0], **FOUR)
    assert found.value == pytest.approx(1000 * (5 + 2 + 3 + 0) / 4)
    assert found.over_nobody.value == pytest.approx(1000 * (3 - 1) / 4)
    assert found.over_everyone["treated"].value == pytest.approx(1000 * (1 - 3) / 4)
    assert found.share == {"control": 0.5, "treated": 0.5}
    assert str(found).startswith("2500")
    assert "per 1,000 customers, 500" in str(found)
    half = policy_value(policy=[0.5, 0.5, 1, 0], **FOUR)
    assert half.value == pytest.approx(1000 * (3.5 + 1.5 + 3 + 0) / 4)


def test_stakes_and_weights_by_hand() -> None:
    """Ten for each outcome less one for a contact; with weights the control's mean is (3 x 3 + 1) / 4."""
    dear = policy_value(policy=[1, 0, 1, 0], stakes=Stakes(value=10, cost=1), **FOUR)
    assert dear.value == pytest.approx(1000 * (49 + 20 + 29 + 0) / 4)
    assert dear.over_nobody.value == pytest.approx(1000 * (29 - 11) / 4)
    heavy = policy_value(policy=[1, 0, 1, 0], sample_weight=[1, 1, 3, 1], **FOUR)
    assert heavy.value == pytest.approx(1000 * (5 + 2.5 + 3 * 3 - 0.5) / 6)
    assert heavy.share["treated"] == pytest.approx(4 / 6)


def test_a_policy_may_come_as_names_shares_or_columns() -> None:
    arms = read_experiment(FOUR["y"], FOUR["treatment"]).arms
    wanted = [[0, 1], [1, 0], [0, 1], [1, 0]]
    ways = ([True, False, True, False], ["treated", "control", "treated", "control"], np.array(wanted, float))
    for policy in (*ways, np.array([[1.0], [0.0], [1.0], [0.0]])):
        assert read_policy(policy, arms).tolist() == wanted
    for wrong in ([1.5, 0, 1, 0], [[1.5, -0.5]] * 4, [[0.6, 0.6]] * 4):
        with pytest.raises(InputError, match="sum to 1"):
            read_policy(np.array(wrong), arms)


def test_a_top_share_is_of_the_weight_and_within_0_and_1() -> None:
    assert treat_top([1, 2, 3], 0.5, [2, 1, 1]).tolist() == [0, 1, 1]
    assert treat_top([1, 3, 2], 0.25, [2, 1, 1]).tolist() == [0, 1, 0]
    assert treat_top([1, 3, 2], 0.5, [2, 0, 2]).tolist() == [0, 0, 1]
    for share in (-0.1, 1.1):
        with pytest.raises(InputError, match=r"a share in 0\.\.1"):
            treat_top([1, 2], share)
