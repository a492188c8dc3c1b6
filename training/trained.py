"""What every training comes to, of whichever kind: a model for use, and what is known of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..features.signals.group import Column
from ..models.inputs.check import Check
from .evaluate import Numbers, numbers_as_dict
from .splits import Split


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TrainedModel(ABC):
    """A model that is ready for use: what the record, the card and the report ask of any kind of training.

    Parameters
    ----------
    model
        Fitted on all rows.
    judged
        The model that saw only what was known before the test; None where folds had models of their own.
    split
        Which rows taught and judged; all numbers come from those that judged.
    columns
        The signals that the model reads.
    left_out
        Group or column -> what the shop lacks for it.
    checks
        What was asked of the data and the model before its numbers are believed.
    """

    answer: ClassVar[str]  # what the model says of a customer: a probability (or amount) or an uplift
    model: Any
    judged: Any = None
    split: Split
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    checks: tuple[Check, ...]

    @property
    @abstractmethod
    def name(self) -> str:
        """What its models are registered as, after the shop's name."""

    @property
    @abstractmethod
    def may_lead(self) -> bool:
        """Whether it may become champion where there is none."""

    @abstractmethod
    def is_main(self, metric: str) -> bool:
        """Whether a metric decides: its interval stands at a run."""

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Return what was asked and decided, and the parameters in effect."""

    def _asked(self) -> dict[str, Any]:
        """Return the facts with the numbers of rows and of signals, each by a name of its own."""
        facts = self.facts()
        rows = {f"n_rows_{name}": count for name, count in facts.pop("n_rows").items()}
        return {**facts, **rows, "n_features": len(self.columns)}

    def tags(self) -> dict[str, str]:
        """Return what its models are found by: the task, and of an uplift the goal."""
        task, _, goal = self.name.partition(".")
        return {"task": task, **({"goal": goal} if goal else {})}

    @abstractmethod
    def numbers(self) -> tuple[Numbers, Mapping[str, Numbers]]:
        """Return the judged model's metrics and each baseline's."""

    @abstractmethod
    def reference(self) -> dict[str, Any]:
        """Return what its rows and their scores look like, with which `penchant monitor` compares."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return what the model must be used with, in types that JSON knows."""

    @abstractmethod
    def more(self) -> dict[str, Any]:
        """Return what only this kind of training knows, in types that JSON knows."""

    def as_dict(self) -> dict[str, Any]:
        """Return the facts and all numbers in types that JSON knows."""
        metrics, baselines = self.numbers()
        return {
            **self.facts(),
            "n_features": len(self.columns),
            **numbers_as_dict(metrics, baselines),
            **self.more(),
            "checks": [check.as_dict() for check in self.checks],
        }
