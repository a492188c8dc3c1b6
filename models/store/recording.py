"""Edge: how a training is written into MLflow: run, logged model, registered version, and the baselines below it."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penchant.errors import OutputError
from penchant.output import locked

from ..inputs.estimate import Estimate
from ..plain_reasons import THRESHOLD
from .address import Store
from .model_files import HASH, content_hash
from .records import DataUsed, Record, Registered, TrialRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
LONGEST_PARAM = 6000
PARENT, NAME, NOTE, KIND = "mlflow.parentRunId", "mlflow.runName", "mlflow.note.content", "mlflow.experimentKind"
MODEL_TRAINING = "custom_model_development"  # how MLflow's pages show an experiment
HOST = "penchant.host"
MOST_AT_ONCE = 900  # metrics in one call
SCAN = "warn_dependency_requirement_mismatches"  # MLflow's function
STALE_MS = 24 * 3600 * 1000  # after which a run of another machine that did not end is given up


def record_training(client: MlflowClient, store: Store, record: Record) -> Registered:
    """Record a training and register its model as challenger; as champion instead where there is none."""
    from mlflow import set_experiment, start_run

    story, experiment = record.story, experiment_of(client, store, record.name, record.story.experiment)
    set_experiment(experiment_id=experiment)  # models go to the active one
    tags = {**record.tags, HOST: socket.gethostname(), **({NOTE: story.verdict} if story.verdict else {})}
    with start_run(run_name=story.run or None, tags=tags) as run, running(run.info.run_id):
        run_id = run.info.run_id
        client.log_inputs(run_id, [_data_input(record, used) for used in story.data])
        info = _log_model(record)
        log_values(client, run_id, record.params, {}, {})
        _log_metrics(client, run_id, record, info.model_id)
        client.log_model_params(info.model_id, {name: str(value)[:250] for name, value in record.params.items()})
        client.log_artifacts(run_id, str(record.artifacts))
        for name, table in story.tables.items():
            client.log_table(run_id, table, f"tables/{name}.json")
        for name, numbers in story.baselines.items():
            _log_baseline(client, experiment, run_id, name, numbers)
        made = _register(client, run_id, record, info)
        if story.run:
            client.update_run(run_id, name=f"{story.run}, version {made.version}")
    return made


def experiment_of(client: MlflowClient, store: Store, name: str, about: str = "") -> str:
    """Return the id of an experiment, made as one of model training where it is absent."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        place = None if store.files is None else f"{store.files}/{quote(name)}"
        with suppress(MlflowException):  # another process made it at this moment
            client.create_experiment(name, artifact_location=place, tags={KIND: MODEL_TRAINING})
        found = client.get_experiment_by_name(name)
    wanted = {KIND: MODEL_TRAINING, **({NOTE: about} if about else {})}
    for tag, value in wanted.items():
        if found.tags.get(tag) != value:
            client.set_experiment_tag(found.experiment_id, tag, value)
    return str(found.experiment_id)


def record_trials(client: MlflowClient, store: Store, name: str, trials: Sequence[TrialRun], parent: str) -> None:
    """Record the trials of a search below the run that came of it, with the times that they took."""
    experiment = experiment_of(client, store, name)
    for number, trial in enumerate(trials):
        tags = {PARENT: parent, NAME: f"trial {number}", "kind": "trial"}
        run_id = client.create_run(experiment, start_time=trial.started_at, tags=tags).info.run_id
        log_values(client, run_id, trial.params, trial.metrics, {}, trial.steps)
        client.set_terminated(run_id, trial.status, trial.ended_at)


def log_values(
    client: MlflowClient,
    run_id: str,
    params: Mapping[str, Any],
    numbers: Mapping[str, Estimate | float],
    tags: Mapping[str, str],
    steps: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Log parameters, metrics with the bounds of estimates, tags, and metrics by step."""
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    points = [(name, value, 0) for pair in numbers.items() for name, value in _numbers(*pair)]
    points += [(name, value, step) for name, values in (steps or {}).items() for step, value in enumerate(values)]
    metrics = [Metric(name, value, now, step) for name, value, step in points if value == value]
    client.log_batch(
        run_id,
        metrics[:MOST_AT_ONCE],
        [Param(name, str(value)[:LONGEST_PARAM]) for name, value in params.items()],
        [RunTag(name, value) for name, value in tags.items()],
    )
    for start in range(MOST_AT_ONCE, len(metrics), MOST_AT_ONCE):
        client.log_batch(run_id, metrics[start : start + MOST_AT_ONCE])


def _log_metrics(client: MlflowClient, run_id: str, record: Record, model_id: str) -> None:
    """Log the model's numbers at the run and at the logged model, as of the data that judged it."""
    from mlflow.entities import Metric

    now, test = int(time.time() * 1000), record.story.data[-1] if record.story.data else None
    of = {"dataset_name": test.name, "dataset_digest": test.digest} if test else {}
    numbers = [pair for item in record.metrics.items() for pair in _numbers(*item)]
    client.log_batch(run_id, [Metric(n, v, now, 0, model_id=model_id, **of) for n, v in numbers if v == v])
    if record.story.steps:
        log_values(client, run_id, {}, {}, {}, record.story.steps)


def _log_baseline(
    client: MlflowClient, experiment: str, parent: str, name: str, numbers: Mapping[str, Estimate | float]
) -> None:
    tags = {PARENT: parent, NAME: f"baseline {name.replace('_', ' ')}", "kind": "baseline"}
    run_id = client.create_run(experiment, tags=tags).info.run_id
    log_values(client, run_id, {"baseline": name}, numbers, {})
    client.set_terminated(run_id)


def _data_input(record: Record, used: DataUsed) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    schema = [{"type": kind, "name": name, "required": False} for name, kind in record.inputs.items()]
    dataset = Dataset(
        used.name,
        used.digest,
        "penchant",
        json.dumps(dict(used.source)),
        json.dumps({"mlflow_colspec": schema}),
        json.dumps({"num_rows": used.n_rows, "num_columns": len(schema)}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", used.context)])


def _log_model(record: Record) -> Any:
    from mlflow.pyfunc import log_model

    code = record.scorer if isinstance(record.scorer, tuple) else (record.scorer, *_beside(record.scorer))
    with _no_package_scan():
        return log_model(
            name="model",
            loader_module=code[0].stem,
            data_path=str(record.model),
            code_paths=[str(path) for path in code],
            signature=_signature(record),
            input_example=record.story.example,
            pip_requirements=list(record.requirements),
            model_config={THRESHOLD: 0.0},
        )


@contextmanager
def _no_package_scan() -> Iterator[None]:
    """Keep MLflow from comparing the requirements with every file of every installed package.

    They are this process's own versions, so that nothing can differ, and the comparison took a tenth of a training.
    MLflow makes it when it writes a model and when it tries the example on it. A version of MLflow that names it
    otherwise costs time alone.
    """
    from mlflow import pyfunc
    from mlflow.utils import environment

    before = [(module, scan) for module in (environment, pyfunc) if (scan := getattr(module, SCAN, None))]
    for module, _scan in before:
        setattr(module, SCAN, lambda _requirements: None)
    try:
        yield
    finally:
        for module, scan in before:
            setattr(module, SCAN, scan)


def _beside(scorer: Path) -> list[Path]:
    """Return the other files of the plain scorer, where it is one of them."""
    from ..plain_scorer import CODE  # it imports LightGBM; to look up champions needs none

    return [path for path in CODE if scorer in CODE and path != scorer]


def _register(client: MlflowClient, run_id: str, record: Record, info: Any) -> Registered:
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # it is there from an earlier training
        client.create_registered_model(record.name)
    if record.story.experiment:
        client.update_registered_model(record.name, record.story.experiment)
    tags = {HASH: content_hash(record.model)}
    made = client.create_model_version(
        record.name, info.model_uri, run_id, tags, description=record.story.verdict or None, model_id=info.model_id
    )
    leads = record.may_lead and CHAMPION not in client.get_registered_model(record.name).aliases
    client.set_registered_model_alias(record.name, CHAMPION if leads else CHALLENGER, made.version)
    return registered(client.get_model_version(record.name, made.version))


def _signature(record: Record) -> Any:
    """Return the signature: numbers of any kind, because a missing value turns a column of ints into floats."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    kinds = {name: kind if kind == "string" else AnyType() for name, kind in record.inputs.items()}
    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    params = None if record.output == "uplift" else ParamSchema([ParamSpec("reasons", "long", 0)])
    return ModelSignature(inputs, Schema([ColSpec("double", record.output)]), params)


def registered(found: Any) -> Registered:
    """Return one of MLflow's versions as a value."""
    return Registered(found.name, int(found.version), found.run_id, tuple(found.aliases), dict(found.tags))


def _numbers(name: str, value: Estimate | float) -> Sequence[tuple[str, float]]:
    if isinstance(value, Estimate):
        return [(name, value.value), (f"{name}_low", value.low), (f"{name}_high", value.high)]
    return [(name, float(value))]


@contextmanager
def running(run_id: str) -> Iterator[None]:
    """Hold the lock that says that a run of this machine is still being recorded."""
    with locked(_lock_of(run_id)):
        yield


def sweep(client: MlflowClient) -> list[str]:
    """End the runs that a killed training left running, and return their ids."""
    from mlflow.entities import ViewType

    experiments = [found.experiment_id for found in client.search_experiments(ViewType.ACTIVE_ONLY)]
    left = client.search_runs(experiments, "attributes.status = 'RUNNING'", max_results=1000)
    over = [run.info.run_id for run in left if _is_over(run)]
    for run_id in over:
        client.set_terminated(run_id, "KILLED")
    return over


def _is_over(run: Any) -> bool:
    host = run.data.tags.get(HOST)
    if host is None:
        return False  # not one of ours
    if host != socket.gethostname():
        return bool(run.info.start_time < time.time() * 1000 - STALE_MS)
    try:
        with locked(_lock_of(run.info.run_id)):
            return True
    except OutputError:
        return False


def _lock_of(run_id: str) -> Path:
    return Path(tempfile.gettempdir()) / f"penchant-run-{run_id}"
