"""The errors: one tree, readable messages, safe to pickle."""

from __future__ import annotations

import pickle

import pytest

from penchant import errors

TREE = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", TREE)
def test_every_error_survives_pickling_with_its_facts(error: type[errors.PenchantError]) -> None:
    first = error("orders.amount", "numbers at least 0", "-3", "Correct the column")
    again = pickle.loads(pickle.dumps(first))
    assert type(again) is error
    assert (again.where, again.expected, again.got, again.do) == (first.where, first.expected, first.got, first.do)
    assert str(again) == "orders.amount: numbers at least 0. Got -3. Correct the column."


@pytest.mark.parametrize("error", TREE)
def test_every_error_stands_in_the_drawn_tree(error: type[errors.PenchantError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_long_lists_of_names_are_cut_and_the_rest_is_counted() -> None:
    assert errors.quoted(range(7), most=3) == "'0', '1', '2' and 4 more"
