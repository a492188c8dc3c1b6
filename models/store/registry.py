"""Runs and models in MLflow: a folder's SQLite, a database, or a tracking server.

A model is a folder of plain files and the one script that scores it; MLflow keeps both as a pyfunc model, which
whoever has mlflow, lightgbm and numpy can use. ``champion`` is the alias of the version in use, ``challenger``
that of the latest one on trial; no version has both.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import NoModelError, did_you_mean

from ..inputs.estimate import Estimate
from .address import FOLDER, Store, local_path
from .champions import ModelInUse, remember
from .connection import connected
from .model_files import HASH, refuse_unregistered
from .recording import (
    CHALLENGER,
    CHAMPION,
    HOST,
    PARENT,
    experiment_of,
    log_values,
    record_training,
    record_trials,
    registered,
    sweep,
)
from .records import Record, Registered, Run, Story, TrialRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["CHALLENGER", "CHAMPION", "Record", "Registered", "Registry", "Run", "Story", "TrialRun"]

_swept: set[Store] = set()  # stores in which this process has ended what others left running


class Registry:
    """Runs and models of one store.

    Parameters
    ----------
    store
        A folder, "mlruns" by default, with ``mlflow.db`` and the artifacts; or the address of a database or a
        tracking server.
    """

    def __init__(self, store: Store | Path | str = FOLDER) -> None:
        self.store = Store.of(store)

    @property
    def address(self) -> str:
        """The tracking address."""
        return self.store.tracking

    def log(self, record: Record) -> Registered:
        """Record a training and register its model as challenger; as champion instead where there is none.

        Raises
        ------
        OutputError
            If the store cannot be written.
        """
        with self._writing() as client:
            made = record_training(client, self.store, record)
            self._remember(client)
            return made

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
        own = {HOST: socket.gethostname(), **({PARENT: parent} if parent else {})}
        with self._writing() as client:
            run_id = str(client.create_run(experiment_of(client, self.store, name)).info.run_id)
            log_values(client, run_id, params, metrics, {**(tags or {}), **own})
            if artifacts is not None:
                client.log_artifacts(run_id, str(artifacts))
            client.set_terminated(run_id)
        return run_id

    def log_trials(self, name: str, trials: Sequence[TrialRun], parent: str) -> None:
        """Record the trials of a search below the run that came of it, all at once, with the times that they took."""
        with self._writing() as client:
            record_trials(client, self.store, name, trials, parent)

    def versions(self, name: str) -> list[Registered]:
        """Return all versions of a model, the latest first.

        Raises
        ------
        NoModelError
            If there is none.
        """
        with connected(self.store) as client:
            found = _versions(client, name)
            if not found:
                raise self._no_model(client, name, "version")
        return sorted(found, key=lambda version: -version.version)

    def artifacts(self, version: Registered) -> Path:
        """Return the folder of what was logged beside a version; it may be gone. A server's are copied once."""
        with connected(self.store) as client:
            address = str(client.get_run(version.run_id).info.artifact_uri)
        if self.store.folder is not None:
            return local_path(address)
        return self._copied(f"runs:/{version.run_id}/", self.store.cache / "runs" / version.run_id)

    def attach(self, version: Registered, folder: Path) -> None:
        """Log a folder's files beside a version; those of the same names are replaced."""
        with self._writing() as client:
            client.log_artifacts(version.run_id, str(folder))
        if self.store.folder is None and (copied := self.store.cache / "runs" / version.run_id).is_dir():
            shutil.copytree(folder, copied, dirs_exist_ok=True)

    def runs(self, name: str) -> list[Run]:
        """Return the runs of an experiment, the latest first; those below a run are left out."""
        with suppress(NoModelError), connected(self.store) as client:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                return []
            found = _all_pages(
                lambda token: client.search_runs([experiment.experiment_id], page_token=token, max_results=500)
            )
            made = {version.run_id: version for version in _versions(client, name)}
            own = [run for run in found if PARENT not in run.data.tags]
            return [_run(run, made.get(run.info.run_id)) for run in own]
        return []

    def promote(self, name: str, version: int, tags: Mapping[str, str] | None = None) -> Registered:
        """Make a version the champion, and keep with it what the tags say (that a gate was overruled)."""
        with self._writing() as client:
            aliases = client.get_registered_model(name).aliases
            if int(aliases.get(CHALLENGER, 0)) == version:
                client.delete_registered_model_alias(name, CHALLENGER)
            client.set_registered_model_alias(name, CHAMPION, str(version))
            who = {"promoted_by": getuser(), "promoted_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
            for tag, value in {**(tags or {}), **who}.items():
                client.set_model_version_tag(name, str(version), tag, value)
            self._remember(client)
        return self.version(name, version)

    def version(self, name: str, alias: str | int = CHAMPION) -> Registered:
        """Return the version behind an alias or a number.

        Raises
        ------
        NoModelError
            If there is none.
        """
        with connected(self.store) as client:
            from mlflow.exceptions import MlflowException

            try:
                if isinstance(alias, int):
                    return registered(client.get_model_version(name, str(alias)))
                return registered(client.get_model_version_by_alias(name, alias))
            except MlflowException as fault:
                if fault.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    raise
                raise self._no_model(client, name, alias) from None

    def names(self) -> list[str]:
        """Return the registered models' names; none where there is no store."""
        with suppress(NoModelError), connected(self.store) as client:
            return sorted(
                model.name for model in _all_pages(lambda token: client.search_registered_models(page_token=token))
            )
        return []

    def champions(self) -> dict[str, ModelInUse]:
        """Return each champion by its model's name, and remember them for the next command."""
        with connected(self.store) as client:
            return self._remember(client)

    def folder(self, version: Registered) -> Path:
        """Return the folder of a version's plain files, as they were registered; a server's are copied once.

        Raises
        ------
        NoModelError
            If its files are gone.
        InputError
            If they are not those that were registered.
        """
        with connected(self.store) as client:
            return refuse_unregistered(version, self._folder(client, version))

    def _folder(self, client: MlflowClient, version: Registered) -> Path:
        if self.store.folder is not None:
            source = client.get_model_version_download_uri(version.name, str(version.version))
            path = plain_files(source)
        else:
            place = self.store.cache / "models" / version.name / f"{version.version}-{version.tags.get(HASH, '')[:12]}"
            path = plain_files(str(self._copied(f"models:/{version.name}/{version.version}", place)))
        if not path.is_dir():
            raise NoModelError(f"model '{version}'", f"its files in {self.store}", "none there", "Train it again")
        return path

    def _copied(self, address: str, place: Path) -> Path:
        """Return a folder of this machine with what lies at an address of the server."""
        if not place.is_dir():
            from mlflow.artifacts import download_artifacts

            passing = place.with_name(f".{place.name}.new")
            shutil.rmtree(passing, ignore_errors=True)
            passing.mkdir(parents=True)
            found = Path(download_artifacts(artifact_uri=address, dst_path=str(passing)))
            with suppress(OSError):  # another process was first
                found.rename(place)
            shutil.rmtree(passing, ignore_errors=True)
        return place

    def _remember(self, client: MlflowClient) -> dict[str, ModelInUse]:
        found = {}
        for model in _all_pages(lambda token: client.search_registered_models(page_token=token)):
            if CHAMPION in model.aliases:
                version = registered(client.get_model_version(model.name, str(model.aliases[CHAMPION])))
                with suppress(NoModelError):
                    metrics = dict(client.get_run(version.run_id).data.metrics)
                    found[model.name] = ModelInUse(version, self._folder(client, version), metrics)
        remember(self.store, found)
        return found

    def _no_model(self, client: MlflowClient, name: str, alias: str | int) -> NoModelError:
        known = [model.name for model in client.search_registered_models()]
        what = f"version {alias}" if isinstance(alias, int) else f"a {alias}"
        task = name.partition(".")[2].replace("uplift.", "uplift --goal ")
        do = f"Run 'penchant train {task}' first"
        if known and name not in known:
            do += f". {did_you_mean(name, known)}"
        elif known and alias == CHAMPION:  # trained, and kept out by its checks
            do = f"Read the report of its training; 'penchant promote {task}' tells which gate fails"
        elif known and alias == CHALLENGER:
            do = f"The latest is in use already. Run 'penchant train {task}', or name a version with --version"
        return NoModelError(f"model '{name}'", f"{what} in {self.store}", "none", do)

    @contextmanager
    def _writing(self) -> Iterator[MlflowClient]:
        """Give a client that writes; what a killed run left running is ended first."""
        with connected(self.store, to_write=True) as client:
            if self.store not in _swept:
                sweep(client)
                _swept.add(self.store)
            yield client


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
    models = client.search_registered_models(f"name='{name}'")
    aliases = models[0].aliases.items() if models else ()
    found = _all_pages(lambda token: client.search_model_versions(f"name='{name}'", page_token=token))
    return [
        Registered(name, int(v.version), v.run_id, tuple(a for a, of in aliases if int(of) == int(v.version)), v.tags)
        for v in found
    ]


def _run(run: Any, made: Registered | None) -> Run:
    started = datetime.fromtimestamp(run.info.start_time / 1000, tz=UTC).replace(tzinfo=None)
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.") and name != HOST}
    version, aliases = (made.version, made.aliases) if made else (None, ())
    params, metrics = dict(run.data.params), dict(run.data.metrics)
    name = str(run.info.run_name or "")
    return Run(run.info.run_id, started, run.info.status, params, metrics, tags, version, aliases, name)


def plain_files(address: str) -> Path:
    """Return the folder of the plain files of a model that is stored at an address."""
    return local_path(address) / "data" / "model"
