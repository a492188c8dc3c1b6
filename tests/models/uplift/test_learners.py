"""What every learner promises, whatever it is built over."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from penchant.errors import InputError, TooLittleDataError
from penchant.models.uplift import (
    DRLearner,
    Linear,
    RLearner,
    SLearner,
    TLearner,
    Trees,
    UpliftLearner,
    UpliftStack,
    XLearner,
)
from penchant.models.uplift.baselines import uplift_baselines

KINDS = (SLearner, TLearner, XLearner, RLearner, DRLearner)
NOT_BY_P = (SLearner, TLearner, XLearner)  # they rest on the outcome models alone
TREES = Trees(n_trees=60, n_leaves=4, min_leaf_share=0.02, learning_rate=0.1)
LEARNERS = [kind(base) for kind in KINDS for base in (TREES, Linear())] + [UpliftStack()]
Columns = tuple[pd.DataFrame, np.ndarray, np.ndarray]


def name_of(learner: UpliftLearner) -> str:
    return f"{type(learner).__name__}-{type(learner.base).__name__}"


def customers(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame["city"] = pd.Categorical.from_codes(rng.integers(0, 3, n), ["Rome", "Oslo", "Bonn"])
    frame["text"] = np.where(rng.random(n) < 0.5, "yes", "no")
    frame["is_member"] = rng.random(n) < 0.3
    frame.loc[rng.random(n) < 0.1, "b"] = np.nan
    return frame


def trial(n: int = 2000, seed: int = 0) -> Columns:
    """Return a trial in which the treatment adds 1 for customers with a > 0 and takes 1 from the others."""
    rng = np.random.default_rng(seed + 1)
    frame = customers(n, seed)
    treated = rng.integers(0, 2, n)
    y = frame.c + rng.normal(size=n) + treated * np.where(frame.a > 0, 1.0, -1.0)
    return frame, y.to_numpy(), treated


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_a_planted_effect_is_found_and_swapped_arms_flip_its_sign(learner: UpliftLearner) -> None:
    X, y, treated = trial()
    new = customers(500, seed=9)
    uplift = clone(learner).fit(X, y, treated).predict_uplift(new)
    assert uplift.shape == (500,)
    assert np.mean((uplift > 0) == (new.a > 0)) > 0.9
    assert uplift[new.a > 0.5].mean() == pytest.approx(1.0, abs=0.35)
    flipped = clone(learner).fit(X, y, 1 - treated).predict_uplift(new)
    assert np.corrcoef(uplift, flipped)[0, 1] < -0.95


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_fitting_changes_neither_its_arguments_nor_its_parameters(learner: UpliftLearner) -> None:
    X, y, treated = trial(400)
    before, given = (X.copy(), y.copy(), treated.copy()), learner.get_params()
    fitted = clone(learner).fit(X, y, treated)
    pd.testing.assert_frame_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    np.testing.assert_array_equal(treated, before[2])
    assert fitted.get_params() == given
    again = clone(fitted).fit(X, y, treated)
    np.testing.assert_array_equal(fitted.predict_uplift(X), again.predict_uplift(X))


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_arms_do_not_leak_into_each_other(learner: UpliftLearner) -> None:
    X, y, _ = trial(900)
    arm = np.random.default_rng(4).choice(["control", "call", "mail"], 900)
    first = clone(learner).fit(X, y, arm)
    changed = np.where(arm == "mail", y + 5 * X.a, y)
    second = clone(learner).fit(X, changed, arm)
    one, other = first.predict_uplift(X), second.predict_uplift(X)
    assert first.treatments_ == ("call", "mail")
    assert one.shape == (900, 2)
    np.testing.assert_array_equal(one[:, 0], other[:, 0])
    assert np.abs(one[:, 1] - other[:, 1]).mean() > 0.5


@pytest.mark.parametrize("learner", [one for one in LEARNERS if not isinstance(one, NOT_BY_P)], ids=name_of)
def test_known_probabilities_undo_confounding(learner: UpliftLearner) -> None:
    """Whoever buys anyway is contacted more often; the contact changes nothing."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=6000)
    p = 1 / (1 + np.exp(-1.5 * a))
    treated = rng.random(6000) < p
    y = 2 * a + rng.normal(size=6000)
    naive = y[treated].mean() - y[~treated].mean()
    uplift = clone(learner).fit(a[:, None], y, treated, p_treatment=p).predict_uplift(a[:, None])
    middle = uplift[np.abs(a) < 1]
    assert naive > 1.5
    assert abs(middle.mean()) < 0.3


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
@pytest.mark.parametrize("outcome", ["binary", "count", "continuous"])
def test_every_outcome_is_predicted_in_its_own_unit(learner: UpliftLearner, outcome: str) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 2))
    treated = rng.integers(0, 2, 3000)
    mean = 0.2 + 0.3 * treated
    y = {
        "binary": (rng.random(3000) < mean) * 1.0,
        "count": rng.poisson(mean) * 1.0,
        "continuous": mean + rng.normal(0, 0.1, 3000),
    }[outcome]
    fitted = clone(learner).fit(X, y, treated)
    assert fitted.scorer_.about["outcome"] == outcome
    assert fitted.predict_uplift(X).mean() == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_fifty_customers_with_constant_features_are_no_trouble(learner: UpliftLearner) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"same": np.ones(50), "void": np.full(50, np.nan), "text": ["x"] * 50})
    uplift = clone(learner).fit(X, rng.normal(size=50), np.arange(50) % 2).predict_uplift(X)
    assert np.ptp(uplift) < 1e-9


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_an_arm_without_responders_and_outcomes_that_are_all_equal_are_no_trouble(learner: UpliftLearner) -> None:
    X, _, treated = trial(600)
    rng = np.random.default_rng(0)
    only_treated = treated * (rng.random(600) < 0.3) * 1.0
    assert clone(learner).fit(X, only_treated, treated).predict_uplift(X).mean() == pytest.approx(0.3, abs=0.1)
    nothing = clone(learner).fit(X, np.ones(600), treated).predict_uplift(X)
    np.testing.assert_allclose(nothing, 0.0, atol=1e-9)


@pytest.mark.parametrize("learner", [TLearner(TREES), TLearner(Linear()), UpliftStack()], ids=name_of)
def test_every_way_to_write_the_arms_gives_the_same_model(learner: UpliftLearner) -> None:
    X, y, treated = trial(400)
    names = np.where(treated == 1, "treated", "control")
    ways = (treated, treated.astype(bool), treated.astype(float), pd.Series(treated), names)
    scores = [clone(learner).fit(X, y, way).predict_uplift(X) for way in ways]
    for score in scores[1:]:
        np.testing.assert_array_equal(score, scores[0])


@pytest.mark.parametrize("learner", [SLearner(TREES), DRLearner(Linear()), UpliftStack()], ids=name_of)
def test_rows_without_weight_do_not_count(learner: UpliftLearner) -> None:
    X, y, treated = trial(1200)
    weight = np.where(np.arange(1200) < 900, 1.0, 0.0)
    broken = np.where(weight > 0, y, 100.0 * treated)
    uplift = clone(learner).fit(X, broken, treated, sample_weight=weight).predict_uplift(X)
    assert np.abs(uplift).max() < 5


def test_a_customer_is_never_in_two_folds() -> None:
    """Rows are repeated ten times: only folds that keep customers whole see that there is no effect."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(np.repeat(rng.normal(size=(150, 4)), 10, axis=0)).add_prefix("x")
    y, treated = np.repeat(rng.normal(size=150), 10), np.repeat(rng.integers(0, 2, 150), 10)
    groups = np.repeat(np.arange(150), 10)
    spread = UpliftStack().fit(X, y, treated, groups=groups).predict_uplift(X).std()
    torn = UpliftStack().fit(X, y, treated).predict_uplift(X).std()
    assert spread < 0.3 * torn


def test_assignment_is_estimated_only_when_asked() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6000, 1))
    treated = rng.random(6000) < 1 / (1 + np.exp(-1.5 * a[:, 0]))
    y = 2 * a[:, 0] + rng.normal(size=6000)
    asked = DRLearner(Linear()).fit(a, y, treated, p_treatment="estimate").predict_uplift(a)
    assert abs(asked.mean()) < 0.3


def test_arrays_and_frames_are_the_same_to_a_learner() -> None:
    X, y, treated = trial(500)
    numbers = X[["a", "b", "c"]]
    frame = TLearner(TREES).fit(numbers, y, treated).predict_uplift(numbers)
    array = TLearner(TREES).fit(numbers.to_numpy(), y, treated).predict_uplift(numbers.to_numpy())
    np.testing.assert_array_equal(frame, array)


def test_the_signature_is_the_same_everywhere() -> None:
    wanted = ["self", "X", "y", "treatment", "p_treatment", "sample_weight", "groups"]
    for kind in (*KINDS, UpliftStack):
        assert list(inspect.signature(kind.fit).parameters) == wanted


BAD: list[tuple[dict[str, Any], str]] = [
    ({"treatment": np.ones(200)}, "two to 127 arms"),
    ({"y": np.where(np.arange(200) < 3, np.nan, 0.0)}, "3 missing or infinite values"),
    ({"y": np.zeros(199)}, "as many rows as"),
    ({"y": pd.Series(np.zeros(200), index=np.arange(1, 201))}, "index must equal"),
    ({"p_treatment": np.where(np.arange(200) < 1, 1.0, 0.5)}, r"inside \(0, 1\)"),
    ({"p_treatment": "guess"}, "or 'estimate'"),
    ({"sample_weight": np.ones(5)}, "Got 5 rows"),
    ({"X": np.full((200, 2), np.inf)}, "infinity|finite"),
    ({"X": np.empty((200, 0))}, "column|feature"),
]


@pytest.mark.parametrize(("changed", "message"), BAD, ids=[message for _, message in BAD])
def test_what_cannot_be_learned_from_is_refused(changed: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "X": pd.DataFrame({"a": np.arange(200.0)}),
        "y": np.zeros(200),
        "treatment": np.arange(200) % 2,
    } | changed
    with pytest.raises(ValueError, match=message):
        TLearner(TREES).fit(**given)


def test_an_arm_of_a_few_customers_is_refused() -> None:
    arm = np.array(["control"] * 100 + ["mail"] * 100 + ["call"] * 3)
    with pytest.raises(TooLittleDataError, match="arm 'call'"):
        TLearner(TREES).fit(np.zeros((203, 1)), np.zeros(203), arm)


def test_other_columns_than_those_of_training_are_refused() -> None:
    X, y, treated = trial(300)
    fitted = TLearner(TREES).fit(X, y, treated)
    with pytest.raises(InputError, match="columns of training"):
        fitted.predict_uplift(X.drop(columns="a"))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(InputError, match="n_leaves"):
        Trees(n_leaves=1)
    with pytest.raises(InputError, match="penalty"):
        Linear(penalty=-1.0)
    with pytest.raises(InputError, match="outcome"):
        TLearner(TREES, outcome="yes").fit([[0.0]] * 40, [0.0, 1.0] * 20, [0, 1] * 20)  # type: ignore[arg-type]


@pytest.mark.parametrize("learner", [RLearner(), DRLearner()], ids=name_of)
def test_many_levels_of_a_category_are_not_taken_for_effects(learner: UpliftLearner) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"store": rng.choice([f"s{i}" for i in range(300)], 12_000), "a": rng.normal(size=12_000)})
    treated = rng.random(12_000) < 0.75
    y = (rng.random(12_000) < 0.1 + 0.03 * treated) * 1.0
    with_stores = clone(learner).fit(X, y, treated).predict_uplift(X).std()
    without = clone(learner).fit(X[["a"]], y, treated).predict_uplift(X[["a"]]).std()
    assert with_stores < 1.5 * without


def test_what_cannot_be_learned_from_is_refused_in_words() -> None:
    X, y, treated = trial(200)
    fit = UpliftStack().fit
    with pytest.raises(InputError, match="arm 'control' needs some weight"):
        fit(X, y, treated, sample_weight=treated)
    with pytest.raises(TooLittleDataError, match="in at least two folds"):
        fit(X, y, treated, groups=np.zeros(200))
    with pytest.raises(InputError, match="y: numbers are needed"):
        fit(X, np.full(200, np.datetime64("2025-01-01")), treated)
    with pytest.raises(InputError, match=r"treatment: one value per customer is needed"):
        fit(X, y, 1)
    with pytest.raises(InputError, match="column names that occur once"):
        fit(pd.concat([X, X[["a"]]], axis=1), y, treated)
    with pytest.raises(InputError, match="column 'd'"):
        fit(X.assign(d=[[1, 2]] * 200), y, treated)


def test_what_a_learner_is_built_over_is_open_to_a_search() -> None:
    learner = TLearner(Trees())
    assert {"base__n_trees", "base__learning_rate", "base"} <= set(learner.get_params())
    assert learner.set_params(base__n_trees=7).base.n_trees == 7
    assert clone(learner).base.n_trees == 7
    assert DRLearner(Linear()).get_params()["base__penalty"] is None
    with pytest.raises(InputError, match="n_leaves"):
        learner.set_params(base__n_leaves=1).fit(*trial(300))


def test_a_grid_search_finds_the_better_base() -> None:
    X, y, treated = trial(3000)
    with config_context(enable_metadata_routing=True):
        learner = TLearner(Trees()).set_fit_request(treatment=True).set_score_request(treatment=True)
        search = GridSearchCV(learner, {"base__n_trees": [1, 80]}, cv=3).fit(X, y, treatment=treated)
    assert search.best_params_ == {"base__n_trees": 80}
    assert search.best_score_ > 0.05


def test_the_score_of_the_average_effect_is_0_and_of_noise_below() -> None:
    X, y, treated = trial(2000)
    new = trial(2000, seed=5)
    found = {name: uplift_baselines()[name].fit(X, y, treated) for name in ("average_effect", "ridge_dr")}
    assert found["average_effect"].score(*new) == pytest.approx(0.0, abs=0.005)
    assert found["ridge_dr"].score(*new) > 0.05
    assert found["ridge_dr"].score(new[0], -new[1], new[2]) < -0.05
    noise = np.random.default_rng(0).normal(size=2000)
    assert TLearner(Trees()).fit(X, noise, treated).score(new[0], noise[::-1], new[2]) < 0.0


def test_the_x_learner_believes_the_arm_whose_imputed_effects_rest_on_many() -> None:
    """Forty controls cannot show that the outcome rises with x; the treated, against their mean, seem to differ."""
    n = 2000
    X, treatment = np.tile([[0.0], [1.0]], (n // 2, 1)), np.r_[np.zeros(40, int), np.ones(n - 40, int)]
    y = 3 * X[:, 0] + np.random.default_rng(0).normal(scale=0.1, size=n)  # no effect at all
    found = XLearner(Trees(shrinkage=300.0)).fit(X, y, treatment).predict_uplift([[0.0], [1.0]])
    assert np.ptp(found) < 0.2  # 1.8 if the two models are weighted the other way round
