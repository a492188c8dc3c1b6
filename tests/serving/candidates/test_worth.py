"""What a success is worth: a customer's few orders count for little against the shop's mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.serving.candidates.worth import Rates, usual_amount

RATES = Rates(0.3, False, 50.0)


def test_few_orders_count_for_little_and_many_for_nearly_all() -> None:
    known = pd.DataFrame({"amount_mean": [200.0, 200.0, 200.0, np.nan], "n_orders": [1, 6, 500, 0]})
    one, six, many, none = usual_amount(known, RATES)
    assert one == pytest.approx(50 + 150 / 2.4)
    assert one < six < many < 200
    assert many == pytest.approx(200, abs=1)
    assert none == usual_amount(known[["n_orders"]], RATES)[0] == 50.0


def test_the_next_order_is_nearer_than_to_the_customers_own_mean() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(1, 6, 4000)
    usual = rng.lognormal(3.5, 0.7, len(n))
    mean = np.array([usual[i] * rng.lognormal(0, 0.8, k).mean() for i, k in enumerate(n)])
    following = usual * rng.lognormal(0, 0.8, len(n))
    known = pd.DataFrame({"amount_mean": mean, "n_orders": n})
    expected = usual_amount(known, Rates(0.3, False, float(mean.mean())))
    assert ((expected - following) ** 2).mean() < 0.95 * ((mean - following) ** 2).mean()
