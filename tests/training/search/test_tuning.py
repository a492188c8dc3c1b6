"""A search that is killed goes on where it was, looks only back, and says whether it was worth it."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from penchant.errors import ConfigError, InputError, OutputError, TooLittleDataError
from penchant.models.evaluation.metrics import evaluate
from penchant.training.baselines import predicted
from penchant.training.fit import Recipe, fitted
from penchant.training.search.record import parameter_importance, search_pictures, trial_runs, trials_frame
from penchant.training.search.space import SPACE, Space, read_space
from penchant.training.search.study import opened_study
from penchant.training.search.tuning import Progress, Search, against_untuned, folds_of, learn_tuned, search, study_name


@pytest.fixture(scope="module")
def unbroken(planted: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what eleven trials in one go find: more than the sampler draws at random, and the pruner lets pass."""
    return planted.tuned(tmp_path_factory.mktemp("unbroken") / "a.db", 11)


def tried(found: Any) -> list[dict[str, Any]]:
    return [trial.params for trial in found.trials]


def test_the_first_trial_is_that_of_the_defaults_and_the_best_is_no_worse_on_the_folds(unbroken: Any) -> None:
    assert tried(unbroken)[0] == SPACE.defaults
    assert unbroken.value <= unbroken.default_value == unbroken.trials[0].value
    assert len(unbroken.trials) == 11
    assert len({json.dumps(params) for params in tried(unbroken)}) == 11
    for params in tried(unbroken):
        assert all(found.low <= params[name] <= found.high for name, found in SPACE.ranges.items())


@pytest.mark.slow
def test_a_killed_search_goes_on_and_finds_what_it_would_have_found(
    planted: ModuleType, unbroken: Any, tmp_path: Path
) -> None:
    file, script = tmp_path / "tuning" / "a.db", str(planted.__file__)
    running = subprocess.Popen([sys.executable, script, str(file), "11"], start_new_session=True)
    while running.poll() is None and n_trials(file, "COMPLETE") < 3:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "the search ended before it could be killed"
    told: list[Progress] = []
    resumed = planted.tuned(file, 11, told=told.append)
    assert 3 <= told[0].n_before == told[0].n_done < 11
    assert told[-1].n_done == 11
    assert tried(resumed) == tried(unbroken)
    assert resumed.value == unbroken.value
    assert n_trials(file, "RUNNING") == 0
    assert [path.name for path in file.parent.iterdir()] == ["a.db"]


def n_trials(file: Path, state: str) -> int:
    """Return how many trials of a state a search's file holds."""
    if not file.is_file():
        return 0
    with closing(sqlite3.connect(file, timeout=60)) as database, suppress(sqlite3.OperationalError):  # no table yet
        return int(database.execute("select count(*) from trials where state = ?", (state,)).fetchone()[0])
    return 0


def test_several_runs_work_on_one_search_and_a_killed_one_leaves_nothing_half_done(
    planted: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "a.db"
    command = [sys.executable, str(planted.__file__), str(file), "6"]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [run.wait() for run in running] == [0, 0]
    found = planted.tuned(file, 6)
    assert 6 <= len(found.trials) <= 7  # the other may have been in the middle of one
    assert len({json.dumps(params) for params in tried(found)}) >= 6
    assert {trial.user_attrs["worker"] for trial in found.trials} == {0, 1}
    with opened_study(tmp_path / "b.db", "name") as first, opened_study(tmp_path / "b.db", "name") as second:
        first.study.ask().set_user_attr("worker", 0)
        assert (first.place, second.place) == (0, 1)
        with opened_study(tmp_path / "b.db", "name") as third:
            assert third.place == 2
        assert n_trials(tmp_path / "b.db", "RUNNING") == 1  # that of a living run
    with opened_study(tmp_path / "b.db", "name"):
        assert n_trials(tmp_path / "b.db", "RUNNING") == 0


def test_the_number_of_trials_is_the_total_and_the_clock_ends_it_too(planted: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    assert len(planted.tuned(file, 2).trials) == 2
    assert len(planted.tuned(file, 2).trials) == 2
    assert len(planted.tuned(file, 9, is_over=lambda: True).trials) == 2
    with pytest.raises(TooLittleDataError, match="more time with --timeout"):
        planted.tuned(tmp_path / "b.db", 9, is_over=lambda: True)


def test_other_data_is_another_search(planted: ModuleType, tmp_path: Path) -> None:
    made, asked = planted.material(), Search(tmp_path / "a", 1, "planted")
    wider = Space({**SPACE.ranges, "feature_fraction": SPACE.ranges["bagging_fraction"]})
    names = {
        study_name(made, asked),
        study_name(made, replace(asked, data="other")),
        study_name(made, replace(asked, space=wider)),
        study_name(replace(made, seed=1), asked),
        study_name(planted.material(is_value=True), asked),
    }
    assert len(names) == 5
    assert study_name(planted.material(), replace(asked, n_trials=9, n_threads=2)) == study_name(made, asked)


@pytest.mark.parametrize("name", ["a.journal", "a.db"])
def test_what_is_no_study_of_this_version_is_refused_in_words(planted: ModuleType, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"op_code": 0, "worker_id": "x"}\n' * 200, encoding="utf-8")
    with pytest.raises(InputError, match=r"a study of this version.*the search begins anew"):
        planted.tuned(tmp_path / "a.db", 1)


def test_a_search_that_cannot_be_written_says_so(planted: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="a file that can be written"):
        planted.tuned(tmp_path / "file" / "a.db", 1)


def test_each_fold_looks_only_back_and_never_at_the_test(planted: ModuleType) -> None:
    made = planted.material()
    folds = folds_of(made)
    assert len(folds) == 3
    for fold in folds:
        later = fold.later.as_of.iloc[0]
        assert (fold.past.as_of + made.schedule.reach <= later).all()
        assert later + made.schedule.reach <= made.schedule.test
        assert fold.later.as_of.nunique() == 1


def test_a_history_without_a_fold_is_refused(planted: ModuleType) -> None:
    made = planted.material()
    short = replace(made, schedule=replace(made.schedule, train=made.schedule.train[-2:]))
    with pytest.raises(TooLittleDataError, match="shorten the horizon"):
        folds_of(short)


def test_amounts_are_searched_by_a_proper_score(planted: ModuleType, tmp_path: Path) -> None:
    made = planted.material(120, is_value=True)
    found = search(made, Search(tmp_path / "a.db", 1, "x", n_threads=1))
    assert (found.score, found.value > 0) == ("Tweedie deviance", True)
    signed = replace(made, rows=replace(made.rows, label=made.rows.label - 1))
    asked = Search(tmp_path / "a.db", 1, "y", n_threads=1)
    assert search(signed, asked).score == "squared error"


@pytest.mark.slow
def test_the_tuned_model_stands_beside_the_untuned_one_on_the_test(planted: ModuleType, unbroken: Any) -> None:
    made = planted.material()
    good = learn_tuned(made, unbroken, no_step, 1)
    plain = fitted(made.task, made.past, made.seed, Recipe(n_threads=1))
    expected = evaluate(made.test.label, predicted(plain, made.test.features))["auc"].value
    assert good.board.baselines["default_parameters"]["auc"].value == expected
    assert good.model.params == unbroken.params
    assert against_untuned(good).outcome == "passed"
    spoiled = replace(unbroken, params={"learning_rate": 1e-5, "n_trees": 1, "line_share": 0.0})
    verdict = against_untuned(learn_tuned(made, spoiled, no_step, 1))
    assert verdict.is_issue
    assert "worse by log loss" in verdict.explanation


def no_step(_: str) -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_the_metric_can_be_chosen_and_an_unknown_one_is_refused(planted: ModuleType, tmp_path: Path) -> None:
    found = planted.tuned(tmp_path / "a.db", 1, metric="auc")
    assert found.score == "negative AUC"
    assert -1 < found.value < -0.5
    assert re.fullmatch(r"[\w /.:-]+", next(iter(trial_runs(found)[0].metrics)))  # what MLflow takes as a name
    assert planted.tuned(tmp_path / "a.db", 1).study != found.study
    with pytest.raises(InputError, match=r"'log_loss'.*Did you mean 'auc'"):
        planted.tuned(tmp_path / "a.db", 1, metric="auk")


def test_the_space_is_printed_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(SPACE.as_toml(), encoding="utf-8")
    assert read_space(file) == SPACE
    file.write_text("num_leaves = { low = 16, high = 32 }", encoding="utf-8")
    assert read_space(file).defaults == {"num_leaves": 16}
    for text, message in {
        "num_leafs = { low = 1, high = 2 }": "Did you mean 'num_leaves'",
        "num_leaves = 7": "low and high",
        "num_leaves = { low = 9, high = 2 }": "low below high",
        "": "at least one parameter",
        "x": "a TOML file",
    }.items():
        file.write_text(text, encoding="utf-8")
        with pytest.raises((ConfigError, InputError), match=message):
            read_space(file)


def test_the_history_and_what_mattered_are_drawn(unbroken: Any) -> None:
    assert set(search_pictures(unbroken)) == {"search_history", "parameter_importance"}
    weights = parameter_importance(unbroken)
    assert set(weights) == set(SPACE.ranges)
    assert sum(weights.values()) == pytest.approx(1)


def test_what_is_recorded_of_the_trials(unbroken: Any) -> None:
    table, runs = trials_frame(unbroken), trial_runs(unbroken)
    assert len(table) == len(runs) == 11
    assert (table["state"] == "pruned").sum() == unbroken.n_pruned == sum(r.status == "KILLED" for r in runs)
    assert table.loc[table["state"] == "complete", "n_folds"].eq(3).all()
    assert all(run.started_at <= run.ended_at for run in runs)
    assert math.isclose(runs[0].metrics["log_loss"], unbroken.default_value)
