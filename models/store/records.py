"""What MLflow is given and gives back, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from ..inputs.estimate import Estimate

PLAIN = ("mlflow", "lightgbm", "numpy")


def plain_requirements() -> tuple[str, ...]:
    """Return all that a model of plain files needs, with versions."""
    return tuple(f"{name}=={version(name)}" for name in PLAIN)


@dataclass(frozen=True)
class DataUsed:
    """Rows that a model learned from or was judged on, as MLflow shows a data set.

    Parameters
    ----------
    name
        Such as "shop.churn training".
    digest
        What identifies the rows: at most 36 characters.
    context
        "training", "test", or what else they were for.
    source
        Where they came from, as JSON takes it.
    n_rows
        How many.
    """

    name: str
    digest: str
    context: str
    source: Mapping[str, Any]
    n_rows: int


@dataclass(frozen=True)
class Story:
    """How a training is told on MLflow's pages, beside its numbers.

    Parameters
    ----------
    run
        What the run is called; the version's number is added.
    verdict
        What the numbers allow to say, in words: the description of run and version.
    experiment
        What the experiment is about: task, eligible, horizon, label.
    data
        What was learned from and judged on, the test last.
    tables
        Name -> table, such as leaderboard, deciles, calibration.
    baselines
        Baseline -> metric -> number, of the same names as the model's; each becomes a run below this one.
    steps
        Metric -> its values by step: a learning curve, the snapshots' AUC.
    example
        Some rows as the model takes them.
    """

    run: str = ""
    verdict: str = ""
    experiment: str = ""
    data: tuple[DataUsed, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Estimate | float]] = field(default_factory=dict)
    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)
    example: pd.DataFrame | None = None


@dataclass(frozen=True)
class Record:
    """All that a training leaves in MLflow.

    Parameters
    ----------
    name
        Of the registered model and the experiment, such as "shop.churn".
    params
        What was asked and decided, by name.
    metrics
        Numbers; of an `Estimate` the bounds are logged too, as NAME_low and NAME_high.
    tags
        Data hash, versions and the like.
    artifacts
        Folder whose files are logged beside the model: the report, plots, lists.
    model
        Folder of the model's plain files.
    scorer
        The script that scores them: it has ``_load_pyfunc(folder, config)`` and imports numpy and lightgbm alone. With
        helpers of its own, all of them, the script first.
    inputs
        Column -> "double" or "string", in the model's order.
    output
        What a prediction is called.
    may_lead
        Whether it becomes champion where there is none.
    story
        How it is told.
    requirements
        Packages with versions that scoring needs.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Estimate | float]
    tags: Mapping[str, str]
    artifacts: Path
    model: Path
    scorer: Path | tuple[Path, ...]
    inputs: Mapping[str, str]
    output: str = "probability"
    may_lead: bool = True
    story: Story = field(default_factory=Story)
    requirements: tuple[str, ...] = field(default_factory=plain_requirements)


@dataclass(frozen=True)
class TrialRun:
    """One trial of a search, as it is recorded below the run that came of it.

    Parameters
    ----------
    params, metrics
        What was tried, and how it did.
    status
        "FINISHED", or "KILLED" where it was given up.
    started_at, ended_at
        Milliseconds since 1970, as MLflow counts.
    steps
        Metric -> its values after each fold.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    status: str
    started_at: int
    ended_at: int
    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Registered:
    """A version of a registered model.

    Parameters
    ----------
    name, version
        Which one.
    run_id
        The run that made it.
    aliases
        "champion" or "challenger", or none.
    tags
        As they were set: the hash of its files, the gates that it passed.
    """

    name: str
    version: int
    run_id: str
    aliases: tuple[str, ...] = field(default=())
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        """Return name/version."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True)
class Run:
    """A run as it was recorded.

    Parameters
    ----------
    run_id, name
        Which one, and what pages call it.
    started_at
        UTC without a zone.
    status
        "FINISHED", "FAILED", "KILLED" or "RUNNING".
    params, metrics, tags
        As they were logged; MLflow's own tags are left out.
    version
        Number of the model that it registered, or None.
    aliases
        Of that version.
    """

    run_id: str
    started_at: datetime
    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    version: int | None = None
    aliases: tuple[str, ...] = ()
    name: str = ""
