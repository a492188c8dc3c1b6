import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.uplift.arms import read_arms
from penchant.models.uplift.trial import draw_customers, read_experiment, read_trial

ARM = np.array([0, 0, 1, 1, 2, 2, 0, 1])
CUSTOMER = np.array([0, 0, 1, 1, 2, 3, 4, 4])  # customer 4 was in two arms


def test_each_draw_has_as_many_customers_of_each_arm() -> None:
    for counts in draw_customers(ARM, None, 20, seed=0):
        assert np.bincount(ARM, weights=counts).tolist() == [3, 3, 2]


def test_customers_are_drawn_whole_inside_their_arm() -> None:
    draws = np.array(list(draw_customers(ARM, CUSTOMER, 60, seed=0)))
    first = draws[:, [0, 2, 4, 5, 6]]
    assert np.array_equal(first[:, [0, 1, 4]], draws[:, [1, 3, 7]])
    # each of customers 0, 1 and 4 is alone in its stratum: control, treatment 1, several arms
    assert (first[:, [0, 1, 4]] == 1).all()
    assert (first[:, 2] + first[:, 3] == 2).all()
    assert set(first[:, 2]) == {0, 1, 2}


def test_the_same_seed_gives_the_same_draws() -> None:
    one, other, third = (list(draw_customers(ARM, None, 3, seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_rows_of_a_trial_lie_in_an_order_of_their_own() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 40), "s": rng.integers(0, 3, 40), "w": rng.integers(0, 2, 40)})
    one, other = (read_trial(f.y, {"s": f.s}, f.w) for f in (frame, frame.sample(frac=1, random_state=1)))
    assert np.array_equal(one.y, other.y)
    assert np.array_equal(one.scores, other.scores)
    assert not one.is_treated[: (~one.is_treated).sum()].any()


def test_an_experiment_keeps_the_order_of_its_rows_and_needs_weight_in_every_arm() -> None:
    experiment = read_experiment([3, 1, 2], ["mail", "control", "call"], groups=["x", "y", "x"])
    assert experiment.y.tolist() == [3, 1, 2]
    assert experiment.customer is not None
    assert experiment.customer.tolist() == [0, 1, 0]
    with pytest.raises(InputError, match="arm 'call' needs some weight"):
        read_experiment([3, 1, 2], ["mail", "control", "call"], sample_weight=[1, 1, 0])


def test_one_of_several_treatments_is_held_against_the_control_with_its_own_probability() -> None:
    """Rows 0 control, 1 mail, 2 call, 3 mail; of mail or control, mail is 0.4 of 0.4 + 0.4, and so on."""
    p = pd.DataFrame({"call": [0.2, 0.4, 0.5, 0.1], "mail": [0.4, 0.3, 0.2, 0.3]})
    found = read_trial(
        [5.0, 6.0, 7.0, 4.0], {"s": [1, 2, 3, 4], "z": [8, 7, 6, 5]}, ["control", "mail", "call", "mail"],
        arm="mail", p_treatment=p, sample_weight=[1.0, 2.0, 3.0, 4.0], groups=["b", "x", "a", "b"],
    )  # fmt: skip
    assert found.is_treated.tolist() == [False, True, True]
    assert found.y.tolist() == [5.0, 4.0, 6.0]
    assert found.p_treated.tolist() == pytest.approx([0.4 / 0.8, 0.3 / 0.9, 0.3 / 0.6])
    assert found.weight.tolist() == [1.0, 4.0, 2.0]
    assert found.names == ("s", "z")
    assert found.scores.tolist() == [[1, 4, 2], [8, 5, 7]]
    assert found.customer is not None
    assert found.customer.tolist() == [0, 0, 1]
    assert len(found) == 3


def test_which_treatment_is_meant_must_be_said_and_known() -> None:
    columns = ([1, 2, 3], {"s": [1, 2, 3]}, ["mail", "control", "call"])
    with pytest.raises(InputError, match=r"at a time. Got 2 \('call', 'mail'\)|at a time. Got 2 \('call' and 'mail'\)"):
        read_trial(*columns)
    for wrong in ("control", "mial"):
        with pytest.raises(InputError, match="name of a treatment"):
            read_trial(*columns, arm=wrong)
    assert len(read_trial([1, 2], {"s": [1, 2]}, ["mail", "control"], arm="mail")) == 2


def test_customers_of_several_arms_are_drawn_among_themselves() -> None:
    """0 and 1 were in both arms, 2 and 3 in the treatment alone, 4 in the control: one of three kinds is one alone."""
    arm, customer = np.array([0, 1, 0, 1, 1, 1, 0]), np.array([0, 0, 1, 1, 2, 3, 4])
    draws = np.array(list(draw_customers(arm, customer, 80, seed=0)))
    assert (draws[:, 0] + draws[:, 2] == 2).all()
    assert (draws[:, 4] + draws[:, 5] == 2).all()
    assert (draws[:, 6] == 1).all()
    assert set(draws[:, 0]) == set(draws[:, 4]) == {0, 1, 2}


def test_columns_of_other_customers_are_refused() -> None:
    y, arm, score, who = (pd.Series(values, index=["a", "b"]) for values in ([1, 2], [0, 1], [3, 4], ["x", "y"]))
    assert len(read_trial(y, {"s": score}, arm, groups=who)) == 2
    elsewhere = ["b", "c"]
    with pytest.raises(InputError, match="treatment: its index must equal that of 'y'"):
        read_experiment(y.set_axis(elsewhere), arm)
    with pytest.raises(InputError, match="groups: its index"):
        read_experiment(y, arm, groups=who.set_axis(elsewhere))
    with pytest.raises(InputError, match="sample_weight: its index"):
        read_experiment(y, arm, sample_weight=score.set_axis(elsewhere))
    with pytest.raises(InputError, match="s: its index"):
        read_trial(y, {"s": score.set_axis(elsewhere)}, arm.to_numpy())


def test_an_arm_that_nobody_is_in_any_more_is_refused() -> None:
    arms = read_arms(["mail", "control", "call"])
    with pytest.raises(InputError, match="arm 'mail' needs some weight"):
        read_experiment([1, 2], arms.take([1, 2]))


def test_rows_are_drawn_whole_times() -> None:
    assert next(draw_customers(ARM, None, 1, seed=0)).dtype.kind == "i"
