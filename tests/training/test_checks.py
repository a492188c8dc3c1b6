"""Each coded check finds the fault that it is for, planted in rows that are sound without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import GateSection
from penchant.features.signals.group import Column
from penchant.models.evaluation.checks import DataSize
from penchant.models.inputs.check import Check
from penchant.training.baselines import predicted
from penchant.training.checks import KEPT_OUT, REFUSING, TO_DO, auc_by_snapshot, training_checks, with_advice
from penchant.training.comparable import comparable_columns, comparable_rows
from penchant.training.fit import Recipe, fitted
from penchant.training.train import judge

CODES = {
    "enough-data",
    "few-positives",
    "duplicate-customers",
    "train-test-drift",
    "column-drift",
    "worse-than-baseline",
    "too-good",
    "label-leakage",
    "single-feature",
    "unstable",
    "calibration",
}


def asked_of(made: Any) -> dict[str, Check]:
    model = fitted(made.task, made.past, 0, Recipe(n_threads=1))
    board = judge(made, predicted(model, made.test.features), {})
    by_snapshot = auc_by_snapshot(model, (made.past, made.test), board, made.schedule)
    found = training_checks(made, board, model, by_snapshot)
    return {check.code: check for check in found}


def with_rows(made: Any, **changes: Any) -> Any:
    return replace(made, rows=replace(made.rows, **changes))


def leaking(made: Any) -> Any:
    known = made.rows.features.assign(known=made.rows.label + 0.01 * made.rows.features["noise"])
    return with_rows(made, features=known)


def twice(made: Any) -> Any:
    people = made.rows.customer_id.copy()
    people[people == "c1"] = "c0"
    return with_rows(made, customer_id=people)


def turned_at_the_test(made: Any) -> Any:
    is_test = (made.rows.as_of == made.schedule.test).to_numpy()
    return with_rows(made, label=np.where(is_test, 1 - made.rows.label, made.rows.label))


def moved(made: Any) -> Any:
    is_test = (made.rows.as_of == made.schedule.test).to_numpy()
    noise = made.rows.features["noise"] + 3 * is_test
    return with_rows(made, features=made.rows.features.assign(noise=noise))


def test_sound_rows_pass(planted: ModuleType) -> None:
    found = asked_of(planted.material())
    assert set(found) == CODES
    assert [code for code, check in found.items() if check.outcome != "passed"] == []
    assert "'weak'" in found["single-feature"].explanation


@pytest.mark.parametrize(
    ("plant", "codes"),
    [
        (leaking, {"too-good", "label-leakage", "single-feature"}),
        (twice, {"duplicate-customers"}),
        (turned_at_the_test, {"unstable", "worse-than-baseline", "calibration"}),
        (moved, {"train-test-drift", "column-drift"}),
    ],
)
def test_what_is_planted_is_found(planted: ModuleType, plant: Callable[[Any], Any], codes: set[str]) -> None:
    found = asked_of(plant(planted.material()))
    assert {code for code, check in found.items() if check.is_issue} == codes


def test_of_amounts_what_is_of_probabilities_is_not_applicable(planted: ModuleType) -> None:
    found = asked_of(planted.material(150, is_value=True))
    not_applicable = {code for code, check in found.items() if check.outcome == "not applicable"}
    assert not_applicable == {"too-good", "label-leakage", "unstable"}


def test_each_snapshot_is_judged_by_trees_that_had_not_seen_its_customers(planted: ModuleType) -> None:
    made = planted.material()
    model: Any = fitted(made.task, made.past, 0, Recipe(n_threads=1))
    board = judge(made, predicted(model, made.test.features), {})
    found = auc_by_snapshot(model, (made.past, made.test), board, made.schedule)
    assert list(found) == [f"{at:%Y-%m-%d}" for at in (*made.schedule.train, made.schedule.test)]
    expected = board.metrics["auc"].value
    assert all(abs(auc.value - expected) < 0.08 for auc in found.values())


def test_what_only_tells_the_date_is_no_drift(planted: ModuleType) -> None:
    made = planted.material()
    days = (made.rows.as_of - made.rows.as_of.min()).dt.days.to_numpy(float)
    dated = with_rows(made, features=made.rows.features.assign(days_to_next_holiday=-days))
    assert comparable_columns(dated.past, dated.test) == list(made.rows.features.columns)
    found = asked_of(dated)
    assert not found["train-test-drift"].is_issue
    assert not found["column-drift"].is_issue


def test_what_moves_by_itself_is_no_drift(planted: ModuleType) -> None:
    made = planted.material()
    days = (made.rows.as_of - made.rows.as_of.min()).dt.days.to_numpy(float)
    age = days + 40 * np.array([int(name[1:]) % 5 for name in made.rows.customer_id])  # rises for every customer
    rank = made.rows.features["noise"] + days / 10  # moves for all at once, both ways for each
    columns = (*made.rows.columns, Column("age", "age"), Column("rank", "rank", population=True))
    ageing = with_rows(made, features=made.rows.features.assign(age=age, rank=rank), columns=columns)
    assert comparable_columns(ageing.past, ageing.test) == list(made.rows.features.columns)
    assert not asked_of(ageing)["train-test-drift"].is_issue
    undeclared = with_rows(ageing, columns=tuple(replace(column, population=False) for column in columns))
    drift = asked_of(undeclared)["train-test-drift"]
    assert "no better than the first and the last training snapshot" in drift.explanation
    assert not drift.is_issue
    is_test = (made.rows.as_of == made.schedule.test).to_numpy()
    jumped = undeclared.rows.features.assign(rank=made.rows.features["noise"] + 9.0 * is_test)
    drift = asked_of(with_rows(undeclared, features=jumped))["train-test-drift"]
    assert drift.is_issue  # what moves at the test alone
    assert "most of all by 'rank'" in drift.explanation


def test_what_the_start_of_the_data_cuts_off_is_no_drift(planted: ModuleType) -> None:
    """A cohort of the first weeks: a year's window loses their first orders, and they fall silent for longer."""
    made = planted.material()
    n = len(made.rows)
    start = pd.Timestamp(made.schedule.train[0]) - timedelta(days=100)
    came = start + pd.to_timedelta(np.tile(np.arange(300) % 50, n // 300), unit="D")
    silent = (made.rows.as_of - came).dt.days.to_numpy(float) * np.where(made.rows.features["noise"] > 0, 1, 0.5)
    columns = (
        *made.rows.columns,
        Column("days_since_last_order", "days since the last order", "days"),
        Column("amount_180d", "amount of 180 days"),
        Column("amount_90d", "amount of 90 days"),
    )
    within = (silent < 180) * (1.0 + np.abs(made.rows.features["noise"]))
    rising = made.rows.features.assign(days_since_last_order=silent, amount_180d=within, amount_90d=within[::-1])
    ageing = with_rows(made, features=rising, columns=columns)
    known = replace(ageing, schedule=replace(made.schedule, data_starts=start.to_pydatetime()))
    assert "amount_180d" in comparable_rows(ageing)[0]
    before, after = comparable_rows(known)
    assert set(rising) - set(before) == {"amount_180d"}
    assert max(before["days_since_last_order"].max(), after["days_since_last_order"].max()) == 100
    assert known.rows.features["days_since_last_order"].max() > 100  # what the model reads is as it was


def test_the_gate_of_the_configuration_decides_in_the_checks_too(planted: ModuleType) -> None:
    small = replace(planted.material(), size=DataSize(367, 80, 200, 3.0))
    found = asked_of(small)
    assert [code for code in ("enough-data", "few-positives") if found[code].is_issue] == [
        "enough-data",
        "few-positives",
    ]
    assert "367 customers to learn from, at least 500 needed (min_buyers)" in found["enough-data"].explanation
    lowered = asked_of(replace(small, gate=GateSection(min_buyers=50, min_positives=20, min_negatives=20)))
    assert (lowered["enough-data"].outcome, lowered["few-positives"].outcome) == ("passed", "passed")


def test_each_issue_says_whether_to_worry_and_what_to_do() -> None:
    for code in {*REFUSING, *TO_DO}:
        found = with_advice(Check(code, "It holds", "It does not.", "issue"))
        assert found.explanation.startswith("It does not. ")
        assert (KEPT_OUT in found.explanation) == (code in REFUSING)
        assert found.explanation.endswith(TO_DO[code])
        passed = Check(code, "It holds", "It does.", "passed")
        assert with_advice(passed) is passed
