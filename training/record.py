"""What a training leaves behind: files beside each other, and the record for MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from penchant.config import Config
from penchant.output import versions, write_json

from ..models.evaluation.reference import REFERENCE, describe
from ..models.store.artifact import CODE, save
from ..models.store.registry import Record
from .checks import may_be_used
from .report import pictures, report
from .train import Trained, predicted

MODEL, ARTIFACTS, JUDGED = "model", "artifacts", "judged"
MLFLOW_TYPES = {"int64": "long", "float64": "double", "string": "string"}


def model_name(config: Config, task: str) -> str:
    """Return the name under which a task's models of a shop are registered."""
    return f"{config.shop.name}.{task}"


def write_training(trained: Trained, config: Config, folder: Path, sources: Mapping[str, str]) -> Record:
    """Write model, report, plots and numbers of a training into an empty folder, and return its record.

    Parameters
    ----------
    trained
        The training.
    config
        The configuration, logged in full.
    folder
        Gets ``model/`` (plain files, and ``reference.json``) and ``artifacts/``: report.html, plots, metrics.json,
        features.json, config.json, and ``judged/``, the model that had not seen the test, as plain files.
    sources
        The shop's tables -> what identifies their content.
    """
    model, artifacts = folder / MODEL, folder / ARTIFACTS
    artifacts.mkdir()
    columns = [asdict(column) for column in trained.columns]
    facts = trained.facts() | {"signals": columns}
    save(trained.model, model, facts)
    judged = predicted(trained.judged, trained.shown)
    looked_like = describe(trained.shown, judged, trained.model.columns_.categories)
    write_json(model / REFERENCE, looked_like)  # what `penchant monitor` compares with
    save(trained.judged, artifacts / JUDGED, facts | {"labels_end": facts["judged_labels_end"]})
    used = {"data": data_hash(sources), "seed": str(config.seed), **versions()}
    page = report(trained, config.shop.name, used)
    (artifacts / "report.html").write_text(page.html(), encoding="utf-8")
    for name, svg in pictures(trained).items():
        (artifacts / name).write_text(svg, encoding="utf-8")
    write_json(artifacts / "metrics.json", trained.as_dict())
    write_json(artifacts / "features.json", {"columns": columns, "left_out": dict(trained.left_out)})
    write_json(artifacts / "config.json", config.resolved())
    return Record(
        model_name(config, trained.task.name),
        _params(trained),
        _metrics(trained),
        used,
        artifacts,
        model,
        CODE,
        {column.name: MLFLOW_TYPES[column.dtype] for column in trained.columns},
        may_lead=may_be_used(trained.checks),
    )


def data_hash(sources: Mapping[str, str]) -> str:
    """Return one hash of the contents that a training read."""
    text = "\n".join(f"{name} {content}" for name, content in sorted(sources.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _params(trained: Trained) -> dict[str, Any]:
    facts = trained.facts()
    plan = facts.pop("schedule")
    rows = facts.pop("n_rows")
    named = {f"n_rows_{name}": count for name, count in rows.items()}
    model = {f"model_{name}": value for name, value in trained.model.get_params(deep=False).items()}
    return {
        **facts,
        **named,
        **model,
        "train_as_of": ", ".join(plan["train"]),
        "test_as_of": plan["test"],
        "n_features": len(trained.columns),
    }


def _metrics(trained: Trained) -> dict[str, Any]:
    beside = {
        f"{baseline}_{name}": number
        for baseline, numbers in trained.board.baselines.items()
        for name, number in numbers.items()
    }
    return {**trained.board.metrics, **beside}
