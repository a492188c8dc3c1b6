from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.uplift.arms import read_arms


@pytest.mark.parametrize(
    "treatment",
    [
        [True, False, True],
        [1, 0, 1],
        np.array([[1.0], [0.0], [1.0]]),
        ["1", "0", "1"],
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series(["treated", "Control ", "treated"], dtype="category"),
    ],
)
def test_every_way_to_write_two_arms_is_read_alike(treatment: Any) -> None:
    arms = read_arms(treatment)
    assert arms.codes.tolist() == [1, 0, 1]
    assert arms.names[1] == "treated"
    assert arms.probability[0].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_several_arms_come_after_the_control_in_sorted_order() -> None:
    assert read_arms(["sms", "none", "mail"], control="none").names == ("none", "mail", "sms")
    assert read_arms([0, 10, 2]).names == ("control", "2", "10")


@pytest.mark.parametrize(
    "p",
    [
        {"mail": 0.2, "sms": [0.5, 0.3, 0.5]},
        {"control": [0.3, 0.5, 0.3], "sms": [0.5, 0.3, 0.5], "mail": 0.2},
        pd.DataFrame({"sms": [0.5, 0.3, 0.5], "mail": [0.2, 0.2, 0.2]}),
        np.array([[0.2, 0.5], [0.2, 0.3], [0.2, 0.5]]),
    ],
)
def test_every_way_to_give_probabilities_of_several_arms_is_read_alike(p: Any) -> None:
    arms = read_arms(["sms", "control", "mail"], p)
    assert arms.probability == pytest.approx(np.array([[0.3, 0.2, 0.5], [0.5, 0.2, 0.3], [0.3, 0.2, 0.5]]))
    assert arms.own_probability.tolist() == pytest.approx([0.5, 0.5, 0.2])


@pytest.mark.parametrize("p", [0.7, [0.7] * 2, {"treated": 0.7}, {1: 0.7, 0: 0.3}, np.array([[0.7], [0.7]])])
def test_every_way_to_give_the_probability_of_one_treatment_is_read_alike(p: Any) -> None:
    assert read_arms([1, 0], p).probability == pytest.approx(np.array([[0.3, 0.7]] * 2))


@pytest.mark.parametrize(
    ("treatment", "options", "message"),
    [
        ([1, 1], {}, r"two to 127 arms are needed.*Got 1 \('1'\)"),
        ([], {}, "Got no rows"),
        ([1, None, 0], {}, "Got 1 missing values of 3"),
        (["mail", " ", "control"], {}, "Got 1 missing values of 3"),
        ([0, 0.5], {}, "A dose is no arm"),
        (["a", "b"], {}, r"Arms: 'a', 'b'\. Say which with control="),
        (["Control", "control", "mail"], {}, "Got 2 that could be it"),
        (["a", "b"], {"control": "c"}, "Got 'c', which is not an arm"),
        ([0, 1], {"p_treatment": "often"}, "numbers inside"),
        ([0, 1], {"p_treatment": [object(), 0.5]}, "numbers inside"),
        ([0, 1], {"p_treatment": 1.0}, r"inside \(0, 1\)"),
        ([0, 1], {"p_treatment": [0.5, np.nan]}, "1 rows with others, such as nan"),
        ([0, 1], {"p_treatment": [0.5]}, r"or 2 of them, is needed\. Got shape \(1,\)"),
        ([0, 1, 2], {"p_treatment": 0.3}, "say whose probability"),
        ([0, 1, 2], {"p_treatment": {"1": 0.3}}, "none for '2'"),
        ([0, 1, 2], {"p_treatment": {1: 0.3, 2: 0.3, 3: 0.1}}, "unknown arms '3'"),
        ([0, 1, 2], {"p_treatment": {1: 0.6, 2: 0.4}}, "leave some for the control"),
        ([0, 1, 2], {"p_treatment": {0: 0.6, 1: 0.3, 2: 0.3}}, "sum to 1"),
        ([0, 1, 2], {"p_treatment": np.ones((3, 3)) / 3}, r"shape \(3, 2\) is needed"),
    ],
)
def test_what_is_no_trial_is_refused(treatment: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_arms(treatment, **options)


def test_probabilities_of_other_customers_are_refused() -> None:
    treatment = pd.Series([0, 1], index=["ann", "bob"])
    with pytest.raises(InputError, match="its index must equal that of 'treatment'"):
        read_arms(treatment, pd.Series([0.5, 0.5]))


def test_a_pair_of_arms_keeps_its_own_probabilities() -> None:
    arms = read_arms(["sms", "control", "mail", "sms"], {"mail": 0.2, "sms": 0.6})
    rows, pair = arms.against_control(2)
    assert rows.tolist() == [0, 1, 3]
    assert pair.codes.tolist() == [1, 0, 1]
    assert pair.probability[0].tolist() == pytest.approx([0.25, 0.75])


def test_arms_once_read_are_read_again_as_they_are() -> None:
    arms = read_arms([0, 1], 0.3)
    assert read_arms(arms) is arms
    with pytest.raises(ValueError, match="read-only"):
        arms.probability[0, 0] = 1.0
