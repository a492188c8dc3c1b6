"""Edge: what is read back of a folder of scores; loads neither models nor the engine, so that audiences are quick."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.errors import NotThereError
from penchant.output import MANIFEST, file_facts, read_json, read_rows

from ...models.inputs.estimate import Estimate
from ..candidates.values import SCORE, UPLIFT, Known, Score

SIGNALS_FILE = "signals.parquet"
KNOWN_FILE = "known.parquet"
PAST_FILE = "past.parquet"
NEXT_CATEGORY = "next_category"
NEXT_CATEGORY_FILE = f"{NEXT_CATEGORY}.parquet"
WORTH_FILE = "value_by_stage.json"
NEXT_ORDER = "next_order"
NEXT_ORDER_FILE = f"{NEXT_ORDER}.parquet"
RISK_SCORE = "churn_probability"
LEFT_OUT = b"left_out"


def is_whole(folder: Path, key: str) -> bool:
    """Say whether a folder holds the result of these inputs, every file as it was written."""
    told = read_manifest(folder)
    if told is None or told.get("key") != key:
        return False
    paths = [(folder / facts["name"], facts) for facts in told["files"]]
    return all(path.is_file() and file_facts(path, facts["name"]) == facts for path, facts in paths)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return a folder's manifest; None where there is none that can be read."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def read_scores(folder: Path, names: Sequence[str] | None = None) -> list[Score]:
    """Return the scores in a folder as audiences take them.

    Parameters
    ----------
    folder
        As `penchant score` has written it.
    names
        Of champions; None: all that are there.

    Raises
    ------
    NotThereError
        If the folder holds no scores.
    """
    told = read_manifest(folder)
    if told is None or "tasks" not in told:
        raise NotThereError(f"scores '{folder}'", "a folder that 'penchant score' wrote", "none")
    wanted = [name for name in told["tasks"] if names is None or name in names]
    return [_read_score(folder / f"{name}.parquet", told["tasks"][name]) for name in wanted]


def read_signals(folder: Path) -> pd.DataFrame | None:
    """Return the signals beside the scores, and the next orders, as audiences take them; None where there are none."""
    path, beside = folder / SIGNALS_FILE, folder / NEXT_ORDER_FILE
    if not path.is_file():
        return None
    signals = read_rows(path).to_pandas()
    if not beside.is_file():
        return signals
    return signals.merge(read_rows(beside).to_pandas().drop(columns="as_of"), on="customer_id", how="outer")


def read_order_worth(folder: Path) -> dict[str, Estimate] | None:
    """Return how many times its own margin an order is worth over the year, by stage; None where it is not known."""
    if not (folder / WORTH_FILE).is_file():
        return None
    told = read_json(folder / WORTH_FILE)["order_worth"]
    return {
        stage: Estimate(**{name: float(factor[name]) for name in ("value", "low", "high")})
        for stage, factor in told.items()
    }


def _read_score(path: Path, facts: Mapping[str, Any]) -> Score:
    read = read_rows(path)
    names = read.column_names
    kept = [name for name in names if name.startswith(("reason_", UPLIFT))]
    score = next((name for name in (RISK_SCORE, *SCORE.values()) if name in names), None)
    rows = read.select(["customer_id", *([score] if score else []), *kept])
    frame = rows.rename_columns(["score" if name == score else name for name in rows.column_names])
    task = UPLIFT if facts.get("goal") else path.stem
    horizon, arms = int(facts["horizon_days"]), tuple(facts.get("arms", ()))
    return Score(task, frame.to_pandas(), horizon, facts.get("goal"), str(facts["model"]), arms)


def write_known(known: Known, path: Path) -> None:
    """Write what is known of the customers, without rates; what the shop lacks goes into the file's metadata."""
    rows = pa.Table.from_pandas(known.frame, preserve_index=False)
    told = {LEFT_OUT: json.dumps(dict(known.left_out), sort_keys=True).encode()}
    pq.write_table(rows.replace_schema_metadata({**(rows.schema.metadata or {}), **told}), path)


def read_known(folder: Path) -> tuple[Known, pd.DataFrame | None] | None:
    """Return what was known of the customers when a folder was scored, and the shop's own earlier assignments.

    None where the folder does not tell; no assignments where the shop has no such table.
    """
    if not (folder / KNOWN_FILE).is_file():
        return None
    rows, past = read_rows(folder / KNOWN_FILE), folder / PAST_FILE
    left_out = json.loads((rows.schema.metadata or {})[LEFT_OUT])
    known = Known(rows.to_pandas(), left_out, {})
    return known, read_rows(past).to_pandas() if past.is_file() else None
