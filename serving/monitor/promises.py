"""What earlier scores promised against what came, once their horizons are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from penchant.output import read_rows

from ...features.catalogue import task_of
from ...features.outcomes.labels import label
from ...features.shop import Shop
from ...models.evaluation.checks import promised
from ...models.inputs.estimate import Estimate
from ..insight.intervals import LEVEL, mean_of, normal_quantile, wilson
from ..score.champion import SCORE, UPLIFT
from ..score.files import RISK_SCORE, decile_of, read_manifest

FEWEST = 30  # customers: below, a group says nothing
Word = Literal["kept", "promised too much", "promised too little", "can't be told"]
KINDS = ("probability", "amount")


@dataclass(frozen=True)
class ScoreFile:
    """A file of scores: which task's, of which model, made when, and until when it promises.

    Attributes
    ----------
    folder, task, kind, model
        Where it is, and what made it.
    as_of
        The moment, UTC without a zone.
    gap_days, horizon_days
        Where its outcome is read.
    """

    folder: Path
    task: str
    kind: str
    model: str
    as_of: datetime
    gap_days: int
    horizon_days: int

    @property
    def over_at(self) -> datetime:
        """When its horizon is over."""
        return self.as_of + timedelta(days=self.gap_days + self.horizon_days)


@dataclass(frozen=True)
class PromiseGroup:
    """Customers of one decile or band: how many, what was promised on average, and what came, with its interval."""

    name: str
    n: int
    promised: float
    came: Estimate

    def is_missed(self, tolerance: float) -> bool:
        """Say whether the promise lies outside the interval, and by more than a tolerated share of it."""
        return self.n >= FEWEST and promise_verdict(self, tolerance) not in ("kept", "can't be told")


@dataclass(frozen=True)
class Promise:
    """One file of scores against what came.

    Attributes
    ----------
    scored
        The file.
    whole
        All its customers.
    deciles, bands
        The same in tenths by score, 1 the highest, and in the bands of a risk list. Their intervals hold together.
    """

    scored: ScoreFile
    whole: PromiseGroup
    deciles: tuple[PromiseGroup, ...]
    bands: tuple[PromiseGroup, ...]

    def word(self, tolerance: float) -> Word:
        """Return the verdict on the whole."""
        return promise_verdict(self.whole, tolerance)

    def words(self, tolerance: float) -> str:
        """Return the verdict in a sentence."""
        one, form = self.whole, ".1%" if self.scored.kind == "probability" else ",.2f"
        told = f"{one.promised:{form}} promised, {one.came:{form}} came"
        missed = [group.name for group in self.deciles if group.is_missed(tolerance)]
        at = f"; off by more than {tolerance:.0%} in decile {', '.join(missed)}" if missed else ""
        return f"{self.word(tolerance)}: {told} of {one.n:,} customers{at}"

    def is_broken(self, tolerance: float) -> bool:
        """Say whether the whole, or the tenth that is acted on first, is off by more than what is tolerated."""
        first = self.deciles[:1]
        return self.whole.is_missed(tolerance) or any(group.is_missed(2 * tolerance) for group in first)


def promise_verdict(group: PromiseGroup, tolerance: float) -> Word:
    """Return whether a promise was kept, by the same rule as a training's report and its checks.

    It was not where it is off by more than what is tolerated with its whole interval. What is surely off, but not
    surely by more than that, cannot be told.
    """
    bias = _bias_percent(group)
    if promised(bias, 100 * tolerance)[0]:
        return "promised too much" if bias.value > 0 else "promised too little"
    is_telling = group.n >= FEWEST and group.came.high - group.came.low <= 2 * group.promised
    is_near = abs(bias.value) <= 100 * tolerance or not bias.excludes_zero
    return "kept" if is_telling and is_near else "can't be told"


def _bias_percent(group: PromiseGroup) -> Estimate:
    """Return by how much more was promised than came, in per cent of what came."""
    came = np.array([group.came.value, group.came.high, group.came.low])
    with np.errstate(divide="ignore", invalid="ignore"):
        return Estimate(*(100 * (group.promised / came - 1)).tolist())


def files_of_scores(places: Sequence[Path], tasks: Sequence[str] | None = None) -> list[ScoreFile]:
    """Return the files of scores in folders and one level below, by date; uplifts are not among them.

    What an uplift promised can be told from a held-out control alone: `penchant measure` says it by decile.
    """
    folders = sorted(
        {folder for place in places if place.is_dir() for folder in (place, *place.iterdir()) if folder.is_dir()}
    )
    found = [scored for folder in folders if not folder.name.startswith(".") for scored in _files_in(folder)]
    wanted = [one for one in found if tasks is None or one.task in tasks]
    return sorted(wanted, key=lambda one: (one.as_of, one.task, str(one.folder)))


def _files_in(folder: Path) -> list[ScoreFile]:
    told = read_manifest(folder)
    if told is None or told.get("step") != "score":
        return []
    return [
        ScoreFile(
            folder,
            name,
            str(facts["kind"]),
            str(facts["model"]),
            datetime.fromisoformat(told["as_of"]),
            int(facts.get("gap_days", 0)),
            int(facts["horizon_days"]),
        )
        for name, facts in told["tasks"].items()
        if facts["kind"] in KINDS and not name.startswith(f"{UPLIFT}.")
    ]


def promise_of(shop: Shop, scored: ScoreFile) -> Promise:
    """Return what a file of scores promised against what came; its horizon must be over.

    Raises
    ------
    UnfinishedHorizonError
        If it is not.
    """
    table = read_rows(scored.folder / f"{scored.task}.parquet")
    score = next(name for name in (RISK_SCORE, *SCORE.values()) if name in table.column_names)
    kept = [name for name in ("customer_id", score, "band") if name in table.column_names]
    frame = table.select(kept).to_pandas().rename(columns={score: "score"})
    frame["decile"] = decile_of(frame["score"].to_numpy(np.float64)).astype(int)
    task = task_of(shop.config, scored.task)
    labels = label(shop, task, scored.as_of, scored.gap_days, scored.horizon_days).frame
    rows = frame.merge(labels[["customer_id", "label"]], on="customer_id", how="inner")
    bands = list(rows["band"].unique()) if "band" in rows else []
    return Promise(
        scored,
        _group("all", rows, scored.kind, 1),
        tuple(_group(str(d), rows[rows["decile"] == d], scored.kind, 10) for d in sorted(rows["decile"].unique())),
        tuple(_group(str(name), rows[rows["band"] == name], scored.kind, len(bands)) for name in bands),
    )


def _group(name: str, rows: pd.DataFrame, kind: str, n_together: int) -> PromiseGroup:
    came = rows["label"].to_numpy(np.float64)
    if kind == "probability":
        found = wilson(int(came.sum()), len(came), normal_quantile(n_together=n_together))
    else:
        found = mean_of(came, LEVEL ** (1 / max(n_together, 1)))
    return PromiseGroup(name, len(rows), float(rows["score"].mean()) if len(rows) else float("nan"), found)
