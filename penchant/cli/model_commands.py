"""Commands about models: train, score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.shop_commands import AsOf, Out
from penchant.cli.work import Work, read_instant

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.models.estimate import Estimate
    from penchant.models.registry import Registered
    from penchant.training.train import Trained

Store = Annotated[Path, typer.Option("--store", help="The folder of MLflow's database and artifacts.")]
STORE = Path("mlruns")
SHOWN = ("auc", "brier", "rmse", "spend_top_tenth")


def train(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="What to predict, such as churn or repurchase.")],
    out: Out = None,
    store: Store = STORE,
) -> None:
    """Train a model on snapshots in the past, judge it on a later one beside baselines, and register it.

    The first model of a task is put in use at once (alias champion); later ones wait as challenger.
    """
    from penchant.models.registry import Registry
    from penchant.output import replaced_folder
    from penchant.training.record import write_training
    from penchant.training.train import train as train_task

    work: Work = context.obj
    folder = out or work.result_folder("train") / task
    manifest: dict[str, Any] = {"step": "train", "config": work.config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            trained = train_task(shop, task, work.step)
            sources = work.sources()
        with work.step("writing the report and the model"):
            record = write_training(trained, work.config, place, sources)
        with work.step(f"recording in {store}"):
            version = Registry(store).log(record)
        manifest |= {"sources": sources, "training": trained.facts(), "data": record.tags["data"]}
    work.show(leaderboard_table(trained), _account(trained, version, folder))
    work.finish({**trained.as_dict(), **_registered(version), "out": str(folder), "store": str(store)})


def leaderboard_table(trained: Trained) -> Table:
    """Return the model beside its baselines, for a terminal."""
    from rich.table import Table

    from penchant.training.train import MAIN_METRIC

    main = MAIN_METRIC[trained.task.kind]
    shown = [name for name in SHOWN if name in trained.board.metrics]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("")
    for name in shown:
        grid.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    grid.add_column(f"the model against it, by {main}")
    rows: list[tuple[str, Mapping[str, Any], str]] = [("model", trained.board.metrics, "")]
    for name, numbers in trained.board.baselines.items():
        found = trained.board.comparisons[name][main]
        rows.append((name.replace("_", " "), numbers, f"{found.verdict} ({found.difference.value:+,.3f})"))
    for name, numbers, verdict in rows:
        grid.add_row(name, *(_with_interval(numbers[metric]) for metric in shown), verdict)
    return grid


def _with_interval(number: Estimate) -> str:
    return f"{number.value:,.3f} [dim]{number.low:,.3f}..{number.high:,.3f}[/]"


def _account(trained: Trained, version: Registered, folder: Path) -> str:
    plan = trained.schedule
    issues = [
        f"[yellow]issue[/] {check.title}: no. {check.explanation}"
        for check in trained.checks
        if check.is_issue
    ]
    asked = "\n" + "\n".join(issues or [f"{len(trained.checks)} checks passed."])
    use = "in use (champion)" if "champion" in version.aliases else "on trial (challenger)"
    return (
        f"{asked}\nHorizon: {trained.basis}.\n"
        f"Learned from {trained.n_train:,} rows of {len(plan.train)} snapshots up to {plan.train[-1]:%Y-%m-%d}; "
        f"judged on {trained.n_test:,} rows of {plan.test:%Y-%m-%d}; refitted on all {trained.n_used:,}.\n"
        f"Registered as {version}, {use}.\nReport: {folder / 'artifacts' / 'report.html'}"
    )


def _registered(version: Registered) -> dict[str, Any]:
    facts = {"model": version.name, "version": version.version, "aliases": list(version.aliases)}
    return {**facts, "run_id": version.run_id}


def score(
    context: typer.Context,
    as_of: AsOf,
    task: Annotated[str, typer.Option("--task", help="Whose champion scores.")] = "churn",
    out: Out = None,
    store: Store = STORE,
) -> None:
    """Apply the champion to everyone eligible at as_of, and write the list, riskiest first.

    Each customer stands in it once, with the probability, what is at stake, and three reasons in words.
    """
    from penchant.models.registry import Registry
    from penchant.output import replaced_folder
    from penchant.serving.score import Champion, score_churn, write_list
    from penchant.training.record import model_name

    work: Work = context.obj
    instant = read_instant(as_of, work.config.shop.timezone)
    folder = out or work.result_folder("score", instant)
    registry = Registry(store)
    version = registry.version(model_name(work.config, task))
    champion = Champion.load(registry.folder(version), str(version))
    manifest: dict[str, Any] = {"step": "score", "config": work.config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            with work.step(f"scoring everyone eligible at {instant:%Y-%m-%d %H:%M} UTC with {version}"):
                listed = score_churn(shop, champion, instant)
            manifest |= {"sources": work.sources(), "model": str(version), "as_of": instant.isoformat()}
        with work.step(f"writing {folder}"):
            write_list(listed, place, task)
        manifest |= {"n_rows": len(listed)}
    work.show(_top(listed), f"{len(listed):,} customers: {folder / f'{task}.csv'}")
    bands = {str(name): int(count) for name, count in listed["band"].value_counts().items()}
    facts = {"as_of": instant.isoformat(), "n_customers": len(listed), "bands": bands, **_registered(version)}
    work.finish({**facts, "out": str(folder), "files": [f"{task}.parquet", f"{task}.csv", "manifest.json"]})


def _top(listed: Any, n_rows: int = 5) -> Table:
    """Return the head of the list, for a terminal."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("customer", "churn", "band", "at risk", "why"):
        grid.add_column(title, justify="right" if title in ("churn", "at risk") else "left")
    for row in listed.head(n_rows).itertuples():
        why = "; ".join(
            reason for reason in (row.reason_1, row.reason_2, row.reason_3) if isinstance(reason, str)
        )
        at_risk = f"{row.expected_value_at_risk:,.0f}"
        grid.add_row(row.customer_id[:24], f"{row.churn_probability:.0%}", row.band, at_risk, why)
    return grid


COMMANDS = (train, score)
