"""What scoring from the command line needs: the champions of a store, what a result depends on, and a progress bar."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.cli.work import Work
from penchant.errors import NoModelError

if TYPE_CHECKING:
    from penchant.features.shop import Shop
    from penchant.models.store.registry import Registered, Registry
    from penchant.serving.goals.catalogue import Goal
    from penchant.serving.score.champion import Champion
    from penchant.serving.score.run import Scored

LATE = timedelta(days=1)  # after the data's end, scores are no longer those of customers as they are
UNREAD = ("engine", "protection")  # parts of the configuration that no score depends on
EFFECT = "average_effect"  # the metric of an uplift's training, per so many customers
PER_CUSTOMERS = 1000


@dataclass(frozen=True, eq=False)
class Inputs:
    """What scores depend on.

    Parameters
    ----------
    champions
        The models in use.
    registered
        Name of a champion -> its version, run and aliases in the registry.
    facts
        Data, configuration, models and versions, as the manifest tells them.
    as_of
        The moment, UTC without a zone.
    """

    champions: tuple[Champion, ...]
    registered: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    as_of: datetime

    @property
    def key(self) -> str:
        """The same for the same inputs, and for no others."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True, default=str).encode()).hexdigest()


def inputs_of(work: Work, store: Path, as_of: datetime, names: Sequence[str] | None, *, must: bool = True) -> Inputs:
    """Return what the scores of a moment depend on.

    Parameters
    ----------
    work
        The run.
    store
        The folder of MLflow.
    as_of
        The moment.
    names
        Whose champions: tasks, ``uplift.<goal>``; None: all that the shop has.
    must
        Whether those that are named must be there.

    Raises
    ------
    NoModelError
        If one that is named has no champion, or there is none at all.
    """
    found = champions_of(work, store, names, must=must)
    facts = facts_of(work, as_of, {one.name: (one.version, folder) for one, folder, _ in found})
    return Inputs(tuple(one for one, _, _ in found), {one.name: told for one, _, told in found}, facts, as_of)


def facts_of(work: Work, as_of: datetime, models: Mapping[str, tuple[str, Path]]) -> dict[str, Any]:
    """Return what scores of a moment depend on, as their manifest tells it.

    Parameters
    ----------
    work, as_of
        The run and the moment.
    models
        Name of a champion -> name and version in the registry, and folder of its files.
    """
    from penchant.output import files_in, versions

    def told(version: str, folder: Path) -> dict[str, Any]:
        return {"model": version, "files": {file["name"]: file["sha256"] for file in files_in(folder)}}

    return {
        "as_of": as_of.isoformat(),
        "sources": work.sources(),
        "modules": _modules(work),
        "config": {name: part for name, part in work.config.resolved().items() if name not in UNREAD},
        "models": {name: told(*model) for name, model in models.items()},
        "versions": versions(),
    }


def champions_of(
    work: Work, store: Path, names: Sequence[str] | None, *, must: bool = True
) -> list[tuple[Champion, Path, dict[str, Any]]]:
    """Return the champions of a shop with their folders and what the registry says of them, by name."""
    from penchant.models.store.registry import CHAMPION, Registry
    from penchant.serving.score.champion import Champion

    registry, prefix = Registry(store), f"{work.config.shop.name}."
    there = [name for name in registry.names() if name.startswith(prefix)]
    wanted = there if names is None else [prefix + name for name in names if must or prefix + name in there]
    found = []
    for name in wanted:
        try:
            version = registry.version(name, CHAMPION)
        except NoModelError:
            if must and names is not None:
                raise
            continue  # on trial only
        folder = registry.folder(version)
        facts = {"version": version.version, "aliases": list(version.aliases), "run_id": version.run_id}
        champion = Champion.load(folder, str(version))
        if champion.goal is None:
            _note_another_horizon(work, champion, folder)
        else:
            champion = replace(champion, spread=_spread(registry, version, champion.arms))
        found.append((champion, folder, facts))
    if not found and must:
        registry.version(prefix + "churn")  # says how to train one
    return found


def _note_another_horizon(work: Work, champion: Champion, folder: Path) -> None:
    """Say that a champion's promise is of other days than the configuration asks for by now."""
    from penchant.features.catalogue import task_of
    from penchant.models.store.artifact import read_facts
    from penchant.training.promote import same_horizon_as_configured

    task = task_of(work.config, champion.task)
    asked = same_horizon_as_configured(work.config, task, read_facts(folder))
    if asked.is_issue:
        told = f"{champion.version}: {asked.explanation} It scores the days that it learned."
        warnings.warn(f"{told} Run 'penchant train {champion.task}' for those configured", stacklevel=2)


def _spread(registry: Registry, version: Registered, arms: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return for each arm of an uplift how far its average effect may lie below and above what was measured."""
    runs = {run.run_id: run.metrics for run in registry.runs(version.name)}
    metrics, found = runs.get(version.run_id, {}), {}
    for arm in arms:
        name = EFFECT if len(arms) == 1 else f"{arm}.{EFFECT}"
        effect, low, high = (metrics.get(name + end, math.nan) / PER_CUSTOMERS for end in ("", "_low", "_high"))
        if math.isfinite(low) and math.isfinite(high):
            found[arm] = (effect - low, high - effect)
    return found


def _modules(work: Work) -> dict[str, str]:
    """Return the SHA-256 of each module of the shop's own that is a file; of others their name alone."""
    from penchant.output import file_facts

    paths = {name: Path(name) for name in work.config.modules}
    return {name: file_facts(path)["sha256"] if path.is_file() else name for name, path in paths.items()}


def score_into(
    work: Work, shop: Shop, inputs: Inputs, place: Path, folder: Path, *, with_reasons: bool = True
) -> Scored:
    """Score everyone into ``place``; what is finished is kept beside ``folder`` until all of it is."""
    from penchant.serving.score.run import score, work_folder

    if inputs.as_of - shop.extract_end > LATE:
        end = f"the data ends at {shop.extract_end:%Y-%m-%d %H:%M} UTC"
        told = f"{end}, before {inputs.as_of:%Y-%m-%d %H:%M}: whatever came after counts as if nothing had happened"
        warnings.warn(told, UserWarning, stacklevel=2)
    with (
        work_folder(folder, inputs.key[:16]) as kept,
        progress(work, f"scoring with {len(inputs.champions)} champions") as done,
    ):
        return score(
            shop, inputs.champions, inputs.as_of, place, kept, own_goals(work), done, with_reasons=with_reasons
        )


def own_goals(work: Work) -> tuple[Goal, ...]:
    """Return the goals that the shop's own modules list."""
    if not work.config.modules:
        return ()
    from penchant.features.catalogue import own
    from penchant.serving.goals.catalogue import Goal

    return own(work.config, "GOALS", Goal)


@contextmanager
def progress(work: Work, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long step is, in rows, and how long it took."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_shown = work.notes.is_terminal and not work.as_json
    with Progress(*columns, console=work.notes, transient=True, disable=not is_shown) as bar:
        shown = bar.add_task(f"{what}: building signals", total=None)

        def done(n_rows: int, n_all: int) -> None:
            bar.update(shown, description=what, completed=n_rows, total=n_all)

        with work.step(what) if not is_shown else _timed(work, what):
            yield done


@contextmanager
def _timed(work: Work, what: str) -> Iterator[None]:
    """Tell how long a step took whose progress is shown already."""
    from time import monotonic

    started = monotonic()
    yield
    work.notes.print(f"[green]✓[/] {what} [dim]{monotonic() - started:.1f} s[/]")
