"""What people open in a spreadsheet: texts cannot run as formulas, keys and numbers are what they were."""

from __future__ import annotations

import pandas as pd
import pytest

from penchant.spreadsheet import on_shop_clock, safe_for_spreadsheets


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "-7",
        "+44",
        "@sum(a1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\nharmless",
        " =1+1",
        "\ufeff=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠a",
    ],
)
@pytest.mark.parametrize("kind", ["object", "str", "category"])
def test_a_text_that_would_run_as_a_formula_gets_an_apostrophe(text: str, kind: str) -> None:
    frame = pd.DataFrame({"note": pd.Series([text, "plain", None], dtype=kind), "customer_id": [text, "b", "c"]})
    safe = safe_for_spreadsheets(frame)
    assert safe["note"].tolist()[:2] == ["'" + text, "plain"]
    assert safe["note"].isna().tolist() == [False, False, True]
    assert safe["customer_id"].tolist() == [text, "b", "c"]
    assert frame["note"][0] == text


def test_numbers_and_flags_are_left_also_among_texts() -> None:
    frame = pd.DataFrame({"n": [-1, 2], "mixed": pd.Series([-1, "=2"], dtype=object)})
    safe = safe_for_spreadsheets(frame)
    assert safe["n"].tolist() == [-1, 2]
    assert safe["mixed"].tolist() == [-1, "'=2"]


def test_keys_can_be_named() -> None:
    safe = safe_for_spreadsheets(pd.DataFrame({"phone": ["+44"], "item_id": ["-1"]}), keys=["phone"])
    assert safe.iloc[0].tolist() == ["+44", "'-1"]


def test_instants_are_told_as_the_shops_clock_has_them_over_a_clock_change() -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2025-10-25 22:00", "2025-10-26 23:00", None])})
    told = on_shop_clock(frame, "Europe/Berlin")["at"].tolist()
    assert told == ["2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00", None]
