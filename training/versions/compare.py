"""All versions of a task's model on one common test: who leads, by how much, and who may not be judged on it.

A version is judged on the test only with a model whose training labels were over when the test looked: the one in
use where that holds, else the one that was kept from before its own training's test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from penchant.errors import PenchantError, quoted

from ...features.outcomes.tasks import Span
from ...models.evaluation.comparison import Comparison, compare, goodness
from ...models.evaluation.metrics import evaluate
from ...models.inputs.arrays import Floats
from ...models.inputs.estimate import Estimate
from ...models.store.artifact import load, read_facts
from ..baselines import baseline_scores, predicted
from ..checks import MAIN_METRIC
from ..evaluate import Outcomes
from ..material import TaskData
from ..splits import local_day
from .disagree import Disagreement, disagreements

PROPER_METRIC = {"binary": "log_loss", "value": "rmse"}
GROUPS = {"stage": "stage", "segment": "rfm_segment"}  # by which customers are judged apart: name -> signal


@dataclass(frozen=True)
class Entrant:
    """A registered version, and its plain files.

    Parameters
    ----------
    version
        Its number.
    aliases
        "champion", "challenger", both or none.
    folders
        Of plain files by what the model is called: ``"in use"``, and ``"judged"`` where it was kept.
    """

    version: int
    aliases: tuple[str, ...]
    folders: Mapping[str, Path]

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"version {self.version}"


@dataclass(frozen=True)
class Place:
    """One line of the standings.

    Parameters
    ----------
    name
        "version 3", or a baseline's name.
    what
        Which model was judged: "in use", "judged"; "baseline"; or "elsewhere", where only its scores are known.
    aliases
        Of the version.
    metrics
        On the test, by name.
    against
        By metric, the comparison with the reference on the same rows; empty for the reference itself.
    """

    name: str
    what: str
    aliases: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    against: Mapping[str, Comparison]

    def as_dict(self) -> dict[str, Any]:
        """Return all parts in types that JSON knows."""
        return {
            "name": self.name,
            "what": self.what,
            "aliases": list(self.aliases),
            "metrics": {name: number.as_dict() for name, number in self.metrics.items()},
            "against_reference": {name: found.as_dict() for name, found in self.against.items()},
        }


@dataclass(frozen=True, eq=False)
class Standings:
    """Versions and baselines on one test, the best first.

    Parameters
    ----------
    task, kind
        Name and kind of the task.
    span
        Gap and horizon of the test's labels.
    test
        When the test looked, UTC without a zone.
    outcomes
        What came.
    scores
        By name, what was predicted for the test's rows.
    reference
        With what all are compared: the champion, or where it cannot be judged the best version.
    places
        By the main metric, the best first.
    not_ranked
        Version -> why it is not judged here.
    baselines_left_out
        Baseline -> why it is not there.
    seed
        Of the bootstrap.
    timezone
        The shop's, in which a person is told the days.
    groups
        Name ("stage", "segment") -> that of each of the test's customers; those that the signals hold.
    compared, disagreements
        The two best versions, and the customers whom they rank most differently.
    """

    task: str
    kind: str
    span: Span
    test: datetime
    outcomes: Outcomes
    scores: Mapping[str, Floats]
    reference: str | None
    places: tuple[Place, ...]
    not_ranked: Mapping[str, str]
    baselines_left_out: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    timezone: str = "UTC"
    groups: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()

    @property
    def day(self) -> str:
        """When the test looked, as the shop's calendar has it."""
        return local_day(self.test, self.timezone)

    @property
    def baselines(self) -> tuple[Place, ...]:
        """The baselines' places, the best first."""
        return tuple(place for place in self.places if place.what == "baseline")

    def against(self, name: str, other: str) -> Mapping[str, Comparison]:
        """Return one's comparison with another's, by metric, on the same rows."""
        both = {"one": self.scores[name], "other": self.scores[other]}
        return compare(self.outcomes.y, both, "other", seed=self.seed, **_same(self.outcomes))["one"]

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers in types that JSON knows."""
        return {
            "task": self.task,
            "gap_days": self.span.gap_days,
            "horizon_days": self.span.horizon_days,
            "test": self.test.isoformat(),
            "n_rows": len(self.outcomes.y),
            "reference": self.reference,
            "main_metric": MAIN_METRIC[self.kind],
            "leaderboard": [place.as_dict() for place in self.places],
            "not_ranked": dict(self.not_ranked),
            "baselines_left_out": dict(self.baselines_left_out),
        }

    def frame(self) -> pd.DataFrame:
        """Return the leaderboard as a table: a row a place, each metric with its bounds."""
        main = MAIN_METRIC[self.kind]
        rows = []
        for place in self.places:
            found = place.against.get(main)
            numbers = {
                f"{name}{end}": value
                for name, number in place.metrics.items()
                for end, value in (("", number.value), ("_low", number.low), ("_high", number.high))
            }
            verdict = {"verdict": found.verdict if found else "", "told": str(found) if found else "the reference"}
            rows.append(
                {"name": place.name, "what": place.what, "aliases": " ".join(place.aliases), **verdict, **numbers}
            )
        return pd.DataFrame(rows)


def standings(
    material: TaskData, entrants: Sequence[Entrant], elsewhere: Mapping[str, Floats] | None = None
) -> Standings:
    """Return all versions and baselines on the test of some material, the best first.

    Parameters
    ----------
    material
        Training snapshots, from which the baselines learn, and the test.
    entrants
        The versions; those that saw the test's labels, or labels of another horizon, are not ranked.
    elsewhere
        Scores of the test's rows that were made elsewhere, by name.
    """
    scores: dict[str, Floats] = {}
    what = dict.fromkeys(elsewhere or {}, "elsewhere")
    folders: dict[str, Path] = {}
    not_ranked: dict[str, str] = {}
    for entrant in entrants:
        found = _judged(entrant, material)
        if isinstance(found, str):
            not_ranked[entrant.name] = found
        else:
            what[entrant.name], scores[entrant.name] = found
            folders[entrant.name] = entrant.folders[found[0]]
    aliases = {entrant.name: entrant.aliases for entrant in entrants}
    beside, left_out = baseline_scores(material)
    scores |= {**beside, **(elsewhere or {})}
    test = material.test
    outcomes = Outcomes(test.label, test.customer_id, test.amount, material.task.kind)
    metrics = {name: evaluate(test.label, s, seed=material.seed, **_same(outcomes)) for name, s in scores.items()}
    best = sorted(metrics, key=lambda name: -_good(metrics[name], material.task.kind))
    reference = _reference(best, aliases)
    against = compare(test.label, scores, reference, seed=material.seed, **_same(outcomes)) if reference else {}
    places = tuple(
        Place(name, what.get(name, "baseline"), aliases.get(name, ()), metrics[name], against.get(name, {}))
        for name in best
    )
    return Standings(
        material.task.name,
        material.task.kind,
        material.span,
        material.schedule.test,
        outcomes,
        scores,
        reference,
        places,
        not_ranked,
        left_out,
        material.seed,
        material.schedule.timezone,
        {name: test.features[column].to_numpy(object) for name, column in GROUPS.items() if column in test.features},
        *disagreements(scores, folders, best, test),
    )


def _judged(entrant: Entrant, material: TaskData) -> tuple[str, Floats] | str:
    """Return which of a version's models may be judged and what it predicts, or why none may."""
    reasons = []
    for what, folder in entrant.folders.items():
        try:
            reason = _reason_against(read_facts(folder), material)
            if not reason:
                return what, _score(folder, material)
        except PenchantError as fault:
            reason = str(fault)
        reasons.append(reason)
    return reasons[-1] if reasons else "its files are gone"


def _reason_against(facts: Mapping[str, Any], material: TaskData) -> str:
    """Return why a model may not be judged on the test, or nothing."""
    own = Span(int(facts["gap_days"]), int(facts["horizon_days"]))
    if own != material.span:
        return f"it predicts {own.horizon_days} days after a gap of {own.gap_days}, the test another horizon"
    if "labels_end" not in facts:
        return "it does not say when the labels ended that it learned from"
    end = datetime.fromisoformat(facts["labels_end"])
    if end > material.schedule.test:
        return f"it saw the test: it learned from labels that ended on {material.schedule.day(end)}"
    return ""


def _score(folder: Path, material: TaskData) -> Floats:
    model: Any = load(folder)
    names, features = list(model.columns_.names), material.test.features
    lacking = [name for name in names if name not in features]
    if lacking:
        raise _lacks(lacking)
    return predicted(model, features[names])


def _lacks(names: Sequence[str]) -> PenchantError:
    return PenchantError("its signals", "columns that are still built", f"none called {quoted(names)}")


def _same(outcomes: Outcomes) -> dict[str, Any]:
    return {"kind": outcomes.kind, "amount": outcomes.amount, "groups": outcomes.customer_id}


def _good(metrics: Mapping[str, Estimate], kind: str) -> float:
    main = MAIN_METRIC[kind]
    return float(goodness(main, metrics[main].value))  # type: ignore[arg-type]


def _reference(best: Sequence[str], aliases: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return the champion's name where it is judged, else that of the best version, else nothing."""
    versions = [name for name in best if name in aliases]
    champion = [name for name in versions if "champion" in aliases[name]]
    return next(iter(champion or versions), None)
