"""Commands about models: train."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.shop_commands import Out
from penchant.cli.uplift_commands import (
    Campaigns,
    ColumnNames,
    Control,
    Goal,
    Matrix,
    MatrixOptions,
    Request,
    Without,
    train_uplift_model,
)
from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.models.inputs.estimate import Estimate
    from penchant.models.store.registry import Registered
    from penchant.training.train import Trained

Store = Annotated[Path, typer.Option("--store", help="The folder of MLflow's database and artifacts.")]
STORE = Path("mlruns")
Horizon = Annotated[
    int | None, typer.Option(help="Days in which the outcome is read. Default: as configured, else the task's.", min=1)
]
Test = Annotated[
    str | None, typer.Option(help="When the test looks: a date. Default: the latest whose horizon is over.")
]
Seed = Annotated[int | None, typer.Option(help="Same rows and seed, same model. Default: as configured.", min=0)]
Threads = Annotated[
    int | None, typer.Option(help="Threads of LightGBM; 0: all. Default: as many as are worth it.", min=0)
]
SHOWN = ("auc", "brier", "rmse", "spend_top_tenth")


def train(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="What to predict, such as churn or repurchase.")],
    out: Out = None,
    store: Store = STORE,
    params: Annotated[
        Path | None, typer.Option(help="A JSON file of LightGBM parameters, such as the params.json of `tune`.")
    ] = None,
    horizon: Horizon = None,
    test: Test = None,
    seed: Seed = None,
    threads: Threads = None,
    goal: Goal = None,
    matrix: Matrix = None,
    campaign: Campaigns = None,
    column: ColumnNames = None,
    without: Without = None,
    control: Control = None,
) -> None:
    """Train a model on snapshots in the past, judge it on a later one beside baselines, and register it.

    The first model of a task is put in use at once (alias champion); later ones wait as challenger.
    What can be predicted: visit, engagement, conversion, payment, repurchase, second_purchase, churn, value, margin,
    and the tasks of your own modules. And what a contact changes: `penchant train uplift --goal second` learns from
    past campaigns with a held-out control, and refuses where they were not drawn by lot; with --matrix it learns from
    any file of a trial.
    """
    from penchant.models.store.registry import Registry
    from penchant.output import replaced_folder
    from penchant.training.record import write_training
    from penchant.training.train import train as train_task

    work: Work = context.obj
    if task == "uplift":
        options = MatrixOptions(matrix, column, without, control)
        request = Request(goal, options, tuple(campaign or ()), horizon, seed)
        train_uplift_model(work, request, out, store)
        return
    configure(work, task, horizon, test, seed)
    chosen = read_params(params) if params else {}
    folder = out or work.result_folder("train") / task
    manifest: dict[str, Any] = {"step": "train", "config": work.config.resolved(), "params": chosen}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            trained = train_task(shop, task, work.step, threads, chosen)
            sources = work.sources()
        with work.step("writing the report and the model"):
            record = write_training(trained, work.config, place, sources)
        with work.step(f"recording in {store}"):
            version = Registry(store).log(record)
        manifest |= {"sources": sources, "training": trained.facts(), "data": record.tags["data"]}
    work.show_wide(leaderboard_table(trained), account(trained, version, folder))
    work.finish({**trained.as_dict(), **registered(version), "out": str(folder), "store": str(store)})


def configure(work: Work, task: str, horizon: int | None, test: str | None, seed: int | None) -> None:
    """Put what the options ask into the run's configuration, so that it is recorded with all the rest."""
    from penchant.features.catalogue import task_of

    config = work.config
    task_of(config, task)  # a name that is none is told before anything is read
    changes: dict[str, Any] = {} if horizon is None else {"horizon_days": horizon}
    if test is not None:
        changes["test_as_of"] = read_instant(test, config.shop.timezone, "--test").replace(tzinfo=UTC)
    config = config.with_task(task, **changes) if changes else config
    work.config = config if seed is None else config.model_copy(update={"seed": seed})


def read_params(path: Path) -> dict[str, Any]:
    """Return LightGBM parameters from a JSON file.

    Raises
    ------
    NotThereError
        If there is no such file.
    InputError
        If it is no JSON object of numbers and texts.
    """
    from penchant.errors import InputError, NotThereError

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
    from rich.table import Table

    from penchant.training.report_summary import beside
    from penchant.training.train import MAIN_METRIC

    main = MAIN_METRIC[trained.task.kind]
    metrics = trained.board.metrics
    shown = [name for name in SHOWN if name in metrics and math.isfinite(metrics[name].value)]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("")
    for name in shown:
        grid.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    grid.add_column(f"the model against it, by {main}")
    rows: list[tuple[str, Mapping[str, Any], str]] = [("model", metrics, "")]
    for name, numbers in trained.board.baselines.items():
        found = trained.board.comparisons[name][main]
        rows.append((name.replace("_", " "), numbers, f"{found.verdict} ({beside(found)})"))
    for name, numbers, verdict in rows:
        grid.add_row(name, *(_with_interval(numbers[metric]) for metric in shown), verdict)
    return grid


def _with_interval(number: Estimate) -> str:
    return f"{number.value:,.3f} [dim]{number.low:,.3f}..{number.high:,.3f}[/]"


def account(trained: Trained, version: Registered, folder: Path) -> str:
    """Return what was asked, learned from and registered, for a person."""
    from penchant.training.report_summary import left_out_line

    plan = trained.schedule
    absent = left_out_line(trained.board.left_out)
    issues = [f"[yellow]issue[/] {check.title}: no. {check.explanation}" for check in trained.checks if check.is_issue]
    asked = "\n" + (f"{absent}\n" if absent else "") + "\n".join(issues or [f"{len(trained.checks)} checks passed."])
    use = "in use (champion)" if "champion" in version.aliases else "on trial (challenger)"
    return (
        f"{asked}\nHorizon: {trained.basis}.\n"
        f"Learned from {trained.n_train:,} rows of {len(plan.train)} snapshots up to {plan.day(plan.train[-1])}; "
        f"judged on {trained.n_test:,} rows of {plan.day(plan.test)}; refitted on all {trained.n_used:,}.\n"
        f"Registered as {version}, {use}.\nReport: {folder / 'artifacts' / 'report.html'}"
    )


def registered(version: Registered) -> dict[str, Any]:
    """Return which version was registered, for scripts."""
    facts = {"model": version.name, "version": version.version, "aliases": list(version.aliases)}
    return {**facts, "run_id": version.run_id}


COMMANDS = (train,)
