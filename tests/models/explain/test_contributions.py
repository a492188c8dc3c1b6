from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from penchant.errors import InputError
from penchant.models.estimators.propensity import PropensityModel
from penchant.models.explain import contributions as explain
from penchant.models.explain import dependence as dependence_module
from penchant.models.explain import reasons as reasons_module
from penchant.models.explain.contributions import contributions, top_columns
from penchant.models.explain.dependence import dependence, importance
from penchant.models.explain.reasons import reasons
from penchant.models.plain_scorer import sigmoid
from penchant.models.store.artifact import load, save

DESCRIBE = {
    "days": "no order for {value:.0f} days",
    "trend": ("spends more than before", "spends less than before"),
    "gap": lambda value, is_high: "ordered once" if value != value else f"every {value:.0f} days",
}


def frame(n: int = 3000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows whose churn rises with days, falls with trend, and is higher in the south."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "days": rng.gamma(2, 40, n).round(),
            "trend": rng.uniform(-1, 1, n),
            "region": rng.choice(["north", "south", None], n),
            "gap": np.where(rng.random(n) < 0.4, np.nan, rng.gamma(2, 10, n)),
            "noise": rng.normal(size=n),
        }
    )
    log_odds = X["days"] / 40 - 2 - 2 * X["trend"] + (X["region"] == "south") + X["gap"].isna()
    return X, (rng.random(n) < sigmoid(log_odds.to_numpy())).astype(int)


@pytest.fixture(scope="module")
def model() -> PropensityModel:
    X, y = frame()
    return PropensityModel(n_threads=1, n_trees=120, calibration="none").fit(X, y)


def test_contributions_add_up_to_the_score(model: PropensityModel, monkeypatch: pytest.MonkeyPatch) -> None:
    X, _ = frame(500, seed=1)
    monkeypatch.setattr(explain, "CHUNK", 64)
    added = contributions(model, X)
    assert added.shape == (500, 6)
    assert sigmoid(added.sum(axis=1)) == pytest.approx(model.predict_proba(X)[:, 1], abs=1e-9)


def test_what_was_planted_matters_and_noise_does_not(model: PropensityModel) -> None:
    X, _ = frame(1000, seed=2)
    found = importance(model, X)
    assert set(found.index[:2]) == {"days", "trend"}
    assert found["noise"] < 0.2 * found["gap"]
    added = contributions(model, X)
    assert found["days"] == pytest.approx(np.abs(added[:, 0]).mean())


def test_chunks_change_nothing(model: PropensityModel, monkeypatch: pytest.MonkeyPatch) -> None:
    X, _ = frame(300, seed=3)
    whole = (importance(model, X), dependence(model, X, "days"), reasons(model, X, DESCRIBE))
    for module in (dependence_module, reasons_module, explain):
        monkeypatch.setattr(module, "CHUNK", 37)
    pd.testing.assert_series_equal(importance(model, X), whole[0])
    pd.testing.assert_frame_equal(dependence(model, X, "days"), whole[1])
    assert reasons(model, X, DESCRIBE) == whole[2]


def test_the_score_rises_with_what_raises_it(model: PropensityModel) -> None:
    X, _ = frame(2000, seed=4)
    days = dependence(model, X, "days")
    assert days["n"].sum() == 2000
    assert days["value"].is_monotonic_increasing
    assert days["contribution"].iloc[-1] > 0.5 > -0.3 > days["contribution"].iloc[0]
    assert (days["contribution_low"] <= days["contribution_high"]).all()
    region = dependence(model, X, "region").set_index("value")
    assert region["contribution"].idxmax() == "south"
    assert "missing" in region.index
    gap = dependence(model, X, "gap")
    assert gap["value"].iloc[-1] == "missing"
    assert gap["contribution"].iloc[-1] == gap["contribution"].max()


def test_reasons_are_told_in_words_strongest_first(model: PropensityModel) -> None:
    X = pd.DataFrame(
        {
            "days": [300.0, 2, 60],
            "trend": [0.9, -0.9, -0.9],
            "region": ["north", "south", None],
            "gap": [5.0, np.nan, 8],
            "noise": [0.0, 0, 0],
        }
    )
    lapsed, frugal, third = reasons(model, X, DESCRIBE)
    assert lapsed[0] == "no order for 300 days"
    assert frugal[0] == "spends less than before"
    assert set(frugal[1:]) == {"ordered once", "region: south"}
    assert third[0] == "spends less than before"
    assert not any("no order for 2 days" in reason for reason in frugal)
    assert max(map(len, reasons(model, X, DESCRIBE, top=1))) == 1


def test_reasons_do_not_depend_on_who_else_is_scored_and_survive_the_file(
    model: PropensityModel, tmp_path: object
) -> None:
    X, _ = frame(40, seed=5)
    together = reasons(model, X, DESCRIBE)
    assert [reasons(model, X.iloc[[i]], DESCRIBE)[0] for i in range(40)] == together
    again = load(save(model, f"{tmp_path}/model"))
    assert isinstance(again, PropensityModel)
    assert reasons(again, X, DESCRIBE) == together


def test_a_reason_that_customers_share_is_put_into_words_once(model: PropensityModel) -> None:
    told: list[str] = []

    def days(value: float, _is_high: bool) -> str:
        told.append(repr(value))
        return f"{value:.0f} days"

    X = frame(60, seed=7)[0].assign(days=np.tile([0.0, -0.0, 300.0, 300.5], 15))
    found = reasons(model, X, {"days": days})
    assert sorted(told) == sorted(set(told))
    assert {"300.0", "300.5"} <= set(told)
    assert found == [reasons(model, X.iloc[[row]], {"days": days})[0] for row in range(60)]


def test_of_a_family_only_the_strongest_is_named(model: PropensityModel) -> None:
    X, _ = frame(100, seed=6)
    families = ["when", "when", "where", "when", "noise"]
    for row in reasons(model, X, DESCRIBE, families=families):
        assert sum(not told.startswith(("region", "noise")) for told in row) <= 1
    assert top_columns(np.array([[0.3, 0.2, 0.1, -0.4, 0.0]]), list("aabc"), 3).tolist() == [[0, 2, -1]]


def test_an_unknown_column_and_no_rows_are_refused(model: PropensityModel) -> None:
    X, _ = frame(10)
    with pytest.raises(InputError, match="Did you mean 'days'"):
        dependence(model, X, "day")
    with pytest.raises(InputError, match="rows to explain"):
        importance(model, X[:0])
    assert reasons(model, X[:0], DESCRIBE) == []
