"""The models in use, read straight from the tables of MLflow's store: to import MLflow takes seconds.

It is read and never written. What cannot be read in this way is for `penchant.models.store.registry` to answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from .registry import CHAMPION, DATABASE, plain_files

QUERY = """
select a.name, v.version, v.storage_location
from registered_model_aliases a join model_versions v on v.name = a.name and v.version = a.version
where a.alias = ?
"""


def models_in_use(store: Path) -> Mapping[str, tuple[int, Path]] | None:
    """Return name -> version and folder of plain files of each champion, or None where the tables are not as expected.

    Parameters
    ----------
    store
        The folder of MLflow, as `Registry` takes it.
    """
    path = store.absolute() / DATABASE
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute(QUERY, (CHAMPION,)).fetchall()
    except sqlite3.Error:
        return None
    found = {str(name): (int(version), plain_files(str(place))) for name, version, place in rows}
    is_whole = len(found) == len(rows) and all(folder.is_dir() for _, folder in found.values())
    return found if is_whole else None
