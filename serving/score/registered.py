"""The champions of a shop, out of the registry, and what scores by them depend on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from penchant.config import Config

from ...features.catalogue import task_of
from ...features.outcomes.tasks import configured_days
from ...features.workspace import Workspace
from ...models.evaluation.checks import same_horizon
from ...models.store.address import Store
from ...models.store.artifact import read_facts
from ...models.store.champions import ModelInUse
from ...models.store.in_use import models_in_use
from ...models.store.model_files import refuse_unregistered
from ...models.store.registry import CHAMPION, Registry
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
    workspace: Workspace, store: Store | Path, as_of: datetime, names: Sequence[str] | None, *, must: bool = True
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
    config: Config, store: Store | Path, names: Sequence[str] | None, *, must: bool = True
) -> list[tuple[Champion, Path, dict[str, Any]]]:
    """Return the champions of a shop with their folders and what the registry says of them, by name.

    Parameters
    ----------
    config, store
        The shop's configuration, and MLflow's store.
    names, must
        As `inputs_of` takes them.

    Raises
    ------
    NoModelError
        If one that is named has no champion, or there is none at all.
    """
    in_use, prefix = models_in_use(store) or {}, f"{config.shop.name}."
    there = [name for name in sorted(in_use) if name.startswith(prefix) and _is_of_the_shop(in_use[name])]
    wanted = there if names is None else [prefix + name for name in names if must or prefix + name in there]
    rows = []
    for name in wanted:
        if name not in in_use:
            Registry(store).version(name, CHAMPION)  # says what to do
        model = in_use[name]
        version = model.version
        facts = {"version": version.version, "aliases": list(version.aliases), "run_id": version.run_id}
        rows.append((_loaded(config, model), model.folder, facts))
    if not rows and must:
        Registry(store).version(prefix + "churn")  # says how to train one
    return rows


def _is_of_the_shop(model: ModelInUse) -> bool:
    """Say whether a model reads the shop's signals; one of a bare matrix, such as a trial's file, does not."""
    return read_facts(model.folder).get("horizon_days", 0) is not None


def _loaded(config: Config, model: ModelInUse) -> Champion:
    """Return a champion, an uplift with how far its effects are uncertain."""
    champion = Champion.load(refuse_unregistered(model.version, model.folder), str(model.version))
    if champion.goal is not None:
        return replace(champion, spread=_spread(model.metrics, champion.arms))
    _warn_of_another_horizon(config, champion, model.folder)
    return champion


def _warn_of_another_horizon(config: Config, champion: Champion, folder: Path) -> None:
    """Warn that a champion predicts other days than the configuration asks for by now."""
    facts = read_facts(folder)
    days = configured_days(config, task_of(config, champion.task), facts["horizon_days"])
    check = same_horizon({name: facts.get(name, 0) for name in days}, days)
    if check.is_issue:
        text = f"{champion.version}: {check.explanation} It scores the days that it learned."
        warnings.warn(f"{text} Run 'penchant train {champion.task}' for those configured", stacklevel=2)


def _spread(metrics: Mapping[str, float], arms: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return for each arm of an uplift how far its average effect may lie below and above what was measured."""
    spread = {}
    for arm in arms:
        name = EFFECT if len(arms) == 1 else f"{arm}.{EFFECT}"
        effect, low, high = (metrics.get(name + end, math.nan) / PER_CUSTOMERS for end in ("", "_low", "_high"))
        if math.isfinite(low) and math.isfinite(high):
            spread[arm] = (effect - low, high - effect)
    return spread
