"""The models in use, remembered beside the store: to import MLflow takes seconds, and a server may be away.

A folder's champions are remembered for as long as its database is untouched. Those of a server are asked for each time;
where it does not answer, the ones of the last time are used, and a warning says since when.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from penchant.errors import OutputError

from .address import Store
from .champions import ModelInUse, is_fresh, read_back, remembered
from .connection import faults_in_words
from .registry import Registry
from .sqlite_folder import is_there

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"  # by default MLflow tries for minutes; champions are at hand


def models_in_use(store: Store | Path | str) -> Mapping[str, ModelInUse] | None:
    """Return each champion by its model's name, or None where there is no store.

    Parameters
    ----------
    store
        As `penchant.models.store.registry.Registry` takes it.

    Raises
    ------
    OutputError
        If the store cannot be read, or the server does not answer and has not been asked before.
    """
    place = Store.of(store)
    with faults_in_words(place):
        if place.database is not None and not is_there(place.database):
            return None
    told = remembered(place)
    if told and is_fresh(place, told):
        return read_back(place, told)
    if told:
        os.environ.setdefault(RETRIES, "1")
    try:
        return Registry(place).champions()
    except OutputError as fault:
        if not told or place.folder is not None:  # a folder that cannot be read is damaged, not away
            raise
        words = f"{fault.where} does not answer ({fault.got}); the champions of {told['asked_at']} are used."
        warnings.warn(words, UserWarning, stacklevel=2)
        return read_back(place, told)
