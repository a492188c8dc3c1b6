"""The customers on whom two models disagree most, and what each model goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ...features.signals.group import Column
from ...models.explain.reasons import reasons
from ...models.inputs.arrays import Floats
from ...models.store.artifact import load
from ..dataset import Dataset

MOST_APART = 15
N_REASONS = 2


@dataclass(frozen=True)
class Disagreement:
    """One customer whom two models rank apart.

    Parameters
    ----------
    row
        Position among the test's rows.
    percentiles
        Where each model puts the customer; 100: the highest score.
    reasons
        What raised the score most, of each model, in words.
    """

    row: int
    percentiles: tuple[float, float]
    reasons: tuple[str, str]


def disagreements(
    scores: Mapping[str, Floats], folders: Mapping[str, Path], ranked: Sequence[str], test: Dataset
) -> tuple[tuple[str, ...], tuple[Disagreement, ...]]:
    """Return the names of the two best versions, and the customers whom they rank most differently.

    Parameters
    ----------
    scores
        By name, what was predicted for the test's rows.
    folders
        By name, the files of the model that was judged.
    ranked
        All names, the best first.
    test
        The test's rows.
    """
    names = tuple(name for name in ranked if name in folders)[:2]
    if len(names) < 2:
        return names, ()
    percent = [100 * (rankdata(scores[name]) - 0.5) / len(test) for name in names]
    order = np.argsort(-np.abs(percent[0] - percent[1]), kind="stable")[:MOST_APART]
    chosen = np.zeros(len(test), dtype=bool)
    chosen[order] = True
    rows = test.where(chosen)
    place = {int(row): at for at, row in enumerate(np.flatnonzero(chosen))}
    told = [_reasons(folders[name], rows) for name in names]
    found = [
        Disagreement(
            int(row),
            (float(percent[0][row]), float(percent[1][row])),
            (told[0][place[int(row)]], told[1][place[int(row)]]),
        )
        for row in order
    ]
    return names, tuple(found)


def _reasons(folder: Path, rows: Dataset) -> list[str]:
    """Return for each row what raised a model's score most, in words."""
    model: Any = load(folder)
    names = list(model.columns_.names)
    describe = {column.name: _teller(column) for column in rows.columns}
    families = [name.split("_")[0] for name in names]
    return ["; ".join(told) for told in reasons(model, rows.features[names], describe, N_REASONS, families)]


def _teller(column: Column) -> Any:
    return lambda value, is_high: column.told(value, is_high=is_high)
