"""What the training of an uplift leaves behind: files beside each other, and the record for MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import Config
from penchant.output import versions, write_json

from ..models.evaluation.reference import REFERENCE, describe
from ..models.store.artifact import CODE, save
from ..models.store.registry import Record
from .record import ARTIFACTS, MLFLOW_TYPES, MODEL, data_hash, model_name
from .train_uplift import TASK, TrainedUplift
from .uplift_evaluate import MAIN, STACK
from .uplift_report import pictures, report


def uplift_name(config: Config, goal: str) -> str:
    """Return the name under which a goal's uplift models of a shop are registered."""
    return model_name(config, f"{TASK}.{goal}")


def write_uplift(trained: TrainedUplift, config: Config, folder: Path, sources: Mapping[str, str]) -> Record:
    """Write model, report, plots and numbers of a training into an empty folder, and return its record.

    Parameters
    ----------
    trained
        The training.
    config
        The configuration, logged in full.
    folder
        Gets ``model/`` (plain files) and ``artifacts/`` (report.html, plots, metrics.json, features.json,
        config.json).
    sources
        What was read -> what identifies its content.
    """
    model, artifacts = folder / MODEL, folder / ARTIFACTS
    artifacts.mkdir()
    columns = [asdict(column) for column in trained.collected.columns]
    used = {"data": data_hash(sources), "seed": str(config.seed), **versions()}
    save(trained.model, model, trained.facts() | {"signals": columns, "data": used["data"]})
    highest = np.max(np.asarray(trained.model.predict_uplift(trained.rows.features)).reshape(len(trained.rows), -1), 1)
    write_json(model / REFERENCE, describe(trained.rows.features, highest))  # `penchant monitor` compares with it
    page = report(trained, config.shop.name, used)
    (artifacts / "report.html").write_text(page.html(), encoding="utf-8")
    for name, svg in pictures(trained).items():
        (artifacts / name).write_text(svg, encoding="utf-8")
    write_json(artifacts / "metrics.json", trained.as_dict())
    left_out = dict(trained.collected.left_out)
    write_json(artifacts / "features.json", {"columns": columns, "left_out": left_out})
    write_json(artifacts / "config.json", config.resolved())
    stack, baselines = trained.metrics()
    beside = {f"{score}_{name}": number for score, numbers in baselines.items() for name, number in numbers.items()}
    return Record(
        uplift_name(config, trained.asked.goal),
        _params(trained),
        {**stack, **beside},
        used,
        artifacts,
        model,
        CODE,
        {column.name: MLFLOW_TYPES[column.dtype] for column in trained.collected.columns},
        "uplift",
        may_lead=not any(board.metrics[STACK][MAIN].high < 0 for board in trained.boards),
    )


def _params(trained: TrainedUplift) -> dict[str, Any]:
    facts = trained.facts()
    rows = facts.pop("n_rows")
    named = {f"n_rows_{name}": count for name, count in rows.items()}
    arms = {"arms": ", ".join(facts.pop("arms"))}
    model = {f"model_{name}": value for name, value in trained.model.get_params(deep=False).items()}
    return {**facts, **arms, **named, **model, "n_features": len(trained.collected.columns)}
