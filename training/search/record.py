"""What a search leaves behind, beside the model that came of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd

from penchant.charts import Axis, Curve, Series, lines, png, points
from penchant.output import write_json

from ...models.inputs.check import Check
from ...models.store.registry import Record, TrialRun
from .tuning import Found

FEWEST_FOR_IMPORTANCE = 4  # complete trials


def record_search(record: Record, found: Found, verdict: Check) -> Record:
    """Write what a search found among a training's artifacts, and return the training's record with it.

    A tuned model that is worse than an untuned one does not become champion, not even where there is none.

    Parameters
    ----------
    record
        Of the training; its artifacts' folder gets params.json (for ``penchant train --params``), search.json and
        trials.csv.
    found
        What the search found.
    verdict
        Whether the tuned model is not worse than an untuned one.
    """
    folder: Path = record.artifacts
    write_json(folder / "params.json", found.params)
    write_json(folder / "search.json", found.as_dict() | {"against_default": verdict.as_dict()})
    trials_frame(found).to_csv(folder / "trials.csv", index=False)
    (folder / "search_space.toml").write_text(found.space.as_toml() + "\n", encoding="utf-8")
    for name, chart in search_pictures(found).items():
        (folder / f"{name}.svg").write_text(chart, encoding="utf-8")
        (folder / f"{name}.png").write_bytes(png(chart))
    tags = {"tuned": found.study, "tuned_not_worse_than_default": str(not verdict.is_issue).lower()}
    params = {"search_score": found.score, "search_trials": len(found.trials), "search_pruned": found.n_pruned}
    metrics = {"search_best": found.value, "search_default": found.default_value}
    return replace(
        record,
        tags={**record.tags, **tags},
        params={**record.params, **params},
        metrics={**record.metrics, **metrics},
        may_lead=record.may_lead and not verdict.is_issue,
        story=replace(record.story, run=record.story.run.replace("own parameters", "tuned")),
    )


def search_pictures(found: Found) -> dict[str, str]:
    """Return the history of a search and, where trials suffice, how much each parameter mattered, as charts."""
    complete = [(number, t.value) for number, t in enumerate(found.trials) if t.state.name == "COMPLETE"]
    numbers, values = zip(*complete, strict=True)
    best = np.minimum.accumulate(values)
    curves = [Curve("trials", numbers, values), Curve("best so far", numbers, best)]
    axis = Axis(f"Mean {found.score} over the folds", ".4g")
    pictures = {"search_history": lines(curves, Axis("Trial", ".0f"), axis)} if len(complete) > 1 else {}
    if len(complete) >= FEWEST_FOR_IMPORTANCE:
        weights = parameter_importance(found)
        share = Series("share of the differences", list(weights.values()))
        pictures["parameter_importance"] = points(list(weights), [share], Axis("Share of the differences", ".0%"))
    return pictures


def parameter_importance(found: Found) -> dict[str, float]:
    """Return how much of the differences between trials each parameter explains, the most first (fANOVA)."""
    study = optuna.create_study()
    study.add_trials(list(found.trials))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def trials_frame(found: Found) -> pd.DataFrame:
    """Return the trials as a table: number, state, score so far, folds seen and parameters."""
    rows: list[dict[str, Any]] = [
        {
            "trial": number,
            "state": trial.state.name.lower(),
            "score": trial.value,
            "n_folds": len(trial.intermediate_values),
            **trial.params,
        }
        for number, trial in enumerate(found.trials)
    ]
    return pd.DataFrame(rows)


def trial_runs(found: Found) -> list[TrialRun]:
    """Return the trials as MLflow records them."""
    return [
        TrialRun(
            trial.params,
            {found.score.replace(" ", "_"): math.nan if trial.value is None else trial.value},
            "KILLED" if trial.state.name == "PRUNED" else "FINISHED",
            _milliseconds(trial.datetime_start),
            _milliseconds(trial.datetime_complete),
            {"after_each_fold": [value for _, value in sorted(trial.intermediate_values.items())]},
        )
        for trial in found.trials
    ]


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000)
