"""What a training of any kind leaves behind: files beside each other, and the record for MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from penchant.charts import png
from penchant.config import Config
from penchant.output import versions, write_json

from ..models.estimators.sklearn_model import SklearnModel
from ..models.evaluation.reference import REFERENCE
from ..models.pickled_scorer import PICKLED_CODE
from ..models.store.artifact import CODE, read_spec, save
from ..models.store.records import Record, plain_requirements
from .card import write_card
from .report.page import pictures, report
from .story import headline, story_of
from .train import Trained
from .trained import TrainedModel
from .uplift.train import TrainedUplift

MODEL, ARTIFACTS, JUDGED = "model", "artifacts", "judged"
MLFLOW_TYPES = {"int64": "long", "float64": "double", "string": "string"}


def model_name(config: Config, task: str) -> str:
    """Return the name under which a task's models of a shop are registered."""
    return f"{config.shop.name}.{task}"


def write_training(
    trained: Trained | TrainedUplift, config: Config, folder: Path, sources: Mapping[str, str]
) -> Record:
    """Write model, report, plots and numbers of a training into an empty folder, and return its record.

    Parameters
    ----------
    trained
        The training.
    config
        The configuration, logged in full.
    folder
        Gets ``model/`` (plain files, and ``reference.json``) and ``artifacts/``: report.html, plots, metrics.json,
        features.json, config.json, and of a task ``judged/``, the model that had not seen the test, as plain files.
    sources
        What was read -> what identifies its content.
    """
    model, artifacts = folder / MODEL, folder / ARTIFACTS
    artifacts.mkdir()
    used = {"data": data_hash(sources), "seed": str(config.seed), **versions()}
    _write_models(trained, model, artifacts, used["data"])
    write_json(model / REFERENCE, trained.reference())  # what `penchant monitor` compares with
    _write_report(trained, config.shop.name, artifacts, used)
    write_card(trained, config, artifacts, used)
    columns = [asdict(column) for column in trained.columns]
    write_json(artifacts / "metrics.json", trained.as_dict())
    write_json(artifacts / "features.json", {"columns": columns, "left_out": dict(trained.left_out)})
    write_json(artifacts / "config.json", config.resolved())
    name = model_name(config, trained.name)
    is_foreign = isinstance(trained.model, SklearnModel)
    return Record(
        name,
        trained.parameters(),
        headline(trained, trained.numbers()[0]),
        {**used, "shop": config.shop.name, **trained.tags()},
        artifacts,
        model,
        PICKLED_CODE if is_foreign else CODE,
        {column.name: MLFLOW_TYPES[column.dtype] for column in trained.columns},
        trained.answer,
        trained.may_lead,
        story_of(trained, name, sources),
        tuple(read_spec(model)["requirements"]) if is_foreign else plain_requirements(),
    )


def _write_models(trained: TrainedModel, model: Path, artifacts: Path, data: str) -> None:
    """Write the model in use and, of a task, the one that had not seen the test."""
    facts = trained.facts() | {"signals": [asdict(column) for column in trained.columns]}
    save(trained.model, model, facts | {"data": data})
    if trained.judged is not None:
        save(trained.judged, artifacts / JUDGED, facts | {"data": data, "labels_end": facts["judged_labels_end"]})


def _write_report(trained: Trained | TrainedUplift, shop: str, folder: Path, used: Mapping[str, str]) -> None:
    """Write the page, and its charts as SVG and PNG."""
    charts = pictures(trained)
    page = report(trained, shop, used, charts)
    (folder / "report.html").write_text(page.html(), encoding="utf-8")
    for name, chart in charts.items():
        (folder / name).write_text(chart, encoding="utf-8")
        (folder / name).with_suffix(".png").write_bytes(png(chart))


def data_hash(sources: Mapping[str, str]) -> str:
    """Return one hash of the contents that a training read."""
    text = "\n".join(f"{name} {content}" for name, content in sorted(sources.items()))
    return hashlib.sha256(text.encode()).hexdigest()
