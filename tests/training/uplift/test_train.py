"""Learning an uplift: planted effects, honest nothing, guards before numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import Config, GateSection
from penchant.errors import CheckFailedError, InputError, NotThereError, PenchantError, TooLittleDataError
from penchant.models import Linear, RLearner
from penchant.models.evaluation.qini import qini
from penchant.models.store import artifact as uplift_artifact
from penchant.models.uplift.baselines import AverageEffect
from penchant.training.dataset import UpliftRows
from penchant.training.record import write_training
from penchant.training.report.page import pictures, report
from penchant.training.splits import split_rows
from penchant.training.uplift.evaluate import Judged, budget_of
from penchant.training.uplift.fit import held_out_scores
from penchant.training.uplift.matrix import Roles, read_matrix
from penchant.training.uplift.train import TrainedUplift, TrialQuestion, guards, signals_of, train_uplift

ASKED = TrialQuestion("second", "a paid order", 30)
GATE = GateSection()
OPEN = GateSection(min_buyers=0, min_positives=0, min_negatives=0)


def trial(n: int = 3000, effect: float = 0.25, arms: tuple[str, ...] = ("mail",), seed: int = 0) -> UpliftRows:
    """Return a trial in which contacts move those with a > 0 by ``effect``, and nobody else."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "city": rng.choice(["Rome", "Oslo"], n)})
    arm = rng.choice(["control", *arms], n).astype(object)
    p = 0.2 + effect * (arm == arms[-1]) * (X["a"] > 0)
    y = (rng.random(n) < p).astype(np.float64)
    share = np.full((n, len(arms)), 1 / (1 + len(arms)))
    return UpliftRows(X, y, arm, share[:, 0] if len(arms) == 1 else share, is_planned=True)


def in_waves(rows: UpliftRows, n_waves: int, days: int = 60) -> UpliftRows:
    number = np.arange(len(rows)) * n_waves // len(rows)
    at = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(number * days, unit="D"))
    wave = np.array([f"w{i}" for i in number], dtype=object)
    parts = {name: getattr(rows, name) for name in UpliftRows.__dataclass_fields__}
    return UpliftRows(**parts | {"as_of": at, "wave": wave})


def trained_on(rows: UpliftRows, gate: GateSection = GATE) -> TrainedUplift:
    return train_uplift(replace(rows, columns=signals_of(rows.features)), ASKED, gate)


@pytest.fixture(scope="module")
def trained() -> TrainedUplift:
    return trained_on(in_waves(trial(2400), 4))


def test_amounts_with_giants_are_told_plain_and_capped() -> None:
    rows = trial(1200, effect=0.4)
    amounts = rows.label * 20
    amounts[np.flatnonzero(amounts)[:3]] = 30_000
    whole = trained_on(replace(rows, label=amounts), OPEN)
    (board,) = whole.boards
    assert board.capped is not None
    assert board.capped.giants.high == 20
    assert board.capped.average_effect.low > 0
    assert not board.average_effect.excludes_zero
    assert "counted as just that, contacting everyone changes" in board.verdict
    assert whole.numbers()[0]["average_effect_capped"] == board.capped.average_effect
    assert whole.as_dict()["by_arm"]["mail"]["capped"]["high"] == 20


def test_a_planted_effect_is_found_on_later_waves(trained: TrainedUplift) -> None:
    (board,) = trained.boards
    assert trained.split.words.startswith("Models that learned from 1,200 rows of 2 waves were judged on the 1,200")
    assert board.metrics["qini"].low > 0
    assert board.verdict.startswith("Who is influenced can be predicted")
    assert board.comparisons["random"]["qini"].verdict == "better"
    assert board.calibration.slope.low < 1 < board.calibration.slope.high
    uplift = trained.model.predict_uplift(trained.rows.features)
    assert np.corrcoef(uplift, trained.rows.features["a"] > 0)[0, 1] > 0.8
    assert set(board.baselines) == set(board.comparisons)
    assert board.baselines["random"]["qini"].value == 0


def test_the_answer_for_scripts_has_metrics_baselines_and_checks(trained: TrainedUplift) -> None:
    answer = trained.as_dict()
    assert answer["metrics"]["qini"]["low"] > 0
    assert set(answer["baselines"]) == {"random", "average_effect", "response_model", "one_column_rule", "ridge_dr"}
    assert {check["outcome"] for check in answer["checks"]} <= {"passed", "not applicable", "issue"}
    assert answer["by_arm"]["mail"]["sleeping_dogs"]["found"] is False
    assert (answer["task"], answer["arms"], answer["control"]) == ("uplift", ["mail"], "control")


def test_what_serving_needs_travels_with_the_model(trained: TrainedUplift, tmp_path: Path) -> None:
    record = write_training(trained, Config(), tmp_path, {"orders": "1"})
    facts = uplift_artifact.read_facts(tmp_path / "model")
    assert record.name == "shop.uplift.second"
    assert [signal["name"] for signal in facts["signals"]] == ["a", "b", "city"]
    assert (facts["goal"], facts["horizon_days"], facts["gap_days"]) == ("second", 30, 0)
    again = uplift_artifact.load(tmp_path / "model").predict_uplift(trained.rows.features)
    np.testing.assert_allclose(again, trained.model.predict_uplift(trained.rows.features), rtol=0, atol=1e-12)
    page = (tmp_path / "artifacts" / "report.html").read_text(encoding="utf-8")
    for words in ("Who is influenced can be predicted", "best one-column rule", "What the stack is made of"):
        assert words in page


@pytest.mark.slow
def test_where_there_is_nothing_it_says_so() -> None:
    trained = trained_on(trial(600, effect=0.0))
    (board,) = trained.boards
    assert board.verdict.startswith("No effect to be found")
    assert not trained.model.findings_["mail"].tells_apart
    assert trained.split.fold is not None


@pytest.mark.slow
def test_two_treatments_are_judged_each_against_the_control() -> None:
    trained = trained_on(in_waves(trial(3000, 0.4, ("call", "mail"), seed=1), 2, days=31))
    call, mail = trained.boards
    assert (call.arm, mail.arm) == ("call", "mail")
    assert mail.metrics["qini"].low > 0
    assert not call.average_effect.excludes_zero
    assert {"call.qini", "mail.qini", "best_arm_value"} <= set(trained.as_dict()["metrics"])
    assert trained.best_arm.over_nobody.low > 0
    assert trained.budget is not None
    assert trained.budget.at(1000).low > 0
    assert trained.as_dict()["metrics"]["budget_gain"] == trained.budget.over_untargeted.as_dict()
    page = report(trained, "small", {})
    assert "What a budget brings, shared among the treatments" in [section.title for section in page.sections]
    assert "budget.svg" in pictures(trained)


def test_a_budget_is_judged_by_households() -> None:
    """Rows of a household are one draw: four copies of each customer say no more than one."""
    rows = trial(600, 0.4, ("call", "mail"), seed=2)
    again = np.repeat(np.arange(600), 4)
    household = np.repeat(np.array([f"h{i}" for i in range(600)], dtype=object), 4)
    parts = {name: getattr(rows, name)[again] for name in ("label", "arm", "p_treatment")}
    copies = UpliftRows(rows.features.iloc[again].reset_index(drop=True), **parts, is_planned=True)
    uplift = np.column_stack([np.full(600, 0.01), np.where(rows.features["a"] > 0, 0.4, 0.0)])
    alone = budget_of(rows, uplift)
    as_one, as_many = (budget_of(replace(copies, customer_id=who), uplift[again]) for who in (household, None))
    assert alone is not None
    assert as_one is not None
    assert as_many is not None
    width, wide, narrow = (np.ptp([b.over_untargeted.low, b.over_untargeted.high]) for b in (alone, as_one, as_many))
    assert wide == pytest.approx(width, rel=0.25)
    assert narrow < 0.7 * width


def test_folds_are_judged_by_what_came_before_them_and_compared_by_rank() -> None:
    """A constant that differs from fold to fold ranks as a random list does."""
    rows = trial(1000, 0.0)
    split = split_rows(rows, None)
    assert split.fold is not None
    seen: list[int] = []

    def noted() -> AverageEffect:
        seen.append(1)
        return AverageEffect(control="control")

    scores = held_out_scores(rows, split, {"all": noted})
    assert len(seen) == len(np.unique(scores["all"])) == 3
    assert len(scores["all"]) == 600
    changed = rows.where(np.ones(1000, dtype=bool))
    changed.label[split.fold == 4] = 1 - changed.label[split.fold == 4]  # the last fold teaches nobody
    np.testing.assert_array_equal(held_out_scores(changed, split, {"all": noted})["all"], scores["all"])
    judged = Judged(rows.where(split.test), scores, split.fold[split.test])
    assert np.ptp(judged.ranking(1)["all"]) == 0


@pytest.mark.slow
def test_with_no_effect_anywhere_the_interval_of_a_learned_ranking_holds() -> None:
    """Cross-fitted in the usual way, such a rule's interval misses zero in 19 of 100 trials."""
    missed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame(rng.integers(0, 2, (600, 5))).add_prefix("x")
        arm = rng.choice(["control", "mail"], 600).astype(object)
        rows = UpliftRows(X, (rng.random(600) < 0.3) * 1.0, arm)
        split = split_rows(rows, None, seed)
        assert split.fold is not None
        scores = held_out_scores(rows, split, {"rule": lambda: RLearner(Linear(), control="control")})
        judged = Judged(rows.where(split.test), scores, split.fold[split.test])
        found = qini(judged.rows.label, judged.ranking(1)["rule"], judged.rows.arm, n_draws=100)
        missed += found.excludes_zero
    assert missed <= 8


def test_an_assignment_that_the_features_predict_is_refused() -> None:
    rows = trial()
    rng = np.random.default_rng(1)
    chosen = np.where(rng.random(len(rows)) < 1 / (1 + np.exp(-2 * rows.features["a"])), "mail", "control")
    with pytest.raises(CheckFailedError, match="the arms hold different customers") as refused:
        trained_on(UpliftRows(rows.features, rows.label, chosen.astype(object)))
    assert refused.value.exit_code == 3
    assert "No uplift was computed" in str(refused.value)


def test_lost_customers_are_an_issue_and_not_hidden() -> None:
    rows = trial(2000)
    kept = rows.where((rows.arm == "mail") | (np.arange(2000) % 3 > 0))
    found = {check.code: check.outcome for check in guards(kept, split_rows(kept, None))}
    assert found["sample-ratio"] == "issue"


def test_too_few_customers_are_refused_with_all_that_is_missing() -> None:
    with pytest.raises(
        TooLittleDataError, match=r"200 customers, at least 500 needed \(min_buyers\); \d+ rows with an outcome"
    ):
        trained_on(trial(200))


def written(folder: Path, frame: pd.DataFrame, name: str = "trial.parquet") -> Path:
    path = folder / name
    frame.to_csv(path, index=False) if name.endswith("csv") else frame.to_parquet(path)
    return path


def matrix(n: int = 60, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=n), "treatment": np.arange(n) % 2})
    frame["outcome"] = (rng.random(n) < 0.4) * 1.0
    return frame.assign(**columns)


def test_a_matrix_is_read_from_parquet_and_csv_alike(tmp_path: Path) -> None:
    frame = matrix(p_treatment=0.5, customer=np.arange(60) // 2)
    one = read_matrix(written(tmp_path, frame))
    other = read_matrix(written(tmp_path, frame, "trial.csv"))
    assert one.features.columns.tolist() == other.features.columns.tolist() == ["a"]
    np.testing.assert_array_equal(one.label, other.label)
    assert one.arm.tolist() == other.arm.tolist()
    assert one.is_planned
    assert one.customer_id is not None
    assert one.customer_id.tolist() == other.customer_id.tolist()  # type: ignore[union-attr]


def test_columns_go_by_any_name_between_any_signs(tmp_path: Path) -> None:
    frame = matrix(treatment=np.where(np.arange(60) % 2, "mail", "none"), spend=1.0, customer=np.arange(60))
    renamed = frame.rename(columns={"treatment": "segment", "outcome": "visit", "customer": "who"})
    roles = Roles({"treatment": "segment", "outcome": "visit", "customer": "who"}, "none", ("spend",))
    one = read_matrix(written(tmp_path, frame.drop(columns="spend")), Roles(control="none"))
    for sign in ",;\t|":
        (tmp_path / "other.csv").write_text("\ufeff" + renamed.to_csv(index=False, sep=sign), encoding="utf-8")
        rows = read_matrix(tmp_path / "other.csv", roles)
        assert rows.features.columns.tolist() == ["a"]
        np.testing.assert_array_equal(rows.label, one.label)
        assert rows.arm.tolist() == one.arm.tolist()
        assert rows.customer_id.tolist() == one.customer_id.tolist()  # type: ignore[union-attr]


def test_a_column_of_a_parts_name_is_no_feature_where_another_plays_the_part(tmp_path: Path) -> None:
    frame = matrix(segment=np.arange(60) // 2 % 2)
    rows = read_matrix(written(tmp_path, frame), Roles({"treatment": "segment"}))
    assert rows.features.columns.tolist() == ["a"]
    assert (rows.arm == "control").tolist() == (frame.segment == 0).tolist()


@pytest.mark.filterwarnings("ignore:.*are taken without")
def test_customers_of_a_matrix_follow_the_rule_of_all_ids(tmp_path: Path) -> None:
    frame = matrix(customer=[f" {number // 2}" if number % 2 else f"{number // 2}.0" for number in range(60)])
    rows = read_matrix(written(tmp_path, frame))
    assert rows.customer_id is not None
    assert rows.customer_id.tolist() == [str(number // 2) for number in range(60)]
    frame.loc[7, "customer"] = "nan"
    with pytest.raises(InputError, match="an id in 'customer' for every row"):
        read_matrix(written(tmp_path, frame))


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (Roles({"treatment": "segmant"}), "Did you mean 'segment'"),
        (Roles(left_out=("spent",)), "no 'spent'"),
        (Roles({"treatment": "segment", "outcome": "segment"}), "several for 'segment'"),
        (Roles(left_out=("outcome",)), "--column outcome=NAME"),
    ],
)
def test_columns_that_cannot_be_what_was_asked_are_refused(tmp_path: Path, roles: Roles, message: str) -> None:
    path = written(tmp_path, matrix(segment=1))
    with pytest.raises(InputError, match=message):
        read_matrix(path, roles)


@pytest.mark.parametrize("name", ["No E-Mail", "none", "holdout", "not contacted", "Control group"])
def test_the_control_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    rows = read_matrix(written(tmp_path, matrix(treatment=np.where(np.arange(60) % 2, "Mens E-Mail", name))))
    assert set(rows.arm) == {"control", "Mens E-Mail"}
    assert (rows.arm == "control").tolist() == (np.arange(60) % 2 == 0).tolist()


def test_where_two_names_could_be_the_control_it_must_be_said(tmp_path: Path) -> None:
    arms = np.array(["none", "holdout", "mail"])[np.arange(60) % 3]
    with pytest.raises(InputError, match="--control"):
        read_matrix(written(tmp_path, matrix(treatment=arms)))


def test_several_treatments_bring_a_probability_each(tmp_path: Path) -> None:
    arms = np.array(["control", "mail", "call"])[np.arange(60) % 3]
    rows = read_matrix(written(tmp_path, matrix(treatment=arms, p_mail=0.5, p_call=0.2)))
    np.testing.assert_allclose(rows.arms().probability[0], [0.3, 0.2, 0.5])


ODD: dict[str, dict[str, Any]] = {
    "an arm with no responder": {"outcome": (np.arange(120) % 4 == 1) * 1.0},
    "all outcomes equal": {"outcome": 1.0},
    "constant features": {"a": 1.0, "void": np.nan, "text": "x"},
    "an id among the features": {"id": [f"u{i}" for i in range(120)]},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_a_hundred_odd_rows_end_in_a_verdict(tmp_path: Path, name: str) -> None:
    rows = read_matrix(written(tmp_path, matrix(120, **ODD[name])))
    (board,) = train_uplift(rows, ASKED, OPEN).boards
    words = "It has an effect" if name == "an arm with no responder" else "No effect to be found"
    assert board.verdict.startswith(words)


@pytest.mark.slow
def test_fifty_rows_are_refused_or_end_in_an_honest_verdict(tmp_path: Path) -> None:
    rows = read_matrix(written(tmp_path, matrix(50)))
    with pytest.raises(TooLittleDataError, match="50 customers, at least 500 needed"):
        train_uplift(rows, ASKED, GATE)
    try:
        verdict = train_uplift(rows, ASKED, OPEN).boards[0].verdict
    except TooLittleDataError as refused:
        verdict = str(refused)
    assert "No effect to be found" in verdict or "at least 10 customers are needed in each arm" in verdict


@pytest.mark.parametrize("arms", [["mail", "control"], [True, False], [1.0, 0.0], ["1", "0"]], ids=str)
def test_every_way_to_write_the_arms_is_read(tmp_path: Path, arms: list[Any]) -> None:
    rows = read_matrix(written(tmp_path, matrix(treatment=arms * 30)))
    assert (rows.arm == "control").tolist() == [False, True] * 30
    assert len(set(rows.arm)) == 2


BAD: list[tuple[dict[str, Any], str]] = [
    ({"treatment": 1}, "two to 127 arms are needed"),
    ({"treatment": 0.5}, "A dose is no arm"),
    ({"treatment": np.where(np.arange(60) % 2, "mail", "call")}, "exactly one arm must be the control"),
    ({"treatment": (np.arange(60) < 4) * 1}, "at least 10 customers are needed in each arm"),
    ({"outcome": np.where(np.arange(60) < 3, np.nan, 1.0)}, "3 missing or infinite values"),
    ({"outcome": "yes"}, "outcome: numbers are needed"),
    ({"p_treatment": 1.0}, r"inside \(0, 1\)"),
    ({"p_treatment": 0.0}, r"inside \(0, 1\)"),
    ({"p_treatment": "half"}, "p_treatment: numbers"),
    ({"a": np.inf}, "infinite"),
    ({"a": pd.Timestamp("2025-01-01")}, "Give ages in days"),
]


@pytest.mark.parametrize(("columns", "message"), BAD, ids=[message for _, message in BAD])
def test_what_cannot_be_learned_from_is_refused_in_words(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    path = written(tmp_path, matrix(**columns))
    with pytest.raises(PenchantError, match=message):
        train_uplift(read_matrix(path), ASKED, OPEN)


def test_files_that_are_no_matrix_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="no such file"):
        read_matrix(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="no 'outcome'"):
        read_matrix(written(tmp_path, matrix().drop(columns="outcome")))
    with pytest.raises(InputError, match="at least one feature"):
        read_matrix(written(tmp_path, matrix().drop(columns="a")))
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="can be read"):
        read_matrix(tmp_path / "text.parquet")


def test_a_column_that_only_numbers_the_rows_is_no_feature_and_repeated_records_share_a_fold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"treatment": rng.integers(0, 2, 400), "outcome": rng.integers(0, 2, 400), "x": rng.random(400)}
    )
    frame["income"] = rng.permutation(400) * 97.0  # a value of its own in each row, but measured
    frame = pd.concat([frame, frame.iloc[:20]], ignore_index=True)
    frame["key"] = np.arange(420) + 5000
    found = read_matrix(written(tmp_path, frame))
    assert list(found.features) == ["x", "income"]
    assert found.customer_id is not None
    assert list(found.customer_id[400:]) == list(found.customer_id[:20])
    assert len(set(found.customer_id)) == 400
    assert "'key'" in found.not_used[0]
    assert "20 records" in found.not_used[1]
    coarse = read_matrix(written(tmp_path, frame.drop(columns=["x", "income"]).assign(band=np.arange(420) % 3)))
    assert coarse.customer_id is None
