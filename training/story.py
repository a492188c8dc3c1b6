"""How a training is told on MLflow's pages: names, verdicts, data sets, tables, and the baselines beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from ..models.inputs.check import Check
from ..models.inputs.estimate import Estimate
from ..models.store.records import DataUsed, Story
from .checks import MAIN_METRIC
from .evaluate import Numbers
from .report.signals import importance_table
from .report.summary import verdict_banner
from .report.uplift import NAMES, uplift_lead
from .train import Trained, with_bounds
from .trained import TrainedModel
from .uplift.evaluate import STACK
from .uplift.train import TrainedUplift

N_EXAMPLE = 5
DIGEST = 32  # characters; MLflow takes 36
IN_TABLES_ONLY = ("mean_score", "reliability", "resolution", "uncertainty", "rmse_all_zero", "mae_all_zero")


def story_of(trained: Trained | TrainedUplift, name: str, sources: Mapping[str, str]) -> Story:
    """Return how a training is told.

    Parameters
    ----------
    trained
        The training.
    name
        Of the registered model.
    sources
        What was read -> what identifies its content.
    """
    if isinstance(trained, Trained):
        words, tables, plan = _task_words(trained), _task_tables(trained), trained.schedule
        moments, steps, example = {"training": plan.train, "test": (plan.test,)}, _steps(trained), trained.shown
    else:
        words, tables = _uplift_words(trained), _uplift_tables(trained)
        moments, steps, example = {}, {}, trained.rows.features
    return Story(
        *words,
        _data(trained, name, sources, moments),
        {**tables, "checks": checks_table(trained.checks)},
        {baseline: headline(trained, numbers) for baseline, numbers in trained.numbers()[1].items()},
        steps,
        example.head(N_EXAMPLE),
    )


def _data(
    trained: TrainedModel, name: str, sources: Mapping[str, str], moments: Mapping[str, Sequence[datetime]]
) -> tuple[DataUsed, ...]:
    """Return the rows that taught and those that judged, as data sets of their own."""
    found = []
    for context, n_rows in (("training", trained.split.n_train), ("test", trained.split.n_test)):
        at = [moment.isoformat() for moment in moments.get(context, ())]
        facts = {**({"as_of": at} if at else {}), "tables": dict(sources)}
        found.append(DataUsed(f"{name} {context}", _digest(sources, at or [context]), context, facts, n_rows))
    return tuple(found)


def headline(trained: TrainedModel, metrics: Numbers) -> dict[str, Estimate | float]:
    """Return the dozen numbers that stand at a run, and the bounds of the main ones; tables hold the rest."""
    return {
        metric: number if trained.is_main(metric) else number.value
        for metric, number in metrics.items()
        if metric not in IN_TABLES_ONLY
    }


def numbers_table(named: Mapping[str, Numbers], **more: Mapping[str, str]) -> pd.DataFrame:
    """Return a row for each model: each metric with its bounds, and further columns by the model's name."""
    rows = [
        {"model": name, **{column: values.get(name, "") for column, values in more.items()}, **with_bounds(numbers)}
        for name, numbers in named.items()
    ]
    return pd.DataFrame(rows)


def checks_table(checks: tuple[Check, ...]) -> pd.DataFrame:
    """Return a row for each check: its code, what it asks, how it ended, and why."""
    return pd.DataFrame([(c.code, c.title, c.outcome, c.explanation) for c in checks], columns=CHECK_COLUMNS)


CHECK_COLUMNS = ["code", "check", "outcome", "explanation"]


def _task_words(trained: Trained) -> tuple[str, str, str]:
    """Return the run's name, the verdict, and what the experiment is about."""
    task, plan, banner = trained.task, trained.schedule, verdict_banner(trained)
    about = (
        f"**{task.name}**: {task.meaning} within {trained.span.horizon_days} days after a gap of "
        f"{trained.span.gap_days} ({trained.basis}), of whoever is eligible at the snapshot. A run learns from earlier "
        "snapshots and is judged on a later one beside baselines, which are the runs below it."
    )
    run = f"{task.name}, test {plan.day(plan.test)}, {_recipe(trained)}"
    return run, f"{banner.verdict.text} {banner.text}", about


def _task_tables(trained: Trained) -> dict[str, pd.DataFrame]:
    main, board = MAIN_METRIC[trained.task.kind], trained.board
    verdicts = {baseline: str(found[main]) for baseline, found in board.comparisons.items()}
    return {
        "leaderboard": numbers_table(board.by_name("model"), model_against_it=verdicts),
        "deciles": trained.deciles,
        **({} if trained.calibration is None else {"calibration": trained.calibration}),
        **({} if trained.by_stage.empty else {"by_stage": trained.by_stage}),
        "snapshots": trained.snapshots.assign(as_of=trained.snapshots["as_of"].astype(str)),
        "importance": importance_table(trained),
    }


def _steps(trained: Trained) -> dict[str, Sequence[float]]:
    """Return the AUC by snapshot, and the judged model's learning curve: the loss of left-out customers by trees."""
    curve = getattr(trained.judged, "learning_curve_", {})
    steps: dict[str, Sequence[float]] = {f"left_out_{loss}_by_trees": values for loss, values in curve.items()}
    if trained.by_snapshot:
        steps["auc_by_snapshot"] = [auc.value for auc in trained.by_snapshot.values()]
    return steps


def _uplift_words(trained: TrainedUplift) -> tuple[str, str, str]:
    goal = trained.asked.goal
    within = f" within {trained.asked.horizon_days} days" if trained.asked.horizon_days else ""
    about = (
        f"**uplift of {goal}**: what a contact changes in '{trained.asked.outcome}'{within}, learned from randomised "
        "campaigns. All numbers are per 1,000 customers; the runs below each are its baselines."
    )
    return f"uplift of {goal}, {'in time' if trained.split.fold is None else 'by folds'}", uplift_lead(trained), about


def _uplift_tables(trained: TrainedUplift) -> dict[str, pd.DataFrame]:
    stack, baselines = trained.numbers()
    return {
        "leaderboard": numbers_table({NAMES[STACK]: stack, **baselines}),
        "waves": trained.rows.by_wave().astype({"assigned_at": str}),
        "deciles": pd.concat([_deciles(one) for one in trained.boards], ignore_index=True),
    }


def _deciles(board: Any) -> pd.DataFrame:
    bins = [
        (board.arm, one.decile, one.share, one.predicted, one.realised.value, one.realised.low, one.realised.high)
        for one in board.calibration.bins
    ]
    columns = ["arm", "decile", "share", "predicted", "realised", "realised_low", "realised_high"]
    return pd.DataFrame(bins, columns=columns)


def _recipe(trained: Trained) -> str:
    if trained.is_foreign:
        return f"estimator {trained.estimator.replace('_', ' ')}"
    return "own parameters" if getattr(trained.judged, "params", None) else "default parameters"


def _digest(sources: Mapping[str, str], parts: list[str]) -> str:
    text = "\n".join([*(f"{name} {content}" for name, content in sorted(sources.items())), *parts])
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]
