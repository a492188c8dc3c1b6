"""The command tune: search for better parameters, and show whether they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from penchant.cli.options.models import TuneOptions
from penchant.cli.work import Work
from penchant.models.inputs.check import Check
from penchant.models.store.registry import Registry
from penchant.output import replaced_folder
from penchant.training.material import TaskData
from penchant.training.record import data_hash, model_name, write_training
from penchant.training.search.record import record_search, trial_runs
from penchant.training.search.space import SPACE, Space, read_space
from penchant.training.search.tuning import (
    Found,
    Progress,
    Search,
    against_untuned,
    learn_tuned,
    material_for_tuning,
    search,
)

from .train import account, configure, leaderboard_table, version_facts

SEARCHES = "tuning"


def run_tune(work: Work, options: TuneOptions) -> None:
    """Search, train with the best parameters, judge them beside the defaults, and register the model."""
    task, store = options.task, work.store(options.store)
    space = read_space(options.space) if options.space else SPACE
    if options.print_space:
        work.show(space.as_toml())
        work.finish({"space": space.as_dict()})
        return
    configure(work, task, options.horizon, options.test, options.seed)
    name = model_name(work.config, task)
    folder = options.out or work.result_folder("tune") / task
    deadline = math.inf if options.timeout is None else monotonic() + options.timeout
    manifest: dict[str, Any] = {"step": "tune", "config": work.config.resolved(), "trials": options.trials}
    with replaced_folder(folder, manifest) as place:
        with work.shop() as shop:
            sources = work.sources()
            material = material_for_tuning(shop, task, work.step)
        result = _search(work, material, options, space, deadline, data_hash(sources))
        trained = learn_tuned(material, result, work.step, options.threads)
        verdict = against_untuned(trained)
        with work.step("writing the report and the model"):
            record = record_search(write_training(trained, work.config, place, sources), result, verdict)
        with work.step(f"recording in {store}, with {len(result.trials)} trials"):
            registry = Registry(store)
            version = registry.log(record)
            registry.log_trials(name, trial_runs(result), version.run_id)
        manifest |= {"sources": sources, "training": trained.facts(), "search": result.as_dict()}
    work.show_wide(
        leaderboard_table(trained), account(trained, version, folder), _account(result, verdict, folder, options.trials)
    )
    facts = {**trained.as_dict(), **version_facts(version), "search": result.as_dict()}
    work.finish({**facts, "against_default": verdict.as_dict(), "out": str(folder), "store": str(store)})


def _search(work: Work, material: TaskData, options: TuneOptions, space: Space, deadline: float, data: str) -> Found:
    """Run the search, its progress shown."""
    file = work.store(options.store).cache / SEARCHES / f"{model_name(work.config, options.task)}.db"
    with _progress(work) as show:
        asked = Search(
            file,
            options.trials,
            data,
            is_over=lambda: monotonic() > deadline,
            told=show,
            space=space,
            n_threads=options.threads,
            metric=options.metric,
        )
        return search(material, asked)


@contextmanager
def _progress(work: Work) -> Iterator[Callable[[Progress], None]]:
    """Give what shows a search's progress: a bar in a terminal, else a line for each trial."""
    if work.as_json or not work.notes.is_terminal:
        yield lambda at: None if work.as_json else work.notes.print(_trial(at))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=work.notes) as bar:
        shown = bar.add_task("trials", total=None)

        def show(at: Progress) -> None:
            if at.n_done == at.n_before and at.n_before:
                work.notes.print(_trial(at))
            bar.update(shown, total=at.n_trials, completed=at.n_done, description=f"trials, best {at.best:.5f}")

        yield show


def _trial(at: Progress) -> str:
    """Return where a search stands, in a line."""
    if at.n_done == at.n_before:
        return f"resuming, {at.n_before} of {at.n_trials} trials done" if at.n_before else f"{at.n_trials} trials"
    what = "given up early" if at.is_pruned else f"{at.value:.5f}"
    return f"trial {at.n_done} of {at.n_trials}: {what} (best {at.best:.5f})"


def _account(result: Found, verdict: Check, folder: Path, n_asked: int) -> str:
    params = ", ".join(f"{name} {value:.4g}" for name, value in result.params.items())
    mark = "[red]worse[/]" if verdict.is_issue else "[green]not worse[/]"
    n_trials = len(result.trials)
    over = f"Stopped by --timeout after {n_trials} of {n_asked} trials; the same command goes on from there.\n"
    return (
        f"{over if n_trials < n_asked else ''}"
        f"Search: {n_trials} trials, {result.n_pruned} given up early; {result.score} over the folds "
        f"{result.value:.5f}, of the defaults {result.default_value:.5f}.\n"
        f"Best: {params}.\nOn the untouched test it is {mark} than the defaults. {verdict.explanation}\n"
        f"Parameters: {folder / 'artifacts' / 'params.json'}"
    )
