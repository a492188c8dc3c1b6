"""Edge: a task's rows as a file: who, when, in which split, with what outcome and which signals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from penchant.output import write_json

from .material import TaskData

ROWS, COLUMNS = "rows.parquet", "columns.json"
TRAIN, TEST, REFIT = "train", "test", "refit"  # refit: snapshots between the two, unfinished when the test looked


def rows_with_splits(data: TaskData) -> pd.DataFrame:
    """Return customer_id, as_of, split, label, amount (where the shop knows it) and the signals, a row each."""
    rows, plan = data.rows, data.schedule
    split = np.where(rows.as_of == plan.test, TEST, np.where(rows.as_of.isin(plan.train), TRAIN, REFIT))
    keys = {"customer_id": rows.customer_id, "as_of": rows.as_of, "split": split, "label": rows.label}
    amount = {} if rows.amount is None else {"amount": rows.amount}
    return pd.concat([pd.DataFrame({**keys, **amount}), rows.features.reset_index(drop=True)], axis=1)


def write_rows(data: TaskData, folder: Path) -> dict[str, int]:
    """Write the rows and what their columns mean, and return how many rows each split has."""
    frame = rows_with_splits(data)
    frame.to_parquet(folder / ROWS, index=False)
    columns = [asdict(column) for column in data.rows.columns]
    facts = {"task": data.task.name, "outcome": data.task.meaning, "schedule": data.schedule.as_dict()}
    write_json(folder / COLUMNS, {**facts, "columns": columns, "left_out": dict(data.rows.left_out)})
    return {str(split): int(n) for split, n in frame["split"].value_counts().items()}
