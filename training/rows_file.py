"""Edge: a task's rows as a file: who, when, in which split, with what outcome and which signals; and scores of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from penchant.errors import InputError, quoted
from penchant.output import write_json
from penchant.table_file import read_table

from ..features.intake.ids import plain_ids
from ..models.inputs.arrays import Floats
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


def scores_of_rows(path: Path, data: TaskData) -> Floats:
    """Return the scores that a file gives to the test's rows, made elsewhere from the rows of `write_rows`.

    Parameters
    ----------
    path
        Parquet or CSV with ``customer_id`` and ``score``; with ``as_of``, other snapshots may be in it.
    data
        The task's rows.

    Raises
    ------
    InputError
        If a customer of the test has no score, or several, or one that is no number, or no probability.
    """
    where, test = f"scores '{path}'", data.test
    given = read_table(path, "scores of a task's rows", ("customer_id",))
    if absent := [name for name in ("customer_id", "score") if name not in given]:
        raise InputError(where, "the columns 'customer_id' and 'score'", f"none called {quoted(absent)}")
    if "as_of" in given:
        given = given[pd.to_datetime(given["as_of"]) == data.schedule.test]
    given = given.assign(customer_id=plain_ids(given["customer_id"], where=where))
    own = given[given["customer_id"].isin(test.customer_id)]
    twice = own.loc[own["customer_id"].duplicated(), "customer_id"]
    if len(twice):
        raise InputError(where, "one score for each customer of the test", f"several for {quoted(twice.unique())}")
    given_score = pd.to_numeric(own.set_index("customer_id")["score"], errors="coerce")
    score = given_score.reindex(test.customer_id).to_numpy(np.float64)
    if (lacking := ~np.isfinite(score)).any():
        got = f"none for {int(lacking.sum()):,} of {len(test):,}: {quoted(test.customer_id[lacking])}"
        raise InputError(
            where, f"a number for each customer of the test of {data.schedule.day(data.schedule.test)}", got
        )
    if data.task.kind == "binary" and (score.min() < 0 or score.max() > 1):
        raise InputError(where, "probabilities within 0 and 1", f"{score.min():.3g} to {score.max():.3g}")
    return score
