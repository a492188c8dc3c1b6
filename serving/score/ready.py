"""The scores that rank goals: ready ones where they are still valid, else made now.

Ready scores are read without loading a model or opening the shop: an audience is then drawn in a second.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from penchant.errors import InputError
from penchant.output import replaced_folder
from penchant.progress import Reporter
from penchant.temporary import Scratch

from ...features.intake.fingerprint import is_unknown
from ...features.workspace import Workspace
from ...models.inputs.estimate import Estimate
from ...models.store.address import Store
from ...models.store.in_use import models_in_use
from ..candidates.values import CHANCES, UPLIFT, Known, Score
from ..goals.catalogue import Goal
from .facts import facts_of
from .read import read_known, read_manifest, read_order_worth, read_scores, read_signals

if TYPE_CHECKING:
    from ...features.shop import Shop
    from .registered import ScoreInputs

ShopOpener = Callable[[], "Shop"]  # gives the shop, opened at the first call


@dataclass(frozen=True, eq=False)
class ReadyScores:
    """Scores, the signals beside them, and what a manifest says of where they came from.

    Where they were made of the same data, also what was known of the customers, and the shop's own assignments; and
    what an order is worth over the year, by stage, where that is known.
    """

    scores: Sequence[Score]
    signals: pd.DataFrame | None
    facts: dict[str, Any]
    known: tuple[Known, pd.DataFrame | None] | None = None
    order_worth: Mapping[str, Estimate] | None = None


def scores_for(
    workspace: Workspace,
    open_shop: ShopOpener,
    as_of: datetime,
    goals: Sequence[Goal],
    store: Store | Path,
    folder: Path | None,
    reporter: Reporter,
) -> ReadyScores:
    """Return the scores that rank goals: those in a folder, else those of `penchant score`, else made now.

    Parameters
    ----------
    workspace, open_shop, as_of
        The shop, what opens it, and the moment.
    goals
        What is to be ranked.
    store
        The folder of MLflow, for what has to be scored now, and to tell whether ready scores are the champions'.
    folder
        Of scores that are to be taken as they are.
    reporter
        Who is told of steps.

    Raises
    ------
    InputError
        If the folder holds the scores of another moment.
    """
    names = tasks_for(goals)
    if folder is not None:
        return _named(workspace, folder, as_of, names)
    with reporter.step("looking up the champions"):
        ready = workspace.result_folder("score", as_of)
        facts = _facts_at_hand(workspace, as_of, store, names)
        if facts is not None and _is_valid(ready, facts):
            return _read(ready, facts)
        from .registered import inputs_of  # it imports LightGBM and, to ask the registry, MLflow

        inputs = inputs_of(workspace, store, as_of, names, must=False)
    if _is_valid(ready, inputs.facts):
        return _read(ready, inputs.facts)
    if not inputs.champions:
        return ReadyScores((), None, inputs.facts)
    with Scratch() as passing:
        return _made(open_shop(), inputs, passing, reporter)


def tasks_for(goals: Sequence[Goal]) -> list[str]:
    """Return the names of the champions that goals can use, best evidence first."""
    names: list[str] = []
    for goal in goals:
        names += [f"{UPLIFT}.{goal.name}" if task == UPLIFT else task for task in goal.ranked_by]
        names += CHANCES if "value" in goal.ranked_by else ()
    return list(dict.fromkeys(name for name in names if name != "lookalike"))


def _facts_at_hand(
    workspace: Workspace, as_of: datetime, store: Store | Path, names: Sequence[str]
) -> dict[str, Any] | None:
    """Return what scores depend on without loading any model; None where the store cannot be read so."""
    models, prefix = models_in_use(store), f"{workspace.config.shop.name}."
    if models is None:
        return None
    there = {name: models[prefix + name] for name in names if prefix + name in models}
    versions = {name: (str(model.version), model.folder) for name, model in there.items()}
    return facts_of(workspace, as_of, versions)


def _named(workspace: Workspace, folder: Path, as_of: datetime, names: Sequence[str]) -> ReadyScores:
    """Return the scores of a folder that the user named; where they are of the same data, all that is beside them."""
    scores, manifest = read_scores(folder, names), read_manifest(folder) or {}
    if manifest["as_of"] != as_of.isoformat():
        raise InputError(
            f"scores '{folder}'", f"those of {as_of.isoformat()}", f"those of {manifest['as_of']}", "Score anew"
        )
    facts = facts_of(workspace, as_of, {})
    is_same = all(manifest.get(name) == facts[name] for name in facts if name != "models")
    known = _known_of(folder, facts) if is_same else None
    return ReadyScores(scores, read_signals(folder), {"scores": manifest["key"]}, known, read_order_worth(folder))


def _is_valid(ready: Path, facts: dict[str, Any]) -> bool:
    """Say whether a folder holds the scores of these champions, of the same data."""
    manifest = read_manifest(ready)
    if manifest is None or manifest.get("step") != "score":
        return False
    same = all(manifest.get(name) == facts[name] for name in facts if name != "models")
    tasks = {*manifest["tasks"], *manifest["left_out"]}
    models = facts["models"]
    return same and all(name in tasks and manifest["models"].get(name) == models[name] for name in models)


def _made(shop: Shop, inputs: ScoreInputs, passing: Path, reporter: Reporter) -> ReadyScores:
    """Score now what ranks; where that cannot be, go on without it: the goal says what it lacks."""
    from .fresh import score_into  # as registered: ready scores do without

    reporter.note("no ready scores of this moment: 'penchant score' stores them for the next time")
    manifest: dict[str, Any] = {"step": "score", "key": inputs.key, **inputs.facts}
    try:
        with replaced_folder(passing / "score", manifest) as place:
            manifest |= score_into(shop, inputs, place, passing / "score", reporter).as_dict()
    except LookupError as fault:
        warnings.warn(f"without scores: {fault}", UserWarning, stacklevel=2)
        return ReadyScores((), None, inputs.facts)
    return _read(passing / "score", inputs.facts)


def _read(folder: Path, facts: dict[str, Any]) -> ReadyScores:
    """Return what a folder of the same data holds of the models in the facts."""
    scores = read_scores(folder, list(facts["models"]))
    return ReadyScores(scores, read_signals(folder), facts, _known_of(folder, facts), read_order_worth(folder))


def _known_of(folder: Path, facts: dict[str, Any]) -> tuple[Known, pd.DataFrame | None] | None:
    """Return what was known of the customers when a folder of the same data was written; None where that may be over.

    It is taken where all data are files: of a database nobody can tell whether it is still the same, and a consent that
    was withdrawn must be seen.
    """
    return None if any(map(is_unknown, facts["sources"].values())) else read_known(folder)
