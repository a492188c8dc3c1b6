import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.inputs.arrays import read_groups, read_numbers, read_weights, refuse_misaligned


@pytest.mark.parametrize(
    "values", [[1, 2], (True, False), np.array([[1], [2]]), pd.Series([1, 2], dtype="Int64"), pd.Series([0.5, 1])]
)
def test_numbers_of_any_kind_become_floats(values: object) -> None:
    numbers = read_numbers("y", values)
    assert numbers.shape == (2,)
    assert numbers.dtype == np.float64


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.nan, np.inf], r"y: every customer needs a finite number\. Got 2 missing or infinite values of 3"),
        (["a", "1"], r"y: numbers are needed\. Got values such as 'a'"),
        ([], r"at least one customer"),
        (np.ones((2, 2)), r"one value per customer.*shape \(2, 2\)"),
        (1.0, r"one value per customer"),
        (pd.Series([1, None], dtype="Int64"), r"missing|numbers are needed"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(values: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_numbers("y", values)


@pytest.mark.parametrize(("values", "message"), [([1, -1], "zero or more"), ([0, 0], "above zero"), ([1], "2 rows")])
def test_weights_that_cannot_weigh_are_refused(values: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_weights(values, 2)


def test_groups_are_numbered_whatever_their_type() -> None:
    assert read_groups(["b", "a", "b"], 3).tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="1 missing"):
        read_groups(["b", None], 2)


def test_indexes_must_agree_and_lengths_too() -> None:
    y = pd.Series([1, 2], index=[10, 11])
    refuse_misaligned(y=y, treatment=[0, 1], weight=None)
    with pytest.raises(InputError, match="same labels in another order"):
        refuse_misaligned(y=y, treatment=y[::-1])
    with pytest.raises(InputError, match=r"'y' are needed \(2\)\. Got 3 rows"):
        refuse_misaligned(y=y, treatment=[0, 1, 1])
