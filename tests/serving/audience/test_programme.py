"""The programme's effect: known truth within its interval, refused while the universal control is too small."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError, TooLittleDataError
from penchant.features.shop import Shop, shop_from_tables
from penchant.serving.audience.exclusions import Protection
from penchant.serving.audience.programme import effects_of, programme_page

SINCE, UNTIL = datetime(2025, 1, 1), datetime(2025, 4, 1)
PROTECTION = Protection(universal_control=0.2, seed=3)


def shop_of(held_out: Any, n: int, added: float = 0.2, seed: int = 0) -> Shop:
    """Return a shop in which those who may be contacted order more often by ``added``, of 10.00 each."""
    rng = np.random.default_rng(seed)
    ids = pd.Series([f"c{place:05d}" for place in range(n)])
    held = held_out(ids, PROTECTION.seed, PROTECTION.universal_control)
    keen = rng.gamma(2.0, 0.25, n)
    before, after = rng.poisson(keen), rng.poisson(keen + np.where(held, 0.0, added))
    at = [SINCE - timedelta(days=1)] * int(before.sum()) + [SINCE + timedelta(days=1)] * int(after.sum())
    orders = pd.DataFrame({"customer_id": np.concatenate([np.repeat(ids, before), np.repeat(ids, after)])})
    orders = orders.assign(ordered_at=at, amount=1000, order_id=[f"o{place}" for place in range(len(orders))])
    people = pd.DataFrame({"customer_id": ids, "registered_at": SINCE - timedelta(days=100)})
    visits = pd.DataFrame({"customer_id": ["new"], "occurred_at": [UNTIL], "kind": ["view"]})
    contacts = pd.DataFrame(
        {"campaign_id": "x", "customer_id": ids[held][:3], "arm": "mail", "assigned_at": SINCE + timedelta(days=2)}
    )
    return shop_from_tables({"orders": orders, "customers": people, "interactions": visits, "assignments": contacts})


def test_the_truth_lies_within_the_interval_and_the_total_is_of_all_who_may_be_contacted(held_out: Any) -> None:
    with shop_of(held_out, 4000) as shop:
        page = programme_page(shop, SINCE, UNTIL, PROTECTION)
    rows = {row["quantity"]: row for row in page.tables[0].rows}
    each, total = rows["orders"]["each"], rows["orders"]["total"]
    assert each.low < 0.2 < each.high
    assert each.low > 0
    assert total.value == pytest.approx(each.value * page.facts["n_treated"])
    assert rows["revenue"]["each"].value == pytest.approx(10 * each.value, rel=1e-6)
    assert page.facts["n_control"] + page.facts["n_treated"] == 4000
    assert any(note.startswith("3 of the universal control were contacted") for note in page.notes)


def test_no_effect_is_inside_the_interval_in_about_95_of_100_programmes() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _place in range(400):
        held = rng.random(600) < 0.1
        keen = rng.gamma(2.0, 0.25, 600)
        people = pd.DataFrame({"orders": rng.poisson(keen), "orders_before": rng.poisson(keen)})
        found = effects_of(people, held)["orders"].each
        hits += found.low <= 0 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_a_control_that_is_too_small_is_refused_and_says_what_it_takes(held_out: Any) -> None:
    with shop_of(held_out, 150) as shop, pytest.raises(TooLittleDataError, match=r"in the universal control.*Hold out"):
        programme_page(shop, SINCE, UNTIL, PROTECTION)


def test_a_span_without_days_or_control_is_refused(held_out: Any) -> None:
    with shop_of(held_out, 150) as shop:
        with pytest.raises(InputError, match="a day or more"):
            programme_page(shop, UNTIL, UNTIL, PROTECTION)
        with pytest.raises(InputError, match="universal_control = 0"):
            programme_page(shop, SINCE, UNTIL, Protection(universal_control=0.0))
