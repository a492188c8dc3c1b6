"""A model in use: what it predicts, what it reads, and what it says of customers, with reasons in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from penchant.errors import NoModelError, quoted

from ...features.signals.group import Column
from ...models.estimators.propensity import PropensityModel
from ...models.estimators.sklearn_model import SklearnModel
from ...models.estimators.value import ValueModel
from ...models.explain.reasons import reasons
from ...models.plain_scorer import Scorer
from ...models.store import artifact
from ..candidates.values import SCORE, UPLIFT
from .risk_list import N_REASONS

__all__ = ["REASONS", "SCORE", "UPLIFT", "Champion", "Kind"]

Kind = Literal["probability", "amount", "uplift"]
REASONS = tuple(f"reason_{place}" for place in range(1, N_REASONS + 1))


@dataclass(frozen=True, eq=False)
class Champion:
    """A model in use.

    Parameters
    ----------
    model
        The model.
    task
        The task's name; ``uplift`` for what a contact changes.
    horizon_days
        The horizon of its promise, the same as that of the labels it learned from.
    columns
        The signals it reads, as they were declared at training.
    version
        Name and version.
    goal
        Of an uplift: the goal of the campaigns that it was learned from.
    spread
        Of an uplift, by arm: by how much the arm's average effect may lie below and above its estimate, as the training
        measured it on customers it had not seen. Each customer's uplift gets bounds at least as far away, and further
        the further it is from the average, because the model may tell customers too far apart. They hold for many
        customers alike, so that an audience may add them up; a single customer's own effect may lie further
        (`UpliftStack.predict_uplift` with ``interval``).
    gap_days
        Days between as_of and the horizon, of the labels it learned from.
    """

    model: PropensityModel | ValueModel | SklearnModel | Scorer
    task: str
    horizon_days: int
    columns: tuple[Column, ...]
    version: str
    goal: str | None = None
    spread: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    gap_days: int = 0

    @classmethod
    def load(cls, folder: Path, version: str) -> Champion:
        """Return the champion in a folder of plain files.

        Raises
        ------
        NoModelError
            If the facts that scoring needs were not saved with it.
        """
        model, facts = _model_in(folder)
        absent = [name for name in ("task", "horizon_days", "signals") if name not in facts]
        if absent:
            raise NoModelError(f"model '{version}'", f"the facts {quoted(absent)}", "none", "Train it again")
        if facts["horizon_days"] is None:
            expected, advice = "a model of the shop's own signals", "Score rows of that form with the model's own files"
            raise NoModelError(f"model '{version}'", expected, "one that learned from a bare matrix", advice)
        known = {one.name for one in fields(Column)}
        columns = [Column(**{k: _frozen(v) for k, v in signal.items() if k in known}) for signal in facts["signals"]]
        return cls(
            model,
            facts["task"],
            int(facts["horizon_days"]),
            tuple(columns),
            version,
            facts.get("goal"),
            gap_days=int(facts.get("gap_days", 0)),
        )

    def files(self) -> dict[str, bytes]:
        """Return the plain files from which `load` makes the champion again, but for its version and spread."""
        told = {"task": self.task, "goal": self.goal, "horizon_days": self.horizon_days, "gap_days": self.gap_days}
        return artifact.files_of(self.model, told | {"signals": [asdict(column) for column in self.columns]})

    @property
    def name(self) -> str:
        """What its file is called: the task, with the goal of an uplift."""
        return self.task if self.goal is None else f"{self.task}.{self.goal}"

    @property
    def kind(self) -> Kind:
        """What its score is."""
        if isinstance(self.model, Scorer):
            return "uplift"
        is_amount = isinstance(self.model, ValueModel) or getattr(self.model, "kind", "binary") == "value"
        return "amount" if is_amount else "probability"

    @property
    def scores(self) -> tuple[str, ...]:
        """The columns of its scores; of an uplift one for each arm, of several."""
        if not isinstance(self.model, Scorer):
            return (SCORE[self.kind],)
        arms = [arm.name for arm in self.model.outputs]
        return (UPLIFT,) if len(arms) == 1 else tuple(f"{UPLIFT}_{arm}" for arm in arms)

    @property
    def arms(self) -> tuple[str, ...]:
        """The treatments that an uplift was learned from."""
        return tuple(arm.name for arm in self.model.outputs) if isinstance(self.model, Scorer) else ()

    def refuse_lacking(self, there: Iterable[str]) -> None:
        """Raise NoModelError where the shop cannot have signals that the model reads."""
        known = set(there)
        lacking = [column.name for column in self.columns if column.name not in known]
        if lacking:
            raise NoModelError(
                f"model '{self.version}'",
                "the signals that it was trained on",
                f"a shop without {quoted(lacking)}",
                f"Run 'penchant train {self.task}' on the shop as it is now",
            )

    def scored(self, features: pd.DataFrame, *, with_reasons: bool = True) -> pa.Table:
        """Return customer_id, the scores and, unless they are not wanted, the reasons of each row, in their order."""
        signals = features[[column.name for column in self.columns]]
        columns = {
            "customer_id": pa.array(features["customer_id"], pa.string()),
            **{name: pa.array(values) for name, values in self._scores(signals).items()},
            **(self._reasons(signals) if with_reasons else {}),
        }
        return pa.table(columns)

    def _scores(self, signals: pd.DataFrame) -> dict[str, np.ndarray]:
        if isinstance(self.model, PropensityModel):
            return {self.scores[0]: self.model.predict_proba(signals)[:, 1]}
        if isinstance(self.model, ValueModel | SklearnModel):
            return {self.scores[0]: self.model.predict(signals)}
        uplift = self.model.predict_uplift(signals).reshape(len(signals), -1)
        columns = {}
        for place, (name, arm) in enumerate(zip(self.scores, self.arms, strict=True)):
            columns[name] = uplift[:, place].copy()
            if arm in self.spread:
                error = self.model.outputs[place].error
                apart = error.apart(uplift[:, place]) if error else 0.0
                below, above = (np.hypot(side, apart) for side in self.spread[arm])
                columns |= {f"{name}_low": columns[name] - below, f"{name}_high": columns[name] + above}
        return columns

    def _reasons(self, signals: pd.DataFrame) -> dict[str, pa.Array]:
        """Return the reasons in words, by name: what raised each customer's score most; an uplift has none."""
        if isinstance(self.model, Scorer):
            return {}
        describe = {column.name: _teller(column) for column in self.columns}
        families = [column.family for column in self.columns]
        found = reasons(self.model, signals, describe, N_REASONS, families)
        return {
            name: pa.array([of_row[place] if place < len(of_row) else None for of_row in found], pa.string())
            for place, name in enumerate(REASONS)
        }


def _model_in(folder: Path) -> tuple[PropensityModel | ValueModel | SklearnModel | Scorer, dict[str, Any]]:
    """Return the model in a folder, of whichever kind, and the facts saved with it."""
    model, facts = artifact.load(folder), artifact.read_facts(folder)
    return model, {"task": UPLIFT, **facts} if isinstance(model, Scorer) else facts


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _teller(column: Column) -> Callable[[Any, bool], str]:
    return lambda value, is_high: column.told(value, is_high=is_high)
