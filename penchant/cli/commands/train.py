"""The command train: a model of a task, or of what a contact changes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from rich.table import Table

from penchant.cli.options.models import TrainOptions
from penchant.cli.terminal import bare_table, interval_text
from penchant.cli.work import Work
from penchant.errors import InputError, NotThereError
from penchant.features.catalogue import task_of
from penchant.models.store.registry import Registered, Registry
from penchant.output import replaced_folder
from penchant.training.dataset import SignalChoice
from penchant.training.fit import Recipe
from penchant.training.record import write_training
from penchant.training.report.summary import difference_text, left_out_line
from penchant.training.train import MAIN_METRIC, Trained, train

from .train_uplift import train_uplift_model

SHOWN: Mapping[str, tuple[str, str]] = {
    "auc": ("AUC", "chance that a customer with the outcome is ranked above one without it; 0.5: a coin"),
    "brier": ("Brier", "squared error of the probability; lower is better"),
    "rmse": ("RMSE", "error of the amount; lower is better"),
    "spend_top_tenth": ("top tenth's spend", "share of all spending by the tenth ranked highest; by lot: 0.100"),
}  # metric -> how a terminal calls it, and what it is


def run_train(work: Work, options: TrainOptions) -> None:
    """Train a model, judge it beside its baselines, and register it."""
    task, store = options.task, work.store(options.store)
    if task == "uplift":
        train_uplift_model(work, options)
        return
    configure(work, task, options.horizon, options.test, options.seed)
    params = read_params(options.params) if options.params else {}
    asked = {"params": params, "estimator": options.estimator, "group": options.group, "without": options.without}
    folder = options.out or work.result_folder("train") / task
    manifest: dict[str, Any] = {"step": "train", "config": work.config.resolved(), **asked}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            trained = train(
                shop,
                task,
                work.step,
                Recipe(params, options.threads),
                estimator=options.estimator,
                signals=chosen_signals(options.group, options.without),
            )
            sources = work.sources()
        with work.step("writing the report and the model"):
            record = write_training(trained, work.config, place, sources)
        with work.step(f"recording in {store}"):
            version = Registry(store).log(record)
        manifest |= {"sources": sources, "training": trained.facts(), "data": record.tags["data"]}
    work.show_wide(leaderboard_table(trained), account(trained, version, folder))
    work.finish({**trained.as_dict(), **version_facts(version), "out": str(folder), "store": str(store)})


def configure(work: Work, task: str, horizon: int | None, test: str | None, seed: int | None) -> None:
    """Put what the options say into the run's configuration, so that it is recorded with all the rest."""
    config = work.config
    task_of(config, task)  # a mistyped name is refused before anything is read
    changes: dict[str, Any] = {} if horizon is None else {"horizon_days": horizon}
    if test is not None:
        changes["test_as_of"] = work.instant(test, "--test").replace(tzinfo=UTC)
    config = config.with_task(task, **changes) if changes else config
    work.configure(config if seed is None else config.model_copy(update={"seed": seed}))


def chosen_signals(groups: Sequence[str] | None, without: Sequence[str] | None) -> SignalChoice:
    """Return the signals that --group and --without choose."""
    return SignalChoice(tuple(groups or ()), tuple(without or ()))


def read_params(path: Path) -> dict[str, Any]:
    """Return LightGBM parameters from a JSON file.

    Raises
    ------
    NotThereError
        If there is no such file.
    InputError
        If it is no JSON object of numbers and texts.
    """
    if not path.is_file():
        raise NotThereError(f"option --params '{path}'", "a JSON file of LightGBM parameters", "nothing there")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise InputError(f"option --params '{path}'", "a JSON object", str(fault)) from None
    if not isinstance(values, dict) or not all(isinstance(v, (int, float, str)) for v in values.values()):
        raise InputError(f"option --params '{path}'", 'an object such as {"num_leaves": 8}', str(values)[:60])
    return values


def leaderboard_table(trained: Trained) -> Table:
    """Return the model beside its baselines, for a terminal."""
    main = MAIN_METRIC[trained.task.kind]
    metrics = trained.board.metrics
    shown = shown_metrics(trained)
    table = bare_table([""])
    for name in shown:
        table.add_column(SHOWN[name][0], justify="right", no_wrap=True)
    table.add_column(f"the model against it, by {SHOWN[main][0]}")
    rows: list[tuple[str, Mapping[str, Any], str]] = [("model", metrics, "")]
    for name, numbers in trained.board.baselines.items():
        comparison = trained.board.comparisons[name][main]
        rows.append((name.replace("_", " "), numbers, f"{comparison.verdict} ({difference_text(comparison)})"))
    for name, numbers, verdict in rows:
        table.add_row(name, *(interval_text(numbers[metric], 3) for metric in shown), verdict)
    return table


def shown_metrics(trained: Trained) -> list[str]:
    """Return the metrics that a terminal shows: what a ranking by risk holds of the spending tells nothing of it."""
    metrics = trained.board.metrics
    there = [name for name in SHOWN if name in metrics and math.isfinite(metrics[name].value)]
    return there if trained.task.buying > 0 else [name for name in there if name != "spend_top_tenth"]


def explained_metrics(trained: Trained) -> str:
    """Return what the columns of the leaderboard mean, in a line each."""
    return "\n".join(f"[dim]{SHOWN[name][0]}: {SHOWN[name][1]}[/]" for name in shown_metrics(trained))


def account(trained: Trained, version: Registered, folder: Path) -> str:
    """Return what was checked, learned from and registered, for a person."""
    plan, split = trained.schedule, trained.split
    absent = left_out_line(trained.board.left_out)
    issues = [f"[yellow]issue[/] {check.title}: no. {check.explanation}" for check in trained.checks if check.is_issue]
    checked = "\n" + (f"{absent}\n" if absent else "") + "\n".join(issues or [f"{len(trained.checks)} checks passed."])
    return (
        f"{explained_metrics(trained)}\n{checked}\nHorizon: {trained.basis}.\n"
        f"Learned from {split.n_train:,} rows of {len(plan.train)} snapshots up to {plan.day(plan.train[-1])}; "
        f"judged on {split.n_test:,} rows of {plan.day(plan.test)}; refitted on all {split.n_used:,}.\n"
        f"Registered as {version}, {in_use(version)}.\nReport: {folder / 'artifacts' / 'report.html'}"
    )


def in_use(version: Registered) -> str:
    """Return whether a version is in use, for a person."""
    return "in use (champion)" if "champion" in version.aliases else "on trial (challenger)"


def version_facts(version: Registered) -> dict[str, Any]:
    """Return which version was registered, for scripts."""
    facts = {"model": version.name, "version": version.version, "aliases": list(version.aliases)}
    return {**facts, "run_id": version.run_id}
