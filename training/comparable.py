"""What can be compared of rows of different times: all that does not move by itself as the data grows longer."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from .dataset import Dataset
from .material import TaskData

WINDOW = re.compile(r"_(\d+)d$")  # of a signal's name
DAYS = "days"  # the unit of times since something, and between things


def comparable_rows(material: TaskData) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training and the test rows of the columns that can tell whether customers are of one kind.

    Days that reach beyond what the first training snapshot could see of the data count as so many: whoever was silent
    for longer there is not to be told from whoever had come before the data began.
    """
    past, test, plan = material.past, material.test, material.schedule
    seen_days = None if plan.data_starts is None else (past.as_of.min() - plan.data_starts).days
    names = comparable_columns(past, test, seen_days)
    units = {column.name: column.unit for column in past.columns}
    frames = [rows.features[names] for rows in (past, test)]
    if seen_days is None:
        return frames[0], frames[1]
    cut = [name for name in names if units.get(name) == DAYS and is_numeric_dtype(past.features[name])]
    before, after = (frame.assign(**{name: frame[name].clip(upper=seen_days) for name in cut}) for frame in frames)
    return before, after


def comparable_columns(past: Dataset, test: Dataset, seen_days: int | None = None) -> list[str]:
    """Return the columns that can tell whether customers of two times are of one kind.

    Left out is what moves by itself: what is the same for all customers of a moment, and so tells the date; ranks,
    price levels and cycles of the whole shop; what rises or falls for every customer as time goes by, such as days
    since the first purchase or all orders so far; and windows that reach back before the data.

    Parameters
    ----------
    past, test
        Rows of the training snapshots and of the test.
    seen_days
        Days of data before the first training snapshot; None: not known.
    """
    differs = np.zeros(past.features.shape[1], dtype=bool)
    for rows in (past, test):
        differs |= (rows.features.groupby(rows.as_of.to_numpy()).nunique(dropna=False) > 1).any().to_numpy()
    of_the_shop = {column.name for column in past.columns if column.population}
    alike = {name for name, counts in zip(past.features.columns, differs, strict=True) if not counts}
    moving = alike | of_the_shop | one_way_columns(past)
    if seen_days is not None:
        moving |= {name for name in map(str, past.features.columns) if days_reached(name) > seen_days}
    return [name for name in past.features.columns if name not in moving] or list(past.features.columns)


def days_reached(name: str) -> int:
    """Return how many days a signal with a window looks back, by its name; 0 without one.

    Examples
    --------
    >>> days_reached("amount_365d"), days_reached("amount_trend_90d"), days_reached("gap_mean_days")
    (365, 180, 0)
    """
    window = WINDOW.search(name)
    if window is None:
        return 0
    return int(window[1]) * (2 if "_trend_" in name else 1)  # a trend holds a window against the one before


def one_way_columns(rows: Dataset) -> set[str]:
    """Return the columns that only ever rise, or only ever fall, from one snapshot of a customer to the next."""
    code = pd.factorize(rows.customer_id)[0]
    order = np.lexsort((rows.as_of.to_numpy(), code))
    customer = code[order]
    again = np.flatnonzero(customer[1:] == customer[:-1])
    found = set()
    for name, column in rows.features.items():
        if is_numeric_dtype(column):
            values = column.to_numpy(np.float64, na_value=np.nan)[order]
            steps = values[again + 1] - values[again]
            rises, falls = bool((steps > 0).any()), bool((steps < 0).any())
            if rises != falls:
                found.add(str(name))
    return found
