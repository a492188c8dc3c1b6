"""Search for better parameters, on folds in time, and show whether they are better where nobody looked.

Each fold learns from snapshots whose labels are over when a later one looks, and is judged on that one; the test
is not touched. What a search finds is then trained like any model and stands beside an untuned one on the test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna import TrialPruned
from sklearn.metrics import average_precision_score, roc_auc_score

from penchant.errors import InputError, TooLittleDataError, did_you_mean, quoted
from penchant.output import versions

from ...features.outcomes.tasks import Task
from ...features.shop import Shop
from ...models.estimators.value import tweedie_deviance
from ...models.inputs.arrays import Floats
from ...models.inputs.check import Check
from ..baselines import predicted
from ..dataset import Dataset
from ..fit import Recipe, fitted
from ..material import Step, TaskData, task_data
from ..train import Trained, learn
from ..versions.promote import DEFAULT, against_default
from .space import SPACE, Space
from .study import opened_study

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

N_FOLDS = 3
MOST_ROWS = 20_000  # of each side of a fold; more would change the wait more than the choice
FOLDS_OF_A_TRIAL = 3  # of customers, for the number of trees; the final model takes more
SMALLEST = 1e-9


@dataclass(frozen=True)
class Fold:
    """Rows of earlier snapshots, and those of a later one that judges what was learned from them."""

    past: Dataset
    later: Dataset


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Parameters
    ----------
    n_done, n_trials
        Trials that came to an end, and how many are wanted in all.
    n_before
        Those of them that earlier runs had done.
    value, best
        Score of the latest trial, and the lowest of all; nan where there is none.
    is_pruned
        Whether the latest was given up halfway.
    """

    n_done: int
    n_trials: int
    n_before: int
    value: float
    best: float
    is_pruned: bool


@dataclass(frozen=True)
class Search:
    """What a search is asked.

    Parameters
    ----------
    storage
        The file in which it is kept.
    n_trials
        How many trials in all, those of earlier runs included.
    data
        What identifies the shop's data: other data is another search.
    is_over
        Asked before each trial; True ends the search.
    told
        Called at the start and after each trial.
    space
        Where to look.
    n_threads
        Threads of LightGBM, as in `Recipe`.
    metric
        What the folds are scored by, of `METRICS`; None: log loss, of amounts the deviance.
    """

    storage: Path
    n_trials: int
    data: str
    is_over: Callable[[], bool] = lambda: False
    told: Callable[[Progress], None] = lambda _: None
    space: Space = SPACE
    n_threads: int | None = None
    metric: str | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Parameters
    ----------
    study
        Its name: task and what identifies it.
    params
        The best parameters.
    value, default_value
        Mean score over the folds of the best ones and of the defaults; lower is better.
    score
        What the score is called.
    trials
        All that came to an end.
    space
        Where was looked.
    """

    study: str
    params: Mapping[str, Any]
    value: float
    default_value: float
    score: str
    trials: Sequence[FrozenTrial]
    space: Space = SPACE

    @property
    def n_pruned(self) -> int:
        """How many were given up halfway."""
        return sum(trial.value is None or trial.state.name == "PRUNED" for trial in self.trials)

    def as_dict(self) -> dict[str, Any]:
        """Return what the search found in types that JSON knows."""
        return {
            "study": self.study,
            "params": dict(self.params),
            "score": self.score,
            "value": self.value,
            "default_value": self.default_value,
            "n_trials": len(self.trials),
            "n_pruned": self.n_pruned,
        }


def material_for_tuning(shop: Shop, name: str, step: Step) -> TaskData:
    """Return a task's rows with the earlier snapshots that the folds of a search learn from; raises as `task_data`."""
    return task_data(shop, name, step, lambda plan: (*plan.earlier, *plan.every))


def folds_of(material: TaskData, n_folds: int = N_FOLDS) -> tuple[Fold, ...]:
    """Return the folds of a search, the oldest first.

    Raises
    ------
    TooLittleDataError
        If the history holds no fold.
    """
    rows, seed = material.rows, material.seed
    found = tuple(
        Fold(rows.at(past).sampled(MOST_ROWS, seed), rows.at([later]).sampled(MOST_ROWS, seed))
        for past, later in material.schedule.folds(n_folds)
    )
    usable = tuple(fold for fold in found if _varies(fold.past) and _varies(fold.later))
    if not usable:
        horizon = material.span.horizon_days
        raise TooLittleDataError(
            f"a search for '{material.task.name}'",
            "a training snapshot whose label is over before a later training snapshot looks",
            f"{len(material.schedule.train)} training snapshots and horizons of {horizon} days, which overlap",
            "Bring more history, or shorten the horizon (--horizon); 'penchant train' needs no search",
        )
    return usable


def _varies(rows: Dataset) -> bool:
    return len(rows) > 1 and float(np.ptp(rows.label)) > 0


def search(material: TaskData, asked: Search) -> Found:
    """Search for the parameters with the lowest mean score over folds in time, and return what was found.

    Parameters
    ----------
    material
        The rows of `material_for_tuning`.
    asked
        The search: one of the same task, data, schedule and space goes on where it ended.

    Raises
    ------
    TooLittleDataError
        If the history holds no fold, or no trial came to its end.
    InputError, OutputError
        If its file is of another kind, or cannot be written.
    """
    folds = folds_of(material)
    objective = Objective(material.task, folds, material.seed, asked)
    score_name = objective.score_name  # refuses an unknown metric before the study is opened
    name = study_name(material, asked)
    with opened_study(asked.storage.with_suffix(".db"), name) as worker:
        done = worker.finished()
        n_before = len(done)
        asked.told(_progress(done, n_before, asked.n_trials))
        while len(done) < asked.n_trials and not asked.is_over():
            worker.proceed(objective, asked.space.defaults, material.seed)
            done = worker.finished()
            asked.told(_progress(done, n_before, asked.n_trials))
    return _found(name, done, score_name, asked.space)


def study_name(material: TaskData, asked: Search) -> str:
    """Return the name of a search: the same for the same task, data, schedule, columns, space, seed and versions."""
    facts = {
        "data": asked.data,
        "schedule": material.schedule.as_dict(),
        "columns": list(material.rows.features.columns),
        "space": asked.space.as_dict(),
        **({} if asked.metric is None else {"metric": asked.metric}),
        "folds": [N_FOLDS, MOST_ROWS, FOLDS_OF_A_TRIAL],
        "seed": material.seed,
        "versions": {name: versions()[name] for name in ("penchant", "lightgbm")},
    }
    text = json.dumps(facts, sort_keys=True)
    return f"{material.task.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Objective:
    """From a trial to the mean score of its parameters over the folds, told after each of them."""

    task: Task
    folds: tuple[Fold, ...]
    seed: int
    asked: Search

    def __call__(self, trial: Trial) -> float:
        """Return the mean score; a trial that falls behind the others on the latest folds is given up."""
        params = self.asked.space.suggest(trial)
        scores: list[float] = []
        for number, fold in enumerate(reversed(self.folds)):  # the latest has learned most: it tells first
            scores.append(self.score(fold, params))
            trial.report(float(np.mean(scores)), number)
            if number + 1 < len(self.folds) and trial.should_prune():
                raise TrialPruned
        return float(np.mean(scores))

    def score(self, fold: Fold, params: Mapping[str, Any]) -> float:
        """Return the score on a later snapshot of a model that learned from earlier ones."""
        recipe = Recipe(params, self.asked.n_threads, FOLDS_OF_A_TRIAL)
        model = fitted(self.task, fold.past, self.seed, recipe)
        return self._of(fold.later.label, predicted(model, fold.later.features))

    @property
    def metric(self) -> str:
        """What the folds are scored by."""
        kind = self.task.kind
        if self.asked.metric is None:
            return "log_loss" if kind == "binary" else "squared_error" if self._is_signed else "deviance"
        if self.asked.metric not in METRICS[kind]:
            hint = did_you_mean(self.asked.metric, METRICS[kind])
            raise InputError(
                f"metric of '{self.task.name}'", f"one of {quoted(METRICS[kind])}", f"'{self.asked.metric}'", hint
            )
        return self.asked.metric

    @property
    def score_name(self) -> str:
        """What the score is called."""
        return SCORE_NAMES.get(self.metric, self.metric.replace("_", " "))

    @property
    def _is_signed(self) -> bool:
        return any(fold.past.label.min() < 0 or fold.later.label.min() < 0 for fold in self.folds)

    def _of(self, y: Floats, score: Floats) -> float:
        return SCORES[self.metric](y, score)


def log_loss(y: Floats, score: Floats) -> float:
    """Return the mean log loss of probabilities."""
    safe = np.clip(score, SMALLEST, 1 - SMALLEST)
    return float(-(y * np.log(safe) + (1 - y) * np.log1p(-safe)).mean())


SCORES: Mapping[str, Callable[[Floats, Floats], float]] = {  # all of them the lower the better
    "log_loss": log_loss,
    "brier": lambda y, score: float(((y - score) ** 2).mean()),
    "auc": lambda y, score: -float(roc_auc_score(y, score)),
    "average_precision": lambda y, score: -float(average_precision_score(y, score)),
    "deviance": lambda y, score: tweedie_deviance(y, np.maximum(score, SMALLEST)),
    "squared_error": lambda y, score: float(((y - score) ** 2).mean()),
    "rmse": lambda y, score: float(np.sqrt(((y - score) ** 2).mean())),
    "mae": lambda y, score: float(np.abs(y - score).mean()),
}
METRICS = {
    "binary": ("log_loss", "brier", "auc", "average_precision"),
    "value": ("deviance", "squared_error", "rmse", "mae"),
}
SCORE_NAMES = {"deviance": "Tweedie deviance", "auc": "negative AUC", "average_precision": "negative average precision"}


def _progress(done: Sequence[FrozenTrial], n_before: int, n_trials: int) -> Progress:
    values = [trial.value for trial in done if trial.state.name == "COMPLETE" and trial.value is not None]
    last = done[-1] if done else None
    value = last.value if last is not None and last.value is not None else float("nan")
    best = min(values, default=float("nan"))
    return Progress(len(done), n_trials, n_before, value, best, bool(last and last.state.name == "PRUNED"))


def _found(name: str, done: Sequence[FrozenTrial], score: str, space: Space) -> Found:
    complete = [trial for trial in done if trial.state.name == "COMPLETE" and trial.value is not None]
    if not complete:
        raise TooLittleDataError(
            f"search '{name}'", "a trial that came to its end", "none", "Give it more time with --timeout"
        )
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    default = next((trial for trial in complete if trial.params == space.defaults), complete[0])  # never given up
    return Found(name, best.params, float(best.value), float(default.value), score, tuple(done), space)


def learn_tuned(material: TaskData, found: Found, step: Step, n_threads: int | None = None) -> Trained:
    """Return the model with the parameters of a search, beside an untuned one on the untouched test.

    The untuned one stands in the leaderboard as ``default_parameters``.
    """
    with step("training with the default parameters, for comparison"):
        model = fitted(material.task, material.past, material.seed, Recipe(n_threads=n_threads))
        default = predicted(model, material.test.features)
    return learn(material, Recipe(found.params, n_threads), step, {DEFAULT: default})


def against_untuned(trained: Trained) -> Check:
    """Return the gate that a tuned model must pass: on the test it is not worse than the untuned one."""
    return against_default(trained.as_dict())
