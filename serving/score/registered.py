"""The champions of a shop, out of the registry, and what scores by them depend on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from penchant.config import Config
from penchant.errors import NoModelError

from ...features.catalogue import task_of
from ...features.outcomes.tasks import configured_days
from ...features.workspace import Workspace
from ...models.evaluation.checks import same_horizon
from ...models.store.artifact import read_facts
from ...models.store.registry import CHAMPION, Registered, Registry
from .champion import Champion
from .facts import facts_of, key_of

EFFECT = "average_effect"  # the metric of an uplift's training, per so many customers
PER_CUSTOMERS = 1000


@dataclass(frozen=True, eq=False)
class ScoreInputs:
    """What the scores of a moment depend on.

    Parameters
    ----------
    champions
        The models in use.
    registered
        Name of a champion -> its version, run and aliases in the registry.
    facts
        Data, configuration, models and versions, as the manifest says them.
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
        return key_of(self.facts)


def inputs_of(
    workspace: Workspace, store: Path, as_of: datetime, names: Sequence[str] | None, *, must: bool = True
) -> ScoreInputs:
    """Return what the scores of a moment depend on.

    Parameters
    ----------
    workspace
        The shop.
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
    rows = champions_of(workspace.config, store, names, must=must)
    facts = facts_of(workspace, as_of, {champion.name: (champion.version, folder) for champion, folder, _ in rows})
    registered = {champion.name: version for champion, _, version in rows}
    return ScoreInputs(tuple(champion for champion, _, _ in rows), registered, facts, as_of)


def champions_of(
    config: Config, store: Path, names: Sequence[str] | None, *, must: bool = True
) -> list[tuple[Champion, Path, dict[str, Any]]]:
    """Return the champions of a shop with their folders and what the registry says of them, by name.

    Parameters
    ----------
    config, store
        The shop's configuration, and the folder of MLflow.
    names, must
        As `inputs_of` takes them.

    Raises
    ------
    NoModelError
        If one that is named has no champion, or there is none at all.
    """
    registry, prefix = Registry(store), f"{config.shop.name}."
    there = [name for name in registry.names() if name.startswith(prefix)]
    wanted = there if names is None else [prefix + name for name in names if must or prefix + name in there]
    rows = []
    for name in wanted:
        try:
            version = registry.version(name, CHAMPION)
        except NoModelError:
            if must and names is not None:
                raise
            continue  # on trial only
        folder = registry.folder(version)
        facts = {"version": version.version, "aliases": list(version.aliases), "run_id": version.run_id}
        rows.append((_loaded(config, registry, version, folder), folder, facts))
    if not rows and must:
        registry.version(prefix + "churn")  # says how to train one
    return rows


def _loaded(config: Config, registry: Registry, version: Registered, folder: Path) -> Champion:
    """Return a champion, an uplift with how far its effects are uncertain."""
    champion = Champion.load(folder, str(version))
    if champion.goal is not None:
        return replace(champion, spread=_spread(registry, version, champion.arms))
    _warn_of_another_horizon(config, champion, folder)
    return champion


def _warn_of_another_horizon(config: Config, champion: Champion, folder: Path) -> None:
    """Warn that a champion predicts other days than the configuration asks for by now."""
    facts = read_facts(folder)
    days = configured_days(config, task_of(config, champion.task), facts["horizon_days"])
    check = same_horizon({name: facts[name] for name in days}, days)
    if check.is_issue:
        text = f"{champion.version}: {check.explanation} It scores the days that it learned."
        warnings.warn(f"{text} Run 'penchant train {champion.task}' for those configured", stacklevel=2)


def _spread(registry: Registry, version: Registered, arms: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return for each arm of an uplift how far its average effect may lie below and above what was measured."""
    runs = {run.run_id: run.metrics for run in registry.runs(version.name)}
    metrics, spread = runs.get(version.run_id, {}), {}
    for arm in arms:
        name = EFFECT if len(arms) == 1 else f"{arm}.{EFFECT}"
        effect, low, high = (metrics.get(name + end, math.nan) / PER_CUSTOMERS for end in ("", "_low", "_high"))
        if math.isfinite(low) and math.isfinite(high):
            spread[arm] = (effect - low, high - effect)
    return spread
