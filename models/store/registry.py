"""Edge: MLflow, where runs are recorded and models are kept. The only file that imports it.

A model is a folder of plain files and the one script that scores it; MLflow keeps both as a pyfunc model, which
whoever has mlflow, lightgbm and numpy can use. ``champion`` is the alias of the version in use, ``challenger``
that of the latest one on trial.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from penchant.errors import NoModelError, OutputError, did_you_mean

from ..inputs.estimate import Estimate
from .records import Record, Registered, Run, TrialRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["CHALLENGER", "CHAMPION", "Record", "Registered", "Registry", "Run", "TrialRun"]

DATABASE = "mlflow.db"
CHAMPION, CHALLENGER = "champion", "challenger"
FACTS_FILE = "facts.json"
REQUIREMENTS = ("mlflow", "lightgbm", "numpy")
LONGEST_PARAM = 6000
PARENT = "mlflow.parentRunId"


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
        return f"sqlite:///{self.store / DATABASE}"

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
                _log_values(client, run.info.run_id, record.params, record.metrics, record.tags)
                client.log_artifacts(run.info.run_id, str(record.artifacts))
                return self._register(client, run.info.run_id, record)

    def log_run(
        self,
        name: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, Estimate | float],
        tags: Mapping[str, str] | None = None,
        parent: str | None = None,
        artifacts: Path | None = None,
    ) -> str:
        """Record a run without a model, and return its id.

        Parameters
        ----------
        name
            Of the experiment, the same as the registered model's.
        params, metrics, tags
            As in `Record`; the tag ``mlflow.runName`` is what pages call it.
        parent
            Id of the run below which it stands: the search to which a trial belongs.
        artifacts
            Folder whose files are logged with it.
        """
        nested = {PARENT: parent} if parent else {}
        with self._client() as client:
            run_id = str(client.create_run(self._experiment(client, name)).info.run_id)
            _log_values(client, run_id, params, metrics, {**(tags or {}), **nested})
            if artifacts is not None:
                client.log_artifacts(run_id, str(artifacts))
            client.set_terminated(run_id)
        return run_id

    def log_trials(self, name: str, trials: Sequence[TrialRun], parent: str) -> None:
        """Record the trials of a search below the run that came of it, all at once, with the times that they took."""
        with self._client() as client:
            experiment = self._experiment(client, name)
            for number, trial in enumerate(trials):
                tags = {PARENT: parent, "mlflow.runName": f"trial {number}"}
                made = client.create_run(experiment, start_time=trial.started_at, tags=tags)
                _log_values(client, made.info.run_id, trial.params, trial.metrics, {})
                client.set_terminated(made.info.run_id, trial.status, trial.ended_at)

    def versions(self, name: str) -> list[Registered]:
        """Return all versions of a model, the latest first.

        Raises
        ------
        NoModelError
            If there is none.
        """
        with self._client() as client:
            found = _versions(client, name)
            if not found:
                raise self._no_model(client, name, "version")
        return sorted(found, key=lambda version: -version.version)

    def artifacts(self, version: Registered) -> Path:
        """Return the folder of what was logged beside a version; it may be gone."""
        with self._client() as client:
            return _local(client.get_run(version.run_id).info.artifact_uri)

    def runs(self, name: str) -> list[Run]:
        """Return the runs of an experiment, the latest first; trials below a run are left out."""
        with self._client() as client:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                return []
            found = _all_pages(
                lambda token: client.search_runs([experiment.experiment_id], page_token=token, max_results=500)
            )
            made = {version.run_id: version for version in _versions(client, name)}
            own = [run for run in found if PARENT not in run.data.tags]
            return [_run(run, made.get(run.info.run_id)) for run in own]

    def promote(self, name: str, version: int, tags: Mapping[str, str] | None = None) -> Registered:
        """Make a version the champion, and keep with it what the tags say (that a gate was overruled)."""
        with self._client() as client:
            client.set_registered_model_alias(name, CHAMPION, str(version))
            for tag, value in (tags or {}).items():
                client.set_model_version_tag(name, str(version), tag, value)
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
        path = plain_files(source)
        if not path.is_dir():
            raise NoModelError(f"model '{version}'", f"its files in {self.store}", "none there", "Train it again")
        return path

    def _no_model(self, client: MlflowClient, name: str, alias: str | int) -> NoModelError:
        known = [model.name for model in client.search_registered_models()]
        what = f"version {alias}" if isinstance(alias, int) else f"a {alias}"
        task = name.partition(".")[2].replace("uplift.", "uplift --goal ")
        do = f"Run 'penchant train {task}' first"
        if known and name not in known:
            do += f". {did_you_mean(name, known)}"
        elif known and alias == CHAMPION:  # trained, and kept out by its checks
            do = f"Read the report of its training; 'penchant promote {task}' tells which gate fails"
        return NoModelError(f"model '{name}'", f"{what} in {self.store}", "none", do)

    def _experiment(self, client: MlflowClient, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(name, artifact_location=(self.store / "artifacts" / name).as_uri()))

    def _register(self, client: MlflowClient, run_id: str, record: Record) -> Registered:
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import log_model

        code = record.scorer if isinstance(record.scorer, tuple) else (record.scorer, *_beside(record.scorer))
        info = log_model(
            name="model",
            loader_module=code[0].stem,
            data_path=str(record.model),
            code_paths=[str(path) for path in code],
            signature=_signature(record),
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        )
        with suppress(MlflowException):  # it is there from an earlier training
            client.create_registered_model(record.name)
        made = client.create_model_version(record.name, info.model_uri, run_id=run_id, model_id=info.model_id)
        client.set_registered_model_alias(record.name, CHALLENGER, made.version)
        if record.may_lead and CHAMPION not in client.get_registered_model(record.name).aliases:
            client.set_registered_model_alias(record.name, CHAMPION, made.version)
        return _registered(client.get_model_version(record.name, made.version))

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        """Give a client of this store, with MLflow's own chatter, advice and telemetry off."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        try:
            self.store.mkdir(parents=True, exist_ok=True)
            _new_database(self.store / DATABASE)
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
            raise OutputError(f"MLflow's store '{self.store}'", "a folder that can be written", str(fault)) from fault


def _new_database(path: Path) -> None:
    """Create the database with a write-ahead log where there is none.

    MLflow's tables are some hundred small commits, and a log makes each several times cheaper; and `mlflow ui` can
    read while a training writes. The mode stays with the file.
    """
    if path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as fault:
        raise OSError(str(fault)) from fault


def _log_values(
    client: MlflowClient,
    run_id: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, Estimate | float],
    tags: Mapping[str, str],
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    numbers = {name: value for pair in metrics.items() for name, value in _numbers(*pair)}
    client.log_batch(
        run_id,
        [Metric(name, value, 0, 0) for name, value in numbers.items() if value == value],
        [Param(name, str(value)[:LONGEST_PARAM]) for name, value in params.items()],
        [RunTag(name, value) for name, value in tags.items()],
    )


def _all_pages(page: Callable[[str | None], Any]) -> list[Any]:
    """Return what all pages of a search hold."""
    found = page(None)
    rows = list(found)
    while found.token:
        found = page(found.token)
        rows += found
    return rows


def _versions(client: MlflowClient, name: str) -> list[Registered]:
    """Return all versions of a model with their aliases, which a search leaves out."""
    registered = client.search_registered_models(f"name='{name}'")
    aliases = registered[0].aliases.items() if registered else ()
    return [
        Registered(name, int(v.version), v.run_id, tuple(a for a, of in aliases if int(of) == int(v.version)))
        for v in client.search_model_versions(f"name='{name}'")
    ]


def _run(run: Any, made: Registered | None) -> Run:
    started = datetime.fromtimestamp(run.info.start_time / 1000, tz=UTC).replace(tzinfo=None)
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    version, aliases = (made.version, made.aliases) if made else (None, ())
    params, metrics = dict(run.data.params), dict(run.data.metrics)
    return Run(run.info.run_id, started, run.info.status, params, metrics, tags, version, aliases)


def _numbers(name: str, value: Estimate | float) -> Sequence[tuple[str, float]]:
    if isinstance(value, Estimate):
        return [(name, value.value), (f"{name}_low", value.low), (f"{name}_high", value.high)]
    return [(name, float(value))]


def _beside(scorer: Path) -> list[Path]:
    """Return the other files of the plain scorer, where it is one of them."""
    from ..plain_scorer import CODE

    return [path for path in CODE if scorer in CODE and path != scorer]


def _signature(record: Record) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in record.inputs.items()])
    return ModelSignature(inputs, Schema([ColSpec("double", record.output)]))


def _registered(found: Any) -> Registered:
    return Registered(found.name, int(found.version), found.run_id, tuple(found.aliases))


def plain_files(address: str) -> Path:
    """Return the folder of the plain files of a model that is stored at an address."""
    return _local(address) / "data" / "model"


def _local(address: str) -> Path:
    """Return the path of a file address."""
    return Path(url2pathname(urlsplit(address).path)) if address.startswith("file:") else Path(address)
