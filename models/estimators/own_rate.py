"""What a customer has spent so far per day, as the start of trees that learn how far the horizon departs from it.

Trees give all large customers of a leaf one amount; a few giants then carry most of the error. Started from each
customer's own rate, they have to learn ratios, which do not grow with the customer. The rate is drawn towards
everyone's, as if each customer had another year at it: who came yesterday with one large order does not spend that
every day. Its logarithm adds up over two columns, a sum and the days it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import InputError, did_you_mean

from ..inputs.categories import Columns
from ..plain_parts import LinearPart
from .boosting import Training

PRIOR_DAYS = 365.0
LEAST_SPREAD = 1e-9  # of a logarithm; below, a column says nothing


def own_rate(rows: Training, named: Sequence[str] | None) -> LinearPart | None:
    """Return the log of each customer's rate, levelled so that rates sum to the outcomes; None where it does not vary.

    Parameters
    ----------
    rows
        What is to be learned, amounts of 0 or more.
    named
        Names of two columns of numbers: a sum, and the days in which it came together. None: none.

    Raises
    ------
    InputError
        Not two names, or they are not columns of numbers.
    """
    if named is None:
        return None
    total, days = positions_of(rows.columns, named)
    amounts, age = (np.maximum(np.nan_to_num(rows.matrix[:, place]), 0.0) for place in (total, days))
    per_day = (rows.weight @ amounts) / max(float(rows.weight @ age), 1.0)
    if per_day <= 0:
        return None
    columns: list[dict[str, Any]] = [
        {"position": total, "prior": float(PRIOR_DAYS * per_day), "slope": 1.0},
        {"position": days, "prior": PRIOR_DAYS, "slope": -1.0},
    ]
    effects = [c["slope"] * np.log(values + c["prior"]) for c, values in zip(columns, (amounts, age), strict=True)]
    if min(float(np.ptp(effect)) for effect in effects) < LEAST_SPREAD:
        return None
    used = slice(None) if rows.learns is None else rows.learns
    weight, rate = rows.weight[used], np.exp(sum(effects)[used])
    level = np.log((weight @ rows.y[used]) / (weight @ rate))
    means = [float(np.average(effect, weights=rows.weight)) for effect in effects]
    entries = [column | {"offset": -mean} for column, mean in zip(columns, means, strict=True)]
    return LinearPart(float(level + sum(means)), tuple(entries))


def positions_of(columns: Columns, named: Sequence[str]) -> tuple[int, int]:
    """Return where a rate's sum and days are, or raise as `own_rate`."""
    if len(named) != 2:
        raise InputError("rate", "names of two columns, a sum and its days", f"{list(named)}")
    for name in named:
        if name not in columns.names or name in columns.categories:
            raise InputError("rate", "names of columns of numbers", f"'{name}'", did_you_mean(name, columns.names))
    return columns.names.index(named[0]), columns.names.index(named[1])
