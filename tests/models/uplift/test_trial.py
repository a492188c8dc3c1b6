import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
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
