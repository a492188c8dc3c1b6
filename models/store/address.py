"""Where runs and models are kept: a folder with MLflow's SQLite, a database, or a tracking server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from penchant.config import MlflowSection

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
FOLDER = "mlruns"
TRACKING, REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
CACHE = "PENCHANT_CACHE"  # overrides where copies of a server's models are kept


@dataclass(frozen=True)
class Store:
    """An MLflow store.

    Parameters
    ----------
    tracking
        Address of the runs: ``sqlite:///...``, ``postgresql://...``, ``http(s)://...``, ``databricks``.
    registry
        Address of the registered models; mostly the same.
    folder
        Where the store is a folder with a database and artifacts: that folder; else None.
    files
        Address below which the files of runs are kept; None: the server decides.
    """

    tracking: str
    registry: str
    folder: Path | None = None
    files: str | None = None

    @classmethod
    def of(cls, place: Store | Path | str, registry: str | None = None, files: str | None = None) -> Store:
        """Return the store at a place: a folder, or an address.

        Examples
        --------
        >>> Store.of("http://tracking:5000").tracking
        'http://tracking:5000'
        >>> Store.of("/data/mlruns").tracking
        'sqlite:////data/mlruns/mlflow.db'
        """
        if isinstance(place, Store):
            return place
        text = str(place)
        if ("://" in text and not text.startswith("file:")) or text.partition(":")[0] == "databricks":
            is_server = text.startswith(("http:", "https:", "databricks"))
            return cls(text, registry or text, None, None if is_server else _address_of(files or FOLDER))
        folder = local_path(text).absolute()
        address = f"sqlite:///{folder / DATABASE}"
        return cls(address, registry or address, folder, f"{folder.as_uri()}/{ARTIFACTS}")

    @property
    def database(self) -> Path | None:
        """The file of a folder's database."""
        return None if self.folder is None else self.folder / DATABASE

    @property
    def cache(self) -> Path:
        """Where copies of what the store holds are kept on this machine: a server may be away."""
        if self.folder is not None:
            return self.folder
        place = os.environ.get(CACHE) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        digest = hashlib.sha256(f"{self.tracking} {self.registry}".encode()).hexdigest()[:16]
        return Path(place).expanduser() / "penchant" / f"mlflow-{digest}"

    def __str__(self) -> str:
        """Return the folder, or the address without user and password."""
        return str(self.folder) if self.folder is not None else _shown(self.tracking)


def store_of(option: Path | str | None, section: MlflowSection, environment: Mapping[str, str]) -> Store:
    """Return the store that is asked for: by an option, by penchant.toml, by MLflow's variables, else ``mlruns``.

    Parameters
    ----------
    option
        What ``--store`` says; None: not given.
    section
        Section mlflow of penchant.toml.
    environment
        The process's variables.

    Examples
    --------
    >>> str(store_of(None, MlflowSection(), {"MLFLOW_TRACKING_URI": "http://tracking:5000"}))
    'http://tracking:5000'
    """
    if option is not None:
        return Store.of(option, None, section.artifact_uri)
    if section.tracking_uri is not None:
        return Store.of(section.tracking_uri, section.registry_uri, section.artifact_uri)
    registry = section.registry_uri or environment.get(REGISTRY)
    return Store.of(environment.get(TRACKING) or FOLDER, registry, section.artifact_uri)


def _address_of(place: str) -> str:
    return place if "://" in place else Path(place).absolute().as_uri()


def local_path(address: str) -> Path:
    """Return the path of a file address, or of a path."""
    return Path(url2pathname(urlsplit(address).path)) if address.startswith("file:") else Path(address)


def _shown(address: str) -> str:
    scheme, sign, rest = address.partition("://")
    place, _, query = rest.partition("?")
    kept = "&".join(part for part in query.split("&") if part and "password" not in part.partition("=")[0].lower())
    return f"{scheme}{sign}{place.rsplit('@', 1)[-1]}{'?' if kept else ''}{kept}"
