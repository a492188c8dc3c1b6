"""Tables of all kinds: the same numbers, the same names, the same words for what does not fit."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from penchant.errors import InputError
from penchant.models import plain_scorer
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.estimators.value import ValueModel
from penchant.models.explain.contributions import contributions
from penchant.models.explain.dependence import dependence, importance
from penchant.models.explain.reasons import reasons
from penchant.models.inputs.frames import as_frame
from penchant.models.store.artifact import save
from penchant.models.uplift import Linear, TLearner

N = 600


class Capsule:
    """A table that hands over Arrow and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def rows(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"days": rng.gamma(2, 40, N), "n": rng.integers(0, 9, N), "region": rng.choice(["a", "b"], N)})
    X["tier"] = pd.Categorical(rng.choice(["low", "high"], N))
    X["member"] = rng.random(N) < 0.5
    X.loc[rng.random(N) < 0.1, ["days", "region"]] = None
    return X


KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": pl.from_pandas,
    "lazy": lambda X: pl.from_pandas(X).lazy(),
    "arrow": lambda X: pa.Table.from_pandas(X, preserve_index=False),
    "capsule": lambda X: Capsule(pa.Table.from_pandas(X, preserve_index=False)),
}


def outcome() -> np.ndarray:
    X = rows()
    return (np.random.default_rng(1).random(N) < np.where(X["region"] == "a", 0.7, 0.3)).astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_other_frames_train_and_score_as_pandas_does(kind: str) -> None:
    other, X, y = KINDS[kind], rows(), outcome()
    options: dict[str, Any] = {"n_threads": 1, "n_trees": 20}
    ours, theirs = PropensityModel(**options).fit(X, y), PropensityModel(**options).fit(other(X), y)
    assert theirs.columns_.names == tuple(X.columns)
    assert theirs.feature_names_in_.tolist() == list(X.columns)
    assert set(theirs.columns_.categories) == {"region", "tier"}
    new = rows(seed=2)
    assert np.array_equal(theirs.predict_proba(other(new)), ours.predict_proba(new))
    value = ValueModel(**options).fit(other(X), y * 10.0)
    assert np.array_equal(value.predict(other(new)), ValueModel(**options).fit(X, y * 10.0).predict(new))
    arm = np.arange(N) % 2
    uplift = TLearner(Linear()).fit(other(X), y, arm)
    assert np.array_equal(uplift.predict_uplift(other(new)), TLearner(Linear()).fit(X, y, arm).predict_uplift(new))


@pytest.mark.parametrize("kind", KINDS)
def test_explanations_take_them_too(kind: str) -> None:
    X, new = rows(), rows(seed=2)[:50]
    model = PropensityModel(n_threads=1, n_trees=20).fit(X, outcome())
    other = KINDS[kind](new)
    assert np.array_equal(contributions(model, other), contributions(model, new))
    assert reasons(model, other, {}) == reasons(model, new, {})
    pd.testing.assert_series_equal(importance(model, other), importance(model, new))
    pd.testing.assert_frame_equal(dependence(model, other, "days"), dependence(model, new, "days"))


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_the_scorer_alone_reads_them(kind: str, tmp_path: Path) -> None:
    model = PropensityModel(n_threads=1, n_trees=20).fit(rows(), outcome())
    new = rows(seed=2)
    plain = plain_scorer.read_model(save(model, tmp_path / "m"))
    assert np.array_equal(plain.predict(KINDS[kind](new)), model.predict_proba(new)[:, 1])


def test_outcomes_weights_and_arms_may_be_polars_too() -> None:
    X, y = rows(), outcome()
    weight, arm = np.ones(N), np.where(np.arange(N) % 2, "mail", "control")
    ours = PropensityModel(n_threads=1, n_trees=9).fit(X, y, weight).predict_proba(X)
    theirs = PropensityModel(n_threads=1, n_trees=9).fit(pl.from_pandas(X), pl.Series(y), pl.Series(weight))
    assert np.array_equal(theirs.predict_proba(X), ours)
    fitted = TLearner(Linear()).fit(pl.from_pandas(X), pl.Series(y), pl.Series(arm))
    assert fitted.treatments_ == ("mail",)


def test_amounts_of_exact_decimals_are_numbers_and_dates_are_dates() -> None:
    table = pa.table({"paid": [Decimal("1.50"), None], "on": [datetime.date(2024, 1, 1)] * 2})
    frame = as_frame(table)
    assert frame["paid"].dtype == np.float64
    assert frame["on"].dtype.kind == "M"
    with pytest.raises(InputError, match="dates in 'on'"):
        PropensityModel().fit(table, [0, 1])


def test_what_does_not_fit_is_told_in_the_same_words() -> None:
    with pytest.raises(InputError, match=r"X: a table. Got one column. Make it a table of one column"):
        PropensityModel(n_threads=1).fit(pl.Series("n", [1.0, 2.0]), [0, 1])
    model = PropensityModel(n_threads=1, n_trees=9).fit(rows(), outcome())
    with pytest.raises(InputError, match="'days' held numbers"):
        model.predict_proba(pl.from_pandas(rows()).with_columns(pl.lit("many").alias("days")))
    with pytest.raises(InputError, match="columns of training"):
        model.predict_proba(pl.from_pandas(rows()).drop("n"))


def test_pandas_frames_arrays_and_lists_are_not_copied() -> None:
    for same in (rows(), np.zeros((2, 2)), [[1.0]]):
        assert as_frame(same) is same
