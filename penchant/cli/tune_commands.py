"""The command tune: search for better parameters, and show whether they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.model_commands import (
    STORE,
    Horizon,
    Seed,
    Store,
    Test,
    Threads,
    account,
    configure,
    leaderboard_table,
    registered,
)
from penchant.cli.shop_commands import Out
from penchant.cli.work import Work

if TYPE_CHECKING:
    from penchant.features.shop import Shop
    from penchant.models.inputs.check import Check
    from penchant.training.material import Material
    from penchant.training.tune import Found, Progress

JOURNALS = "tuning"


def tune(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="Whose parameters: churn, repurchase, value, ...")],
    trials: Annotated[
        int, typer.Option(help="How many trials in all, those of a run that was stopped included.", min=1)
    ] = 50,
    timeout: Annotated[
        float | None, typer.Option(help="Begin no further trial after so many seconds.", min=0.0)
    ] = None,
    out: Out = None,
    store: Store = STORE,
    horizon: Horizon = None,
    test: Test = None,
    seed: Seed = None,
    threads: Threads = None,
) -> None:
    """Search for better parameters, judge what is found beside the defaults on the untouched test, and register it.

    A trial learns from earlier snapshots and is judged on a later one, on up to three folds in time, by log loss (of
    amounts: Tweedie deviance); the first trial is that of the defaults, and trials that fall behind are given up
    early. Each is kept in a journal beside MLflow's database: stopped or killed, the same command goes on.
    A tuned model that turns out worse than the defaults on the test is registered, but not promoted.
    """
    from penchant.models.store.registry import Registry
    from penchant.output import replaced_folder
    from penchant.training.record import model_name, write_training
    from penchant.training.tune import against_untuned, learn_tuned
    from penchant.training.tune_record import record_search, trial_runs

    work: Work = context.obj
    configure(work, task, horizon, test, seed)
    name = model_name(work.config, task)
    folder = out or work.result_folder("tune") / task
    deadline = math.inf if timeout is None else monotonic() + timeout
    manifest: dict[str, Any] = {"step": "tune", "config": work.config.resolved(), "trials": trials}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            sources = work.sources()
            material = _material(work, shop, task)
        found = _search(work, material, store / JOURNALS / f"{name}.journal", (trials, deadline, threads), sources)
        trained = learn_tuned(material, found, work.step, threads)
        verdict = against_untuned(trained)
        with work.step("writing the report and the model"):
            record = record_search(write_training(trained, work.config, place, sources), found, verdict)
        with work.step(f"recording in {store}, with {len(found.trials)} trials"):
            registry = Registry(store)
            version = registry.log(record)
            registry.log_trials(name, trial_runs(found), version.run_id)
        manifest |= {"sources": sources, "training": trained.facts(), "search": found.as_dict()}
    work.show_wide(leaderboard_table(trained), account(trained, version, folder), _told(found, verdict, folder))
    facts = {**trained.as_dict(), **registered(version), "search": found.as_dict()}
    work.finish({**facts, "against_default": verdict.as_dict(), "out": str(folder), "store": str(store)})


def _material(work: Work, shop: Shop, task: str) -> Material:
    from penchant.training.tune import material_for_tuning

    return material_for_tuning(shop, task, work.step)


def _search(
    work: Work, material: Material, journal: Path, limits: tuple[int, float, int | None], sources: dict[str, str]
) -> Found:
    """Run the search with its progress on show; limits are trials in all, the time to stop, and threads."""
    from penchant.training.record import data_hash
    from penchant.training.tune import Search, search

    n_trials, deadline, n_threads = limits
    with _progress(work) as told:
        asked = Search(
            journal,
            n_trials,
            data_hash(sources),
            is_over=lambda: monotonic() > deadline,
            told=told,
            n_threads=n_threads,
        )
        return search(material, asked)


@contextmanager
def _progress(work: Work) -> Iterator[Callable[[Progress], None]]:
    """Give what shows a search's progress: a bar in a terminal, else a line for each trial."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    if work.as_json or not work.notes.is_terminal:
        yield lambda at: None if work.as_json else work.notes.print(_line(at))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=work.notes) as bar:
        shown = bar.add_task("trials", total=None)

        def told(at: Progress) -> None:
            if at.n_done == at.n_before and at.n_before:
                work.notes.print(_line(at))
            bar.update(shown, total=at.n_trials, completed=at.n_done, description=f"trials, best {at.best:.5f}")

        yield told


def _line(at: Progress) -> str:
    if at.n_done == at.n_before:
        return f"resuming, {at.n_before} of {at.n_trials} trials done" if at.n_before else f"{at.n_trials} trials"
    what = "given up early" if at.is_pruned else f"{at.value:.5f}"
    return f"trial {at.n_done} of {at.n_trials}: {what} (best {at.best:.5f})"


def _told(found: Found, verdict: Check, folder: Path) -> str:
    params = ", ".join(f"{name} {value:.4g}" for name, value in found.params.items())
    mark = "[red]worse[/]" if verdict.is_issue else "[green]not worse[/]"
    return (
        f"Search: {len(found.trials)} trials, {found.n_pruned} given up early; {found.score} over the folds "
        f"{found.value:.5f}, of the defaults {found.default_value:.5f}.\n"
        f"Best: {params}.\nOn the untouched test it is {mark} than the defaults. {verdict.explanation}\n"
        f"Parameters: {folder / 'artifacts' / 'params.json'}"
    )


COMMANDS = (tune,)
