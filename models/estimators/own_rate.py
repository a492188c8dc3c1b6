"""What a customer has spent so far per day, as the start of trees that learn how far the horizon departs from it.

Trees give all large customers of a leaf one amount; a few giants then carry most of the error. Started from each
customer's own rate, they have to learn ratios, which do not grow with the customer. The rate is drawn towards
everyone's, as if each customer had another year at it: who came yesterday with one large order does not spend that
every day. Its logarithm adds up over two columns, a sum and the days it took, so that two trees hold it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from penchant.errors import InputError, did_you_mean

from ..inputs.arrays import Floats
from ..inputs.categories import Columns
from .boosting import Training
from .line import AS_TREES, step_trees

PRIOR_DAYS = 365.0
STEPS = 255  # a tree's; one more changes an amount by some per cent
FINEST = 65_535  # bins, so that the largest customers do not share one


@dataclass(frozen=True)
class OwnRate:
    """Positions of the columns that a rate is read from: a sum, and the days in which it came together."""

    total: int
    days: int

    def effects(self, rows: Training) -> dict[int, Floats]:
        """Return what each column adds to the log rate of each row, levelled so that rates sum to the outcomes."""
        total = np.maximum(np.nan_to_num(rows.matrix[:, self.total]), 0.0)
        days = np.maximum(np.nan_to_num(rows.matrix[:, self.days]), 0.0)
        per_day = (rows.weight @ total) / max(float(rows.weight @ days), 1.0)
        if per_day <= 0:
            return {}
        amount, spread = np.log(total + PRIOR_DAYS * per_day), -np.log(days + PRIOR_DAYS)
        used = slice(None) if rows.learns is None else rows.learns
        weight, rate = rows.weight[used], np.exp(amount[used] + spread[used])
        level = np.log((weight @ rows.y[used]) / (weight @ rate))
        return {self.total: amount + level, self.days: spread}

    def trees(self, rows: Training, parameters: Mapping[str, Any]) -> lgb.Booster | None:
        """Return the trees that hold the log rate; None where a column does not vary."""
        effects = self.effects(rows)
        if not effects or min(float(np.ptp(effect)) for effect in effects.values()) < 1e-9:
            return None
        alone = np.zeros_like(rows.matrix)
        alone[:, list(effects)] = rows.matrix[:, list(effects)]
        fine = {"max_bin": FINEST, "num_leaves": STEPS, "min_data_in_bin": 1, "min_data_in_leaf": 1}
        return step_trees(alone, effects, [], {**parameters, **AS_TREES, **fine})


def own_rate(columns: Columns, named: Sequence[str] | None) -> OwnRate | None:
    """Return where a rate is read, or None where none is asked for.

    Raises
    ------
    InputError
        Not two names, or they are not columns of numbers.
    """
    if named is None:
        return None
    if len(named) != 2:
        raise InputError("rate", "names of two columns, a sum and its days", f"{list(named)}")
    for name in named:
        if name not in columns.names or name in columns.categories:
            hint = did_you_mean(name, columns.names)
            raise InputError("rate", "names of columns of numbers", f"'{name}'", hint)
    return OwnRate(*(columns.names.index(name) for name in named))
