"""Where a search looks: one frozen value, stated, and the same for every task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...models.estimators.boosting import DEFAULTS

if TYPE_CHECKING:
    from optuna.trial import Trial


@dataclass(frozen=True)
class Range:
    """The values that one LightGBM parameter may take.

    Parameters
    ----------
    low, high
        Bounds, both included; whole numbers where both are.
    is_log
        Whether factors rather than steps are drawn alike.
    """

    low: float
    high: float
    is_log: bool = False

    def suggest(self, trial: Trial, name: str) -> float:
        """Return a value that the trial proposes."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.is_log)
        return trial.suggest_float(name, self.low, self.high, log=self.is_log)


@dataclass(frozen=True)
class Space:
    """The search space: how large and how many-leaved the trees are, how slow, how much evidence a leaf must hold.

    The number of trees is not in it: each model finds its own on customers that were left out. All else keeps the
    defaults of `penchant.models.estimators.boosting`, which lie inside and are tried first.
    """

    num_leaves: Range = Range(3, 48, is_log=True)
    learning_rate: Range = Range(0.02, 0.12, is_log=True)
    min_sum_hessian_in_leaf: Range = Range(1.0, 60.0, is_log=True)
    min_data_in_leaf: Range = Range(5, 200, is_log=True)
    lambda_l2: Range = Range(0.1, 100.0, is_log=True)
    feature_fraction: Range = Range(0.15, 1.0)
    bagging_fraction: Range = Range(0.5, 1.0)

    @property
    def ranges(self) -> Mapping[str, Range]:
        """Parameter -> range."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def defaults(self) -> dict[str, Any]:
        """What an untuned model uses."""
        return {name: DEFAULTS[name] for name in self.ranges}

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Return the parameters that a trial proposes."""
        return {name: found.suggest(trial, name) for name, found in self.ranges.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the bounds in types that JSON knows."""
        return asdict(self)


SPACE = Space()
