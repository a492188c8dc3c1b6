"""Scores and tags leave as audiences do: to a file, or by key into a table, which then holds what is known now."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from penchant.errors import NotThereError
from penchant.output import read_rows

from ..candidates.values import SCORE, UPLIFT
from ..score.read import RISK_SCORE, read_manifest
from .files import Destination, Exported, chosen, export_rows

TAGS = "tags.parquet"
TAG_KEY = ("subject", "id", "tag", "value")
SCORE_KEY = ("task", "customer_id")
REASONS = ("reason_1", "reason_2", "reason_3")


def export_scores(folder: Path, destination: Destination) -> Exported:
    """Give the scores in a folder to a destination: one row per task and customer.

    Parameters
    ----------
    folder
        As `penchant score` has written it.
    destination
        Where they go. A table holds the latest scores of each task: rows are added, changed and removed by task and
        customer, and other tasks stay as they are. Columns: task, customer_id, score (a probability, an amount in
        major units, or of several arms the highest uplift), kind, reason_1 to reason_3, as_of, model_version.

    Raises
    ------
    NotThereError
        If the folder holds no scores.
    """
    manifest = read_manifest(folder)
    if manifest is None or "tasks" not in manifest:
        raise NotThereError(f"scores '{folder}'", "a folder that 'penchant score' wrote", "none")
    parts = [_of_task(folder, name, str(facts["kind"])) for name, facts in manifest["tasks"].items()]
    return _given(pa.concat_tables(parts), destination, SCORE_KEY, ("task",))


def export_tags(folder: Path, destination: Destination) -> Exported:
    """Give the tags in a folder to a destination: one row per subject, id, tag and value.

    A table holds the latest tags of each subject (customer, item, scene).

    Raises
    ------
    NotThereError
        If the folder holds no tags.
    """
    if not (folder / TAGS).is_file():
        raise NotThereError(f"tags '{folder}'", "a folder that 'penchant tags' wrote", "none")
    return _given(read_rows(folder / TAGS), destination, TAG_KEY, ("subject",))


def _given(rows: pa.Table, destination: Destination, key: tuple[str, ...], group: tuple[str, ...]) -> Exported:
    wanted = chosen(rows.column_names, destination.columns)
    named = rows.select(list(wanted)).rename_columns(list(wanted.values()))
    ids = [wanted[name] for name in ("id", "customer_id") if name in wanted]
    keys, groups = (tuple(wanted.get(name, "") for name in names) for names in (key, group))
    return export_rows(named, destination, keys, ids, groups, replace=True)


def _of_task(folder: Path, name: str, kind: str) -> pa.Table:
    rows = read_rows(folder / f"{name}.parquet")
    n = rows.num_rows
    none = pa.nulls(n, pa.string())
    columns = {
        "task": pa.array([name] * n, pa.string()),
        "customer_id": rows["customer_id"].cast(pa.string()),
        "score": _score(rows).cast(pa.float64()),
        "kind": pa.array([kind] * n, pa.string()),
        **{reason: rows[reason].cast(pa.string()) if reason in rows.column_names else none for reason in REASONS},
        "as_of": rows["as_of"].cast(pa.timestamp("us")),
        "model_version": rows["model_version"].cast(pa.string()),
    }
    return pa.table(columns)


def _score(rows: pa.Table) -> pa.ChunkedArray | pa.Array:
    known = next((name for name in (RISK_SCORE, *SCORE.values(), UPLIFT) if name in rows.column_names), None)
    if known is not None:
        return rows[known]
    arms = [
        name for name in rows.column_names if name.startswith(f"{UPLIFT}_") and not name.endswith(("_low", "_high"))
    ]
    return pc.max_element_wise(*(rows[name] for name in arms))
