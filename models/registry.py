"""Edge: MLflow, where runs are recorded and models are kept. The only file that imports it.

A model is a folder of plain files and the one script that scores it; MLflow keeps both as a pyfunc model, which
whoever has mlflow, lightgbm and numpy can use. ``champion`` is the alias of the version in use, ``challenger``
that of the latest one on trial.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from penchant.errors import NoModelError, OutputError, did_you_mean

from .estimate import Estimate

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
FACTS_FILE = "facts.json"
REQUIREMENTS = ("lightgbm", "numpy")
LONGEST_PARAM = 6000


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
        The script that scores them: it has ``_load_pyfunc(folder)`` and imports numpy and lightgbm alone.
    inputs
        Column -> "double" or "string", in the model's order.
    output
        What a prediction is called.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Estimate | float]
    tags: Mapping[str, str]
    artifacts: Path
    model: Path
    scorer: Path
    inputs: Mapping[str, str]
    output: str = "probability"


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
        "champion", "challenger", both or none.
    """

    name: str
    version: int
    run_id: str
    aliases: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        """Return name/version."""
        return f"{self.name}/{self.version}"


class Registry:
    """Runs and models below one folder.

    Parameters
    ----------
    store
        The folder, "mlruns" by default: ``mlflow.db`` and the artifacts.
    """

    def __init__(self, store: Path = Path("mlruns")) -> None:
        self.store = store.absolute()

    @property
    def address(self) -> str:
        """The tracking and registry address."""
        return f"sqlite:///{self.store / 'mlflow.db'}"

    def log(self, record: Record) -> Registered:
        """Record a training and register its model as challenger; as champion too where there is none.

        Raises
        ------
        OutputError
            If the store cannot be written.
        """
        with self._client() as client:
            from mlflow import set_experiment, start_run

            set_experiment(experiment_id=self._experiment(client, record.name))  # models go to the active one
            with start_run() as run:  # its end says whether all of it was logged
                _log_values(client, run.info.run_id, record)
                client.log_artifacts(run.info.run_id, str(record.artifacts))
                return self._register(client, run.info.run_id, record)

    def promote(self, name: str, version: int) -> Registered:
        """Make a version the champion."""
        with self._client() as client:
            client.set_registered_model_alias(name, CHAMPION, str(version))
        return self.version(name, version)

    def version(self, name: str, alias: str | int = CHAMPION) -> Registered:
        """Return the version behind an alias or a number.

        Raises
        ------
        NoModelError
            If there is none.
        """
        from mlflow.exceptions import MlflowException

        with self._client() as client:
            try:
                if isinstance(alias, int):
                    found = client.get_model_version(name, str(alias))
                else:
                    found = client.get_model_version_by_alias(name, alias)
            except MlflowException:
                raise self._no_model(client, name, alias) from None
            return _registered(found)

    def names(self) -> list[str]:
        """Return the registered models' names."""
        with self._client() as client:
            return sorted(model.name for model in client.search_registered_models())

    def folder(self, version: Registered) -> Path:
        """Return the folder of a version's plain files.

        Raises
        ------
        NoModelError
            If its files are gone.
        """
        with self._client() as client:
            source = client.get_model_version_download_uri(version.name, str(version.version))
        path = _local(source) / "data" / "model"
        if not path.is_dir():
            raise NoModelError(
                f"model '{version}'", f"its files in {self.store}", "none there", "Train it again"
            )
        return path

    def _no_model(self, client: MlflowClient, name: str, alias: str | int) -> NoModelError:
        known = [model.name for model in client.search_registered_models()]
        what = f"version {alias}" if isinstance(alias, int) else f"a {alias}"
        task = name.rpartition(".")[2]
        do = f"Run 'penchant train {task}' first"
        if known and name not in known:
            do += f". {did_you_mean(name, known)}"
        return NoModelError(f"model '{name}'", f"{what} in {self.store}", "none", do)

    def _experiment(self, client: MlflowClient, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(
            client.create_experiment(name, artifact_location=(self.store / "artifacts" / name).as_uri())
        )

    def _register(self, client: MlflowClient, run_id: str, record: Record) -> Registered:
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import log_model

        info = log_model(
            name="model",
            loader_module=record.scorer.stem,
            data_path=str(record.model),
            code_paths=[str(record.scorer)],
            signature=_signature(record),
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        )
        with suppress(MlflowException):  # it is there from an earlier training
            client.create_registered_model(record.name)
        made = client.create_model_version(record.name, info.model_uri, run_id=run_id, model_id=info.model_id)
        client.set_registered_model_alias(record.name, CHALLENGER, made.version)
        if CHAMPION not in client.get_registered_model(record.name).aliases:
            client.set_registered_model_alias(record.name, CHAMPION, made.version)
        return _registered(client.get_model_version(record.name, made.version))

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        """Give a client of this store, with MLflow's own chatter, advice and telemetry off."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        try:
            self.store.mkdir(parents=True, exist_ok=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import mlflow

                for chatty in ("mlflow", "alembic"):  # after the import, which sets their levels
                    logging.getLogger(chatty).setLevel(logging.WARNING)
                mlflow.set_tracking_uri(self.address)
                mlflow.set_registry_uri(self.address)
                yield mlflow.MlflowClient()
        except OSError as fault:
            if isinstance(fault, OutputError):
                raise
            raise OutputError(
                f"MLflow's store '{self.store}'", "a folder that can be written", str(fault)
            ) from fault


def _log_values(client: MlflowClient, run_id: str, record: Record) -> None:
    from mlflow.entities import Metric, Param, RunTag

    params = [Param(name, str(value)[:LONGEST_PARAM]) for name, value in record.params.items()]
    tags = [RunTag(name, value) for name, value in record.tags.items()]
    numbers = {name: value for pair in record.metrics.items() for name, value in _numbers(*pair)}
    metrics = [Metric(name, value, 0, 0) for name, value in numbers.items() if value == value]
    client.log_batch(run_id, metrics, params, tags)


def _numbers(name: str, value: Estimate | float) -> Sequence[tuple[str, float]]:
    if isinstance(value, Estimate):
        return [(name, value.value), (f"{name}_low", value.low), (f"{name}_high", value.high)]
    return [(name, float(value))]


def _signature(record: Record) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in record.inputs.items()])
    return ModelSignature(inputs, Schema([ColSpec("double", record.output)]))


def _registered(found: Any) -> Registered:
    return Registered(found.name, int(found.version), found.run_id, tuple(found.aliases))


def _local(address: str) -> Path:
    """Return the path of a file address."""
    return Path(url2pathname(urlsplit(address).path)) if address.startswith("file:") else Path(address)
