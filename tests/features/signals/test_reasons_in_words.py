"""Values of signals as a list for people tells them: none, one, yes and no; never a column's name or a long number."""

from __future__ import annotations

import doctest
import re

import numpy as np
import pandas as pd
import pytest

from penchant.features.catalogue import GROUPS, groups_of
from penchant.features.shop import shop_from_tables
from penchant.features.signals import group
from penchant.features.signals.group import Column, counted
from penchant.models.plain_reasons import _counted

COLUMNS = [column for one in GROUPS for column in one.columns()]


def test_its_examples_run() -> None:
    assert doctest.testmod(group).failed == 0


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_signal_is_told_in_words(column: Column) -> None:
    values = ["semi_active"] if column.dtype == "string" else [0.0, 1.0, 0.9707208507797086, 12345.678901]
    for value in [*values, float("nan")]:
        for is_high in (True, False):
            text = column.told(value, is_high=is_high)
            assert text
            assert not re.search(r"\d\.\d{4}|^[01] \w+s\b|[{}]|nan", text), text
            assert "_" not in column.name or column.name not in text, text


def test_a_flag_is_told_as_it_is_whatever_is_usual() -> None:
    crowd = next(column for column in COLUMNS if column.name == "in_interest")
    assert crowd.told(0, is_high=True) == "not in the crowd 'interest'"
    assert crowd.told(1, is_high=False).startswith("cart or favourite")


def test_attributes_of_a_shop_are_told_in_its_words() -> None:
    days = pd.date_range("2024-01-01", periods=2)
    people = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "consent_sms": [True, False],
            "club_card": [True, None],
            "score{x}": [0.9707208507797086, 2.0],
            "shoe_shop": ["left", "right"],
        }
    )
    people["club_card"] = people["club_card"].astype("boolean")
    orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": days, "amount": [100, 200]})
    with shop_from_tables({"orders": orders, "customers": people}) as shop:
        (profile,) = groups_of(shop, ["profile"])
    by_name = {column.name: column for column in profile.columns()}
    assert by_name["consent_sms"].told(1.0, is_high=False) == "agreed to sms"
    assert by_name["consent_sms"].told(0.0, is_high=True) == "has not agreed to sms"
    assert by_name["club_card"].told(1.0) == "club card: yes"
    assert by_name["club_card"].told(np.nan) == "club card unknown, or not registered yet"
    assert by_name["score{x}"].told(0.9707208507797086) == "score{x}: 0.9707"
    assert by_name["shoe_shop"].told("left") == "shoe shop: left"


def test_the_mean_and_the_usual_time_between_purchases_are_one_reason() -> None:
    named = {column.name: column.family for column in COLUMNS}
    assert named["gap_mean_days"] == named["gap_median_days"] == named["cycle_days"]
    assert named["own_gap_elapsed"] != named["cycle_days"]


@pytest.mark.parametrize(
    "text", ["0 logins in 7 days", "1 categories bought so far", "1 searches", "12 views", "1.0 x"]
)
def test_a_served_model_counts_as_the_lists_do(text: str) -> None:
    assert _counted(text) == counted(text)
