"""Amounts that start from each customer's own rate: right for giants too, kept as trees, refused where misnamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.estimators.value import ValueModel
from penchant.models.explain.contributions import contributions
from penchant.models.store.artifact import load, save

RATE = ("total", "days")


def shop(n: int = 1_500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return customers of whom few are giants, and what they spend at the rate of the past, give or take."""
    rng = np.random.default_rng(seed)
    per_day, days = np.exp(rng.normal(0, 1.5, n)), rng.integers(200, 1_000, n).astype(float)
    total = per_day * days
    X = pd.DataFrame({"total": total, "days": days, "noise": rng.normal(size=n)})
    buys = rng.random(n) < 0.6
    return X, np.where(buys, per_day * 90 * rng.gamma(4, 1 / 4, n), 0.0)


def error(model: ValueModel, X: pd.DataFrame, y: np.ndarray) -> float:
    return float(np.sqrt(np.mean((y - model.predict(X)) ** 2)))


@pytest.fixture(scope="module")
def fitted() -> Any:
    return ValueModel(rate=RATE, n_threads=1).fit(*shop())


def test_giants_are_told_better_from_their_own_rate(fitted: Any) -> None:
    later = shop(seed=1)
    plain = ValueModel(n_threads=1).fit(*shop())
    assert error(fitted, *later) < 0.85 * error(plain, *later)
    biggest = later[0]["total"].nlargest(30).index
    came, promised = later[1][biggest].mean(), fitted.predict(later[0])[biggest].mean()
    assert plain.predict(later[0])[biggest].mean() < 0.9 * promised < 0.9 * came


@pytest.mark.parametrize("form", ["two_part", "tweedie"])
def test_what_is_saved_holds_the_start_too(form: Any, tmp_path: Path) -> None:
    X, y = shop(600)
    X.loc[::7, "total"] = np.nan
    model = ValueModel(rate=RATE, form=form, n_threads=1).fit(X, y)
    again = load(save(model, tmp_path / "model"))
    assert again.start_.intercept == model.start_.intercept
    assert np.array_equal(again.predict(X), model.predict(X))
    assert np.isfinite(model.predict(X)).all()


def test_contributions_tell_of_the_start(fitted: Any) -> None:
    X, _ = shop(200, seed=2)
    added = pd.DataFrame(contributions(fitted, X)[:, :-1], columns=X.columns)
    assert added["total"].corr(np.log(X["total"]), method="spearman") > 0.9
    assert added["days"].corr(X["days"], method="spearman") < -0.9


def test_left_out_amounts_sum_to_what_was_spent(fitted: Any) -> None:
    X, y = shop()
    assert fitted.predict(X).sum() == pytest.approx(y.sum(), rel=0.1)


@pytest.mark.parametrize("column", RATE)
def test_without_a_rate_that_varies_trees_start_from_the_mean(column: str) -> None:
    X, y = shop(400)
    model = ValueModel(rate=RATE, n_threads=1).fit(X.assign(**{column: 1.0}), y)
    assert model.start_ is None


def test_amounts_that_can_be_negative_start_from_the_mean() -> None:
    X, y = shop(400)
    model = ValueModel(rate=RATE, n_threads=1).fit(X, y - 1.0)
    assert model.form_ == "squared_error"
    assert model.start_ is None


@pytest.mark.parametrize("rate", [("total", "day"), ("total", "kind"), ("total",), ()])
def test_columns_of_no_rate_are_refused(rate: Any) -> None:
    X, y = shop(100)
    with pytest.raises(InputError, match="rate"):
        ValueModel(rate=rate, n_threads=1).fit(X.assign(kind="a"), y)
