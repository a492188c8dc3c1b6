"""What a search leaves behind, beside the model that came of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from penchant.output import write_json

from ...models.inputs.check import Check
from ...models.store.registry import Record, TrialRun
from .tuning import Found


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
    tags = {"tuned": found.study, "tuned_not_worse_than_default": str(not verdict.is_issue).lower()}
    params = {"search_score": found.score, "search_trials": len(found.trials), "search_pruned": found.n_pruned}
    metrics = {"search_best": found.value, "search_default": found.default_value}
    return replace(
        record,
        tags={**record.tags, **tags},
        params={**record.params, **params},
        metrics={**record.metrics, **metrics},
        may_lead=record.may_lead and not verdict.is_issue,
    )


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
        )
        for trial in found.trials
    ]


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000)
