"""Where a search looks: a range for each parameter, the same for every task unless a TOML file says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import InputError, NotThereError, did_you_mean
from penchant.section import read_toml

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
    """The search space: a range for each parameter.

    The number of trees is not in it: each model finds its own on customers that were left out. All else keeps the
    defaults of `penchant.models.estimators.boosting`, which are tried first where they lie inside.
    """

    ranges: Mapping[str, Range]

    @property
    def defaults(self) -> dict[str, Any]:
        """What an untuned model uses, moved to the nearest bound where it lies outside."""
        return {name: min(max(DEFAULTS[name], span.low), span.high) for name, span in self.ranges.items()}

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Return the parameters that a trial proposes."""
        return {name: span.suggest(trial, name) for name, span in self.ranges.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the bounds in types that JSON knows."""
        return {name: asdict(span) for name, span in self.ranges.items()}

    def as_toml(self) -> str:
        """Return the space as `read_space` takes it.

        Examples
        --------
        >>> print(Space({"num_leaves": Range(3, 48, is_log=True)}).as_toml())
        num_leaves = { low = 3, high = 48, log = true }
        """
        lines = (
            f"{name} = {{ low = {span.low}, high = {span.high}, log = {str(span.is_log).lower()} }}"
            for name, span in self.ranges.items()
        )
        return "\n".join(lines)


SPACE = Space(
    {
        "num_leaves": Range(3, 48, is_log=True),  # how large the trees are,
        "learning_rate": Range(0.02, 0.12, is_log=True),  # how slow,
        "min_sum_hessian_in_leaf": Range(1.0, 60.0, is_log=True),  # and how much evidence a leaf must hold
        "min_data_in_leaf": Range(5, 200, is_log=True),
        "lambda_l2": Range(0.1, 100.0, is_log=True),
        "feature_fraction": Range(0.15, 1.0),
        "bagging_fraction": Range(0.5, 1.0),
    }
)


def read_space(path: Path) -> Space:
    """Return the search space in a TOML file: ``num_leaves = { low = 3, high = 48, log = true }``.

    Raises
    ------
    NotThereError
        There is no such file.
    InputError
        It is no TOML, a parameter is not known, or a range is none.
    """
    if not path.is_file():
        raise NotThereError(
            f"search space '{path}'", "a TOML file", "nothing there", "See: penchant tune --print-space"
        )
    told = read_toml(path, "search space")
    if not told:
        raise InputError(f"search space '{path}'", "at least one parameter with a range", "none")
    return Space({name: _range(path, name, bounds) for name, bounds in told.items()})


def _range(path: Path, name: str, bounds: Any) -> Range:
    where = f"search space '{path}', {name}"
    if name not in DEFAULTS:
        raise InputError(where, "a parameter that can be searched", "", did_you_mean(name, list(DEFAULTS)))
    form = "such as { low = 3, high = 48, log = true }"
    if not isinstance(bounds, dict) or not {"low", "high"} <= set(bounds) <= {"low", "high", "log"}:
        raise InputError(where, f"low and high, and log where factors are drawn, {form}", str(bounds))
    low, high, is_log = bounds["low"], bounds["high"], bool(bounds.get("log", False))
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (low, high))
    if not numbers or not low < high or (is_log and low <= 0):
        raise InputError(where, f"low below high, and above 0 with log, {form}", str(bounds))
    return Range(low, high, is_log)
